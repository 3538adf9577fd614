//! Time until all nodes hold all tuples, and what is sent meanwhile, in networks of many sizes.
//!
//! Some tuples are published at the same moment, each by another node as far as there are as many nodes. That happens
//! three times, with the same keys: in the first round no node knows yet which links are needed, in the last one every
//! node does.

use super::arrivals::Arrivals;
use super::delivery::{connect, value};
use super::net::{MS, SECOND, Sim};
use super::topology::{self, Links};
use fastrand::Rng;

pub struct Network {
    pub name: &'static str,
    pub links: fn(usize, &mut Rng) -> Links,
}

pub const NETWORKS: [Network; 4] = [
    Network { name: "random, degree 4", links: |n, r| topology::random_graph(n, n, r) },
    Network { name: "ring with chords", links: |n, r| topology::ring_with_chords(n, n / 2, r) },
    Network { name: "star", links: |n, _| topology::star(n) },
    Network { name: "star of hubs", links: |n, _| topology::star_of_hubs(n) },
];

/// A round of publishing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    pub arrivals: u64,
    /// Time until all nodes hold all tuples, and until half of all pairs of a tuple and a node are there (µs).
    pub all: u64,
    pub half: u64,
    pub sent: u64,
    /// Number of frames, without those that keep links alive.
    pub frames: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    pub links: usize,
    pub first: Round,
    pub last: Round,
}

pub fn measure(seed: u64, network: &Network, nodes: usize, tuples: usize) -> Measured {
    let mut random = Rng::with_seed(seed);
    let mut sim = Sim::new(random.u64(..));
    sim.sample = (nodes as u64 / 10).max(1);
    for _ in 0..nodes {
        sim.ours();
    }
    let links = (network.links)(nodes, &mut random);
    connect(&mut sim, links, &mut random);
    sim.run(5 * SECOND);
    let mut writers: Vec<usize> = (0..nodes).collect();
    random.shuffle(&mut writers);
    writers.truncate(tuples);
    let rounds = [0, 1, 2].map(|number| round(&mut sim, &writers, tuples, number));
    let root = sim.our(0).node.root();
    for node in 0..nodes {
        let now = sim.clock(node);
        sim.check_all(node, now);
        assert_eq!(sim.our(node).node.root(), root, "node {node} agrees with the first");
    }
    Measured { links: sim.wires.len(), first: rounds[0], last: rounds[2] }
}

fn round(sim: &mut Sim, writers: &[usize], tuples: usize, number: u64) -> Round {
    let mut arrivals = Arrivals::new(sim.nodes.len());
    let (begun, before) = (sim.now, sim.tally.clone());
    let keys: Vec<_> =
        (0..tuples).map(|key| (format!("tuple/{key}"), writers[key % writers.len()])).collect();
    for (key, writer) in &keys {
        arrivals.publish(key, *writer, begun);
    }
    sim.arrivals = Some(arrivals);
    for (key, writer) in &keys {
        sim.publish(*writer, key, &value(number));
    }
    while sim.arrivals.as_ref().is_some_and(|arrivals| arrivals.missing() > 0) {
        assert!(sim.now - begun < 60 * SECOND, "not all hold all after a minute");
        sim.run(100 * MS);
    }
    // Frames and announcements that are still under way arrive.
    sim.run(3 * SECOND);
    let Some(arrivals) = sim.arrivals.take() else { unreachable!("set above") };
    let mut delays: Vec<u64> = arrivals.delays().flatten().collect();
    delays.sort_unstable();
    let tally = &sim.tally;
    Round {
        arrivals: arrivals.count,
        all: delays.last().copied().unwrap_or(0),
        half: delays[delays.len() / 2],
        sent: tally.sent - before.sent,
        frames: tally.frames - before.frames - (tally.idle_frames - before.idle_frames),
        bytes: tally.bytes - before.bytes - (tally.idle_bytes - before.idle_bytes),
    }
}
