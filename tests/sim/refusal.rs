//! A node that has to refuse tuples is asked once, and harms nobody: one with a short limit, one that is full, one that
//! holds what others have forgotten.

use super::net::{MS, SECOND, Sim};
use super::verdict::wrong;
use super::wire::Speed;
use zgossip::core::Settings;

const MINUTE: u64 = 60 * SECOND;

/// Makes a hub, and a leaf with settings of its own.
fn hub_and_one(settings: Settings, skew: i64) -> Sim {
    let mut sim = Sim::new(1);
    let hub = sim.ours();
    let leaf = sim.ours_with(settings, skew);
    let wire = sim.connect(leaf, hub);
    sim.wires[wire].speed = Speed::line(MS, 0);
    sim.run(3 * SECOND);
    sim.sample = 1000;
    sim
}

fn publish_many(sim: &mut Sim, node: usize, keys: std::ops::Range<usize>, size: usize) {
    sim.publish_all(node, keys.map(|key| (format!("key-{key}"), format!("{key:0size$}"))));
}

/// Number of bytes that go over the network in a minute in which one key changes each second.
fn bytes_of_a_minute(sim: &mut Sim) -> u64 {
    let before = sim.tally.bytes;
    for second in 0..60 {
        sim.publish(0, "busy", &format!("{second}"));
        sim.run(SECOND);
    }
    sim.tally.bytes - before
}

/// Tuples sent to the full leaf again and again would be 22 MB, or 54 MB where the values are long.
#[test]
fn whoever_has_no_room_or_takes_no_long_values_is_not_sent_them_again_and_again() {
    let usual = Settings::default();
    for (what, settings, size) in [
        ("room for 10", Settings { max_tuples: 10, ..usual.clone() }, 75),
        ("room for 1000", Settings { max_tuples: 1000, ..usual.clone() }, 75),
        ("values up to 1000 bytes", Settings { max_value: 1000, ..usual.clone() }, 6000),
    ] {
        let mut sim = hub_and_one(settings, 0);
        // The leaf has room for this key.
        sim.publish(0, "busy", "first");
        sim.run(SECOND);
        publish_many(&mut sim, 0, 0..5000, size);
        sim.run(MINUTE);
        let bytes = bytes_of_a_minute(&mut sim);
        println!("{what}: {bytes} bytes a minute");
        assert!(bytes < 200_000, "{what}: {bytes} bytes a minute");
        assert_eq!(sim.value(1, "busy").as_deref(), Some("59"), "{what}");
    }
}

/// Tombstones of unknown keys, of which a node is sent more than it has room for, do not push each other out for ever.
#[test]
fn a_full_node_is_told_of_a_removal_once() {
    let mut sim = hub_and_one(Settings { max_tuples: 10, ..Settings::default() }, 0);
    sim.wires[0].cut = true;
    sim.run(SECOND);
    publish_many(&mut sim, 0, 0..100, 10);
    (0..50).for_each(|key| _ = sim.retract(0, &format!("key-{key}")));
    sim.wires[0].cut = false;
    sim.run(MINUTE);
    let bytes = bytes_of_a_minute(&mut sim);
    assert!(bytes < 100_000, "{bytes} bytes a minute");
}

/// A clock that starts in 1970.
#[test]
fn a_node_whose_clock_says_1970_is_not_sent_everything_again_and_again() {
    let mut sim = hub_and_one(Settings::default(), -(super::net::WALL as i64) + 1000);
    publish_many(&mut sim, 0, 0..5000, 75);
    sim.run(MINUTE);
    assert_eq!(sim.view(1).len(), 5000);
    let bytes = bytes_of_a_minute(&mut sim);
    assert!(bytes < 200_000, "{bytes} bytes a minute");
    assert_eq!(wrong(&sim), None);
}

/// Refused tuples do not hide others that a node lacks: the node was away while all of them were written.
#[test]
fn what_is_good_does_not_wait_behind_what_is_refused() {
    let mut sim = hub_and_one(Settings { max_value: 1000, ..Settings::default() }, 0);
    publish_many(&mut sim, 0, 0..30_000, 10);
    sim.run(10 * SECOND);
    sim.wires[0].cut = true;
    sim.lose(0, 0, 0);
    sim.run(SECOND);
    publish_many(&mut sim, 0, 40_000..44_000, 2000);
    publish_many(&mut sim, 0, 50_000..51_000, 20);
    sim.wires[0].cut = false;
    sim.run(10 * SECOND);
    let good = (50_000..51_000).filter(|key| sim.value(1, &format!("key-{key}")).is_some()).count();
    assert_eq!(good, 1000, "of 1000 good tuples");
    assert_eq!(sim.view(1).len(), 31_000);
}

/// A short limit of a leaf does not keep anything from the others.
#[test]
fn a_limit_of_one_node_harms_no_neighbour() {
    let mut sim = hub_and_one(Settings { max_value: 1000, ..Settings::default() }, 0);
    let other = sim.ours();
    sim.connect(other, 0);
    sim.run(2 * SECOND);
    let long = "x".repeat(200_000);
    sim.publish(0, "long", &long);
    for key in 0..100 {
        sim.publish(key % 3, &format!("key-{key}"), "short");
    }
    sim.run(10 * SECOND);
    assert_eq!(sim.value(other, "long").as_deref(), Some(long.as_str()));
    assert_eq!(sim.value(1, "long"), None);
    assert!((0..3).all(|node| (0..100).all(|key| sim.value(node, &format!("key-{key}")).is_some())));
    assert_eq!(wrong(&sim), None);
    // The short value that follows is taken.
    sim.publish(0, "long", "short");
    sim.run(5 * SECOND);
    assert!((0..3).all(|node| sim.value(node, "long").as_deref() == Some("short")));
}

