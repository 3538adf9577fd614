//! Promises where CZMQ nodes take part, one case each.

use super::net::{MS, SECOND, Sim};
use super::verdict::{settles_within, wrong};
use super::wire::Speed;

const FAST: Speed = Speed::of((MS / 2, 2 * MS), 1, 1000);

fn connect(sim: &mut Sim, client: usize, server: usize) -> usize {
    let wire = sim.connect(client, server);
    sim.wires[wire].speed = FAST;
    wire
}

/// Makes a CZMQ hub, and zgossip leaves.
fn stock_hub(leaves: usize) -> Sim {
    let mut sim = Sim::new(1);
    let hub = sim.stock();
    for _ in 0..leaves {
        let leaf = sim.ours();
        connect(&mut sim, leaf, hub);
    }
    sim.run(3 * SECOND);
    sim
}

#[track_caller]
fn agree(sim: &Sim) {
    assert_eq!(wrong(sim), None);
}

#[test]
fn tuples_more_than_a_second_apart_reach_all_through_a_stock_hub() {
    let mut sim = stock_hub(5);
    for number in 0..12 {
        sim.run(1300 * MS);
        sim.publish(1 + number % 5, &format!("key-{number}"), "value");
    }
    sim.run(SECOND);
    agree(&sim);
    assert!((0..=5).all(|node| sim.view(node).len() == 12));
}

#[test]
fn a_key_updated_20000_times_settles_through_a_stock_hub_and_on_a_stock_leaf() {
    for stock_is_hub in [true, false] {
        let mut sim = Sim::new(2);
        let stock = sim.stock();
        let writer = sim.ours();
        let other = sim.ours();
        for (leaf, hub) in
            if stock_is_hub { [(writer, stock), (other, stock)] } else { [(stock, other), (writer, other)] }
        {
            connect(&mut sim, leaf, hub);
        }
        sim.run(3 * SECOND);
        for step in 0..100 {
            sim.publish_all(writer, (0..200).map(|i| ("key".into(), format!("v{}", step * 200 + i))));
            sim.run(MS);
        }
        settles_within(&mut sim, 5 * SECOND);
        assert!((0..3).all(|node| sim.value(node, "key").as_deref() == Some("v19999")));
    }
}

#[test]
fn nodes_that_write_the_same_keys_at_once_agree_through_a_stock_hub_within_five_seconds() {
    let mut sim = stock_hub(3);
    let stock_leaf_hub = sim.ours();
    let leaf = sim.stock();
    connect(&mut sim, stock_leaf_hub, 0);
    connect(&mut sim, leaf, stock_leaf_hub);
    sim.run(2 * SECOND);
    for round in 0..10 {
        for node in 1..=3 {
            for key in 0..100 {
                sim.publish(node, &format!("key-{key}"), &format!("{node} in round {round}"));
            }
        }
        sim.run(5 * SECOND);
        agree(&sim);
    }
    settles_within(&mut sim, 0);
}

/// Checks two CZMQ nodes that repeat a key to each other for ever.
fn looping(ours_is_client: bool) {
    let mut sim = Sim::new(3);
    let (one, two) = (sim.stock(), sim.stock());
    let hub = sim.ours();
    let leaves: Vec<usize> = (0..3).map(|_| sim.ours()).collect();
    if ours_is_client {
        connect(&mut sim, hub, two)
    } else {
        connect(&mut sim, two, hub)
    };
    for &leaf in &leaves {
        connect(&mut sim, leaf, hub);
    }
    sim.run(3 * SECOND);
    // The connection is made soon, for a CZMQ node forgets a client that is silent for a second.
    let between = connect(&mut sim, one, two);
    sim.run(300 * MS);
    sim.publish(one, "key", "this");
    sim.publish(two, "key", "that");
    sim.run(SECOND);
    let delivered = |sim: &Sim| -> Vec<u64> {
        [hub, leaves[0], leaves[1], leaves[2]].iter().map(|&node| sim.our(node).delivered).collect()
    };
    let (before, sent) = (delivered(&sim), sim.our(hub).node.stats().tuples_out);
    let seconds = 20;
    sim.run(seconds * SECOND);
    let (after, sent) = (delivered(&sim), sim.our(hub).node.stats().tuples_out - sent);
    for (before, after) in before.iter().zip(&after) {
        assert!(after - before <= 5 * seconds, "{} deliveries in {seconds} s", after - before);
    }
    let links = leaves.len() as u64 + 1;
    assert!(sent <= 5 * seconds * links, "{sent} tuples sent in {seconds} s");
    let frames = sim.tally.publishes;
    assert!(frames > 1000, "the stock nodes do loop: {frames}");
    println!("{frames} tuples from node to node; ours delivered {after:?}, the hub sent {sent}");
    // The loop ends.
    sim.wires[between].cut = true;
    sim.lose(between, 0, 0);
    sim.run(5 * SECOND);
    let values: Vec<_> =
        [two, hub, leaves[0], leaves[1], leaves[2]].map(|node| sim.value(node, "key")).into();
    assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
    let before = sim.tally.tuples;
    sim.run(10 * SECOND);
    assert_eq!(sim.tally.tuples, before, "it is quiet");
}

