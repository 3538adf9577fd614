//! Typed calls, as C and C++ programs use them.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use common::build::{ctests, native_program};
use common::node::eventually;
use common::{Compile, LONG, Lib, Node, Process, Scratch, artifacts, run};
use zgossip::actor::{Condition, Handle};
use zgossip::engine::raw::Context;
use zgossip::log::{Level, Sink};

/// The program that makes every call; it also uses libzmq itself.
fn typed() -> Command {
    let program = Compile::ctest("typed.c").flags(&["-std=gnu11"]).warnings().header().ours();
    Command::new(program.libs(&["-lzmq", "-lpthread"]).build())
}

#[test]
fn every_call_with_right_and_wrong_arguments() {
    let done = run(typed(), LONG * 2).check("typed calls");
    assert!(done.out.ends_with("the end"), "{}", done.out);
}

#[test]
fn programs_in_cpp_use_the_typed_calls_through_its_own_header() {
    let other = ctests().join("typed_cpp_other.cpp");
    for standard in ["-std=c++17", "-std=c++20"] {
        let program = Compile::ctest("typed_cpp.cpp").flags(&[standard, "-pedantic"]).warnings();
        let program = program.flags(&[other.to_str().expect("plain path")]).header().ours();
        let done = run(Command::new(program.build()), LONG * 2).check(standard);
        assert!(done.out.ends_with("the end"), "{}", done.out);
    }
}

/// C++ compilers of this machine.
fn cpp_compilers() -> Vec<&'static str> {
    let there = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    ["g++", "clang++"].into_iter().filter(there).collect()
}

#[test]
fn the_cpp_header_gives_no_warning() {
    let warnings = ["-Wshadow", "-Wpedantic", "-Wconversion", "-Wnon-virtual-dtor", "-Wcast-qual", "-Wundef"];
    for compiler in cpp_compilers() {
        for flags in [&["-std=c++17"][..], &["-std=c++20"], &["-std=c++17", "-fno-exceptions", "-fno-rtti"]] {
            let program = Compile::ctest("typed_cpp_plain.cpp").compiler(compiler).flags(flags);
            program.warnings().flags(&warnings).header().ours().build();
        }
    }
}

#[test]
fn a_cpp_program_without_exceptions_sees_constructors_that_fail() {
    for compiler in cpp_compilers() {
        let program = Compile::ctest("typed_cpp_plain.cpp").compiler(compiler).warnings();
        let program = program.flags(&["-std=c++17", "-fno-exceptions"]).header().ours();
        let done = run(Command::new(program.build()), LONG).check(compiler);
        assert!(done.out.ends_with("the end"), "{}", done.out);
    }
}

#[test]
fn an_older_cpp_is_told_what_the_header_needs() {
    for compiler in cpp_compilers() {
        let program = Compile::ctest("typed_cpp_plain.cpp").compiler(compiler).flags(&["-std=c++14"]);
        let said = program.header().ours().try_build().expect_err("C++14 is too old");
        assert!(said.contains("zgossip.hpp is for C++17 and later"), "{said}");
    }
}

#[test]
fn nodes_may_be_made_while_the_process_exits() {
    for arguments in [&[][..], &["forget"]] {
        let mut command = native_program("late");
        command.args(arguments);
        let done = run(command, LONG).check("late nodes");
        assert_eq!(done.out.split_whitespace().collect::<Vec<_>>(), ["main", "before", "behind", "last"]);
    }
}

#[test]
fn calls_say_when_there_are_too_few_descriptors() {
    let done = run(native_program("few_descriptors"), LONG * 3).check("few descriptors");
    assert!(done.out.ends_with("the end"), "{}", done.out);
}

#[test]
fn calls_say_when_no_thread_can_be_started() {
    let done = run(native_program("few_threads"), LONG * 3).check("few threads");
    assert!(done.out.ends_with("the end"), "{}", done.out);
}

