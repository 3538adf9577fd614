//! Events of a node, and the iterator over them.

use crate::actor::{Changed, Message};
use crate::core::{Tuple, Version};

use super::{Error, ErrorKind, Node};

/// Event of a node, from [`Node::recv`] and its like.
///
/// Only [`Deliver`](Event::Deliver), [`Reply`](Event::Reply) and, after [`Node::watch`], [`Synced`](Event::Synced) come by
/// default; [`Builder::events`](crate::Builder::events) or [`Node::set_events`] turns on the others. While a program does not
/// receive, one event waits for each key, the newest.
///
/// ```
/// # fn main() -> Result<(), zgossip::Error> {
/// use zgossip::{Event, Node};
///
/// let node = Node::builder().events(true).start()?;
/// node.publish("color", "red")?;
/// # node.retract("nothing")?; // waits for the node
/// # node.close();
/// for event in &node {
///     match event {
///         Event::Deliver(tuple) => println!("{tuple:?}"),
///         Event::Retract { key, .. } | Event::Expire { key, .. } => println!("{} is gone", key.escape_ascii()),
///         Event::Unreachable { endpoint, reason, .. } => eprintln!("{endpoint}: {reason}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// New value of a key, published by this node or another.
    Deliver(Tuple),
    /// In place of [`Deliver`](Event::Deliver), [`Retract`](Event::Retract) and [`Expire`](Event::Expire): the same with
    /// what changed, after [`Node::set_changes`].
    Changed(Change),
    /// Removal of a key from the network.
    #[non_exhaustive]
    Retract {
        /// The key.
        key: Vec<u8>,
    },
    /// End of a key's time to live.
    #[non_exhaustive]
    Expire {
        /// The key.
        key: Vec<u8>,
    },
    /// Peer that has connected.
    #[non_exhaustive]
    Join {
        /// The endpoint that this node connects to, or that of a client: `tcp://ADDRESS:PORT`, `ipc://PATH#PROCESS`,
        /// `inproc://NAME#ID`.
        endpoint: String,
        /// The name of the peer's node, with control characters escaped, if it has one and uses this library.
        name: Option<String>,
        /// The id of the peer's node, if it uses this library.
        id: Option<u64>,
    },
    /// Peer that is gone.
    #[non_exhaustive]
    Leave {
        /// The endpoint, as in [`Join`](Event::Join).
        endpoint: String,
        /// The name, as in [`Join`](Event::Join).
        name: Option<String>,
        /// The id, as in [`Join`](Event::Join).
        id: Option<u64>,
    },
    /// Member of the network that is there from now on: see [`Node::members`]. It comes while `server/events` is 3.
    #[non_exhaustive]
    Member {
        /// The id of the node.
        id: u64,
        /// The name of the node, with control characters escaped, if it has one.
        name: Option<String>,
    },
    /// Member of the network that is gone, and with it what it has announced. It comes while `server/events` is 3.
    #[non_exhaustive]
    Gone {
        /// The id of the node.
        id: u64,
        /// The name of the node, as in [`Member`](Event::Member).
        name: Option<String>,
        /// Whether it has said that it ends; otherwise it is missed.
        has_left: bool,
    },
    /// Peer that cannot be reached: after 3 seconds without a connection, and rarely again.
    #[non_exhaustive]
    Unreachable {
        /// The endpoint that this node connects to.
        endpoint: String,
        /// The reason, as far as it is known.
        reason: String,
    },
    /// Command that was refused after its call had returned: a [`publish`](Node::publish) for which the node has no
    /// room, for example.
    #[non_exhaustive]
    Refused {
        /// The command's name, such as `PUBLISH`.
        command: String,
        /// The reason.
        reason: String,
    },
    /// Prefix that is watched, of which all was delivered that is there so far: see [`Node::watch`].
    #[non_exhaustive]
    Synced {
        /// The prefix.
        prefix: Vec<u8>,
    },
    /// Reply to a command that was sent with [`Node::send`].
    #[non_exhaustive]
    Reply {
        /// The reply's frames; the first one names it.
        frames: Vec<Vec<u8>>,
    },
}

