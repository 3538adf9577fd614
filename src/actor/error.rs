//! Errors of calls on a node.

use std::fmt;

/// Why a call on a node came to nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallError {
    /// The time allowed for the call is over (EAGAIN).
    TimedOut,
    /// A signal came (EINTR).
    Interrupted,
    /// The node has ended (EPIPE).
    Closed,
    /// A command has at least one frame (EINVAL).
    NoFrames,
    /// A frame is too long for any command (EMSGSIZE).
    TooLarge,
    /// The node's own thread would wait for itself (EDEADLK).
    OwnThread,
}

impl CallError {
    /// The errno that says it best.
    pub fn errno(self) -> i32 {
        match self {
            CallError::TimedOut => libc::EAGAIN,
            CallError::Interrupted => libc::EINTR,
            CallError::Closed => libc::EPIPE,
            CallError::NoFrames => libc::EINVAL,
            CallError::TooLarge => libc::EMSGSIZE,
            CallError::OwnThread => libc::EDEADLK,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CallError::TimedOut => "timed out",
            CallError::Interrupted => "interrupted by a signal",
            CallError::Closed => "the node has ended",
            CallError::NoFrames => "a command has at least one frame",
            CallError::TooLarge => "frame is too long",
            CallError::OwnThread => "the node's own thread cannot wait for the node",
        })
    }
}

impl std::error::Error for CallError {}

/// Why the node did not do what a typed call asked for; nothing was changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The errno that says it best.
    pub errno: i32,
    /// The same for a person who reads.
    pub reason: String,
}

impl Failure {
    /// A failure with this errno.
    pub fn new(errno: i32, reason: impl fmt::Display) -> Failure {
        Failure { errno, reason: reason.to_string() }
    }

    /// An argument that cannot be.
    pub fn invalid(reason: impl fmt::Display) -> Failure {
        Failure::new(libc::EINVAL, reason)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Failure {
        Failure::new(error.errno(), error)
    }
}

impl From<crate::engine::Error> for Failure {
    fn from(error: crate::engine::Error) -> Failure {
        Failure::new(error.errno(), error)
    }
}
