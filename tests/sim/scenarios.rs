//! Promises among zgossip nodes, one case each.

use super::net::{MS, SECOND, Sim};
use super::topology::star;
use super::verdict::{disagreement, settles_within, wrong};
use super::watch::kind;
use super::wire::Speed;
use zgossip::core::Settings;
use zgossip::core::codec::MessageId;

const FAST: Speed = Speed::of((MS / 2, 2 * MS), 1, 1000);

/// Makes zgossip nodes that are all connected to the first, for long enough to know each other.
fn hub_and_leaves(leaves: usize) -> Sim {
    let mut sim = Sim::new(1);
    for _ in 0..=leaves {
        sim.ours();
    }
    for (client, server) in star(leaves + 1) {
        let wire = sim.connect(client, server);
        sim.wires[wire].speed = FAST;
    }
    sim.run(3 * SECOND);
    sim
}

/// Publishes many tuples at once.
fn publish_many(sim: &mut Sim, node: usize, keys: std::ops::Range<usize>, value: &str) {
    sim.publish_all(node, keys.map(|key| (format!("key-{key}"), value.into())));
}

#[track_caller]
fn agree(sim: &Sim) {
    assert_eq!(wrong(sim), None);
}

#[test]
fn a_seed_reproduces_a_run() {
    let run = || {
        let options = super::faults::Options::draw(12, 3, &mut fastrand::Rng::with_seed(5));
        let mut sim = super::faults::build(5, &options);
        sim.run(30 * SECOND);
        let roots: Vec<u64> = (0..12).filter(|&n| sim.is_ours(n)).map(|n| sim.our(n).node.root()).collect();
        (sim.steps, sim.tally.bytes, roots)
    };
    assert_eq!(run(), run());
}

#[test]
fn anti_entropy_heals_a_dropped_batch_within_two_heartbeats() {
    for writer in [0, 1] {
        let mut sim = hub_and_leaves(1);
        sim.filter =
            Some(Box::new(|_, _, frame| !matches!(kind(frame), MessageId::Batch | MessageId::Publish)));
        publish_many(&mut sim, writer, 0..50, "lost");
        sim.run(100 * MS);
        assert_eq!(sim.view(1 - writer).len(), 0);
        sim.filter = None;
        sim.run(4 * SECOND);
        assert_eq!(sim.view(1 - writer).len(), 50, "written by node {writer}");
        settles_within(&mut sim, SECOND);
    }
}

#[test]
fn a_node_that_lacks_100_of_100000_costs_less_than_a_hundredth_of_everything() {
    let mut sim = hub_and_leaves(1);
    let value = "a value of a usual length, about as long as those in the benchmarks";
    let before = sim.tally.bytes;
    publish_many(&mut sim, 0, 0..100_000, value);
    sim.run(20 * SECOND);
    agree(&sim);
    let all = sim.tally.bytes - before;
    for writer in [0, 1] {
        sim.wires[0].cut = true;
        sim.lose(0, 0, 0);
        sim.run(SECOND);
        publish_many(&mut sim, writer, 500..600, &format!("changed by {writer}"));
        sim.run(SECOND);
        assert!(disagreement(&sim).is_some());
        let before = sim.tally.bytes;
        sim.wires[0].cut = false;
        sim.run(10 * SECOND);
        agree(&sim);
        let some = sim.tally.bytes - before;
        println!("everything {all} bytes, what node {writer} wrote {some}");
        assert!(some * 100 < all, "{some} of {all} bytes");
    }
}

#[test]
fn a_key_updated_20000_times_ends_with_the_last_value_and_silence() {
    let mut sim = hub_and_leaves(2);
    for step in 0..100 {
        sim.publish_all(1, (0..200).map(|i| ("key".into(), format!("v{}", step * 200 + i))));
        sim.run(MS);
    }
    sim.run(SECOND);
    for node in 0..3 {
        assert_eq!(sim.value(node, "key").as_deref(), Some("v19999"));
    }
    settles_within(&mut sim, 0);
}

