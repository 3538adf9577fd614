//! What a node tells its program.

use crate::actor::Message;
use crate::core::Tuple;

use super::{Error, ErrorKind, Node};

/// Event that a node tells its program of.
///
/// [`Deliver`](Event::Deliver) always comes; the others only after [`Builder::events`](crate::Builder::events) or
/// [`Node::set_events`]. While a program does not read, at most one event of each key waits, the newest.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A key has a new value, which this node or another one has published.
    Deliver(Tuple),
    /// A key was withdrawn from the network.
    #[non_exhaustive]
    Retract {
        /// The key.
        key: Vec<u8>,
    },
    /// A key's time to live ran out.
    #[non_exhaustive]
    Expire {
        /// The key.
        key: Vec<u8>,
    },
    /// A peer has come.
    #[non_exhaustive]
    Join {
        /// The endpoint that this node connected to, or the address of a client.
        endpoint: String,
    },
    /// A peer has gone.
    #[non_exhaustive]
    Leave {
        /// As for [`Join`](Event::Join).
        endpoint: String,
    },
    /// There is no connection to a peer; told after three seconds, and rarely again.
    #[non_exhaustive]
    Unreachable {
        /// The endpoint that this node is to connect to.
        endpoint: String,
        /// Why, as far as is known.
        reason: String,
    },
    /// A command was refused, or failed after its call had returned: a [`publish`](Node::publish) for which the
    /// node has no room, for example.
    #[non_exhaustive]
    Refused {
        /// The command's name, such as `PUBLISH`.
        command: String,
        /// Why.
        reason: String,
    },
    /// The reply to a command that was given with [`Node::send`].
    #[non_exhaustive]
    Reply {
        /// Its frames; the first one names it.
        frames: Vec<Vec<u8>>,
    },
}

impl From<Message> for Event {
    fn from(message: Message) -> Event {
        let text = |index: usize| match index < message.frame_count() {
            true => String::from_utf8_lossy(message.frame(index)).into_owned(),
            false => String::new(),
        };
        match message {
            Message::Deliver(tuple) => return Event::Deliver(tuple),
            Message::Retract(tuple) => return Event::Retract { key: tuple.key().to_vec() },
            Message::Expire(tuple) => return Event::Expire { key: tuple.key().to_vec() },
            _ => {}
        }
        match message.frame(0) {
            b"JOIN" => Event::Join { endpoint: text(1) },
            b"LEAVE" => Event::Leave { endpoint: text(1) },
            b"UNREACHABLE" => Event::Unreachable { endpoint: text(1), reason: text(2) },
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

/// Nothing instead of an error where no event came in time.
pub(super) fn in_time(received: Result<Event, Error>) -> Result<Option<Event>, Error> {
    match received {
        Ok(event) => Ok(Some(event)),
        Err(error) if error.is_timeout() => Ok(None),
        Err(error) => Err(error),
    }
}
