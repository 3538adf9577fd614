//! Nodes that are recorded, and replayed.

use super::entry::{EventDigest, FrameDigest};
use super::fields::Fields;
use super::*;
use crate::core::Now;
use crate::core::id::{LinkId, Role};
use crate::core::network::Network;
use crate::core::rights::{Access, Rights};
use crate::core::settings::{Refusal, Settings};
use std::collections::VecDeque;

fn rights() -> Rights {
    let mut rights = Rights::default();
    rights.set(b"w", b"w/", Some(Access::WRITE)).unwrap();
    rights.set(b"*", b"", Some(Access::NONE)).unwrap();
    rights
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn every_entry_is_read_as_it_was_written() {
    let settings = Settings { timeout: 7, verbose: true, ..Settings::default() };
    let inputs = [
        Input::New { seed: u64::MAX, settings: settings.clone(), version: b"v" },
        Input::Joined { id: 1 << 63, settings: settings.clone(), tuples: 3, version: b"v" },
        Input::Note(b"text"),
        Input::SetSettings(settings),
        Input::SetName(b"name"),
        Input::SetNetwork(Network::new(b"network", true).expect("a short name")),
        Input::RestoreHead(b"head"),
        Input::Restore { key: b"k", record: b"record" },
        Input::SetRights(rights()),
        Input::SetSubjects(LinkId(3), vec![b"key", b""]),
        Input::Publish { key: b"k", value: b"", ttl: u32::MAX },
        Input::Announce { key: b"k", value: b"v", ttl: 500 },
        Input::SetMembership(true),
        Input::SetEndpoints(vec![b"tcp://a:1", b""]),
        Input::Unpublish(b"k"),
        Input::Retract(b"k"),
        Input::Barrier,
        Input::Shutdown,
        Input::OpenLink(Role::Client),
        Input::OpenLink(Role::Server),
        Input::LinkUp(LinkId(1)),
        Input::LinkDown(LinkId(200)),
        Input::CloseLink(LinkId(u64::MAX)),
        Input::Frame(LinkId(1), &[0; 300]),
        Input::Timeout,
        Input::PollReady,
        Input::PollTransmit(LinkId(1)),
        Input::PollEvent,
        Input::PollStale,
        Input::PollSuspect,
        Input::Suspect(LinkId(7), true),
        Input::Suspect(LinkId(7), false),
    ];
    let outputs = [
        Output::Nothing,
        Output::Was(true),
        Output::Was(false),
        Output::Link(LinkId(300)),
        Output::Frame(FrameDigest { message: 2, length: 1 << 20, hash: 7 }),
        Output::Event(EventDigest { kind: 1, hash: u32::MAX }),
        Output::Refused(Refusal::EmptyKey),
        Output::Refused(Refusal::TooManyClients),
    ];
    for (place, input) in inputs.iter().enumerate() {
        for output in outputs {
            let mut bytes = Vec::new();
            input.encode(&mut bytes);
            output.encode(&mut bytes);
            let mut fields = Fields(&bytes);
            assert_eq!(Input::decode(&mut fields).as_ref(), Some(input), "{place}");
            assert_eq!(Output::decode(&mut fields), Some(output));
            assert!(fields.is_empty());
            for end in 0..bytes.len() {
                let mut torn = Fields(&bytes[..end]);
                let read = Input::decode(&mut torn).and_then(|_| Output::decode(&mut torn));
                assert!(read.is_none_or(|output| output == Output::Missing));
            }
        }
    }
}

/// A client and its server, both recorded, and the wire between them.
struct Pair {
    nodes: [RecordedNode; 2],
    links: [LinkId; 2],
    wires: [VecDeque<Vec<u8>>; 2],
    files: [Vec<u8>; 2],
    time: u64,
}

impl Pair {
    fn new() -> Pair {
        let mut nodes = [1, 2].map(|seed| RecordedNode::new(Settings::default(), seed, Now::at(1)));
        for (node, record) in nodes.iter_mut().zip([10, 11]) {
            // Before recording begins, as an engine does: a replay makes the same introductions.
            node.set_name(b"named");
            node.start_record(record, Now::at(1));
        }
        let client = nodes[0].open_link(Role::Client, Now::at(1)).unwrap();
        let server = nodes[1].open_link(Role::Server, Now::at(1)).unwrap();
        nodes[0].link_up(client, Now::at(1));
        Pair { nodes, links: [client, server], wires: Default::default(), files: Default::default(), time: 1 }
    }

    /// One turn of each node.
    fn turn(&mut self) {
        self.time += 5;
        for side in 0..2 {
            let node = &mut self.nodes[side];
            while let Some(frame) = self.wires[1 - side].pop_front() {
                node.handle_frame(self.links[side], &frame, Now::at(self.time));
            }
            if node.poll_timeout().is_some_and(|due| due <= self.time) {
                node.handle_timeout(Now::at(self.time));
            }
            while node.poll_event().is_some() {}
            while node.poll_stale().is_some() {}
            while let Some(link) = node.poll_ready() {
                while let Some(frame) = node.poll_transmit(link, Now::at(self.time)) {
                    self.wires[side].push_back(frame.bytes().to_vec());
                }
            }
            self.files[side].extend(node.poll_record().unwrap_or_default());
        }
    }

    fn turns(&mut self, turns: usize) {
        (0..turns).for_each(|_| self.turn());
    }
}

fn replay(record: &Record<'_>) -> Result<Replay, Difference> {
    let mut replay = Replay::new();
    record.blocks.iter().try_for_each(|block| replay.replay_block(block))?;
    Ok(replay)
}

/// A pair that has lived for a while.
fn lived() -> Pair {
    let mut pair = Pair::new();
    pair.turns(20);
    for key in 0..300 {
        let side = key % 2;
        pair.nodes[side].publish(format!("{key}").as_bytes(), b"value", 0, Now::at(pair.time)).unwrap();
        pair.turn();
    }
    pair.nodes[0].retract(b"7", Now::at(pair.time)).unwrap();
    pair.nodes[1].publish(b"short", b"life", 100, Now::at(pair.time)).unwrap();
    pair.nodes[0].set_barrier();
    pair.turns(100);
    pair.nodes[0].unpublish(b"8", Now::at(pair.time));
    assert!(pair.nodes[1].publish(b"", b"", 0, Now::at(pair.time)).is_err());
    pair.nodes[1].set_settings(Settings { max_tuples: 310, ..Settings::default() }, Now::at(pair.time));
    let link = pair.links[0];
    pair.nodes[0].link_down(link, Now::at(pair.time));
    pair.turns(10);
    pair.nodes[0].link_up(link, Now::at(pair.time));
    pair.wires = Default::default();
    pair.turns(1000);
    pair.nodes[0].shutdown(Now::at(pair.time));
    pair.turns(10);
    pair
}

#[test]
fn a_record_replays_to_the_same_bytes() {
    let pair = lived();
    for (node, file) in pair.nodes.iter().zip(&pair.files) {
        let record = Record::new(&[], file);
        assert_eq!(record.gap, None);
        assert!(record.is_complete());
        let replay = replay(&record).unwrap();
        let replayed = replay.node().unwrap();
        assert_eq!(replayed.root(), node.root());
        assert_eq!(replayed.stats(), node.stats());
        assert_eq!(replay.sent(), (node.stats().frames_out, node.stats().bytes_out));
        assert!(node.stats().frames_out > 100);
    }
}

#[test]
fn a_difference_is_named_where_it_is_first_seen() {
    let pair = lived();
    let record = Record::new(&[], &pair.files[0]);
    let mut replay = Replay::new();
    let mut difference = None;
    'all: for block in &record.blocks {
        for mut entry in block.entries() {
            // One value differs, as another version of the library might make it.
            if let Input::Publish { key: b"100", .. } = entry.input {
                entry.input = Input::Publish { key: b"100", value: b"valve", ttl: 0 };
            }
            if let Err(found) = replay.replay(&entry) {
                difference = Some(found);
                break 'all;
            }
        }
    }
    match difference.unwrap() {
        Difference::Output { recorded: Output::Event(_), replayed: Output::Event(_), .. } => {}
        other => panic!("{other}"),
    }
}

