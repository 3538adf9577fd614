//! The flight recorder in real nodes: it writes down their inputs, and a fault of the file neither ends nor delays a
//! node.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::build::{czmq_program, native_program};
use common::node::{escape, eventually};
use common::{Host, LONG, Lib, Node, Scratch};
use zgossip::core::record::{Difference, Input, Record, Replay};

/// Outcome of replaying a record.
struct Replayed {
    root: u64,
    tuples: usize,
    frames: u64,
}

fn files(path: &str) -> [Vec<u8>; 2] {
    [format!("{path}.1"), path.to_owned()].map(|path| fs::read(path).unwrap_or_default())
}

fn replay(path: &str) -> Result<Replayed, Difference> {
    let [older, newer] = files(path);
    let record = Record::new(&older, &newer);
    assert!(!record.blocks.is_empty(), "{path} is a record");
    let mut replay = Replay::new();
    record.blocks.iter().try_for_each(|block| replay.replay_block(block))?;
    let node = replay.node().expect("a beginning");
    Ok(Replayed { root: node.root(), tuples: node.count(), frames: replay.sent().0 })
}

fn entries(path: &str) -> String {
    let [older, newer] = files(path);
    let record = Record::new(&older, &newer);
    let lines = record.blocks.iter().flat_map(|block| block.entries().map(|entry| entry.to_string() + "\n"));
    lines.collect()
}

fn root(node: &Node) -> u64 {
    u64::from_str_radix(&node.counters()["root"], 16).expect("a root")
}

