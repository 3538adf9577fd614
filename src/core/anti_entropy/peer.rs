//! State of anti-entropy with one peer.

use super::budget::Budget;
use super::requests::Asked;
use crate::core::codec::Summary;

/// Milliseconds before a comparison that led to nothing is repeated; the time doubles with each such comparison. About
/// two heartbeats: what made it futile, a tuple under way for instance, is over by then.
const FUTILE: u64 = 3000;
/// Number of times that the pause after a futile comparison doubles: at 12 s it stays, so that a peer whose
/// comparisons failed by accident soon has another one.
const MOST_FUTILE: u32 = 2;
/// Milliseconds before a difference that lasts is compared again, while neither side changes. Such a difference cannot
/// be repaired: for example, one side has refused a newer value whose writer has left for good. Comparisons go on
/// nevertheless, because part of an answer may have been dropped.
const LASTING: u64 = 300_000;
/// Number of answered comparisons of the same roots, in a row, from which on the difference counts as lasting.
const MOST_OF_SAME: u32 = 3;
/// Milliseconds between the beginnings of two comparisons: one takes some round trips.
const INTERVAL: u64 = 500;
/// Milliseconds without progress after which tuples that are under way no longer put off a comparison: longer than
/// a line stands still before it goes on.
const STALLED: u64 = 5000;
/// Number of times in a row that a comparison is put off because changes wait to be sent: a link may never be idle.
const MOST_PUT_OFF: u32 = 3;

/// State of anti-entropy with one peer. Times are milliseconds of the monotonic clock.
///
/// Messages of a comparison come in by [`on_digest`](Peer::on_digest), [`on_entries`](Peer::on_entries),
/// [`on_offer`](Peer::on_offer) and [`on_request`](Peer::on_request), which return what to send.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Peer {
    /// The peer's last summary.
    summary: Summary,
    /// Number of tuples of the summary that the peer hides from its program.
    hidden: u32,
    /// Offset in the change log at which the session began, until its first comparison is over. What has changed since
    /// is sent anyway, even if it is missing in the peer's list, which was made before it arrived there.
    session_from: Option<u32>,
    /// Whether one side may lack a tuple that the other held when the session began, or has announced since, and no
    /// comparison that would find it has begun.
    gap: bool,
    /// Whether the peer has answered a probe of this session behind all that it says of its tuples.
    probe_passed: bool,
    /// Number of the newest request, made of this peer or another, for a tuple that this peer has announced.
    awaits_up_to: u64,
    /// Number of tuples that the peer still has to send on this link, by its last message about it.
    owed: u32,
    /// Time (monotonic ms) at which a tuple last came, or a sign that the peer has taken some.
    progress_at: u64,
    budget: Budget,
    comparisons: Comparisons,
    /// Time (monotonic ms) from which on the peer may be sent everything again, because a place that lists do not name
    /// to its end differs.
    all_next_at: u64,
}

/// The roots of both sides: this node's, then the peer's.
pub(super) type Roots = (u64, u64);

/// Memory of the last comparisons, so that one that was in vain is not repeated at once.
#[derive(Copy, Clone, Debug, Default)]
struct Comparisons {
    /// Whether a comparison has begun since the last change that would make one useful.
    begun: bool,
    /// The last one was answered by the peer, if only with what was known.
    answered: bool,
    /// The last one led to a tuple being requested or sent.
    useful: bool,
    /// Time (monotonic ms) from which on the next comparison may begin.
    next_at: u64,
    /// Number of comparisons in a row that led to nothing, up to [`MOST_FUTILE`].
    futile: u32,
    /// Roots that the last one compared.
    roots: Roots,
    /// Number of comparisons in a row that had these roots and were answered, the last one included.
    of_same_roots: u32,
    /// Time (monotonic ms) from which on these roots may be compared again, if the difference lasts; 0 if it does not.
    same_next_at: u64,
    /// Number of times in a row that a comparison was put off, because changes waited to be sent.
    put_off: u32,
}