#[test]
fn careless_calls_fail_and_do_not_hang() {
    let program = Compile::ctest("careless.c").flags(&["-std=gnu11"]).warnings().header().ours();
    let command = Command::new(program.libs(&["-lzmq", "-lpthread"]).build());
    let done = run(command, LONG * 2).check("careless calls");
    let expected =
        ["terminated: ETERM", "a call that waits: EDEADLK", "calls of all kinds: EDEADLK", "the end"];
    assert_eq!(done.out.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn relative_names_of_files_mean_the_same_after_the_program_has_changed_its_directory() {
    let scratch = Scratch::new();
    let mut command = native_program("chdir");
    command.arg(scratch.path(""));
    let done = run(command, LONG * 4).check("chdir");
    let expected = ["passwords: read again", "configuration: read again", "the end"];
    assert_eq!(done.out.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_client_whose_certificate_is_taken_away_is_cut_off_unless_the_hub_was_told_otherwise() {
    let scratch = Scratch::new();
    let mut command = native_program("revoked");
    command.arg(scratch.path(""));
    let done = run(command, LONG * 2).check("revoked");
    let expected = ["strict: ended", "lax: stands", "lax: ended", "the end"];
    assert_eq!(done.out.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn many_threads_may_call_one_node() {
    let mut command = native_program("typed_threads");
    command.arg("4");
    let done = run(command, LONG * 2).check("threads");
    assert!(done.out.ends_with("the end"), "{}", done.out);
}

#[test]
fn the_descriptor_loses_no_wake_up_in_a_million_messages_and_is_silent_when_idle() {
    let mut command = native_program("descriptor");
    command.arg("1000000");
    let done = run(command, LONG * 4).check("the descriptor");
    assert!(done.out.ends_with("the end"), "{}", done.out);
}

#[test]
fn asyncio_is_woken_once_for_each_message() {
    let library = artifacts().shared.to_str().expect("plain path");
    let mut command = Command::new("python3");
    command.arg(ctests().join("descriptor.py")).args([library, "50000"]);
    let done = run(command, LONG * 4).check("asyncio");
    assert_eq!(done.out, "50000 messages, 50000 wake-ups");
}

/// A program may publish, flush and vanish: the hub has everything by then, ours and CZMQ's.
#[test]
fn what_was_flushed_to_a_hub_is_there() {
    for lib in [Lib::Native, Lib::Stock] {
        let hub = Node::new(lib, "hub");
        let endpoint = hub.bind();
        let mut command = typed();
        command.args(["publish", &endpoint, "5000"]);
        let mut publisher = Process::spawn(command);
        assert!(publisher.wait_line(0, LONG, |line| line == "flushed to 1").is_some(), "{lib:?}");
        assert_eq!(hub.status(), 5000, "{lib:?}");
        assert!(publisher.wait(LONG).is_some_and(|status| status.success()), "{lib:?}");
    }
}

/// A program may publish, flush and vanish where its peers have connected to it.
#[test]
fn what_was_flushed_to_clients_is_there_or_on_its_way() {
    for lib in [Lib::Native, Lib::Stock] {
        let mut command = typed();
        command.args(["serve", "3000"]);
        let mut server = Process::spawn(command);
        let (_, port) = server.wait_line(0, LONG, |_| true).expect("a port");
        let client = Node::new(lib, "client");
        client.connect(&format!("tcp://127.0.0.1:{port}"));
        assert!(server.wait_line(0, LONG, |line| line == "flushed to 1").is_some(), "{lib:?}");
        if lib == Lib::Native {
            assert_eq!(client.status(), 3000);
        }
        assert!(server.wait(LONG).is_some_and(|status| status.success()), "{lib:?}");
        assert!(eventually(LONG, || client.status() == 3000), "{lib:?} holds {}", client.status());
    }
}

struct Silent;

impl Sink for Silent {
    fn write(&self, _: Level, _: &str) {}
}

fn node(name: &str) -> Handle {
    Handle::new(name, Arc::new(Silent), Context::global()).expect("a node")
}

/// A full mesh, where most links are no branches of the broadcast tree: what is flushed comes by others, and has come.
#[test]
fn a_flush_in_a_mesh_means_that_all_neighbours_have_it() {
    const NODES: usize = 6;
    let nodes: Vec<Handle> = (0..NODES).map(|number| node(&format!("mesh-{number}"))).collect();
    for (number, node) in nodes.iter().enumerate() {
        let endpoint = format!("inproc://flush-mesh-{number}");
        node.call(move |node| node.bind(endpoint.as_bytes())).expect("alive").expect("bound");
        for other in 0..number {
            let endpoint = format!("inproc://flush-mesh-{other}");
            node.call(move |node| node.connect(endpoint.as_bytes(), None))
                .expect("alive")
                .expect("connected");
        }
    }
    let peers = NODES - 1;
    for node in &nodes {
        assert_eq!(node.wait(Condition::Agreement(peers), Some(LONG)), Ok(peers));
    }
    let mut held = 0;
    for round in 0..40 {
        let node = &nodes[round % NODES];
        for key in 0..50 {
            node.send(&[b"PUBLISH", format!("{round}/{key}").as_bytes(), b"value"]).expect("alive");
        }
        held += 50;
        assert_eq!(node.wait(Condition::Flushed, Some(LONG)), Ok(peers), "round {round}");
        let counts: Vec<usize> =
            nodes.iter().map(|node| node.call(|node| node.count()).expect("alive")).collect();
        assert_eq!(counts, [held; NODES], "round {round}");
    }
    let roots: Vec<u64> = nodes.iter().map(|node| node.call(|node| node.root()).expect("alive")).collect();
    assert!(roots.iter().all(|root| *root == roots[0]), "{roots:x?}");
}

/// Many threads may flush, and none waits for what others publish later.
#[test]
fn flushes_of_many_threads_end_while_others_publish() {
    let (hub, leaf) = (node("hub"), node("leaf"));
    hub.call(|node| node.bind(b"inproc://flush-many")).expect("alive").expect("bound");
    leaf.call(|node| node.connect(b"inproc://flush-many", None)).expect("alive").expect("connected");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (hub, leaf) = (&hub, &leaf);
            scope.spawn(move || {
                for number in 0..100 {
                    let key = format!("{thread}/{number}");
                    leaf.send(&[b"PUBLISH", key.as_bytes(), b"value"]).expect("alive");
                    assert_eq!(leaf.wait(Condition::Flushed, Some(LONG)), Ok(1));
                    let held = hub.call(move |node| node.get(key.as_bytes()).is_some()).expect("alive");
                    assert!(held, "{thread}/{number}");
                }
            });
        }
    });
    let waited = leaf.wait(Condition::Count(401), Some(Duration::from_millis(20)));
    assert_eq!(waited.expect_err("in vain").errno, libc::EAGAIN);
}
