//! Promises of the commands beyond those of CZMQ's: PORT, configuration
//! files, logging, bad arguments.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::net::{PING, PONG, RawServer, free_port, publish};
use common::{Host, LONG, Lib, Node, SHORT, Scratch};

#[test]
fn port_is_that_of_the_last_tcp_bind() {
    let scratch = Scratch::new();
    let node = Node::new(Lib::Preload, "node");
    assert_eq!(node.port(), 0);
    let first = i32::from(free_port());
    node.send(&format!("BIND tcp://127.0.0.1:{first}"));
    assert_eq!(node.port(), first);
    node.send(&format!("BIND {}", scratch.ipc("node")));
    node.send("BIND inproc://port");
    assert_eq!(node.port(), first, "the last TCP port");
    node.send("BIND tcp://127.0.0.1:*");
    let second = node.port();
    assert!(second > 0 && second != first);
    for wrong in ["BIND tcp://127.0.0.1:99999", "BIND nonsense", "BIND %_", "BIND tcp://300.1.1.1:*"] {
        node.send(wrong);
        assert_eq!(node.port(), -1, "{wrong}");
    }
    // Taken by this very node already
    node.send(&format!("BIND tcp://127.0.0.1:{first}"));
    assert_eq!(node.port(), -1);
    assert_eq!(node.bind().rsplit(':').next().and_then(|port| port.parse().ok()), Some(node.port()));
}

#[test]
fn a_file_binds_and_port_tells_where() {
    let scratch = Scratch::new();
    let port = free_port();
    let file = scratch.path("bind.cfg");
    fs::write(
        &file,
        format!("zgossip\n    echo = \"Hello from a file\"\n    bind\n        endpoint = \"tcp://127.0.0.1:{port}\"\n"),
    )
    .expect("a file");
    for command in ["LOAD", "CONFIGURE"] {
        let node = Node::new(Lib::Preload, "node");
        node.send(&format!("{command} {file}"));
        assert_eq!(node.port(), i32::from(port), "{command}");
        assert!(node.host.wait_stderr(LONG, "Hello from a file"), "{}", node.host.stderr());
        let leaf = Node::new(Lib::Stock, "leaf");
        leaf.connect(&format!("tcp://127.0.0.1:{port}"));
        leaf.publish("key", "value");
        node.must_hold("key", "value");
        // The next one wants the same port
        drop(leaf);
        node.host.kill();
    }
}

#[test]
fn a_changed_file_is_loaded_again() {
    let scratch = Scratch::new();
    let file = scratch.path("changing.cfg");
    fs::write(&file, "zgossip\n    echo = \"the first\"\n").expect("a file");
    let node = Node::new(Lib::Preload, "node");
    node.send(&format!("LOAD {file}"));
    assert!(node.host.wait_stderr(LONG, "the first"));
    sleep(Duration::from_millis(1200));
    fs::write(&file, "zgossip\n    echo = \"the second one\"\n").expect("a file");
    assert!(node.host.wait_stderr(LONG, "the second one"), "{}", node.host.stderr());
    // Replaced by a rename, as editors do
    sleep(Duration::from_millis(1200));
    let other = scratch.path("other.cfg");
    fs::write(&other, "zgossip\n    echo = \"the third, by rename\"\n").expect("a file");
    fs::rename(&other, &file).expect("rename");
    assert!(node.host.wait_stderr(LONG, "the third, by rename"), "{}", node.host.stderr());
    // A broken one changes nothing, and a missing one neither
    sleep(Duration::from_millis(1200));
    fs::write(&file, "zgossip\n  bad indentation \"\n \t\techo = = =\n").expect("a file");
    assert_eq!(node.status(), 0);
    fs::remove_file(&file).expect("remove");
    sleep(SHORT);
    let saved = scratch.path("saved.cfg");
    node.send(&format!("SAVE {saved}"));
    assert_eq!(node.status(), 0);
    let kept = fs::read_to_string(&saved).expect("a saved file");
    assert!(kept.contains("the third, by rename"), "{kept}");
}

