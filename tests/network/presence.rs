//! Tuples that live as long as their nodes, over real sockets: nodes that end, that die, that are stopped; CZMQ's among
//! them.

use std::thread::sleep;
use std::time::{Duration, Instant};

use common::Lib::{self, Linked, Native, Preload, Stock};
use common::node::eventually;
use common::{LONG, Node};

/// Nodes of these libraries that are connected to the first of them and say all events. CZMQ's say DELIVER alone.
fn star(libs: &[Lib]) -> Vec<Node> {
    let nodes: Vec<Node> =
        libs.iter().enumerate().map(|(i, &lib)| Node::new(lib, &format!("n{i}"))).collect();
    let endpoint = nodes[0].bind();
    for (node, &lib) in nodes.iter().zip(libs) {
        if lib != Stock {
            node.send("SET server/events 1");
        }
    }
    nodes[1..].iter().for_each(|node| node.connect(&endpoint));
    nodes
}

#[track_caller]
fn all_hold<'a>(nodes: impl IntoIterator<Item = &'a Node>, key: &str, value: &str) {
    for node in nodes {
        node.must_hold(key, value);
    }
}

fn count(node: &Node, line: &str) -> usize {
    node.lines().iter().filter(|seen| *seen == line).count()
}

/// Waits until each of these nodes was told once that the key is gone. Returns how long that took.
#[track_caller]
fn until_gone(nodes: &[&Node], key: &str, since: Instant) -> Duration {
    let line = format!("RETRACT {key}");
    let gone = || nodes.iter().all(|node| count(node, &line) == 1);
    assert!(eventually(LONG, gone), "{:?}", nodes.iter().map(|node| node.lines()).collect::<Vec<_>>());
    since.elapsed()
}

/// Each way to go, with a CZMQ leaf that keeps what it has and cannot bring it back.
#[test]
fn who_ends_or_dies_takes_its_announced_tuples_along() {
    for dies in [false, true] {
        let nodes = star(&[Native, Native, Preload, Linked, Native, Stock]);
        let [hub, leaving, actor, linked, leaf, stock] = &nodes[..] else { unreachable!() };
        leaving.send("ANNOUNCE service tcp%3A//here%3A1");
        leaf.send("ANNOUNCE other tcp%3A//there%3A2 600");
        hub.publish("ordinary", "1");
        for node in &nodes {
            for (key, value) in [("service", "tcp://here:1"), ("other", "tcp://there:2"), ("ordinary", "1")] {
                node.must_hold(key, value);
            }
        }
        let begun = Instant::now();
        if dies {
            leaving.host.kill();
        } else {
            leaving.destroy();
        }
        let others = [hub, actor, linked, leaf];
        let took = until_gone(&others, "service", begun);
        println!("measured: {}: gone everywhere after {took:?}", if dies { "killed" } else { "ended" });
        // A CZMQ node that comes anew lists what it had; nobody believes it.
        stock.publish("stock's", "1");
        let late = Node::new(Stock, "late");
        late.connect(&hub.bind());
        late.must_hold("stock's", "1");
        all_hold(others, "stock's", "1");
        sleep(Duration::from_millis(1500));
        for node in others {
            assert_eq!((node.status(), count(node, "RETRACT service")), (3, 1), "{:?}", node.lines());
            assert_eq!(node.values_of("other").len(), 1, "who lives is not missed for a moment");
            assert_eq!(count(node, "RETRACT other"), 0);
        }
        assert_eq!((stock.status(), late.status()), (4, 3), "a CZMQ node cannot be told");
    }
}

/// A process that is stopped for less than the lease is not missed, for longer it is; in both cases it has its tuples when it
/// goes on, and others theirs.
#[test]
fn who_is_stopped_is_missed_after_its_lease_only_and_comes_back() {
    let nodes = star(&[Native, Native, Native, Preload]);
    let [hub, stopped, leaf, actor] = &nodes[..] else { unreachable!() };
    stopped.send("ANNOUNCE mine 1 4000");
    leaf.send("ANNOUNCE its 2 4000");
    all_hold(&nodes, "mine", "1");
    all_hold(&nodes, "its", "2");
    stopped.host.stop();
    sleep(Duration::from_millis(1500));
    stopped.host.resume();
    sleep(Duration::from_millis(4500));
    for node in &nodes {
        assert!(count(node, "RETRACT mine") + count(node, "RETRACT its") == 0, "{:?}", node.lines());
    }
    let begun = Instant::now();
    stopped.host.stop();
    let took = until_gone(&[hub, leaf, actor], "mine", begun);
    println!("measured: stopped: gone everywhere after {took:?}");
    stopped.host.resume();
    let back = || [hub, leaf, actor].iter().all(|node| node.values_of("mine").len() == 2);
    assert!(eventually(LONG, back), "it is back");
    sleep(Duration::from_millis(1500));
    for node in &nodes {
        assert_eq!((node.status(), count(node, "RETRACT its")), (2, 0), "{:?}", node.lines());
    }
    assert_eq!(stopped.values_of("mine").len() + stopped.values_of("its").len(), 2, "it missed nobody");
}

