//! CONNECT by host name: names with several addresses, names that change, and resolvers that hang.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use common::Stopwatch;
use parking_lot::Mutex;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, listen, socket_with};
use zgossip::engine::{EngineSettings, NameLookup, raw};

use super::harness::{Node, PATIENCE};

/// A host's addresses, which a test changes, and the number of times that they were asked for.
#[derive(Clone, Default)]
struct Names(Arc<(Mutex<Vec<SocketAddr>>, AtomicUsize)>);

impl Names {
    fn set(&self, addresses: &[SocketAddr]) {
        *self.0.0.lock() = addresses.to_vec();
    }

    fn asked(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }

    /// A node that knows these addresses by any name.
    fn node(&self) -> Node {
        let names = self.clone();
        node_with(NameLookup::new(move |_, _| {
            names.0.1.fetch_add(1, Ordering::Relaxed);
            Ok(names.0.0.lock().clone())
        }))
    }
}

fn node_with(lookup: NameLookup) -> Node {
    Node::with(raw::Context::global(), EngineSettings { lookup, ..EngineSettings::default() })
}

fn names(addresses: &[SocketAddr]) -> Names {
    let names = Names::default();
    names.set(addresses);
    names
}

fn hub() -> (Node, SocketAddr) {
    let hub = Node::new();
    let port = hub.listen();
    (hub, ([127, 0, 0, 1], port).into())
}

/// An address where there is no node, as long as this lives.
struct Dead {
    address: SocketAddr,
    socket: OwnedFd,
    clients: Vec<TcpStream>,
}

/// One that refuses connections: its port is taken, and nobody listens.
fn refusing() -> Dead {
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    Dead { address: getsockname(&socket).unwrap().try_into().unwrap(), socket, clients: Vec::new() }
}

/// One that takes connections, and never says anything.
fn mute() -> Dead {
    let dead = refusing();
    listen(&dead.socket, 100).unwrap();
    dead
}

/// One from which nothing ever comes: what listens there accepts nobody, and its queue is full.
fn silent() -> Dead {
    let mut dead = refusing();
    listen(&dead.socket, 0).unwrap();
    while let Ok(client) = TcpStream::connect_timeout(&dead.address, Duration::from_millis(300)) {
        dead.clients.push(client);
        assert!(dead.clients.len() < 100, "the queue becomes full");
    }
    dead
}

/// Each sees the other's tuple, and is its only peer by the name that the program gave.
#[track_caller]
fn expect_linked(hub: &Node, leaf: &Node, endpoint: &str) {
    leaf.publish("leaf", "1");
    hub.publish("hub", "1");
    hub.expect("leaf", "1");
    leaf.expect("hub", "1");
    hub.expect_peers(1);
    assert_eq!(leaf.peers(), [endpoint]);
    assert_eq!(leaf.call(|engine| engine.peers()).len(), 1);
}

#[test]
fn the_address_that_answers_is_found_whatever_the_others_do() {
    for dead in [refusing(), silent(), mute()] {
        let (hub, address) = hub();
        for addresses in [[dead.address, address], [address, dead.address]] {
            let leaf = names(&addresses).node();
            let begun = Stopwatch::start();
            leaf.connect("tcp://two-addresses:5670");
            expect_linked(&hub, &leaf, "tcp://two-addresses:5670");
            // libzmq would wait for half a minute for a handshake.
            begun.check(begun.elapsed(), Duration::from_secs(15), "a connection");
            leaf.end();
            hub.expect_peers(0);
        }
    }
}

/// Two addresses of one hub are one way to it, not two.
#[test]
fn a_hub_with_two_addresses_is_one_peer() {
    let (hub, address) = hub();
    let other = SocketAddr::from(([127, 0, 0, 2], address.port()));
    hub.bind(&format!("tcp://{other}")).unwrap();
    let leaf = names(&[address, other]).node();
    for _ in 0..3 {
        leaf.connect("tcp://hub:5670");
    }
    expect_linked(&hub, &leaf, "tcp://hub:5670");
    let several = |_: &_, peers: &[String]| peers.len() != 1;
    assert!(!hub.wait_for(common::SHORT, several), "{:?}", hub.peers());
    assert_eq!(leaf.peers(), ["tcp://hub:5670"]);
}

#[test]
fn localhost_is_found_by_either_family() {
    for host in ["127.0.0.1", "[::1]"] {
        if TcpListener::bind(format!("{host}:0")).is_err() {
            eprintln!("localhost_is_found_by_either_family: skipped for {host}, which this machine has not");
            continue;
        }
        let hub = Node::new();
        let port = hub.bind(&format!("tcp://{host}:*")).unwrap();
        // As most machines resolve localhost.
        let both = [format!("[::1]:{port}"), format!("127.0.0.1:{port}")];
        let leaf = names(&both.map(|address| address.parse().unwrap())).node();
        leaf.call(|engine| engine.set_ipv6(true));
        leaf.connect(&format!("tcp://localhost:{port}"));
        expect_linked(&hub, &leaf, &format!("tcp://localhost:{port}"));
    }
}

