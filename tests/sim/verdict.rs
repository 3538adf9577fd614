//! Checks that all nodes agree on the right values, and that the network is silent.

use super::net::{SECOND, Sim};
use std::collections::{BTreeMap, HashSet};

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Describes the difference between two nodes' values.
fn difference(
    a: usize,
    b: usize,
    one: &BTreeMap<Vec<u8>, Vec<u8>>,
    two: &BTreeMap<Vec<u8>, Vec<u8>>,
) -> String {
    let mut keys: Vec<_> = one.keys().chain(two.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|key| one.get(*key) != two.get(*key));
    let show = |value: Option<&Vec<u8>>| value.map_or("nothing".into(), |value| text(value));
    let first: Vec<String> = keys
        .iter()
        .take(4)
        .map(|key| format!("{}: {} / {}", text(key), show(one.get(*key)), show(two.get(*key))))
        .collect();
    format!("nodes {a} and {b} differ in {} keys: {}", keys.len(), first.join(", "))
}

/// Describes the first few keys whose stamps differ between two nodes.
fn stamps_apart(sim: &Sim, a: usize, b: usize) -> String {
    let stamps = |node: usize| -> BTreeMap<Vec<u8>, _> {
        sim.our(node).node.stamps().map(|(key, stamp)| (key.to_vec(), stamp)).collect()
    };
    let (one, two) = (stamps(a), stamps(b));
    let mut keys: Vec<_> = one.keys().chain(two.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|key| one.get(*key) != two.get(*key));
    let show = |key: &&Vec<u8>| format!("{}: {:?} / {:?}", text(key), one.get(*key), two.get(*key));
    keys.iter().take(4).map(show).collect::<Vec<_>>().join(", ")
}

/// Returns for each zgossip node the lowest number of those to which zgossip nodes alone link it: a stamp does not
/// pass a CZMQ node.
fn components(sim: &Sim) -> Vec<usize> {
    let mut component: Vec<usize> = (0..sim.nodes.len()).collect();
    loop {
        let before = component.clone();
        let lives = |node: usize| sim.is_ours(node) && sim.nodes[node].alive;
        for wire in sim.wires.iter().filter(|wire| lives(wire.client) && lives(wire.server)) {
            let least = component[wire.client].min(component[wire.server]);
            (component[wire.client], component[wire.server]) = (least, least);
        }
        if component == before {
            return component;
        }
    }
}

/// Returns whether a key is one that some workloads remove or let expire. CZMQ nodes, and nodes behind them, cannot be
/// told of that.
fn is_removable(key: &[u8]) -> bool {
    key.starts_with(b"gone") || key.starts_with(b"ttl")
}

/// Keys that each node need not hold as others do: because of UNPUBLISH, or because the node has to refuse them.
fn exemptions(sim: &Sim) -> Vec<HashSet<Vec<u8>>> {
    let exempt = |node: usize| {
        let keys = sim.oracle.keys.keys();
        let full = sim.is_limited(node);
        let may_differ = |key: &&Vec<u8>| {
            let (long, no_room) = if full { sim.refuses(node, key) } else { (false, false) };
            long || sim.hears_not(node, key) || no_room && !sim.view(node).contains_key(*key)
        };
        keys.filter(may_differ).cloned().collect()
    };
    (0..sim.nodes.len()).map(exempt).collect()
}

/// Describes what is wrong: the nodes do not agree, or not on the right values. `None` if all is right.
pub fn wrong(sim: &Sim) -> Option<String> {
    disagreement(sim).or_else(|| {
        let violations = if sim.oracle.only_counts { Vec::new() } else { sim.judge().violations };
        let first: Vec<_> = violations.iter().take(3).cloned().collect();
        (!violations.is_empty()).then(|| format!("{} wrong: {}", violations.len(), first.join("; ")))
    })
}

/// Describes why the nodes do not agree. `None` if they do.
pub fn disagreement(sim: &Sim) -> Option<String> {
    let first = (0..sim.nodes.len()).find(|&node| sim.is_ours(node) && sim.nodes[node].alive)?;
    let exempt = exemptions(sim);
    // Keys that neither node has a reason not to hold.
    let differ = |a: usize, b: usize, removable: bool| {
        let of = |node: usize| -> BTreeMap<Vec<u8>, Vec<u8>> {
            let asked = |key: &[u8]| {
                (removable || !is_removable(key)) && !exempt[a].contains(key) && !exempt[b].contains(key)
            };
            let all = sim.view(node).iter().filter(|(key, _)| asked(key));
            all.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        if sim.view(a) == sim.view(b) {
            return None;
        }
        let (one, two) = (of(a), of(b));
        (one != two).then(|| difference(a, b, &one, &two))
    };
    let components = components(sim);
    for (node, member) in sim.nodes.iter().enumerate().filter(|(_, member)| !member.gone) {
        if !member.alive {
            return Some(format!("node {node} is down"));
        }
        if let Some(difference) = differ(first, node, false) {
            return Some(difference);
        }
        let linked = components[node];
        if !sim.is_ours(node) {
            continue;
        }
        if let Some(difference) = differ(linked, node, true) {
            return Some(difference);
        }
        let limited = [linked, node].iter().any(|&node| sim.is_limited(node));
        if !limited && sim.our(linked).node.root() != sim.our(node).node.root() {
            return Some(format!(
                "nodes {linked} and {node} hold the same values, but not the same stamps: {}",
                stamps_apart(sim, linked, node)
            ));
        }
    }
    None
}

/// Lets `bound` pass, after which all nodes must agree and send nothing but heartbeats and signs of life. Returns the
/// time from now to the last message of another kind.
#[track_caller]
pub fn settles_within(sim: &mut Sim, bound: u64) -> u64 {
    const QUIET: u64 = 10 * SECOND;
    let start = sim.now;
    sim.run(bound);
    if let Some(wrong) = wrong(sim) {
        panic!("{} s after the last fault {wrong}", bound / SECOND);
    }
    let before = sim.tally.clone();
    sim.run(QUIET);
    let links = sim.wires.len() as u64;
    let tally = sim.tally.clone();
    assert_eq!(tally.tuples, before.tuples, "tuples are sent after {} s", bound / SECOND);
    assert_eq!(tally.syncs, before.syncs, "digests are compared after {} s", bound / SECOND);
    sim.check_agreement_at_end();
    assert_eq!(wrong(sim), None, "{} s later", QUIET / SECOND);
    assert!(tally.signs - before.signs <= links * 50 * QUIET / SECOND, "more than signs of life");
    for node in 0..sim.nodes.len() {
        if sim.is_ours(node) {
            let now = sim.clock(node);
            sim.check_all(node, now);
        }
    }
    tally_last(sim).saturating_sub(start)
}

/// Time at which a tuple or a message of a comparison was last sent.
pub fn tally_last(sim: &Sim) -> u64 {
    sim.tally.last_tuples.max(sim.tally.last_syncs)
}
