//! Conflicts: one key written as fast as possible, and keys written at several places at once.

use std::time::{Duration, Instant};

use super::network::{Network, median, monotonic, ms, report, shared};
use common::Lib::{self, Linked, Native, Preload, Stock};
use common::node::eventually;
use common::{LONG, Node, Stopwatch};

const UPDATES: u32 = 20_000;

/// Gives a key many values and returns when the writer's owner has seen the last one.
fn write_quickly(writer: &Node, lib: Lib) -> Instant {
    let last = (UPDATES - 1).to_string();
    if lib == Stock {
        // Its owner has to read between writes, or a CZMQ node stops
        for first in (0..UPDATES).step_by(200) {
            writer.send(&format!("!update key {first} 200"));
            writer.must_hold("key", &(first + 199).to_string());
        }
    } else {
        writer.send(&format!("!update key 0 {UPDATES}"));
    }
    writer.must_hold("key", &last);
    Instant::now()
}

/// A hub, leaves on it, and which of them writes.
#[track_caller]
fn quick_updates(libs: &[Lib], writer: usize, limit: Duration) {
    let _machine = shared();
    let links: Vec<_> = (1..libs.len()).map(|leaf| (leaf, 0)).collect();
    let network = Network::new(libs, &links);
    let watch = Stopwatch::start();
    let written = write_quickly(&network.nodes[writer], libs[writer]);
    let settled = network.settle(written, limit + Duration::from_secs(1));
    let agreed = network.must_agree();
    assert_eq!(agreed["key"], (UPDATES - 1).to_string());
    let messages = network.news_since(written - LONG).len();
    report(
        &format!("{UPDATES} updates, {libs:?}, writer {writer}"),
        format_args!("last tuple {} after the last update, {messages} messages", ms(settled)),
    );
    watch.check(settled, limit, "the travel of the last tuple");
}

const SECOND: Duration = Duration::from_secs(1);
const WITH_STOCK: Duration = Duration::from_secs(5);

#[test]
fn the_last_of_quick_updates_stays_among_our_nodes() {
    quick_updates(&[Preload, Native, Linked], 0, SECOND);
    quick_updates(&[Native, Preload, Linked], 1, SECOND);
}

#[test]
fn the_last_of_quick_updates_stays_through_a_stock_hub() {
    quick_updates(&[Stock, Preload, Native], 1, WITH_STOCK);
}

#[test]
fn the_last_of_quick_updates_by_a_stock_hub_stays() {
    quick_updates(&[Stock, Preload, Native], 0, WITH_STOCK);
}

#[test]
fn the_last_of_quick_updates_stays_at_a_stock_leaf() {
    quick_updates(&[Preload, Native, Stock], 1, WITH_STOCK);
}

#[test]
fn the_last_of_quick_updates_by_a_stock_leaf_stays() {
    quick_updates(&[Native, Preload, Stock], 2, WITH_STOCK);
}

/// The writers give each of 100 keys a value of their own, at once, ten times over.
#[track_caller]
fn conflicts(libs: &[Lib], links: &[(usize, usize)], writers: &[usize], limit: Duration) {
    let _machine = shared();
    let network = Network::new(libs, links);
    let mut times = Vec::new();
    let watch = Stopwatch::start();
    for round in 0..10 {
        let start = monotonic() + 30_000;
        for &writer in writers {
            let mut lines = vec![format!("* !until {start}")];
            lines.extend((0..100).map(|i| format!("n{writer} PUBLISH key{i} r{round}-by{writer}")));
            network.nodes[writer].host.tell(&lines.join("\n"));
        }
        for &writer in writers {
            network.nodes[writer].status();
        }
        let written = Instant::now();
        let quiet = if round == 9 { limit + Duration::from_secs(1) } else { Duration::from_millis(1200) };
        times.push(network.settle(written, quiet));
        let agreed = network.must_agree();
        for i in 0..100 {
            let value = &agreed[&format!("key{i}")];
            assert!(value.starts_with(&format!("r{round}-")), "round {round}: key{i} is {value}");
        }
    }
    let worst = times.iter().max().expect("ten rounds");
    report(
        &format!("conflicts, {libs:?}, links {links:?}"),
        format_args!("last tuple after {} (median), {} (worst)", ms(median(&times)), ms(*worst)),
    );
    watch.check(median(&times), limit, "agreement, the middle one of ten times,");
    watch.check(*worst, limit * 3, "agreement");
}

