//! Clients choose their routing ids, and may choose that of a client that has gone just now: nothing of what that one was,
//! could do, or was admitted for is theirs.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use common::Scratch;
use common::net::{HELLO, INVALID, PING, publish};
use zgossip::actor::auth::{Cert, ZapServer};
use zgossip::core::{Access, Rights};
use zgossip::engine::{EngineSettings, raw::curve};
use zgossip::log::Stderr;

use super::admission::{context, with_cert};
use super::harness::{Node, PATIENCE};

/// Number of clients that keep the hub reading, and of messages of each: so many that it does not look who has gone
/// before the other client is there.
const CROWD: usize = 8;
const MESSAGES: usize = 900;
/// Clients that go, and others that take their routing ids. Some come in between the end of one and the hub's notice.
const PAIRS: usize = 8;

/// Time after which a client connects once more: libzmq does not let in who has the routing id of a connection that it has yet
/// to close.
const RETRY: Duration = Duration::from_millis(700);

/// A hub, its handler, and certificates in a directory.
struct Scene {
    hub: Node,
    endpoint: String,
    keys: Cert,
    scratch: Scratch,
    context: zmq::Context,
    _handler: ZapServer,
}

impl Scene {
    fn new() -> Scene {
        let (context, scratch) = (context(), Scratch::new());
        let handler = ZapServer::new(context, std::sync::Arc::new(Stderr)).expect("the only one");
        handler.change(|policy| policy.curve(scratch.path("").as_bytes()));
        let keys = Cert::generate().expect("keys");
        let settings =
            EngineSettings { requires_handler: true, ends_revoked: true, ..EngineSettings::default() };
        let hub = Node::with(context, settings);
        with_cert(&hub, &keys);
        let endpoint = format!("tcp://127.0.0.1:{}", hub.listen());
        Scene { hub, endpoint, keys, scratch, context: zmq::Context::new(), _handler: handler }
    }

    fn admit(&self, cert: &Cert, name: &str) {
        cert.save_public(self.scratch.path(name).as_bytes(), "now").expect("a file");
    }

    /// A client with this certificate and routing id, which says HELLO.
    fn client(&self, cert: &Cert, routing_id: &str) -> zmq::Socket {
        let socket = self.silent_client(cert, routing_id);
        socket.send(HELLO, 0).expect("it is queued");
        socket
    }

    fn silent_client(&self, cert: &Cert, routing_id: &str) -> zmq::Socket {
        let socket = self.context.socket(zmq::DEALER).expect("a DEALER");
        socket.set_linger(0).expect("linger");
        socket.set_rcvtimeo(1).expect("a time-out");
        socket.set_identity(routing_id.as_bytes()).expect("a routing id");
        socket.set_curve_serverkey(self.keys.public()).expect("a key");
        socket.set_curve_publickey(cert.public()).expect("a key");
        socket.set_curve_secretkey(cert.secret().expect("a pair")).expect("a key");
        socket.connect(&self.endpoint).expect("it is dialed");
        socket
    }

    /// Each of some clients says something, which the hub takes, and goes. Others with their routing ids come, while the hub
    /// is busy reading what a crowd says, and say something, too; `serve` is tried with each of them until it succeeds.
    fn replace(
        &self,
        [goes, comes, crowd]: [&Cert; 3],
        serve: impl Fn(usize, &zmq::Socket) -> bool,
    ) -> Vec<zmq::Socket> {
        let client = |cert: &Cert, pair: usize, key: &str| {
            let socket = self.client(cert, &format!("pair {pair}"));
            let key = format!("{key}/{pair}");
            socket.send(publish(key.as_bytes(), b"1"), 0).expect("it is queued");
            socket
        };
        let first: Vec<_> = (0..PAIRS).map(|pair| client(goes, pair, "a")).collect();
        (0..PAIRS).for_each(|pair| self.hub.expect(&format!("a/{pair}"), "1"));
        let busy = self.hub.keep_busy(|_| ());
        let crowd: Vec<_> = (0..CROWD).map(|one| self.client(crowd, &format!("crowd {one}"))).collect();
        for socket in &crowd {
            (0..MESSAGES).for_each(|_| socket.send(PING, 0).expect("it is queued"));
        }
        drop((first, busy));
        let mut second: Vec<_> = (0..PAIRS).map(|pair| client(comes, pair, "b")).collect();
        for (pair, socket) in second.iter_mut().enumerate() {
            let (end, mut retry) = (Instant::now() + PATIENCE, Instant::now() + RETRY);
            while !serve(pair, socket) {
                assert!(Instant::now() < end, "client {pair} is served");
                if Instant::now() > retry {
                    *socket = client(comes, pair, "b");
                    retry = Instant::now() + RETRY;
                }
            }
        }
        second
    }
}

