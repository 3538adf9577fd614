//! The checks of keys: does a plain peer, after some time, hold what is held here, or does it insist on another value?

use super::{ECHO_MS, PlainPeer};
use crate::core::id::Slot;
use crate::core::plain::checks::QUIET_MS;
use crate::core::plain::history::STALE_MS;
use crate::core::plain::keys::{ANSWERED, AWAITED, Key, REJECTED, SCHEDULED, SENT, ago};

/// Time (ms) after which a key is checked although it has not become quiet: a key that changes all the time must not
/// keep a peer from being sent our value for longer than a second.
pub(super) const LONGEST_UNQUIET_MS: u64 = 1000;
/// Number of times that our value is sent again because of checks before the peer is left alone. With the pauses
/// between them that takes half a minute, longer than a connection that carries nothing is kept.
pub(super) const TRIES: u8 = 6;

/// Outcome of the check of a key.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::core) enum Check {
    /// The peer holds what is held here, as far as can be known.
    Settled,
    /// The peer was sent our value and insists on another: that is what it holds, and it is to be adopted.
    Adopt,
    /// The check came too early for a result. The key is checked again.
    Later,
    /// The peer is to be sent our value. The key is checked again.
    Resend,
}

/// Our value of the key under check.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct Ours {
    pub(in crate::core) hash: u64,
    /// Time (ms) of the value's last change, 0 if that is not known.
    pub(in crate::core) changed_at: u64,
}

/// Progress of the peer at a check of one of its keys.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct Progress {
    /// Whether our value is still to be sent to the peer.
    pub(in crate::core) is_ours_queued: bool,
    /// Whether the peer cannot have adopted yet what was last sent to it.
    pub(in crate::core) is_receipt_outstanding: bool,
    /// The last moment at which the peer is known to have been connected.
    pub(in crate::core) heard_at: u64,
}

impl PlainPeer {
    /// Puts the check of the key off.
    pub(in crate::core) fn postpone_check(&mut self, slot: Slot, now: u64) {
        self.schedule_check(slot, 0, now);
    }

    pub(super) fn schedule_check(&mut self, slot: Slot, tries: u8, now: u64) {
        let key = self.keys.entry(slot);
        if !key.is(SCHEDULED) {
            key.set(SCHEDULED, true);
            self.checks.add(slot, tries, now);
        }
    }

    /// Returns the time at which the next check is due (ms).
    pub(in crate::core) fn next_check_at(&self) -> Option<u64> {
        self.checks.next_at()
    }

    /// Takes out the next check that is due. `jitter` (ms, 0 to [`QUIET_MS`]) spreads those that are scheduled later.
    pub(in crate::core) fn pop_check(&mut self, now: u64, jitter: u64) -> Option<Slot> {
        let slot = self.checks.pop(now, jitter)?;
        self.keys.entry(slot).set(SCHEDULED, false);
        Some(slot)
    }

    /// Checks a key.
    pub(in crate::core) fn check(&mut self, slot: Slot, ours: Ours, progress: Progress, now: u64) -> Check {
        if self.holds(slot, ours.hash) {
            self.on_echo(slot, now);
        }
        let key = *self.keys.entry(slot);
        let check = self.decide(&key, ours, progress, now);
        match check {
            Check::Settled => self.settle(slot, now),
            Check::Adopt => self.await_no_more(slot, now),
            Check::Later if key.tries >= TRIES => self.schedule_check(slot, TRIES, now),
            Check::Later => self.schedule_check(slot, 0, now),
            Check::Resend => self.on_resend(slot, now),
        }
        check
    }

    /// The key is awaited no more, although the peer has not repeated our value.
    fn settle(&mut self, slot: Slot, now: u64) {
        if let Some(key) = self.keys.get(slot).filter(|key| key.is(AWAITED)) {
            let since = key.outdated_since(now);
            let (first, last) = self.unproven.unwrap_or((since, since));
            self.unproven = Some((first.min(since), last.max(since)));
            self.await_no_more(slot, now);
        }
    }

    fn decide(&self, key: &Key, ours: Ours, progress: Progress, now: u64) -> Check {
        if !key.is(AWAITED) {
            return Check::Settled;
        }
        if progress.is_ours_queued {
            // Nothing that the peer says can be its answer.
            return Check::Later;
        }
        let waiting_since = now.saturating_sub(ago(key.waiting_since, now));
        let waited = now - self.backlog.answers_since(waiting_since).min(now);
        let is_unquiet = now.saturating_sub(ours.changed_at) < QUIET_MS;
        let differs = key.last_received().is_some_and(|hash| hash != ours.hash);
        let is_silent = key.is(SENT) && !key.is(ANSWERED) && self.echoes;
        if is_silent && waited >= STALE_MS && !differs {
            // The peer was sent our value and did not repeat it: it held that already.
            return Check::Settled;
        }
        if progress.is_receipt_outstanding
            || is_silent && waited < STALE_MS
            || is_unquiet && waited < LONGEST_UNQUIET_MS
        {
            return Check::Later;
        }
        // The peer was sent our value, and another one is the last that it sent. Had it sent that before it adopted ours, it
        // would have repeated ours since, unless its connection broke, or stands still: so it must have been heard since
        // its echo was due.
        let echo_timeout = ECHO_MS.max(2 * self.slowest_echo);
        let was_heard_since = waited >= echo_timeout + now.saturating_sub(progress.heard_at);
        let is_exhausted = key.tries >= TRIES;
        if key.is(SENT) && key.is(ANSWERED) && key.last_received().is_some() {
            if waited < echo_timeout {
                return Check::Later;
            }
            return if was_heard_since {
                Check::Adopt
            } else if is_exhausted {
                Check::Later
            } else {
                Check::Resend
            };
        }
        if is_exhausted && differs {
            return if was_heard_since { Check::Adopt } else { Check::Later };
        }
        if is_exhausted || key.is(SENT) && !self.echoes && !differs {
            return Check::Settled;
        }
        Check::Resend
    }

    /// Notes that our value is sent to the peer because of a check, and schedules the next check of the key.
    fn on_resend(&mut self, slot: Slot, now: u64) {
        let key = self.keys.entry(slot);
        key.waiting_since = now as u32;
        key.tries += 1;
        key.set(SENT, true);
        key.set(REJECTED, false);
        key.set(ANSWERED, false);
        let tries = key.tries;
        self.schedule_check(slot, tries, now);
    }
}
