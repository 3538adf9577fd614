//! Each verdict with the smallest facts that lead to it.

use super::*;

const OURS: u64 = 1;
const THEIRS: u64 = 2;

/// A fact that a view is given.
type Fact = fn(&mut View);

/// A peer sends THEIRS where OURS is held, and nothing else is known.
fn view() -> View {
    View {
        held: HeldView { state: State::Live, hash: OURS, is_equal: false, is_from_peer: false },
        arrival: Arrival { hash: THEIRS, ..Arrival::default() },
        peer: PeerView::default(),
        past: PastView::default(),
    }
}

/// The verdict on [`view`] with some facts more.
fn verdict(facts: &[Fact]) -> Verdict {
    let mut view = view();
    for add in facts {
        add(&mut view);
    }
    judge(&view)
}

const EQUAL: Fact = |view| view.held.is_equal = true;
const SUPPRESSED: Fact = |view| view.held.state = State::Suppressed;
const REMOVED: Fact = |view| view.held.state = State::Retracted;
const EXPIRED: Fact = |view| view.held.state = State::Expired;
const REFUSED: Fact = |view| view.held.state = State::Refused;
const HAD_NO_KNOWN_VALUE: Fact = |view| view.held.hash = NO_VALUE;
const HAD_THEIRS: Fact = |view| view.held.hash = THEIRS;
const OURS_IS_FROM_PEER: Fact = |view| view.held.is_from_peer = true;
const SAID_THEIRS: Fact = |view| view.arrival.previous = Some(THEIRS);
const SAID_OURS: Fact = |view| view.arrival.previous = Some(OURS);
const LISTED: Fact = |view| (view.arrival.in_list, view.arrival.may_be_listed) = (true, true);
const BEFORE_HELLO: Fact =
    |view| (view.arrival.in_list, view.arrival.may_be_listed, view.arrival.before_hello) = (true, true, true);
const DELAYED: Fact = |view| view.arrival.was_delayed = true;
const ECHOES: Fact = |view| view.peer.echoes = true;
const SENT_THEIRS: Fact = |view| view.peer.was_sent_this = true;
const SENT_OURS: Fact = |view| view.peer.was_sent_ours = true;
const OURS_QUEUED: Fact = |view| view.peer.is_ours_queued = true;
const LIST_AWAITED: Fact = |view| view.peer.is_list_awaited = true;
const CANNOT_KNOW_OURS: Fact = |view| view.peer.cannot_know_ours = true;
const NO_RECEIPT: Fact = |view| view.peer.is_receipt_outstanding = true;
const NO_ECHO: Fact = |view| view.peer.is_echo_outstanding = true;
const REPLACED: Fact = |view| view.past.was_replaced = true;
const LEFT_WITH: Fact = |view| view.past.may_have_left_with = true;
const PREDATES: Fact = |view| view.past.may_predate_node = true;
const COPY: Fact = |view| view.past.is_late_copy = true;
const BUSY: Fact = |view| view.past.is_busy = true;

fn throttled(least_ms: u64, chase_ms: u64) -> Verdict {
    Verdict::Throttle(Throttle { least_ms, chase_ms })
}

fn check(table: &[(Verdict, &[Fact])]) {
    for (row, &(expected, facts)) in table.iter().enumerate() {
        assert_eq!(verdict(facts), expected, "row {row}");
    }
}

#[test]
fn a_value_of_which_nothing_is_known_is_news() {
    check(&[
        (Verdict::News, &[]),
        (Verdict::News, &[LISTED]),
        (Verdict::News, &[REPLACED, ECHOES]),
        (Verdict::News, &[SAID_OURS]),
    ]);
}

#[test]
fn our_own_value_is_an_echo_whatever_else_is_known() {
    check(&[
        (Verdict::Echo, &[EQUAL]),
        (Verdict::Echo, &[EQUAL, BEFORE_HELLO]),
        (Verdict::Echo, &[EQUAL, BUSY, COPY, LISTED, LEFT_WITH]),
    ]);
}

#[test]
fn a_peer_is_behind_until_it_has_shown_that_it_adopted_ours() {
    check(&[
        // A server has not answered the PING behind our value, or was not even sent it yet.
        (Verdict::Behind, &[NO_RECEIPT, SENT_OURS]),
        (Verdict::Behind, &[NO_RECEIPT, OURS_QUEUED]),
        (Verdict::News, &[NO_RECEIPT]),
        (Verdict::News, &[SENT_OURS]),
        // A peer that repeats what it is sent has not repeated ours.
        (Verdict::Behind, &[ECHOES, NO_ECHO]),
        (Verdict::Behind, &[ECHOES, OURS_QUEUED]),
        (Verdict::News, &[NO_ECHO]),
        (Verdict::News, &[OURS_QUEUED]),
        (Verdict::News, &[ECHOES]),
        // It knows ours although that is queued for it: it sent ours itself, or its list is to come first.
        (Verdict::News, &[ECHOES, OURS_QUEUED, OURS_IS_FROM_PEER]),
        (Verdict::News, &[ECHOES, OURS_QUEUED, SAID_OURS]),
        (Verdict::News, &[ECHOES, OURS_QUEUED, LIST_AWAITED]),
        (Verdict::News, &[NO_RECEIPT, OURS_QUEUED, LIST_AWAITED]),
    ]);
}

