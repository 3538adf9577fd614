//! An exhaustive walk of the real core: everything that can happen in small networks, in every order.
//!
//! A state consists of the nodes, the frames that are under way on each connection, in order, the commands that owners
//! have still to give, and what may still happen to connections. The walk goes depth first and visits each state once.
//! In the words of model checkers, it demands:
//!
//! * *always*: a node never delivers a value that it has seen replaced, nor one twice in a row, and the stamp of a key
//!   never goes back;
//! * *eventually*: from each end of the walk, with time, all nodes agree on a write that no other write had seen and
//!   replaced, the roots of zgossip nodes are equal, and all nodes are silent;
//! * *sometimes*: writes are concurrent, frames are lost, and each write wins somewhere. This shows that the walk goes
//!   where it is meant to go.
//!
//! In a network with a CZMQ node, which knows no ages, one of two writes whose writers had not seen each other's may be
//! replaced by the other and come back. A write that was replaced by one whose writer had seen it may not.
//!
//! The ignored tests take long and belong to `make soak`. `doc/CONVERGENCE.md` has the figures.

mod fingerprint;
mod network;
mod search;
mod world;

use network::Act::{Publish, Retract};
use network::Kind::{Ours, Plain};
use network::{Act, Network};
use search::{Report, walk};

const LINE: &[(usize, usize)] = &[(0, 1)];
/// Two nodes connected to node 1, in the middle.
const CHAIN: &[(usize, usize)] = &[(0, 1), (2, 1)];
const RING: &[(usize, usize)] = &[(0, 1), (2, 1), (0, 2)];

/// Walks through all of a network, prints the report and returns it.
fn look(network: &Network, enough: usize) -> Report {
    let report = walk(network, enough);
    println!("{}: {report}", network.name);
    report
}

/// Walks through all of a network, in which every demand must hold. If any `winners` are named, each of them wins at
/// some end, and no other write does.
#[track_caller]
fn holds(network: &Network, winners: &[usize]) -> Report {
    let report = look(network, 1);
    assert!(report.wrong.is_empty(), "{}", report.wrong[0]);
    let expected = winners.iter().fold(0, |set, winner| set | 1 << winner);
    assert!(winners.is_empty() || report.winners == expected, "{}: writes that win", network.name);
    assert_eq!(report.lost, network.losses > 0, "{}: sometimes frames are lost", network.name);
    report
}

/// Network of two zgossip nodes.
fn two(name: &'static str, acts: &[Act]) -> Network {
    Network::new(name, &[Ours, Ours], LINE, acts)
}

/// Network of three zgossip nodes.
fn three(name: &'static str, wires: &[(usize, usize)], acts: &[Act]) -> Network {
    Network::new(name, &[Ours, Ours, Ours], wires, acts)
}

/// Network of a zgossip hub with a CZMQ node and a zgossip node.
fn hub(name: &'static str, acts: &[Act]) -> Network {
    Network::new(name, &[Plain, Ours, Ours], CHAIN, acts)
}

/// Network of two zgossip nodes at a CZMQ hub.
fn plain_hub(name: &'static str, acts: &[Act]) -> Network {
    Network::new(name, &[Plain, Ours, Ours], &[(1, 0), (2, 0)], acts)
}

#[test]
fn two_of_ours_that_write_at_once_agree_from_the_first_greeting_on() {
    let report = holds(&two("2 ours, 2 writes, from HELLO", &[Publish(0), Publish(1)]), &[0, 1]);
    assert!(report.concurrent && report.compared);
    let network = two("2 ours, 2 writes, from HELLO, 1 loss", &[Publish(0), Publish(1)]).losses(1);
    holds(&network, &[0, 1]);
    holds(&network.skew(&[0, 700]), &[0, 1]);
}

#[test]
fn a_removal_and_writes_at_once_leave_the_latest_of_them() {
    let acts = [Publish(0), Publish(0), Retract(1)];
    let report = holds(&two("2 ours, write and removal, 1 loss", &acts).before(1).losses(1), &[1, 2]);
    assert!(report.concurrent && report.compared);
}

#[test]
fn three_of_ours_in_a_chain_agree_whoever_writes_and_whatever_breaks() {
    let acts = [Publish(0), Publish(0), Publish(2)];
    holds(&three("3 ours, chain, 2 writes, 1 loss", CHAIN, &acts).before(1).losses(1), &[1, 2]);
    holds(&three("3 ours, chain, 2 writes, from HELLO", CHAIN, &[Publish(0), Publish(2)]), &[0, 1]);
}

