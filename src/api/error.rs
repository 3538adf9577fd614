//! Why a call failed.

use std::{fmt, io};

use crate::actor::{CallError, Failure};
use crate::engine::raw;

/// Error of a call: its [kind](Error::kind), and by [`Display`](fmt::Display) the reason, for people.
///
/// The reason is the one that `zgossip_strerror` gives in C, the [errno](Error::raw_os_error) the one that C finds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    errno: i32,
    reason: String,
}

/// Kind of an [`Error`], as far as programs tell them apart.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call did not come about in the time given for it (`EAGAIN`).
    TimedOut,
    /// A signal handler ran while the call waited (`EINTR`).
    Interrupted,
    /// The node has ended, or belongs to the process that this one was forked from (`EPIPE`).
    Closed,
    /// An argument cannot be what it is meant to be (`EINVAL`).
    InvalidInput,
    /// A value or frame is too long (`EMSGSIZE`).
    TooLarge,
    /// A limit of the node is reached (`ENOBUFS`).
    LimitReached,
    /// There is no such endpoint, file or key (`ENOENT`).
    NotFound,
    /// A file is there already and must not be overwritten (`EEXIST`).
    AlreadyExists,
    /// Another socket is bound to the endpoint, or another [`Auth`](crate::Auth) answers (`EADDRINUSE`).
    AddressInUse,
    /// The endpoint's address is none of this machine (`EADDRNOTAVAIL`).
    AddressNotAvailable,
    /// Keys cannot be used, or a file must not be opened (`EACCES`, `EPERM`).
    PermissionDenied,
    /// The node's own thread, in a log closure, would wait for itself (`EDEADLK`).
    OwnThread,
    /// This libzmq has no CURVE, or no such transport (`ENOTSUP`, `EPROTONOSUPPORT`).
    Unsupported,
    /// Anything else, see [`Error::raw_os_error`].
    Other,
}

impl Error {
    pub(super) fn invalid(reason: impl fmt::Display) -> Error {
        Error { errno: libc::EINVAL, reason: reason.to_string() }
    }

    pub(super) fn unsupported(reason: impl fmt::Display) -> Error {
        Error { errno: libc::ENOTSUP, reason: reason.to_string() }
    }

    /// The call waits in vain, and whoever asked can tell by the result.
    pub(super) fn is_timeout(&self) -> bool {
        self.errno == libc::EAGAIN
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match self.errno {
            libc::EAGAIN => ErrorKind::TimedOut,
            libc::EINTR => ErrorKind::Interrupted,
            libc::EPIPE => ErrorKind::Closed,
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

    /// The error number: one of the system's, or of libzmq's own above 156 384 000.
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

/// Errors of the system: of threads, descriptors and files.
pub(super) fn from_io(error: &io::Error) -> Error {
    let text = error.to_string();
    // Rust adds the number, which the kind tells.
    let reason = text.split_once(" (os error ").map_or(&*text, |(reason, _)| reason).to_owned();
    Error { errno: error.raw_os_error().unwrap_or(libc::EIO), reason }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::new(io::Error::from_raw_os_error(error.errno).kind(), error)
    }
}
