//! Who may write what, on real sockets: clients are told apart by their keys.

use std::fs;
use std::process::Command;

use common::run;
use common::{Compile, Host, LONG, Lib, Node, Scratch};

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

/// The handler is CZMQ's zauth, the hub an actor of CZMQ's: clients are known by key.
#[test]
fn with_zauth_clients_are_known_by_their_keys() {
    let scratch = Scratch::new();
    let keys = || {
        let pair = zmq::CurveKeyPair::new().expect("libzmq has CURVE");
        [pair.public_key, pair.secret_key].map(|key| zmq::z85_encode(&key).expect("Z85"))
    };
    let set_keys = |node: &Node, [public, secret]: &[String; 2]| {
        node.send_pieces(&[b"SET PUBLICKEY", public.as_bytes()]);
        node.send_pieces(&[b"SET SECRETKEY", secret.as_bytes()]);
    };
    let (server, writer, reader) = (keys(), keys(), keys());
    let clients = scratch.path("clients");
    fs::create_dir(&clients).expect("a directory");
    for (name, [public, _]) in [("writer", &writer), ("reader", &reader)] {
        let text = format!("metadata\n    name = \"boss\"\ncurve\n    public-key = \"{public}\"\n");
        fs::write(format!("{clients}/{name}"), text).expect("a certificate");
    }
    let config = scratch.path("hub.cfg");
    let rule = |subject: &str| {
        format!("    rights\n        subject = \"{subject}\"\n        prefix = a/\n        allow = write\n")
    };
    // zauth's word for a name is not believed: a client of a certificate without one could say it is the boss.
    fs::write(&config, format!("zgossip\n{}{}", rule(&writer[0]), rule("boss"))).expect("a file");

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
    hub.publish("hub", "0");
    for node in [&hub, &two] {
        node.must_hold("a/one", "1");
    }
    two.must_hold("hub", "0");
    assert!(hub.host.wait_stderr(LONG, "refused 1 writes of"), "{}", hub.host.stderr());
    assert_eq!(hub.status(), 2);
}