/// A service with a standby: both announce the key, and the other one takes over.
#[test]
fn a_standby_takes_over_when_the_process_dies() {
    let nodes = star(&[Native, Native, Native, Native]);
    let [hub, standby, service, leaf] = &nodes[..] else { unreachable!() };
    standby.send("ANNOUNCE service standby");
    leaf.must_hold("service", "standby");
    service.send("ANNOUNCE service first");
    all_hold(&nodes, "service", "first");
    sleep(Duration::from_millis(1100));
    service.host.kill();
    let back = || {
        [hub, standby, leaf]
            .iter()
            .all(|node| node.values_of("service").last().is_some_and(|v| v == "standby"))
    };
    assert!(eventually(LONG, back), "{:?}", leaf.lines());
    leaf.send("RETRACT service");
    until_gone(&[standby], "service", Instant::now());
    sleep(Duration::from_millis(1500));
    assert!([hub, standby, leaf].iter().all(|node| node.status() == 0), "a removal is the end of it");
}

/// The id in the line of a member with this name.
fn member_id(line: &str) -> Option<&str> {
    line.split("%20").next()
}

/// All nodes know who takes part, wherever they are connected, and are told who comes and how each goes.
#[test]
fn members_are_listed_and_their_comings_and_goings_told() {
    let nodes = star(&[Native, Native, Preload, Native, Stock]);
    let [hub, watcher, actor, dying, stock] = &nodes[..] else { unreachable!() };
    watcher.send("SET server/events 3");
    actor.send("SET zgossip/members 1");
    dying.send("ANNOUNCE service here");
    stock.must_hold("service", "here");
    let told = |node: &Node, event: &str| -> Vec<String> {
        node.lines().into_iter().filter(|line| line.starts_with(event)).collect()
    };
    assert!(eventually(LONG, || told(watcher, "MEMBER ").len() == 2), "{:?}", watcher.lines());
    let of = |name: &str| {
        let found = told(watcher, "MEMBER ").into_iter().find(|line| line.ends_with(&format!(" {name}")));
        found.and_then(|line| Some(line.split(' ').nth(1)?.to_owned())).expect("a member with this name")
    };
    let (actors, dyings) = (of("n2"), of("n3"));
    // Who asks is a member from then on.
    hub.send("MEMBERS");
    let list = hub.wait_for_line("MEMBERS", LONG).expect("a reply");
    let ids: Vec<&str> = list.split(' ').filter_map(member_id).collect();
    assert!(ids.len() == 3 && ids.contains(&&*actors) && ids.contains(&&*dyings), "{list}");
    assert!(list.contains("own=yes") && list.contains("name=n0%20endpoint=tcp://127.0.0.1:"), "{list}");
    assert!(eventually(LONG, || told(watcher, "MEMBER ").len() == 3), "{:?}", watcher.lines());
    actor.destroy();
    dying.host.kill();
    assert!(eventually(LONG, || told(watcher, "GONE ").len() == 2), "{:?}", watcher.lines());
    let gone = told(watcher, "GONE ");
    assert!(gone.contains(&format!("GONE {actors} n2 left")), "{gone:?}");
    assert!(gone.contains(&format!("GONE {dyings} n3 lost")), "{gone:?}");
    assert!(told(hub, "MEMBER ").is_empty() && told(hub, "GONE ").is_empty(), "who does not ask is not told");
    assert!(stock.lines().iter().all(|line| line.starts_with("DELIVER") || line.starts_with('!')));
}

/// A hundred processes, a third of which die, a third end, and some stand still for a while, beside CZMQ leaves: what each
/// watcher is told is the end of those who went, once, and nothing about anybody else.
#[test]
fn of_a_hundred_processes_those_who_went_are_missed_once_and_no_others() {
    let nodes = star(&[Native, Native, Preload, Stock, Stock]);
    let [hub, leaf, actor, ..] = &nodes[..] else { unreachable!() };
    let endpoint = hub.bind();
    let members: Vec<Node> = (0..100).map(|i| Node::new(Native, &format!("m{i}"))).collect();
    let keys = |i: usize| (0..3).map(move |key| format!("m{i}/{key}"));
    for (i, member) in members.iter().enumerate() {
        member.connect(&endpoint);
        for key in keys(i) {
            member.send(&format!("ANNOUNCE {key} here 60000"));
        }
    }
    for node in &nodes {
        assert!(node.wait_tuples(LONG, |held| held.len() == 300), "{}", node.tuples().len());
    }
    let begun = Instant::now();
    let (killed, rest) = members.split_at(30);
    let (ended, living) = rest.split_at(30);
    let stopped = &living[..10];
    for member in stopped {
        member.host.stop();
    }
    for member in killed {
        member.host.kill();
    }
    for member in ended {
        member.destroy();
    }
    let watchers = [hub, leaf, actor];
    for i in 0..60 {
        for key in keys(i) {
            until_gone(&watchers, &key, begun);
        }
    }
    println!("measured: all 60 are gone everywhere after {:?}", begun.elapsed());
    for member in stopped {
        member.host.resume();
    }
    for (i, member) in living.iter().enumerate() {
        member.publish(&format!("lives {i}"), "1");
    }
    for i in 0..living.len() {
        all_hold(&nodes, &format!("lives {i}"), "1");
    }
    for node in watchers {
        let told = node.lines().iter().filter(|line| line.starts_with("RETRACT")).count();
        assert_eq!((told, node.status()), (180, 120 + 40), "none of those who live was missed");
        assert_eq!(node.delivered().len(), 300 + 40, "nobody's value came twice");
    }
    assert_eq!(nodes[3].status(), 300 + 40, "a CZMQ node cannot be told");
}
