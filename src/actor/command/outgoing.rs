//! The one way out to the owner: all that a node has for its owner becomes an [`Outgoing`].

use super::events::{self, Event};
use super::message::Message;
use crate::core::Tuple;
use crate::engine::OwnerEvent;

/// A message to the owner, or the withdrawal of one, with the facts by which the [`Inbox`](super::Inbox) queues it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outgoing {
    /// DELIVER, RETRACT or EXPIRE: at most one of them waits for each key.
    TupleEvent(Message),
    /// DELIVER of a key of which no event has been sent before.
    FirstDeliver(Message),
    /// The withdrawal of the event of a tuple that is gone; the owner does not want to hear of removals.
    Forget(Tuple),
    /// The reply to a command.
    Reply(Message),
    /// An event that is not about a tuple.
    Notice(Message),
}

impl Outgoing {
    /// The notice of this kind with these frames behind its name.
    pub fn notice<const N: usize>(kind: &Event, frames: [&[u8]; N]) -> Outgoing {
        Outgoing::Notice(Message::text(std::iter::once(kind.name.as_bytes()).chain(frames)))
    }

    /// Translates an event. `optional` says whether the owner wants other events than DELIVER.
    #[inline]
    pub fn from_event(event: OwnerEvent, optional: bool) -> Option<Outgoing> {
        match event {
            OwnerEvent::Deliver(tuple) => Some(Outgoing::TupleEvent(Message::Deliver(tuple))),
            OwnerEvent::First(tuple) => Some(Outgoing::FirstDeliver(Message::Deliver(tuple))),
            event => Outgoing::from_rare_event(event, optional),
        }
    }

    /// Translates an event other than DELIVER, of which there are few: out of line, so that DELIVER stays fast.
    #[inline(never)]
    fn from_rare_event(event: OwnerEvent, optional: bool) -> Option<Outgoing> {
        match event {
            OwnerEvent::Retract(tuple) | OwnerEvent::Expire(tuple) if !optional => {
                Some(Outgoing::Forget(tuple))
            }
            _ if !optional => None,
            OwnerEvent::Retract(tuple) => Some(Outgoing::TupleEvent(Message::Retract(tuple))),
            OwnerEvent::Expire(tuple) => Some(Outgoing::TupleEvent(Message::Expire(tuple))),
            OwnerEvent::Join(endpoint, _) => Some(Outgoing::notice(&events::JOIN, [endpoint.as_bytes()])),
            OwnerEvent::Leave(endpoint, _) => Some(Outgoing::notice(&events::LEAVE, [endpoint.as_bytes()])),
            OwnerEvent::Unreachable(endpoint, reason) => {
                Some(Outgoing::notice(&events::UNREACHABLE, [endpoint.as_bytes(), reason.as_bytes()]))
            }
            OwnerEvent::Refused(command, reason) => {
                Some(Outgoing::notice(&events::ERROR, [&command, reason.as_bytes()]))
            }
            OwnerEvent::Deliver(_) | OwnerEvent::First(_) => unreachable!("translated by the caller"),
        }
    }
}
