//! The faults of a run, their rates, and what owners do meanwhile.
//!
//! Each seed draws its own options, so that some runs see one fault alone and some all faults together.

use super::net::{MS, SECOND, Sim};
use super::wire::Speed;
use super::worse::{self, Worse};
use super::{record, topology, verdict};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Options of a run. Rates are events a second in the whole network; 0 is never.
#[derive(Clone, Debug)]
pub struct Options {
    pub nodes: usize,
    /// Number of nodes that are CZMQ nodes.
    pub stock: usize,
    /// CZMQ nodes are leaves: each has one connection, as client or as server.
    pub leaves: bool,
    pub duration: u64,
    pub writes: f64,
    pub keys: usize,
    pub losses: f64,
    /// Share of losses that the client's monitor reports late or never.
    pub half_open: f64,
    pub restarts: f64,
    /// Share of restarts after which the owner publishes its tuples again.
    pub republish: f64,
    pub partitions: f64,
    pub pauses: f64,
    /// Share of slow wires.
    pub slow: f64,
    /// Greatest error of a wall clock, in milliseconds.
    pub skew: i64,
    /// Rate at which wall clocks are set while nodes run.
    pub clock_steps: f64,
    pub duplicate: bool,
    pub ttl: bool,
    pub retract: bool,
    pub worse: Worse,
    /// Nodes are recorded, and their records replayed.
    pub recorded: bool,
}

impl Options {
    pub fn draw(nodes: usize, stock: usize, random: &mut fastrand::Rng) -> Options {
        let mut some = |most: f64| if random.bool() { random.f64() * most } else { 0.0 };
        // Faults of single nodes and wires are more frequent where there are more of these.
        let size = nodes as f64 / 30.0;
        Options {
            nodes,
            stock,
            leaves: false,
            duration: 20 * SECOND,
            writes: 20.0 + some(100.0),
            losses: some(3.0) * size,
            half_open: some(1.0),
            restarts: some(0.5) * size,
            republish: some(1.0),
            partitions: some(0.2),
            pauses: some(0.5) * size,
            slow: some(0.3),
            skew: (some(1.0) * 300_000.0) as i64,
            clock_steps: some(0.2) * size,
            keys: 1 + random.usize(0..30),
            duplicate: random.bool(),
            ttl: random.bool(),
            retract: random.bool(),
            worse: Worse::default(),
            recorded: false,
        }
    }

    /// Draws the options of a run in a worse world in which CZMQ nodes are leaves.
    pub fn draw_leaves(nodes: usize, stock: usize, random: &mut fastrand::Rng) -> Options {
        Options { leaves: true, ..Options::draw_worse(nodes, stock, random) }
    }

    /// Draws the options of a run in a worse world.
    pub fn draw_worse(nodes: usize, stock: usize, random: &mut fastrand::Rng) -> Options {
        let mut options = Options::draw(nodes, stock, random);
        options.worse = Worse::draw(random);
        if stock > 0 {
            // A CZMQ node passes on as everlasting what zgossip nodes know to have expired.
            (options.ttl, options.worse.renew) = (false, 0.0);
        }
        if stock > 0 && options.worse.wrong_clocks > 0.0 {
            // A node that leaves for good may leave a node whose clock is slow with a single zgossip peer, a client,
            // whose clock it does not follow.
            options.worse.churn = 0.0;
        }
        if stock > 0 && options.worse.limited > 0 {
            // A node that restarts may learn a value from a CZMQ node, without its stamp, and be linked with a node
            // that had to refuse that value and remembers the stamp: then nobody there can give the value.
            options.restarts = 0.0;
        }
        if options.worse.forgetful {
            // A node that is away for longer than tombstones are kept brings back what was removed: that is documented.
            (options.half_open, options.partitions, options.pauses, options.slow) = (0.0, 0.0, 0.0, 0.0);
            (options.worse.freezes, options.worse.absences, options.worse.late) = (0.0, 0.0, 0.0);
            // So does a node whose connection breaks before the round trips are over in which it would learn of a
            // removal.
            (options.worse.far, options.worse.narrow) = (0.0, 0.0);
        }
        if random.bool() {
            // The faults of a worse world are to be seen by themselves.
            let losses = options.losses.min(0.5);
            options = Options {
                losses,
                half_open: 0.0,
                restarts: 0.0,
                partitions: 0.0,
                pauses: 0.0,
                slow: 0.0,
                skew: 0,
                clock_steps: 0.0,
                duplicate: false,
                ..options
            };
        }
        options
    }
}

