//! Warnings: each says what is wrong and about whom, once, and nothing is said where nothing is wrong.

use super::clocks::hears_clocks;
use super::net::{MS, SECOND, Sim, WALL};
use super::watch::kind;
use super::wire::Speed;
use zgossip::core::Settings;
use zgossip::core::codec::MessageId;
use zgossip::warning::Kind;

const MINUTE: u64 = 60 * SECOND;

/// The kinds of a node's warnings so far, each with whether it says that something is over.
fn said(sim: &Sim, node: usize) -> Vec<(Kind, bool)> {
    sim.our(node).warnings.iter().map(|warning| (warning.kind, warning.is_over)).collect()
}

/// The value that a node's last warning of a kind has in the place of `name`.
#[track_caller]
fn value(sim: &Sim, node: usize, kind: Kind, name: &str) -> String {
    let mut warnings = sim.our(node).warnings.iter().rev();
    let warning = warnings.find(|warning| warning.kind == kind && !warning.is_over).expect("a warning");
    let value = warning.values.iter().find(|(of, _)| *of == name);
    value.expect("a value of this name").1.clone()
}

/// A hub and leaves whose clocks are wrong by these milliseconds, after a minute.
fn star(hub: i64, leaves: &[i64]) -> Sim {
    let mut sim = Sim::new(1);
    sim.ours_with(Settings::default(), hub);
    for &skew in leaves {
        let leaf = sim.ours_with(Settings::default(), skew);
        sim.connect(leaf, 0);
    }
    sim.run(MINUTE);
    sim
}

#[test]
fn whose_clock_is_wrong_is_said_as_far_as_it_can_be_told_and_that_it_is_set_right() {
    let mut sim = star(0, &[0, 60_000, 0]);
    assert_eq!(said(&sim, 0), [(Kind::PeerClock, false)]);
    assert_eq!(value(&sim, 0, Kind::PeerClock, "seconds"), "60");
    assert_eq!(value(&sim, 0, Kind::PeerClock, "way"), "ahead of");
    assert_eq!(said(&sim, 2), [(Kind::ClocksApart, false)], "it knows no third clock");
    assert_eq!(value(&sim, 2, Kind::ClocksApart, "way"), "behind");
    assert!(said(&sim, 1).is_empty() && said(&sim, 3).is_empty());
    sim.run(8 * MINUTE);
    assert_eq!(said(&sim, 0).len(), 1, "it is said once in ten minutes");
    sim.nodes[2].skew = 0;
    sim.run(MINUTE);
    assert_eq!(said(&sim, 0)[1..], [(Kind::PeerClock, true)]);
    assert_eq!(said(&sim, 2)[1..], [(Kind::ClocksApart, true)]);
}

#[test]
fn a_node_whose_own_clock_is_wrong_says_so_of_itself() {
    let mut sim = star(-30_000, &[0, 0, 0]);
    assert_eq!(said(&sim, 0), [(Kind::OwnClock, false)]);
    assert_eq!(value(&sim, 0, Kind::OwnClock, "seconds"), "30");
    assert_eq!(value(&sim, 0, Kind::OwnClock, "way"), "behind");
    assert_eq!(value(&sim, 0, Kind::OwnClock, "count"), "3");
    sim.nodes[0].skew = 0;
    sim.run(MINUTE);
    assert_eq!(said(&sim, 0)[1..], [(Kind::OwnClock, true)]);
    assert_eq!(said(&star(0, &[0, 4000, -4000]), 0), []);
}

