use super::*;
use crate::core::codec::{Extension, MessageId, encode};
use crate::core::event::Event;
use crate::core::id::Role;
use crate::core::settings::Settings;
use std::collections::BTreeMap;

const WALL: u64 = 1_800_000_000_000;
const HOUR: u64 = 3_600_000;

fn at(ms: u64) -> Now {
    Now { mono: ms, wall: WALL + ms }
}

/// The content of a file: keys with their records, and the head.
#[derive(Clone, Default)]
struct File {
    records: BTreeMap<Box<[u8]>, Vec<u8>>,
    head: Vec<u8>,
    number: u64,
}

impl File {
    /// Takes all that it lacks, in small pieces.
    fn save(&mut self, node: &mut Node, now: Now) {
        while let Some(Changes { clear, records, head, number }) = node.poll_unsaved(100, now) {
            if clear {
                self.records.clear();
            }
            for (key, record) in records {
                if record.is_empty() {
                    self.records.remove(&key);
                } else {
                    self.records.insert(key, record);
                }
            }
            self.head = head;
            self.number = self.number.max(number);
        }
    }

    /// A node that comes back as what the file says.
    fn restore(&self, seed: u64, now: Now) -> Node {
        let mut node = Node::new(Settings::default(), seed, now);
        assert!(node.restore_head(&self.head, now));
        for (key, record) in &self.records {
            assert!(node.restore(key, record, now), "{}", key.escape_ascii());
        }
        node.begin_saving(false);
        node
    }
}

fn new(seed: u64, ms: u64) -> (Node, File) {
    let mut node = Node::new(Settings::default(), seed, at(ms));
    node.begin_saving(true);
    (node, File::default())
}

/// Connects two nodes, and lets them talk until nothing is said any more for seconds. Returns the time then.
fn meet(one: &mut Node, other: &mut Node, from: u64) -> u64 {
    let (up, down) =
        (one.open_link(Role::Client, at(from)).unwrap(), other.open_link(Role::Server, at(from)).unwrap());
    one.link_up(up, at(from));
    for ms in (from..from + 6000).step_by(10) {
        one.handle_timeout(at(ms));
        other.handle_timeout(at(ms));
        loop {
            let mut is_quiet = true;
            while let Some(frame) = one.poll_transmit(up, at(ms)) {
                other.handle_frame(down, frame.bytes(), at(ms));
                is_quiet = false;
            }
            while let Some(frame) = other.poll_transmit(down, at(ms)) {
                one.handle_frame(up, frame.bytes(), at(ms));
                is_quiet = false;
            }
            if is_quiet {
                break;
            }
        }
    }
    assert_eq!(one.root(), other.root(), "they agree");
    let end = from + 6000;
    one.close_link(up, at(end));
    other.close_link(down, at(end));
    end
}

fn keys(node: &Node, ms: u64) -> Vec<String> {
    let mut keys: Vec<String> =
        node.readable(at(ms)).map(|tuple| String::from_utf8_lossy(tuple.key()).into_owned()).collect();
    keys.sort();
    keys
}

#[test]
fn a_node_comes_back_with_what_it_had() {
    let (mut node, mut file) = new(1, 1000);
    for key in 0..50 {
        node.publish(format!("{key}").as_bytes(), b"1", 0, at(1000)).unwrap();
    }
    node.publish(b"short", b"1", 500, at(1000)).unwrap();
    node.publish(b"long", b"1", 10_000, at(1000)).unwrap();
    file.save(&mut node, at(1000));
    assert_eq!(file.number, node.save_number());
    node.publish(b"0", b"2", 0, at(1001)).unwrap();
    node.retract(b"1", at(1001)).unwrap();
    assert!(file.number < node.save_number());
    file.save(&mut node, at(1001));
    let mut back = file.restore(2, at(3000));
    assert!(
        back.poll_unsaved(1000, at(3000)).is_none_or(|changes| changes.records.is_empty()),
        "all is in the file"
    );
    assert_eq!(back.id(), node.id());
    assert_eq!(back.get(b"0", at(3000)).unwrap().value(), b"2");
    assert!(back.get(b"1", at(3000)).is_none() && back.get(b"short", at(3000)).is_none());
    assert_eq!(back.count_readable(at(10_999)), 50);
    back.handle_timeout(at(11_000));
    assert_eq!(back.count_readable(at(11_000)), 49, "the time to live has gone on meanwhile");
}

#[test]
fn what_is_hidden_forgotten_or_refused_later_is_so_in_the_file() {
    let (mut node, mut file) = new(1, 1000);
    for key in [&b"hidden"[..], b"gone", b"stays"] {
        node.publish(key, b"1", 0, at(1000)).unwrap();
    }
    file.save(&mut node, at(1000));
    assert!(node.unpublish(b"gone", at(1001)), "nobody has it");
    node.met_anybody = true;
    assert!(node.unpublish(b"hidden", at(1001)));
    file.save(&mut node, at(1001));
    assert_eq!(file.records.len(), 2);
    let back = file.restore(2, at(2000));
    assert_eq!(keys(&back, 2000), ["stays"]);
    assert_eq!(back.stats().hidden, 1);
}