impl Options {
    /// Draws the options of a run in which wall clocks step by hours, and to 1970.
    pub fn draw_jumps(nodes: usize, stock: usize, random: &mut fastrand::Rng) -> Options {
        let mut options = Options::draw_leaves(nodes, stock, random);
        options.worse.churn = 0.0;
        options.worse.jumps = 0.05 + random.f64() * 0.5;
        options
    }

    /// Draws the options of a run in which tuples have times to live, and are renewed, where CZMQ nodes are leaves.
    pub fn draw_brief(nodes: usize, stock: usize, random: &mut fastrand::Rng) -> Options {
        let mut options = Options::draw_leaves(nodes, stock, random);
        (options.ttl, options.retract) = (true, true);
        options.worse.renew = 0.1 + random.f64() * 4.0;
        options
    }

    /// Draws the options of a run that lasts for up to an hour, in which nodes are away for long.
    pub fn draw_long(nodes: usize, stock: usize, random: &mut fastrand::Rng) -> Options {
        let mut options = Options::draw_leaves(nodes, stock, random);
        let minutes = random.u64(5..70);
        let slower = 20.0 / (60 * minutes) as f64;
        options.duration = 60 * minutes * SECOND;
        let worse = &mut options.worse;
        // What is replaced is remembered for as long as removed keys are, and a CZMQ node that is away for longer brings it
        // back. A node that forgets what was removed sooner than others is sent it once more by them, also when the faults
        // have ended.
        worse.settings = 0.0;
        if stock > 0 {
            // A CZMQ node that comes back long after the node that it is linked with was restarted brings older values.
            options.restarts = 0.0;
        }
        worse.forgetful = false;
        worse.long_absences = (1.0 + random.f64() * 6.0) / (60 * minutes) as f64;
        for rate in [
            &mut options.writes,
            &mut options.losses,
            &mut options.restarts,
            &mut options.partitions,
            &mut options.pauses,
            &mut options.clock_steps,
            &mut worse.freezes,
            &mut worse.late,
            &mut worse.absences,
            &mut worse.hide,
            &mut worse.renew,
            &mut worse.churn,
        ] {
            *rate *= slower;
        }
        options
    }
}

/// The last value that each owner wrote of each key, to publish it again after a restart.
type Owned = Rc<RefCell<BTreeMap<(usize, String), String>>>;

struct Run {
    options: Options,
    owned: Owned,
}

