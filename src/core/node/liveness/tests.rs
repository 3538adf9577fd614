//! Tests of signs of life, silence and expiry, in virtual time.

use super::*;
use crate::core::link::liveness::LOST;
use crate::core::settings::Settings;
use std::collections::VecDeque;

const SECOND: u64 = 1000;
const CLIENT: usize = 0;
const SERVER: usize = 1;

/// A client and its server, in virtual time.
struct Pair {
    nodes: [Node; 2],
    links: [LinkId; 2],
    wires: [VecDeque<Frame>; 2],
    time: u64,
    /// Messages that were sent: when, by which node, of which kind.
    sent: Vec<(u64, usize, u8)>,
    /// The node that does nothing, for now or for ever.
    stopped: Option<usize>,
    /// Tuples do not arrive.
    lossy: bool,
    /// The verdict on suspects, and the number of times that it was given.
    bytes_pass: bool,
    suspects: u32,
}

impl Pair {
    fn new(seed: u64, timeout: u64) -> Pair {
        let settings = Settings { timeout, ..Settings::default() };
        let mut nodes = [0, 1].map(|node| Node::new(settings.clone(), 2 * seed + node, Now::at(1)));
        let client = nodes[CLIENT].open_link(Role::Client, Now::at(1)).unwrap();
        let server = nodes[SERVER].open_link(Role::Server, Now::at(1)).unwrap();
        nodes[CLIENT].link_up(client, Now::at(1));
        let (links, wires, sent) = ([client, server], Default::default(), Vec::new());
        Pair {
            nodes,
            links,
            wires,
            time: 1,
            sent,
            stopped: None,
            lossy: false,
            bytes_pass: false,
            suspects: 0,
        }
    }

    /// A pair on which nothing has changed for 20 seconds.
    fn calm(seed: u64, timeout: u64) -> Pair {
        let mut pair = Pair::new(seed, timeout);
        pair.publish(CLIENT, "a");
        pair.run(20 * SECOND);
        pair.sent.clear();
        pair
    }

    fn publish(&mut self, node: usize, key: &str) {
        self.nodes[node].publish(key.as_bytes(), b"value", 0, Now::at(self.time)).unwrap();
    }

    fn talk(&mut self) {
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for from in (0..2).filter(|&node| self.stopped != Some(node)) {
                while let Some(frame) = self.nodes[from].poll_transmit(self.links[from], Now::at(self.time)) {
                    let kind = frame.bytes()[2];
                    // A heartbeat with nothing but the clock is no sign of life, and is not answered.
                    let time = Extension { sent: Some(self.time), ..Extension::default() };
                    if frame.bytes() != encode(MessageId::Heartbeat, &time) {
                        self.sent.push((self.time, from, kind));
                    }
                    let tuples = [MessageId::Batch as u8, MessageId::Publish as u8];
                    if !self.lossy || !tuples.contains(&kind) {
                        self.wires[from].push_back(frame);
                    }
                }
            }
            for to in (0..2).filter(|&node| self.stopped != Some(node)) {
                while let Some(frame) = self.wires[1 - to].pop_front() {
                    self.nodes[to].handle_frame(self.links[to], frame.bytes(), Now::at(self.time));
                    moved = true;
                }
            }
        }
    }

    fn run(&mut self, duration: u64) {
        let end = self.time + duration;
        loop {
            self.talk();
            let awake = |node: &usize| self.stopped != Some(*node);
            let due = (0..2).filter(awake).filter_map(|node| self.nodes[node].poll_timeout()).min();
            self.time = due.map_or(end, |due| due.clamp(self.time, end));
            if self.time == end {
                return;
            }
            for node in (0..2).filter(|&node| self.stopped != Some(node)) {
                self.nodes[node].handle_timeout(Now::at(self.time));
                while let Some(id) = self.nodes[node].poll_suspect() {
                    self.suspects += 1;
                    self.nodes[node].handle_suspect(id, self.bytes_pass, Now::at(self.time));
                }
            }
        }
    }

    /// Times at which a node sent HEARTBEAT.
    fn beats(&self, node: usize) -> Vec<u64> {
        let beats =
            self.sent.iter().filter(|&&(_, from, kind)| from == node && kind == MessageId::Heartbeat as u8);
        beats.map(|&(at, ..)| at).collect()
    }

    fn agree(&self) -> bool {
        self.nodes[CLIENT].root() == self.nodes[SERVER].root()
    }
}

#[test]
fn what_has_expired_is_not_read_before_its_turn_has_come() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    node.publish(b"short", b"value", 100, Now::at(1)).unwrap();
    node.publish(b"long", b"value", 200, Now::at(1)).unwrap();
    node.publish(b"ever", b"value", 0, Now::at(1)).unwrap();
    for (time, left) in [(100, 3), (101, 2), (200, 2), (201, 1)] {
        assert_eq!(node.count_readable(Now::at(time)), left, "{time} ms");
        assert_eq!(node.readable(Now::at(time)).count(), left, "{time} ms");
        assert_eq!(node.get(b"short", Now::at(time)).is_some(), left == 3, "{time} ms");
    }
    assert_eq!(node.count(), 3);
    assert_eq!(node.retract(b"short", Now::at(300)), Ok(false));
    node.handle_timeout(Now::at(300));
    assert_eq!((node.count(), node.count_readable(Now::at(300))), (1, 1));
}

