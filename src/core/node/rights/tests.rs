use super::*;
use crate::core::clock::{Now, Stamp};
use crate::core::codec::lists::BatchWriter;
use crate::core::codec::{Extension, MessageId, encode, encode_publish};
use crate::core::event::Event;
use crate::core::frame::Frame;
use crate::core::id::Role;
use crate::core::node::Agreement;
use crate::core::settings::Settings;
use crate::warning::Kind;
use std::collections::VecDeque;

mod reading;

fn rights(rules: &[(&str, &str, &str)]) -> Rights {
    let mut rights = Rights::default();
    for (subject, prefix, access) in rules {
        let access = Access::parse(access.as_bytes()).unwrap();
        rights.set(subject.as_bytes(), prefix.as_bytes(), Some(access)).unwrap();
    }
    rights
}

/// What all of these tests begin with: others may do anything, `w` may write below `w/` alone.
const RULES: [(&str, &str, &str); 4] =
    [("*", "", "write"), ("w", "", "read"), ("w", "w/", "write"), ("w", "w/news/", "announce")];

/// A hub, node 0, and leaves: `w`, node 1, and some who may write everything.
struct Star {
    nodes: Vec<Node>,
    /// The hub's link and the leaf's, of each leaf.
    links: Vec<[LinkId; 2]>,
    wires: Vec<[VecDeque<Frame>; 2]>,
    is_hub_client: bool,
    now: u64,
    /// Frames but for heartbeats, since the last look.
    frames: usize,
    /// All that the first leaf was sent.
    to_first: Vec<Frame>,
}

impl Star {
    /// `is_hub_client`: the hub has made the connections.
    fn new(leaves: usize, is_hub_client: bool) -> Star {
        let mut nodes: Vec<Node> =
            (0..=leaves as u64).map(|seed| Node::new(Settings::default(), 7 + seed, Now::at(1))).collect();
        nodes[0].set_rights(&rights(&RULES));
        let roles = if is_hub_client { [Role::Client, Role::Server] } else { [Role::Server, Role::Client] };
        let mut links = Vec::new();
        for leaf in 1..=leaves {
            let near = nodes[0].open_link(roles[0], Now::at(1)).unwrap();
            let far = nodes[leaf].open_link(roles[1], Now::at(1)).unwrap();
            if leaf == 1 {
                nodes[0].set_subjects(near, &[b"a key", b"w"]);
            }
            links.push([near, far]);
        }
        let wires = vec![Default::default(); leaves];
        let mut star = Star { nodes, links, wires, is_hub_client, now: 1, frames: 0, to_first: Vec::new() };
        star.link_up();
        star.run(3000);
        star
    }

    fn link_up(&mut self) {
        for (leaf, &[near, far]) in self.links.iter().enumerate() {
            self.nodes[0].link_up(near, Now::at(self.now));
            self.nodes[leaf + 1].link_up(far, Now::at(self.now));
        }
    }

    /// The first leaf loses its connection.
    fn part(&mut self) {
        for (end, link) in self.links[0].into_iter().enumerate() {
            self.nodes[end].link_down(link, Now::at(self.now));
        }
        self.wires[0] = Default::default();
    }

    /// The first leaf is connected again. For who accepts the connection it is a new one.
    fn meet(&mut self) {
        let now = Now::at(self.now);
        for (end, link) in self.links[0].iter_mut().enumerate() {
            if self.is_hub_client != (end == 0) {
                self.nodes[end].close_link(*link, now);
                *link = self.nodes[end].open_link(Role::Server, now).unwrap();
            }
        }
        let [near, far] = self.links[0];
        self.nodes[0].set_subjects(near, &[b"a key", b"w"]);
        self.nodes[0].link_up(near, now);
        self.nodes[1].link_up(far, now);
    }

    fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now += 1;
            let now = Now::at(self.now);
            self.nodes.iter_mut().for_each(|node| node.handle_timeout(now));
            for (leaf, links) in self.links.iter().enumerate() {
                for (end, &link) in links.iter().enumerate() {
                    let node = end * (leaf + 1);
                    while let Some(frame) = self.nodes[node].poll_transmit(link, now) {
                        self.frames += usize::from(frame.bytes()[2] != MessageId::Heartbeat as u8);
                        if leaf == 0 && end == 0 {
                            self.to_first.push(frame.clone());
                        }
                        self.wires[leaf][end].push_back(frame);
                    }
                }
                for (end, &link) in links.iter().enumerate() {
                    let node = end * (leaf + 1);
                    while let Some(frame) = self.wires[leaf][1 - end].pop_front() {
                        self.nodes[node].handle_frame(link, frame.bytes(), now);
                    }
                }
            }
        }
    }

    fn publish(&mut self, node: usize, key: &str, value: &str, ttl: u32) {
        self.nodes[node].publish(key.as_bytes(), value.as_bytes(), ttl, Now::at(self.now)).unwrap();
    }

    fn retract(&mut self, node: usize, key: &str) {
        self.nodes[node].retract(key.as_bytes(), Now::at(self.now)).unwrap();
    }

    fn value(&self, node: usize, key: &str) -> Option<String> {
        let tuple = self.nodes[node].get(key.as_bytes(), Now::at(self.now))?;
        Some(String::from_utf8_lossy(tuple.value()).into_owned())
    }

    /// Frames in the next minutes but for heartbeats, and what is refused meanwhile.
    fn traffic(&mut self, minutes: u64) -> (usize, u64) {
        let refused = self.nodes[0].stats().refused;
        self.frames = 0;
        self.run(minutes * 60_000);
        (self.frames, self.nodes[0].stats().refused - refused)
    }

    fn refused(&self) -> u64 {
        self.nodes[0].stats().refused
    }

    /// What the leaf `w` is told that the hub refuses.
    fn told(&self) -> Option<u64> {
        self.nodes[1].peers(Now::at(self.now))[0].refuses
    }
}

#[test]
fn what_a_peer_may_not_write_is_refused_counted_and_told_and_then_there_is_silence() {
    for is_hub_client in [false, true] {
        let mut star = Star::new(2, is_hub_client);
        star.publish(2, "x", "theirs", 0);
        star.publish(2, "w/x", "theirs", 0);
        star.run(500);
        star.publish(1, "x", "mine", 0);
        star.publish(1, "new", "mine", 0);
        star.publish(1, "w/x", "mine", 0);
        star.publish(1, "w/news/a", "forever", 0);
        star.publish(1, "w/news/b", "news", 3_600_000);
        star.retract(1, "w/news/b");
        star.run(10_000);
        for node in [0, 2] {
            let values = ["x", "new", "w/x", "w/news/a"].map(|key| star.value(node, key));
            assert_eq!(values, [Some("theirs".into()), None, Some("mine".into()), None]);
        }
        assert_eq!(star.value(1, "x").as_deref(), Some("mine"));
        assert_eq!((star.refused(), star.told()), (4, Some(4)), "{is_hub_client}");
        let now = Now::at(star.now);
        assert_eq!(star.nodes[0].peers(now)[0].traffic.refused, 4);
        assert_eq!(star.nodes[0].peers(now)[1].refuses, Some(0));
        assert_eq!(star.nodes[2].agreement(), Agreement { agree: 1, differ: 0 });
        assert_eq!(star.nodes[1].agreement(), Agreement { agree: 0, differ: 1 });
        assert_eq!(star.traffic(20), (0, 0), "{is_hub_client}");
    }
}

#[test]
fn what_was_denied_to_one_others_may_bring_and_a_later_write_ends_the_difference() {
    for is_hub_client in [false, true] {
        let mut star = Star::new(2, is_hub_client);
        star.publish(1, "x", "mine", 0);
        star.publish(1, "y", "mine", 0);
        star.run(5000);
        assert_eq!((star.refused(), star.told()), (2, Some(2)));
        // The very tuple, by another way.
        let stamp = star.nodes[1].store.held(star.nodes[1].store.find(b"x").unwrap()).stamp;
        let frame = encode_publish(&Tuple::new(b"x", b"mine"), 0, Some(stamp));
        let by = star.links[1][0];
        star.nodes[0].handle_frame(by, &frame, Now::at(star.now));
        // A later one of the other key.
        star.publish(2, "y", "theirs", 0);
        star.run(5000);
        for node in 0..3 {
            assert_eq!(star.value(node, "x").as_deref(), Some("mine"));
            assert_eq!(star.value(node, "y").as_deref(), Some("theirs"));
        }
        assert_eq!((star.refused(), star.told()), (2, Some(0)));
        assert_eq!(star.nodes[0].agreement(), Agreement { agree: 2, differ: 0 });
        assert_eq!(star.traffic(5), (0, 0));
    }
}