#[test]
fn two_stock_nodes_that_loop_are_heard_a_few_times_a_second_by_a_hub_that_one_connects_to() {
    looping(false);
}

#[test]
fn two_stock_nodes_that_loop_are_heard_a_few_times_a_second_by_a_node_that_connects_to_one() {
    looping(true);
}

#[test]
fn a_stock_client_and_a_hub_of_ours_that_restarted_tell_each_other_all() {
    let mut sim = Sim::new(4);
    let (hub, leaf, plain) = (sim.ours(), sim.ours(), sim.stock());
    connect(&mut sim, leaf, hub);
    connect(&mut sim, plain, hub);
    sim.run(2 * SECOND);
    sim.publish(plain, "from the plain client", "before");
    sim.restart(hub, 500 * MS, |_| ());
    sim.publish(plain, "from the plain client", "meanwhile");
    sim.publish(leaf, "from the leaf", "meanwhile");
    sim.run(3 * SECOND);
    assert_eq!(sim.value(leaf, "from the plain client").as_deref(), Some("meanwhile"));
    assert_eq!(sim.value(plain, "from the leaf").as_deref(), Some("meanwhile"));
    agree(&sim);
}

#[test]
fn an_old_stock_client_that_publishes_to_a_hub_of_ours_that_restarted_is_heard_and_hears_all() {
    let mut sim = Sim::new(4);
    let hub = sim.ours();
    let leaf = sim.ours();
    let plain = sim.old_stock();
    connect(&mut sim, leaf, hub);
    connect(&mut sim, plain, hub);
    sim.run(2 * SECOND);
    sim.restart(hub, 500 * MS, |_| ());
    sim.run(3 * SECOND);
    sim.publish(leaf, "from the leaf", "meanwhile");
    sim.run(SECOND);
    assert_eq!(sim.value(plain, "from the leaf"), None, "it has not said HELLO");
    sim.publish(plain, "from the plain client", "without a HELLO");
    sim.run(SECOND);
    assert_eq!(sim.value(leaf, "from the plain client").as_deref(), Some("without a HELLO"));
    assert_eq!(sim.value(plain, "from the leaf").as_deref(), Some("meanwhile"));
    agree(&sim);
}

#[test]
fn a_stock_hub_that_forgot_us_is_told_hello_again() {
    for has_its_own in [true, false] {
        let mut sim = stock_hub(2);
        if has_its_own {
            sim.publish(1, "own", "tuple");
        }
        sim.run(SECOND);
        sim.nodes[1].paused_until = sim.now + 3 * SECOND;
        sim.run(3500 * MS);
        sim.publish(2, "key", "after it forgot");
        sim.run(2 * SECOND);
        assert_eq!(sim.value(1, "key").as_deref(), Some("after it forgot"), "own tuple: {has_its_own}");
        let before = sim.tally.clone();
        sim.run(60 * SECOND);
        assert_eq!(sim.tally.tuples, before.tuples, "HELLO is not said again and again");
    }
}

