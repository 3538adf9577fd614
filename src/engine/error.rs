//! Reasons for which the engine refuses a command.

use std::{fmt, io};

use super::raw;

/// The reason why a BIND, CONNECT, RECORD or store was refused: a text for the log, and an errno for programs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    errno: i32,
    reason: String,
}

impl Error {
    /// An error about an argument that is not valid.
    pub(super) fn invalid(reason: impl Into<String>) -> Error {
        Error { errno: libc::EINVAL, reason: reason.into() }
    }

    /// An error about security that was asked for and cannot be had; nothing was bound or connected.
    pub fn insecure(reason: impl Into<String>) -> Error {
        Error { errno: libc::EACCES, reason: reason.into() }
    }

    /// An error with this errno.
    pub(super) fn with(errno: i32, reason: impl Into<String>) -> Error {
        Error { errno, reason: reason.into() }
    }

    /// An error about something that is not there.
    pub(super) fn not_found(reason: impl Into<String>) -> Error {
        Error { errno: libc::ENOENT, reason: reason.into() }
    }

    /// An error of the system while `doing` something with a file.
    pub(super) fn io(doing: impl fmt::Display, error: &io::Error) -> Error {
        let text = error.to_string();
        let reason = text.split_once(" (os error ").map_or(&*text, |(reason, _)| reason);
        Error { errno: error.raw_os_error().unwrap_or(libc::EIO), reason: format!("{doing} ({reason})") }
    }

    /// Replaces the reason by a more precise one; the errno stays.
    pub(super) fn because(self, reason: impl Into<String>) -> Error {
        Error { reason: reason.into(), ..self }
    }

    /// The errno that describes the error best.
    pub fn errno(&self) -> i32 {
        self.errno
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Error {}

impl From<raw::Error> for Error {
    fn from(error: raw::Error) -> Error {
        Error { errno: error.errno(), reason: error.to_string() }
    }
}

impl From<zmq::Error> for Error {
    fn from(error: zmq::Error) -> Error {
        raw::Error::from(error).into()
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::new(io::Error::from_raw_os_error(error.errno).kind(), error)
    }
}
