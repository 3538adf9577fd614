//! Limits of the times and numbers that a history goes by.

use super::*;

const LINK: LinkId = LinkId(1);
const OTHER: LinkId = LinkId(2);

fn replaced(history: &mut History, hash: u64, source: Option<LinkId>, since: u64, now: u64) {
    history.on_replaced(Replaced { hash, source, since }, now);
}

#[test]
fn a_late_copy_is_of_a_value_that_was_new_and_came_from_elsewhere() {
    let mut history = History::default();
    replaced(&mut history, 7, Some(OTHER), 1000, 1500);
    assert!(history.is_late_copy(7, LINK, 0, 2999));
    assert!(!history.is_late_copy(8, LINK, 0, 2999), "another value");
    assert!(!history.is_late_copy(7, OTHER, 0, 2999), "the link that it came by");
    assert!(!history.is_late_copy(7, LINK, 0, 3000), "it was ours for so long that all have it");
    assert!(history.is_late_copy(7, LINK, 1001, 3000), "but the peer is new");
    assert!(history.is_late_copy(7, LINK, 3000, 3499) && !history.is_late_copy(7, LINK, 3000, 3500));
    assert!(history.was_sent_by(7, OTHER, 3499) && !history.was_sent_by(7, OTHER, 3500));
    assert!(!history.was_sent_by(7, LINK, 3499));
}

#[test]
fn a_key_is_busy_after_five_adoptions_in_two_seconds() {
    let mut history = History::default();
    for at in [0, 100, 200, 300] {
        history.on_adopted(at, at);
        assert!(!history.is_busy(at));
    }
    history.on_adopted(400, 400);
    assert!(history.is_busy(1999) && !history.is_busy(2000));
    history.on_adopted(2000, 2000);
    assert!(history.is_busy(2099) && !history.is_busy(2100));
    assert!(history.is_overtaken(Stamp { time: 2000, origin: 1 }));
    assert!(!history.is_overtaken(Stamp { time: 2001, origin: 1 }));
}

#[test]
fn returns_are_counted_when_they_come_soon_and_forgotten_after_a_minute() {
    let mut history = History::default();
    replaced(&mut history, 7, None, 0, 100_000);
    assert_eq!((history.returns(8, 100_001), history.returns(7, 100_000 + CHASE_MS)), (0, 0));
    assert_eq!(history.returns(7, 99_999 + CHASE_MS), 1);
    history.on_return(1, 100_500);
    assert_eq!(history.returns(7, 100_600), 2);
    history.on_return(2, 100_600);
    let next = 100_600 + RETURNS_FORGOTTEN_MS;
    replaced(&mut history, 7, None, 0, next - 1);
    assert_eq!((history.returns(7, next - 1), history.returns(7, next)), (3, 1));
}

#[test]
fn a_value_that_is_replaced_again_is_remembered_once() {
    let mut history = History::default();
    for round in 0..100 {
        replaced(&mut history, round % 2, Some(LINK), 0, round);
    }
    assert_eq!(history.older.len(), 2);
    assert_eq!(
        (history.replaced_at(0), history.replaced_at(1), history.replaced_at(2)),
        (Some(98), Some(99), None)
    );
}

#[test]
fn what_was_removed_counts_as_replaced_only_when_the_next_value_comes() {
    let mut history = History::default();
    history.on_changed(None, 10);
    history.on_changed(Some((7, None)), 20);
    assert_eq!((history.replaced_at(7), history.changed_at()), (Some(20), 20));
    history.on_changed(None, 500);
    assert_eq!(history.replaced_at(7), Some(500));
    history.on_changed(None, 900);
    assert_eq!(history.replaced_at(7), Some(900), "removed again, and no plain peer was told yet");
}

#[test]
fn the_past_is_trimmed_but_for_what_an_absent_peer_may_hold() {
    let mut history = History::default();
    for at in 0..100 {
        replaced(&mut history, at, None, at, at + 1);
    }
    assert!(!history.is_long(STALE_MS) && history.is_long(STALE_MS + 1));
    history.trim(STALE_MS + 100, |since, _| since % 10 == 0);
    assert_eq!(history.older.len(), REMEMBERED);
    let kept: Vec<u64> = history.of_absent.iter().map(|older| older.value.hash).collect();
    assert_eq!(kept, [20, 30, 40, 50, 60, 70, 80, 90]);
    assert!(history.has_replaced(20) && history.has_replaced(92) && !history.has_replaced(91));
    history.prune(1000, 900);
    assert!(!history.has_replaced(92), "replaced at 93, more than 900 ms ago");
    assert!(history.has_replaced(99));
    for at in 0..2 * BURST_VALUES as u64 {
        replaced(&mut history, 1000 + at, None, 1000, 1000);
        history.trim(1000, |_, _| false);
    }
    assert_eq!(history.older.len(), BURST_VALUES, "whatever their age");
}

#[test]
fn a_silent_peer_may_have_left_with_what_was_replaced_since() {
    let (mut history, mut departures) = (History::default(), Departures::default());
    replaced(&mut history, 7, None, 100, 200);
    assert!(!history.was_left_with(7, &departures, || None));
    assert!(history.was_left_with(7, &departures, || Some(199)));
    assert!(!history.was_left_with(7, &departures, || Some(200)));
    departures.add(150, 300);
    assert!(
        history.was_left_with(7, &departures, || None) && !history.was_left_with(8, &departures, || Some(0))
    );
}

#[test]
fn of_each_link_only_the_newest_value_is_delayed() {
    let mut history = History::default();
    let delayed = |link, value: &[u8], time| Delayed {
        link,
        tuple: Tuple::new(b"key", value),
        over: Stamp { time, origin: 1 },
        pause: 100,
        before_hello: false,
    };
    assert_eq!(history.delay(delayed(LINK, b"a", 1)), None);
    assert_eq!(history.delay(delayed(OTHER, b"b", 1)), None);
    assert_eq!(history.delay(delayed(LINK, b"a", 2)), None, "the same again");
    assert_eq!(history.delay(delayed(OTHER, b"c", 2)), Some(value_hash(b"b")));
    history.set_delayed_until(500);
    assert!(history.delays(LINK) && !history.delays(LinkId(3)) && !history.is_past(u64::MAX, 0));
    let values = history.take_delayed();
    let values: Vec<_> = values.iter().map(|value| (value.tuple.value(), value.over.time)).collect();
    assert_eq!(values, [(b"a".as_slice(), 2), (b"c".as_slice(), 2)]);
    assert!(!history.delays(LINK) && history.delayed_until().is_none() && history.is_past(1, 0));
}
