//! Stamps: who wrote a value, and when, on a clock that never runs backwards.
//!
//! The clock is a hybrid logical clock (Kulkarni et al., "Logical Physical Clocks and Consistent
//! Snapshots in Globally Distributed Databases", 2014): wall time in milliseconds in the upper 48
//! bits, a counter in the lower 16. It follows the wall clock, and every stamp that it has seen.

/// A moment, on the caller's two clocks.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic clock, milliseconds from any moment on; for deadlines.
    pub mono: u64,
    /// Wall clock, milliseconds since 1970; for stamps.
    pub wall: u64,
}

#[cfg(test)]
impl Now {
    /// A moment in a test: `mono` milliseconds after an arbitrary one in 2027.
    pub(super) fn at(mono: u64) -> Now {
        Now { mono, wall: 1_800_000_000_000 + mono }
    }
}

/// Bits of a stamp's time that count within one millisecond.
pub(super) const COUNTER_BITS: u32 = 16;

/// The top bit of an origin: set in the id of a node that wrote, clear in a synthetic stamp, which nodes make for a
/// value that a plain peer sent without one.
const NODE_BIT: u64 = 1 << 63;

/// Stamp of a write: when and by whom it was made. The larger stamp wins; equal stamps are the same write.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Hybrid logical time: milliseconds since 1970 in the upper 48 bits, a counter in the lower 16.
    pub time: u64,
    /// The writer's node id (top bit set) or, in a synthetic stamp, bits of the value's hash (top bit clear).
    pub origin: u64,
}

impl Stamp {
    /// Returns whether a write with this stamp replaces one stamped `held`: the rule of a last-writer-wins register,
    /// ordered by (hybrid logical time, origin). Equal stamps are the same write.
    pub fn wins_over(self, held: Stamp) -> bool {
        self > held
    }

    /// The synthetic stamp of a value that came without one and replaces a value stamped `self`.
    ///
    /// Every node that sees the same replacement makes the same stamp, and since the origin is made
    /// from the value, two different replacements never get equal stamps.
    pub fn successor(self, value_hash: u64) -> Stamp {
        Stamp { time: self.time.saturating_add(1), origin: value_hash & !NODE_BIT }
    }

    /// Returns whether this is a synthetic stamp: made by the nodes for a value that a plain peer sent without one.
    /// Its origin names no node.
    pub fn is_synthetic(self) -> bool {
        self.origin & NODE_BIT == 0
    }

    /// Wall time of the stamp, milliseconds since 1970.
    pub fn wall(self) -> u64 {
        self.time >> COUNTER_BITS
    }
}

/// Turns random bits into a node id.
pub(super) fn node_id(random: u64) -> u64 {
    random | NODE_BIT
}

/// The hybrid logical clock of a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    last: u64,
}

impl Clock {
    /// A clock whose latest time is `last`.
    pub(super) fn from(last: u64) -> Clock {
        Clock { last }
    }

    /// Time of a write that must come after everything seen, and after `replaced`.
    ///
    /// No time that is observed or replaced is later than [`LATEST`], from which on there are 2^63 more: the additions
    /// do not saturate, and no time comes twice.
    pub(super) fn tick(&mut self, now: Now, replaced: Stamp) -> u64 {
        let wall = now.wall.min(LATEST) << COUNTER_BITS;
        self.last = wall.max(self.last.saturating_add(1)).max(replaced.time.saturating_add(1));
        self.last
    }

    /// Takes note of a time seen on the network, which the caller has found trustworthy.
    pub(super) fn observe(&mut self, time: u64) {
        self.last = self.last.max(time);
    }

    /// The latest time known, which peers are sent.
    pub(super) fn latest(&self, now: Now) -> u64 {
        self.last.max(now.wall.min(LATEST) << COUNTER_BITS)
    }
}

/// Earliest time (ms since 1970) that a wall clock may show to be believed: the beginning of 2026, which is before the
/// first release.
const EARLIEST: u64 = 1_767_225_600_000;

