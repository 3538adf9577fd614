//! Events for a node's owner, and lines for its log.

use crate::core::id::LinkId;
use crate::core::tuple::Tuple;
use crate::core::version::Version;
use crate::warning::{Kind, Value};

/// A warning, or the notice that one is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The kind, which has the text.
    pub kind: Kind,
    /// Whether what was warned of is over.
    pub is_over: bool,
    /// The link that is `peer` in the text. It may be closed by now.
    pub peer: Option<LinkId>,
    /// What that peer has said of itself.
    pub identity: Option<Box<Identity>>,
    /// The link that is `other` in the text.
    pub other: Option<LinkId>,
    /// What stands in the other places of the text.
    pub values: Vec<Value>,
}

/// What an extended peer has said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id of its node.
    pub id: u64,
    /// The name of its node, 1 to 64 bytes in any encoding, if it has one.
    pub name: Option<Box<[u8]>>,
}

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The key has a new value.
    Deliver,
    /// The key has a value for the first time since the node was made.
    First,
    /// The key was retracted.
    Retract,
    /// The time to live of the key's tuple is over.
    Expire,
}

/// A change of a key, for an owner who wants to know more of it than the tuple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The tuple; of one that is gone, the last.
    pub tuple: Tuple,
    /// The tuple that the key had before, if it had a value.
    pub before: Option<Tuple>,
    /// Id of the node that wrote this; `None` where a plain peer brought it, which says nothing about the writer.
    pub writer: Option<u64>,
    /// Name of the writer, if that is this node or a direct peer, and has one.
    pub name: Option<Box<[u8]>>,
    /// The version of the write; of a tuple that expired, its own.
    pub version: Version,
}

/// What became of a member of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// It is there.
    Here,
    /// It has said that it ends.
    Left,
    /// It is missed: its neighbours have lost it, or nothing was heard of it for as long as it had promised.
    Lost,
}

/// A member of the network that is there from now on, or is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberChange {
    /// Id of the node.
    pub id: u64,
    /// Name of the node, in any encoding; empty for none.
    pub name: Box<[u8]>,
    /// What became of it.
    pub state: MemberState,
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
    /// One of the four above, for an owner who wants to know more of each.
    Changed(Box<Change>),
    /// A session with a peer began. Holds who the peer is, if it has said so.
    Join(LinkId, Option<Box<Identity>>),
    /// A session with a peer ended. Holds who the peer is, if it has said so.
    Leave(LinkId, Option<Box<Identity>>),
    /// A member of the network is there, or is gone.
    Member(Box<MemberChange>),
    /// The server at the far end of this link has the node's own id: it is this node, or a clone of it.
    OwnId(LinkId),
    /// The servers at the far ends of these links, of which the first was reached just now, are one peer.
    SamePeer(LinkId, LinkId),
    /// A warning for the log.
    Warning(Box<Warning>),
    /// A line for the log of a verbose node: a message was received.
    Debug(String),
}