fn certs<const COUNT: usize>() -> [Cert; COUNT] {
    [(); COUNT].map(|()| Cert::generate().expect("keys"))
}

/// A hub whose `writer` may do anything, and whose `reader` may read all but `a/`; and a third client.
fn scene_with_rules() -> Option<(Scene, [Cert; 3])> {
    if !curve::available() {
        return None;
    }
    let (scene, [writer, reader, crowd]) = (Scene::new(), certs());
    for (cert, name) in [(&writer, "writer"), (&reader, "reader"), (&crowd, "crowd")] {
        scene.admit(cert, name);
    }
    let mut rights = Rights::default();
    for (cert, prefix, access) in
        [(&writer, "", Access::WRITE), (&reader, "", Access::READ), (&reader, "a/", Access::NONE)]
    {
        let subject = curve::encode(cert.public());
        rights.set(subject.as_bytes(), prefix.as_bytes(), Some(access)).expect("a rule");
    }
    scene.hub.call(move |engine| engine.set_rights(&rights));
    scene.hub.publish("a/secret", "secret");
    scene.hub.publish("open", "1");
    Some((scene, [writer, reader, crowd]))
}

fn has(frame: &[u8], word: &[u8]) -> bool {
    frame.windows(word.len()).any(|bytes| bytes == word)
}

/// What libzmq sends to a routing id goes to whoever has it now, also to one who says nothing.
#[test]
fn who_takes_a_routing_id_in_silence_is_not_sent_what_was_meant_for_who_had_it() {
    let Some((scene, [writer, reader, _])) = scene_with_rules() else { return };
    let first = scene.client(&writer, "the same");
    first.send(publish(b"a/first", b"1"), 0).expect("it is queued");
    scene.hub.expect("a/first", "1");
    drop(first);
    for round in 0..20 {
        let thief = scene.silent_client(&reader, "the same");
        thief.set_rcvtimeo(100).expect("a time-out");
        for part in 0..3 {
            scene.hub.publish("a/secret", &format!("secret {round} {part}"));
            while let Ok(frame) = thief.recv_bytes(0) {
                assert!(!has(&frame, b"secret"), "after {round} attempts");
            }
        }
    }
}

#[test]
fn who_takes_a_routing_id_has_none_of_the_rights_of_who_had_it() {
    let Some((scene, [writer, reader, crowd])) = scene_with_rules() else { return };
    let serve = |pair: usize, thief: &zmq::Socket| {
        // The hub knows it as what it is when it is sent what it may read.
        let mut is_known = false;
        while let Ok(frame) = thief.recv_bytes(0) {
            assert!(!has(&frame, b"secret"), "client {pair} reads what the other one might");
            is_known |= has(&frame, b"open");
            if frame == INVALID {
                thief.send(HELLO, 0).expect("it is queued");
            }
        }
        is_known
    };
    let _thieves = scene.replace([&writer, &reader, &crowd], serve);
    let stolen = scene.hub.call(|engine| {
        let all = engine.node().tuples();
        all.filter(|tuple| tuple.key().starts_with(b"b/")).count()
    });
    assert_eq!(stolen, 0, "clients write what others might");
}

#[test]
fn who_takes_a_routing_id_is_not_admitted_for_who_had_it() {
    if !curve::available() {
        return;
    }
    let (scene, [listed, revoked, crowd]) = (Scene::new(), certs());
    for (cert, name) in [(&listed, "listed"), (&revoked, "revoked"), (&crowd, "crowd")] {
        scene.admit(cert, name);
    }
    let serve = |pair: usize, client: &zmq::Socket| {
        let _what_it_is_sent = client.recv_bytes(0);
        let key = format!("b/{pair}").into_bytes();
        let here = |held: &HashMap<Vec<u8>, Vec<u8>>, _: &[String]| held.contains_key(&key);
        scene.hub.wait_for(Duration::from_millis(1), here)
    };
    let _clients = scene.replace([&listed, &revoked, &crowd], serve);
    fs::remove_file(scene.scratch.path("revoked")).expect("a file");
    let end = Instant::now() + PATIENCE;
    while scene.hub.log.count("ended the connection of") < PAIRS {
        assert!(Instant::now() < end, "{} of {PAIRS}", scene.hub.log.count("ended the connection of"));
        scene.hub.wait_for(Duration::from_millis(10), |_, _| false);
    }
}
