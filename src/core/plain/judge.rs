//! The verdict on a value that comes without a stamp.
//!
//! A plain peer repeats what it is sent, also to where that came from, mixes the order of its links, and knows no
//! ages. [`judge`] decides, from a [`View`] of all that is known, whether a value that such a peer sends was written
//! after the one that is held here. The facts are collected, and the verdict carried out, by `node::unstamped`.
//!
//! A verdict other than news is never final. When the key has been quiet for a while the peer is *checked*
//! ([`PlainPeer::check`](super::peer::PlainPeer::check)): it is sent our value if its last word was another one, and
//! if it insists, its value is adopted after all. No check ends in known disagreement.

use crate::core::store::{NO_VALUE, State};

/// Shortest pause (ms) between two values of a busy key that are adopted from plain peers: CZMQ nodes that echo each
/// other in a loop change a key thousands of times a second, and three or four changes a second show that it changes.
pub(in crate::core) const BUSY_PAUSE_MS: u64 = 300;
/// Number of times that a replaced value may come back before it is slowed down: somebody may really set it back once
/// or twice.
const FREE_RETURNS: u32 = 2;
/// Longest pause (ms) of a value that keeps coming back. It is shorter than [`STALE_MS`](super::history::STALE_MS), so
/// that copies of the other value are still recognised when the pause ends.
const LONGEST_CHASE_PAUSE_MS: u64 = 1500;

/// Facts about a value that a plain peer sent, and about the key that it is for.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct View {
    pub(in crate::core) held: HeldView,
    pub(in crate::core) arrival: Arrival,
    pub(in crate::core) peer: PeerView,
    pub(in crate::core) past: PastView,
}

/// State of the key on this node.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct HeldView {
    pub(in crate::core) state: State,
    /// Hash of our value, or, if the key has none, of the last that it had.
    pub(in crate::core) hash: u64,
    /// Whether the key is live, and its value equals the one that the peer sent.
    pub(in crate::core) is_equal: bool,
    /// Whether our value came by the link by which the peer's came.
    pub(in crate::core) is_from_peer: bool,
}

/// The way in which a value arrived.
#[derive(Copy, Clone, Debug, Default)]
pub(in crate::core) struct Arrival {
    /// Hash of the value that the peer sent.
    pub(in crate::core) hash: u64,
    /// Hash of the value of the key that the peer had sent before.
    pub(in crate::core) previous: Option<u64>,
    /// The value may be part of the list of all that the peer holds, which follows HELLO.
    pub(in crate::core) in_list: bool,
    /// Whether the value is part of the peer's list, or may be although the list has paused for long.
    pub(in crate::core) may_be_listed: bool,
    /// The peer was sent the value, and repeats it before what it was sent of the key since.
    pub(in crate::core) is_in_flight: bool,
    /// Whether a client sent the value before its HELLO: it had been queued for an earlier connection, maybe as one of
    /// many values of the key that the client adopted while it was away.
    pub(in crate::core) before_hello: bool,
    /// The value arrived some time ago and was delayed.
    pub(in crate::core) was_delayed: bool,
}

/// State of the peer with respect to the key.
#[derive(Copy, Clone, Debug, Default)]
pub(in crate::core) struct PeerView {
    /// Whether the peer was seen to repeat what it was sent.
    pub(in crate::core) echoes: bool,
    /// Whether the value was sent to the peer a moment ago, so that the peer has yet to repeat it.
    pub(in crate::core) was_sent_this: bool,
    /// Whether our value is the last of the key that was sent to the peer.
    pub(in crate::core) was_sent_ours: bool,
    /// Whether our value is still to be sent to the peer.
    pub(in crate::core) is_ours_queued: bool,
    /// Whether the peer's list is awaited, so that nothing is sent to the peer before its end.
    pub(in crate::core) is_list_awaited: bool,
    /// Whether the peer cannot have adopted our value since its previous value: it was sent nothing, or so lately that
    /// its echo would yet have to come.
    pub(in crate::core) cannot_know_ours: bool,
    /// Whether the peer, a server, has not answered the PING behind the last value of the key that was sent to it.
    pub(in crate::core) is_receipt_outstanding: bool,
    /// The peer has yet to repeat our value, and may still be about to.
    pub(in crate::core) is_echo_outstanding: bool,
}

/// Past of the key, as far as it is known.
#[derive(Copy, Clone, Debug, Default)]
pub(in crate::core) struct PastView {
    /// Whether the value was held here, or arrived too late to be, and has been replaced.
    pub(in crate::core) was_replaced: bool,
    /// Whether the value has been replaced, and a plain peer may have left before it learned of the replacement.
    pub(in crate::core) may_have_left_with: bool,
    /// Whether the value may be from before this node started, and so older than anything stamped that is held.
    pub(in crate::core) may_predate_node: bool,
    /// Whether the value was new when it was replaced a moment ago, and had come from elsewhere.
    pub(in crate::core) is_late_copy: bool,
    /// Plain peers have changed the key several times in a moment.
    pub(in crate::core) is_busy: bool,
    /// Number of times in a row that a value of this key came back right after it was replaced, the judged one
    /// included; 0 if it does not come back.
    pub(in crate::core) returns: u32,
}

