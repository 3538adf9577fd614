//! The far end of a CONNECT, and the state of the connection to it.

use std::net::SocketAddr;

use super::endpoint::{Endpoint, Transport};
use super::name::Name;
use super::raw::{self, Change, Traffic};
use super::security::Access;
use super::throttle::Throttle;

/// The shortest wait before a lost connection is replaced (ms): later than what it still carried arrives, and sooner
/// than libzmq reconnects by itself, which is after 100 ms.
pub(super) const REPLACE: u64 = 50;
/// The shortest wait for an endpoint within the process, where the other end must be bound again first (ms).
const REPLACE_INPROC: u64 = 250;
/// The longest wait before a lost connection is replaced, after several attempts (ms).
const LONGEST_REPLACE: u64 = 1000;
/// The wait after a handshake that the peer refused, and the longest one after a handshake that was aborted (ms).
const AFTER_REFUSAL: u64 = 3000;
/// Aborted handshakes in a row from which on the remote is reported: fewer may be accidents.
const SEVERAL: u32 = 5;
/// Duration from which on a lost connection counts as a success: the next attempt does not wait longer than usual
/// (ms).
const GOOD: u64 = 5000;
/// The shortest and the longest time between two warnings about one remote (ms).
const SHORTEST_SILENCE: u64 = 60_000;
const LONGEST_SILENCE: u64 = 3_600_000;

/// The state of the connection to a remote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// libzmq tries to connect.
    Connecting,
    /// The handshake is done; messages flow since this moment (mono ms).
    Up { since: u64 },
    /// The connection is lost, and a timer of the engine runs until the next attempt. libzmq may be quicker.
    Waiting,
}

/// The far end of a CONNECT.
#[derive(Debug)]
pub(super) struct Remote {
    endpoint: Endpoint,
    /// The host name, if the endpoint has one that this engine resolves.
    name: Option<Box<Name>>,
    /// The address of the name to which the present connection was made, or is being made.
    dialed: Option<SocketAddr>,
    /// The moment when libzmq began its present attempt, as far as it tells (mono ms).
    tried_since: u64,
    access: Access,
    state: State,
    /// Connections that were made so far; part of the routing id, which must never be used twice.
    attempts: u32,
    /// The descriptor of the present connection, as the monitor reports it.
    descriptor: Option<u32>,
    /// The present connection, as the kernel knows it, if it is over TCP.
    connection: Option<raw::Connection>,
    /// Bytes that the peer had acknowledged at the first sample (see [`liveness`](super::liveness)).
    watched_from: Option<u64>,
    /// The wait before the next attempt, when the connection was lost last (ms).
    delay: u64,
    /// Handshakes that were aborted since the last success.
    aborted: u32,
    warnings: Throttle,
    /// Whether the owner knows that there is no connection, and not yet that there is one again.
    is_reported: bool,
    /// Whether the log says that the peer is the same as that of another remote.
    is_same_reported: bool,
}

impl Remote {
    /// A remote to which no connection was made yet.
    pub(super) fn new(endpoint: Endpoint, access: Access) -> Remote {
        Remote {
            name: endpoint.name().map(|(host, port)| Box::new(Name::new(host, port))),
            dialed: None,
            tried_since: 0,
            endpoint,
            access,
            state: State::Connecting,
            attempts: 0,
            descriptor: None,
            connection: None,
            watched_from: None,
            delay: 0,
            aborted: 0,
            warnings: Throttle::growing(SHORTEST_SILENCE, LONGEST_SILENCE),
            is_reported: false,
            is_same_reported: false,
        }
    }

    /// The endpoint, as the program wrote it.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The host name, if the endpoint has one.
    pub(super) fn name(&mut self) -> Option<&mut Name> {
        self.name.as_deref_mut()
    }

    /// The text by which libzmq is to connect, and whether it needs IPv6 for that. For a name it is an address, so that
    /// libzmq asks no resolver, and `None` if there is none yet. Without a name, `ipv6` decides.
    pub(super) fn target(&self, ipv6: bool) -> Option<(String, bool)> {
        let Some(name) = &self.name else {
            return Some((self.endpoint.text().to_owned(), ipv6 || self.endpoint.is_ipv6()));
        };
        let address = name.candidates.current()?;
        Some((format!("tcp://{address}"), address.is_ipv6()))
    }

    /// Notes that libzmq connects to the target.
    pub(super) fn set_dialed(&mut self, now: u64) {
        self.dialed = self.name.as_ref().and_then(|name| name.candidates.current());
        self.tried_since = now;
    }