#[test]
fn what_a_peer_brings_from_before_is_asked_for_once() {
    for is_hub_client in [false, true] {
        for keys in [3, 300] {
            let mut star = Star::new(1, is_hub_client);
            star.part();
            for key in 0..keys {
                star.publish(0, &format!("held/{key}"), "old", 0);
                star.publish(1, &format!("held/{key}"), "new", 0);
                star.publish(1, &format!("new/{key}"), "new", 0);
                star.publish(1, &format!("w/{key}"), "new", 0);
            }
            star.meet();
            star.run(20_000);
            assert_eq!(star.nodes[0].count() as u64, 2 * keys, "{keys}, {is_hub_client}");
            assert_eq!((star.refused(), star.told()), (2 * keys, Some(2 * keys)), "{keys}, {is_hub_client}");
            assert_eq!(star.nodes[0].stats().duplicates, 0);
            assert_eq!(star.traffic(20), (0, 0), "{keys}, {is_hub_client}");
        }
    }
}

#[test]
fn a_peer_that_gives_up_what_was_denied_gets_what_the_others_have() {
    for is_hub_client in [false, true] {
        let mut star = Star::new(1, is_hub_client);
        let short = Settings { tombstone: 60_000, ..Settings::default() };
        star.nodes[1].set_settings(short, Now::at(star.now));
        star.publish(0, "x", "theirs", 0);
        star.publish(0, "stays", "theirs", 0);
        star.run(1000);
        star.publish(1, "stays", "mine", 0);
        star.retract(1, "x");
        star.publish(1, "y", "mine", 1000);
        star.run(10_000);
        assert_eq!((star.value(1, "x"), star.told()), (None, Some(3)));
        // The tombstones are dropped.
        star.run(400_000);
        assert_eq!(star.value(1, "x").as_deref(), Some("theirs"), "{is_hub_client}");
        assert_eq!((star.told(), star.refused()), (Some(1), 3), "{is_hub_client}");
        assert_eq!(star.traffic(10), (0, 0));
    }
}

#[test]
fn rules_that_change_count_for_peers_that_are_connected() {
    for is_hub_client in [false, true] {
        let mut star = Star::new(2, is_hub_client);
        star.publish(1, "x", "mine", 0);
        star.run(5000);
        assert_eq!(star.value(2, "x"), None);
        star.nodes[0].set_rights(&Rights::default());
        star.run(15_000);
        assert_eq!((star.value(2, "x").as_deref(), star.told()), (Some("mine"), Some(0)), "{is_hub_client}");
        star.nodes[0].set_rights(&rights(&[("w", "w/", "write")]));
        star.publish(2, "x", "theirs", 0);
        star.run(15_000);
        assert_eq!(star.value(0, "x").as_deref(), Some("mine"), "no rule names others");
        assert_eq!(star.traffic(5), (0, 0));
    }
}

/// More than is remembered.
#[test]
fn a_peer_with_very_many_denied_tuples_is_not_asked_for_them_again_and_again() {
    for is_hub_client in [false, true] {
        let mut star = Star::new(1, is_hub_client);
        for key in 0..3000 {
            star.publish(1, &format!("{key}"), "mine", 0);
        }
        star.publish(1, "w/x", "mine", 0);
        star.run(60_000);
        assert_eq!((star.nodes[0].count(), star.value(0, "w/x").as_deref()), (1, Some("mine")));
        let bytes = star.nodes[0].stats().bytes_in;
        let (_, refused) = star.traffic(30);
        let bytes = star.nodes[0].stats().bytes_in - bytes;
        assert!(refused == 0 && bytes < 2_000_000, "{refused} refused, {bytes} bytes");
        star.publish(1, "w/y", "mine", 0);
        star.run(100);
        assert_eq!(star.value(0, "w/y").as_deref(), Some("mine"));
    }
}

#[test]
fn without_rules_everybody_may_write_and_rules_for_nobody_allow_nothing() {
    let mut star = Star::new(2, false);
    star.nodes[0].set_rights(&Rights::default());
    star.publish(1, "x", "1", 0);
    star.run(1000);
    assert_eq!(star.value(2, "x").as_deref(), Some("1"));
    star.nodes[0].set_rights(&rights(&[("nobody", "", "write")]));
    star.publish(1, "x", "2", 0);
    star.publish(2, "y", "2", 0);
    star.run(1000);
    assert_eq!((star.value(0, "x").as_deref(), star.value(0, "y")), (Some("1"), None));
}