/// The verdict on a value that a plain peer sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::core) enum Verdict {
    /// The value is ours: the peer repeats what it was sent, and has caught up.
    Echo,
    /// The peer sent the value before it had adopted ours.
    Behind,
    /// The peer sent the same value before, and has learned of no other since: a repetition brings no news.
    Again,
    /// The value is what the peer was sent a moment ago; ours has changed since.
    LateEcho,
    /// The value is a copy, by a longer way, of one that was new and was replaced a moment ago.
    LateCopy,
    /// The value is one that the peer, or another plain peer, held during an absence: returning brings no news.
    Old,
    /// The value was queued for an earlier connection: more may follow, and only the last of them counts.
    Backlog,
    /// The value is news of a key that changes too often: it waits, and only the last of each link counts.
    Throttle(Throttle),
    /// The value was written after ours.
    News,
}

/// Pauses of a value of a key that changes too often.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::core) struct Throttle {
    /// The pause in any case, 0 for none.
    pub(in crate::core) least_ms: u64,
    /// The longest pause of one value in four, which are chosen at random and wait for half of this or more.
    ///
    /// Two values can chase each other round a ring of our nodes and plain ones without end, while all delays are
    /// alike. When one of them waits now and then, the other catches up with it.
    pub(in crate::core) chase_ms: u64,
}

/// Decides about a value that a plain peer sent.
pub(in crate::core) fn judge(view: &View) -> Verdict {
    if view.held.is_equal {
        return Verdict::Echo;
    }
    if view.held.state != State::Live {
        return judge_without_value(view);
    }
    if view.arrival.before_hello && !view.arrival.was_delayed {
        Verdict::Backlog
    } else if view.is_behind() {
        Verdict::Behind
    } else if view.is_again() {
        Verdict::Again
    } else if view.is_from_absence() {
        Verdict::Old
    } else if view.past.is_late_copy {
        Verdict::LateCopy
    } else if view.peer.was_sent_this || view.arrival.is_in_flight {
        Verdict::LateEcho
    } else {
        view.throttle().map_or(Verdict::News, Verdict::Throttle)
    }
}

/// Decides about a value of a key that has none here: it was removed, hidden, refused, or its time ran out.
fn judge_without_value(view: &View) -> Verdict {
    let (held, in_list) = (&view.held, view.arrival.in_list);
    let is_same = held.hash == view.arrival.hash;
    let is_old = match held.state {
        State::Suppressed => is_same && (view.is_again() || in_list),
        // The key was removed where it was not known: which value it had, nobody can tell here.
        State::Retracted if held.hash == NO_VALUE => in_list,
        // A plain peer cannot be told of a removal, so what it lists of a removed key it has kept.
        _ => is_same || view.is_from_absence() || in_list && view.past.was_replaced,
    };
    if is_old {
        Verdict::Old
    } else if view.peer.was_sent_this || view.arrival.is_in_flight {
        Verdict::LateEcho
    } else if view.past.is_late_copy {
        Verdict::LateCopy
    } else {
        Verdict::News
    }
}

impl View {
    /// Returns whether the peer shows for the first time that it repeats what it is sent, though our value is another
    /// by now.
    pub(in crate::core) fn is_first_echo(&self) -> bool {
        let Arrival { hash, previous, in_list, was_delayed, is_in_flight, .. } = self.arrival;
        (self.peer.was_sent_this || is_in_flight)
            && !self.peer.echoes
            && !was_delayed
            && !in_list
            && previous != Some(hash)
    }

    fn is_behind(&self) -> bool {
        let peer = &self.peer;
        // A peer is sent nothing while its list is awaited: it is not behind, for what it lists it adopted without ours.
        let is_unsent = peer.is_ours_queued
            && !peer.is_list_awaited
            && !self.held.is_from_peer
            && self.arrival.previous != Some(self.held.hash);
        peer.is_receipt_outstanding && (is_unsent || peer.was_sent_ours)
            || peer.echoes && (is_unsent || peer.is_echo_outstanding)
    }

    /// Returns whether the peer repeats its own previous word. That is no repetition if it may have adopted ours in
    /// between.
    fn is_again(&self) -> bool {
        let has_not_moved = self.peer.echoes || self.peer.cannot_know_ours;
        self.arrival.previous == Some(self.arrival.hash) && (self.arrival.in_list || has_not_moved)
    }

    fn is_from_absence(&self) -> bool {
        self.arrival.may_be_listed && self.past.may_have_left_with
            || self.arrival.in_list && self.past.may_predate_node
    }

    fn throttle(&self) -> Option<Throttle> {
        let least_ms = if self.past.is_busy { BUSY_PAUSE_MS } else { 0 };
        let chase_ms = match self.past.returns.saturating_sub(FREE_RETURNS) {
            0 => 0,
            more => (BUSY_PAUSE_MS << more.min(8)).min(LONGEST_CHASE_PAUSE_MS),
        };
        let is_needed = !self.arrival.was_delayed && (least_ms > 0 || chase_ms > 0);
        is_needed.then_some(Throttle { least_ms, chase_ms })
    }
}

#[cfg(test)]
mod tests;
