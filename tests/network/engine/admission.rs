//! Who is let in, in every order in which hub, ZAP handler and clients start, and when the handler ends.

#![expect(unsafe_code, reason = "each hub has a context of its own, with its own handler")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::Scratch;
use zgossip::actor::auth::{Cert, ZapServer};
use zgossip::engine::{EngineSettings, raw, raw::curve};
use zgossip::log::Stderr;

use super::harness::{Node, PATIENCE};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Hub,
    Handler,
    Clients,
}

/// What a hub says where there is no handler, and when there is one again.
const NOBODY: &str = ": nobody is admitted";
const SOMEBODY: &str = "a ZAP handler decides who may connect again";

const ORDERS: [[Part; 3]; 6] = [
    [Part::Hub, Part::Handler, Part::Clients],
    [Part::Hub, Part::Clients, Part::Handler],
    [Part::Handler, Part::Hub, Part::Clients],
    [Part::Handler, Part::Clients, Part::Hub],
    [Part::Clients, Part::Hub, Part::Handler],
    [Part::Clients, Part::Handler, Part::Hub],
];

/// A context of libzmq, which stays: sockets linger in it.
pub fn context() -> raw::Context {
    // SAFETY: no arguments; the context is never terminated.
    unsafe { raw::Context::foreign(zmq_sys::zmq_ctx_new()) }
}

pub fn with_cert(node: &Node, cert: &Cert) {
    let public = curve::encode(cert.public());
    let secret = curve::encode(cert.secret().expect("a pair"));
    node.call(move |engine| {
        engine.set_public_key(public.as_bytes());
        engine.set_secret_key(secret.as_bytes());
    });
}

/// A hub with keys, its handler, and clients of every kind.
struct Scene {
    context: raw::Context,
    scratch: Scratch,
    keys: Cert,
    port: u16,
    hub: Option<Node>,
    handler: Option<ZapServer>,
    /// Clients that are listed, each with its certificate.
    friends: Vec<(Node, Cert)>,
    strangers: Vec<Node>,
}

impl Scene {
    fn new() -> Scene {
        Scene {
            context: context(),
            scratch: Scratch::new(),
            keys: Cert::generate().expect("keys"),
            port: common::net::free_port(),
            hub: None,
            handler: None,
            friends: Vec::new(),
            strangers: Vec::new(),
        }
    }

    fn file_of(&self, friend: &Cert) -> String {
        self.scratch.path(&friend.public().map(|byte| format!("{byte:02x}")).concat())
    }

    fn start(&mut self, part: Part) {
        match part {
            Part::Hub => {
                let settings = EngineSettings {
                    requires_handler: true,
                    ends_revoked: true,
                    ..EngineSettings::default()
                };
                let hub = Node::with(self.context, settings);
                with_cert(&hub, &self.keys);
                hub.bind_again(&format!("tcp://127.0.0.1:{}", self.port));
                hub.publish("hub", "secret");
                self.hub = Some(hub);
            }
            Part::Handler => {
                let handler = ZapServer::new(self.context, Arc::new(Stderr)).expect("the only one");
                handler.change(|policy| {
                    policy.deny(b"127.0.0.2");
                    policy.curve(self.scratch.path("").as_bytes());
                });
                self.handler = Some(handler);
            }
            Part::Clients => self.start_clients(),
        }
    }

    fn start_clients(&mut self) {
        let friend = Cert::generate().expect("keys");
        friend.save_public(self.file_of(&friend).as_bytes(), "now").expect("a file");
        let unlisted = Cert::generate().expect("keys");
        let server = curve::encode(self.keys.public());
        let wrong = curve::encode(unlisted.public());
        for (cert, server, source) in [
            (Some(&unlisted), Some(&server), ""),
            (None, Some(&server), ""),
            (None, None, ""),
            (Some(&friend), None, ""),
            (Some(&unlisted), Some(&wrong), ""),
            (Some(&friend), Some(&server), "127.0.0.2:0;"),
        ] {
            self.strangers.push(self.client("stranger", cert, server, source));
        }
        self.friends.push((self.client("friend", Some(&friend), Some(&server), ""), friend));
    }

    fn client(&self, key: &str, cert: Option<&Cert>, server: Option<&String>, source: &str) -> Node {
        let node = Node::new();
        if let Some(cert) = cert {
            with_cert(&node, cert);
        }
        node.publish(key, "1");
        let endpoint = format!("tcp://{source}127.0.0.1:{}", self.port);
        node.try_connect(&endpoint, server.map(|key| &**key)).expect("it is dialed");
        node
    }

    fn hub(&self) -> &Node {
        self.hub.as_ref().expect("a hub")
    }

    /// Asserts that no stranger has learnt anything, or written.
    fn expect_closed(&self, what: &dyn std::fmt::Debug) {
        for (place, stranger) in self.strangers.iter().enumerate() {
            let learnt = holds(stranger, "hub") || holds(stranger, "after");
            assert!(!learnt, "{what:?}: stranger {place} has learnt a tuple");
        }
        assert!(!holds(self.hub(), "stranger"), "{what:?}: a stranger has written");
    }

    /// Waits until everybody but the first friends has tried for long enough to say so, and asserts that nobody got in.
    fn expect_all_outside(&self, inside: usize, what: &dyn std::fmt::Debug) {
        let friends = || self.friends[inside..].iter().map(|(friend, _)| friend);
        expect_complaints(friends().chain(&self.strangers));
        self.expect_closed(what);
        assert!(!friends().any(|friend| holds(friend, "hub")), "{what:?}");
    }

