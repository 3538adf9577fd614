//! The listening sockets of libzmq, and the connections that they accept.
//!
//! As for [`Connection`](super::Connection), the descriptors belong to libzmq, and are known by their inodes.

use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::ptr;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};

use super::tcp::inode;
use super::tcp_own;

/// Returns whether a connection's own end is `endpoint`, as libzmq spells the endpoints that it listens at: so a
/// descriptor that has become something else of the process is not taken for a connection that was accepted there.
pub fn is_accepted_at(fd: RawFd, endpoint: &str) -> bool {
    if let Some(path) = endpoint.strip_prefix("ipc://") {
        return unix_own(fd).is_some_and(|own| own == path.as_bytes());
    }
    let listens = endpoint.strip_prefix("tcp://").and_then(|tcp| tcp.parse::<SocketAddr>().ok());
    let (Some(listens), Some(own)) = (listens, tcp_own(fd)) else { return false };
    let ip = listens.ip().to_canonical();
    own.port() == listens.port() && (ip.is_unspecified() || own.ip() == ip)
}

/// The path of the near end of a local socket. An abstract one begins with `@`, as in libzmq.
fn unix_own(fd: RawFd) -> Option<Vec<u8>> {
    let mut name = MaybeUninit::<libc::sockaddr_un>::zeroed();
    let mut size = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    // SAFETY: pointer and size are those of `name`, and the kernel writes no more than that. A descriptor that is not
    // open, or no socket, gives an error.
    let rc = unsafe { libc::getsockname(fd, name.as_mut_ptr().cast(), &raw mut size) };
    // SAFETY: integers only, for which all bytes are valid, and all are initialized with zeros.
    let name = unsafe { name.assume_init() };
    if rc != 0 || i32::from(name.sun_family) != libc::AF_UNIX {
        return None;
    }
    let length = (size as usize).saturating_sub(std::mem::offset_of!(libc::sockaddr_un, sun_path));
    let mut path: Vec<u8> = name.sun_path.iter().take(length).map(|&byte| byte as u8).collect();
    match path.first_mut() {
        Some(first @ 0) => *first = b'@',
        _ => path.truncate(path.iter().position(|&byte| byte == 0).unwrap_or(path.len())),
    }
    Some(path)
}

/// A listening socket that belongs to libzmq.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Listener {
    fd: RawFd,
    inode: u64,
}

/// The outcome of refusing a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// A connection was taken and closed.
    One,
    /// No connection waits.
    None,
    /// There was no descriptor to take one with.
    NoDescriptor,
}

impl Listener {
    /// Recognises the listening socket with this descriptor, and makes it non-blocking: libzmq would wait for the next
    /// connection if one that it was told of is taken here, and takes it well that there is none.
    pub fn of(fd: RawFd) -> Option<Listener> {
        let mut listens: libc::c_int = 0;
        let mut size = size_of_val(&listens) as libc::socklen_t;
        // SAFETY: pointer and size are those of `listens`. A descriptor that is not open, or no socket, gives an error.
        let rc = unsafe {
            let value = ptr::from_mut(&mut listens).cast();
            libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN, value, &raw mut size)
        };
        if rc != 0 || listens == 0 {
            return None;
        }
        let listener = Listener { fd, inode: inode(fd)? };
        // SAFETY: open a moment ago; if it was closed since, the calls fail.
        let socket = unsafe { BorrowedFd::borrow_raw(fd) };
        let flags = fcntl_getfl(socket).ok()?;
        fcntl_setfl(socket, flags | OFlags::NONBLOCK).ok()?;
        Some(listener)
    }

    /// The descriptor, for a poller; `None` if it names something else by now.
    pub fn fd(&self) -> Option<RawFd> {
        (inode(self.fd) == Some(self.inode)).then_some(self.fd)
    }

    /// Returns whether it listens to processes of this machine over IPC.
    pub fn is_local(&self) -> bool {
        unix_own(self.fd).is_some()
    }

    /// Sets how many connections may wait to be accepted; one may in any case.
    pub fn set_backlog(&self, count: i32) {
        // SAFETY: no pointers; open a moment ago. On a descriptor that does not listen by now the call fails, or at
        // worst changes the same number of another listener of the process.
        self.fd().map(|fd| unsafe { libc::listen(fd, count) });
    }

    /// Takes a connection that waits to be accepted, and closes it. libzmq may be quicker.
    pub fn refuse(&self) -> Refused {
        let Some(fd) = self.fd() else { return Refused::None };
        // SAFETY: open a moment ago; if it was closed since, the call fails, or finds something that does not listen.
        let listener = unsafe { BorrowedFd::borrow_raw(fd) };
        match accept_with(listener, SocketFlags::CLOEXEC) {
            Ok(_) | Err(Errno::CONNABORTED | Errno::INTR) => Refused::One,
            Err(Errno::MFILE | Errno::NFILE) => Refused::NoDescriptor,
            Err(_) => Refused::None,
        }
    }
}

/// A descriptor that is held so that one can be had when there are no others.
#[derive(Debug, Default)]
pub struct Spare(Option<OwnedFd>);

impl Spare {
    /// Takes a descriptor, unless one is held.
    pub fn hold(&mut self) -> bool {
        if self.0.is_none() {
            self.0 = eventfd(0, EventfdFlags::CLOEXEC).ok();
        }
        self.0.is_some()
    }

    /// Lets the descriptor go.
    pub fn release(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn an_accepted_connection_is_known_by_where_it_was_accepted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let near = TcpStream::connect(address).unwrap();
        let (far, _) = listener.accept().unwrap();
        let at = |fd: &dyn AsRawFd, endpoint: &str| is_accepted_at(fd.as_raw_fd(), endpoint);
        assert!(
            at(&far, &format!("tcp://{address}")) && at(&far, &format!("tcp://0.0.0.0:{}", address.port()))
        );
        assert!(
            !at(&near, &format!("tcp://{address}")) && !at(&far, "tcp://127.0.0.1:1") && !at(&far, "ipc://x")
        );
        let path = std::env::temp_dir().join(format!("zgossip-{:x}", fastrand::u64(..)));
        let listener = UnixListener::bind(&path).unwrap();
        let near = UnixStream::connect(&path).unwrap();
        let (far, _) = listener.accept().unwrap();
        let endpoint = format!("ipc://{}", path.display());
        std::fs::remove_file(&path).unwrap();
        assert!(at(&far, &endpoint) && !at(&near, &endpoint) && !at(&far, "ipc:///tmp/other"));
    }

    #[test]
    fn connections_that_wait_are_refused_and_what_does_not_listen_is_left_alone() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let listener = Listener::of(socket.as_raw_fd()).unwrap();
        let mut near = TcpStream::connect(socket.local_addr().unwrap()).unwrap();
        assert_eq!(Listener::of(near.as_raw_fd()), None);
        while listener.refuse() != Refused::One {}
        assert_eq!(near.read(&mut [0]).unwrap_or(0), 0, "closed");
        assert_eq!(listener.refuse(), Refused::None);
        let _waits = TcpStream::connect(socket.local_addr().unwrap()).unwrap();
        let taken_over = Listener { inode: listener.inode + 1, ..listener };
        assert_eq!((taken_over.refuse(), taken_over.fd()), (Refused::None, None));
    }
}
