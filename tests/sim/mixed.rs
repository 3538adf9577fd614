//! Settling of one key where zgossip nodes and CZMQ nodes are mixed.
//!
//! Eight topologies, four ways to write, any number of seeds. Three questions are asked of each run: do all nodes
//! agree, does the run end, and, where there was one writer, is its last value the one that stays?

use super::net::{MS, SECOND, Sim};
use super::verdict::{disagreement, tally_last};

/// CZMQ nodes first, then zgossip nodes; then the links, server before client.
pub struct Topology {
    pub name: &'static str,
    pub plain: usize,
    pub ours: usize,
    pub links: Vec<(usize, usize)>,
}

fn ring(first: usize, count: usize) -> Vec<(usize, usize)> {
    (0..count).map(|i| (first + i, first + (i + 1) % count)).collect()
}

fn each(hubs: &[usize], leaves: std::ops::Range<usize>) -> Vec<(usize, usize)> {
    hubs.iter().flat_map(|&hub| leaves.clone().map(move |leaf| (hub, leaf))).collect()
}

pub fn topologies() -> Vec<Topology> {
    let make = |name, plain, ours, links: &[&[(usize, usize)]]| Topology {
        name,
        plain,
        ours,
        links: links.concat(),
    };
    let chain: Vec<_> = (0..4).flat_map(|i| [(i, 4 + i), (i, 4 + (i + 1) % 4)]).collect();
    vec![
        make("ours only, ring with a chord", 0, 6, &[&ring(0, 6), &[(0, 3)]]),
        make("stock hub, our leaves", 1, 4, &[&each(&[0], 1..5)]),
        make("our hub, stock leaves", 3, 2, &[&each(&[4], 0..4)]),
        make("stock hub, our leaves in a ring", 1, 4, &[&each(&[0], 1..5), &ring(1, 4)]),
        make("two stock hubs, our leaves", 2, 3, &[&each(&[0, 1], 2..5)]),
        make("two stock hubs, our leaves meshed", 2, 3, &[&each(&[0, 1], 2..5), &ring(2, 3)]),
        make("four stock hubs in a chain of ours", 4, 4, &[&chain]),
        make("two linked hubs of ours, stock leaves on both", 3, 2, &[&each(&[3, 4], 0..3), &[(3, 4)]]),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    Conflict,
    OurWriter,
    StockWriter,
    Both,
}

pub const WORKLOADS: [Workload; 4] =
    [Workload::Conflict, Workload::OurWriter, Workload::StockWriter, Workload::Both];

#[derive(Clone, Debug, Default)]
pub struct Trial {
    pub disagree: Option<String>,
    pub endless: bool,
    pub lost: bool,
    /// Violations that the oracle found.
    pub wrong: Vec<String>,
    pub messages: u64,
    /// Time from the last write to the last message.
    pub silence: u64,
}

/// Runs one case. With `turned`, it is random which end of a link connects.
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
pub fn trial(topology: &Topology, workload: Workload, seed: u64, turned: bool) -> Trial {
    let mut sim = Sim::new(seed);
    let count = topology.plain + topology.ours;
    for node in 0..count {
        if node < topology.plain {
            sim.stock()
        } else {
            sim.ours()
        };
    }
    for &(server, client) in &topology.links {
        let turn = turned && sim.random.bool();
        if turn {
            sim.connect(server, client)
        } else {
            sim.connect(client, server)
        };
    }
    sim.run(2 * SECOND);
    let before = sim.tally.clone();
    if matches!(workload, Workload::Conflict | Workload::Both) {
        for node in 0..count {
            let (wait, value) = (sim.random.u64(0..20 * MS), format!("c{}", sim.random.u32(0..100)));
            sim.after(wait, move |sim| sim.publish(node, "key", &value));
        }
    }
    let (mut when, mut last) = (0, None);
    if workload != Workload::Conflict {
        let writers = match workload {
            Workload::OurWriter => topology.plain..count,
            Workload::StockWriter => 0..topology.plain,
            _ => 0..count,
        };
        let writer = sim.random.usize(writers);
        when = if workload == Workload::Both { 100 * MS } else { 0 };
        for _ in 0..60 {
            when += sim.random.u64(0..10 * MS);
            let value = format!("w{}", sim.random.u32(0..100_000));
            last = Some(value.clone());
            sim.after(when, move |sim| sim.publish(writer, "key", &value));
        }
    }
    let written = sim.now + when;
    let mut endless = false;
    for _ in 0..60 {
        sim.run(SECOND);
        endless = sim.tally.tuples - before.tuples > 20_000;
        if endless {
            break;
        }
    }
    endless |= sim.now - tally_last(&sim) < 10 * SECOND;
    let single = matches!(workload, Workload::OurWriter | Workload::StockWriter);
    Trial {
        disagree: disagreement(&sim),
        endless,
        lost: single && (0..count).any(|node| sim.value(node, "key") != last),
        wrong: sim.judge().violations,
        messages: sim.tally.tuples - before.tuples,
        silence: tally_last(&sim).saturating_sub(written),
    }
}