#[test]
fn a_node_that_is_recorded_late_or_whose_beginning_is_lost_can_be_read_but_not_replayed() {
    let mut node = RecordedNode::new(Settings::default(), 1, Now::at(1));
    assert!(!node.is_recorded() && node.poll_record().is_none());
    node.publish(b"a", b"1", 0, Now::at(2)).unwrap();
    node.start_record(1, Now::at(3));
    node.publish(b"b", b"2", 0, Now::at(4)).unwrap();
    let block = node.poll_record().unwrap();
    let record = Record::new(&[], &block);
    assert!(!record.is_complete());
    assert_eq!(replay(&record).unwrap_err(), Difference::NoBeginning);
    let lines: Vec<_> = record.blocks[0].entries().map(|entry| entry.to_string()).collect();
    assert!(lines[0].starts_with("recording begins: node "), "{lines:?}");
    assert!(lines[0].contains(", 1 tuples, "), "{lines:?}");
    assert_eq!(lines[1], "publish b = 2");
}

#[test]
fn recording_that_begins_before_tuples_and_links_begins_at_the_beginning() {
    let mut node = RecordedNode::new(Settings::default(), 1, Now::at(1));
    node.set_settings(Settings { timeout: 5, ..Settings::default() }, Now::at(2));
    node.handle_timeout(Now::at(500));
    assert!(node.poll_event().is_none() && node.poll_ready().is_none() && !node.is_recorded());
    node.start_record(1, Now::at(600));
    node.publish(b"a", b"1", 0, Now::at(601)).unwrap();
    let block = node.poll_record().unwrap();
    let replay = replay(&Record::new(&[], &block)).unwrap();
    assert_eq!((replay.node().unwrap().id(), replay.node().unwrap().count()), (node.id(), 1));
}