#[test]
fn the_record_of_a_hub_whose_peers_restart_and_are_killed_replays_to_the_same_bytes() {
    let scratch = Scratch::new();
    let path = scratch.path("hub.record");
    let hub = Node::new(Lib::Native, "hub");
    hub.send(&format!("SET server/record {}", escape(path.as_bytes())));
    let endpoint = hub.bind();
    hub.publish("of the hub", "1");
    for life in 0..3 {
        let leaf = Node::new([Lib::Native, Lib::Preload, Lib::Stock][life], "leaf");
        leaf.connect(&endpoint);
        leaf.must_hold("of the hub", "1");
        let key = format!("life {life}");
        leaf.publish(&key, "lived");
        hub.must_hold(&key, "lived");
        hub.publish("updated", &life.to_string());
        leaf.must_hold("updated", &life.to_string());
        if life != 1 {
            leaf.host.kill();
        }
    }
    hub.send("RETRACT life%200");
    let (last, held) = (root(&hub), hub.status());
    assert_eq!(held, 4);
    // The hub may be killed: all its inputs until now are in the file, or soon will be.
    let complete = || replay(&path).is_ok_and(|replayed| replayed.root == last);
    assert!(eventually(LONG, complete), "{}", entries(&path));
    hub.host.kill();
    let replayed = replay(&path).unwrap_or_else(|difference| panic!("{difference}"));
    assert_eq!((replayed.root, replayed.tuples), (last, held));
    assert!(replayed.frames > 10);
    let entries = entries(&path);
    assert!(entries.contains("publish of the hub = 1\n"), "{entries}");
    assert!(entries.contains("note: link 1 is tcp://127.0.0.1:"), "{entries}");
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_node_that_ends_in_good_order_has_recorded_everything() {
    let scratch = Scratch::new();
    let path = scratch.path("r");
    let config = scratch.path("node.cfg");
    fs::write(&config, format!("server\n    record = \"{path}\"\n    record_size = 100000000\n"))
        .expect("a file");
    let node = Node::new(Lib::Preload, "node");
    node.send(&format!("LOAD {}", escape(config.as_bytes())));
    for key in 0..2000 {
        node.publish(&key.to_string(), "value");
    }
    node.destroy();
    let complete = || replay(&path).is_ok_and(|replayed| replayed.tuples == 2000);
    assert!(eventually(LONG, complete));
}

#[test]
fn every_node_of_a_process_is_recorded_where_the_environment_says_so() {
    let scratch = Scratch::new();
    for mut program in [native_program("native_node"), czmq_program("node", Lib::Preload)] {
        let directory = scratch.path(if scratch_is_empty(&scratch.path("")) { "a" } else { "b" });
        fs::create_dir(&directory).expect("a directory");
        program.env("ZGOSSIP_RECORD", &directory);
        let host = Host::run(program);
        let (hub, leaf) = (host.node("hub"), host.node("leaf"));
        leaf.connect(&hub.bind());
        leaf.publish("key", "value");
        hub.must_hold("key", "value");
        let name = format!("zgossip-{}-", host.id());
        hub.destroy();
        leaf.destroy();
        let records: Vec<String> = fs::read_dir(&directory)
            .expect("a directory")
            .map(|file| file.expect("a file").path().to_str().expect("plain").to_owned())
            .collect();
        assert_eq!(records.len(), 2, "{records:?}");
        for path in &records {
            assert!(path.contains(&name), "{path}");
            assert!(eventually(LONG, || replay(path).is_ok_and(|replayed| replayed.tuples == 1)), "{path}");
        }
    }
}

fn scratch_is_empty(path: &str) -> bool {
    fs::read_dir(path).expect("a directory").next().is_none()
}

#[test]
fn a_record_that_begins_late_or_has_lost_its_beginning_says_so_and_can_be_read() {
    let scratch = Scratch::new();
    let path = scratch.path("r");
    let node = Node::new(Lib::Native, "node");
    node.publish("before", "1");
    node.send("SET server/record_size 2000");
    node.send(&format!("RECORD {}", escape(path.as_bytes())));
    node.publish("after", "2");
    assert!(eventually(LONG, || entries(&path).contains("publish after = 2\n")));
    assert_eq!(replay(&path).err(), Some(Difference::NoBeginning));
    // One block for each turn, for each is waited for.
    for key in 0..300 {
        node.publish(&format!("key {key}"), "value");
        assert_eq!(node.status(), 3 + key);
    }
    assert!(eventually(LONG, || entries(&path).contains("publish key 299 = value\n")));
    let all = entries(&path);
    assert!(!all.contains("publish after = 2\n") && all.contains("publish key 290 = value\n"), "{all}");
    for file in [path.clone(), format!("{path}.1")] {
        let length = fs::metadata(&file).expect("a file").len();
        assert!((500..=2000).contains(&length), "{file}: {length} bytes");
    }
    // Recording ends.
    node.send("RECORD");
    node.publish("last", "1");
    assert_eq!(node.status(), 303);
    assert!(!entries(&path).contains("publish last"));
}

#[test]
fn a_record_that_cannot_be_written_is_refused_or_ends_and_the_node_goes_on() {
    let scratch = Scratch::new();
    let letter = scratch.path("letter");
    fs::write(&letter, "Dear Madam").expect("a file");
    for lib in [Lib::Native, Lib::Preload] {
        let node = Node::new(lib, "node");
        for path in ["/nonexistent/record", "/dev/null", &letter] {
            node.send(&format!("RECORD {path}"));
            assert!(node.host.wait_stderr(LONG, &format!("RECORD refused: cannot record to '{path}'")));
            node.send(&format!("SET server/record {path}"));
            assert!(node.host.wait_stderr(LONG, &format!("SET refused: cannot record to '{path}'")));
        }
        node.publish("key", "value");
        assert_eq!(node.status(), 1);
    }
    assert_eq!(fs::read(&letter).expect("a file"), b"Dear Madam");

    // Later on, something stands where the next file would be.
    let path = scratch.path("r");
    let node = Node::new(Lib::Native, "node");
    node.send("SET server/record_size 100");
    node.send(&format!("RECORD {path}"));
    fs::create_dir(Path::new(&format!("{path}.1"))).expect("a directory");
    let ended = format!("recording to '{path}' has ended");
    let mut keys = 0;
    assert!(eventually(LONG, || {
        node.publish(&keys.to_string(), "value");
        keys += 1;
        assert_eq!(node.status(), keys);
        node.host.stderr().contains(&ended)
    }));
    node.publish("still", "works");
    assert_eq!(node.status(), keys + 1);
    assert_eq!(node.host.stderr().matches(&ended).count(), 1);
    // Recording may begin anew.
    fs::remove_dir(format!("{path}.1")).expect("an empty directory");
    node.send(&format!("RECORD {path}"));
    node.publish("recorded", "again");
    assert!(eventually(LONG, || entries(&path).contains("publish recorded = again\n")));
}

#[test]
fn keys_and_passwords_are_in_no_record() {
    let scratch = Scratch::new();
    let path = scratch.path("r");
    let node = Node::new(Lib::Native, "node");
    node.send(&format!("RECORD {path}"));
    let (public, secret) =
        ("Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs");
    node.send_pieces(&[b"SET PUBLICKEY", public.as_bytes()]);
    node.send_pieces(&[b"SET SECRETKEY", secret.as_bytes()]);
    node.bind();
    node.send_pieces(&[b"CONNECT", b"tcp://127.0.0.1:9", public.as_bytes()]);
    node.publish("key", "value");
    assert!(eventually(LONG, || entries(&path).contains("publish key = value\n")));
    let [older, newer] = files(&path);
    for bytes in [&older, &newer] {
        for key in [public, secret] {
            assert!(!bytes.windows(key.len()).any(|window| window == key.as_bytes()));
        }
    }
    // The first entry has the state with which the record is replayed.
    let record = Record::new(&older, &newer);
    assert!(matches!(record.blocks[0].entries().next().map(|entry| entry.input), Some(Input::New { .. })));
}
