//! A plain peer whose events a test makes up.

use super::check::{LONGEST_UNQUIET_MS, TRIES};
use super::*;

const OURS: u64 = 7;
const OTHER: u64 = 8;

/// The peer is connected and has taken all that it was sent.
const HEARD: Progress = Progress { is_ours_queued: false, is_receipt_outstanding: false, heard_at: u64::MAX };

/// The peer says a value behind its list.
fn say(peer: &mut PlainPeer, hash: u64, now: u64) {
    peer.take_in_flight(0, hash, Silence::default(), now);
    peer.on_received(0, hash, false, now);
}

/// Our value, last changed at `changed_at`.
fn ours(changed_at: u64) -> Ours {
    Ours { hash: OURS, changed_at }
}

/// Makes a peer that has shown that it repeats what it is sent.
fn echoing() -> PlainPeer {
    let mut peer = PlainPeer::default();
    peer.on_late_echo();
    peer
}

/// Sends our value to the peer at `now`.
fn send_ours(peer: &mut PlainPeer, now: u64) {
    peer.on_changed(0, true, now);
    peer.on_sent(0, OURS, now);
}

#[test]
fn a_peer_that_named_few_keys_costs_little() {
    let mut peer = PlainPeer::default();
    for slot in [1_999_999, 0] {
        assert_eq!((peer.last_received(slot), peer.on_received(slot, 7, false, 0)), (None, None));
        assert!(peer.holds(slot, 7) && !peer.holds(slot + 1, 7));
    }
    assert!(peer.keys.bytes() < 100_000, "{}", peer.keys.bytes());
    peer.on_reconnect();
    assert!(!peer.holds(0, 7) && !peer.holds(1_999_999, 7));
    peer.forget(1_999_999, 0);
    peer.forget(5_000_000, 0);
    assert_eq!((peer.on_received(0, 8, false, 0), peer.on_received(1_999_999, 8, false, 0)), (Some(7), None));
}

#[test]
fn an_echo_is_outstanding_for_two_seconds() {
    let mut peer = echoing();
    send_ours(&mut peer, 100);
    assert!(peer.is_awaited(0) && peer.is_echo_outstanding(0, 100, 99 + STALE_MS));
    assert!(!peer.is_echo_outstanding(0, 100, 100 + STALE_MS));
    assert!(peer.was_just_sent(0, OURS, 99 + STALE_MS) && !peer.was_just_sent(0, OURS, 100 + STALE_MS));
    assert!(peer.cannot_know_ours(0, 99 + ECHO_MS) && !peer.cannot_know_ours(0, 100 + ECHO_MS));
    say(&mut peer, OURS, 200);
    peer.on_echo(0, 200);
    assert!(!peer.is_awaited(0) && peer.unechoed_since(0).is_none());
}

#[test]
fn what_a_peer_has_confirmed_ends_before_the_first_value_that_is_awaited() {
    let mut peer = PlainPeer::default();
    assert_eq!(peer.confirmed_until(900), 900);
    for (slot, at) in [(1, 300), (2, 500), (3, 300)] {
        peer.on_changed(slot, true, at);
    }
    peer.on_adopted(1, 600);
    assert_eq!(peer.confirmed_until(900), 299);
    peer.on_echo(3, 600);
    assert_eq!(peer.confirmed_until(900), 499);
    peer.on_rejected(2, 400, 700);
    assert_eq!((peer.confirmed_until(900), peer.confirmed_until(100)), (399, 100));
    peer.forget(2, 700);
    assert_eq!(peer.confirmed_until(900), 900);
}

#[test]
fn a_check_settles_what_the_peer_repeats() {
    let mut peer = echoing();
    send_ours(&mut peer, 0);
    peer.on_received(0, OURS, false, 0);
    assert_eq!(peer.check(0, ours(0), HEARD, QUIET_MS), Check::Settled);
    assert_eq!(peer.next_check_at(), Some(QUIET_MS), "the one that was scheduled when the value changed");
}

#[test]
fn a_check_waits_for_quiet_for_a_second_at_most() {
    let mut peer = PlainPeer::default();
    peer.on_received(0, OTHER, false, 0);
    peer.on_rejected(0, 0, 0);
    let changed_at = |now| now - QUIET_MS + 1;
    for now in [QUIET_MS, LONGEST_UNQUIET_MS - 1] {
        assert_eq!(peer.check(0, ours(changed_at(now)), HEARD, now), Check::Later);
    }
    let now = LONGEST_UNQUIET_MS;
    assert_eq!(peer.check(0, ours(changed_at(now)), HEARD, now), Check::Resend);
}

#[test]
fn a_peer_that_insists_after_its_echo_was_due_holds_its_value() {
    let mut peer = echoing();
    send_ours(&mut peer, 0);
    peer.on_received(0, OTHER, false, 0);
    assert_eq!(peer.check(0, ours(0), HEARD, ECHO_MS - 1), Check::Later);
    assert_eq!(
        peer.check(0, ours(0), Progress { is_receipt_outstanding: true, ..HEARD }, ECHO_MS),
        Check::Later,
        "it has yet to adopt ours"
    );
    assert_eq!(peer.check(0, ours(0), HEARD, ECHO_MS), Check::Adopt);
    // One that took 700 ms for an echo is given twice as long.
    let mut slow = echoing();
    slow.on_changed(0, true, 0);
    slow.on_echo(0, 700);
    send_ours(&mut slow, 1000);
    slow.on_received(0, OTHER, false, 1000);
    assert_eq!(slow.check(0, ours(1000), HEARD, 2399), Check::Later);
    assert_eq!(slow.check(0, ours(1000), HEARD, 2400), Check::Adopt);
}