/// Latest time (ms since 1970) that a wall clock may show to be believed, and of a stamp that is: in the year 6429. A
/// stamp has one bit more for its wall time, so that clocks which follow such a stamp can still count.
const LATEST: u64 = (1 << 47) - 1;

/// Longest time (ms) by which [`Settings::max_drift`](super::Settings::max_drift) lets a stamp be ahead: 100 years. A
/// stamp can carry so much for the next four thousand.
pub const MOST_DRIFT: u64 = 3_153_600_000_000;

/// Longest time (ms) by which the clocks of nodes that are in order may differ, where `max_drift` is ample. No clock is
/// followed closer than this to the latest stamp that is believed: see [`PeerClocks::lead`].
const MOST_APART: u64 = 60_000;

/// Returns whether a wall clock that shows this time (ms since 1970) may be right.
pub(super) fn is_possible(wall: u64) -> bool {
    (EARLIEST..=LATEST).contains(&wall)
}

/// Wall clocks of the direct peers, as differences (ms) to this node's monotonic clock.
///
/// A stamp is judged by this node's wall clock or the lower median of the peers', whichever is later: a node whose
/// clock is slow must not refuse what the others agree on, and one peer alone cannot move the median of many.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PeerClocks {
    /// Lower median, and minimum; `None` where the clock of no peer is known.
    known: Option<(i64, i64)>,
}

impl PeerClocks {
    /// Sums up the differences of all peers.
    pub(super) fn new(mut offsets: Vec<i64>) -> PeerClocks {
        offsets.sort_unstable();
        let known = offsets.first().map(|&earliest| (offsets[(offsets.len() - 1) / 2], earliest));
        PeerClocks { known }
    }

    /// Lower median of the peers' wall clocks now (ms since 1970).
    fn median(self, now: Now) -> Option<u64> {
        self.known.map(|(median, _)| now.mono.saturating_add_signed(median))
    }

    /// Wall time now (ms since 1970) by which stamps are judged: the later one of this node's clock and the median of the
    /// peers'; `None` where neither can be right.
    pub(super) fn credible(self, now: Now) -> Option<u64> {
        let own = is_possible(now.wall).then_some(now.wall);
        own.max(self.median(now))
    }

    /// Latest wall time (ms since 1970) of a stamp that is believed.
    pub(super) fn limit(self, now: Now, max_drift: u64) -> u64 {
        let drift = max_drift.min(MOST_DRIFT);
        self.credible(now).map_or(LATEST, |wall| wall.saturating_add(drift).min(LATEST))
    }

    /// Latest hybrid logical time that this node's clock follows.
    ///
    /// It is earlier than what is [believed](PeerClocks::limit), by as much as the clocks of nodes may differ. The
    /// stamps of a node whose clock followed another as far as it is believed would be refused by all whose own clocks
    /// are a little behind.
    pub(super) fn lead(self, now: Now, max_drift: u64) -> u64 {
        let limit = self.limit(now, max_drift);
        limit.saturating_sub((max_drift / 2).min(MOST_APART)) << COUNTER_BITS
    }

