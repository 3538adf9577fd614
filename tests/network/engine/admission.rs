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

const ORDERS: [[Part; 3]; 6] = [
    [Part::Hub, Part::Handler, Part::Clients],
    [Part::Hub, Part::Clients, Part::Handler],
    [Part::Handler, Part::Hub, Part::Clients],
    [Part::Handler, Part::Clients, Part::Hub],
    [Part::Clients, Part::Hub, Part::Handler],
    [Part::Clients, Part::Handler, Part::Hub],
];

/// A context of libzmq, which stays: sockets linger in it.
fn context() -> raw::Context {
    // SAFETY: no arguments; the context is never terminated.
    unsafe { raw::Context::foreign(zmq_sys::zmq_ctx_new()) }
}

fn with_cert(node: &Node, cert: &Cert) {
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
    friend: Cert,
    endpoint: String,
    hub: Option<Node>,
    handler: Option<ZapServer>,
    friends: Vec<Node>,
    strangers: Vec<Node>,
}

impl Scene {
    fn new() -> Scene {
        let scratch = Scratch::new();
        let friend = Cert::generate().expect("keys");
        friend.save_public(scratch.path("friend").as_bytes(), "now").expect("a file");
        let endpoint = format!("tcp://127.0.0.1:{}", common::net::free_port());
        let (context, keys) = (context(), Cert::generate().expect("keys"));
        Scene {
            context,
            scratch,
            keys,
            friend,
            endpoint,
            hub: None,
            handler: None,
            friends: Vec::new(),
            strangers: Vec::new(),
        }
    }

    fn start(&mut self, part: Part) {
        match part {
            Part::Hub => {
                let settings = EngineSettings { requires_handler: true, ..EngineSettings::default() };
                let hub = Node::with(self.context, settings);
                with_cert(&hub, &self.keys);
                hub.bind_again(&self.endpoint);
                hub.publish("hub", "secret");
                self.hub = Some(hub);
            }
            Part::Handler => {
                let handler = ZapServer::new(self.context, Arc::new(Stderr)).expect("the only one");
                handler.change(|policy| policy.curve(self.scratch.path("").as_bytes()));
                self.handler = Some(handler);
            }
            Part::Clients => {
                let server = curve::encode(self.keys.public());
                let unlisted = Cert::generate().expect("keys");
                let wrong = curve::encode(unlisted.public());
                let client = |cert: Option<&Cert>, server: Option<&str>| {
                    let node = Node::new();
                    if let Some(cert) = cert {
                        with_cert(&node, cert);
                    }
                    node.publish(
                        if cert.is_some_and(|cert| *cert == self.friend) && server.is_some() {
                            "friend"
                        } else {
                            "stranger"
                        },
                        "1",
                    );
                    node.try_connect(&self.endpoint, server).expect("it is dialed");
                    node
                };
                let friend = client(Some(&self.friend), Some(&server));
                let strangers = [
                    client(Some(&unlisted), Some(&server)),
                    client(None, Some(&server)),
                    client(None, None),
                    client(Some(&self.friend), None),
                    client(Some(&unlisted), Some(&wrong)),
                ];
                self.friends.push(friend);
                self.strangers.extend(strangers);
            }
        }
    }

    /// Waits until these nodes have tried for long enough to say so.
    fn expect_complaints<'a>(nodes: impl IntoIterator<Item = &'a Node>) {
        for node in nodes {
            let end = Instant::now() + PATIENCE;
            while node.log.count("cannot connect") == 0 {
                assert!(Instant::now() < end, "whoever is not let in is told");
                node.wait_for(Duration::from_millis(50), |_, _| false);
            }
        }
    }

    /// Asserts that no stranger has learnt anything, or written.
    fn expect_closed(&self, what: &dyn std::fmt::Debug) {
        for (place, stranger) in self.strangers.iter().enumerate() {
            let learnt = stranger.wait_for(Duration::ZERO, |held, _| held.contains_key(&b"hub"[..]));
            assert!(!learnt, "{what:?}: stranger {place} has learnt a tuple");
        }
        let hub = self.hub.as_ref().expect("a hub");
        let written = hub.wait_for(Duration::ZERO, |held, _| held.contains_key(&b"stranger"[..]));
        assert!(!written, "{what:?}: a stranger has written");
    }
}

fn play(order: [Part; 3]) {
    let mut scene = Scene::new();
    for part in order {
        if part == Part::Handler && scene.hub.is_some() && !scene.friends.is_empty() {
            // Nobody decides yet: not even the friend gets in.
            Scene::expect_complaints(scene.friends.iter().chain(&scene.strangers));
            scene.expect_closed(&order);
            assert!(!scene.friends[0].wait_for(Duration::ZERO, |held, _| held.contains_key(&b"hub"[..])));
        }
        scene.start(part);
    }
    scene.friends[0].expect("hub", "secret");
    scene.hub.as_ref().expect("a hub").expect("friend", "1");
    Scene::expect_complaints(&scene.strangers);
    scene.expect_closed(&order);

    // The handler ends: who comes now stays outside until there is another one.
    scene.handler = None;
    scene.start(Part::Clients);
    Scene::expect_complaints(scene.friends[1..].iter().chain(&scene.strangers));
    scene.expect_closed(&order);
    assert!(!scene.friends[1].wait_for(Duration::ZERO, |held, _| held.contains_key(&b"hub"[..])));
    scene.start(Part::Handler);
    scene.friends[1].expect("hub", "secret");
    scene.expect_closed(&order);
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
fn without_that_a_hub_is_open_while_there_is_no_handler() {
    if !curve::available() {
        return;
    }
    let hub = Node::with(context(), EngineSettings::default());
    let keys = Cert::generate().expect("keys");
    with_cert(&hub, &keys);
    let endpoint = format!("tcp://127.0.0.1:{}", hub.listen());
    let anybody = Node::new();
    anybody.try_connect(&endpoint, Some(&curve::encode(keys.public()))).expect("it is dialed");
    anybody.publish("anybody", "1");
    hub.expect("anybody", "1");
}