#[test]
fn a_stock_hub_with_a_short_memory_is_kept_awake() {
    let mut sim = stock_hub(2);
    sim.publish(1, "own", "tuple");
    sim.publish(2, "owned", "tuple");
    sim.set_stock_timeout(0, 100 * MS);
    sim.run(3 * SECOND);
    for number in 0..10 {
        sim.publish(1, &format!("key-{number}"), "value");
        sim.run(1300 * MS);
    }
    assert!((0..=2).all(|node| sim.view(node).len() == 12));
}

/// The round trip is longer than the time for which a CZMQ hub remembers a silent client.
#[test]
fn a_stock_hub_beyond_a_long_line_is_told_and_tells_all() {
    for one_way in [300, 600, 1000, 2000] {
        let mut sim = stock_hub(1);
        let (hub, near, far) = (0, 1, sim.ours());
        let wire = sim.connect(far, hub);
        sim.wires[wire].speed = Speed::line(one_way * MS, 10 * MS);
        sim.publish(near, "near", "1");
        sim.publish(far, "far", "1");
        sim.run(5 * SECOND + 4 * one_way * MS);
        sim.lose(wire, 0, 0);
        sim.publish(near, "near", "2");
        sim.publish(far, "far", "2");
        sim.run(5 * SECOND + 4 * one_way * MS);
        for node in [hub, near, far] {
            let held = ["near", "far"].map(|key| sim.value(node, key));
            assert_eq!(held, [Some("2".into()), Some("2".into())], "node {node}, {one_way} ms");
        }
        settles_within(&mut sim, 10 * SECOND);
    }
}