const RING: [(usize, usize); 3] = [(0, 1), (1, 2), (2, 0)];

#[test]
fn our_nodes_in_a_ring_that_write_one_key_at_once_agree() {
    conflicts(&[Preload, Native, Linked], &RING, &[0, 1, 2], SECOND);
}

#[test]
fn nodes_at_a_stock_hub_that_write_one_key_at_once_agree() {
    conflicts(&[Stock, Preload, Native, Linked], &[(1, 0), (2, 0), (3, 0)], &[1, 2, 3], WITH_STOCK);
}

#[test]
fn a_ring_of_ours_around_a_stock_hub_that_write_one_key_at_once_agree() {
    let links = [(1, 2), (2, 3), (3, 1), (1, 0), (2, 0), (3, 0)];
    conflicts(&[Stock, Preload, Native, Linked], &links, &[1, 2, 3], WITH_STOCK);
}

#[test]
fn a_ring_of_ours_with_a_stock_leaf_that_write_one_key_at_once_agree() {
    let links = [RING[0], RING[1], RING[2], (3, 0)];
    conflicts(&[Preload, Native, Linked, Stock], &links, &[0, 1, 2], WITH_STOCK);
}

/// The stock node writes too, and is linked to two of ours, which makes another cycle.
#[test]
fn a_stock_writer_on_two_of_our_nodes_and_ours_that_write_at_once_agree() {
    let links = [RING[0], RING[1], RING[2], (3, 0), (3, 1)];
    conflicts(&[Preload, Native, Linked, Stock], &links, &[0, 1, 2, 3], WITH_STOCK);
}

/// Two writers, one after the other: the last value is one that the key had before, and is the last all the same.
#[track_caller]
fn back_to_an_earlier_value(libs: &[Lib], first: usize, then: usize, pause: u64) {
    let links: Vec<_> = (1..libs.len()).map(|leaf| (leaf, 0)).collect();
    let network = Network::new(libs, &links);
    let all_hold = |value: &str| network.nodes.iter().for_each(|node| node.must_hold("key", value));
    network.nodes[first].publish("key", "one");
    all_hold("one");
    // Longer than a copy of it may be under way
    std::thread::sleep(Duration::from_millis(2500));
    for value in ["two", "one", "three", "one"] {
        network.nodes[then].publish("key", value);
        network.nodes[then].must_hold("key", value);
        std::thread::sleep(Duration::from_millis(pause));
    }
    network.settle(Instant::now(), WITH_STOCK);
    let agreed = network.must_agree();
    let what = format!("{libs:?}, first {first}, then {then}, {pause} ms apart");
    assert_eq!(
        agreed["key"],
        "one",
        "{what}: {:?}",
        network.nodes.iter().map(|n| n.values_of("key")).collect::<Vec<_>>()
    );
}

#[test]
fn a_writer_that_returns_to_an_earlier_value_is_followed() {
    let _machine = shared();
    std::thread::scope(|scope| {
        for pause in [0, 300, 2500] {
            for (libs, first, then) in [
                ([Native, Preload, Stock], 0, 2),
                ([Native, Preload, Stock], 1, 2),
                ([Native, Preload, Stock], 2, 1),
                ([Stock, Preload, Native], 1, 0),
                ([Stock, Preload, Native], 1, 2),
                ([Native, Stock, Stock], 1, 2),
            ] {
                scope.spawn(move || back_to_an_earlier_value(&libs, first, then, pause));
            }
        }
    });
}

/// A CZMQ node that switches a key back and forth at its leisure is followed at once, each time.
#[test]
fn a_stock_writer_that_goes_back_and_forth_is_followed_at_once() {
    let _machine = shared();
    let network = Network::new(&[Native, Stock, Preload], &[(1, 0), (2, 0)]);
    let mut times = Vec::new();
    let watch = Stopwatch::start();
    for round in 0..12 {
        let value = if round % 2 == 0 { "on" } else { "off" };
        network.nodes[1].publish("switch", value);
        let start = Instant::now();
        let follows = || network.nodes[2].values_of("switch").len() == round + 1;
        assert!(eventually(LONG, follows), "{:?}", network.nodes[2].values_of("switch"));
        times.push(start.elapsed());
        std::thread::sleep(Duration::from_millis(2500));
    }
    let worst = *times.iter().max().expect("rounds");
    report("a stock writer back and forth", format_args!("each followed after {} at most", ms(worst)));
    watch.check(worst, SECOND, "to follow");
}
