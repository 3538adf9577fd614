//! Names as the system resolves them: nodes in processes that have files of hosts and name servers of their own.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use common::build::native_program;
use common::node::eventually;
use common::{Host, LONG, Lib, Node, Scratch, one_is_within};

/// A file that processes see as `/etc/hosts`.
struct HostsFile(String);

impl HostsFile {
    /// `None` where no file can be put over `/etc/hosts`: that takes root, or namespaces of a user's own.
    fn new(scratch: &Scratch, test: &str) -> Option<HostsFile> {
        let file = HostsFile(scratch.path("hosts"));
        file.set("127.0.0.1 localhost\n");
        let probe = file.over(&Command::new("true")).output();
        if probe.as_ref().is_ok_and(|output| output.status.success()) {
            return Some(file);
        }
        // Past the harness, which shows the output of failed tests only
        let _ =
            writeln!(std::io::stderr(), "{test}: skipped, /etc/hosts cannot be replaced here ({probe:?})");
        None
    }

    /// Replaces the lines, for processes that run, too.
    fn set(&self, lines: &str) {
        std::fs::write(&self.0, lines).expect("a file in a scratch directory");
    }

    fn over(&self, command: &Command) -> Command {
        wrap(command, &["--mount"], "mount --bind \"$0\" /etc/hosts", &self.0)
    }

    /// A node in a process that sees this file, with IPv6 or without.
    fn node(&self, ipv6: bool) -> Node {
        let mut command = self.over(&native_program("native_node"));
        command.env("ZSYS_IPV6", if ipv6 { "1" } else { "0" });
        let node = Host::run(command).node("leaf");
        node.send("SET server/events 1");
        node
    }
}

/// A command in new namespaces, in which `prepare` runs first with `file` as its argument 0.
fn wrap(command: &Command, namespaces: &[&str], prepare: &str, file: &str) -> Command {
    let mut wrapped = Command::new("unshare");
    wrapped.arg("--map-root-user").args(namespaces).args(["sh", "-c"]);
    wrapped.args([&format!("{prepare} && exec \"$@\""), file]);
    wrapped.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        value.map(|value| wrapped.env(name, value));
    }
    wrapped
}

/// The node is linked to the hub, once, by the name that it was given.
#[track_caller]
fn expect_linked(hub: &Node, leaf: &Node, endpoint: &str) {
    let key = format!("key {endpoint} {}", leaf.host.id());
    leaf.publish(&key, "1");
    hub.must_hold(&key, "1");
    leaf.send("PEERS");
    let peers = leaf.wait_for_line("PEERS", LONG).expect("a node answers PEERS");
    assert!(peers.starts_with(endpoint) && peers.contains("state=up"), "{peers}");
    assert!(eventually(LONG, || hub.counter("links_extended") == 1), "one link: {:?}", hub.counters());
}

#[test]
fn a_name_with_two_addresses_leads_to_the_one_that_answers() {
    let scratch = Scratch::new();
    let test = "a_name_with_two_addresses_leads_to_the_one_that_answers";
    let Some(file) = HostsFile::new(&scratch, test) else { return };
    file.set("127.0.0.1 two\n127.0.0.2 two\n");
    // In whatever order the resolver gives them, the first one is dead once.
    for host in ["127.0.0.1", "127.0.0.2"] {
        let hub = Node::new(Lib::Native, "hub");
        hub.bind_to(&format!("tcp://{host}:*"));
        let endpoint = format!("tcp://two:{}", hub.port());
        let leaf = file.node(false);
        leaf.connect(&endpoint);
        expect_linked(&hub, &leaf, &endpoint);
    }
}

/// As most machines have it: `localhost` is both, and the hub is bound to one of them.
#[test]
fn localhost_leads_to_a_hub_of_either_family() {
    let scratch = Scratch::new();
    let test = "localhost_leads_to_a_hub_of_either_family";
    let Some(file) = HostsFile::new(&scratch, test) else { return };
    file.set("127.0.0.1 localhost\n::1 localhost ip6-localhost\n");
    for host in ["127.0.0.1", "[::1]"] {
        if std::net::TcpListener::bind(format!("{host}:0")).is_err() {
            let _ = writeln!(std::io::stderr(), "{test}: skipped for {host}, which this machine has not");
            continue;
        }
        let hub = Node::new(Lib::Native, "hub");
        hub.bind_to(&format!("tcp://{host}:*"));
        let endpoint = format!("tcp://localhost:{}", hub.port());
        let leaf = file.node(true);
        leaf.connect(&endpoint);
        expect_linked(&hub, &leaf, &endpoint);
    }
}

#[test]
fn a_name_that_moves_is_followed() {
    let scratch = Scratch::new();
    let Some(file) = HostsFile::new(&scratch, "a_name_that_moves_is_followed") else { return };
    let first = Node::new(Lib::Native, "first");
    let bound = first.bind();
    let endpoint = bound.replace("127.0.0.1", "moving");
    file.set("127.0.0.1 moving\n");
    let leaf = file.node(false);
    leaf.connect(&endpoint);
    expect_linked(&first, &leaf, &endpoint);
    let second = Node::new(Lib::Native, "second");
    second.bind_to(&bound.replace("127.0.0.1", "127.0.0.2"));
    file.set("127.0.0.2 moving\n");
    first.host.kill();
    expect_linked(&second, &leaf, &endpoint);
}

/// The system's own resolver, whose name server takes questions and never answers, for longer than this test may take.
#[test]
fn a_name_server_that_is_silent_holds_up_neither_the_node_nor_its_process() {
    let scratch = Scratch::new();
    let servers = scratch.path("resolv.conf");
    std::fs::write(&servers, "nameserver 192.0.2.1\noptions timeout:30 attempts:5\n").expect("a file");
    // What is sent there comes back by the loopback device, and is dropped: it is for another machine.
    let prepare =
        "mount --bind \"$0\" /etc/resolv.conf && ip link set lo up && ip route add 192.0.2.0/24 dev lo";
    let inside = |command: &Command| wrap(command, &["--mount", "--net"], prepare, &servers);
    let probe = inside(&Command::new("true")).output();
    if !probe.as_ref().is_ok_and(|output| output.status.success()) {
        let test = "a_name_server_that_is_silent_holds_up_neither_the_node_nor_its_process";
        let _ = writeln!(std::io::stderr(), "{test}: skipped, no namespaces here ({probe:?})");
        return;
    }
    let host = Host::run(inside(&native_program("native_node")));
    let (hub, leaf) = (host.node("hub"), host.node("leaf"));
    leaf.send("SET server/events 1");
    leaf.connect("tcp://no-answer.example:5670");
    leaf.connect(&hub.bind());
    leaf.publish("key", "1");
    hub.must_hold("key", "1");
    let told = leaf.wait_for_line("UNREACHABLE", LONG).expect("it is told");
    assert!(told.contains("still%20being%20looked%20up"), "{told}");
    assert_eq!(leaf.status(), 1);
    one_is_within(Duration::from_secs(1), "the end of a node", || {
        let node = host.node("another");
        node.connect("tcp://no-answer.example:5670");
        assert_eq!(node.status(), 0);
        node.destroy()
    });
    leaf.destroy();
    drop((hub, leaf));
    assert!(host.quit().status.is_some_and(|status| status.success()), "the process ends");
}
