//! Nodes of several networks that are connected to each other.

use super::*;
use crate::core::event::Event;
use crate::core::id::Role;
use crate::core::settings::Settings;
use crate::warning::Kind;

/// A client and its server, and what each has been told.
struct Pair {
    nodes: [Node; 2],
    links: [LinkId; 2],
    keys: [Vec<String>; 2],
    warnings: [Vec<String>; 2],
}

impl Pair {
    /// Connects two nodes, each of which holds a key, and lets them talk for twenty seconds.
    fn new(networks: [Network; 2]) -> Pair {
        let mut nodes = [1, 2].map(|seed| Node::new(Settings::default(), seed, Now::at(1)));
        for ((node, network), key) in nodes.iter_mut().zip(networks).zip(["client's", "server's"]) {
            assert!(node.set_network(network));
            node.publish(key.as_bytes(), b"", 0, Now::at(1)).expect("room");
        }
        let links = [Role::Client, Role::Server];
        let mut index = 0;
        let links = links.map(|role| {
            index += 1;
            nodes[index - 1].open_link(role, Now::at(1)).expect("a link")
        });
        nodes[0].link_up(links[0], Now::at(1));
        let mut pair = Pair { nodes, links, keys: Default::default(), warnings: Default::default() };
        pair.talk(1..20_000);
        pair
    }

    fn talk(&mut self, time: std::ops::Range<u64>) {
        for mono in time {
            for from in [0, 1] {
                self.nodes[from].handle_timeout(Now::at(mono));
                while let Some(frame) = self.nodes[from].poll_transmit(self.links[from], Now::at(mono)) {
                    self.nodes[1 - from].handle_frame(self.links[1 - from], frame.bytes(), Now::at(mono));
                }
                while let Some(event) = self.nodes[from].poll_event() {
                    match event {
                        Event::First(tuple) | Event::Deliver(tuple) => {
                            self.keys[from].push(String::from_utf8_lossy(tuple.key()).into_owned());
                        }
                        Event::Warning(warning) if warning.kind == Kind::OtherNetwork => {
                            self.warnings[from].push(format!("{:?}", warning.values));
                        }
                        Event::Join(..) => self.keys[from].push("JOIN".to_owned()),
                        _ => {}
                    }
                }
            }
        }
    }
}

fn named(name: &str) -> Network {
    Network::new(name.as_bytes(), false).expect("a short name")
}

#[test]
fn nodes_of_one_network_exchange_all() {
    for name in ["", "one"] {
        let pair = Pair::new([named(name), named(name)]);
        for keys in &pair.keys {
            assert!(
                ["client's", "server's", "JOIN"].iter().all(|key| keys.contains(&(*key).to_owned())),
                "{keys:?}"
            );
        }
        assert_eq!(pair.warnings, [[""; 0]; 2]);
    }
}

#[test]
fn nodes_of_two_networks_exchange_nothing_and_each_says_so_once() {
    let names = ["", "one", "other"];
    for client in names {
        for server in names.into_iter().filter(|&server| server != client) {
            let mut pair = Pair::new([named(client), named(server)]);
            assert_eq!(pair.keys, [["client's"], ["server's"]], "{client} {server}");
            pair.talk(20_000..100_000);
            for (warnings, theirs) in pair.warnings.iter().zip([server, client]) {
                assert_eq!(warnings.len(), 1, "{warnings:?}");
                let of = if theirs.is_empty() { "of the network without a name" } else { theirs };
                assert!(warnings[0].contains(of), "{warnings:?}");
            }
            let frames = pair.nodes.each_ref().map(|node| node.stats().frames_out);
            assert!(frames.iter().all(|&frames| frames < 60), "they do not go on asking: {frames:?}");
            // Nobody waits for the other one.
            let barrier = pair.nodes[0].set_barrier();
            assert_eq!(pair.nodes[0].count_lagging(barrier), 0);
        }
    }
}

/// Says what a peer says that knows no extension, and returns what the node holds then.
fn after_a_plain_peer(network: Network, role: Role) -> (usize, Vec<u8>) {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    assert!(node.set_network(network));
    node.publish(b"ours", b"", 0, Now::at(1)).expect("room");
    let link = node.open_link(role, Now::at(1)).expect("a link");
    let publish =
        crate::core::codec::encode_publish(&crate::core::tuple::Tuple::new(b"theirs", b""), 0, None);
    let say = |node: &mut Node, message, at| {
        node.handle_frame(link, &encode(message, &Extension::default()), Now::at(at));
    };
    let mut sent = Vec::new();
    if role == Role::Client {
        node.link_up(link, Now::at(1));
        say(&mut node, MessageId::Pong, 2);
        node.handle_frame(link, &publish, Now::at(3));
        say(&mut node, MessageId::Pong, 4);
    } else {
        // Queued for an earlier connection, before HELLO.
        node.handle_frame(link, &publish, Now::at(2));
        say(&mut node, MessageId::Hello, 3);
        say(&mut node, MessageId::Ping, 3);
    }
    for at in 5..20_000 {
        node.handle_frame(link, &publish, Now::at(at));
        node.handle_timeout(Now::at(at));
        while let Some(frame) = node.poll_transmit(link, Now::at(at)) {
            sent.push(frame.bytes()[2]);
        }
    }
    node.shutdown(Now::at(20_000));
    sent.extend(
        std::iter::from_fn(|| node.poll_transmit(link, Now::at(20_000))).map(|frame| frame.bytes()[2]),
    );
    (node.count(), sent)
}

#[test]
fn a_network_with_a_name_takes_plain_peers_only_where_that_is_said() {
    for role in [Role::Client, Role::Server] {
        for (network, takes) in [
            (Network::default(), true),
            (named("one"), false),
            (Network::new(b"one", true).expect("a short name"), true),
        ] {
            let (held, sent) = after_a_plain_peer(network.clone(), role);
            assert_eq!(held, if takes { 2 } else { 1 }, "{role:?} {network:?}");
            let is_told = sent.contains(&(MessageId::Publish as u8));
            assert_eq!(is_told, takes, "{role:?} {network:?}: {sent:?}");
            assert!(takes || sent.len() < 40, "{sent:?}");
        }
    }
}

/// With a peer there, the network stays what it is.
#[test]
fn the_network_is_chosen_before_there_are_peers() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    assert!(node.set_network(named("one")));
    let link = node.open_link(Role::Server, Now::at(1)).expect("a link");
    assert!(node.set_network(named("one")) && !node.set_network(named("other")));
    node.close_link(link, Now::at(2));
    assert!(node.set_network(named("other")));
}

/// A stranger that comes again and again fills no log.
#[test]
fn any_number_of_connections_of_another_network_is_said_once() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let hello = Extension { node: Some(1 << 63 | 7), network: Some(b"other"), ..Extension::default() };
    let mut warnings = 0;
    for at in 1..100 {
        let link = node.open_link(Role::Server, Now::at(at)).expect("a link");
        node.handle_frame(link, &encode(MessageId::Hello, &hello), Now::at(at));
        let is_said =
            |event: &Event| matches!(event, Event::Warning(warning) if warning.kind == Kind::OtherNetwork);
        warnings += std::iter::from_fn(|| node.poll_event()).filter(is_said).count();
        node.close_link(link, Now::at(at));
    }
    assert_eq!(warnings, 1);
}