#[test]
fn loading_what_is_not_there_changes_nothing() {
    let scratch = Scratch::new();
    let node = Node::new(Lib::Preload, "node");
    node.send("SET server/timeout 1234");
    let (missing, broken) = (scratch.path("missing.cfg"), scratch.path("broken.cfg"));
    fs::write(&broken, "server\n  timeout = 1\n \tx\n\"\"\" = = =\n").expect("a file");
    let saved = scratch.path("saved.cfg");
    for file in [&missing, &broken, &scratch.path("")] {
        node.send(&format!("LOAD {file}"));
        node.send(&format!("SAVE {saved}"));
        assert_eq!(node.status(), 0);
        let text = fs::read_to_string(&saved).expect("a saved file");
        assert!(text.contains("1234"), "{file}: {text}");
    }
    assert!(node.host.wait_stderr(LONG, "missing.cfg"), "it is logged: {}", node.host.stderr());
    assert!(node.host.wait_stderr(LONG, "broken.cfg"), "it is logged: {}", node.host.stderr());
}

#[test]
fn a_file_replaces_what_was_set() {
    let scratch = Scratch::new();
    let file = scratch.path("new.cfg");
    fs::write(&file, "server\n    timeout = 2000\n").expect("a file");
    let node = Node::new(Lib::Preload, "node");
    node.send("SET some/path value");
    node.send(&format!("LOAD {file}"));
    let saved = scratch.path("saved.cfg");
    node.send(&format!("SAVE {saved}"));
    assert_eq!(node.status(), 0);
    let text = fs::read_to_string(&saved).expect("a saved file");
    assert!(text.contains("2000") && !text.contains("path"), "{text}");
}

#[test]
fn verbose_logs_with_the_prefix_it_was_given() {
    let host = Host::new(Lib::Preload);
    // Its prefix was in a buffer that is overwritten by now
    let node = host.node("my-own-prefix");
    assert_eq!(node.status(), 0);
    node.send("NONSENSE argument");
    assert!(host.wait_stderr(LONG, "NONSENSE"), "{}", host.stderr());
    assert!(!host.stderr().contains("STATUS"), "silent at first: {}", host.stderr());
    node.send("VERBOSE");
    node.send("PUBLISH seen-in-the-log value");
    assert_eq!(node.status(), 1);
    assert!(host.wait_stderr(LONG, "PUBLISH"), "{}", host.stderr());
    assert!(host.wait_stderr(LONG, "my-own-prefix"), "{}", host.stderr());
    assert!(!host.stderr().contains("XXX"), "{}", host.stderr());
    let lines = node.lines();
    let unexpected =
        lines.iter().find(|line| !["!new", "STATUS", "DELIVER"].iter().any(|word| line.starts_with(word)));
    assert_eq!(unexpected, None, "nothing else is sent to a program");
}

#[test]
fn animate_is_the_old_name_of_verbose() {
    let node = Node::new(Lib::Preload, "node");
    node.send("SET server/animate 1");
    node.publish("key", "value");
    assert_eq!(node.status(), 1);
    assert!(node.host.wait_stderr(LONG, "PUBLISH"), "{}", node.host.stderr());
}

#[test]
fn what_is_refused_is_logged_and_changes_nothing() {
    let node = Node::new(Lib::Preload, "node");
    for (command, logged) in [
        ("PUBLISH %*256:k value", true),
        ("PUBLISH %_ value", true),
        ("PUBLISH key", true),
        ("PUBLISH", true),
        ("CONNECT", true),
        ("CONNECT nonsense://nowhere", true),
        ("CONNECT %_", true),
        ("UNPUBLISH", true),
        ("LOAD", true),
        ("SAVE", true),
        ("SET", true),
        ("BIND", true),
        ("SET%20PUBLICKEY", true),
        ("ZAP%20DOMAIN", true),
        ("%_", true),
        ("UNPUBLISH unknown", false),
    ] {
        let before = node.host.stderr().lines().count();
        node.send(command);
        assert_eq!(node.status(), 0, "{command}");
        if logged {
            let noticed = common::node::eventually(LONG, || node.host.stderr().lines().count() > before);
            assert!(noticed, "{command} is logged");
        }
    }
    node.publish("still", "works");
    node.must_hold("still", "works");
}