#[test]
fn a_damaged_record_costs_its_key_and_nothing_else() {
    let (mut node, mut file) = new(1, 1000);
    (0..3).for_each(|key| node.publish(format!("{key}").as_bytes(), b"1", 0, at(1000)).unwrap());
    file.save(&mut node, at(1000));
    file.records.get_mut(&b"1"[..]).unwrap()[3] ^= 1;
    let mut back = Node::new(Settings::default(), 2, at(2000));
    assert!(!back.restore_head(&file.head[1..], at(2000)) && back.restore_head(&file.head, at(2000)));
    let taken: Vec<bool> =
        file.records.iter().map(|(key, record)| back.restore(key, record, at(2000))).collect();
    assert_eq!(taken, [true, false, true]);
    assert_eq!(keys(&back, 2000), ["0", "2"]);
}

#[test]
fn a_whole_network_that_was_off_for_long_has_its_tuples_and_nothing_removed() {
    let (mut one, mut first) = new(1, 1000);
    let (mut other, mut second) = new(2, 1000);
    one.publish(b"stays", b"1", 0, at(1000)).unwrap();
    one.publish(b"removed", b"1", 0, at(1000)).unwrap();
    let end = meet(&mut one, &mut other, 1000);
    first.save(&mut one, at(end));
    other.retract(b"removed", at(end)).unwrap();
    second.save(&mut other, at(end));
    let begin = end + 100 * HOUR;
    let (mut one, mut other) = (first.restore(3, at(begin)), second.restore(4, at(begin)));
    let end = meet(&mut one, &mut other, begin);
    assert_eq!((keys(&one, end), keys(&other, end)), (vec!["stays".to_owned()], vec!["stays".to_owned()]));
}

/// Who was away until a removal was forgotten, or not, comes back.
fn after(away: u64) -> (Node, Node, u64, Vec<Event>) {
    let (mut one, mut file) = new(1, 1000);
    let (mut other, _) = new(2, 1000);
    one.publish(b"stays", b"1", 0, at(1000)).unwrap();
    one.publish(b"removed", b"1", 0, at(1000)).unwrap();
    let end = meet(&mut one, &mut other, 1000);
    file.save(&mut one, at(end));
    other.retract(b"removed", at(end + 1)).unwrap();
    let begin = end + away;
    in_company(&mut other, end, begin);
    assert_eq!(other.stats().tombstones, u64::from(away < HOUR), "{away}");
    let mut back = file.restore(3, at(begin));
    back.publish(b"fresh", b"1", 0, at(begin)).unwrap();
    while back.poll_event().is_some() {}
    let end = meet(&mut back, &mut other, begin);
    let events = std::iter::from_fn(|| back.poll_event());
    let events =
        events.filter(|event| matches!(event, Event::Deliver(_) | Event::First(_) | Event::Retract(_)));
    let events = events.collect();
    (back, other, end, events)
}

#[test]
fn what_was_removed_and_forgotten_meanwhile_does_not_come_back() {
    for away in [60_000, 3 * HOUR] {
        let (back, other, end, events) = after(away);
        assert_eq!(keys(&other, end), ["fresh", "stays"], "{away}");
        assert_eq!(keys(&back, end), ["fresh", "stays"], "{away}");
        assert_eq!(
            events,
            [Event::Retract(Tuple::new(b"removed", b"1"))],
            "{away}: what stays does not flicker"
        );
    }
}

#[test]
fn a_program_that_publishes_again_what_its_file_has_writes_it_anew() {
    let (mut one, mut file) = new(1, 1000);
    let (mut other, _) = new(2, 1000);
    one.publish(b"key", b"1", 0, at(1000)).unwrap();
    let end = meet(&mut one, &mut other, 1000);
    file.save(&mut one, at(end));
    other.retract(b"key", at(end + 1)).unwrap();
    let mut back = file.restore(3, at(end + 5000));
    back.publish(b"key", b"1", 0, at(end + 5000)).unwrap();
    let end = meet(&mut back, &mut other, end + 5000);
    assert_eq!((keys(&back, end), keys(&other, end)), (vec!["key".to_owned()], vec!["key".to_owned()]));
}

#[test]
fn a_file_that_is_not_written_for_long_is_written_anew() {
    let (mut node, mut file) = new(1, 1000);
    let long = 70_000;
    (0..long).for_each(|key| node.publish(format!("{key}").as_bytes(), b"1", 0, at(1000)).unwrap());
    while let Some(Changes { records, .. }) = node.poll_unsaved(1 << 20, at(1000)) {
        file.records.extend(records);
    }
    (0..long - 1).for_each(|key| assert!(node.unpublish(format!("{key}").as_bytes(), at(1001))));
    file.save(&mut node, at(1001));
    assert_eq!(file.records.len(), 1);
}

