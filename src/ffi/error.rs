//! How errors leave the library: as `errno`.
//!
//! Every failure inside is turned into an [`Errno`] once, here; [`entry!`](super::entry) stores it where C looks
//! for it. A call that succeeds leaves `errno` alone.

#![allow(unsafe_code)]

use std::io;

use libc::c_int;

use crate::actor::CallError;
use crate::engine::raw;

/// An error number of the C library or of libzmq.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Errno(pub(super) c_int);

impl Errno {
    /// A NULL, a wrong handle or a value out of range.
    pub(super) const INVALID: Errno = Errno(libc::EINVAL);
    /// What arrived is not a message of the protocol.
    pub(super) const PROTOCOL: Errno = Errno(libc::EPROTO);
    /// CZMQ is needed for this, and it is not in the process.
    pub(super) const UNSUPPORTED: Errno = Errno(libc::ENOTSUP);
    /// Not a socket.
    pub(super) const NOT_A_SOCKET: Errno = Errno(libc::ENOTSOCK);
    /// The node has ended, or belongs to the process that this one was forked from.
    pub(super) const CLOSED: Errno = Errno(libc::EPIPE);
    /// No memory.
    pub(super) const NO_MEMORY: Errno = Errno(libc::ENOMEM);

    /// The error of the call to the C library or to libzmq that just failed in this thread.
    pub(super) fn last() -> Errno {
        // SAFETY: reads this thread's error number.
        Errno(unsafe { zmq_sys::zmq_errno() })
    }

    /// Leave it in `errno`.
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