#[test]
fn a_stock_hub_that_ends_ten_times_loses_nothing() {
    let mut sim = stock_hub(5);
    for round in 0..10 {
        for leaf in 1..=5 {
            for part in 0..20 {
                sim.after(part * 50 * MS, move |sim| {
                    sim.publish(leaf, &format!("{leaf}-{round}-{part}"), "here");
                });
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

/// Makes a star of a CZMQ node and three zgossip nodes, with the CZMQ node or one of the others in the middle.
fn one_plain_of_four(seed: u64, stock_is_hub: bool) -> (Sim, usize, [usize; 3]) {
    let mut sim = Sim::new(seed);
    let plain = sim.stock();
    let ours = [sim.ours(), sim.ours(), sim.ours()];
    if stock_is_hub {
        for &node in &ours {
            _ = connect(&mut sim, node, plain);
        }
    } else {
        ours[1..].iter().for_each(|&node| _ = connect(&mut sim, node, ours[0]));
        connect(&mut sim, plain, ours[0]);
    }
    (sim, plain, ours)
}

#[test]
fn a_plain_writer_that_returns_to_an_earlier_value_ends_with_it() {
    for stock_is_hub in [true, false] {
        let (mut sim, plain, _) = one_plain_of_four(5, stock_is_hub);
        sim.run(3 * SECOND);
        for value in ["a", "b", "a", "c", "b", "a"] {
            sim.publish(plain, "key", value);
            sim.run(20 * MS);
        }
        settles_within(&mut sim, 3 * SECOND);
        assert!((0..4).all(|node| sim.value(node, "key").as_deref() == Some("a")));
    }
}

#[test]
fn a_plain_writer_that_returns_to_a_value_of_another_ends_with_it() {
    for (stock_is_hub, writer) in [(true, 0), (false, 0), (true, 2), (false, 2)] {
        for pause in [0, 20, 300, 1500] {
            let (mut sim, plain, ours) = one_plain_of_four(5 + pause, stock_is_hub);
            sim.run(3 * SECOND);
            sim.publish(ours[writer], "key", "a");
            sim.run(5 * SECOND);
            for value in ["b", "a", "c", "a"] {
                sim.publish(plain, "key", value);
                sim.run(pause * MS);
            }
            settles_within(&mut sim, 3 * SECOND);
            let values: Vec<_> = (0..4).map(|node| sim.value(node, "key")).collect();
            let all = values.iter().all(|value| value.as_deref() == Some("a"));
            assert!(all, "hub {stock_is_hub}, writer {writer}, {pause} ms: {values:?}");
        }
    }
}

#[test]
fn values_do_not_chase_each_other_round_a_ring_of_ours_and_stock_nodes() {
    let settled = super::for_seeds("values_do_not_chase", 40, |seed| {
        let mut sim = Sim::new(seed);
        let count = 2 * sim.random.usize(3..8);
        for node in 0..count {
            if node % 2 == 0 {
                sim.stock()
            } else {
                sim.ours()
            };
        }
        (0..count).for_each(|node| _ = sim.connect(node, (node + 1) % count));
        sim.run(500 * MS);
        for node in 0..count {
            sim.publish(node, "key", &format!("value of {node}"));
        }
        settles_within(&mut sim, 120 * SECOND)
    });
    println!("settled after {} ms at most", settled.iter().max().unwrap_or(&0) / MS);
}

/// A plain node that has the newest value already is not sent older ones by a zgossip node that catches up.
#[test]
fn a_node_that_catches_up_brings_no_older_value_to_a_plain_one() {
    let mut sim = Sim::new(7);
    let plain = sim.stock();
    let [writer, between, late] = [sim.ours(), sim.ours(), sim.ours()];
    for (client, server) in [(between, writer), (between, plain), (late, plain)] {
        connect(&mut sim, client, server);
    }
    let frozen = connect(&mut sim, late, writer);
    sim.run(3 * SECOND);
    sim.wires[frozen].frozen_until = sim.now + 5 * SECOND;
    for value in 1..=10 {
        sim.publish(writer, "key", &value.to_string());
        sim.run(300 * MS);
    }
    sim.run(SECOND);
    assert!((0..4).all(|node| sim.value(node, "key").as_deref() == Some("10")), "all have the last");
    let before = sim.tally.publishes;
    sim.run(4 * SECOND);
    agree(&sim);
    let own = sim.tally.publishes - before;
    settles_within(&mut sim, 3 * SECOND);
    assert!((0..4).all(|node| sim.value(node, "key").as_deref() == Some("10")));
    // The ten frames that were frozen, and hardly anything that they led to.
    assert!(own <= 20, "{own} tuples were sent when the line thawed");
}

/// A plain hub's echoes over a long line are older than what it is being sent.
#[test]
fn a_plain_hub_on_a_long_line_says_what_it_was_told_before() {
    for one_way in [100, 500, 1000] {
        let mut sim = Sim::new(8 + one_way);
        let hub = sim.stock();
        let [near, far] = [sim.ours(), sim.ours()];
        connect(&mut sim, near, hub);
        let wire = sim.connect(far, hub);
        sim.wires[wire].speed = Speed::line(one_way * MS, MS);
        sim.run(20 * SECOND);
        for value in ["first", "second"] {
            sim.publish(far, "key", value);
            sim.run((2 * one_way - 5) * MS);
        }
        settles_within(&mut sim, 20 * SECOND);
        for node in 0..3 {
            assert_eq!(sim.value(node, "key").as_deref(), Some("second"), "{one_way} ms, node {node}");
        }
    }
}

/// A value with which a plain client left is known to be old, however often it was replaced since.
#[test]
fn a_plain_client_brings_nothing_back_though_the_key_was_written_many_times() {
    let mut sim = Sim::new(9);
    let [hub, other] = [sim.ours(), sim.ours()];
    let plain = sim.stock();
    connect(&mut sim, other, hub);
    let wire = connect(&mut sim, plain, hub);
    sim.publish(other, "key", "when it left");
    sim.run(5 * SECOND);
    assert_eq!(sim.value(plain, "key").as_deref(), Some("when it left"));
    sim.wires[wire].cut = true;
    sim.lose(wire, 0, 0);
    for value in 0..40 {
        sim.run(3 * SECOND);
        sim.publish(other, "key", &value.to_string());
    }
    sim.run(SECOND);
    sim.wires[wire].cut = false;
    sim.run(10 * SECOND);
    agree(&sim);
    assert!((0..3).all(|node| sim.value(node, "key").as_deref() == Some("39")));
}