    /// The address of the name to which the present connection was made, or is being made.
    pub(super) fn dialed(&self) -> Option<SocketAddr> {
        self.dialed
    }

    /// The text by which libzmq knows the present connection.
    pub(super) fn dialed_text(&self) -> String {
        self.dialed.map_or_else(|| self.endpoint.text().to_owned(), |address| format!("tcp://{address}"))
    }

    /// Returns whether an event about `endpoint`, as libzmq spells it, may be about the present connection of a remote
    /// that shares its router with no other. One to another address of its name was given up.
    pub(super) fn may_be_at(&self, endpoint: &str) -> bool {
        let Some(dialed) = self.dialed else { return true };
        let address = endpoint.strip_prefix("tcp://").and_then(|text| text.parse::<SocketAddr>().ok());
        address.is_none_or(|address| {
            address.ip().to_canonical() == dialed.ip().to_canonical() && address.port() == dialed.port()
        })
    }

    /// Returns whether a connection is to be made, or is being made.
    pub(super) fn is_connecting(&self) -> bool {
        self.state == State::Connecting
    }

    /// Notes that libzmq begins its next attempt. Returns how long the last one took (ms).
    pub(super) fn note_attempt(&mut self, now: u64) -> u64 {
        now.saturating_sub(std::mem::replace(&mut self.tried_since, now))
    }

    /// The reason why there is no connection: the one given, or those of all addresses of the name.
    pub(super) fn why(&self, reason: &str) -> String {
        self.name.as_ref().map_or_else(|| reason.to_owned(), |name| name.why_silent())
    }

    /// Notes why the peer at the present address of the name is of no use, and goes on to the next one. Returns whether
    /// that was not tried yet in this round.
    pub(super) fn leave_address(&mut self, reason: &str) -> bool {
        let is_connecting = self.is_connecting();
        let Some(name) = self.name.as_mut().filter(|_| is_connecting) else { return false };
        name.candidates.note_failure(reason);
        name.candidates.advance()
    }

    /// How this node makes itself known there.
    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// Replaces the way in which this node makes itself known, from the next connection on.
    pub(super) fn set_access(&mut self, access: Access) {
        self.access = access;
    }

    /// Returns whether messages flow.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// Begins a new connection. Returns its number, counted from 1.
    pub(super) fn begin_attempt(&mut self) -> u32 {
        self.attempts += 1;
        self.forget_connection();
        self.state = State::Connecting;
        self.attempts
    }

    /// Notes the descriptor of the present connection.
    pub(super) fn set_descriptor(&mut self, descriptor: u32) {
        self.forget_connection();
        self.descriptor = Some(descriptor);
        if self.endpoint.transport == Transport::Tcp {
            self.connection = i32::try_from(descriptor).ok().and_then(raw::Connection::of);
        }
    }

    /// The descriptor of the present connection, if the monitor has reported it.
    pub(super) fn descriptor(&self) -> Option<u32> {
        self.descriptor
    }

    /// The present connection, as the kernel knows it, if it is over TCP.
    pub(super) fn connection(&self) -> Option<raw::Connection> {
        self.connection
    }

    fn forget_connection(&mut self) {
        self.descriptor = None;
        self.connection = None;
        self.watched_from = None;
    }

    /// Marks the remote as connected. Returns whether the owner was told that it is not.
    pub(super) fn set_up(&mut self, now: u64) -> bool {
        self.state = State::Up { since: now };
        self.aborted = 0;
        if let Some(name) = &mut self.name {
            name.set_connected();
        }
        std::mem::take(&mut self.is_reported)
    }

    /// Gives the present connection up, for a new one that follows at once. Returns whether it was up.
    pub(super) fn take_down(&mut self) -> bool {
        let was_up = self.is_up();
        if was_up {
            self.state = State::Connecting;
        }
        was_up
    }

    /// Marks the connection as lost. Returns the wait before the next attempt (ms).
    pub(super) fn set_lost(&mut self, now: u64) -> u64 {
        let shortest = if self.endpoint.transport == Transport::Inproc { REPLACE_INPROC } else { REPLACE };
        self.delay = match self.state {
            State::Up { since } if now >= since + GOOD => shortest,
            _ => (self.delay * 2).clamp(shortest, LONGEST_REPLACE),
        };
        self.forget_connection();
        self.state = State::Waiting;
        self.delay
    }