/// Makes a network from options, with everything scheduled that will happen to it.
#[expect(clippy::too_many_lines, reason = "one fault after the other")]
pub fn build(seed: u64, options: &Options) -> Sim {
    let mut sim = Sim::new(seed);
    sim.duplicate = options.duplicate;
    sim.oracle.only_counts = options.stock > 0;
    sim.recorded = options.recorded;
    let links = topology::any(options.nodes, &mut sim.random);
    let all_links = links.clone();
    let stock = apart(options, &links, &mut sim.random);
    let mut dice = sim.dice.fork();
    let of_each = options.worse.nodes(options.nodes, &stock, &links, &mut dice);
    let clone = dice.u64(..);
    for (node, (settings, wrong)) in of_each.into_iter().enumerate() {
        let skew = if options.skew > 0 { sim.random.i64(-options.skew..=options.skew) } else { 0 };
        if !stock.contains(&node) {
            if node <= options.worse.clones && options.worse.clones > 0 {
                sim.ours_from(clone);
            } else {
                sim.ours_with(settings, skew + wrong);
            }
            if options.worse.forgetful
                && let super::net::Body::Ours(ours) = &mut sim.nodes[node].body
            {
                ours.forgets_removals();
            }
            if dice.f64() < options.worse.rests {
                sim.nodes[node].rest = dice.u64(MS..100 * MS);
            }
        } else if sim.random.bool() {
            sim.stock();
        } else {
            sim.old_stock();
        }
    }
    for (client, server) in links {
        let wire = sim.connect(client, server);
        if sim.random.f64() < options.slow {
            sim.wires[wire].speed = Speed::SLOW;
        }
        if let Some(speed) = options.worse.speed(&mut dice) {
            sim.wires[wire].speed = speed;
        }
    }
    sim.note(|| format!("{options:?}"));
    sim.describe();
    for (rate, act) in [
        (options.worse.freezes, worse::freeze as fn(&mut Sim)),
        (options.worse.late, worse::stop_late),
        (options.worse.absences, worse::go_away),
        (options.worse.churn, worse::turn_over),
        (options.worse.long_absences, worse::go_away_for_long),
    ] {
        for _ in 0..(rate * options.duration as f64 / SECOND as f64).ceil() as u64 {
            let when = sim.dice.u64(0..options.duration);
            sim.after(when, act);
        }
    }
    if options.worse.jumps > 0.0 {
        worse::schedule_jumps(&mut sim, &all_links, &options.worse, options.duration);
    }
    let run = Rc::new(Run { options: options.clone(), owned: Owned::default() });
    for (rate, act) in [
        (options.writes, write as fn(&mut Sim, &Run)),
        (options.losses, lose),
        (options.restarts, restart),
        (options.partitions, partition),
        (options.pauses, pause),
        (options.clock_steps, step_clock),
        (options.worse.hide, hide),
        (options.worse.renew, renew),
    ] {
        let times = (rate * options.duration as f64 / SECOND as f64) as u64;
        for _ in 0..times {
            let (when, run) = (sim.random.u64(0..options.duration), run.clone());
            sim.after(when, move |sim| act(sim, &run));
        }
    }
    sim
}

/// Draws nodes of which no two are linked; leaves, if the options say so.
fn apart(options: &Options, links: &topology::Links, random: &mut fastrand::Rng) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::new();
    for _ in 0..options.stock * 4 {
        let node = random.usize(0..options.nodes);
        let linked = |other: &usize| links.contains(&(node, *other)) || links.contains(&(*other, node));
        let ways = links.iter().filter(|&&(a, b)| a == node || b == node).count();
        if options.leaves && ways > 1 {
            continue;
        }
        if chosen.len() < options.stock && !chosen.contains(&node) && !chosen.iter().any(linked) {
            chosen.push(node);
        }
    }
    chosen
}

fn anyone(sim: &mut Sim) -> Option<usize> {
    let node = sim.random.usize(0..sim.nodes.len());
    (sim.nodes[node].alive && sim.nodes[node].paused_until <= sim.now).then_some(node)
}

fn write(sim: &mut Sim, run: &Run) {
    let Some(node) = anyone(sim) else { return };
    sim.check_agreement(node);
    if sim.dice.u32(0..20) == 0 {
        sim.flush(node);
    }
    let options = &run.options;
    let mut value = format!("v{}", sim.random.u32(0..1_000_000));
    let mut dice = sim.dice.fork();
    options.worse.lengthen(&mut value, &mut dice);
    let clone = options.worse.clones > 0 && node <= options.worse.clones;
    let what = sim.random.u32(0..10);
    let number = sim.random.usize(0..options.keys);
    if clone {
        try_publish(sim, node, &format!("own-{node}-{number}"), &value, 0);
    } else if sim.is_ours(node) && what == 0 && options.retract {
        let key = format!("gone-{number}");
        sim.retract(node, &key);
    } else if sim.is_ours(node) && what == 1 && options.ttl {
        let (key, ttl) = (format!("ttl-{number}"), sim.random.u32(200..5000));
        try_publish(sim, node, &key, &value, ttl);
    } else {
        let key = match what {
            2 | 3 if options.retract => format!("gone-{number}"),
            4..=6 => format!("own-{node}-{}", number % 4),
            _ => format!("key-{number}"),
        };
        run.owned.borrow_mut().insert((node, key.clone()), value.clone());
        try_publish(sim, node, &key, &value, 0);
    }
}

