//! Events, GET, KEYS and STATS for an owner who asks for them. One who does not ask is told nothing new.

use std::thread::sleep;

use super::network::{shared, stats, value};
use common::Lib::{self, Linked, Native, Preload};
use common::net::{RawClient, publish};
use common::node::eventually;
use common::{Host, LONG, Node, SHORT, Scratch};

fn event(node: &Node, line: &str) -> bool {
    eventually(LONG, || node.lines().iter().any(|said| said == line))
}

fn with_events(lib: Lib) {
    let hub = Node::new(lib, "hub");
    let silent = Node::new(lib, "silent");
    hub.send("SET server/events 1");
    let endpoint = hub.bind();
    silent.connect(&endpoint);
    let leaf = Node::new(Native, "leaf");
    leaf.send("SET server/events 1");
    leaf.connect(&endpoint);
    assert!(event(&leaf, &format!("JOIN {endpoint}")), "{:?}", leaf.lines());
    let joins = || hub.lines().iter().filter(|line| line.starts_with("JOIN ")).count();
    assert!(eventually(LONG, || joins() == 2), "{:?}", hub.lines());

    leaf.publish("key", "value");
    leaf.send("PUBLISH brief value 300");
    silent.must_hold("brief", "value");
    silent.must_hold("key", "value");
    leaf.send("RETRACT key");
    leaf.send("RETRACT unknown");
    for node in [&hub, &leaf] {
        assert!(event(node, "RETRACT key"), "{:?}", node.lines());
        assert!(event(node, "EXPIRE brief"), "{:?}", node.lines());
    }
    let commands =
        ["PUBLISH key", "BIND nonsense", "CONNECT %_", "NONSENSE", "RETRACT %_", "LOAD /no/such/file"];
    for command in commands {
        hub.send(command);
        silent.send(command);
    }
    hub.send(&format!("PUBLISH {} value", "k".repeat(256)));
    for name in ["PUBLISH", "BIND", "CONNECT", "NONSENSE", "RETRACT", "LOAD"] {
        let start = format!("ERROR {name} ");
        assert!(eventually(LONG, || hub.lines().iter().any(|line| line.starts_with(&start))), "{start}");
    }
    let errors = |node: &Node| node.lines().iter().filter(|line| line.starts_with("ERROR")).count();
    assert!(eventually(LONG, || errors(&hub) == commands.len() + 1), "{:?}", hub.lines());

    leaf.host.kill();
    let leaves = || hub.lines().iter().filter(|line| line.starts_with("LEAVE ")).count();
    assert!(eventually(LONG, || leaves() == 1), "{:?}", hub.lines());
    // Asked no more, it says no more
    hub.send("SET server/events 0");
    hub.send("NONSENSE");
    silent.publish("last", "one");
    hub.must_hold("last", "one");
    assert_eq!(errors(&hub), commands.len() + 1);
    // Who never asked was told what CZMQ's nodes tell, and by the return value of its calls that they were malformed
    silent.status();
    for line in silent.lines() {
        let known = ["!new", "!refused ", "DELIVER ", "STATUS "].iter().any(|word| line.starts_with(word));
        assert!(known, "{line:?} was not asked for");
    }
    assert_eq!(silent.values_of("key"), ["value"]);
}

#[test]
fn events_are_sent_to_those_who_ask_for_them() {
    let _machine = shared();
    for lib in [Native, Preload, Linked] {
        with_events(lib);
    }
}

/// The last event about a key, once there is one that begins with these words: its frames behind the key, without the
/// version, and that.
#[track_caller]
fn change(node: &Node, words: &str) -> (String, String) {
    assert!(
        eventually(LONG, || node.lines().iter().any(|line| line.starts_with(words))),
        "{:?}",
        node.lines()
    );
    let lines = node.lines();
    let line = lines.iter().rfind(|line| line.starts_with(words)).expect("just seen");
    let (said, version) = line.rsplit_once(' ').expect("a version");
    assert_eq!(version.len(), 32, "{line}");
    (said.to_owned(), version.to_owned())
}