#[test]
fn three_nodes_in_a_cycle_that_write_the_same_keys_at_once_agree_within_a_second() {
    let mut sim = Sim::new(2);
    for _ in 0..3 {
        sim.ours();
    }
    for (client, server) in [(0, 1), (1, 2), (2, 0)] {
        sim.connect(client, server);
    }
    sim.run(3 * SECOND);
    for round in 0..10 {
        for node in 0..3 {
            publish_many(&mut sim, node, 0..100, &format!("{node} in round {round}"));
        }
        sim.run(SECOND);
        agree(&sim);
    }
    assert_eq!(sim.view(0).len(), 100);
    settles_within(&mut sim, 0);
}

#[test]
fn a_hub_that_ends_ten_times_loses_nothing() {
    let mut sim = hub_and_leaves(5);
    for round in 0..10 {
        for leaf in 1..=5 {
            for part in 0..20 {
                let wait = part * 50 * MS;
                sim.after(wait, move |sim| sim.publish(leaf, &format!("{leaf}-{round}-{part}"), "here"));
            }
        }
        sim.run(300 * MS);
        sim.restart(0, 200 * MS, |_| ());
        sim.run(SECOND);
    }
    sim.run(2 * SECOND);
    agree(&sim);
    assert_eq!(sim.view(0).len(), 1000);
}

#[test]
fn two_halves_that_wrote_the_same_keys_agree_three_seconds_after_the_cut_ends() {
    let mut sim = Sim::new(3);
    for _ in 0..20 {
        sim.ours();
    }
    // Two rings, and three wires between them.
    for half in [0, 10] {
        for i in 0..10 {
            sim.connect(half + i, half + (i + 1) % 10);
        }
    }
    let between: Vec<usize> = (0..3).map(|i| sim.connect(i, 10 + 3 * i)).collect();
    publish_many(&mut sim, 0, 0..1000, "before");
    sim.run(10 * SECOND);
    agree(&sim);
    for &wire in &between {
        sim.wires[wire].cut = true;
        sim.lose(wire, SECOND, SECOND);
    }
    for round in 0..5 {
        publish_many(&mut sim, 2, 0..1000, &format!("left {round}"));
        publish_many(&mut sim, 14, 0..1000, &format!("right {round}"));
        sim.run(2 * SECOND);
    }
    for &wire in &between {
        sim.wires[wire].cut = false;
    }
    sim.run(3 * SECOND);
    agree(&sim);
    settles_within(&mut sim, 2 * SECOND);
}

#[test]
fn a_retracted_key_is_gone_everywhere_and_stays_gone() {
    let mut sim = hub_and_leaves(8);
    let plain = sim.stock();
    let wire = sim.connect(plain, 0);
    sim.publish(plain, "key", "value");
    sim.publish(1, "other", "value");
    sim.run(2 * SECOND);
    agree(&sim);
    // A third node is away while the key is retracted.
    for wire in 0..3 {
        sim.wires[wire].cut = true;
        sim.lose(wire, 0, 0);
    }
    sim.run(SECOND);
    assert!(sim.retract(5, "key"));
    sim.run(SECOND);
    // The plain peer comes back and sends the key again.
    sim.lose(wire, 0, 0);
    sim.restart(plain, 100 * MS, move |sim| sim.publish(plain, "key", "value"));
    sim.run(2 * SECOND);
    (0..3).for_each(|wire| sim.wires[wire].cut = false);
    sim.run(3 * SECOND);
    for node in 0..=8 {
        assert_eq!(sim.value(node, "key"), None, "node {node}");
    }
    sim.run(60 * SECOND);
    assert!((0..=8).all(|node| sim.view(node).len() == 1));
    // A new value is news.
    sim.publish(plain, "key", "new");
    sim.run(SECOND);
    assert!((0..=8).all(|node| sim.value(node, "key").as_deref() == Some("new")));
}