/// Change of a key, from [`Event::Changed`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// The key.
    pub key: Vec<u8>,
    /// The value that it has now; `None` if it was removed, or its time to live is over.
    pub value: Option<Vec<u8>>,
    /// Whether its time to live is over.
    pub is_expired: bool,
    /// The value that it had before, by the events that were received; `None` if it had none.
    pub before: Option<Vec<u8>>,
    /// The id of the node that wrote this; `None` if it is not known, as of a value that comes from a node of CZMQ.
    pub writer: Option<u64>,
    /// The name of that node, with control characters escaped, if it has one and is this node or a peer.
    pub writer_name: Option<String>,
    /// The version of the write; of a tuple that expired, its own.
    pub version: Version,
}

impl Change {
    fn new(changed: &Changed) -> Change {
        let tuple = changed.tuple();
        Change {
            key: tuple.key().to_vec(),
            value: (!changed.is_removal()).then(|| tuple.value().to_vec()),
            is_expired: changed.name() == "EXPIRE",
            before: changed.before().map(<[u8]>::to_vec),
            writer: changed.writer(),
            writer_name: Some(changed.writer_name().to_owned()).filter(|name| !name.is_empty()),
            version: changed.version(),
        }
    }
}

impl From<Message> for Event {
    fn from(message: Message) -> Event {
        let text = |index: usize| match index < message.frame_count() {
            true => String::from_utf8_lossy(message.frame(index)).into_owned(),
            false => String::new(),
        };
        let name = || Some(text(2)).filter(|name| !name.is_empty());
        let id = || u64::from_str_radix(&text(3), 16).ok();
        let member_id = || u64::from_str_radix(&text(1), 16).unwrap_or_default();
        match message {
            Message::Deliver(tuple) => return Event::Deliver(tuple),
            Message::Changed(changed) => return Event::Changed(Change::new(&changed)),
            Message::Retract(tuple) => return Event::Retract { key: tuple.key().to_vec() },
            Message::Expire(tuple) => return Event::Expire { key: tuple.key().to_vec() },
            _ => {}
        }
        match message.frame(0) {
            b"JOIN" => Event::Join { endpoint: text(1), name: name(), id: id() },
            b"LEAVE" => Event::Leave { endpoint: text(1), name: name(), id: id() },
            b"MEMBER" => Event::Member { id: member_id(), name: name() },
            b"GONE" => Event::Gone { id: member_id(), name: name(), has_left: text(3) == "left" },
            b"UNREACHABLE" => Event::Unreachable { endpoint: text(1), reason: text(2) },
            b"SYNCED" => Event::Synced { prefix: message.frame(1).to_vec() },
            b"ERROR" => Event::Refused { command: text(1), reason: text(2) },
            _ => Event::Reply { frames: message.frames().map(<[u8]>::to_vec).collect() },
        }
    }
}

/// Iterator over a node's events, from [`Node::events`]: it waits for each, and ends when the node has.
#[derive(Debug)]
pub struct Events<'a>(pub(super) &'a Node);

impl Iterator for Events<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            match self.0.recv() {
                Ok(event) => return Some(event),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
}

impl<'a> IntoIterator for &'a Node {
    type Item = Event;
    type IntoIter = Events<'a>;

    fn into_iter(self) -> Events<'a> {
        self.events()
    }
}

/// Value of `server/events` that turns events on or off, with all that [`Event`] shows.
pub(super) fn events_level(on: bool) -> &'static str {
    if on { "2" } else { "0" }
}

/// Turns the error of a timeout into `None`.
pub(super) fn in_time(received: Result<Event, Error>) -> Result<Option<Event>, Error> {
    match received {
        Ok(event) => Ok(Some(event)),
        Err(error) if error.is_timeout() => Ok(None),
        Err(error) => Err(error),
    }
}