fn with_changes(lib: Lib) {
    let [hub, leaf, stock] =
        [(lib, "hub"), (Native, "leaf"), (Lib::Stock, "stock")].map(|(lib, name)| Node::new(lib, name));
    hub.send("SET server/events 3");
    let endpoint = hub.bind();
    leaf.connect(&endpoint);
    stock.connect(&endpoint);
    leaf.publish("key", "1");
    let (said, first) = change(&hub, "DELIVER key 1");
    let writer =
        said.strip_prefix("DELIVER key 1 %_ ").and_then(|rest| rest.strip_suffix(" leaf")).expect("so");
    assert!(writer.len() == 16 && writer.starts_with(|digit: char| digit > '7'), "{said}");
    leaf.publish("key", "2");
    let (said, second) = change(&hub, "DELIVER key 2");
    assert_eq!(said, format!("DELIVER key 2 1 {writer} leaf"));
    assert!(first < second);
    leaf.send("RETRACT key");
    let (said, third) = change(&hub, "RETRACT key");
    assert_eq!(said, format!("RETRACT key %_ 2 {writer} leaf"));
    assert!(second < third);
    leaf.send("PUBLISH brief value 50");
    let (_, version) = change(&hub, "DELIVER brief value");
    assert_eq!(change(&hub, "EXPIRE brief"), (format!("EXPIRE brief %_ value {writer} leaf"), version));
    stock.publish("plain", "x");
    assert_eq!(change(&hub, "DELIVER plain x").0, "DELIVER plain x %_ unknown %_");
    // What is held already has a version, too, and no value before it
    hub.publish("own", "1");
    let (said, version) = change(&hub, "DELIVER own 1 %_");
    hub.send("WATCH ow");
    assert!(event(&hub, "SYNCED ow"));
    assert_eq!(hub.lines().iter().filter(|line| **line == format!("{said} {version}")).count(), 2);
    // Asked no more
    hub.send("SET server/events 2");
    hub.publish("own", "2");
    assert!(event(&hub, "DELIVER own 2"));
}

#[test]
fn events_tell_what_changed_to_those_who_ask() {
    let _machine = shared();
    for lib in [Native, Preload] {
        with_changes(lib);
    }
}

/// Two clients join a hub at `endpoint`, and one of them leaves. Returns what the hub called both, the one that left
/// first.
fn names_of_clients(hub: &Node, endpoint: &str, clients: [&Node; 2]) -> [String; 2] {
    hub.send("SET server/events 1");
    let named = |word: &str| {
        let lines = hub.lines();
        let named = |line: &String| line.strip_prefix(word).map(str::to_owned);
        lines.iter().filter_map(named).collect::<Vec<_>>()
    };
    for (index, client) in clients.into_iter().enumerate() {
        client.connect(endpoint);
        assert!(eventually(LONG, || named("JOIN ").len() == index + 1), "{:?}", hub.lines());
    }
    clients[0].destroy();
    assert!(eventually(LONG, || named("LEAVE ").len() == 1), "{:?}", hub.lines());
    let joined = named("JOIN ");
    assert_eq!(named("LEAVE "), joined[..1], "under the same name");
    [joined[0].clone(), joined[1].clone()]
}

#[test]
fn a_client_joins_and_leaves_under_an_endpoint_that_no_other_client_has() {
    let _machine = shared();
    let scratch = Scratch::new();
    let ipc = scratch.ipc("hub");
    for is_tcp in [true, false] {
        let [hub, one, two] = ["hub", "one", "two"].map(|name| Node::new(Native, name));
        let (endpoint, names) = if is_tcp {
            (hub.bind(), "tcp://127.0.0.1:".to_owned())
        } else {
            hub.bind_to(&ipc);
            (ipc.clone(), format!("{ipc}#"))
        };
        let [gone, here] = names_of_clients(&hub, &endpoint, [&one, &two]);
        let number = |name: &str| name.strip_prefix(&*names).and_then(|rest| rest.parse::<u32>().ok());
        assert!(number(&gone).is_some() && number(&here).is_some() && gone != here, "{gone}, {here}");
    }
    let host = Host::new(Native);
    let [hub, one, two] = ["hub", "one", "two"].map(|name| host.node(name));
    hub.bind_to("inproc://hub");
    let [gone, here] = names_of_clients(&hub, "inproc://hub", [&one, &two]);
    assert!(gone.starts_with("inproc://hub#") && here.starts_with("inproc://hub#") && gone != here);
}

/// A client's connection ends and is made again.
#[test]
fn the_end_of_a_hub_is_told_by_name() {
    let _machine = shared();
    let leaf = Node::new(Preload, "leaf");
    leaf.send("SET server/events 1");
    let hub = Node::new(Lib::Stock, "hub");
    let endpoint = hub.bind();
    leaf.connect(&endpoint);
    assert!(event(&leaf, &format!("JOIN {endpoint}")), "{:?}", leaf.lines());
    hub.host.kill();
    assert!(event(&leaf, &format!("LEAVE {endpoint}")), "{:?}", leaf.lines());
    let hub = Node::new(Native, "hub");
    hub.bind_to(&endpoint);
    let joins = || leaf.lines().iter().filter(|line| **line == format!("JOIN {endpoint}")).count();
    assert!(eventually(LONG, || joins() == 2), "{:?}", leaf.lines());
    sleep(SHORT);
    assert_eq!(joins(), 2);
}