    /// Takes the certificate of the first friend away, who is cut off and stays out, under whatever name.
    fn revoke(&mut self, what: &dyn std::fmt::Debug) {
        let (friend, cert) = &self.friends[0];
        std::fs::remove_file(self.file_of(cert)).expect("a file");
        expect_line(self.hub(), "its certificate was taken away");
        self.hub().publish("after", "1");
        friend.publish("revoked", "1");
        let server = curve::encode(self.keys.public());
        let again = self.client("stranger", Some(cert), Some(&server), "");
        expect_complaints([&again]);
        self.strangers.push(again);
        self.expect_revoked_outside(what);
    }

    fn expect_revoked_outside(&self, what: &dyn std::fmt::Debug) {
        let (friend, _) = &self.friends[0];
        assert!(!holds(friend, "after"), "{what:?}: who was revoked has learnt a tuple");
        assert!(!holds(self.hub(), "revoked"), "{what:?}: who was revoked has written");
        assert_eq!(self.hub().log.count("ended the connection"), 1, "{what:?}");
    }
}

fn holds(node: &Node, key: &str) -> bool {
    node.wait_for(Duration::ZERO, |held, _| held.contains_key(key.as_bytes()))
}

/// Waits until these nodes have tried for long enough to say so.
fn expect_complaints<'a>(nodes: impl IntoIterator<Item = &'a Node>) {
    nodes.into_iter().for_each(|node| expect_line(node, "cannot connect"));
}

/// Waits until a node has logged this.
pub fn expect_line(node: &Node, part: &str) {
    let end = Instant::now() + PATIENCE;
    while node.log.count(part) == 0 {
        assert!(Instant::now() < end, "'{part}' is not logged");
        node.wait_for(Duration::from_millis(50), |_, _| false);
    }
}

fn play(order: [Part; 3]) {
    let mut scene = Scene::new();
    let mut warnings = 0;
    for part in order {
        if part == Part::Handler && scene.hub.is_some() && !scene.friends.is_empty() {
            // Nobody decides yet: not even the friend gets in, and the hub says why, once.
            scene.expect_all_outside(0, &order);
            assert_eq!(scene.hub().log.count(NOBODY), 1, "{order:?}");
            warnings = 1;
        }
        scene.start(part);
    }
    scene.friends[0].0.expect("hub", "secret");
    scene.hub().expect("friend", "1");
    assert_eq!(scene.hub().log.count(SOMEBODY), warnings, "{order:?}");
    expect_complaints(&scene.strangers);
    scene.expect_closed(&order);
    scene.revoke(&order);

    // The handler ends: who comes now stays outside until there is another one.
    scene.handler = None;
    scene.start(Part::Clients);
    scene.expect_all_outside(1, &order);
    assert_eq!(scene.hub().log.count(NOBODY), warnings + 1, "{order:?}");
    scene.start(Part::Handler);
    scene.friends[1].0.expect("hub", "secret");
    assert_eq!(scene.hub().log.count(SOMEBODY), warnings + 1, "{order:?}");
    scene.expect_closed(&order);
    scene.expect_revoked_outside(&order);
}

#[test]
fn nobody_is_let_in_while_nobody_decides_in_any_order() {
    if !curve::available() {
        return;
    }
    std::thread::scope(|scope| {
        for order in ORDERS {
            scope.spawn(move || play(order));
        }
    });
}

#[test]
fn while_the_handler_does_not_answer_everybody_stays_outside() {
    if !curve::available() {
        return;
    }
    let mut scene = Scene::new();
    let mute = raw::Socket::new(scene.context, zmq::REP).expect("a socket");
    mute.options().set_linger(0).expect("an option");
    mute.bind("inproc://zeromq.zap.01").expect("the only one");
    scene.start(Part::Hub);
    scene.start(Part::Clients);
    scene.expect_all_outside(0, &"mute");
    // It dies, and another one takes its place.
    drop(mute);
    let end = Instant::now() + PATIENCE;
    while scene.handler.is_none() {
        assert!(Instant::now() < end, "the endpoint is free");
        scene.handler = ZapServer::new(scene.context, Arc::new(Stderr)).ok();
    }
    scene.handler.as_ref().expect("a handler").change(|policy| {
        policy.deny(b"127.0.0.2");
        policy.curve(scene.scratch.path("").as_bytes());
    });
    scene.friends[0].0.expect("hub", "secret");
    scene.expect_closed(&"after the mute one");
}

#[test]
fn without_that_a_hub_is_open_while_there_is_no_handler() {
    if !curve::available() {
        return;
    }
    let context = context();
    let hub = Node::with(context, EngineSettings::default());
    let keys = Cert::generate().expect("keys");
    with_cert(&hub, &keys);
    let endpoint = format!("tcp://127.0.0.1:{}", hub.listen());
    let anybody = Node::new();
    anybody.try_connect(&endpoint, Some(&curve::encode(keys.public()))).expect("it is dialed");
    anybody.publish("anybody", "1");
    hub.expect("anybody", "1");
    assert_eq!(hub.log.count("no ZAP handler decides"), 0, "it was asked for");

    // It is a surprise where there was a handler.
    drop(ZapServer::new(context, Arc::new(Stderr)).expect("the only one"));
    let other = Node::new();
    other.try_connect(&endpoint, Some(&curve::encode(keys.public()))).expect("it is dialed");
    expect_line(&hub, "everybody is admitted who has the server's key");
}
