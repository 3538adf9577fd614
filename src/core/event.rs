//! Events for a node's owner, and lines for its log.

use crate::core::id::LinkId;
use crate::core::tuple::Tuple;

/// How much a report matters.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something was refused or lost.
    Warning,
    /// Every message, when `verbose`.
    Debug,
}

/// What the owner is to be told, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A key has a new value.
    Deliver(Tuple),
    /// The same, of a key of which nothing was told before.
    First(Tuple),
    /// A key was retracted, here or elsewhere; the tuple is the one that it had.
    Retract(Tuple),
    /// A key's time to live ran out.
    Expire(Tuple),
    /// A link's conversation was established.
    Join(LinkId),
    /// It ended.
    Leave(LinkId),
    /// For the log; repeated causes are counted, not repeated.
    Log(Severity, String),
}