#[test]
fn lasting_disagreement_is_said_with_its_reason_and_so_is_its_end() {
    let mut sim = star(0, &[0]);
    // Nothing but heartbeats arrives, and the loss goes unnoticed.
    sim.filter = Some(Box::new(|_, _, frame| kind(frame) == MessageId::Heartbeat));
    sim.publish(0, "key", "value");
    sim.run(50 * SECOND);
    assert_eq!(said(&sim, 0), []);
    sim.run(30 * SECOND);
    for (node, ours, theirs) in [(0, "1", "0"), (1, "0", "1")] {
        assert_eq!(said(&sim, node), [(Kind::Disagreement, false)]);
        assert_eq!(value(&sim, node, Kind::Disagreement, "ours"), ours);
        assert_eq!(value(&sim, node, Kind::Disagreement, "theirs"), theirs);
        assert_eq!(value(&sim, node, Kind::Disagreement, "why"), "the reason is not known here");
    }
    sim.filter = None;
    sim.run(30 * SECOND);
    assert_eq!(said(&sim, 0)[1..], [(Kind::Disagreement, true)]);
    assert_eq!(said(&sim, 1)[1..], [(Kind::Disagreement, true)]);
}

#[test]
fn stamps_that_are_not_believed_are_said_and_are_the_reason_of_a_disagreement() {
    let mut sim = star(0, &[0, 0, 7_200_000]);
    sim.publish(3, "key", "value");
    sim.run(2 * MINUTE);
    let kinds: Vec<_> = said(&sim, 0).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [Kind::Drift, Kind::PeerClock, Kind::Disagreement]);
    assert_eq!(value(&sim, 0, Kind::Drift, "seconds"), "7200");
    assert!(value(&sim, 0, Kind::Disagreement, "why").contains("refused here, being further ahead"));
    assert!(value(&sim, 3, Kind::Disagreement, "why").contains("than server/max_drift allows"));
}

/// The wall clock that goes with it is right: it alone would not be noticed.
#[test]
fn a_client_that_leads_the_logical_clock_away_is_named_with_the_distance() {
    let mut sim = star(0, &[0, 0, 0]);
    let right = WALL + sim.now / MS;
    hears_clocks(&mut sim, 0, 1, (right + 1_800_000) << 16, right);
    sim.run(MINUTE);
    assert_eq!(said(&sim, 0), [(Kind::FarAhead, false)]);
    assert_eq!(value(&sim, 0, Kind::FarAhead, "seconds"), "1800");
    assert_eq!(value(&sim, 0, Kind::FarAhead, "count"), "1");
    assert!((1..4).all(|leaf| said(&sim, leaf).is_empty()));
    sim.publish(2, "key", "value");
    sim.run(SECOND);
    assert!((0..4).all(|node| sim.value(node, "key").is_some()));
}

/// A hub that holds more than a leaf with these settings takes.
fn refusing(settings: Settings) -> Sim {
    let mut sim = Sim::new(1);
    let hub = sim.ours();
    let leaf = sim.ours_with(settings, 0);
    let wire = sim.connect(leaf, hub);
    sim.wires[wire].speed = Speed::line(MS, 0);
    sim.publish_all(hub, (0..20).map(|key| (format!("key-{key}"), "a value".to_owned())));
    sim.run(30 * SECOND);
    sim
}

#[test]
fn both_sides_say_what_is_refused_and_how_much() {
    let cases = [
        (Settings { max_tuples: 5, ..Settings::default() }, Kind::NoRoom, "15"),
        (Settings { max_value: 3, ..Settings::default() }, Kind::TooLong, "20"),
    ];
    for (settings, kind, count) in cases {
        let mut sim = refusing(settings);
        assert_eq!(said(&sim, 0), [(Kind::PeerRefuses, false)], "{kind:?}");
        assert_eq!(value(&sim, 0, Kind::PeerRefuses, "count"), count);
        assert_eq!(said(&sim, 1), [(kind, false)]);
        assert_eq!(value(&sim, 1, kind, "count"), count);
        sim.with(1, |node, now| node.set_settings(Settings::default(), now));
        sim.run(30 * SECOND);
        assert_eq!(said(&sim, 0)[1..], [(Kind::PeerRefuses, true)]);
        assert_eq!(sim.view(1).len(), 20);
    }
}