#[test]
fn limits_are_kept_and_what_exceeds_them_is_logged() {
    let node = Node::new(Lib::Preload, "node");
    node.send("SET server/max_tuples 3");
    node.send("SET server/max_value 10");
    node.publish("one", "1");
    node.publish("long", "12345678901");
    assert_eq!(node.status(), 1);
    node.publish("fits", "1234567890");
    node.publish("three", "3");
    node.publish("four", "4");
    assert_eq!(node.status(), 3);
    // A key that is held may change
    node.publish("one", "again");
    node.must_hold("one", "again");
    node.send("UNPUBLISH one");
    node.publish("four", "4");
    assert_eq!(node.status(), 3);
    node.must_hold("four", "4");
    assert!(node.host.wait_stderr(LONG, "max_tuples"), "{}", node.host.stderr());
    assert!(node.host.wait_stderr(LONG, "max_value"), "{}", node.host.stderr());
}

/// Connecting again to a remote that is connected opens no second socket:
/// the far side is greeted again by the same peer.
#[test]
fn a_second_connect_is_no_second_connection() {
    let server = RawServer::bind();
    let host = Host::new(Lib::Preload);
    let node = host.node("node");
    node.connect(&server.endpoint);
    node.publish("key", "value");
    let tuple = publish(b"key", b"value");
    let first = loop {
        let (peer, frame) = server.receive().expect("its tuple");
        if frame.starts_with(&tuple) {
            break peer;
        }
    };
    let before = host.stats();
    for _ in 0..20 {
        node.connect(&server.endpoint);
    }
    node.publish("after", "1");
    let after = publish(b"after", b"1");
    loop {
        let (peer, frame) = server.receive().expect("its tuple");
        assert_eq!(peer, first);
        // What it has to say waits for a sign of the hub's for ten seconds
        if frame == PING {
            server.send(&peer, &[PONG]);
        }
        if frame.starts_with(&after) {
            break;
        }
    }
    assert_eq!(host.stats()[..2], before[..2], "threads and descriptors");
}

/// A program that reads late gets one DELIVER for each key, the newest
/// value, and its STATUS after them.
#[test]
fn unread_tuples_are_merged_by_key() {
    let node = Node::new(Lib::Preload, "node");
    node.send("!pause");
    node.send("!update key 0 20000");
    node.publish("other", "1");
    node.send("STATUS");
    node.wait_for_line("!updated", LONG).expect("publishing is not blocked");
    node.send("!resume");
    let status = node.wait_for_line("STATUS", LONG);
    assert_eq!(status.as_deref(), Some("2"));
    let values = node.values_of("key");
    assert_eq!(values.last().map(String::as_str), Some("19999"));
    // What was in the pipe before it was full is delivered as it was
    assert!(values.len() < 10_000, "{} deliveries", values.len());
    assert!(values.windows(2).all(|pair| pair[0].parse::<u32>().ok() < pair[1].parse().ok()));
}

/// Memory of a node whose program never reads is that of its keys.
#[test]
fn unread_updates_cost_no_memory() {
    let host = Host::new(Lib::Preload);
    let node = host.node("node");
    node.send("!pause");
    node.send("!update key 0 20000");
    node.wait_for_line("!updated", LONG).expect("publishing is not blocked");
    let before = host.stats()[2];
    for round in 1..6 {
        node.send(&format!("!update key {} 20000", round * 20_000));
        node.wait_for_line("!updated", LONG).expect("publishing is not blocked");
    }
    let grown = host.stats()[2] - before;
    assert!(grown < 4000, "{grown} kB for 100 000 updates of one key");
}

#[test]
fn what_expired_while_the_process_was_stopped_is_not_read_whatever_comes_first() {
    let ask = |lib: Lib, question: &str, word: &str| {
        let node = Node::new(lib, "node");
        node.send("PUBLISH short value 300");
        node.publish("long", "value");
        node.must_hold("long", "value");
        // By now it is there, if it has not expired already
        let end = Instant::now() + Duration::from_millis(300);
        node.host.stop();
        node.send(question);
        sleep(end.saturating_duration_since(Instant::now()) + Duration::from_millis(50));
        node.host.resume();
        node.wait_for_line(word, LONG).expect("an answer")
    };
    for lib in [Lib::Preload, Lib::Native] {
        assert_eq!(ask(lib, "GET short", "VALUE"), "short");
        assert_eq!(ask(lib, "STATUS", "STATUS"), "1");
        assert_eq!(ask(lib, "KEYS", "KEYS"), "long");
        let stats = ask(lib, "STATS", "STATS");
        assert!(stats.starts_with("tuples 1 "), "{stats}");
    }
}