    /// The moment from which stamps are made. A wall clock that cannot be right, or is behind all peers' by more than
    /// `max_drift` milliseconds, is replaced by the median of theirs.
    pub(super) fn corrected(self, now: Now, max_drift: u64) -> Now {
        let Some((median, earliest)) = self.known else { return now };
        let behind_all = now.wall.saturating_add(max_drift) < now.mono.saturating_add_signed(earliest);
        let is_wrong = behind_all || !is_possible(now.wall);
        let wall = if is_wrong { now.mono.saturating_add_signed(median) } else { now.wall };
        Now { wall, ..now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_later_than_all_that_was_seen() {
        let mut clock = Clock::default();
        let now = Now { mono: 0, wall: 1000 };
        let first = clock.tick(now, Stamp::default());
        assert_eq!(first, 1000 << 16);
        assert_eq!(clock.tick(now, Stamp::default()), first + 1);
        clock.observe(5000 << 16);
        assert_eq!(clock.tick(now, Stamp::default()), (5000 << 16) + 1);
        let replaced = Stamp { time: 9000 << 16, origin: 1 };
        assert!(clock.tick(now, replaced) > replaced.time);
    }

    #[test]
    fn a_successor_beats_what_it_replaces_and_loses_to_a_later_write() {
        let own = Stamp { time: 1000 << 16, origin: node_id(7) };
        let synthetic = own.successor(u64::MAX);
        assert!(synthetic > own && synthetic.is_synthetic() && !own.is_synthetic());
        assert!(Stamp { time: synthetic.time, origin: node_id(0) } > synthetic);
        assert_ne!(own.successor(1), own.successor(2));
    }

    #[test]
    fn a_stamp_is_judged_by_the_own_clock_or_the_median_of_the_peers() {
        let now = Now { mono: 500, wall: EARLIEST + 10_000 };
        let clocks =
            |walls: &[i64]| PeerClocks::new(walls.iter().map(|wall| EARLIEST as i64 + wall - 500).collect());
        assert_eq!(clocks(&[]).limit(now, 1000), EARLIEST + 11_000);
        assert_eq!(clocks(&[9_000, 20_000, 30_000]).limit(now, 1000), EARLIEST + 21_000);
        assert_eq!(clocks(&[5_000, 900_000]).limit(now, 1000), EARLIEST + 11_000, "one of two alone");
        let wrong = Now { mono: 500, wall: 77 };
        assert_eq!(clocks(&[]).limit(wrong, 1000), LATEST, "it cannot judge");
        assert_eq!(clocks(&[9_000]).limit(wrong, 1000), EARLIEST + 10_000);
    }

    #[test]
    fn no_clock_is_followed_to_the_edge_of_what_is_believed() {
        let now = Now { mono: 0, wall: EARLIEST };
        for (drift, margin) in [(0, 0), (100, 50), (4000, 2000), (3_600_000, 60_000), (MOST_DRIFT, 60_000)] {
            let clocks = PeerClocks::default();
            assert_eq!(clocks.lead(now, drift) >> COUNTER_BITS, clocks.limit(now, drift) - margin);
        }
    }

    /// Whatever clocks and settings there are, a time that is believed can be followed by as many writes as there are.
    #[test]
    fn no_clock_saturates() {
        for wall in [0, EARLIEST, 1_800_000_000_000, LATEST, 1 << 48, u64::MAX] {
            for drift in [0, 3_600_000, MOST_DRIFT, u64::MAX] {
                let now = Now { mono: 0, wall };
                let edge = PeerClocks::default().limit(now, drift);
                let mut clock = Clock::default();
                clock.observe(PeerClocks::default().lead(now, drift));
                let replaced = Stamp { time: edge << COUNTER_BITS | 0xFFFF, origin: u64::MAX };
                let times = [replaced, Stamp::default(), replaced].map(|replaced| clock.tick(now, replaced));
                assert!(replaced.time < times[0] && times.is_sorted_by(|a, b| a < b), "{wall} {drift}");
                assert!(times[2] < 1 << 63 | 1 << 62, "{wall} {drift}");
            }
        }
    }

    #[test]
    fn a_clock_that_cannot_be_right_follows_the_peers_and_a_good_one_does_not() {
        let peers = PeerClocks::new([20_000, 21_000, 90_000].map(|wall| EARLIEST as i64 + wall).to_vec());
        let at = |wall| peers.corrected(Now { mono: 0, wall }, 1000).wall;
        assert_eq!((at(77), at(EARLIEST + 100)), (EARLIEST + 21_000, EARLIEST + 21_000));
        assert_eq!((at(EARLIEST + 19_000), at(EARLIEST + 99_000)), (EARLIEST + 19_000, EARLIEST + 99_000));
        assert_eq!(PeerClocks::default().corrected(Now { mono: 0, wall: 77 }, 1000).wall, 77);
    }
}
