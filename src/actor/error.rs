//! Errors of calls on a node.

use std::fmt;

/// libzmq's number for the end of a context, on all systems: `ZMQ_HAUSNUMERO` and 53.
const ETERM: i32 = 156_384_765;

/// A call on a node that failed without reaching it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallError {
    /// The call's time-out has passed (EAGAIN).
    TimedOut,
    /// A signal came (EINTR).
    Interrupted,
    /// The node has ended (EPIPE).
    Closed,
    /// The node has ended because its libzmq context was terminated (ETERM).
    Terminated,
    /// The command has no frames (EINVAL).
    NoFrames,
    /// A frame has 4 GiB or more (EMSGSIZE).
    TooLarge,
    /// The node's own thread would wait for itself (EDEADLK).
    OwnThread,
}

impl CallError {
    /// The errno of the error.
    pub fn errno(self) -> i32 {
        match self {
            CallError::TimedOut => libc::EAGAIN,
            CallError::Interrupted => libc::EINTR,
            CallError::Closed => libc::EPIPE,
            CallError::Terminated => ETERM,
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
            CallError::Terminated => "the node has ended, for its libzmq context was terminated",
            CallError::NoFrames => "a command has at least one frame",
            CallError::TooLarge => "frame is too long",
            CallError::OwnThread => "the node's own thread cannot wait for the node",
        })
    }
}

impl std::error::Error for CallError {}

/// A typed call that the node has refused; nothing was changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The errno that is nearest to the reason.
    pub errno: i32,
    /// The failure's reason, for people.
    pub reason: String,
}

impl Failure {
    /// A failure with this errno.
    pub fn new(errno: i32, reason: impl fmt::Display) -> Failure {
        Failure { errno, reason: reason.to_string() }
    }

    /// An invalid argument (EINVAL).
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