#[test]
fn a_repetition_is_no_news_unless_the_peer_may_have_adopted_ours_in_between() {
    check(&[
        (Verdict::Again, &[SAID_THEIRS, LISTED]),
        (Verdict::Again, &[SAID_THEIRS, ECHOES]),
        (Verdict::Again, &[SAID_THEIRS, CANNOT_KNOW_OURS]),
        (Verdict::News, &[SAID_THEIRS]),
        (Verdict::News, &[CANNOT_KNOW_OURS, LISTED, ECHOES]),
    ]);
}

#[test]
fn what_is_listed_after_an_absence_is_old_if_it_was_held_then() {
    check(&[
        (Verdict::Old, &[LISTED, LEFT_WITH]),
        (Verdict::Old, &[LISTED, PREDATES]),
        (Verdict::News, &[LEFT_WITH, PREDATES]),
        (Verdict::Old, &[BEFORE_HELLO, DELAYED, LEFT_WITH]),
    ]);
}

#[test]
fn copies_and_echoes_of_replaced_values_are_late() {
    check(&[
        (Verdict::LateCopy, &[COPY]),
        (Verdict::LateEcho, &[SENT_THEIRS]),
        (Verdict::LateCopy, &[COPY, SENT_THEIRS]),
        (Verdict::LateCopy, &[COPY, BUSY]),
    ]);
}

#[test]
fn what_comes_before_hello_waits_once_for_what_follows() {
    check(&[
        (Verdict::Backlog, &[BEFORE_HELLO]),
        (Verdict::Backlog, &[BEFORE_HELLO, LEFT_WITH, COPY, ECHOES, NO_ECHO]),
        (Verdict::News, &[BEFORE_HELLO, DELAYED]),
    ]);
}

#[test]
fn news_of_a_key_that_changes_too_often_waits_once() {
    check(&[
        (throttled(BUSY_PAUSE_MS, 0), &[BUSY]),
        (Verdict::News, &[BUSY, DELAYED]),
        (Verdict::Behind, &[BUSY, ECHOES, NO_ECHO]),
    ]);
    let returning = |returns| {
        let mut view = view();
        view.past.returns = returns;
        judge(&view)
    };
    assert_eq!(returning(FREE_RETURNS), Verdict::News);
    assert_eq!(returning(FREE_RETURNS + 1), throttled(0, 600));
    assert_eq!(returning(FREE_RETURNS + 2), throttled(0, 1200));
    assert_eq!(returning(FREE_RETURNS + 3), throttled(0, LONGEST_CHASE_PAUSE_MS));
    assert_eq!(returning(u32::MAX), throttled(0, LONGEST_CHASE_PAUSE_MS));
}

#[test]
fn a_removed_value_stays_away_and_another_one_is_news() {
    check(&[
        (Verdict::News, &[REMOVED]),
        (Verdict::Old, &[REMOVED, HAD_THEIRS]),
        (Verdict::Old, &[REMOVED, LISTED, REPLACED]),
        (Verdict::Old, &[REMOVED, LISTED, LEFT_WITH]),
        (Verdict::News, &[REMOVED, LISTED]),
        (Verdict::News, &[REMOVED, REPLACED]),
        (Verdict::Old, &[REMOVED, HAD_NO_KNOWN_VALUE, LISTED]),
        (Verdict::News, &[REMOVED, HAD_NO_KNOWN_VALUE]),
        (Verdict::Old, &[EXPIRED, HAD_THEIRS]),
        (Verdict::Old, &[REFUSED, HAD_THEIRS]),
        (Verdict::LateEcho, &[REMOVED, SENT_THEIRS]),
        (Verdict::LateCopy, &[REMOVED, COPY]),
        // There is no value of ours that the peer could be behind, nor does a key without one change too often.
        (Verdict::News, &[REMOVED, ECHOES, NO_ECHO, BUSY]),
        (Verdict::News, &[REMOVED, BEFORE_HELLO]),
    ]);
}

#[test]
fn a_hidden_value_comes_back_only_when_it_is_sent_anew() {
    check(&[
        (Verdict::News, &[SUPPRESSED, HAD_THEIRS]),
        (Verdict::Old, &[SUPPRESSED, HAD_THEIRS, LISTED]),
        (Verdict::Old, &[SUPPRESSED, HAD_THEIRS, SAID_THEIRS, ECHOES]),
        (Verdict::News, &[SUPPRESSED, HAD_THEIRS, SAID_THEIRS]),
        (Verdict::News, &[SUPPRESSED, LISTED, LEFT_WITH]),
    ]);
}

#[test]
fn a_first_echo_is_one_that_comes_by_itself() {
    let is_first_echo = |facts: &[Fact]| {
        let mut view = view();
        for add in facts {
            add(&mut view);
        }
        view.is_first_echo()
    };
    assert!(is_first_echo(&[SENT_THEIRS]) && !is_first_echo(&[]));
    for other in [ECHOES, LISTED, DELAYED, SAID_THEIRS] {
        assert!(!is_first_echo(&[SENT_THEIRS, other]));
    }
}
