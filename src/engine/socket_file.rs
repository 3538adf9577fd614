//! Files of `ipc` listeners. A listener takes a path over only from one that is left over.
//!
//! libzmq deletes whatever is at the path before it binds, and whatever is there when it ends: a user's file, or the
//! socket of a living node, whose later peers then reach another. So the listening socket is made here and handed to
//! libzmq (`ZMQ_USE_FD`), which then leaves the path alone.

use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::path::{Path, PathBuf, absolute};

use rustix::fs::{FileType, Stat, lstat, unlink};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};

use super::Error;
use super::raw::{self, Socket};

/// Connections that may wait to be accepted, as in libzmq.
const BACKLOG: i32 = 100;
/// libzmq is to make its listening sockets itself.
const NO_FD: i32 = -1;

/// The file of a listening socket of this process. It is removed when it is dropped, unless the path leads to another
/// file by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    /// Listens at `path`, relative to the working directory or absolute, and has `socket` accept the connections.
    ///
    /// Fails with `EADDRINUSE` if somebody listens there, or something else than a socket is there, which stays as it
    /// is.
    pub(super) fn bind(socket: &Socket, path: &str) -> Result<SocketFile, Error> {
        let listener = listen_at(path).map_err(|errno| explain(errno, path))?;
        let stat = lstat(path).map_err(|errno| explain(errno, path))?;
        let place = absolute(path).unwrap_or_else(|_| path.into());
        let file = SocketFile { path: place, identity: identity(&stat) };
        socket.set_int(zmq_sys::ZMQ_USE_FD, listener.as_raw_fd())?;
        let bound = socket.bind(&format!("ipc://{path}"));
        socket.set_int(zmq_sys::ZMQ_USE_FD, NO_FD)?;
        bound?;
        let _ = listener.into_raw_fd(); // libzmq closes it
        Ok(file)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if lstat(&self.path).is_ok_and(|stat| identity(&stat) == self.identity) {
            let _ = unlink(&self.path);
        }
    }
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

fn stream() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

fn listen_at(path: &str) -> Result<OwnedFd, Errno> {
    let address = SocketAddrUnix::new(path)?;
    let listener = stream()?;
    if let Err(errno) = bind(&listener, &address) {
        if errno != Errno::ADDRINUSE || !is_left_over(path, &address)? {
            return Err(errno);
        }
        unlink(path)?;
        bind(&listener, &address)?;
    }
    listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// Returns whether a socket is at the path whose listener has gone.
fn is_left_over(path: &str, address: &SocketAddrUnix) -> Result<bool, Errno> {
    let is_socket = FileType::from_raw_mode(lstat(path)?.st_mode) == FileType::Socket;
    Ok(is_socket && connect(&stream()?, address) == Err(Errno::CONNREFUSED))
}

fn explain(errno: Errno, path: &str) -> Error {
    let error = Error::from(raw::Error::from_errno(errno.raw_os_error()));
    let kind = lstat(Path::new(path)).map(|stat| FileType::from_raw_mode(stat.st_mode));
    match (errno, kind) {
        (Errno::ADDRINUSE, Ok(FileType::Socket)) => error.because("another socket listens at this path"),
        (Errno::ADDRINUSE, Ok(_)) => error.because("the path holds a file that is no socket, and it is kept"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::raw::Context;
    use std::fs;
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

    fn scratch() -> PathBuf {
        let path = std::env::temp_dir().join(format!("zgossip-{:x}", fastrand::u64(..)));
        fs::create_dir(&path).unwrap();
        path
    }

    fn bind_at(socket: &Socket, path: &Path) -> Result<SocketFile, Error> {
        SocketFile::bind(socket, path.to_str().unwrap())
    }

    #[test]
    fn what_is_no_left_over_socket_is_kept() {
        let scratch = scratch();
        let socket = Socket::new(Context::global(), zmq::ROUTER).unwrap();
        let [file, link, living, datagram] =
            ["file", "link", "living", "datagram"].map(|name| scratch.join(name));
        fs::write(&file, "a user's").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let listener = UnixListener::bind(&living).unwrap();
        let other = UnixDatagram::bind(&datagram).unwrap();
        for path in [&file, &link, &living, &datagram] {
            let error = bind_at(&socket, path).expect_err("the path is taken");
            assert_eq!(error.errno(), libc::EADDRINUSE, "{path:?}: {error}");
        }
        assert_eq!(fs::read_to_string(&link).unwrap(), "a user's");
        assert!(
            UnixStream::connect(&living).is_ok()
                && UnixDatagram::unbound().unwrap().connect(&datagram).is_ok()
        );
        drop((listener, other));
        // Nobody listens there any more.
        let bound = bind_at(&socket, &living).unwrap();
        assert!(UnixStream::connect(&living).is_ok());
        drop(bound);
        assert!(!living.exists(), "who ends takes its file away");
        fs::remove_dir_all(scratch).unwrap();
    }

    #[test]
    fn who_ends_removes_only_what_is_its_own() {
        let scratch = scratch();
        let path = scratch.join("socket");
        let socket = Socket::new(Context::global(), zmq::ROUTER).unwrap();
        let bound = bind_at(&socket, &path).unwrap();
        // A CZMQ node deletes the file, and takes the path.
        fs::remove_file(&path).unwrap();
        let _thief = UnixListener::bind(&path).unwrap();
        drop((bound, socket));
        assert!(UnixStream::connect(&path).is_ok());
        fs::remove_dir_all(scratch).unwrap();
    }

    #[test]
    fn a_path_that_cannot_be_made_is_refused_with_the_reason() {
        let socket = Socket::new(Context::global(), zmq::ROUTER).unwrap();
        let errno = |path: &str| SocketFile::bind(&socket, path).expect_err("no such place").errno();
        assert_eq!(errno("/nonexistent/socket"), libc::ENOENT);
        assert_eq!(errno(&format!("/tmp/{}", "x".repeat(200))), libc::ENAMETOOLONG);
    }
}
