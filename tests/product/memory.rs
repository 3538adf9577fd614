//! The C programs under valgrind: no access that is wrong and no memory that
//! is lost, in our library or because of it.

use std::process::Command;
use std::time::Duration;

use common::build::{czmq_program, root};
use common::net::{HELLO, PING, RawClient, RawServer, publish};
use common::{Compile, Finished, Host, LONG, Lib, Node, Scratch, run};

/// The program of a command, watched by valgrind.
fn watched(command: &Command) -> Command {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["-q", "--error-exitcode=99", "--leak-check=full", "--num-callers=30"])
        .args(["--show-leak-kinds=definite,indirect,possible"])
        .args(["--errors-for-leak-kinds=definite,indirect,possible"])
        // Threads take turns as they would without it
        .arg("--fair-sched=yes")
        .arg(command.get_program())
        .args(command.get_args());
    valgrind
}

#[track_caller]
fn check(what: &str, command: &Command) -> Finished {
    run(watched(command), Duration::from_secs(200)).check(what)
}

fn native(name: &str) -> Command {
    let compile = Compile::ctest(&format!("{name}.c")).flags(&["-std=gnu11"]).warnings();
    Command::new(compile.header().ours().libs(&["-lzmq", "-lpthread"]).build())
}

#[test]
fn valgrind_finds_no_fault_in_every_command_and_reply() {
    let scratch = Scratch::new();
    let mut command = czmq_program("walk", Lib::Linked);
    command.arg(scratch.path(""));
    assert!(check("the walk", &command).out.ends_with("-- the end"));
}

#[test]
fn valgrind_finds_no_fault_in_czmqs_test_and_ours() {
    // CZMQ's test gives its nodes 200 ms, which valgrind on a busy machine
    // may need: its assertion then is no finding, and valgrind's word is
    let mut tries = 0;
    let done = loop {
        tries += 1;
        let done = run(watched(&czmq_program("own_test", Lib::Linked)), LONG * 2);
        if done.signal() != Some(6) || tries == 24 {
            break done;
        }
    };
    done.check("CZMQ's zgossip_test");
    check("the library's tests", &native("selftest"));
}

/// A program as in the manual, compiled from its lines.
fn short_program(lines: &str) -> Command {
    let scratch = Scratch::new();
    let source = scratch.path("short.c");
    let text = format!(
        "#include <zgossip/zgossip.h>\n#include <stdio.h>\n#include <unistd.h>\n\
         int main (void)\n{{\n{lines}\nreturn 0;\n}}\n"
    );
    std::fs::write(&source, text).expect("a program");
    Command::new(Compile::source(source).warnings().header().ours().build())
}

/// Two nodes that meet, wait for each other and are idle for some seconds.
const MEETING: &str = r#"
    zgossip_t *hub = zgossip_new ("hub");
    zgossip_t *leaf = zgossip_new ("leaf");
    char endpoint [64];
    snprintf (endpoint, sizeof (endpoint), "tcp://127.0.0.1:%d", zgossip_bind (hub, "tcp://127.0.0.1:*"));
    zgossip_connect (leaf, endpoint, NULL);
    zgossip_publish (hub, "key", "value");
    zgossip_publish_ttl (hub, "short", "value", 500);
    if (zgossip_wait_key (leaf, "key", 60000) != 0 || zgossip_wait_agreement (leaf, 1, 60000) != 1)
        return 1;
    sleep (2);
    zgossip_destroy (&leaf);
    zgossip_destroy (&hub);"#;

/// A short program runs under valgrind as a user would start it, with nothing suppressed.
#[test]
fn valgrind_says_nothing_of_a_short_program() {
    let program = short_program(MEETING);
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--error-exitcode=99", "--leak-check=full"]).arg(program.get_program());
    let done = run(valgrind, LONG * 5).check("a short program");
    assert_eq!(done.err, "", "no error, and nothing lost");
}

