//! Who may write what, on real sockets: clients are told apart by their keys.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use common::net::{HELLO, publish};
use common::run;
use common::{Compile, Host, LONG, Lib, Node, SHORT, Scratch};

/// The handler is this library's: clients are known by key and by the name of their certificate.
#[test]
fn clients_write_what_rules_allow_them_and_nothing_else() {
    let scratch = Scratch::new();
    let program = Compile::ctest("rights.c").flags(&["-std=gnu11"]).warnings().header().ours();
    let mut program = Command::new(program.libs(&["-lzmq"]).build());
    program.arg(scratch.path("."));
    let done = run(program, LONG * 2).check("rights");
    assert!(done.out.ends_with("done") || done.out.contains("no CURVE"), "{}", done.out);
}

/// A key pair: public, secret.
fn keys() -> [String; 2] {
    let pair = zmq::CurveKeyPair::new().expect("libzmq has CURVE");
    [pair.public_key, pair.secret_key].map(|key| zmq::z85_encode(&key).expect("Z85"))
}

fn set_keys(node: &Node, [public, secret]: &[String; 2]) {
    node.send_pieces(&[b"SET PUBLICKEY", public.as_bytes()]);
    node.send_pieces(&[b"SET SECRETKEY", secret.as_bytes()]);
}

fn rule(subject: &str, prefix: &str, allow: &str) -> String {
    format!(
        "    rights\n        subject = \"{subject}\"\n        prefix = {prefix}\n        allow = {allow}\n"
    )
}

/// The handler is CZMQ's zauth, the hub an actor of CZMQ's: clients are known by key.
#[test]
fn with_zauth_clients_are_known_by_their_keys() {
    let scratch = Scratch::new();
    let (server, writer, reader) = (keys(), keys(), keys());
    let clients = scratch.path("clients");
    fs::create_dir(&clients).expect("a directory");
    for (name, [public, _]) in [("writer", &writer), ("reader", &reader)] {
        let text = format!("metadata\n    name = \"boss\"\ncurve\n    public-key = \"{public}\"\n");
        fs::write(format!("{clients}/{name}"), text).expect("a certificate");
    }
    let config = scratch.path("hub.cfg");
    // zauth's word for a name is not believed: a client of a certificate without one could say it is the boss.
    let rules = [
        rule("*", "*", "read"),
        rule("*", "b/", "none"),
        rule(&writer[0], "*", "read"),
        rule(&writer[0], "a/", "write"),
        rule("boss", "*", "write"),
    ];
    fs::write(&config, format!("zgossip\n{}", rules.concat())).expect("a file");

    let host = Host::new(Lib::Preload);
    host.tell(&format!("* !auth 127.0.0.1 {clients}"));
    let hub = host.node("hub");
    set_keys(&hub, &server);
    hub.send(&format!("LOAD {config}"));
    hub.send("SET zgossip/security/require-handler 1");
    let endpoint = hub.bind();
    let [one, two] = [("one", &writer), ("two", &reader)].map(|(name, keys)| {
        let node = Node::new(Lib::Preload, name);
        set_keys(&node, keys);
        node.send_pieces(&[b"CONNECT", endpoint.as_bytes(), server[0].as_bytes()]);
        node
    });
    two.publish("a/two", "2");
    one.publish("b/one", "1");
    one.publish("a/one", "1");
    hub.publish("b/hub", "0");
    hub.publish("hub", "0");
    for node in [&hub, &two] {
        node.must_hold("a/one", "1");
    }
    one.must_hold("b/hub", "0");
    two.must_hold("hub", "0");
    assert!(!two.holds("b/hub", "0", SHORT));
    assert!(hub.host.wait_stderr(LONG, "refused 1 writes of"), "{}", hub.host.stderr());
    assert_eq!(hub.status(), 3);
}

/// What libzmq knows of a client comes from the ZAP handler, or else from the client itself.
#[test]
fn a_client_that_says_that_it_has_a_key_is_not_believed() {
    let scratch = Scratch::new();
    let config = scratch.path("hub.cfg");
    let [key, _] = keys();
    fs::write(&config, format!("zgossip\n{}", rule(&key, "*", "write"))).expect("a file");
    let hub = Node::new(Lib::Preload, "hub");
    hub.send(&format!("LOAD {config}"));
    let endpoint = hub.bind();

    let mut stream = TcpStream::connect(endpoint.trim_start_matches("tcp://")).expect("a connection");
    let mut said = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 0];
    said.extend(b"NULL");
    said.resize(64, 0);
    let mut ready = b"\x05READY".to_vec();
    for (name, value) in [("Socket-Type", "DEALER"), ("User-Id", &key)] {
        ready.push(name.len() as u8);
        ready.extend(name.as_bytes());
        ready.extend((value.len() as u32).to_be_bytes());
        ready.extend(value.as_bytes());
    }
    said.extend([4, ready.len() as u8]);
    said.extend(ready);
    for frame in [HELLO, &publish(b"key", b"value")] {
        said.extend([0, frame.len() as u8]);
        said.extend(frame);
    }
    // libzmq takes what comes with the greeting for part of it.
    stream.write_all(&said[..64]).expect("it is taken");
    stream.read_exact(&mut [0; 64]).expect("a greeting");
    stream.write_all(&said[64..]).expect("it is taken");
    assert!(hub.host.wait_stderr(LONG, "who has no key may not publish there"), "{}", hub.host.stderr());
    assert_eq!(hub.status(), 0);
}
