use super::*;
use crate::core::clock::Stamp;
use crate::core::codec::{Extension, MessageId, encode, encode_publish};
use crate::core::id::Role;
use crate::core::settings::Settings;
use crate::core::tuple::Tuple;

/// The kinds of all warnings that wait, and the values of each.
fn warnings(node: &mut Node) -> Vec<(Kind, Vec<Value>)> {
    let events = std::iter::from_fn(|| node.poll_event());
    let warnings = events.filter_map(|event| match event {
        Event::Warning(warning) => Some((warning.kind, warning.values)),
        _ => None,
    });
    warnings.collect()
}

#[test]
fn dropped_messages_are_said_once_in_ten_minutes_whoever_sends_them() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let mut said = Vec::new();
    for minute in 1..=12 {
        let now = Now::at(minute * 60_000);
        let link = node.open_link(Role::Server, now).unwrap();
        node.handle_frame(link, b"nonsense", now);
        node.handle_frame(link, &encode(MessageId::Pong, &Extension::default()), now);
        node.close_link(link, now);
        said.extend(
            warnings(&mut node).into_iter().map(|(kind, values)| (minute, kind, values[0].1.clone())),
        );
    }
    let expected = [(1, "1"), (11, "11")].map(|(minute, count)| {
        [Kind::Malformed, Kind::Unexpected].map(|kind| (minute, kind, count.to_owned()))
    });
    assert_eq!(said, expected.concat());
}

#[test]
fn the_past_of_more_keys_than_can_be_remembered_is_forgotten_with_a_warning() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let link = node.open_link(Role::Server, Now::at(1)).unwrap();
    node.handle_frame(link, &encode(MessageId::Hello, &Extension::default()), Now::at(1));
    for value in [b"1", b"2"] {
        for key in 0..131_172 {
            node.publish(format!("key-{key}").as_bytes(), value, 0, Now::at(2)).unwrap();
        }
    }
    node.handle_timeout(Now::at(5000));
    assert_eq!(warnings(&mut node), [(Kind::PastForgotten, vec![("count", "100".to_owned())])]);
}

const PEER: u64 = 1 << 63 | 7;

/// A node that has no room for a second tuple, and a peer of this id that writes two.
fn overfull(node: &mut Node, id: u64, now: Now) -> LinkId {
    let link = node.open_link(Role::Server, now).unwrap();
    let hello = Extension { node: Some(id), ..Extension::default() };
    node.handle_frame(link, &encode(MessageId::Hello, &hello), now);
    let stamp = Stamp { time: now.wall << COUNTER_BITS, origin: id };
    for key in [b"one", b"two"] {
        node.handle_frame(link, &encode_publish(&Tuple::new(key, b"value"), 0, Some(stamp)), now);
    }
    link
}

#[test]
fn what_was_refused_of_a_peer_is_said_although_it_goes_before_the_next_look() {
    let mut node = Node::new(Settings { max_tuples: 1, ..Settings::default() }, 1, Now::at(1));
    node.handle_timeout(Now::at(1));
    let mut said = Vec::new();
    for minute in [1, 2, 12] {
        let now = Now::at(minute * 60_000);
        let link = overfull(&mut node, PEER, now);
        node.close_link(link, now);
        let events = std::iter::from_fn(|| node.poll_event());
        said.extend(events.filter_map(|event| match event {
            Event::Warning(warning) => Some((minute, warning.kind, warning.peer, warning.identity)),
            _ => None,
        }));
    }
    // What is counted of the peer's next connection is news although it is the same count.
    let peer = Some(Box::new(crate::core::Identity { id: PEER, name: None }));
    let expected = [(1, 1), (12, 3)];
    let expected = expected.map(|(minute, link)| (minute, Kind::NoRoom, Some(LinkId(link)), peer.clone()));
    assert_eq!(said, expected);
    overfull(&mut node, PEER + 1, Now::at(721_000));
    node.shutdown(Now::at(721_000));
    assert!(matches!(&warnings(&mut node)[..], [(Kind::NoRoom, _)]), "the node itself may go before");
}
