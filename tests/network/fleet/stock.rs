//! CZMQ's own nodes that come back bring nothing old, neither as clients nor as hubs.

use std::thread::{scope, sleep};
use std::time::Duration;

use super::relay::{Line, Relay};
use common::Lib::{self, Native, Preload, Stock};
use common::node::eventually;
use common::{LONG, Node, Tuples};

const KEYS: usize = 20;

fn publish_all(node: &Node, value: &str) {
    (0..KEYS).for_each(|key| node.publish(&format!("k{key}"), value));
}

fn all(value: &str) -> Tuples {
    (0..KEYS).map(|key| (format!("k{key}"), value.to_owned())).collect()
}

/// Describes the fault of a node that should hold one value for all keys.
fn wrong(node: &Node, value: &str) -> Option<String> {
    let tuples = node.tuples();
    let wrong: Vec<_> =
        all(value).into_keys().filter(|key| tuples.get(key).is_none_or(|v| v != value)).collect();
    let first = wrong.first()?;
    let told = node.values_of(first);
    Some(format!("{} of {KEYS} keys are not {value}; of {first} it was told {told:?}", wrong.len()))
}

/// Waits until a hub of ours has given up a client of CZMQ's that is cut off.
#[track_caller]
fn forget_plain_peers(node: &Node) {
    assert!(eventually(LONG, || node.counter("links_plain") == 0), "the client is given up");
}

#[derive(Copy, Clone, Debug)]
struct Case {
    client: Lib,
    hub: Lib,
    old_by_client: bool,
    /// The node of ours writes when it has noticed that the other is gone, and not at once.
    noticed: bool,
    away: u64,
}

/// A client and a hub, one of them CZMQ's own, and another of ours at the one that is ours. All hold `old`; then the
/// line breaks for a time and the node of ours writes `new`.
fn absence(case: Case) -> Result<(), String> {
    let (client, hub) = (Node::new(case.client, "client"), Node::new(case.hub, "hub"));
    let witness = Node::new(Native, "witness");
    let relay = Relay::slow(&hub.bind(), Line::delay(1));
    client.connect(&relay.endpoint);
    let ours = if case.client == Stock { &hub } else { &client };
    witness.connect(&ours.bind());
    publish_all(if case.old_by_client { &client } else { &hub }, "old");
    let nodes = [&client, &hub, &witness];
    for node in &nodes {
        node.must_hold_all(&all("old"));
    }
    relay.cut();
    if case.noticed {
        forget_plain_peers(ours);
    }
    publish_all(ours, "new");
    witness.must_hold_all(&all("new"));
    sleep(Duration::from_millis(case.away));
    relay.restore();
    // A client of CZMQ's notices that its line broke by what it is answered when it says something
    let mut beat = 0;
    let mut talk = || {
        beat += 1;
        client.publish("~client", &format!("{beat}"));
        if case.hub == Stock {
            hub.publish("~hub", &format!("{beat}"));
        }
        sleep(Duration::from_millis(150));
    };
    let settled = eventually(LONG, || {
        talk();
        nodes.iter().all(|node| wrong(node, "new").is_none())
    });
    // And so it stays
    (0..15).for_each(|_| talk());
    let found: Vec<_> = ["client", "hub", "witness"]
        .iter()
        .zip(nodes)
        .filter_map(|(name, node)| Some(format!("{name}: {}", wrong(node, "new")?)))
        .collect();
    if settled && found.is_empty() { Ok(()) } else { Err(format!("{case:?}: {found:?}")) }
}

#[track_caller]
fn check(client: Lib, hub: Lib) {
    let ways = [(true, true), (true, false), (false, true), (false, false)];
    let failed: Vec<String> = scope(|scope| {
        let runs: Vec<_> = ways
            .into_iter()
            .flat_map(|way| [1000, 6000].map(|away| (way, away)))
            .map(|((old_by_client, noticed), away)| {
                scope.spawn(move || absence(Case { client, hub, old_by_client, noticed, away }))
            })
            .collect();
        let ended = runs.into_iter().map(|run| run.join().expect("a case that comes to its end"));
        ended.filter_map(Result::err).collect()
    });
    assert!(failed.is_empty(), "{} of 8 cases:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn a_stock_client_that_was_away_brings_no_replaced_value_back() {
    check(Stock, Preload);
}

#[test]
fn our_client_that_was_away_from_a_stock_hub_loses_nothing_to_older_values_of_the_hub() {
    check(Native, Stock);
}

/// A key that was removed while the stock client was away.
#[test]
fn a_stock_client_that_was_away_brings_no_removed_key_back() {
    let (client, hub, witness) =
        (Node::new(Stock, "client"), Node::new(Native, "hub"), Node::new(Native, "witness"));
    let endpoint = hub.bind();
    let relay = Relay::new(&endpoint);
    client.connect(&relay.endpoint);
    witness.connect(&endpoint);
    publish_all(&client, "old");
    for node in &[&client, &hub, &witness] {
        node.must_hold_all(&all("old"));
    }
    relay.cut();
    forget_plain_peers(&hub);
    publish_all(&hub, "new");
    witness.must_hold_all(&all("new"));
    (0..KEYS).for_each(|key| hub.send(&format!("RETRACT k{key}")));
    assert!(eventually(LONG, || witness.status() == 0), "all are removed");
    sleep(Duration::from_millis(1000));
    relay.restore();
    for beat in 0..20 {
        client.publish("~client", &format!("{beat}"));
        sleep(Duration::from_millis(150));
    }
    witness.must_hold("~client", "19");
    for (name, node) in [("hub", &hub), ("witness", &witness)] {
        let left: Vec<_> = node.tuples().into_iter().filter(|tuple| tuple.1 == "old").collect();
        assert_eq!(node.status(), 1, "the {name} holds one key; told {left:?}");
    }
}
