use super::*;
use crate::actor::command::Changed;
use crate::core::Tuple;
use crate::core::{Change, ChangeKind, Version};
use proptest::prelude::*;
use std::collections::HashSet;

fn deliver(key: &str, value: &str) -> Message {
    Message::Deliver(Tuple::new(key.as_bytes(), value.as_bytes()))
}

fn retract(key: &str) -> Message {
    Message::Retract(Tuple::new(key.as_bytes(), b""))
}

fn status(count: usize) -> Message {
    Message::text(["STATUS", &count.to_string()])
}

fn drain(inbox: &mut Inbox) -> Vec<Message> {
    let messages: Vec<_> = std::iter::from_fn(|| inbox.pop()).collect();
    assert!(inbox.is_empty() && inbox.front().is_none() && inbox.places.is_empty());
    assert_eq!((inbox.empty, inbox.notices, inbox.replies, inbox.reply_bytes), (0, 0, 0, 0));
    assert_eq!(inbox.removed_bytes, 0);
    messages
}

#[test]
fn newer_news_takes_the_place_of_older() {
    let mut inbox = Inbox::new(10);
    inbox.push_event(deliver("a", "1"));
    inbox.push_reply(status(1));
    inbox.push_event(deliver("b", "1"));
    inbox.push_event(deliver("a", "2"));
    inbox.push_event(retract("b"));
    assert_eq!(inbox.len(), 3);
    assert_eq!(inbox.front(), Some(&deliver("a", "2")));
    assert_eq!(drain(&mut inbox), [deliver("a", "2"), status(1), retract("b")]);
}

#[test]
fn news_that_was_taken_begins_to_wait_anew() {
    let mut inbox = Inbox::new(10);
    inbox.push_event(deliver("a", "1"));
    inbox.push_event(deliver("b", "1"));
    assert_eq!(inbox.pop(), Some(deliver("a", "1")));
    inbox.push_event(deliver("a", "2"));
    assert_eq!(drain(&mut inbox), [deliver("b", "1"), deliver("a", "2")]);
}

#[test]
fn repeated_replies_take_no_room() {
    let mut inbox = Inbox::new(2);
    for _ in 0..100_000 {
        inbox.push_reply(status(7));
    }
    assert!(!inbox.is_full_of_replies());
    assert_eq!((inbox.len(), inbox.slots.len()), (100_000, 1));
    inbox.push_reply(status(8));
    assert!(inbox.is_full_of_replies());
    let messages = drain(&mut inbox);
    assert_eq!(messages.len(), 100_001);
    assert_eq!(messages[99_999..], [status(7), status(8)]);
}

#[test]
fn large_replies_fill_the_inbox_by_their_bytes() {
    let mut inbox = Inbox::new(1_000);
    let value = vec![b'x'; 32 << 20];
    for number in 0..2 {
        assert!(!inbox.is_full_of_replies());
        inbox.push_reply(Message::Value(Tuple::new(&[number], &value)));
    }
    assert!(inbox.is_full_of_replies());
    inbox.pop();
    assert!(!inbox.is_full_of_replies());
    drain(&mut inbox);
}

#[test]
fn notices_are_limited_and_delivers_are_not() {
    let mut inbox = Inbox::new(10);
    for _ in 0..MAX_NOTICES {
        assert!(inbox.push_notice(Message::text(["JOIN", "tcp://peer"])));
    }
    assert!(!inbox.push_notice(Message::text(["JOIN", "tcp://peer"])));
    assert!(!inbox.push_event(retract("a")));
    assert!(inbox.push_event(deliver("a", "1")));
    assert!(inbox.push_event(retract("a")), "in the place of the older event there is room");
    assert_eq!(inbox.len(), MAX_NOTICES + 1);
    assert_eq!(drain(&mut inbox).last(), Some(&retract("a")));
}

#[test]
fn keys_that_come_and_go_do_not_pile_up() {
    let mut inbox = Inbox::new(10);
    for number in 0..50_000 {
        let key = number.to_string();
        inbox.push_event(deliver(&key, "1"));
        inbox.forget(&Tuple::new(key.as_bytes(), b"v"));
    }
    assert_eq!(inbox.len(), PIPE_DEPTH);
    assert!(inbox.slots.len() <= 3 * PIPE_DEPTH, "{} slots", inbox.slots.len());
    let messages = drain(&mut inbox);
    assert_eq!(messages[PIPE_DEPTH - 1], deliver("999", "1"));
}

#[test]
fn room_taken_by_a_long_wait_is_given_back() {
    let mut inbox = Inbox::new(10);
    for number in 0..20_000 {
        inbox.push_event(deliver(&number.to_string(), "1"));
    }
    while inbox.len() > 1000 {
        inbox.pop();
    }
    assert!(inbox.slots.capacity() <= 2 * KEPT_SLOTS, "given back only at the end");
    drain(&mut inbox);
    assert!(inbox.slots.capacity() <= KEPT_SLOTS && inbox.places.capacity() <= KEPT_SLOTS);
}

#[derive(Clone, Debug)]
enum Step {
    Deliver(u8, u8),
    Retract(u8),
    Forget(u8),
    Reply(u8),
    Pop,
}