fn reading_back(lib: Lib) {
    let host = Host::new(lib);
    let node = host.node("node");
    assert_eq!(value(&node, "key"), None);
    node.send("KEYS");
    assert_eq!(node.wait_for_line("KEYS", LONG).as_deref(), Some(""));
    for (key, value) in [("one", "1"), ("two", "2"), ("empty", "")] {
        node.publish(key, value);
    }
    node.publish("one", "other");
    assert_eq!(value(&node, "one").as_deref(), Some("other"));
    assert_eq!(value(&node, "empty").as_deref(), Some("%_"));
    assert_eq!(value(&node, "unknown"), None);
    let keys = || {
        node.send("KEYS");
        let text = node.wait_for_line("KEYS", LONG).expect("keys");
        let mut keys: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(), ["empty", "one", "two"]);
    node.send("RETRACT two");
    assert_eq!(keys(), ["empty", "one"]);
    assert_eq!(value(&node, "two"), None);

    let numbers = stats(&node);
    let names = "tuples tombstones links_plain links_extended frames_in frames_out bytes_in bytes_out duplicates \
                 malformed owed root";
    for name in names.split_whitespace() {
        assert!(numbers.contains_key(name), "STATS says nothing of {name}");
    }
    assert_eq!((numbers["tuples"], numbers["tombstones"], numbers["frames_in"]), (2, 1, 0));
    let endpoint = node.bind();
    let other = Node::new(Native, "other");
    other.connect(&endpoint);
    let plain = RawClient::connect(&endpoint);
    plain.send(&[common::net::HELLO]);
    plain.send(&[&publish(b"plain", b"there")]);
    plain.send(&[&publish(b"plain", b"there")]);
    plain.send(&[b"nonsense"]);
    other.must_hold("plain", "there");
    let counted = || {
        let numbers = stats(&node);
        (numbers["links_plain"], numbers["links_extended"], numbers["malformed"], numbers["duplicates"])
    };
    assert!(eventually(LONG, || counted() == (1, 1, 1, 1)), "{:?}", counted());
    let now = stats(&node);
    assert!(now["bytes_in"] > 50 && now["bytes_out"] > 50 && now["frames_in"] >= 5, "{now:?}");
    assert!(eventually(LONG, || stats(&node)["root"] == stats(&other)["root"] && stats(&node)["owed"] == 0));
    node.send("UNPUBLISH one");
    assert_eq!(keys(), ["empty", "plain"]);
    assert_eq!((value(&node, "one"), value(&other, "one").as_deref()), (None, Some("other")));
}

#[test]
fn keys_values_and_numbers_are_read_back() {
    let _machine = shared();
    for lib in [Native, Preload] {
        reading_back(lib);
    }
}

#[test]
fn peers_are_listed_with_what_is_known_of_each() {
    let _machine = shared();
    let (hub, leaf, stock) =
        (Node::new(Preload, "hub"), Node::new(Native, "leaf"), Node::new(Lib::Stock, "stock"));
    let endpoint = hub.bind();
    let nobody = format!("tcp://127.0.0.1:{}", common::net::free_port());
    hub.connect(&nobody);
    leaf.publish("key", "value");
    leaf.connect(&endpoint);
    stock.connect(&endpoint);
    stock.must_hold("key", "value");
    let peers = |node: &Node| {
        node.send("PEERS");
        let text = node.wait_for_line("PEERS", LONG).expect("a list");
        text.split(' ').map(common::node::unescape).collect::<Vec<_>>()
    };
    let has = |peer: &String, words: &str| words.split(' ').all(|word| peer.contains(word));
    let of_leaf = "tcp://127.0.0.1: direction=in state=up for= protocol=zgossip unsent=0 equal=yes id=";
    let of_stock =
        "tcp://127.0.0.1: direction=in state=up for= protocol=czmq unsent=0 rtt=unknown refuses=unknown";
    let of_nobody =
        format!("{nobody} direction=out state=down for= protocol=unknown unsent=0 rtt=unknown frames_in=0");
    let all = || {
        let peers = peers(&hub);
        peers.len() == 3
            && [of_leaf, of_stock, &of_nobody].iter().all(|words| peers.iter().any(|peer| has(peer, words)))
    };
    assert!(eventually(LONG, all), "{:?}", peers(&hub));
    let [of_hub] = &peers(&leaf)[..] else { panic!("one peer: {:?}", peers(&leaf)) };
    assert!(
        has(of_hub, "direction=out state=up protocol=zgossip") && of_hub.starts_with(&format!("{endpoint} "))
    );
    // A reader may count on the order of the words: new ones come last.
    let names: Vec<_> = of_hub.split(' ').skip(1).filter_map(|word| word.split('=').next()).collect();
    assert_eq!(names[..7], ["direction", "state", "for", "protocol", "unsent", "equal", "id"]);
    let later = ["rtt", "silent", "unacknowledged", "awaited", "refused", "refuses", "hides"];
    assert_eq!(names[7..14], later);
    assert_eq!(names[14..], ["frames_in", "frames_out", "bytes_in", "bytes_out", "name"]);
    assert!(of_hub.ends_with(" name=hub"), "{of_hub}");
    let has_measured =
        || !peers(&leaf)[0].contains("rtt=unknown") && peers(&leaf)[0].contains("refused=0 refuses=0");
    assert!(eventually(LONG, has_measured), "{:?}", peers(&leaf));
}

