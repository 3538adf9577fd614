//! One peer, as the engine knows it: the ROUTER that leads to it, and the frame that waits for room there.

use std::os::fd::RawFd;
use std::sync::Arc;

use crate::core::Frame;

use super::admission::{Client, Guest};
use super::intake::Intake;
use super::raw::Load;
use super::remote::Remote;

/// State of a link between "has something to send" and "sent".
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Sending {
    /// No frame waits to be sent, as far as is known.
    #[default]
    Idle,
    /// The link waits for its turn to send.
    Queued,
    /// The peer's queue is full; sending is tried again when there may be room.
    Blocked,
    /// The peer is gone. Frames that it sent before may still be unread.
    Gone,
}

/// A peer of the engine, and the connection to it.
pub(super) struct Link {
    /// The slot of the link's ROUTER in the engine's list.
    pub(super) slot: usize,
    /// The peer's routing id on that ROUTER.
    pub(super) routing_id: Box<[u8]>,
    /// The peer's name in JOIN, LEAVE and the log: the endpoint that this node connected to, or that of a client.
    pub(super) endpoint: Box<str>,
    /// The one frame for which the socket had no room.
    pub(super) pending: Option<Frame>,
    pub(super) sending: Sending,
    /// The descriptor of the connection that a client's first message came by; -1 for none.
    pub(super) source: RawFd,
    /// Bytes that wait in the socket for this peer.
    pub(super) load: Arc<Load>,
    /// Bytes that came by the connection and were read, where the kernel counts them.
    pub(super) intake: Option<Intake>,
    /// What was said of a client when it sent its first message: see [`subject`](super::subject).
    pub(super) said: Box<str>,
    /// The client, if a ZAP handler of this library has admitted it.
    pub(super) client: Option<Arc<Client>>,
    /// Its entry for that handler.
    pub(super) guest: Option<Guest>,
    /// State of the connection, if this node made it.
    pub(super) remote: Option<Box<Remote>>,
}

impl Link {
    /// A peer that connected to us.
    pub(super) fn accepted(
        slot: usize,
        routing_id: Box<[u8]>,
        endpoint: String,
        source: RawFd,
        load: Arc<Load>,
    ) -> Link {
        let endpoint = endpoint.into_boxed_str();
        Link {
            slot,
            routing_id,
            endpoint,
            pending: None,
            sending: Sending::Idle,
            source,
            load,
            intake: None,
            said: Box::default(),
            client: None,
            guest: None,
            remote: None,
        }
    }

    /// A peer that we connect to. It has a routing id once a connection is made.
    pub(super) fn dialed(slot: usize, remote: Remote, load: Arc<Load>) -> Link {
        Link {
            slot,
            routing_id: Box::default(),
            endpoint: remote.endpoint().text().into(),
            pending: None,
            sending: Sending::Idle,
            source: -1,
            load,
            intake: None,
            said: Box::default(),
            client: None,
            guest: None,
            remote: Some(Box::new(remote)),
        }
    }
}
