//! The one way out to the owner: all that a node has for its owner becomes an [`Outgoing`].

use super::changed::Changed;
use super::configuration::Events;
use super::events::{self, Event};
use super::message::Message;
use crate::core::{Change, ChangeKind, Identity, MemberChange, MemberState, Tuple};
use crate::engine::OwnerEvent;
use crate::log::printable;

/// A message to the owner, or the withdrawal of one, with the facts by which the `Inbox` queues it.
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

    /// The reply to STORE SYNC: whether the file has everything.
    pub fn stored(is_stored: bool) -> Outgoing {
        Outgoing::Reply(Message::text(["STORE SYNC", if is_stored { "0" } else { "-1" }]))
    }

    /// Translates an event, if it is one of `wanted`.
    #[inline]
    pub fn from_event(event: OwnerEvent, wanted: Events) -> Option<Outgoing> {
        match event {
            OwnerEvent::Deliver(tuple) => Some(Outgoing::TupleEvent(Message::Deliver(tuple))),
            OwnerEvent::First(tuple) => Some(Outgoing::FirstDeliver(Message::Deliver(tuple))),
            OwnerEvent::Changed(change) => Some(Outgoing::changed(*change)),
            event => Outgoing::from_rare_event(event, wanted),
        }
    }

    fn changed(change: Change) -> Outgoing {
        let is_first = change.kind == ChangeKind::First;
        let message = Message::Changed(Box::new(Changed::new(change)));
        if is_first { Outgoing::FirstDeliver(message) } else { Outgoing::TupleEvent(message) }
    }

    /// Translates an event other than DELIVER, of which there are few: out of line, so that DELIVER stays fast.
    #[inline(never)]
    fn from_rare_event(event: OwnerEvent, wanted: Events) -> Option<Outgoing> {
        let optional = wanted != Events::Deliver;
        match event {
            OwnerEvent::Retract(tuple) | OwnerEvent::Expire(tuple) if !optional => {
                Some(Outgoing::Forget(tuple))
            }
            OwnerEvent::Synced(prefix) => Some(Outgoing::notice(&events::SYNCED, [&prefix])),
            OwnerEvent::Stored => Some(Outgoing::stored(true)),
            _ if !optional => None,
            OwnerEvent::Retract(tuple) => Some(Outgoing::TupleEvent(Message::Retract(tuple))),
            OwnerEvent::Expire(tuple) => Some(Outgoing::TupleEvent(Message::Expire(tuple))),
            OwnerEvent::Join(endpoint, peer) => {
                Some(about_peer(&events::JOIN, &endpoint, peer.as_deref(), wanted))
            }
            OwnerEvent::Leave(endpoint, peer) => {
                Some(about_peer(&events::LEAVE, &endpoint, peer.as_deref(), wanted))
            }
            OwnerEvent::Member(member) => (wanted == Events::Changes).then(|| about_member(&member)),
            OwnerEvent::Unreachable(endpoint, reason) => {
                Some(Outgoing::notice(&events::UNREACHABLE, [endpoint.as_bytes(), reason.as_bytes()]))
            }
            OwnerEvent::Refused(command, reason) => {
                Some(Outgoing::notice(&events::ERROR, [&command, reason.as_bytes()]))
            }
            OwnerEvent::Deliver(_) | OwnerEvent::First(_) | OwnerEvent::Changed(_) => {
                unreachable!("translated by the caller")
            }
        }
    }
}

/// MEMBER or GONE.
fn about_member(member: &MemberChange) -> Outgoing {
    let (id, name) = (format!("{:016x}", member.id), printable(&member.name));
    let (id, name) = (id.as_bytes(), name.as_bytes());
    match member.state {
        MemberState::Here => Outgoing::notice(&events::MEMBER, [id, name]),
        MemberState::Left => Outgoing::notice(&events::GONE, [id, name, b"left"]),
        MemberState::Lost => Outgoing::notice(&events::GONE, [id, name, b"lost"]),
    }
}

/// JOIN or LEAVE. Name and id are sent to an owner who asked for them, because version 1.0 did not send them.
fn about_peer(kind: &Event, endpoint: &str, peer: Option<&Identity>, wanted: Events) -> Outgoing {
    if wanted == Events::All {
        return Outgoing::notice(kind, [endpoint.as_bytes()]);
    }
    let name = peer.and_then(|peer| peer.name.as_deref()).map_or_else(String::new, printable);
    let id = peer.map_or_else(String::new, |peer| format!("{:016x}", peer.id));
    Outgoing::notice(kind, [endpoint.as_bytes(), name.as_bytes(), id.as_bytes()])
}
