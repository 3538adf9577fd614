//! A node of ours and a plain peer that a test plays.

use super::*;
use crate::core::codec::{Extension, Message, MessageId, decode, encode, encode_publish};
use crate::core::event::Event;
use crate::core::settings::Settings;

fn say(node: &mut Node, link: LinkId, value: &str, at: u64) {
    let frame = encode_publish(&Tuple::new(b"key", value.as_bytes()), 0, None);
    node.handle_frame(link, &frame, Now::at(at));
}

fn control(node: &mut Node, link: LinkId, message: MessageId, at: u64) {
    node.handle_frame(link, &encode(message, &Extension::default()), Now::at(at));
}

/// Takes the messages that the node sends: of PUBLISH the value, of anything else the number.
fn said(node: &mut Node, link: LinkId, at: u64) -> Vec<String> {
    let frames = std::iter::from_fn(|| node.poll_transmit(link, Now::at(at)));
    let frames: Vec<_> = frames.map(|frame| frame.bytes().to_vec()).collect();
    let show = |frame: &Vec<u8>| match decode(frame) {
        Ok(Message::Publish { value, .. }) => String::from_utf8_lossy(value).into_owned(),
        _ => format!("message {}", frame[2]),
    };
    frames.iter().map(show).collect()
}

/// Takes the values of the owner's DELIVER events.
fn told(node: &mut Node) -> Vec<String> {
    let value = |event| match event {
        Event::First(tuple) | Event::Deliver(tuple) => {
            Some(String::from_utf8_lossy(tuple.value()).into_owned())
        }
        _ => None,
    };
    std::iter::from_fn(|| node.poll_event()).filter_map(value).collect()
}

fn pass_time(node: &mut Node, until: u64) {
    while let Some(due) = node.poll_timeout().filter(|&due| due <= until) {
        node.handle_timeout(Now::at(due));
    }
}

/// Makes a node that has sent its plain server `first`, and asks by a PING whether the server has taken it.
fn node_with_first_sent() -> (Node, LinkId) {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let link = node.open_link(Role::Client, Now::at(1)).expect("a link");
    node.link_up(link, Now::at(1));
    said(&mut node, link, 1);
    (0..2).for_each(|_| control(&mut node, link, MessageId::Pong, 2));
    node.publish(b"key", b"first", 0, Now::at(10)).expect("room");
    assert_eq!(said(&mut node, link, 10), ["first", "message 3"]);
    (node, link)
}

/// PINGs that waited on the former connection are answered first on the new one: the hub's list comes behind all
/// those answers, and what it has newer is not told otherwise before.
#[test]
fn answers_to_pings_of_the_former_connection_do_not_end_the_list() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let link = node.open_link(Role::Client, Now::at(1)).expect("a link");
    node.link_up(link, Now::at(1));
    assert_eq!(said(&mut node, link, 1).len(), 3, "PING, HELLO, PING");
    (0..2).for_each(|_| control(&mut node, link, MessageId::Pong, 2));
    say(&mut node, link, "old", 3);
    pass_time(&mut node, 10_000);
    said(&mut node, link, 10_000);
    node.link_down(link, Now::at(10_000));
    node.link_up(link, Now::at(20_000));
    let greeting = said(&mut node, link, 20_000);
    // Two of the former connection, and the one before HELLO.
    (0..3).for_each(|_| control(&mut node, link, MessageId::Pong, 20_001));
    assert_eq!(said(&mut node, link, 20_001), [""; 0]);
    say(&mut node, link, "new", 20_002);
    (0..greeting.len() - 2).for_each(|_| control(&mut node, link, MessageId::Pong, 20_003));
    pass_time(&mut node, 30_000);
    assert!(!said(&mut node, link, 30_000).contains(&"old".to_owned()));
    assert_eq!(told(&mut node), ["old", "new"]);
}

#[test]
fn what_a_plain_hub_says_before_it_has_taken_ours_is_old_however_late_it_comes() {
    let (mut node, link) = node_with_first_sent();
    node.publish(b"key", b"second", 0, Now::at(3_000)).expect("room");
    assert_eq!(said(&mut node, link, 3_000), ["second"], "one question at a time");
    say(&mut node, link, "first", 3_500);
    control(&mut node, link, MessageId::Pong, 3_500);
    assert_eq!(said(&mut node, link, 3_500), ["message 3"]);
    say(&mut node, link, "second", 6_500);
    control(&mut node, link, MessageId::Pong, 6_500);
    pass_time(&mut node, 9_000);
    assert_eq!(told(&mut node), ["first", "second"]);
    // It has taken ours: what it says now is news.
    say(&mut node, link, "third", 9_000);
    assert_eq!(told(&mut node), ["third"]);
}