#[test]
fn more_refusals_than_can_be_remembered_are_said() {
    let mut sim = refusing(Settings { max_tuples: 5, ..Settings::default() });
    sim.sample = u64::MAX;
    sim.publish_all(0, (0..70_000).map(|key| (format!("many-{key}"), "v".to_owned())));
    sim.run(MINUTE);
    assert!(said(&sim, 1).contains(&(Kind::RefusedForgotten, false)), "{:?}", said(&sim, 1));
}

#[test]
fn removed_keys_that_are_forgotten_early_are_said() {
    let mut sim = refusing(Settings { max_tuples: 30, ..Settings::default() });
    (0..20).for_each(|key| _ = sim.retract(0, &format!("key-{key}")));
    sim.publish_all(0, (0..20).map(|key| (format!("new-{key}"), "v".to_owned())));
    sim.run(5 * SECOND);
    (0..20).for_each(|key| _ = sim.retract(0, &format!("new-{key}")));
    sim.run(5 * SECOND);
    assert_eq!(said(&sim, 1), [(Kind::TombstonesForgotten, false)]);
    assert_eq!(value(&sim, 1, Kind::TombstonesForgotten, "count"), "10");
}

#[test]
fn a_loop_of_stock_nodes_is_said_with_its_key() {
    let mut sim = Sim::new(1);
    let (ours, one, two) = (sim.ours(), sim.stock(), sim.stock());
    sim.connect(one, ours);
    sim.connect(two, ours);
    sim.connect(one, two);
    sim.publish(ours, "quiet", "value");
    sim.run(5 * SECOND);
    for (node, value) in [(one, "1"), (two, "2")] {
        sim.publish(node, "key", value);
    }
    sim.run(3 * MINUTE);
    assert_eq!(said(&sim, ours), [(Kind::Loop, false)]);
    assert_eq!(value(&sim, ours, Kind::Loop, "key"), "key");
}

/// Nothing is wrong in these networks: nodes come, write, remove and leave, over lines that take a while, and some speak
/// plain ZGP/1.
#[test]
fn healthy_networks_give_no_warning() {
    for (seed, latency, stock) in [(1, MS, 0), (2, 300 * MS, 0), (3, 50 * MS, 2), (4, MS, 4)] {
        let mut sim = Sim::new(seed);
        sim.sample = 100;
        let hubs = [sim.ours(), sim.ours()];
        let wire = sim.connect(hubs[1], hubs[0]);
        sim.wires[wire].speed = Speed::line(latency, 0);
        for leaf in 0..8 {
            let node = if leaf < stock {
                sim.stock()
            } else {
                sim.ours_with(Settings::default(), leaf as i64 * 400)
            };
            let wire = sim.connect(node, hubs[leaf % 2]);
            sim.wires[wire].speed = Speed::line(latency, 0);
        }
        let mut random = fastrand::Rng::with_seed(seed);
        for step in 0..600u64 {
            let node = random.usize(0..sim.nodes.len());
            sim.publish(node, &format!("key-{node}-{}", random.u8(0..20)), &step.to_string());
            let ours = hubs[random.usize(0..2)];
            match step % 10 {
                0 => sim.publish_for(ours, &format!("ttl-{step}"), "v", 3000),
                1 => _ = sim.retract(ours, &format!("key-{ours}-1")),
                2 => _ = sim.unpublish(ours, &format!("key-{ours}-2")),
                _ => {}
            }
            // Now busy, now idle.
            sim.run(if step % 200 < 190 { 300 * MS } else { 40 * SECOND });
        }
        sim.publish_all(hubs[0], (0..20_000).map(|key| (format!("bulk-{key}"), "value".repeat(10))));
        sim.run(5 * MINUTE);
        for node in (0..sim.nodes.len()).filter(|&node| sim.is_ours(node)) {
            assert_eq!(said(&sim, node), [], "node {node} of run {seed}");
        }
    }
}