#[test]
fn heartbeats_are_rare_while_nothing_changes_and_frequent_when_something_does() {
    for seed in 0..20 {
        // The server only answers.
        let mut pair = Pair::calm(seed, 0);
        pair.run(60 * SECOND);
        let beats = pair.beats(CLIENT);
        assert!((11..=15).contains(&beats.len()), "{beats:?}");
        assert!(
            beats
                .windows(2)
                .all(|two| (IDLE_HEARTBEAT..=IDLE_HEARTBEAT * 5 / 4).contains(&(two[1] - two[0])))
        );
        assert_eq!(pair.beats(SERVER), beats);
        for writer in [CLIENT, SERVER] {
            for step in 0..10 {
                pair.sent.clear();
                pair.publish(writer, &format!("{writer} {step}"));
                pair.run(step % 3 * SECOND);
                pair.publish(writer, &format!("{writer} {step} again"));
                pair.run(2 * HEARTBEAT + 1);
                assert!(!pair.beats(CLIENT).is_empty(), "step {step}");
            }
            pair.run(20 * SECOND);
        }
    }
}

#[test]
fn a_server_that_probes_its_clients_is_asked_less_and_finds_out_soon_who_is_gone() {
    for seed in 0..20 {
        let mut pair = Pair::calm(seed, 1000);
        pair.run(120 * SECOND);
        let (asked, probed) = (pair.beats(CLIENT), pair.beats(SERVER));
        // All in all fewer than one exchange each four seconds.
        assert!(asked.len() < 20 && probed.len() < 45, "{asked:?} {probed:?}");
        assert!(asked.len() > 2, "the server may have missed a heartbeat: {asked:?}");
        // Probes go on, by which the engine notices that the client is gone.
        pair.stopped = Some(CLIENT);
        pair.run(60 * SECOND);
        let probed = pair.beats(SERVER);
        assert!(probed.windows(2).all(|two| two[1] - two[0] <= 5 * SECOND), "{probed:?}");
        assert!(probed.last().is_some_and(|&last| pair.time - last <= 5 * SECOND), "{probed:?}");
    }
}

#[test]
fn what_was_lost_while_nothing_else_changed_is_found_soon() {
    for (seed, timeout, most) in (0..20).flat_map(|seed| [(seed, 1000, 3), (seed, 0, 5)]) {
        for writer in [CLIENT, SERVER] {
            let mut pair = Pair::calm(seed, timeout);
            pair.lossy = true;
            pair.publish(writer, "lost");
            pair.talk();
            pair.lossy = false;
            assert!(!pair.agree());
            pair.run(if writer == CLIENT { 2 * HEARTBEAT } else { most * SECOND } + 1);
            assert!(pair.agree(), "seed {seed}, timeout {timeout}, node {writer}");
        }
    }
}

#[test]
fn a_dead_server_is_noticed_and_one_that_pauses_is_not_given_up() {
    for (seed, timeout) in (0..50).flat_map(|seed| [(seed, 0), (seed, 1000)]) {
        let mut pair = Pair::calm(seed, timeout);
        pair.run(seed * 97);
        for pause in [1, 3, 4, 4] {
            pair.stopped = Some(SERVER);
            pair.run(pause * SECOND + 900);
            assert_eq!(pair.nodes[CLIENT].poll_stale(), None, "seed {seed}");
            pair.stopped = None;
            pair.run(10 * SECOND);
            assert_eq!(pair.nodes[CLIENT].poll_stale(), None, "seed {seed}");
        }
        pair.stopped = Some(SERVER);
        let death = pair.time;
        while pair.nodes[CLIENT].poll_stale().is_none() {
            assert!(pair.time < death + 10 * SECOND, "not noticed, seed {seed}");
            pair.run(10);
        }
    }
}

#[test]
fn a_silent_server_is_not_given_up_while_bytes_pass() {
    for seed in 0..50 {
        let mut pair = Pair::calm(seed, 1000);
        (pair.stopped, pair.bytes_pass) = (Some(SERVER), true);
        pair.run(60 * SECOND);
        assert_eq!(pair.nodes[CLIENT].poll_stale(), None, "seed {seed}");
        assert!((8..=12).contains(&pair.suspects), "asked {} times, seed {seed}", pair.suspects);
        pair.bytes_pass = false;
        let end = pair.time;
        while pair.nodes[CLIENT].poll_stale().is_none() {
            assert!(pair.time <= end + LOST, "not noticed, seed {seed}");
            pair.run(10);
        }
    }
}

#[test]
fn a_verdict_on_a_suspect_does_not_concern_its_next_connection() {
    let mut pair = Pair::calm(1, 1000);
    let link = pair.links[CLIENT];
    pair.stopped = Some(SERVER);
    let client = &mut pair.nodes[CLIENT];
    let mut time = pair.time;
    let suspect = loop {
        time += 10;
        client.handle_timeout(Now::at(time));
        match client.poll_suspect() {
            Some(suspect) => break suspect,
            None => while client.poll_transmit(link, Now::at(time)).is_some() {},
        }
    };
    client.link_down(link, Now::at(time));
    client.link_up(link, Now::at(time));
    client.handle_suspect(suspect, false, Now::at(time));
    assert_eq!(client.poll_stale(), None);
}