#[test]
fn an_answer_that_is_lost_is_not_waited_for_for_ever() {
    let (mut node, link) = node_with_first_sent();
    node.publish(b"key", b"second", 0, Now::at(10_100)).expect("room");
    assert_eq!(said(&mut node, link, 10_100), ["second", "message 3"]);
    control(&mut node, link, MessageId::Pong, 10_200);
    say(&mut node, link, "third", 10_300);
    assert_eq!(told(&mut node), ["first", "second", "third"]);
}

/// A client's last frame before it is cut off, which was on its way when our value was written.
#[test]
fn a_word_that_was_on_its_way_does_not_show_that_a_client_has_taken_what_was_written_meanwhile() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let keys = ["one", "two"];
    let publish = |node: &mut Node, value: &str, at| {
        let all = |key: &&str| node.publish(key.as_bytes(), value.as_bytes(), 0, Now::at(at)).is_ok();
        assert!(keys.iter().all(all));
    };
    publish(&mut node, "old", 100);
    let link = node.open_link(Role::Server, Now::at(200)).expect("a link");
    control(&mut node, link, MessageId::Hello, 200);
    pass_time(&mut node, 500);
    assert_eq!(said(&mut node, link, 500), ["old", "old"]);
    publish(&mut node, "new", 600);
    assert_eq!(said(&mut node, link, 600), ["new", "new"]);
    let echo = encode_publish(&Tuple::new(b"one", b"old"), 0, None);
    node.handle_frame(link, &echo, Now::at(601));
    for at in (1000..9000).step_by(100) {
        pass_time(&mut node, at);
        said(&mut node, link, at);
    }
    node.close_link(link, Now::at(9000));
    let link = node.open_link(Role::Server, Now::at(15_000)).expect("a link");
    control(&mut node, link, MessageId::Hello, 15_000);
    for key in keys {
        let listed = encode_publish(&Tuple::new(key.as_bytes(), b"old"), 0, None);
        node.handle_frame(link, &listed, Now::at(15_000));
    }
    assert!(
        keys.iter().all(|key| node
            .get(key.as_bytes(), Now::at(15_000))
            .is_some_and(|tuple| tuple.value() == b"new"))
    );
}

/// Makes a node with a client that has said HELLO and holds nothing, and writes `first` to that client.
fn node_with_client() -> (Node, LinkId) {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let link = node.open_link(Role::Server, Now::at(1)).expect("a link");
    control(&mut node, link, MessageId::Hello, 1);
    // A node that began lately does not believe lists.
    pass_time(&mut node, 43_000);
    said(&mut node, link, 43_000);
    node.publish(b"key", b"first", 0, Now::at(43_000)).expect("room");
    assert_eq!(said(&mut node, link, 43_000), ["first"]);
    assert_eq!(told(&mut node), ["first"]);
    (node, link)
}

/// CZMQ's client drops its session when it is told INVALID, and says HELLO anew on the same connection: what it was sent
/// before is still on its way to it, and comes back behind its list.
#[test]
fn a_client_that_says_hello_again_repeats_what_it_was_sent_before() {
    let (mut node, link) = node_with_client();
    control(&mut node, link, MessageId::Hello, 44_000);
    say(&mut node, link, "second", 44_001);
    pass_time(&mut node, 46_500);
    say(&mut node, link, "first", 46_500);
    assert_eq!(told(&mut node), ["second"]);
    let is_told = |node: &mut Node, at| {
        pass_time(node, at);
        said(node, link, at).contains(&"second".to_owned())
    };
    assert!((46_600..60_000).step_by(100).any(|at| is_told(&mut node, at)));
}

/// The client's line stands still for half a minute. Then it repeats all that it was sent, one after the other.
#[test]
fn a_line_that_stood_still_brings_no_news_by_its_echoes() {
    let (mut node, link) = node_with_client();
    node.publish(b"key", b"second", 0, Now::at(49_000)).expect("room");
    node.publish(b"key", b"third", 0, Now::at(54_000)).expect("room");
    pass_time(&mut node, 73_000);
    said(&mut node, link, 73_000);
    for value in ["first", "second", "third"] {
        say(&mut node, link, value, 73_000);
    }
    assert_eq!(told(&mut node), ["second", "third"]);
    say(&mut node, link, "first", 73_100);
    assert_eq!(told(&mut node), ["first"], "it has taken all: this is written there");
}