    /// Marks the handshake as refused by the peer. Returns the wait before the next attempt (ms).
    pub(super) fn set_refused(&mut self) -> u64 {
        self.state = State::Waiting;
        AFTER_REFUSAL
    }

    /// Marks the handshake as aborted. Returns the wait before the next attempt (ms).
    pub(super) fn set_aborted(&mut self) -> u64 {
        let delay = (REPLACE << self.aborted.min(10)).min(AFTER_REFUSAL);
        self.aborted = self.aborted.saturating_add(1);
        self.forget_connection();
        self.state = State::Waiting;
        delay
    }

    /// Returns whether so many handshakes in a row were aborted that it is no accident.
    pub(super) fn is_aborted_often(&self) -> bool {
        self.aborted >= SEVERAL
    }

    /// Notes that the connection with this descriptor is lost. Returns the state that it was in; `None` if the present
    /// connection is another one.
    pub(super) fn disconnect(&mut self, descriptor: u32) -> Option<State> {
        if self.descriptor != Some(descriptor) {
            return None;
        }
        self.forget_connection();
        Some(self.state)
    }

    /// Returns whether an event with an endpoint that nobody knows may be about this remote.
    pub(super) fn may_cause(&self, change: Change) -> bool {
        match change {
            Change::Connected { .. } | Change::Ready => !self.is_up(),
            Change::Disconnected { descriptor } => self.descriptor == Some(descriptor),
            _ => false,
        }
    }

    /// Returns whether the owner is to be told now that there is no connection. If so, it counts as told.
    pub(super) fn report_unreachable(&mut self, now: u64) -> bool {
        let due = self.warnings.pass(now);
        self.is_reported |= due;
        due
    }

    /// Returns whether it is yet to be said that the peer is the same as that of another remote. It counts as said.
    pub(super) fn report_same_peer(&mut self) -> bool {
        !std::mem::replace(&mut self.is_same_reported, true)
    }

    /// The moment from which on the owner may be told again (mono ms).
    pub(super) fn next_report(&self) -> u64 {
        self.warnings.next()
    }

    /// The traffic of the present connection; `None` where the kernel does not count it.
    pub(super) fn traffic(&self) -> Option<Traffic> {
        self.connection?.traffic()
    }

    /// Keeps the number of bytes that the peer has acknowledged, for the second sample.
    pub(super) fn watch_from(&mut self, acked: u64) {
        self.watched_from = Some(acked);
    }

    /// Takes the number of bytes kept for the second sample; `None` if there was none on the present connection.
    pub(super) fn take_watch(&mut self) -> Option<u64> {
        self.watched_from.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(endpoint: &str) -> Remote {
        Remote::new(Endpoint::parse_remote(endpoint.as_bytes()).unwrap(), Access::Clear)
    }

    #[test]
    fn attempts_become_rarer_until_a_connection_lasts() {
        let mut remote = remote("tcp://127.0.0.1:5670");
        let delays: Vec<u64> = (0..7).map(|_| remote.set_lost(1)).collect();
        assert_eq!(delays, [50, 100, 200, 400, 800, 1000, 1000]);
        remote.set_up(1000);
        assert_eq!(remote.set_lost(2000), 1000, "it did not last");
        remote.set_up(3000);
        assert_eq!(remote.set_lost(8000), 50);
    }

    #[test]
    fn aborted_handshakes_become_rarer_until_one_succeeds() {
        let mut remote = remote("tcp://127.0.0.1:5670");
        let delays: Vec<u64> = (0..8).map(|_| remote.set_aborted()).collect();
        assert_eq!(delays, [50, 100, 200, 400, 800, 1600, 3000, 3000]);
        assert!(remote.is_aborted_often());
        remote.set_up(1);
        assert!(!remote.is_aborted_often());
        assert_eq!(remote.set_aborted(), 50);
    }

    #[test]
    fn only_the_end_of_the_present_connection_counts() {
        let mut remote = remote("ipc:///tmp/x");
        assert_eq!(remote.begin_attempt(), 1);
        remote.set_descriptor(7);
        remote.set_up(1);
        assert_eq!(remote.disconnect(6), None);
        assert_eq!(remote.disconnect(7), Some(State::Up { since: 1 }));
        assert_eq!(remote.disconnect(7), None, "it was told already");
        assert_eq!(remote.begin_attempt(), 2);
        assert!(!remote.is_up() && remote.may_cause(Change::Ready));
    }
}
