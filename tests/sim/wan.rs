//! Nodes that are far apart: a write is everywhere within two round trips beyond its path.

use super::arrivals::Arrivals;
use super::net::{MS, SECOND, Sim};
use super::topology;
use super::verdict::settles_within;
use super::wire::Speed;
use std::collections::{HashMap, VecDeque};

const NODES: usize = 20;
const DURATION: u64 = 120 * SECOND;
/// Time of a frame in one direction, and how much more or less it may be.
const ONE_WAY: u64 = 300 * MS;
const JITTER: u64 = 100 * MS;
/// Time within which a broken connection is noticed, and made again.
const BREAK: u64 = SECOND;

/// Least number of wires from a node to each.
fn hops(sim: &Sim, from: usize) -> Vec<u64> {
    let (mut hops, mut open) = (vec![u64::MAX; sim.nodes.len()], VecDeque::from([from]));
    hops[from] = 0;
    while let Some(node) = open.pop_front() {
        for wire in sim.nodes[node].wires.iter().map(|&wire| &sim.wires[wire]) {
            let other = if wire.client == node { wire.server } else { wire.client };
            if hops[other] == u64::MAX {
                hops[other] = hops[node] + 1;
                open.push_back(other);
            }
        }
    }
    hops
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
pub fn run(seed: u64) -> u64 {
    let mut sim = Sim::new(seed);
    (0..NODES).for_each(|_| _ = sim.ours());
    let links = topology::random_graph(NODES, NODES, &mut sim.dice);
    for (client, server) in links {
        let wire = sim.connect(client, server);
        sim.wires[wire].speed = Speed::line(ONE_WAY, JITTER);
    }
    sim.run(20 * SECOND);
    sim.arrivals = Some(Arrivals::new(NODES));
    let mut writers = Vec::new();
    let mut when = 0;
    for number in 0..200 {
        when += sim.dice.u64(0..2 * DURATION / 200);
        let node = sim.dice.usize(0..NODES);
        writers.push(node);
        sim.after(when, move |sim| {
            let (key, now) = (format!("tuple/{number}"), sim.now);
            if let Some(arrivals) = &mut sim.arrivals {
                arrivals.publish(&key, node, now);
            }
            sim.publish(node, &key, &format!("value {number}"));
            // Keys that several nodes write, one after the other.
            let shared = format!("shared/{}", number % 5);
            sim.publish(node, &shared, &format!("written {number}"));
        });
    }
    // A hundredth of all connections breaks each minute, rounded up, so that there is one break in each run.
    let breaks = (sim.wires.len() as u64 * DURATION).div_ceil(100 * 60 * SECOND).max(2);
    let mut broken: Vec<u64> = Vec::new();
    for _ in 0..breaks {
        let (when, wire) = (sim.dice.u64(0..DURATION), sim.dice.usize(0..sim.wires.len()));
        broken.push(sim.now + when);
        sim.after(when, move |sim| {
            let (a, b) = (sim.dice.u64(0..BREAK / 2), sim.dice.u64(0..BREAK / 2));
            sim.lose(wire, a, b);
        });
    }
    let plain = |sim: &Sim| -> u64 { (0..NODES).map(|node| sim.our(node).node.stats().links_plain).sum() };
    let mut worst = 0;
    while sim.now < 30 * SECOND + 2 * DURATION {
        sim.run(100 * MS);
        assert_eq!(plain(&sim), 0, "a connection is taken for a plain one");
    }
    settles_within(&mut sim, 10 * SECOND);
    let Some(arrivals) = sim.arrivals.take() else { unreachable!("set above") };
    assert_eq!(arrivals.missing(), 0, "of {}", arrivals.due());
    let distances: HashMap<usize, Vec<u64>> = (0..NODES).map(|node| (node, hops(&sim, node))).collect();
    let round_trip = 2 * (ONE_WAY + JITTER);
    for (number, (at, delays)) in arrivals.all().enumerate() {
        // What was lost with a connection is there when the next connection is, after the handshake.
        let disturbed = broken.iter().any(|&when| when < at + 10 * SECOND && at < when + 10 * SECOND);
        for (node, delay) in delays.iter().enumerate() {
            let Some(delay) = delay else { continue };
            let path = distances[&writers[number]][node] * (ONE_WAY + JITTER);
            let late = delay.saturating_sub(path);
            worst = worst.max(late);
            let most = 2 * round_trip + if disturbed { BREAK + 3 * round_trip } else { 0 };
            assert!(
                late <= most,
                "tuple {number} came to node {node} {} ms after the path's {} ms; disturbed: {disturbed}",
                late / MS,
                path / MS
            );
        }
    }
    worst
}

#[test]
fn every_write_is_everywhere_within_two_round_trips_beyond_the_path() {
    let worst = super::for_seeds("every_write_is_everywhere", 10, run);
    println!("at most {} ms later than the path takes", worst.iter().max().unwrap_or(&0) / MS);
}