#[test]
fn a_node_that_nobody_records_keeps_nothing() {
    let mut node = RecordedNode::new(Settings::default(), 1, Now::at(1));
    for time in 0..100_000 {
        node.handle_timeout(Now::at(time));
    }
    node.start_record(1, Now::at(100_000));
    assert!(node.poll_record().unwrap().len() < 200, "what is kept in case of a record is bounded");
    node.end_record();
    node.publish(b"a", b"1", 0, Now::at(100_001)).unwrap();
    assert!(node.poll_record().is_none());
}

#[test]
fn a_record_that_nobody_takes_ends() {
    let mut node = RecordedNode::new(Settings::default(), 1, Now::at(1));
    node.start_record(1, Now::at(1));
    let value = vec![b'v'; 10 << 20];
    for count in 0..20 {
        assert_eq!(node.is_recorded(), count < 14, "{count}");
        node.publish(b"key", &value, count, Now::at(2)).unwrap();
    }
    assert!(node.poll_record().is_none());
}

#[test]
fn asking_a_node_that_has_nothing_to_say_is_not_worth_a_byte() {
    let mut node = RecordedNode::new(Settings::default(), 1, Now::at(1));
    node.start_record(1, Now::at(1));
    node.poll_ready();
    assert!(node.poll_record().is_some());
    for _ in 0..10 {
        assert!(node.poll_event().is_none() && node.poll_stale().is_none() && node.poll_ready().is_none());
    }
    assert!(node.poll_record().is_none());
}

#[test]
fn records_are_put_together_from_two_files_and_read_as_far_as_they_go() {
    let pair = lived();
    let file = &pair.files[0];
    let whole = Record::new(&[], file);
    let count = whole.blocks.len();
    // Where the hundredth block begins.
    let mut starts = Vec::new();
    let mut at = 0;
    while at < file.len() {
        starts.push(at);
        at += 44 + u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap()) as usize;
    }
    assert_eq!(starts.len(), count);
    let (older, newer) = file.split_at(starts[100]);
    let blocks = |older: &[u8], newer: &[u8]| {
        let record = Record::new(older, newer);
        (record.blocks.len(), record.is_complete(), record.gap)
    };
    assert_eq!(blocks(older, newer), (count, true, None));
    assert_eq!(blocks(&[], newer), (count - 100, false, None));
    assert_eq!(blocks(&pair.files[1], newer), (count - 100, false, None), "another record's file");
    assert_eq!(blocks(&older[..starts[99]], newer), (count - 100, false, None), "a block is missing");
    // A process was killed while it wrote.
    for end in [starts[5] + 1, starts[5] + 20, starts[6] - 1] {
        assert_eq!(blocks(&[], &file[..end]), (5, true, Some(Gap::Torn(starts[5]))));
    }
    let mut damaged = file.clone();
    damaged[starts[7] + 44] ^= 1;
    assert_eq!(blocks(&[], &damaged), (7, true, Some(Gap::Damaged(starts[7]))));
    let cut = [&file[..starts[3]], &file[starts[4]..]].concat();
    assert_eq!(blocks(&[], &cut), (3, true, Some(Gap::Missing(4))));
    assert_eq!(blocks(&[], b"something else"), (0, false, Some(Gap::Damaged(0))));
}

#[test]
fn a_call_that_never_returned_is_the_last_entry() {
    let mut recorder = recorder::Recorder::before(1, &Settings::default(), Now::at(1));
    recorder.begin(1);
    recorder.input(Some(Now::at(2)), &Input::Frame(LinkId(1), b"cause of a panic"));
    let block = recorder.take(0).unwrap();
    let record = Record::new(&[], &block);
    let last = record.blocks[0].entries().last().unwrap();
    assert_eq!((last.now, last.output), (Now::at(2), Output::Missing));
    assert!(replay(&record).is_ok());
}

/// A node that replays without knowing who its peer is would take what the rules deny.
#[test]
fn who_a_peer_is_is_recorded_once_there_are_rules() {
    let subject = b"the key of the peer";
    let mut pair = Pair::new();
    pair.nodes[1].set_subjects(pair.links[1], &[subject]);
    pair.turns(20);
    let has_subject = |pair: &Pair| pair.files[1].windows(subject.len()).any(|window| window == subject);
    assert!(!has_subject(&pair), "it means nothing yet");
    let mut rights = rights();
    rights.set(subject, b"own/", Some(Access::WRITE)).unwrap();
    pair.nodes[1].set_rights(&rights, Now::at(pair.time));
    for key in ["own/key", "other"] {
        pair.nodes[0].publish(key.as_bytes(), b"value", 0, Now::at(pair.time)).unwrap();
    }
    pair.turns(100);
    assert!(has_subject(&pair));
    assert_eq!(pair.nodes[1].count(), 1, "the other is denied");
    let replay = replay(&Record::new(&[], &pair.files[1])).unwrap();
    assert_eq!(replay.node().unwrap().stats(), pair.nodes[1].stats());
}
