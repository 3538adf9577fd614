//! The kernel's view of a connection, and its end.
//!
//! The descriptor belongs to a socket of libzmq, whose monitor or message named it; the I/O thread may close it at any
//! moment, and the number may then name something else. So a connection is known by its number *and* its inode: two
//! sockets of one machine have the same inode only after billions of others. The descriptor is asked, or shut down,
//! and never closed. If a number is taken over within the microsecond between the look at the inode and the call that
//! follows, that call is about another socket; the monitor reports soon after that the connection meant is gone.

use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;

/// The kernel's `struct tcp_info`, as far as it is looked at. It only ever grows at its end.
#[repr(C)]
struct TcpInfo {
    state: u8,
    flags: [u8; 7],
    rto: u32,
    ato: u32,
    send_segment: u32,
    receive_segment: u32,
    unacked: u32,
    sacked: u32,
    lost: u32,
    retransmitted: u32,
    facked: u32,
    last_data_sent: u32,
    last_ack_sent: u32,
    last_data_received: u32,
    last_ack_received: u32,
    path: [u32; 11],
    pacing_rate: u64,
    max_pacing_rate: u64,
    bytes_acked: u64,
    bytes_received: u64,
    segments: [u32; 2],
    not_sent: u32,
}

// The offsets in the kernel's structure.
const _: () = assert!(std::mem::offset_of!(TcpInfo, bytes_acked) == 120);
const _: () = assert!(std::mem::offset_of!(TcpInfo, not_sent) == 144);

/// `TCP_ESTABLISHED`.
const ESTABLISHED: u8 = 1;

/// A connection over TCP, or between processes of this machine, that belongs to a socket of libzmq.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Connection {
    fd: RawFd,
    inode: u64,
}

/// The traffic of a connection up to the moment of asking.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Traffic {
    /// Milliseconds since data came last.
    pub quiet: u32,
    /// Bytes that the peer has acknowledged.
    pub acked: u64,
    /// Bytes that have come from the peer.
    pub received: u64,
    /// Whether bytes wait to be sent, or to be acknowledged.
    pub outstanding: bool,
}

impl Connection {
    /// Recognises the connection with this descriptor; `None` if it is no stream socket with another end.
    pub fn of(fd: RawFd) -> Option<Connection> {
        let connection = Connection { fd, inode: inode(fd)? };
        is_connected_stream(fd).then_some(connection)
    }

    /// Returns whether the descriptor still names this connection.
    pub fn is_open(&self) -> bool {
        inode(self.fd) == Some(self.inode)
    }

    /// Ends the connection: both ends see it close, libzmq's I/O thread first, which then reports and forgets it. What
    /// was received and not read stays readable. False if the connection is gone already.
    ///
    /// libzmq closes the descriptor itself, at once; where its queue of received messages is full, when there is room.
    pub fn end(&self) -> bool {
        // SAFETY: no pointers; a descriptor that is not open, or no socket, gives an error.
        self.is_open() && unsafe { libc::shutdown(self.fd, libc::SHUT_RDWR) } == 0
    }

    /// Lets the kernel keep no more than about this number of bytes that came and were not read.
    pub fn limit_unread(&self, bytes: libc::c_int) {
        if self.is_open() {
            let size = size_of_val(&bytes) as libc::socklen_t;
            // SAFETY: pointer and size are those of `bytes`. A descriptor that is not open, or no socket, gives an error.
            unsafe {
                libc::setsockopt(
                    self.fd,
                    libc::SOL_SOCKET,
                    libc::SO_RCVBUF,
                    ptr::from_ref(&bytes).cast(),
                    size,
                )
            };
        }
    }

    /// The connection's traffic; `None` if the connection is gone or not over TCP, or if the kernel does not count
    /// (before Linux 4.6).
    pub fn traffic(&self) -> Option<Traffic> {
        if !self.is_open() {
            return None;
        }
        let mut info = MaybeUninit::<TcpInfo>::zeroed();
        let mut size = size_of::<TcpInfo>() as libc::socklen_t;
        // SAFETY: pointer and size are those of `info`, and the kernel writes no more than that. A descriptor that is
        // not open, or no TCP socket, gives an error.
        let rc = unsafe {
            libc::getsockopt(
                self.fd,
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                info.as_mut_ptr().cast(),
                ptr::from_mut(&mut size),
            )
        };
        // SAFETY: integers only, for which all bytes are valid, and all are initialized with zeros.
        let info = unsafe { info.assume_init() };
        let known = std::mem::offset_of!(TcpInfo, not_sent) + size_of::<u32>();
        if rc != 0 || (size as usize) < known || info.state != ESTABLISHED {
            return None;
        }
        Some(Traffic {
            quiet: info.last_data_received,
            acked: info.bytes_acked,
            received: info.bytes_received,
            outstanding: info.unacked > 0 || info.not_sent > 0,
        })
    }
}