#[test]
fn a_denied_record_changes_nothing_that_is_known_here() {
    let mut star = Star::new(1, false);
    star.publish(0, "x", "ours", 0);
    let [near, _] = star.links[0];
    let (root, latest) = (star.nodes[0].root(), star.nodes[0].latest(Now::at(star.now)));
    let stamp = Stamp { time: latest + (1000 << 16), origin: 1 << 63 | 5 };
    let mut batch = BatchWriter::new(100);
    for kind in [RecordKind::Live, RecordKind::Tombstone] {
        batch.add(kind, &Tuple::new(b"x", b"12345678"), 0, stamp);
        batch.add(kind, &Tuple::new(b"y", b"12345678"), 9, stamp);
    }
    star.nodes[0].handle_frame(near, &batch.finish(), Now::at(star.now));
    assert_eq!((star.nodes[0].root(), star.nodes[0].latest(Now::at(star.now))), (root, latest));
    assert_eq!((star.value(0, "x").as_deref(), star.refused()), (Some("ours"), 4));
}

#[test]
fn a_plain_peer_that_may_not_write_is_sent_what_is_held_here_and_that_is_all() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    node.set_rights(&rights(&RULES));
    node.publish(b"x", b"ours", 0, Now::at(1)).unwrap();
    let link = node.open_link(Role::Server, Now::at(1)).unwrap();
    node.set_subjects(link, &[b"w"]);
    node.handle_frame(link, &encode(MessageId::Hello, &Extension::default()), Now::at(1));
    let (mut sent, mut echoes) = (Vec::new(), VecDeque::new());
    let mut say = |node: &mut Node, from: u64, to: u64, is_echoing: bool| {
        sent.clear();
        for mono in from..to {
            node.handle_timeout(Now::at(mono));
            while let Some(frame) = node.poll_transmit(link, Now::at(mono)) {
                if frame.bytes()[2] == MessageId::Publish as u8 {
                    let tuple = frame.bytes().to_vec();
                    sent.push(tuple.clone());
                    // CZMQ repeats what is new to it, without the stamp.
                    echoes.push_back((mono + 2, tuple));
                }
            }
            while echoes.front().is_some_and(|&(at, _)| at <= mono) {
                let (_, mut tuple) = echoes.pop_front().unwrap();
                if is_echoing {
                    tuple.truncate(4 + 1 + 1 + 4 + 4 + 4);
                    node.handle_frame(link, &tuple, Now::at(mono));
                }
            }
        }
        sent.len()
    };
    let publish = |node: &mut Node, key: &str, value: &str, mono: u64| {
        let tuple = Tuple::new(key.as_bytes(), value.as_bytes());
        node.handle_frame(link, &encode_publish(&tuple, 0, None), Now::at(mono));
    };
    say(&mut node, 2, 10_000, true);
    for (round, is_echoing) in [true, false].into_iter().enumerate() {
        let at = 10_000 + 100_000 * round as u64;
        publish(&mut node, "x", "mine", at);
        publish(&mut node, "new", "mine", at);
        publish(&mut node, "w/x", "mine", at);
        let sent = say(&mut node, at, at + 60_000, is_echoing);
        assert!((1..=8).contains(&sent), "{sent} tuples sent");
        let value = |key: &str| node.get(key.as_bytes(), Now::at(at)).map(|tuple| tuple.value().to_vec());
        assert_eq!(["x", "new", "w/x"].map(value), [Some(b"ours".into()), None, Some(b"mine".into())]);
        assert_eq!(node.stats().refused, 2 + 2 * round as u64);
        assert_eq!(say(&mut node, at + 60_000, at + 90_000, is_echoing), 0);
    }
}

#[test]
fn the_log_says_who_wrote_what_and_which_rule_denies_it() {
    let mut star = Star::new(1, false);
    star.publish(1, "w/news/a", "1", 0);
    star.run(2000);
    let warnings = std::iter::from_fn(|| star.nodes[0].poll_event());
    let said: Vec<_> = warnings
        .filter_map(|event| match event {
            Event::Warning(warning) if warning.kind == Kind::Denied => Some(warning.values),
            _ => None,
        })
        .collect();
    let [values] = &said[..] else { panic!("{said:?}") };
    let values = values.iter().cloned().chain([("peer", "P".to_owned())]).collect::<Vec<_>>();
    assert_eq!(
        Kind::Denied.line(&values),
        "refused 1 writes of P, the last of 'w/news/a': a key, w may not publish there, by the rule for 'w/news/'"
    );
}