#[test]
fn a_tuple_expires_everywhere_also_where_it_was_learned_late() {
    let mut sim = hub_and_leaves(5);
    let late = sim.ours();
    sim.publish_for(1, "key", "value", 2000);
    sim.run(SECOND);
    sim.connect(late, 0);
    sim.run(800 * MS);
    assert!((0..=late).all(|node| sim.value(node, "key").is_some()));
    sim.run(700 * MS);
    for node in 0..=late {
        assert_eq!(sim.value(node, "key"), None, "node {node}");
    }
    // Nor does the key come back with a node that was not there at all.
    let newcomer = sim.ours();
    sim.connect(newcomer, 0);
    settles_within(&mut sim, 5 * SECOND);
    assert_eq!(sim.value(newcomer, "key"), None);
}

#[test]
fn a_tuple_that_is_published_again_in_time_never_expires() {
    let mut sim = hub_and_leaves(5);
    for _ in 0..10 {
        sim.publish_for(1, "key", "value", 2000);
        for _ in 0..10 {
            sim.run(100 * MS);
            assert!((0..=5).all(|node| sim.value(node, "key").is_some()));
        }
    }
    assert!((0..=5).all(|node| sim.our(node).delivered == 1), "it is delivered once");
    sim.run(2500 * MS);
    assert!((0..=5).all(|node| sim.value(node, "key").is_none()));
}

#[test]
fn stamps_of_the_year_2100_are_not_trusted() {
    let mut sim = hub_and_leaves(3);
    let future = sim.ours_with(Settings::default(), 74 * 365 * 86_400_000);
    sim.connect(future, 0);
    sim.publish(1, "key", "sane");
    sim.run(SECOND);
    sim.publish(future, "key", "from the year 2100");
    sim.publish(future, "other", "from the year 2100");
    sim.run(10 * SECOND);
    assert!((0..=3).all(|node| sim.value(node, "key").as_deref() == Some("sane")));
    sim.publish(2, "key", "later");
    sim.run(SECOND);
    assert!((0..=3).all(|node| sim.value(node, "key").as_deref() == Some("later")));
    assert!((0..=3).all(|node| sim.value(node, "other").is_none()));
}

#[test]
fn the_later_write_wins_whatever_the_clocks_say() {
    let mut sim = hub_and_leaves(3);
    let fast = sim.ours_with(Settings::default(), 600_000);
    let slow = sim.ours_with(Settings::default(), -600_000);
    sim.connect(fast, 0);
    sim.connect(slow, 0);
    sim.run(3 * SECOND);
    for (round, writer) in [fast, slow, 1, fast, 2, slow, 0].into_iter().enumerate() {
        sim.publish(writer, "key", &format!("round {round}"));
        sim.run(SECOND);
        let all = (0..=slow).all(|node| sim.value(node, "key") == Some(format!("round {round}")));
        assert!(all, "round {round}");
    }
}

#[test]
fn a_node_that_restarts_with_a_new_value_wins_over_its_former_self() {
    for fast_clock in [0, 600_000] {
        let mut sim = hub_and_leaves(3);
        // All clocks follow the fastest.
        let fast = sim.ours_with(Settings::default(), fast_clock);
        sim.connect(fast, 0);
        sim.run(3 * SECOND);
        for round in 0..5 {
            sim.publish(1, "key", "former self");
            sim.run(SECOND);
            let value = format!("life {round}");
            sim.restart(1, 500 * MS, move |sim| sim.publish(1, "key", &value));
            sim.run(3 * SECOND);
            let all = (0..=fast).all(|node| sim.value(node, "key") == Some(format!("life {round}")));
            assert!(all, "life {round}, one clock is {fast_clock} ms fast");
        }
        settles_within(&mut sim, SECOND);
    }
}