impl Peer {
    /// The peer's last summary.
    pub(in crate::core) fn summary(&self) -> Summary {
        self.summary
    }

    /// Takes the peer's summary, and the number of tuples that the peer hides.
    pub(in crate::core) fn on_summary(&mut self, summary: Summary, hidden: Option<u32>) {
        (self.summary, self.hidden) = (summary, hidden.unwrap_or(0));
    }

    /// Returns the number of tuples that the peer hides from its program, by its last summary.
    pub(in crate::core) fn hidden(&self) -> u32 {
        self.hidden
    }

    /// Takes the number of tuples that the peer still has to send on this link.
    pub(in crate::core) fn on_owed(&mut self, owed: u32) {
        self.owed = owed;
    }

    /// Returns the number of tuples that the peer still has to send on this link, by its last message about it.
    pub(in crate::core) fn owed(&self) -> u32 {
        self.owed
    }

    /// Notes that a tuple has come, or a sign that the peer has taken some.
    pub(in crate::core) fn on_progress(&mut self, now: u64) {
        self.progress_at = now;
    }

    /// Returns the time (monotonic ms) at which a tuple last came, or a sign that the peer has taken some.
    pub(in crate::core) fn progress_at(&self) -> u64 {
        self.progress_at
    }

    /// Begins an extended session: either side may lack anything. The peer is sent what changes from `cursor` on, an
    /// offset in the change log.
    pub(in crate::core) fn begin_session(&mut self, cursor: u32) {
        self.comparisons = Comparisons::default();
        (self.gap, self.session_from, self.all_next_at) = (true, Some(cursor), 0);
        self.probe_passed = false;
    }

    /// Ends a session: nothing is awaited any more.
    pub(in crate::core) fn end_session(&mut self) {
        (self.gap, self.awaits_up_to, self.session_from) = (false, 0, None);
        self.probe_passed = false;
    }

    /// Notes that the first comparison of the session is over, or was not needed. A peer that lacks something later may
    /// have refused it when it came.
    pub(in crate::core) fn end_first_comparison(&mut self) {
        self.session_from = None;
    }

    /// Offset in the change log at which the session began, until its first comparison is over.
    pub(super) fn session_from(&self) -> Option<u32> {
        self.session_from
    }

    /// The peer's offset in the change log, to be moved when the log is compacted.
    pub(in crate::core) fn offset(&mut self) -> &mut Option<u32> {
        &mut self.session_from
    }

    /// Returns whether one side may lack a tuple, and no comparison that would find it has begun.
    pub(in crate::core) fn has_gap(&self) -> bool {
        self.gap
    }

    /// Notes that something which a comparison found, or the peer has announced, is left as it is until the next
    /// comparison.
    pub(in crate::core) fn leave_gap(&mut self) {
        self.gap = true;
    }

    /// Notes that a comparison begins, which finds what either side lacks, or that both sides hold the same. True if
    /// there was a gap.
    pub(in crate::core) fn close_gap(&mut self) -> bool {
        std::mem::take(&mut self.gap)
    }

    /// Notes that the peer has answered a probe behind all that it says of its tuples.
    pub(in crate::core) fn on_probe_passed(&mut self) {
        self.probe_passed = true;
    }

    /// Returns whether the peer has told of all its tuples in this session, and has sent on this link what it owed.
    pub(in crate::core) fn has_told_all(&self) -> bool {
        self.probe_passed && !self.gap && self.owed == 0
    }

    /// Returns whether it is time for a comparison. `is_busy` tells that requested tuples, or tuples in bulk, are
    /// under way: they would be found to be missing, and sent twice. `has_unsent` tells that changes wait to be sent.
    pub(in crate::core) fn may_compare(&mut self, is_busy: bool, has_unsent: bool, now: u64) -> bool {
        if (is_busy || self.owed > 0) && now < self.progress_at + STALLED {
            return false;
        }
        if has_unsent {
            self.comparisons.put_off += 1;
            if self.comparisons.put_off <= MOST_PUT_OFF {
                return false;
            }
        }
        self.comparisons.put_off = 0;
        true
    }

