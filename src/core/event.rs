//! Events for a node's owner, and lines for its log.

use crate::core::id::LinkId;
use crate::core::tuple::Tuple;

/// The severity of a log line.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Severity {
    /// A warning: something was refused or lost.
    Warning,
    /// A message was received; only when `verbose`.
    Debug,
}

/// What an extended peer has said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id of its node.
    pub id: u64,
    /// The name of its node, 1 to 64 bytes in any encoding, if it has one.
    pub name: Option<Box<[u8]>>,
}

/// An event for the owner of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A key has a new value.
    Deliver(Tuple),
    /// A key has a value for the first time since the node was made.
    First(Tuple),
    /// A key was retracted, here or elsewhere. Holds the tuple that it had.
    Retract(Tuple),
    /// A tuple's time to live is over. Holds that tuple.
    Expire(Tuple),
    /// A session with a peer began. Holds who the peer is, if it has said so.
    Join(LinkId, Option<Box<Identity>>),
    /// A session with a peer ended. Holds who the peer is, if it has said so.
    Leave(LinkId, Option<Box<Identity>>),
    /// The server at the far end of this link has the node's own id: it is this node, or a clone of it.
    OwnId(LinkId),
    /// The servers at the far ends of these links, of which the first was reached just now, are one peer.
    SamePeer(LinkId, LinkId),
    /// A line for the log. A cause that occurs often is counted, and not logged each time.
    Log(Severity, String),
}