/// The value is sent again before the peer has repeated it. The peer changes it, and then takes what was sent again.
#[test]
fn what_is_sent_twice_may_be_repeated_twice() {
    let mut peer = echoing();
    send_ours(&mut peer, 100);
    peer.on_sent(0, OURS, 2_000);
    assert!(peer.take_in_flight(0, OURS, Silence::default(), 2_100));
    assert!(!peer.take_in_flight(0, OTHER, Silence::default(), 3_000));
    assert!(peer.take_in_flight(0, OURS, Silence::default(), 4_000));
    assert!(!peer.take_in_flight(0, OURS, Silence::default(), 4_100), "it was sent that twice only");
}

#[test]
fn a_peer_that_says_nothing_held_our_value_already() {
    let mut peer = echoing();
    send_ours(&mut peer, 0);
    assert_eq!(peer.check(0, ours(0), HEARD, STALE_MS - 1), Check::Later);
    assert_eq!(peer.check(0, ours(0), HEARD, STALE_MS), Check::Settled);
    // One that never repeats anything is not waited for.
    let mut mute = PlainPeer::default();
    send_ours(&mut mute, 0);
    assert_eq!(mute.check(0, ours(0), HEARD, QUIET_MS), Check::Settled);
}

#[test]
fn our_value_is_sent_again_six_times_and_then_the_peers_is_adopted() {
    let mut peer = PlainPeer::default();
    peer.on_received(0, OTHER, false, 0);
    peer.on_rejected(0, 0, 0);
    let (mut now, mut checks) = (0, Vec::new());
    while let Some(at) = peer.next_check_at() {
        now = at;
        assert_eq!(peer.pop_check(now, 0), Some(0));
        checks.push(peer.check(0, ours(0), HEARD, now));
    }
    let (last, resent) = checks.split_last().expect("checks");
    assert_eq!((*last, resent), (Check::Adopt, [Check::Resend; TRIES as usize].as_slice()));
    assert_eq!(now, 27_600);
}

#[test]
fn a_check_that_ends_without_a_word_of_the_peer_does_not_confirm_what_it_was_sent() {
    let mut peer = PlainPeer::default();
    send_ours(&mut peer, 500);
    // It was on its way when ours was sent.
    peer.on_received(1, OTHER, false, 500);
    let settled = (501..10_000).step_by(100).find(|&now| {
        let checked = peer.pop_check(now, 0).map(|slot| peer.check(slot, ours(500), HEARD, now));
        checked == Some(Check::Settled)
    });
    assert!(settled.is_some() && !peer.is_awaited(0));
    assert_eq!(peer.confirmed_until(501), 499);
    assert_eq!(peer.confirmed_until(499 + STALE_MS), 499);
    assert_eq!(peer.confirmed_until(500 + STALE_MS), 500 + STALE_MS, "it would have repeated ours by then");
}

#[test]
fn a_peer_that_may_be_gone_is_not_believed_before_it_is_heard_again() {
    let mut peer = PlainPeer::default();
    send_ours(&mut peer, 100);
    peer.on_received(0, OTHER, false, 101);
    let gone = Progress { heard_at: 101, ..HEARD };
    let checks: Vec<Check> = (200..200_000)
        .step_by(100)
        .filter_map(|now| peer.pop_check(now, 0).map(|slot| peer.check(slot, ours(100), gone, now)))
        .collect();
    assert_eq!(checks.iter().filter(|&&check| check == Check::Resend).count(), usize::from(TRIES));
    assert!(!checks.contains(&Check::Adopt));
    assert!(checks.len() < 40, "{}: looked at seldom", checks.len());
    let at = peer.next_check_at().expect("it is looked at again");
    assert_eq!(peer.check(0, ours(100), HEARD, at), Check::Adopt);
}

#[test]
fn what_waits_for_room_in_the_socket_is_not_answered() {
    let mut peer = echoing();
    peer.on_received(0, OTHER, false, 0);
    peer.on_rejected(0, 0, 0);
    assert_eq!(peer.check(0, ours(0), HEARD, QUIET_MS), Check::Resend);
    // The peer stands still, and is heard of again when ours is still here.
    peer.on_received(0, OTHER, false, 6000);
    let queued = Progress { is_ours_queued: true, ..HEARD };
    assert_eq!(peer.check(0, ours(0), queued, 6000), Check::Later);
    peer.on_sent(0, OURS, 6100);
    assert_eq!(
        peer.check(0, ours(0), HEARD, 6099 + ECHO_MS),
        Check::Later,
        "it is sent now, and not when it was due"
    );
    assert_eq!(peer.check(0, ours(0), HEARD, 6100 + ECHO_MS), Check::Adopt);
}

#[test]
fn the_words_of_a_peer_that_stood_still_are_older_than_what_it_was_sent() {
    let mut peer = echoing();
    send_ours(&mut peer, 0);
    peer.on_received(0, OTHER, false, 6000);
    assert!(peer.is_echo_outstanding(0, 0, 6000), "though it was sent six seconds ago");
    peer.on_behind(6000);
    assert_eq!(peer.check(0, ours(0), HEARD, 6001), Check::Later);
    peer.on_received(0, OTHER, false, 7500);
    assert!(peer.is_echo_outstanding(0, 0, 7500));
    peer.on_behind(7500);
    assert_eq!(peer.check(0, ours(0), HEARD, 7499 + ECHO_MS), Check::Later);
    assert_eq!(peer.check(0, ours(0), HEARD, 7500 + ECHO_MS), Check::Adopt, "it insists");
    // Where ours is repeated, everything is known.
    say(&mut peer, OURS, 8600);
    peer.on_echo(0, 8600);
    assert!(!peer.is_echo_outstanding(0, 0, 8600));
}