    /// Returns whether the pause after the last comparison is over. It is longer where the same roots were compared in
    /// vain.
    pub(super) fn may_begin(&self, roots: Roots, now: u64) -> bool {
        let last = &self.comparisons;
        now >= last.next_at && (last.roots != roots || now >= last.same_next_at)
    }

    /// Begins a comparison. The pause after it is longer if the last one was in vain, and much longer if the
    /// difference lasts, which it does not if `may_change` though the roots stay the same.
    pub(super) fn begin(&mut self, roots: Roots, may_change: bool, now: u64) {
        let last = &mut self.comparisons;
        last.futile = if last.begun && !last.useful { (last.futile + 1).min(MOST_FUTILE) } else { 0 };
        last.next_at = now + if last.futile > 0 { FUTILE << last.futile } else { INTERVAL };
        let is_same = last.answered && last.roots == roots;
        last.of_same_roots = if is_same { last.of_same_roots + 1 } else { 1 };
        last.roots = roots;
        let lasts = last.futile > 0 && last.of_same_roots >= MOST_OF_SAME && !may_change;
        last.same_next_at = if lasts { now + LASTING } else { 0 };
        (last.begun, last.useful, last.answered) = (true, false, false);
    }

    /// Notes that the peer takes part in the comparison that has begun: what it leads to is not lost on the way.
    pub(super) fn on_answered(&mut self) {
        self.comparisons.answered = true;
    }

    /// Notes that the comparison that has begun led to a tuple being requested or sent.
    pub(in crate::core) fn on_useful(&mut self) {
        self.comparisons.useful = true;
    }

    /// Forgets former comparisons: one would lead to something now, or both sides hold the same.
    pub(in crate::core) fn forget_comparisons(&mut self) {
        self.comparisons = Comparisons::default();
    }

    /// Returns whether to send the peer everything, because a place that lists do not name to its end differs. A difference
    /// that lasts is not to cost that each time.
    pub(super) fn may_send_all(&mut self, now: u64) -> bool {
        let may = now >= self.all_next_at;
        if may {
            self.all_next_at = now + LASTING;
        }
        may
    }

    /// Number of visits to tuples that the peer may still cause, on a node that holds `held` tuples.
    pub(super) fn visits_left(&mut self, held: usize, now: u64) -> usize {
        self.budget.remaining(held, now)
    }

    /// Charges visits to tuples to the peer's budget.
    pub(in crate::core) fn charge(&mut self, visits: usize) {
        self.budget.charge(visits);
    }

    /// Charges the visits of a search by hash.
    pub(super) fn charge_search(&mut self, visits: usize) {
        self.budget.charge_search(visits);
    }

    /// Charges visits to tuples that are made later.
    pub(super) fn charge_ahead(&mut self, visits: usize) {
        self.budget.charge_ahead(visits);
    }

    /// Number of visits that were charged to the peer of late: those to whom less was charged are served first.
    pub(in crate::core) fn recent_work(&mut self, now: u64) -> usize {
        self.budget.recent(now)
    }

    /// Number of visits that the peer has caused in all.
    pub(in crate::core) fn work(&self) -> usize {
        self.budget.made()
    }

    /// Takes the answer to whether a tuple is requested that the peer has announced.
    pub(in crate::core) fn on_asked(&mut self, asked: Asked) {
        match asked {
            Asked::Now(number) | Asked::Already(number) => self.on_requested(number, false),
            Asked::TooMany => self.on_requested(0, true),
        }
    }

    /// Takes the largest number of the requests that are open for tuples that the peer has announced: until they have
    /// come, by whichever link, something is awaited of which the peer knows. `is_cut` tells that some of the tuples
    /// were not requested, because too many are awaited.
    pub(in crate::core) fn on_requested(&mut self, last: u64, is_cut: bool) {
        self.awaits_up_to = self.awaits_up_to.max(last);
        self.gap |= is_cut;
    }