/// The line stands still between the client's HELLO and its list. By then the client was sent our value, which it takes
/// only after it has said what it holds.
#[test]
fn a_list_that_comes_seconds_after_hello_is_still_a_list() {
    let (mut node, link) = node_with_client();
    say(&mut node, link, "first", 43_100);
    node.close_link(link, Now::at(50_000));
    node.publish(b"key", b"second", 0, Now::at(51_000)).expect("room");
    let link = node.open_link(Role::Server, Now::at(60_000)).expect("a link");
    control(&mut node, link, MessageId::Hello, 60_000);
    pass_time(&mut node, 63_000);
    assert!(said(&mut node, link, 63_000).contains(&"second".to_owned()));
    say(&mut node, link, "first", 64_000);
    pass_time(&mut node, 65_900);
    say(&mut node, link, "second", 65_900);
    pass_time(&mut node, 80_000);
    assert_eq!(told(&mut node), ["second"]);
}

/// Makes a client that has connected to a node and said HELLO, and lists one value.
fn lister(node: &mut Node, value: &str, at: u64) -> LinkId {
    let link = node.open_link(Role::Server, Now::at(at)).expect("a link");
    control(node, link, MessageId::Hello, at);
    say(node, link, value, at);
    link
}

/// Nobody else has changed the key back to what the node has seen replaced since it started.
#[test]
fn what_a_young_node_has_seen_replaced_is_old_in_every_list() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let first = lister(&mut node, "old", 100);
    pass_time(&mut node, 3_000);
    said(&mut node, first, 3_000);
    node.publish(b"key", b"new", 0, Now::at(3_000)).expect("room");
    assert_eq!(said(&mut node, first, 3_000), ["new"]);
    say(&mut node, first, "new", 3_010);
    lister(&mut node, "old", 10_000);
    assert_eq!(told(&mut node), ["old", "new"]);
}

/// A client wrote while there was no hub: that waited for the connection, and comes before HELLO. What others list they
/// held before.
#[test]
fn what_was_written_while_there_was_no_node_wins_over_lists() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let writer = node.open_link(Role::Server, Now::at(100)).expect("a link");
    say(&mut node, writer, "written", 100);
    control(&mut node, writer, MessageId::Hello, 110);
    say(&mut node, writer, "written", 110);
    let other = lister(&mut node, "kept", 2_000);
    assert_eq!(told(&mut node), ["written"]);
    pass_time(&mut node, 20_000);
    assert!(said(&mut node, other, 20_000).contains(&"written".to_owned()));
    // Where nobody wrote, the later list wins.
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    lister(&mut node, "listed", 110);
    lister(&mut node, "kept", 2_000);
    assert_eq!(told(&mut node), ["listed", "kept"]);
}

/// The client's line is slow: the list is from before its HELLO, however late it comes, and what the node was told since
/// is later.
#[test]
fn what_a_young_node_hears_while_a_list_comes_in_is_not_in_the_list() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let first = node.open_link(Role::Server, Now::at(100)).expect("a link");
    control(&mut node, first, MessageId::Hello, 100);
    let slow = node.open_link(Role::Server, Now::at(2_000)).expect("a link");
    control(&mut node, slow, MessageId::Hello, 2_000);
    let other = encode_publish(&Tuple::new(b"another key", b""), 0, None);
    node.handle_frame(slow, &other, Now::at(2_900));
    pass_time(&mut node, 3_000);
    said(&mut node, first, 3_000);
    node.publish(b"key", b"new", 0, Now::at(3_000)).expect("room");
    assert_eq!(said(&mut node, first, 3_000), ["new"]);
    say(&mut node, slow, "old", 3_800);
    assert_eq!(told(&mut node), ["", "new"]);
}

