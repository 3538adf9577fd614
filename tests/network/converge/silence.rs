//! Nodes that have little to say, and say it more than a second apart: a CZMQ hub has forgotten its clients by then.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use super::network::{Network, ms, report, shared};
use common::Lib::{self, Linked, Native, Preload, Stock};
use common::Tuples;

const TUPLES: usize = 12;
const APART: Duration = Duration::from_millis(1300);

/// A hub and its leaves say one tuple after the other.
fn tuples_far_apart(libs: &[Lib]) {
    let links: Vec<_> = (1..libs.len()).map(|leaf| (leaf, 0)).collect();
    let network = Network::new(libs, &links);
    let (mut all, mut worst) = (Tuples::new(), Duration::ZERO);
    for i in 0..TUPLES {
        sleep(APART);
        let writer = i % libs.len();
        network.nodes[writer].publish(&format!("key{i}"), &format!("by{writer}"));
        let start = Instant::now();
        all.insert(format!("key{i}"), format!("by{writer}"));
        network.nodes.iter().for_each(|node| node.must_hold_all(&all));
        worst = worst.max(start.elapsed());
    }
    for node in &network.nodes {
        let held = node.tuples();
        assert_eq!(held.keys().filter(|key| key.starts_with("key")).count(), TUPLES);
    }
    report(
        &format!("{TUPLES} tuples far apart, {libs:?}"),
        format_args!("each everywhere within {}", ms(worst)),
    );
}

#[test]
fn tuples_with_long_silences_between_them_reach_all() {
    let _machine = shared();
    scope(|scope| {
        for libs in [
            [Preload, Native, Linked, Preload, Native],
            [Stock, Native, Linked, Preload, Native],
            // Only a hub of ours makes up for clients of CZMQ's
            [Native, Stock, Preload, Stock, Native],
        ] {
            scope.spawn(move || tuples_far_apart(&libs));
        }
    });
}

/// A hub whose configuration makes it forget sooner still.
#[test]
fn a_hub_that_forgets_in_a_fifth_of_a_second() {
    let _machine = shared();
    let network = Network::new(&[Stock, Native, Preload], &[(1, 0), (2, 0)]);
    network.nodes[0].send("SET server/timeout 200");
    let mut all = Tuples::new();
    for i in 0..6 {
        sleep(Duration::from_millis(700));
        let writer = 1 + i % 2;
        network.nodes[writer].publish(&format!("key{i}"), "value");
        all.insert(format!("key{i}"), "value".to_owned());
    }
    network.nodes.iter().for_each(|node| node.must_hold_all(&all));
}