/// A full node holds keys that its owner hid with UNPUBLISH.
#[test]
fn a_full_node_does_not_get_back_what_its_owner_unpublished() {
    let mut sim = hub_and_one(Settings { max_tuples: 20, ..Settings::default() }, 0);
    publish_many(&mut sim, 0, 0..20, 10);
    sim.run(3 * SECOND);
    for key in 0..10 {
        assert!(sim.unpublish(1, &format!("key-{key}")));
    }
    sim.run(3 * SECOND);
    sim.publish(0, "one more", "value");
    sim.run(MINUTE);
    let back: Vec<_> = (0..10).filter(|key| sim.value(1, &format!("key-{key}")).is_some()).collect();
    assert!(back.is_empty(), "came back: {back:?}");
}

/// A hub keeps tombstones for longer than its leaves.
#[test]
fn removals_do_not_go_round_where_nodes_remember_them_for_different_times() {
    for remembered in [0, 10_000] {
        let mut sim = Sim::new(2);
        let hub = sim.ours();
        let settings = Settings { tombstone: remembered, ..Settings::default() };
        for _ in 0..2 {
            let leaf = sim.ours_with(settings.clone(), 0);
            sim.connect(leaf, hub);
        }
        sim.run(3 * SECOND);
        publish_many(&mut sim, hub, 0..1000, 10);
        sim.run(3 * SECOND);
        (0..1000).for_each(|key| _ = sim.retract(hub, &format!("key-{key}")));
        sim.run(30 * SECOND);
        let before = sim.tally.clone();
        sim.run(2 * MINUTE);
        let sent = sim.tally.sent - before.sent;
        assert!(sent < 100, "remembered for {remembered} ms: {sent} tuples in two quiet minutes");
        assert_eq!(wrong(&sim), None);
    }
}

/// Expired tuples make room.
#[test]
fn a_node_that_holds_one_tuple_at_a_time_is_never_full() {
    let mut sim = Sim::new(3);
    let node = sim.ours_with(Settings { max_tuples: 1000, ..Settings::default() }, 0);
    sim.sample = 1000;
    for key in 0..3000 {
        sim.publish_for(node, &format!("key-{key}"), "ends", 100);
        sim.run(200 * MS);
    }
    assert_eq!(sim.our(node).node.stats().refused, 0);
}

/// A value that takes long to transmit arrives, and so does what is behind it, as far as the core decides that.
#[test]
fn a_value_of_16_mib_passes_a_line_of_8_mbit_and_what_is_written_behind_it() {
    for (writer, megabytes) in [(0, 4), (0, 8), (0, 15), (1, 15)] {
        let mut sim = hub_and_one(Settings::default(), 0);
        sim.wires[0].speed = Speed { bandwidth: 1_000_000, bytes: 1 << 20, ..Speed::line(20 * MS, 0) };
        sim.publish(writer, "large", &"x".repeat(megabytes << 20));
        sim.publish(writer, "short", "value");
        let epoch = sim.wires[0].epoch;
        sim.run(MINUTE);
        let case = format!("{megabytes} MiB from node {writer}");
        assert_eq!(sim.value(1 - writer, "large").map_or(0, |value| value.len()), megabytes << 20, "{case}");
        assert_eq!(sim.value(1 - writer, "short").as_deref(), Some("value"), "{case}");
        assert_eq!(sim.wires[0].epoch, epoch, "{case}: the connection was given up");
    }
}

/// Many small tuples pass a slow line.
#[test]
fn many_small_tuples_pass_a_slow_line_over_one_connection() {
    let mut sim = hub_and_one(Settings::default(), 0);
    sim.wires[0].speed = Speed { bandwidth: 100_000, bytes: 1 << 18, ..Speed::line(20 * MS, 0) };
    publish_many(&mut sim, 1, 0..20_000, 200);
    let epoch = sim.wires[0].epoch;
    sim.run(70 * SECOND);
    assert_eq!(sim.view(0).len(), 20_000);
    assert_eq!(sim.wires[0].epoch, epoch, "the connection was given up");
}

/// A newcomer that takes much over a narrow line is sent at once what is written now, and nothing twice.
#[test]
fn what_is_written_now_overtakes_what_a_newcomer_still_lacks() {
    let mut sim = Sim::new(4);
    let (hub, leaf) = (sim.ours(), sim.ours());
    sim.sample = 10_000;
    sim.connect(leaf, hub);
    publish_many(&mut sim, hub, 0..50_000, 100);
    sim.run(10 * SECOND);
    let newcomer = sim.ours();
    let wire = sim.connect(newcomer, hub);
    sim.wires[wire].speed = Speed { bandwidth: 2_500_000, bytes: 1 << 20, ..Speed::line(10 * MS, 0) };
    sim.run(500 * MS);
    let before = sim.tally.sent;
    sim.publish(leaf, "now", "value");
    sim.run(SECOND);
    assert_eq!(sim.value(newcomer, "now").as_deref(), Some("value"), "a second later");
    assert!(sim.view(newcomer).len() < 50_000, "it still takes the rest");
    sim.run(20 * SECOND);
    assert_eq!(sim.view(newcomer).len(), 50_001);
    let sent = sim.tally.sent - before;
    assert!(sent < 52_000, "{sent} tuples sent for 50 000");
    assert_eq!(wrong(&sim), None);
}