#[test]
fn three_of_ours_in_a_ring_agree_whoever_writes() {
    let acts = [Publish(0), Publish(0), Publish(1), Publish(2)];
    holds(&three("3 ours, ring, 3 writes", RING, &acts).before(1), &[1, 2, 3]);
}

#[test]
fn our_node_and_a_plain_hub_agree_whatever_breaks() {
    let plain = |name, acts: &[Act]| Network::new(name, &[Plain, Ours], &[(1, 0)], acts);
    let acts = [Publish(1), Publish(0), Publish(1)];
    holds(&plain("plain hub, 2 writes, 1 loss", &acts).before(1).losses(1), &[1, 2]);
    holds(&plain("plain hub, 2 writes, from HELLO, 1 loss", &acts[1..]).losses(1), &[0, 1]);
}

#[test]
fn a_plain_node_and_ours_at_our_hub_agree_though_all_write_at_once() {
    let acts = [Publish(2), Publish(0), Publish(1), Publish(2)];
    let report = holds(&hub("our hub, plain and ours, 3 writes", &acts).before(1), &[1, 2, 3]);
    assert!(report.concurrent, "the plain node wins sometimes, and it is not always the last");
}

#[test]
fn two_of_ours_at_a_plain_hub_agree_whatever_breaks() {
    let acts = [Publish(1), Publish(1), Publish(2)];
    holds(&plain_hub("plain hub, 2 ours, 2 writes, 1 loss", &acts).before(1).losses(1), &[1, 2]);
    let acts = [Publish(1); 3];
    holds(&plain_hub("plain hub, 2 ours, one writes, freeze", &acts).before(1).freezes(&[700]), &[2]);
}

/// A stamp may arrive after its value, which has gone a shorter way through the plain hub, and after the value that
/// followed.
#[test]
fn a_value_that_overtakes_its_stamp_is_right_in_the_end() {
    let wires = [(1, 0), (2, 0), (1, 2)];
    let acts = [Publish(1), Publish(1), Publish(0)];
    let network = Network::new("plain hub, 2 ours linked, 2 writes", &[Plain, Ours, Ours], &wires, &acts);
    holds(&network.before(1).in_the_end(), &[1, 2]);
}

/// A plain node was away while its value was replaced, or wrote meanwhile: its list and the zgossip node's cross.
#[test]
fn a_plain_node_that_returns_brings_nothing_back() {
    let plain = |name, acts: &[Act]| Network::new(name, &[Plain, Ours], LINE, acts);
    let acts = [Publish(1), Publish(0), Publish(1)];
    let client = plain("plain client, 2 writes, 1 loss", &acts).before(1).losses(1);
    let greets = plain("plain client, 2 writes, from HELLO, 1 loss", &acts[1..]).losses(1);
    let acts = [Publish(2), Publish(1), Publish(2)];
    let ours = hub("our hub, plain and ours, ours write, 1 loss", &acts).before(1);
    let acts = [Publish(2), Publish(0), Publish(2)];
    let both = hub("our hub, plain and ours, 2 writes, 1 loss", &acts).before(1);
    let acts = [Publish(0), Retract(2), Publish(0)];
    let removal = hub("our hub, plain and ours, write and removal, 1 loss", &acts).before(1);
    let frozen = client.clone().freezes(&[700]);
    let hubs = [ours.breakable(&[0]), both, removal].map(|network| network.losses(1));
    let reports: Vec<Report> =
        [client, greets, frozen].iter().chain(&hubs).map(|network| look(network, 1)).collect();
    let wrong: Vec<&str> = reports.iter().flat_map(|report| &report.wrong).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "takes long"]