/// Publishes. A write may be refused where there are limits, and nowhere else.
fn try_publish(sim: &mut Sim, node: usize, key: &str, value: &str, ttl: u32) {
    let done = sim.try_publish(node, key.as_bytes(), value.as_bytes(), ttl);
    assert!(done.is_ok() || sim.is_limited(node), "node {node} refuses {key}: {done:?}");
}

/// Makes an owner UNPUBLISH one of its tuples that are not written all the time.
fn hide(sim: &mut Sim, _: &Run) {
    let Some(node) = anyone(sim).filter(|&node| sim.is_ours(node)) else { return };
    let count = sim.view(node).len();
    if count == 0 {
        return;
    }
    let number = sim.dice.usize(0..count);
    let key = sim.view(node).keys().nth(number).map(|key| String::from_utf8_lossy(key).into_owned());
    sim.unpublish(node, &key.unwrap_or_default());
}

/// Makes an owner publish again what would expire.
fn renew(sim: &mut Sim, _: &Run) {
    let Some(node) = anyone(sim).filter(|&node| sim.is_ours(node)) else { return };
    let ends = |(key, value): (&Vec<u8>, &Vec<u8>)| {
        key.starts_with(b"ttl-").then(|| (String::from_utf8_lossy(key).into_owned(), value.clone()))
    };
    let Some((key, value)) = sim.view(node).iter().find_map(ends) else { return };
    let ttl = sim.dice.u32(200..5000);
    try_publish(sim, node, &key, &String::from_utf8_lossy(&value), ttl);
}

fn lose(sim: &mut Sim, run: &Run) {
    if sim.wires.is_empty() {
        return;
    }
    let wire = sim.random.usize(0..sim.wires.len());
    let late = sim.random.f64() < run.options.half_open;
    let most = if late { 40 * SECOND } else { 200 * MS };
    let (client, server) = (sim.random.u64(0..most), sim.random.u64(0..most));
    sim.lose(wire, client, server);
}

fn restart(sim: &mut Sim, run: &Run) {
    let Some(node) = anyone(sim) else { return };
    let downtime = sim.random.u64(MS..3 * SECOND);
    let again = sim.random.f64() < run.options.republish;
    let owned = run.owned.clone();
    sim.restart(node, downtime, move |sim| {
        if again {
            let all: Vec<_> =
                owned.borrow().iter().map(|(owner, value)| (owner.clone(), value.clone())).collect();
            for ((owner, key), value) in all {
                if owner == node {
                    sim.publish(node, &key, &value);
                }
            }
        }
    });
}

fn partition(sim: &mut Sim, _: &Run) {
    let side: Vec<bool> = (0..sim.nodes.len()).map(|_| sim.random.bool()).collect();
    let across: Vec<usize> =
        (0..sim.wires.len()).filter(|&w| side[sim.wires[w].client] != side[sim.wires[w].server]).collect();
    for &wire in &across {
        let (a, b) = (sim.random.u64(0..3 * SECOND), sim.random.u64(0..3 * SECOND));
        sim.wires[wire].cut = true;
        sim.lose(wire, a, b);
    }
    let heal = sim.random.u64(SECOND..10 * SECOND);
    sim.after(heal, move |sim| across.iter().for_each(|&wire| sim.wires[wire].cut = false));
}

fn pause(sim: &mut Sim, _: &Run) {
    let Some(node) = anyone(sim) else { return };
    sim.nodes[node].paused_until = sim.now + sim.random.u64(100 * MS..15 * SECOND);
}

fn step_clock(sim: &mut Sim, run: &Run) {
    let Some(node) = anyone(sim) else { return };
    let most = run.options.skew.max(1000);
    sim.nodes[node].skew = sim.random.i64(-most..=most);
    sim.oracle.clocks_differ = true;
}