/// The file that is installed hides what the process keeps on purpose, and no mistake of the program.
#[test]
fn the_installed_suppressions_hide_what_is_kept_and_nothing_else() {
    let watch = |program: Command| {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["-q", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=all"]);
        valgrind.args(["--errors-for-leak-kinds=all", "--num-callers=40", "--fair-sched=try"]);
        valgrind.arg(format!("--suppressions={}", root().join("doc/valgrind.supp").display()));
        valgrind.arg(program.get_program());
        run(valgrind, LONG * 5)
    };
    let everything = |lines: &str| watch(short_program(lines));
    let done = everything(MEETING).check("a short program");
    assert_eq!(done.err, "", "nothing but what is kept");
    // Threads that wait for a lock.
    let done = watch(native("contended")).check("a program whose threads wait for each other");
    assert_eq!(done.err, "", "nothing but what is kept");
    let forgotten =
        format!("{MEETING}\n hub = zgossip_new (\"forgotten\"); zgossip_bind (hub, \"tcp://127.0.0.1:*\");");
    let done = everything(&forgotten);
    assert!(done.err.contains("still reachable"), "a node that is not destroyed: {}", done.err);
    let forgotten = MEETING.replace("sleep (2);", "*zgossip_get (leaf, \"key\") = 0;");
    let done = everything(&forgotten);
    assert!(done.err.contains("definitely lost"), "a value that is not freed: {}", done.err);
}

#[test]
fn valgrind_finds_no_fault_with_wrong_arguments() {
    check("wrong arguments", &native("arguments"));
    check("nodes that are made while the process exits", &native("late"));
}

/// Valgrind watches calls that are given nothing to work with, each in a child, whose memory is freed as it ends.
#[test]
fn valgrind_finds_no_fault_with_any_argument_to_every_function() {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--error-exitcode=99", "--leak-check=no"]);
    valgrind.arg(common::header::build()).arg("without live objects");
    run(valgrind, LONG * 5).check("every function");
}

#[test]
fn valgrind_finds_no_fault_in_the_native_interface() {
    check("the native interface", &native("native"));
}

#[test]
fn valgrind_finds_no_fault_in_typed_calls() {
    check("typed calls", &native("typed"));
    let mut command = native("typed_threads");
    command.arg("2");
    check("threads", &command);
}

#[test]
fn valgrind_finds_no_fault_with_many_nodes() {
    let mut command = czmq_program("swarm", Lib::Linked);
    command.args(["12", "5", "tcp://127.0.0.1:*"]);
    assert!(check("a swarm", &command).out.contains("delivered all"));
}

/// Wrong frames and peers that come and go, to a node with both roles.
#[test]
fn valgrind_finds_no_fault_with_hostile_and_broken_peers() {
    let host = Host::run(watched(&czmq_program("node", Lib::Linked)));
    let node = host.node("node");
    let endpoint = node.bind();
    let server = RawServer::bind();
    node.connect(&server.endpoint);
    let (peer, _) = server.receive().expect("HELLO");
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..5 {
        let client = RawClient::connect(&endpoint);
        client.send(&[HELLO]);
        for _ in 0..100 {
            let mut frame = publish(b"key", b"value");
            let at = random.usize(..frame.len());
            frame[at] = random.u8(..);
            frame.truncate(random.usize(..=frame.len()));
            client.send(&[&frame]);
            server.send(&peer, &[&frame]);
        }
        client.send(&[b"", b"identity", PING]);
        client.send(&[&publish(format!("round{round}").as_bytes(), b"1")]);
        node.must_hold(&format!("round{round}"), "1");
    }
    let others = [Node::new(Lib::Stock, "stock"), Node::new(Lib::Native, "native")];
    for other in &others {
        other.connect(&endpoint);
        other.publish("from", "other");
    }
    node.must_hold("from", "other");
    others[0].host.kill();
    others[1].host.kill();
    node.send("UNPUBLISH from");
    node.send("!fill key 0 500 100");
    assert!(node.status_within(LONG).is_some_and(|count| count >= 500));
    drop(node);
    host.quit().check("a node among hostile peers");
}