#[test]
fn a_peer_that_was_stopped_gets_the_current_values_only() {
    let mut sim = hub_and_leaves(2);
    publish_many(&mut sim, 1, 0..1000, "first");
    sim.run(SECOND);
    sim.nodes[2].paused_until = sim.now + 30 * SECOND;
    let before = sim.our(0).node.stats();
    for round in 0..1000 {
        publish_many(&mut sim, 1, round % 10 * 100..round % 10 * 100 + 100, &format!("round {round}"));
        sim.run(29 * MS);
        let stats = sim.our(0).node.stats();
        assert!(stats.owed <= 5000, "{} tuples owed", stats.owed);
    }
    sim.run(6 * SECOND);
    agree(&sim);
    let sent = sim.our(0).node.stats().bytes_out - before.bytes_out;
    println!("{sent} bytes sent by the hub");
}

#[test]
fn a_slow_link_is_owed_current_values_only() {
    let mut sim = hub_and_leaves(2);
    publish_many(&mut sim, 1, 0..200, "first");
    sim.run(SECOND);
    sim.wires[1].speed = Speed::of((100 * MS, 100 * MS), 200 * MS, 1);
    let before = sim.our(2).node.stats();
    for round in 0..1000 {
        publish_many(&mut sim, 1, 0..100, &format!("round {round}"));
        sim.run(10 * MS);
    }
    sim.run(2 * SECOND);
    agree(&sim);
    let frames = sim.our(2).node.stats().frames_in - before.frames_in;
    assert!(frames < 100, "{frames} frames for 100 000 updates");
}

#[test]
fn an_unpublished_tuple_is_gone_here_alone_until_its_value_changes_or_it_is_published_here() {
    let mut sim = hub_and_leaves(3);
    sim.publish(1, "key", "value");
    sim.run(SECOND);
    assert!(sim.unpublish(2, "key"));
    // Neither a new session brings the key back, nor a node that holds it and publishes the same value again.
    sim.lose(1, 0, 0);
    sim.publish(1, "key", "value");
    sim.run(10 * SECOND);
    assert_eq!(sim.value(2, "key"), None);
    assert!([0, 1, 3].iter().all(|&node| sim.value(node, "key").is_some()));
    agree(&sim);
    sim.publish(1, "key", "other");
    sim.run(SECOND);
    assert_eq!(sim.value(2, "key").as_deref(), Some("other"));
    assert!(sim.unpublish(2, "key"));
    sim.publish(2, "key", "other");
    sim.run(SECOND);
    assert_eq!(sim.value(2, "key").as_deref(), Some("other"));
    assert!(sim.unpublish(2, "key"));
    sim.retract(1, "key");
    sim.publish(1, "key", "other");
    sim.run(SECOND);
    assert_eq!(sim.value(2, "key").as_deref(), Some("other"));
    agree(&sim);
}

/// Twenty nodes, 300 ms each way and 100 ms more or less, and connections that are cut now and then.
#[test]
fn over_a_wide_area_each_write_is_everywhere_within_two_round_trips_beyond_its_path() {
    const ONE_WAY: u64 = 400 * MS;
    let mut sim = Sim::new(11);
    for _ in 0..20 {
        sim.ours();
    }
    for (client, server) in star(20) {
        let wire = sim.connect(client, server);
        sim.wires[wire].speed = Speed::line(300 * MS, 100 * MS);
    }
    sim.run(20 * SECOND);
    for round in 0..60 {
        if round % 20 == 10 {
            // One of a hundred connections a minute would be one in five minutes.
            let wire = sim.random.usize(0..19);
            sim.lose(wire, 100 * MS, 100 * MS);
            sim.run(5 * SECOND);
        }
        let (writer, value) = (sim.random.usize(0..20), format!("written in round {round}"));
        sim.publish(writer, "key", &value);
        sim.run(2 * ONE_WAY + 2 * 2 * ONE_WAY);
        for node in 0..20 {
            assert_eq!(sim.value(node, "key").as_deref(), Some(value.as_str()), "node {node}, round {round}");
            assert_eq!(sim.our(node).node.stats().links_plain, 0, "node {node} takes nobody for plain");
        }
    }
    settles_within(&mut sim, 10 * SECOND);
}