fn soak_a_plain_node_that_returns() {
    let plain = |name, acts: &[Act]| Network::new(name, &[Plain, Ours], LINE, acts);
    let acts = [Publish(1), Publish(0), Publish(1)];
    let acts4 = [Publish(1), Publish(0), Publish(1), Publish(1)];
    let acts5 = [Publish(1), Publish(0), Publish(0), Publish(1)];
    let hub3 = [Publish(2), Publish(0), Publish(1), Publish(2)];
    let hub4 = [Publish(2), Publish(2), Publish(1)];
    let all = [
        plain("plain client, 2 writes, 2 losses", &acts).before(1).losses(2),
        plain("plain client, 3 writes, 1 loss", &acts4).before(1).losses(1),
        plain("plain client, 3 writes, 2 losses", &acts4).before(1).losses(2),
        plain("plain client, 3 writes, 2 of them its own, 1 loss", &acts5).before(1).losses(1),
        plain("plain client, 3 writes, 1 loss, freeze", &acts4).before(1).losses(1).freezes(&[700]),
        hub("our hub, 3 writes, 1 loss", &hub3).before(1).losses(1),
        hub("our hub, ours write, 2 losses", &hub4).before(1).losses(2),
    ];
    let reports: Vec<Report> = all.iter().map(|network| look(network, 1)).collect();
    let wrong: Vec<&str> = reports.iter().flat_map(|report| &report.wrong).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Walks through networks in which nodes restart: every demand must hold.
#[track_caller]
fn restarts_hold(networks: &[Network]) {
    let reports: Vec<Report> = networks.iter().map(|network| look(network, 1)).collect();
    let wrong: Vec<&str> = reports.iter().flat_map(|report| &report.wrong).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(reports.iter().all(|report| report.lost && report.ends > 10), "sometimes frames are lost");
}

/// A node ends at any moment, and begins anew with nothing: what others have taken of its writes stays.
#[test]
fn a_node_that_restarts_takes_nothing_back_and_learns_all() {
    let acts = [Publish(0), Publish(0), Publish(1)];
    let writes = two("2 ours, 2 writes, a restart", &acts).before(1);
    let acts = [Publish(0), Retract(1), Publish(0)];
    let removal = two("2 ours, write and removal, a restart", &acts).before(1);
    restarts_hold(&[writes.clone().restarts(&[0]), writes.restarts(&[1]), removal.restarts(&[0])]);
}

#[test]
#[ignore = "takes long"]
fn soak_a_node_that_restarts() {
    let acts = [Publish(0), Publish(0), Publish(1)];
    let writes = two("2 ours, 2 writes, a restart and a loss, or two restarts", &acts).before(1);
    let acts = [Publish(0), Publish(0), Publish(2)];
    let chain = three("3 ours, chain, 2 writes, a restart in the middle", CHAIN, &acts).before(1);
    let acts = [Publish(2), Publish(2), Publish(1)];
    let plain = hub("our hub, plain and ours, ours write, a restart of a leaf", &acts).before(1);
    let [loss, twice] = [writes.clone().restarts(&[0]).losses(1), writes.restarts(&[0, 1])];
    restarts_hold(&[loss, twice, chain.restarts(&[1]), plain.restarts(&[2])]);
}

/// The reduced walk finds the same outcomes as the full one.
#[test]
fn the_reduced_walk_comes_to_the_same_outcomes() {
    let acts = [Publish(0), Publish(2)];
    let plain = [Publish(2), Publish(0), Publish(1), Publish(2)];
    for network in [three("chain", CHAIN, &acts), hub("our hub, plain and ours", &plain).before(1)] {
        let (few, all) = (walk(&network, 1), walk(&network.clone().unreduced(), 1));
        assert!(few.states < all.states, "{} and {}", few.states, all.states);
        assert!(few.outcomes == all.outcomes, "{few} and {all}");
    }
}

#[test]
#[ignore = "takes long"]
fn soak_two_of_ours() {
    let acts = [Publish(0), Publish(0), Publish(1)];
    holds(&two("2 ours, 3 writes, from HELLO, 1 loss", &acts).losses(1), &[1, 2]);
    holds(&two("2 ours, 2 writes, from HELLO, 2 losses", &acts[1..]).losses(2), &[0, 1]);
    let acts = [Publish(0), Retract(1), Publish(1)];
    holds(&two("2 ours, 2 writes and removal, from HELLO, 1 loss", &acts).losses(1), &[0, 2]);
    let acts = [Publish(0), Publish(0), Publish(1), Retract(1)];
    let network = two("2 ours, 2 writes and removal, 1 loss, freeze", &acts).before(1).losses(1);
    holds(&network.freezes(&[1500]), &[1, 3]);
}

#[test]
#[ignore = "takes long"]
fn soak_three_of_ours_in_a_chain() {
    let acts = [Publish(0), Publish(0), Publish(1), Publish(2)];
    holds(&three("3 ours, chain, 3 writes, 1 loss", CHAIN, &acts).before(1).losses(1), &[1, 2, 3]);
    let acts = [Publish(0), Publish(0), Publish(1), Retract(2)];
    holds(
        &three("3 ours, chain, 2 writes and removal, 1 loss", CHAIN, &acts).before(1).losses(1),
        &[1, 2, 3],
    );
}

#[test]
#[ignore = "takes long"]
fn soak_three_of_ours_in_a_ring() {
    let acts = [Publish(0), Publish(0), Publish(2)];
    holds(&three("3 ours, ring, 2 writes, 1 loss", RING, &acts).before(1).losses(1), &[1, 2]);
    let acts = [Publish(0), Publish(0), Retract(2)];
    holds(&three("3 ours, ring, write and removal, 1 loss", RING, &acts).before(1).losses(1), &[1, 2]);
}
