//! Churn: nodes that come and go for good, by the thousand.
//!
//! Some hubs stay, and have leaves, of which each lives for seconds, writes a few tuples and is gone; what it wrote stays.
//! Half of the leaves go without a word, and the hubs learn late of that.

use super::for_seeds;
use super::net::{MS, SECOND, Sim};
use super::verdict::settles_within;

/// Leaves that are there at a time.
const LEAVES: usize = 20;

/// Makes linked hubs.
fn hubs(sim: &mut Sim, count: usize) {
    for hub in 0..count {
        sim.ours();
        (hub > 0).then(|| sim.connect(hub, hub - 1));
        (hub > 1).then(|| sim.connect(hub, 0));
    }
    sim.run(3 * SECOND);
}

/// Lets a leaf come, write, and go again after a while.
fn visit(sim: &mut Sim, hubs: usize, keys: usize) {
    let leaf = sim.ours();
    for _ in 0..sim.random.usize(1..3) {
        let hub = sim.random.usize(0..hubs);
        sim.connect(leaf, hub);
    }
    let lives = sim.random.u64(SECOND / 2..4 * SECOND);
    for _ in 0..sim.random.u32(0..4) {
        let (when, key) = (sim.random.u64(0..lives), sim.random.usize(0..keys));
        sim.after(when, move |sim| match sim.random.u32(0..8) {
            0 => _ = sim.retract(leaf, &format!("gone-{key}")),
            1 => sim.publish(leaf, &format!("gone-{key}"), &format!("of {leaf}")),
            _ => {
                let value = format!("v{}", sim.random.u32(..));
                sim.publish(leaf, &format!("key-{key}"), &value);
            }
        });
    }
    sim.after(lives, move |sim| {
        for wire in sim.nodes[leaf].wires.clone() {
            let late = if sim.random.bool() { sim.random.u64(0..10 * SECOND) } else { 0 };
            sim.lose(wire, 0, late);
        }
        sim.leave(leaf);
    });
}

/// Runs a network in which `count` leaves come and go.
fn run(seed: u64, count: usize) {
    let mut sim = Sim::new(seed);
    let hub_count = 1 + seed as usize % 4;
    hubs(&mut sim, hub_count);
    sim.sample = 50;
    let (every, keys) = (2250 * MS / LEAVES as u64, 40);
    for number in 0..count as u64 {
        sim.after(number * every, move |sim| visit(sim, hub_count, keys));
    }
    sim.run(count as u64 * every + 5 * SECOND);
    let gone = sim.nodes.iter().filter(|member| member.gone).count();
    assert_eq!((gone, sim.nodes.len()), (count, hub_count + count));
    let (sent, told) = (sim.tally.sent, sim.tally.told);
    settles_within(&mut sim, 20 * SECOND);
    let open: usize = (0..hub_count).map(|hub| sim.our(hub).node.stats().links_extended as usize).sum();
    assert!(open <= 2 * 2 * (hub_count - 1), "{open} links are open to nodes that have gone");
    println!(
        "seed {seed}: {count} leaves at {hub_count} hubs, {:.2} tuples sent for each value told",
        sent as f64 / told as f64
    );
    assert!((sent as f64) < 2.5 * told as f64, "{sent} tuples sent for {told}");
}

#[test]
fn hubs_agree_on_the_right_values_though_hundreds_of_leaves_come_and_go() {
    for_seeds("hubs_agree_on_the_right_values_though_hundreds_of_leaves_come_and_go", 4, |seed| {
        run(seed, 400);
    });
}

#[test]
#[ignore = "takes long"]
fn soak_thousands_of_leaves_that_come_and_go() {
    for_seeds("soak_thousands_of_leaves_that_come_and_go", 20, |seed| {
        run(seed, 4000);
    });
}
