//! Comparison of delivery along the few links of a tree with delivery over all links.
//!
//! The same network meets the same faults twice: once as it is, once *flooding*, where no node prunes. The faults of a
//! run are drawn beforehand, so that both meet them at the same times and places. Faults go on while tuples are
//! published; then they end, and every tuple has to be everywhere.

use super::arrivals::Arrivals;
use super::net::{MS, SECOND, Sim};
use super::topology::{self, Links};
use super::watch::kind;
use super::wire::Speed;
use fastrand::Rng;
use zgossip::core::codec::MessageId;

/// Number of nodes that publish, and the time between two publications of one node.
const WRITERS: usize = 10;
const EVERY: u64 = 50 * MS;
/// Number of tuples that each writer publishes before anything is measured.
const WARM: u64 = 5;
/// Time for which faults go on.
const DURATION: u64 = 20 * SECOND;
/// Time after the last fault within which every tuple must be everywhere.
const SETTLES: u64 = 20 * SECOND;

/// Network with cycles.
#[derive(Clone, Copy)]
pub struct Network {
    pub name: &'static str,
    pub nodes: usize,
    pub links: fn(usize, &mut Rng) -> Links,
    /// Number of seeds that are worth the time.
    pub seeds: u64,
}

pub const NETWORKS: [Network; 4] = [
    Network {
        name: "random, degree 4, 30 nodes",
        nodes: 30,
        links: |n, r| topology::random_graph(n, n, r),
        seeds: 100,
    },
    Network {
        name: "ring with 15 chords, 30 nodes",
        nodes: 30,
        links: |n, r| topology::ring_with_chords(n, n / 2, r),
        seeds: 100,
    },
    Network { name: "full mesh, 20 nodes", nodes: 20, links: |n, _| topology::mesh(n), seeds: 50 },
    Network {
        name: "random, degree 4, 120 nodes",
        nodes: 120,
        links: |n, r| topology::random_graph(n, n, r),
        seeds: 25,
    },
];

/// Faults of a run. Numbers of faults are for each second and 30 nodes.
#[derive(Clone, Copy)]
pub struct Faults {
    pub name: &'static str,
    /// Connections that break, for up to 5 s; for half of them the ends notice that only later.
    pub cuts: f64,
    /// Nodes that end, and are back with nothing within 3 s.
    pub kills: f64,
    /// Times a second that the network falls into two parts, for 1 to 4 s.
    pub partitions: f64,
    /// Share of frames that are lost while the connection goes on, which TCP would not do. The frames with which a
    /// session begins are not lost.
    pub losses: f64,
}

pub const NONE: Faults = Faults { name: "none", cuts: 0.0, kills: 0.0, partitions: 0.0, losses: 0.0 };

pub const CUTS: Faults = Faults { name: "links cut", cuts: 1.0, ..NONE };
pub const ALL: Faults =
    Faults { name: "all of these", cuts: 1.0, kills: 0.5, partitions: 0.15, losses: 0.02 };

pub const FAULTS: [Faults; 6] = [
    NONE,
    CUTS,
    Faults { name: "nodes killed", kills: 0.5, ..NONE },
    Faults { name: "partitions", partitions: 0.15, ..NONE },
    Faults { name: "frames lost", losses: 0.02, ..NONE },
    ALL,
];

/// Figures of one run, or of several.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub runs: usize,
    /// Number of runs after which every tuple was everywhere.
    pub complete: usize,
    /// Number of pairs of a tuple and a node where it is due, and of those that it did not reach.
    pub due: usize,
    pub missing: usize,
    /// Number of tuples that ended with all nodes that held them.
    pub extinct: usize,
    /// Time from publishing to arrival, for each tuple and each node, where that can be said (µs).
    pub delays: Vec<Option<u64>>,
    pub arrivals: u64,
    pub sent: u64,
    /// Number of frames, without those that keep links alive.
    pub frames: u64,
    pub bytes: u64,
}

impl Outcome {
    pub fn add(&mut self, mut other: Outcome) {
        self.runs += other.runs;
        self.complete += other.complete;
        self.due += other.due;
        self.missing += other.missing;
        self.extinct += other.extinct;
        self.delays.append(&mut other.delays);
        self.arrivals += other.arrivals;
        self.sent += other.sent;
        self.frames += other.frames;
        self.bytes += other.bytes;
    }

    /// Number of times that a tuple was sent, for each time that it came to a node that did not have it.
    pub fn sent_each(&self) -> f64 {
        self.sent as f64 / self.arrivals as f64
    }

    /// Microseconds by which each tuple came to each node later than in another run that met the same faults, in
    /// order.
    pub fn later_than(&self, other: &Outcome) -> Vec<i64> {
        let pairs = self.delays.iter().zip(&other.delays);
        let mut later: Vec<i64> = pairs.filter_map(|(&one, &two)| Some(one? as i64 - two? as i64)).collect();
        later.sort_unstable();
        later
    }
}

/// Quantile: the number that this share of `sorted` does not exceed.
pub fn share<T: Copy + Default>(sorted: &[T], share: f64) -> T {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share) as usize).copied().unwrap_or_default()
}

/// Connects nodes. Each link takes a time of its own, 1 to 20 ms, and a frame up to a tenth more.
pub fn connect(sim: &mut Sim, links: Links, random: &mut Rng) {
    for (client, server) in links {
        let wire = sim.connect(client, server);
        let delay = random.u64(MS..=20 * MS);
        sim.wires[wire].speed = Speed::of((delay, delay + delay / 10), 10, 1000);
    }
}