/// Returns whether the descriptor names a stream socket with another end: no listener, no datagrams.
fn is_connected_stream(fd: RawFd) -> bool {
    let mut kind: libc::c_int = 0;
    let mut size = size_of_val(&kind) as libc::socklen_t;
    // SAFETY: pointer and size are those of `kind`. A descriptor that is not open, or no socket, gives an error.
    let rc = unsafe {
        let value = ptr::from_mut(&mut kind).cast();
        libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_TYPE, value, &raw mut size)
    };
    let mut name = MaybeUninit::<libc::sockaddr_storage>::uninit();
    let mut size = size_of_val(&name) as libc::socklen_t;
    // SAFETY: pointer and size are those of `name`, which is not looked at. A socket without another end gives an error.
    rc == 0
        && kind == libc::SOCK_STREAM
        && unsafe { libc::getpeername(fd, name.as_mut_ptr().cast(), &raw mut size) } == 0
}

/// The inode of an open descriptor.
pub(super) fn inode(fd: RawFd) -> Option<u64> {
    let mut stat = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the pointer is valid for a `stat`; a descriptor that is not open gives an error.
    let rc = unsafe { libc::fstat(fd, stat.as_mut_ptr()) };
    // SAFETY: a plain structure of integers, all of them initialized.
    let stat = unsafe { stat.assume_init() };
    #[allow(clippy::unnecessary_cast)] // not everywhere as wide
    (rc == 0).then_some(stat.st_ino as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::{UnixDatagram, UnixStream};

    fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    #[test]
    fn what_passes_is_seen() {
        let (mut near, mut far) = connected();
        let connection = Connection::of(near.as_raw_fd()).unwrap();
        let begin = connection.traffic().unwrap();
        near.write_all(&[1; 1000]).unwrap();
        far.read_exact(&mut [0; 1000]).unwrap();
        far.write_all(&[1; 10]).unwrap();
        near.read_exact(&mut [0; 10]).unwrap();
        let end = connection.traffic().unwrap();
        assert_eq!((end.acked - begin.acked, end.received - begin.received), (1000, 10));
        assert!(!end.outstanding && end.quiet < 5000, "{end:?}");
        // Nobody reads this: more than both kernels keep.
        near.set_nonblocking(true).unwrap();
        while near.write(&[1; 100_000]).is_ok() {}
        assert!(connection.traffic().unwrap().outstanding);
    }

    #[test]
    fn the_kernel_keeps_as_little_as_it_is_told() {
        let (near, _far) = connected();
        let size = || rustix::net::sockopt::socket_recv_buffer_size(&near).unwrap();
        let before = size();
        Connection::of(near.as_raw_fd()).unwrap().limit_unread(8 << 10);
        assert!(before > 64 << 10 && size() <= 16 << 10, "{before}, {}: the kernel doubles it", size());
    }

    #[test]
    fn a_number_that_names_something_else_is_not_believed() {
        let (near, _far) = connected();
        let connection = Connection::of(near.as_raw_fd()).unwrap();
        let (other, _) = connected();
        let taken_over = Connection { fd: other.as_raw_fd(), ..connection };
        assert_eq!(taken_over.traffic(), None);
        let closed = Connection { fd: i32::MAX, ..connection };
        assert_eq!(closed.traffic(), None);
    }

    #[test]
    fn what_is_no_connection_is_not_recognised() {
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        let pair = UnixDatagram::pair().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        let others = [datagrams.as_raw_fd(), pair.0.as_raw_fd(), listener.as_raw_fd(), file.as_raw_fd()];
        for fd in others.into_iter().chain([-1, i32::MAX]) {
            assert_eq!(Connection::of(fd), None);
        }
    }

    #[test]
    fn a_connection_that_is_ended_closes_at_both_ends() {
        let (near, mut far) = connected();
        let (near_local, mut far_local) = UnixStream::pair().unwrap();
        assert_eq!(Connection::of(near_local.as_raw_fd()).unwrap().traffic(), None, "TCP counts alone");
        for fd in [near.as_raw_fd(), near_local.as_raw_fd()] {
            let connection = Connection::of(fd).unwrap();
            assert!(connection.end() && connection.is_open(), "shut down, and not closed");
        }
        assert_eq!(far.read(&mut [0; 10]).unwrap() + far_local.read(&mut [0; 10]).unwrap(), 0);
    }

    #[test]
    fn a_descriptor_that_names_something_else_is_left_alone() {
        let (near, _far) = connected();
        let connection = Connection::of(near.as_raw_fd()).unwrap();
        let (other, mut other_far) = connected();
        let taken_over = Connection { fd: other.as_raw_fd(), ..connection };
        assert!(!taken_over.end() && !Connection { fd: i32::MAX, ..connection }.end());
        (&other).write_all(b"x").unwrap();
        assert_eq!(other_far.read(&mut [0; 10]).unwrap(), 1);
    }
}
