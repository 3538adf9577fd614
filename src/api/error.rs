//! Errors of calls.

use std::{fmt, io};

use crate::actor::{CallError, Failure};
use crate::engine::raw;

/// Error of a call: a [kind](Error::kind) for programs, and a reason for people ([`Display`](fmt::Display)).
///
/// ```
/// # fn main() -> Result<(), zgossip::Error> {
/// let node = zgossip::Node::new("example")?;
/// let error = node.publish("", "value").unwrap_err();
/// assert_eq!(error.kind(), zgossip::ErrorKind::InvalidInput);
/// assert_eq!(error.to_string(), "key is empty");
/// # Ok(())
/// # }
/// ```
///
/// The C interface has the same errors: `zgossip_strerror` gives the reason, errno is the
/// [number](Error::raw_os_error).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    errno: i32,
    reason: String,
}

/// Kind of an [`Error`], with the error numbers that it stands for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Call that timed out (`EAGAIN`).
    TimedOut,
    /// Call that was waiting when a signal handler ran (`EINTR`).
    Interrupted,
    /// Node that has ended, or belongs to the parent of this process (`EPIPE`), or whose libzmq context was terminated
    /// (`ETERM`).
    Closed,
    /// Argument that makes no sense (`EINVAL`).
    InvalidInput,
    /// Value or frame that is too long (`EMSGSIZE`).
    TooLarge,
    /// Limit of the node that is reached (`ENOBUFS`).
    LimitReached,
    /// Endpoint, file or key that does not exist (`ENOENT`).
    NotFound,
    /// File that exists and must not be overwritten (`EEXIST`).
    AlreadyExists,
    /// Endpoint to which another socket is bound, or a second [`Auth`](crate::Auth) (`EADDRINUSE`).
    AddressInUse,
    /// Endpoint whose address does not belong to this machine (`EADDRNOTAVAIL`).
    AddressNotAvailable,
    /// Keys that cannot be used, or a file that must not be opened (`EACCES`, `EPERM`).
    PermissionDenied,
    /// Call in a log closure for which the node's thread would wait for itself (`EDEADLK`).
    OwnThread,
    /// CURVE, or a transport, that this libzmq does not have (`ENOTSUP`, `EPROTONOSUPPORT`).
    Unsupported,
    /// Any other error: see [`Error::raw_os_error`].
    Other,
}

impl Error {
    pub(super) fn invalid(reason: impl fmt::Display) -> Error {
        Error { errno: libc::EINVAL, reason: reason.to_string() }
    }

    pub(super) fn unsupported(reason: impl fmt::Display) -> Error {
        Error { errno: libc::ENOTSUP, reason: reason.to_string() }
    }

    /// Returns whether a timeout passed: calls with a timeout return `None` then.
    pub(super) fn is_timeout(&self) -> bool {
        self.errno == libc::EAGAIN
    }

    /// Kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match self.errno {
            libc::EAGAIN => ErrorKind::TimedOut,
            libc::EINTR => ErrorKind::Interrupted,
            libc::EPIPE | zmq_sys::errno::ETERM => ErrorKind::Closed,
            libc::EINVAL => ErrorKind::InvalidInput,
            libc::EMSGSIZE => ErrorKind::TooLarge,
            libc::ENOBUFS => ErrorKind::LimitReached,
            libc::ENOENT => ErrorKind::NotFound,
            libc::EEXIST => ErrorKind::AlreadyExists,
            libc::EADDRINUSE => ErrorKind::AddressInUse,
            libc::EADDRNOTAVAIL => ErrorKind::AddressNotAvailable,
            libc::EACCES | libc::EPERM => ErrorKind::PermissionDenied,
            libc::EDEADLK => ErrorKind::OwnThread,
            libc::ENOTSUP | libc::EPROTONOSUPPORT => ErrorKind::Unsupported,
            _ => ErrorKind::Other,
        }
    }

    /// Error number: one of the system's, or of libzmq's own, which are above 156 384 000.
    pub fn raw_os_error(&self) -> i32 {
        self.errno
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Error {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error { errno: failure.errno, reason: failure.reason }
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Error {
        Failure::from(error).into()
    }
}

impl From<raw::Error> for Error {
    fn from(error: raw::Error) -> Error {
        Error { errno: error.errno(), reason: error.to_string() }
    }
}

/// Converts an error of the system, of threads, descriptors or files.
pub(super) fn from_io(error: &io::Error) -> Error {
    let text = error.to_string();
    // Rust adds the number, which raw_os_error() returns.
    let reason = text.split_once(" (os error ").map_or(&*text, |(reason, _)| reason).to_owned();
    Error { errno: error.raw_os_error().unwrap_or(libc::EIO), reason }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::new(io::Error::from_raw_os_error(error.errno).kind(), error)
    }
}