/// Makes a value as long as those in the other benchmarks.
pub fn value(number: u64) -> String {
    format!("{number:063}")
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
pub fn run(seed: u64, network: &Network, faults: &Faults, floods: bool) -> Outcome {
    let mut random = Rng::with_seed(seed);
    let mut sim = Sim::new(random.u64(..));
    sim.floods = floods;
    sim.sample = 256;
    for _ in 0..network.nodes {
        sim.ours();
    }
    let links = (network.links)(network.nodes, &mut random);
    connect(&mut sim, links, &mut random);
    sim.run(3 * SECOND);
    let mut writers: Vec<usize> = (0..network.nodes).collect();
    random.shuffle(&mut writers);
    writers.truncate(WRITERS);
    for number in 0..WARM * WRITERS as u64 {
        let writer = writers[number as usize % WRITERS];
        sim.publish(writer, &format!("warm/{number}"), &value(number));
        sim.run(EVERY);
    }
    sim.run(SECOND);
    sim.arrivals = Some(Arrivals::new(network.nodes));
    let before = sim.tally.clone();
    for number in 0..DURATION / EVERY {
        let writer = random.choice(&writers).copied().unwrap_or(0);
        sim.after(number * EVERY, move |sim| publish(sim, writer, number));
    }
    plan(&mut sim, faults, &mut random);
    sim.run(DURATION);
    sim.filter = None;
    sim.wires.iter_mut().for_each(|wire| wire.cut = false);
    sim.run(SETTLES);
    let tally = &sim.tally;
    let (sent, frames) = (tally.sent - before.sent, tally.frames - before.frames);
    let idle_frames = tally.idle_frames - before.idle_frames;
    let bytes = tally.bytes - before.bytes - (tally.idle_bytes - before.idle_bytes);
    let Some(arrivals) = sim.arrivals.take() else { unreachable!("set above") };
    for node in 0..network.nodes {
        let now = sim.clock(node);
        sim.check_all(node, now);
    }
    let violations = sim.judge().violations;
    assert!(
        violations.is_empty(),
        "{} wrong: {:?}",
        violations.len(),
        &violations[..violations.len().min(4)]
    );
    Outcome {
        runs: 1,
        complete: usize::from(arrivals.missing() == 0),
        due: arrivals.due(),
        missing: arrivals.missing(),
        extinct: arrivals.extinct(),
        delays: arrivals.delays().collect(),
        arrivals: arrivals.count,
        sent,
        frames: frames - idle_frames,
        bytes,
    }
}

fn publish(sim: &mut Sim, writer: usize, number: u64) {
    if !sim.nodes[writer].alive {
        return;
    }
    let (key, now) = (format!("tuple/{number}"), sim.now);
    if let Some(arrivals) = &mut sim.arrivals {
        arrivals.publish(&key, writer, now);
    }
    sim.publish(writer, &key, &value(number));
}

/// Schedules the faults, all of which are drawn now.
fn plan(sim: &mut Sim, faults: &Faults, random: &mut Rng) {
    let (nodes, wires) = (sim.nodes.len(), sim.wires.len());
    let seconds = (DURATION / SECOND) as f64;
    let times = |each: f64| (each * seconds * nodes as f64 / 30.0) as usize;
    for _ in 0..times(faults.cuts) {
        let (when, wire) = (random.u64(0..DURATION), random.usize(0..wires));
        let most = if random.bool() { 10 * SECOND } else { 200 * MS };
        let (client, server) = (random.u64(0..most), random.u64(0..most));
        let lasts = random.u64(0..5 * SECOND);
        sim.after(when, move |sim| cut(sim, &[(wire, client, server)], lasts));
    }
    for _ in 0..times(faults.kills) {
        let (when, node) = (random.u64(0..DURATION), random.usize(0..nodes));
        let down = random.u64(100 * MS..3 * SECOND);
        sim.after(when, move |sim| {
            if sim.nodes[node].alive {
                sim.restart(node, down, |_| ());
            }
        });
    }
    for _ in 0..(faults.partitions * seconds) as usize {
        let when = random.u64(0..DURATION);
        let side: Vec<bool> = (0..nodes).map(|_| random.bool()).collect();
        let across = (0..wires).filter(|&w| side[sim.wires[w].client] != side[sim.wires[w].server]);
        let losses: Vec<_> =
            across.map(|w| (w, random.u64(0..3 * SECOND), random.u64(0..3 * SECOND))).collect();
        let lasts = random.u64(SECOND..4 * SECOND);
        sim.after(when, move |sim| cut(sim, &losses, lasts));
    }
    if faults.losses > 0.0 {
        let (mut random, losses) = (random.fork(), faults.losses);
        sim.filter = Some(Box::new(move |_, _, frame| {
            matches!(kind(frame), MessageId::Hello | MessageId::Pong) || random.f64() >= losses
        }));
    }
}

/// Breaks these connections, which each end notices after a time, and lets none be made for a while.
fn cut(sim: &mut Sim, losses: &[(usize, u64, u64)], lasts: u64) {
    for &(wire, client, server) in losses {
        sim.wires[wire].cut = true;
        sim.lose(wire, client, server);
    }
    let wires: Vec<usize> = losses.iter().map(|&(wire, ..)| wire).collect();
    sim.after(lasts, move |sim| wires.iter().for_each(|&wire| sim.wires[wire].cut = false));
}
