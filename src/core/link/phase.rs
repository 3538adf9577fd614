//! The phase of a link: what the peer speaks, as far as is known, and the changes from one to another.

use super::Link;
use crate::core::id::Role;
use crate::core::plain::peer::PlainPeer;
use crate::core::plumtree::LazyPush;

/// Milliseconds without an answer to HELLO and PING after which a server is sent tuples although its protocol is not
/// known. Longer than any round trip, because a peer is taken for a plain one only for what it sends.
const HANDSHAKE_TIMEOUT: u64 = 5_000;

/// Milliseconds after which a server of another network is asked again: it may have been given another name, on a
/// connection that stands because something lies between.
const BARRED_MS: u64 = 30_000;

/// Protocol that the peer speaks, as far as is known.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::core) enum Phase {
    /// The protocol is not known yet; no tuples are sent.
    Handshake,
    /// The protocol has not been known for a long time: tuples are sent as PUBLISH, which every peer understands, with
    /// stamp and time to live.
    Undetermined,
    /// ZGP/1 as CZMQ speaks it.
    Plain,
    /// The extended protocol, with stamps, batches and digests.
    Extended,
    /// The peer is of another network: nothing is taken from it, and nothing sent but answers that say so.
    Barred,
}

impl Link {
    /// Returns the protocol that the peer speaks, as far as is known.
    pub(in crate::core) fn phase(&self) -> Phase {
        self.phase
    }

    /// Client: the session begins with PING, HELLO, PING, and as many PINGs more as is returned. Changes from `log_end`
    /// on, an offset in the change log, are sent as they come; the rest once the peer has shown what it speaks.
    pub(in crate::core) fn begin_handshake(&mut self, log_end: u32, now: u64) -> u32 {
        self.set_phase(Phase::Handshake);
        self.drop_unsent();
        self.cursor = log_end;
        let former = self.pings.take_former();
        self.handshake.begin(self.pings.expected() + 1 + former);
        self.pings.on_sent(1);
        // Whatever was sent before has been taken, or refused, when this PING is answered.
        self.receipts.on_ping_sent(self.pings.unanswered(), now);
        self.pings.on_sent(1 + former);
        self.answer_due_at = now + HANDSHAKE_TIMEOUT;
        self.await_next_ping(now);
        self.plain.on_hello(false, now);
        if former == 0 {
            // Otherwise the first PONG may be the answer to a PING of the former connection.
            self.round_trip.on_asked(now);
        }
        former
    }

    /// Client: keeps the session alive while the answer to HELLO is awaited: a CZMQ hub forgets who is silent for its
    /// timeout, which may be shorter than the round trip. Returns whether a PING is to be sent; otherwise the answer is
    /// overdue.
    pub(in crate::core) fn keeps_awaiting(&mut self, now: u64) -> bool {
        let awaits = self.phase == Phase::Handshake && self.handshake.has_hello() && now < self.answer_due_at;
        if awaits {
            self.on_ping_sent(now);
            self.await_next_ping(now);
        }
        awaits
    }

    /// Sets when the next PING is sent while the answer to HELLO is awaited. An extended server forgets nobody.
    fn await_next_ping(&mut self, now: u64) {
        let is_extended = self.peer.is_some();
        let pause = if is_extended { HANDSHAKE_TIMEOUT } else { self.keepalive.interval() };
        self.next_turn_at = self.answer_due_at.min(now + pause);
    }

    /// Client: the handshake is to be made again after a pause.
    pub(in crate::core) fn await_handshake(&mut self, pause: u64, now: u64) {
        self.handshake.end();
        self.drop_unsent();
        self.next_turn_at = now + pause;
        self.set_phase(Phase::Handshake);
    }

    /// Moves to the phase of a peer that has not shown its protocol: it is owed everything before `log_end`.
    pub(in crate::core) fn become_undetermined(&mut self, log_end: u32, now: u64) {
        self.set_phase(Phase::Undetermined);
        self.owe_all(log_end);
        self.await_answer(now);
    }

    /// Client: a server of which nothing is known was asked for a PONG.
    pub(in crate::core) fn await_answer(&mut self, now: u64) {
        self.next_turn_at = now + HANDSHAKE_TIMEOUT;
    }

    /// The peer speaks ZGP/1 and no more: it is owed everything before `log_end`, unless that was so already.
    pub(in crate::core) fn become_plain(&mut self, log_end: u32, now: u64) {
        let owes_all = self.phase == Phase::Undetermined;
        // It is not the extended peer that was there before.
        (self.peer, self.peer_name) = (None, None);
        self.set_phase(Phase::Plain);
        self.keepalive.on_tuple();
        if !owes_all {
            self.owe_all(log_end);
        }
        if self.role == Role::Server {
            self.list_wait.begin(now);
        }
        self.next_turn_at = now + self.keepalive.interval();
    }

    /// The peer speaks the extended protocol: it is sent what changes from `cursor` on, an offset in the change log,
    /// and what anti-entropy finds.
    pub(in crate::core) fn become_extended(&mut self, cursor: u32) {
        self.set_phase(Phase::Extended);
        self.cursor = cursor;
        self.members_told = 0;
        self.sync.begin_session(cursor);
        // Before, a PONG would have been the answer.
        self.acks.probe_again();
        self.plain = PlainPeer::default();
        self.pace.end_idle();
        self.next_turn_at = u64::MAX;
    }

    /// The peer is of another network. A client asks again after a pause.
    pub(in crate::core) fn bar(&mut self, now: u64) {
        self.set_phase(Phase::Barred);
        (self.peer, self.peer_name) = (None, None);
        self.drop_unsent();
        self.plain = PlainPeer::default();
        self.next_turn_at = now + BARRED_MS;
    }

    pub(super) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.rights.denied = None;
        self.sync.end_session();
        self.lazy_push = LazyPush::new(self.role);
    }

    fn owe_all(&mut self, log_end: u32) {
        self.cursor = log_end;
        self.bulk.owe_all_before(log_end);
    }

    /// Returns whether the peer is sent more than what the handshake needs.
    pub(super) fn may_be_sent_tuples(&self) -> bool {
        !matches!(self.phase, Phase::Handshake | Phase::Barred)
    }

    /// Returns whether the peer is of another network.
    pub(in crate::core) fn is_barred(&self) -> bool {
        self.phase == Phase::Barred
    }

    pub(in crate::core) fn is_plain(&self) -> bool {
        self.phase == Phase::Plain
    }

    /// Returns whether the peer has not yet shown what it speaks.
    pub(in crate::core) fn is_undetermined(&self) -> bool {
        matches!(self.phase, Phase::Handshake | Phase::Undetermined)
    }

    pub(in crate::core) fn is_extended(&self) -> bool {
        self.phase == Phase::Extended
    }
}
