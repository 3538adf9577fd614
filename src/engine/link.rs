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
    /// The place of its router in the engine's list.
    pub(super) slot: usize,
    /// Its routing id there.
    pub(super) routing_id: Box<[u8]>,
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

/// How often the owner is told what is wrong with a remote: rarely, and more rarely if it goes on or comes again soon.
#[derive(Clone, Debug, Default)]
pub(super) struct Complaints {
    /// When it was told last (mono ms), and for how long (ms) that is enough.
    last: Option<(u64, u64)>,
}

impl Complaints {
    const FIRST: u64 = 60_000;
    const LONGEST: u64 = 3_600_000;

    /// Whether it is to be told now; it is then taken to be told.
    pub(super) fn is_due(&mut self, now: u64) -> bool {
        let enough = match self.last {
            Some((at, enough)) if now < at + enough => return false,
            Some((at, enough)) if now < at + 2 * enough => (2 * enough).min(Self::LONGEST),
            _ => Self::FIRST,
        };
        self.last = Some((now, enough));
        true
    }

    /// When it may be told again (mono ms).
    pub(super) fn again_at(&self) -> u64 {
        self.last.map_or(0, |(at, enough)| at + enough)
    }
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
    /// The owner was told that there is no connection, and not yet that there is one again.
    pub(super) is_missed: bool,
    pub(super) complaints: Complaints,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_or_comes_and_goes_is_told_more_and_more_rarely() {
        const MINUTE: u64 = 60_000;
        for every in [1000, 5000] {
            let mut complaints = Complaints::default();
            let told: Vec<u64> =
                (0..24 * 60 * MINUTE).step_by(every).filter(|&now| complaints.is_due(now)).collect();
            assert_eq!(told[..5], [0, MINUTE, 3 * MINUTE, 7 * MINUTE, 15 * MINUTE]);
            assert!(told.len() < 32, "{} times a day", told.len());
        }
        let mut complaints = Complaints::default();
        assert!(complaints.is_due(0) && complaints.is_due(60 * MINUTE));
        assert_eq!(complaints.again_at(), 61 * MINUTE, "a new trouble, after a long time");
    }
}