    /// Number of the newest request for a tuple that the peer has announced.
    pub(in crate::core) fn awaits_up_to(&self) -> u64 {
        self.awaits_up_to
    }

    /// Takes the smallest number of the requests that were given up. If the peer may have announced one of their
    /// tuples, only the next comparison finds it.
    pub(in crate::core) fn on_given_up(&mut self, first: u64) {
        self.gap |= self.awaits_up_to >= first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times at which comparisons begin in a minute, where one is tried each 100 ms of roots that change each time,
    /// and `useful` decides whether they lead to something.
    fn begun(useful: bool) -> Vec<u64> {
        let mut peer = Peer::default();
        let tries = (0..600).map(|tick| 100 * tick);
        tries
            .filter(|&now| {
                let may = peer.may_compare(false, false, now) && peer.may_begin((now, 1), now);
                if may {
                    peer.begin((now, 1), false, now);
                    peer.comparisons.useful = useful;
                }
                may
            })
            .collect()
    }

    #[test]
    fn a_comparison_in_vain_is_repeated_less_and_less_often() {
        assert_eq!(begun(true).len(), 120);
        assert_eq!(begun(false), [0, 500, 6500, 18_500, 30_500, 42_500, 54_500]);
    }

    /// Times (s) at which the same roots are compared in 1000 s, where each comparison is answered in vain.
    fn begun_of_same(is_answered: bool, may_change: bool) -> Vec<u64> {
        let mut peer = Peer::default();
        let mut try_at = |second: &u64| {
            let now = 1000 * second;
            let may = peer.may_begin((1, 2), now);
            if may {
                peer.begin((1, 2), may_change, now);
                peer.comparisons.answered = is_answered;
            }
            may
        };
        (0..1000).filter(|second| try_at(second)).collect()
    }

    #[test]
    fn a_difference_that_lasts_is_compared_every_five_minutes() {
        assert_eq!(begun_of_same(true, false), [0, 1, 7, 307, 607, 907]);
        assert!(begun_of_same(false, false).len() > 80, "the answer may have been lost");
        assert!(begun_of_same(true, true).len() > 80, "what is refused for its stamp is believed later");
    }

    #[test]
    fn other_roots_end_the_pause_of_a_difference_that_lasts() {
        let mut peer = Peer::default();
        for now in [0, 10_000, 30_000] {
            peer.begin((1, 2), false, now);
            peer.on_answered();
        }
        assert!(!peer.may_begin((1, 2), 100_000) && peer.may_begin((1, 3), 100_000));
        peer.forget_comparisons();
        assert!(peer.may_begin((1, 2), 100_000));
    }

    #[test]
    fn changes_that_wait_put_a_comparison_off_a_few_times_only() {
        let mut peer = Peer::default();
        let may: Vec<bool> = (0..8).map(|now| peer.may_compare(false, true, now)).collect();
        assert_eq!(may, [false, false, false, true, false, false, false, true]);
    }

    #[test]
    fn tuples_under_way_put_a_comparison_off_while_they_come() {
        let mut peer = Peer::default();
        peer.on_owed(1);
        peer.on_progress(1000);
        assert!(!peer.may_compare(false, false, 1000 + STALLED - 1));
        assert!(peer.may_compare(false, false, 1000 + STALLED));
        peer.on_owed(0);
        assert!(peer.may_compare(false, false, 1001) && !peer.may_compare(true, false, 1001));
    }

    #[test]
    fn requests_that_are_given_up_leave_a_gap_where_the_peer_had_announced_their_tuples() {
        let mut peer = Peer::default();
        peer.on_asked(Asked::Already(7));
        peer.on_asked(Asked::Now(3));
        peer.on_given_up(8);
        assert!(!peer.has_gap());
        peer.on_given_up(7);
        assert!(peer.has_gap() && peer.close_gap() && !peer.close_gap());
        peer.on_asked(Asked::TooMany);
        assert!(peer.has_gap());
    }
}
