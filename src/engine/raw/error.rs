//! libzmq's errno as an error value.

use std::ffi::CStr;
use std::{fmt, io};

use super::descriptors::describe_limit;

/// Reason why a libzmq call failed: an errno of the system, or one of libzmq's own (`ETERM`, …).
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Error(i32);

impl Error {
    /// The descriptor limit of the process is reached.
    pub const TOO_MANY_FILES: Error = Error(libc::EMFILE);
    /// There is no memory.
    pub const NO_MEMORY: Error = Error(libc::ENOMEM);
    /// The argument is not valid.
    pub const INVALID: Error = Error(libc::EINVAL);
    /// `EAGAIN`: nothing to receive, or no room to send, at this moment.
    pub const AGAIN: Error = Error(libc::EAGAIN);

    /// The error that the calling thread's last libzmq call left behind.
    pub fn last() -> Error {
        // SAFETY: takes no arguments and only reads the calling thread's errno.
        Error(unsafe { zmq_sys::zmq_errno() })
    }

    /// The error with this number.
    pub fn from_errno(errno: i32) -> Error {
        Error(errno)
    }

    /// The errno.
    pub fn errno(self) -> i32 {
        self.0
    }

    /// Returns whether there was nothing to receive, or no room to send, at that moment.
    pub fn is_again(self) -> bool {
        self.0 == libc::EAGAIN
    }

    /// Returns whether a signal interrupted the call.
    pub fn is_interrupted(self) -> bool {
        self.0 == libc::EINTR
    }

    /// Returns whether a ROUTER knows no such peer, or no longer does.
    pub fn is_unreachable(self) -> bool {
        self.0 == libc::EHOSTUNREACH
    }

    /// Returns whether the socket was closed by somebody else.
    pub fn is_closed(self) -> bool {
        self.0 == libc::ENOTSOCK
    }

    /// Returns whether the context is being terminated: its owner wants every socket closed.
    pub fn is_terminated(self) -> bool {
        self.0 == zmq_sys::errno::ETERM
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == libc::EMFILE {
            return f.write_str(&describe_limit());
        }
        // SAFETY: libzmq returns a text for every number, zero-terminated and valid for the whole run (or, for a
        // system error, until the next call on this thread: it is copied here at once).
        let text = unsafe { CStr::from_ptr(zmq_sys::zmq_strerror(self.0)) };
        f.write_str(&text.to_string_lossy())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({self})", self.0)
    }
}

impl std::error::Error for Error {}

impl From<zmq::Error> for Error {
    fn from(error: zmq::Error) -> Error {
        Error(error.to_raw())
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        if error.is_terminated() { io::Error::other(error) } else { io::Error::from_raw_os_error(error.0) }
    }
}