/// Lets somebody be linked to a node for some time, in which it forgets what was removed: a node that is alone does not.
fn in_company(node: &mut Node, from: u64, until: u64) {
    let link = node.open_link(Role::Server, at(from)).unwrap();
    let hello = Extension { node: Some(1 << 63), ..Extension::default() };
    node.handle_frame(link, &encode(MessageId::Hello, &hello), at(from));
    for ms in (from..until).step_by(1000) {
        node.handle_timeout(at(ms));
        while node.poll_transmit(link, at(ms)).is_some() {}
    }
    node.close_link(link, at(until));
}

/// Two nodes hold the same, and end. Returns their files, and when that was.
fn two_ended() -> ([File; 2], u64) {
    let (mut one, mut first) = new(1, 1000);
    let (mut other, mut second) = new(2, 1000);
    for key in [&b"stays"[..], b"removed"] {
        one.publish(key, b"1", 0, at(1000)).unwrap();
    }
    let end = meet(&mut one, &mut other, 1000);
    first.save(&mut one, at(end));
    second.save(&mut other, at(end));
    ([first, second], end)
}

#[test]
fn a_network_that_has_come_back_keeps_what_it_has_whatever_it_removes_and_forgets_then() {
    let ([first, second], end) = two_ended();
    for minutes in [30, 59, 61, 120, 240] {
        let (mut one, mut other) = (first.restore(3, at(end)), second.restore(4, at(end)));
        let met = meet(&mut one, &mut other, end);
        one.retract(b"removed", at(met)).unwrap();
        let met = meet(&mut one, &mut other, met);
        let again = met + minutes * 60_000;
        in_company(&mut one, met, again);
        in_company(&mut other, met, again);
        let end = meet(&mut one, &mut other, again);
        assert_eq!([keys(&one, end), keys(&other, end)], [["stays"], ["stays"]], "{minutes} minutes");
    }
}

#[test]
fn who_comes_back_to_those_who_came_back_before_is_judged_by_them() {
    let ([first, second], end) = two_ended();
    let mut one = first.restore(3, at(end));
    one.retract(b"removed", at(end + 1)).unwrap();
    let begin = end + 3 * HOUR;
    in_company(&mut one, end + 1, begin);
    assert_eq!(one.stats().tombstones, 0);
    let mut other = second.restore(4, at(begin));
    let end = meet(&mut other, &mut one, begin);
    assert_eq!([keys(&one, end), keys(&other, end)], [["stays"], ["stays"]]);
}

#[test]
fn a_newcomer_who_comes_first_ends_no_doubt() {
    let ([first, second], end) = two_ended();
    let mut one = first.restore(3, at(end));
    one.retract(b"removed", at(end + 1)).unwrap();
    let begin = end + 3 * HOUR;
    in_company(&mut one, end + 1, begin);
    let mut other = second.restore(4, at(begin));
    let mut newcomer = Node::new(Settings::default(), 5, at(begin));
    let end = meet(&mut newcomer, &mut other, begin);
    let end = meet(&mut other, &mut one, end);
    assert_eq!([keys(&one, end), keys(&other, end)], [["stays"], ["stays"]]);
}

#[test]
fn who_has_been_there_all_the_time_ends_the_doubt() {
    let ([first, _], end) = two_ended();
    let (mut other, _) = new(2, 1000);
    let mut one = first.restore(3, at(end));
    let end = meet(&mut one, &mut other, end);
    assert_eq!((one.past.doubtful, keys(&other, end).len()), (0, 2));
    assert!(one.past.since <= other.past.since);
}

#[test]
fn what_is_forgotten_early_for_want_of_room_judges_nobody_who_came_back_at_the_same_time() {
    let ([first, second], end) = two_ended();
    let settings = Settings { max_tuples: 2, ..Settings::default() };
    let mut nodes = [first.restore(3, at(end)), second.restore(4, at(end))];
    for node in &mut nodes {
        node.set_settings(settings.clone(), at(end));
        for key in 0..4 {
            node.retract(format!("{key}").as_bytes(), at(end)).unwrap();
        }
        assert_eq!(node.stats().tombstones, 2);
    }
    let [one, other] = &mut nodes;
    let end = meet(one, other, end);
    assert_eq!([keys(one, end), keys(other, end)], [["removed", "stays"], ["removed", "stays"]]);
}

#[test]
fn a_peer_that_lies_about_the_future_costs_nothing_that_is_written_later() {
    let (mut node, _) = new(1, 1000);
    let link = node.open_link(Role::Server, at(1000)).unwrap();
    let knowledge = Some(Knowledge { forgotten: u64::MAX, doubtful: 0, since: 0 });
    let hello = Extension { node: Some(1 << 63), knowledge, ..Extension::default() };
    node.handle_frame(link, &encode(MessageId::Hello, &hello), at(1000));
    node.close_link(link, at(1000));
    let (mut other, mut file) = new(2, 1000);
    other.publish(b"unsent", b"1", 0, at(2000)).unwrap();
    file.save(&mut other, at(2000));
    let mut back = file.restore(2, at(3000));
    let end = meet(&mut back, &mut node, 3000);
    assert_eq!([keys(&back, end), keys(&node, end)], [["unsent"], ["unsent"]]);
}