proptest! {
    /// Against the obvious implementation: a list that is searched.
    #[test]
    fn behaves_like_a_searched_list(steps in prop::collection::vec(prop_oneof![
        4 => (0..20u8, 0..3u8).prop_map(|(key, value)| Step::Deliver(key, value)),
        1 => (0..20u8).prop_map(Step::Retract),
        1 => (0..20u8).prop_map(Step::Forget),
        1 => (0..3u8).prop_map(Step::Reply),
        3 => Just(Step::Pop),
    ], 0..400), ballast in prop::sample::select(vec![0usize, 2_500])) {
        let mut inbox = Inbox::new(1_000);
        let mut list: Vec<Message> = Vec::new();
        let mut heard = HashSet::new();
        for number in 0..ballast {
            list.push(deliver(&format!("ballast {number}"), ""));
            inbox.push_first(list[number].clone());
        }
        for step in steps {
            match step {
                Step::Deliver(..) | Step::Retract(_) => {
                    let (key, event) = match step {
                        Step::Deliver(key, value) => (key, deliver(&key.to_string(), &value.to_string())),
                        Step::Retract(key) => (key, retract(&key.to_string())),
                        _ => unreachable!(),
                    };
                    let key = key.to_string();
                    let first = heard.insert(key.clone()) && matches!(step, Step::Deliver(..));
                    let held = list.iter_mut().find(|m| m.event_tuple().is_some_and(|t| t.key() == key.as_bytes()));
                    match held {
                        Some(held) => *held = event.clone(),
                        None => list.push(event.clone()),
                    }
                    if first { inbox.push_first(event) } else { prop_assert!(inbox.push_event(event)) }
                }
                Step::Forget(key) => {
                    let key = key.to_string();
                    if list.len() > PIPE_DEPTH {
                        list.retain(|m| m.event_tuple().is_none_or(|t| t.key() != key.as_bytes()));
                    }
                    inbox.forget(&Tuple::new(key.as_bytes(), b"v"));
                }
                Step::Reply(number) => {
                    list.push(status(number.into()));
                    inbox.push_reply(status(number.into()));
                }
                Step::Pop => {
                    let taken = inbox.pop();
                    prop_assert_eq!(&taken, &(!list.is_empty()).then(|| list.remove(0)));
                }
            }
            prop_assert_eq!(inbox.len(), list.len());
            prop_assert_eq!(inbox.front(), list.first());
        }
        let keys: HashSet<_> = list.iter().filter_map(|m| m.event_tuple().map(|t| t.key().to_vec())).collect();
        inbox.index();
        prop_assert_eq!(keys.len(), inbox.places.len());
        prop_assert_eq!(drain(&mut inbox), list);
    }
}

/// What a program that does not read is owed of removed tuples has a bound in bytes, and values that are gone are not
/// kept for one that does not ask for removals.
#[test]
fn values_of_removed_tuples_take_64_mib_at_most() {
    let mut inbox = Inbox::new(10);
    let large = |key: usize| Tuple::new(key.to_string().as_bytes(), &vec![b'x'; 1 << 20]);
    let taken = (0..100).filter(|&key| inbox.push_event(Message::Retract(large(key)))).count();
    assert_eq!(taken, 63);
    assert!(inbox.push_event(Message::Deliver(large(0))), "in the place of a removal");
    assert!(inbox.push_event(Message::Retract(large(100))));
    assert_eq!(drain(&mut inbox).len(), 64);
    for key in 0..100 {
        inbox.push_event(Message::Deliver(large(key)));
        inbox.forget(&large(key));
    }
    assert!(inbox.is_empty());
}

fn changed(kind: ChangeKind, key: &str, value: &str, before: Option<&str>) -> Message {
    let tuple = |value: &str| Tuple::new(key.as_bytes(), value.as_bytes());
    let version = Version::parse([b'0'; Version::DIGITS]).expect("digits");
    let (tuple, before) = (tuple(value), before.map(tuple));
    let change = Change { kind, tuple, before, writer: None, name: None, version };
    Message::Changed(Box::new(Changed::new(change)))
}

#[test]
fn the_value_before_is_that_of_the_last_event_that_was_read() {
    use ChangeKind::{Deliver, Retract};
    let mut inbox = Inbox::new(1);
    let value = |inbox: &mut Inbox| {
        let message = inbox.pop().unwrap();
        let changed = message.changed().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(message.frame(0)), text(message.frame(2)), changed.before().map(text))
    };
    inbox.push_event(changed(Deliver, "key", "1", None));
    inbox.push_event(changed(Deliver, "key", "2", Some("1")));
    assert_eq!(value(&mut inbox), ("DELIVER".to_owned(), "2".to_owned(), None));
    inbox.push_event(changed(Deliver, "key", "3", Some("2")));
    inbox.push_event(changed(Retract, "key", "3", Some("3")));
    inbox.push_event(changed(Deliver, "key", "4", None));
    assert_eq!(value(&mut inbox), ("DELIVER".to_owned(), "4".to_owned(), Some("2".to_owned())));
    inbox.push_event(changed(Deliver, "key", "5", Some("4")));
    inbox.push_event(changed(Retract, "key", "5", Some("5")));
    assert_eq!(value(&mut inbox), ("RETRACT".to_owned(), String::new(), Some("4".to_owned())));
    assert_eq!(inbox.removed_bytes, 0);
}

#[test]
fn values_before_have_a_bound_in_bytes_and_no_event_is_dropped_for_it() {
    let mut inbox = Inbox::new(1);
    let large = "x".repeat(1 << 20);
    let keys = 2 * (MAX_REMOVED_BYTES >> 20);
    for key in 0..keys {
        assert!(inbox.push_event(changed(ChangeKind::Deliver, &key.to_string(), "1", Some(&large))));
    }
    assert!(inbox.removed_bytes <= MAX_REMOVED_BYTES);
    let read: Vec<_> = std::iter::from_fn(|| inbox.pop()).collect();
    let told = read.iter().filter(|message| message.changed().unwrap().before().is_some()).count();
    assert!(read.len() == keys && (keys / 3..keys).contains(&told), "{told} of {}", read.len());
    assert_eq!(inbox.removed_bytes, 0);
}