/// The node has known the value for longer than the slow client's session lasts, but no plain peer was sent it before.
#[test]
fn what_others_are_sent_while_a_list_comes_in_is_not_known_to_the_lister() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    node.publish(b"key", b"new", 0, Now::at(50)).expect("room");
    let first = node.open_link(Role::Server, Now::at(100)).expect("a link");
    control(&mut node, first, MessageId::Hello, 100);
    let slow = node.open_link(Role::Server, Now::at(150)).expect("a link");
    control(&mut node, slow, MessageId::Hello, 150);
    pass_time(&mut node, 300);
    assert_eq!(said(&mut node, first, 300), ["new"]);
    say(&mut node, slow, "old", 400);
    assert_eq!(told(&mut node), ["new"]);
    // A client that comes now may have heard of it from the first.
    lister(&mut node, "newer", 500);
    assert_eq!(told(&mut node), ["newer"]);
}

/// Makes a zgossip client of the node, which passes on a value with this stamp.
fn one_of_ours(node: &mut Node, value: &str, stamp: Stamp, at: u64) {
    let ours = node.open_link(Role::Server, Now::at(at)).expect("a link");
    let hello = Extension { node: Some(7), capabilities: Some(0), ..Extension::default() };
    node.handle_frame(ours, &encode(MessageId::Hello, &hello), Now::at(at));
    let frame = encode_publish(&Tuple::new(b"key", value.as_bytes()), 0, Some(stamp));
    node.handle_frame(ours, &frame, Now::at(at));
}

/// CZMQ nodes wrote the key elsewhere. One of ours has passed it on, and knows what it replaced.
#[test]
fn what_our_nodes_pass_on_of_plain_peers_goes_before_the_lists_to_a_young_node() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let stamp = Stamp::default().successor(1).successor(value_hash(b"new"));
    one_of_ours(&mut node, "new", stamp, 2);
    lister(&mut node, "old", 100);
    assert_eq!(told(&mut node), ["new"]);
}

/// A CZMQ client was started anew together with its hub, and writes what it had written once before.
#[test]
fn what_replaced_nothing_does_not_go_before_the_lists_to_a_young_node() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let stamp = Stamp::default().successor(value_hash(b"first"));
    one_of_ours(&mut node, "first", stamp, 2);
    lister(&mut node, "second", 100);
    assert_eq!(told(&mut node), ["first", "second"]);
}

/// A node of ours that says HELLO, and that the network's hybrid clock shows `clock`.
fn greet(node: &mut Node, clock: u64, at: u64) -> LinkId {
    let link = node.open_link(Role::Server, Now::at(at)).expect("a link");
    let hello =
        Extension { node: Some(7), capabilities: Some(0), clock: Some(clock), ..Extension::default() };
    node.handle_frame(link, &encode(MessageId::Hello, &hello), Now::at(at));
    link
}

/// This node's wall clock is behind: by it alone, what was written before the start looks as if written since.
#[test]
fn what_was_stamped_before_the_first_contact_goes_before_lists_whatever_the_wall_clock_shows() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let wall = Now::at(1).wall;
    let stamp = Stamp { time: (wall + 60_000) << 16, origin: 1 << 63 | 7 };
    let ours = greet(&mut node, stamp.time, 10);
    let first = lister(&mut node, "older", 20);
    pass_time(&mut node, 3_000);
    let frame = encode_publish(&Tuple::new(b"key", b"new"), 0, Some(stamp));
    node.handle_frame(ours, &frame, Now::at(3_000));
    let is_told = |node: &mut Node, at| {
        pass_time(node, at);
        said(node, first, at).contains(&"new".to_owned())
    };
    assert!((3_000..9_000).step_by(100).any(|at| is_told(&mut node, at)));
    lister(&mut node, "old", 10_000);
    assert_eq!(told(&mut node), ["older", "new"]);
}

/// The connection of a client breaks before it is told what the node holds since its restart.
#[test]
fn a_client_that_was_not_told_all_may_come_back_with_what_was_replaced_before() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    lister(&mut node, "old", 100);
    pass_time(&mut node, 200);
    node.publish(b"key", b"new", 0, Now::at(200)).expect("room");
    let slow = node.open_link(Role::Server, Now::at(1_000)).expect("a link");
    control(&mut node, slow, MessageId::Hello, 1_000);
    let other = encode_publish(&Tuple::new(b"another key", b""), 0, None);
    node.handle_frame(slow, &other, Now::at(1_100));
    node.close_link(slow, Now::at(4_000));
    lister(&mut node, "old", 100_000);
    assert_eq!(told(&mut node), ["old", "new", ""]);
}
