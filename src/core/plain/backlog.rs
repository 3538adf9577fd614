//! Whether a plain peer is still working through what it was sent before.
//!
//! A CZMQ node that stands still, or is slower than those who write, takes what it was sent in order, and repeats each
//! value when it comes to it. What it says meanwhile of a key is older than the last value of the key that it was sent,
//! however long ago that was. That it works through a backlog shows when it is heard of again after a silence in which
//! it owed repetitions. Times are milliseconds of the monotonic clock.

use super::history::STALE_MS;

/// Silence (ms) of a peer that owes a repetition after which its next words are taken for a backlog: a CZMQ node that
/// runs repeats at once.
const STALL_MS: u64 = 1000;
/// Longest silence (ms) that is taken for a stall. What was sent before a longer one may never be repeated, because the
/// peer held it already; and a connection that is silent for longer is closed.
const LONGEST_STALL_MS: u64 = 30_000;
/// Longest time (ms) for which the words of a peer are taken for a backlog after one stall.
const LONGEST_BACKLOG_MS: u64 = 30_000;

/// State of a plain peer with respect to what it was sent and has not repeated.
#[derive(Clone, Debug, Default)]
pub(super) struct Backlog {
    /// Time at which the peer was first sent something since its last word.
    owed_since: Option<u64>,
    /// Times of the first and the last word that the current backlog, or the last one, is known by.
    words: Option<(u64, u64)>,
}

impl Backlog {
    /// The peer was sent a value.
    pub(super) fn on_sent(&mut self, now: u64) {
        self.owed_since.get_or_insert(now);
    }

    /// The peer sent a value.
    pub(super) fn on_word(&mut self, now: u64) {
        let owed_for = self.owed_since.take().map_or(0, |since| now.saturating_sub(since));
        if (STALL_MS..LONGEST_STALL_MS).contains(&owed_for) {
            self.words = Some((now, now));
        }
    }

    /// What the peer sent was older than what it had been sent: a backlog goes on.
    pub(super) fn on_old_word(&mut self, now: u64) {
        if self.is_present(now)
            && let Some((_, last)) = &mut self.words
        {
            *last = now;
        }
    }

    /// Returns whether the peer's words may be older than what it was sent before.
    pub(super) fn is_present(&self, now: u64) -> bool {
        self.words.is_some_and(|(first, last)| now - last < STALE_MS && now - first < LONGEST_BACKLOG_MS)
    }

    /// Returns the time from which an answer of the peer may be awaited that it was asked for at `since`: that time, or
    /// the last at which the peer is known to have had a backlog.
    pub(super) fn answers_since(&self, since: u64) -> u64 {
        self.words.map_or(since, |(_, last)| last.max(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_repeats_at_once_has_no_backlog() {
        let mut backlog = Backlog::default();
        for now in [0, 10_000, 20_000] {
            backlog.on_sent(now);
            backlog.on_word(now + STALL_MS - 1);
            backlog.on_old_word(now + STALL_MS - 1);
            assert!(!backlog.is_present(now + STALL_MS));
        }
        // What a peer says that owes nothing is no backlog, however long it was silent.
        backlog.on_word(50_000);
        assert!(!backlog.is_present(50_000));
        assert_eq!(backlog.answers_since(7), 7);
    }

    #[test]
    fn a_backlog_lasts_as_long_as_old_words_come() {
        let mut backlog = Backlog::default();
        backlog.on_sent(0);
        backlog.on_sent(6000);
        backlog.on_word(6000);
        assert!(backlog.is_present(6000) && backlog.is_present(5999 + STALE_MS));
        assert!(!backlog.is_present(6000 + STALE_MS));
        backlog.on_old_word(7500);
        assert!(backlog.is_present(7499 + STALE_MS) && !backlog.is_present(7500 + STALE_MS));
        assert_eq!((backlog.answers_since(6500), backlog.answers_since(8000)), (7500, 8000));
        for now in (8000..60_000).step_by(500) {
            backlog.on_old_word(now);
        }
        assert!(!backlog.is_present(6000 + LONGEST_BACKLOG_MS), "it ends");
    }

    #[test]
    fn what_is_not_repeated_for_very_long_was_held_already() {
        let mut backlog = Backlog::default();
        backlog.on_sent(0);
        backlog.on_word(LONGEST_STALL_MS);
        assert!(!backlog.is_present(LONGEST_STALL_MS));
    }
}