/// The names of nodes reach those that ask for them, and nobody else: neither stock nodes nor programs that were written
/// for version 1.0 notice them.
#[test]
fn names_and_ids_of_peers_come_with_their_events_for_those_who_ask() {
    let _machine = shared();
    let hub = Node::new(Preload, "the-hub");
    let endpoint = hub.bind();
    hub.send("SET server/events 2");
    let (leaf, other) = (Node::new(Native, "leaf"), Node::new(Preload, "other"));
    leaf.send("SET server/events 2");
    other.send("SET server/events 1");
    let stock = Node::new(Lib::Stock, "stock");
    stock.connect(&endpoint);
    stock.publish("from", "stock");
    hub.must_hold("from", "stock");
    leaf.connect(&endpoint);
    other.connect(&endpoint);
    assert!(event(&other, &format!("JOIN {endpoint}")), "{:?}", other.lines());
    let of = |node: &Node, start: &str| -> Vec<String> {
        let line = node.wait_for_line(start, LONG).unwrap_or_else(|| panic!("{start}: {:?}", node.lines()));
        line.split(' ').map(common::node::unescape).collect()
    };
    let [name, id] = &of(&leaf, &format!("JOIN {endpoint}"))[..] else { panic!("{:?}", leaf.lines()) };
    assert_eq!((name.as_str(), id.len()), ("the-hub", 16), "{:?}", leaf.lines());
    let joins = || hub.lines().into_iter().filter(|line| line.starts_with("JOIN tcp:")).collect::<Vec<_>>();
    assert!(eventually(LONG, || joins().len() == 3), "{:?}", hub.lines());
    let has = |name: &str| joins().iter().any(|line| line.contains(&format!(" {name} ")));
    assert!(has("leaf") && has("other") && !has("stock"), "{:?}", joins());
    leaf.destroy();
    let left = || hub.lines().iter().any(|line| line.starts_with("LEAVE tcp:") && line.contains(" leaf "));
    assert!(eventually(LONG, left), "{:?}", hub.lines());
    hub.publish("to", "all");
    stock.must_hold("to", "all");
}

#[test]
fn the_origin_of_a_tuple_is_its_writer_and_of_a_stock_nodes_the_link() {
    let _machine = shared();
    let (hub, leaf) = (Node::new(Preload, "hub"), Node::new(Native, "leaf"));
    let stock = Node::new(Lib::Stock, "stock");
    let endpoint = hub.bind();
    leaf.connect(&endpoint);
    stock.connect(&endpoint);
    leaf.send("PUBLISH key value 3600000");
    stock.publish("plain", "value");
    hub.must_hold("key", "value");
    leaf.must_hold("plain", "value");
    let origin = |node: &Node, key: &str| -> Vec<String> {
        node.send(&format!("ORIGIN {key}"));
        let line = node.wait_for_line(&format!("ORIGIN {key}"), LONG).expect("a reply");
        line.split(' ').map(common::node::unescape).filter(|_| !line.is_empty()).collect()
    };
    let [writer, name, via, written, ttl] = &origin(&hub, "key")[..] else { panic!("five facts") };
    let [same, own, none, time, _] = &origin(&leaf, "key")[..] else { panic!("five facts") };
    assert_eq!((writer.len(), name.as_str(), own.as_str()), (16, "leaf", "leaf"));
    assert_eq!((same, time, none.as_str()), (writer, written, ""));
    assert!(via.starts_with("tcp://127.0.0.1:"), "{via}");
    let ttl: u64 = ttl.parse().expect("a number");
    assert!((3_000_000..=3_600_000).contains(&ttl), "{ttl}");
    let [writer, name, via, written, ttl] = &origin(&hub, "plain")[..] else { panic!("five facts") };
    assert_eq!([writer, name, written, ttl].map(String::as_str), ["unknown", "", "unknown", "0"]);
    assert!(via.starts_with("tcp://127.0.0.1:"), "{via}");
    let [writer, _, via, ..] = &origin(&leaf, "plain")[..] else { panic!("five facts") };
    assert_eq!((writer.as_str(), via), ("unknown", &endpoint), "by the hub");
    assert_eq!(origin(&hub, "absent"), [""; 0]);
}