/// Ends the faults: all nodes are up, and no wire is cut or slow. Half-open connections stay so until they are noticed,
/// except those of CZMQ clients, which would never notice.
pub fn heal(sim: &mut Sim) {
    for wire in 0..sim.wires.len() {
        (sim.wires[wire].cut, sim.wires[wire].frozen_until) = (false, 0);
        sim.speed_up(wire);
    }
    for node in &mut sim.nodes {
        // No node trusts a clock that is ahead by hours.
        if node.skew > 300_000 {
            node.skew = 300_000;
        }
        node.paused_until = node.paused_until.min(sim.now + 100 * MS);
    }
    sim.tell_stock_clients();
}

/// Figures of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub settled: u64,
    pub steps: u64,
    pub frames: u64,
    pub tuples: u64,
    /// Number of tuples that were sent after the last fault, and of node and key pairs that lacked something at that
    /// moment.
    pub sent: u64,
    pub lacking: u64,
    /// Number of tuples that were sent until the last fault, and of values that owners were told.
    pub sent_before: u64,
    pub told: u64,
    /// Number of node and key pairs that end with a value other than the right one, and of all pairs that were judged.
    /// The first is 0 where no CZMQ nodes take part.
    pub older: usize,
    pub held: usize,
    /// Number of writes that ended with all nodes that had taken them, of all writes, and of pairs that are exempt.
    pub died: usize,
    pub writes: usize,
    pub bursts: usize,
}

/// Runs with faults, then without; each record must replay to the same bytes. Returns the number of frames that were
/// made again.
pub fn replay(seed: u64, options: &Options) -> u64 {
    let mut sim = build(seed, &Options { recorded: true, ..options.clone() });
    sim.run(options.duration);
    heal(&mut sim);
    sim.run(10 * SECOND);
    record::check_records(&mut sim)
}

/// Runs with faults, then without: all nodes must agree and be silent within `bound`.
pub fn run(seed: u64, options: &Options, bound: u64) -> Outcome {
    let mut sim = build(seed, options);
    sim.run(options.duration);
    heal(&mut sim);
    let held: Vec<_> = (0..sim.nodes.len()).map(|node| sim.view(node).clone()).collect();
    let (before, told) = (sim.tally.sent, sim.tally.told);
    sim.run(3 * SECOND);
    wake_stock(&mut sim);
    let settled = verdict::settles_within(&mut sim, bound);
    let judgement = sim.judge();
    let lacking = |node: usize| {
        let now = sim.view(node);
        now.iter().filter(|(key, value)| held[node].get(*key) != Some(*value)).count() as u64
    };
    if std::env::var_os("ZGOSSIP_SIM_OLDER").is_some() {
        judgement.violations.iter().for_each(|violation| println!("OLDER seed {seed}: {violation}"));
    }
    Outcome {
        settled,
        steps: sim.steps,
        frames: sim.tally.frames,
        tuples: sim.tally.tuples,
        sent: sim.tally.sent - before,
        sent_before: before,
        told,
        lacking: (0..sim.nodes.len()).map(lacking).sum(),
        older: judgement.violations.len(),
        held: (0..sim.nodes.len()).map(|node| sim.view(node).len()).sum(),
        died: judgement.died,
        writes: sim.oracle.writes.len(),
        bursts: judgement.bursts,
    }
}

/// Makes owners of old CZMQ nodes write. A client of CZMQ before 4.2.1 that lost its connection is silent until it has
/// a change to send, and never sends again what was lost on the way: no peer can help it.
fn wake_stock(sim: &mut Sim) {
    for node in 0..sim.nodes.len() {
        if !sim.is_old_stock(node) {
            continue;
        }
        let wires = sim.nodes[node].wires.iter().map(|&wire| &sim.wires[wire]);
        let servers: Vec<usize> = wires.filter(|wire| wire.client == node).map(|wire| wire.server).collect();
        let held: Vec<String> =
            sim.view(node).keys().map(|key| String::from_utf8_lossy(key).into_owned()).collect();
        sim.publish(node, &format!("awake-{node}"), "yes");
        for key in held {
            if servers.iter().any(|&server| sim.value(server, &key).is_none()) {
                let value = format!("again-{}", sim.random.u32(..));
                sim.publish(node, &key, &value);
            }
        }
    }
}
