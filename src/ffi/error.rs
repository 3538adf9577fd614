//! Error numbers: what each error of the layers below is for C.
//!
//! [`entry!`](super::entry) stores the number in `errno`. A call that succeeds leaves `errno` as it was.

#![allow(unsafe_code)]

use std::io;

use libc::c_int;

use crate::actor::CallError;
use crate::engine::raw;

/// An error number of the C library or of libzmq.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Errno(pub(super) c_int);

impl Errno {
    /// `EINVAL`: a NULL, a wrong handle or a value out of range.
    pub(super) const INVALID: Errno = Errno(libc::EINVAL);
    /// `EPROTO`: what was received is not a message of the protocol.
    pub(super) const PROTOCOL: Errno = Errno(libc::EPROTO);
    /// `ENOTSUP`: CZMQ, or CURVE in libzmq, is needed and is not there.
    pub(super) const UNSUPPORTED: Errno = Errno(libc::ENOTSUP);
    /// `ENOTSOCK`: not a socket.
    pub(super) const NOT_A_SOCKET: Errno = Errno(libc::ENOTSOCK);
    /// `EPIPE`: the node has ended, or belongs to the process that this one was forked from.
    pub(super) const CLOSED: Errno = Errno(libc::EPIPE);
    /// `ENOMEM`: no memory.
    pub(super) const NO_MEMORY: Errno = Errno(libc::ENOMEM);

    /// Returns the error of the last call to the C library or to libzmq that failed in this thread.
    pub(super) fn last() -> Errno {
        // SAFETY: reads this thread's error number.
        Errno(unsafe { zmq_sys::zmq_errno() })
    }

    /// Stores the number in `errno`.
    pub(super) fn set(self) {
        // SAFETY: the location is this thread's own, and valid as long as the thread.
        unsafe { *libc::__errno_location() = self.0 };
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Errno {
        Errno(error.raw_os_error().unwrap_or(match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => libc::EAGAIN,
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => libc::EINVAL,
            io::ErrorKind::Interrupted => libc::EINTR,
            io::ErrorKind::BrokenPipe => libc::EPIPE,
            io::ErrorKind::OutOfMemory => libc::ENOMEM,
            io::ErrorKind::Unsupported => libc::ENOTSUP,
            _ => libc::EIO,
        }))
    }
}

impl From<CallError> for Errno {
    fn from(error: CallError) -> Errno {
        Errno(error.errno())
    }
}

impl From<raw::Error> for Errno {
    fn from(error: raw::Error) -> Errno {
        Errno(error.errno())
    }
}
