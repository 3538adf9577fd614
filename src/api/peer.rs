//! Peers of a node.

use std::time::Duration;

use crate::core::{PeerKind, PeerState, Role};
use crate::log::printable;

/// Peer that a node is connected to, or tries to connect to, from [`Node::peers`](crate::Node::peers).
///
/// Messages, bytes and refused tuples are counted since [`connect`](crate::Node::connect), or since a client connected.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Peer {
    /// The endpoint that this node connects to, or that of a client: `tcp://ADDRESS:PORT`, `ipc://PATH#PROCESS`,
    /// `inproc://NAME#ID`.
    pub endpoint: String,
    /// Name of an extended peer's node, with control characters escaped, if it has one.
    pub name: Option<String>,
    /// Protocol that the peer speaks, as far as is known.
    pub kind: PeerKind,
    /// Whether this node made the connection, or is to make it.
    pub outgoing: bool,
    /// Whether there is a connection.
    pub connected: bool,
    /// Id of an extended peer's node.
    pub id: Option<u64>,
    /// Time for which the peer has been connected, or has not been.
    pub state_time: Duration,
    /// Time since the peer's last message, or since the connection was made.
    pub silence: Duration,
    /// Time from a question of this node to the peer's answer, measured last on this connection, in whole milliseconds. With
    /// peers that this node connects to, it is measured every few seconds; with others, by [`flush`](crate::Node::flush), and
    /// while many tuples are sent. Clients that speak CZMQ's protocol only are never asked.
    pub round_trip: Option<Duration>,
    /// Whether, by its last report, the peer held the same as this node.
    pub equal: Option<bool>,
    /// Tuples that are still to be sent to the peer.
    pub unsent: u64,
    /// Bytes of tuples that were sent to the peer after it had been away, and that it has not acknowledged.
    pub unacknowledged: u64,
    /// Tuples that the peer still has to send to this node, by its last report.
    pub awaited: u64,
    /// Tuples that came from the peer and were refused here, for a limit or a time stamp too far ahead.
    pub refused: u64,
    /// Tuples that the peer refuses to hold, for its limits; known once both hold the same otherwise.
    pub refuses: Option<u64>,
    /// Tuples that the peer holds and hides from its program (UNPUBLISH), by its last report.
    pub hides: Option<u64>,
    /// Messages received from the peer.
    pub frames_in: u64,
    /// Messages sent to the peer.
    pub frames_out: u64,
    /// Bytes of the messages received.
    pub bytes_in: u64,
    /// Bytes of the messages sent.
    pub bytes_out: u64,
}

impl Peer {
    pub(super) fn new(endpoint: String, state: &PeerState) -> Peer {
        Peer {
            endpoint,
            name: state.name.as_deref().map(printable),
            kind: state.kind,
            outgoing: state.role == Role::Client,
            connected: state.is_up,
            id: state.id,
            state_time: Duration::from_millis(state.state_ms),
            silence: Duration::from_millis(state.silence_ms),
            round_trip: state.round_trip_ms.map(Duration::from_millis),
            equal: state.is_equal,
            unsent: state.unsent,
            unacknowledged: state.unacknowledged,
            awaited: state.awaited,
            refused: state.traffic.refused,
            refuses: state.refuses,
            hides: state.hides,
            frames_in: state.traffic.frames_in,
            frames_out: state.traffic.frames_out,
            bytes_in: state.traffic.bytes_in,
            bytes_out: state.traffic.bytes_out,
        }
    }
}