/// What each address did is told, once, under the endpoint that the program gave.
#[test]
fn who_is_not_found_is_named_with_all_addresses() {
    let (silent, closed) = (silent(), refusing());
    let six: SocketAddr = "[::1]:9".parse().unwrap();
    let leaf = names(&[six, closed.address, silent.address]).node();
    leaf.connect("tcp://host:5670");
    assert!(leaf.wait_for(PATIENCE, |_, _| leaf.unreachable.borrow().len() == 1), "it is told");
    let why = format!("{}: nobody accepts connections there; {}: no answer", closed.address, silent.address);
    assert_eq!(*leaf.unreachable.borrow(), [("tcp://host:5670".to_owned(), why.clone())]);
    assert_eq!(leaf.log.count(&format!("cannot connect to tcp://host:5670: {why}")), 1);

    let leaf = names(&[six]).node();
    leaf.connect("tcp://host:5670");
    assert!(leaf.wait_for(PATIENCE, |_, _| leaf.unreachable.borrow().len() == 1), "it is told");
    let why = "its name has no address: it has IPv6 addresses only, and IPv6 is off";
    assert_eq!(leaf.unreachable.borrow()[0].1, why);
}

/// Where a connection is lost and the name means another machine by then, that is connected to.
#[test]
fn an_address_that_changes_is_followed() {
    let (first, address) = hub();
    let names = names(&[address]);
    let leaf = names.node();
    leaf.connect("tcp://moving:5670");
    leaf.publish("leaf", "1");
    first.expect("leaf", "1");
    let asked = names.asked();
    let (second, address) = hub();
    names.set(&[address]);
    drop(first);
    second.expect("leaf", "1");
    assert!(names.asked() > asked);
    leaf.end();
    second.expect_peers(0);

    // And where it meant nobody, or nobody who was there.
    let dead = refusing();
    for addresses in [&[][..], &[dead.address]] {
        names.set(addresses);
        let leaf = names.node();
        let asked = names.asked();
        leaf.connect("tcp://late:5670");
        leaf.publish("late", "1");
        assert!(leaf.wait_for(PATIENCE, |_, _| names.asked() > asked), "it is looked up");
        names.set(&[address]);
        expect_linked(&second, &leaf, "tcp://late:5670");
        leaf.end();
        second.expect_peers(0);
    }
}

/// A resolver that hangs for every name but `here`, for two minutes, or until the returned sender is dropped. It says
/// when it is asked for such a name.
fn hanging(here: SocketAddr) -> (NameLookup, Receiver<String>, Sender<()>) {
    let ((go, gone), (ask, asked)) = (channel::<()>(), channel());
    let gone = Mutex::new(gone);
    let lookup = NameLookup::new(move |host, _| {
        if host == "here" {
            return Ok(vec![here]);
        }
        let _ = ask.send(host.to_owned());
        let _ = gone.lock().recv_timeout(2 * PATIENCE);
        Err(io::Error::other("it was of no use"))
    });
    (lookup, asked, go)
}

#[test]
fn a_resolver_that_hangs_holds_up_nobody() {
    let (hub, address) = hub();
    let (lookup, asked, go) = hanging(address);
    let leaf = node_with(lookup);
    for host in ["one", "two"] {
        leaf.connect(&format!("tcp://{host}:5670"));
        assert_eq!(asked.recv_timeout(PATIENCE).as_deref(), Ok(host));
    }
    // The node goes on, and so do other names.
    leaf.connect("tcp://here:5670");
    leaf.publish("leaf", "1");
    hub.expect("leaf", "1");
    assert!(leaf.listen() > 0);
    // The endpoint may be given back and taken again meanwhile.
    leaf.call(|engine| engine.disconnect(b"tcp://two:5670")).unwrap();
    leaf.connect("tcp://two:5670");
    assert_eq!(asked.recv_timeout(PATIENCE).as_deref(), Ok("two"));
    // What is wrong is told, and the name is asked for once, not again and again.
    assert!(leaf.wait_for(PATIENCE, |_, _| leaf.unreachable.borrow().len() == 2), "it is told");
    assert_eq!(leaf.unreachable.borrow()[0].1, "its name is still being looked up");
    assert!(asked.try_recv().is_err());

    // A node ends while its names are still looked up; the threads that do it end later.
    let (end, ended) = channel();
    std::thread::spawn(move || end.send(leaf.end()));
    ended.recv_timeout(PATIENCE).expect("the node ends");
    drop(go);
}

#[test]
fn a_resolver_that_recovers_is_asked_again() {
    let (hub, address) = hub();
    let (go, gone) = channel::<()>();
    let gone = Mutex::new(gone);
    let leaf = node_with(NameLookup::new(move |_, _| match gone.lock().recv() {
        Ok(()) => Err(io::Error::other("out of order")),
        Err(_) => Ok(vec![address]),
    }));
    leaf.connect("tcp://hub:5670");
    go.send(()).unwrap();
    assert!(leaf.wait_for(PATIENCE, |_, _| !leaf.unreachable.borrow().is_empty()), "it is told");
    assert_eq!(leaf.unreachable.borrow()[0].1, "its name has no address: out of order");
    drop(go);
    expect_linked(&hub, &leaf, "tcp://hub:5670");
}
