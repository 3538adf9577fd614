//! The ends of a connection, as the kernel knows them.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;

/// Asks the kernel for the address and port at the far end of a TCP connection; `None` if the descriptor names none.
///
/// The descriptor belongs to a socket of libzmq, which may close it at any moment. The caller compares the address with
/// the one that libzmq noted when the connection was made.
pub fn tcp_peer(fd: RawFd) -> Option<SocketAddr> {
    tcp_end(fd, libc::getpeername)
}

/// Asks the kernel for the address and port at the near end, as [`tcp_peer`] for those at the far end.
pub fn tcp_own(fd: RawFd) -> Option<SocketAddr> {
    tcp_end(fd, libc::getsockname)
}

fn tcp_end(
    fd: RawFd,
    ask: unsafe extern "C" fn(c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> c_int,
) -> Option<SocketAddr> {
    let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut size = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: pointer and size are those of `storage`, and the kernel writes no more than that. A descriptor that is
    // not open, or no socket, gives an error.
    let rc = unsafe { ask(fd, storage.as_mut_ptr().cast(), &raw mut size) };
    if rc != 0 {
        return None;
    }
    let name = storage.as_ptr();
    // SAFETY: integers only, for which all bytes are valid, and all are initialized with zeros; the structures of both
    // families lie within the storage and are aligned less strictly.
    unsafe {
        match i32::from((*name).ss_family) {
            libc::AF_INET => {
                let name = &*name.cast::<libc::sockaddr_in>();
                let address = Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr));
                Some((address, u16::from_be(name.sin_port)).into())
            }
            libc::AF_INET6 => {
                let name = &*name.cast::<libc::sockaddr_in6>();
                let address = Ipv6Addr::from(name.sin6_addr.s6_addr).to_canonical();
                Some((address, u16::from_be(name.sin6_port)).into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_far_end_of_a_tcp_connection_has_an_address_and_a_port() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (far, _) = listener.accept().unwrap();
            assert_eq!(tcp_peer(far.as_raw_fd()), Some(near.local_addr().unwrap()));
            assert_eq!(tcp_own(near.as_raw_fd()), Some(near.local_addr().unwrap()));
        }
    }

    #[test]
    fn other_descriptors_have_none() {
        let (unix, _other) = UnixStream::pair().unwrap();
        assert_eq!([-1, unix.as_raw_fd(), 100_000].map(tcp_peer), [None; 3]);
    }
}
