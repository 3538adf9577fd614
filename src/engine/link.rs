//! What the engine knows of a link: where its frames go, and the one that waits.

use crate::core::Frame;

use super::endpoint::{Endpoint, Transport};
use super::liveness::Watch;
use super::raw;

/// Where a link stands between "has something to send" and "sent".
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Sending {
    /// Nothing to send, as far as is known.
    #[default]
    Idle,
    /// In the queue of those that send next.
    Queued,
    /// Its socket had no room; it is tried again when there may be.
    Blocked,
    /// Its peer is not there any more; what that one said before may not all be read.
    Gone,
}

/// One link.
pub(super) struct Link {
    /// The place of its channel in the engine's list.
    pub(super) channel: usize,
    /// Its routing id there.
    pub(super) name: Box<[u8]>,
    /// For JOIN, LEAVE and the log.
    pub(super) endpoint: Box<str>,
    /// The one frame that the socket had no room for.
    pub(super) pending: Option<Frame>,
    pub(super) sending: Sending,
    /// For links that we made.
    pub(super) remote: Option<Box<Remote>>,
}

/// Whether a remote is connected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// libzmq tries to connect.
    Connecting,
    /// Connected since this moment (mono ms).
    Up(u64),
    /// Lost; a fresh connection is made at this moment (mono ms), unless libzmq is quicker.
    Lost(u64),
}

/// The far end of a CONNECT.
pub(super) struct Remote {
    pub(super) endpoint: Endpoint,
    /// The server's public key, as the program wrote it.
    pub(super) server_key: Option<Box<[u8]>>,
    pub(super) phase: Phase,
    /// How often a connection was made anew; part of the routing id, which must never be used twice.
    pub(super) generation: u32,
    /// The descriptor of the present connection, as the monitor reports it.
    pub(super) descriptor: Option<u32>,
    /// The same, as the kernel knows it, if it is over TCP.
    pub(super) connection: Option<raw::Connection>,
    /// Whether what we say is taken is being watched.
    pub(super) watch: Option<Watch>,
    /// How long to wait before the next fresh connection (ms).
    pub(super) patience: u64,
    /// How many handshakes came to nothing since the last success.
    pub(super) failures: u32,
    /// When it is next told that there is no connection, if there is none by then (mono ms).
    pub(super) missed_at: Option<u64>,
    /// When the owner was last told why there is no connection (mono ms), and for how long that is enough.
    pub(super) complained: Option<(u64, u64)>,
}

impl Remote {
    /// Note which connection it is, or that there is none any more.
    pub(super) fn set_descriptor(&mut self, descriptor: Option<u32>) {
        self.descriptor = descriptor;
        let fd = descriptor.and_then(|descriptor| i32::try_from(descriptor).ok());
        self.connection =
            fd.filter(|_| self.endpoint.transport == Transport::Tcp).and_then(raw::Connection::of);
        self.watch = None;
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up(_))
    }
}
