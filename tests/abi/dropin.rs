//! Programs of CZMQ, unchanged, on our actor: CZMQ's own test, the example of
//! its manual page, every command and reply, and CZMQ loaded or linked in
//! unusual ways.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use common::build::{ctests, czmq_program};
use common::manual::manual_example;
use common::{Compile, Finished, LONG, Lib, Scratch, artifacts, run};

/// Runs CZMQ's test, with the linker telling where names are found.
#[track_caller]
fn own_test(lib: Lib, verbose: bool) -> Finished {
    let command = || {
        let mut command = czmq_program("own_test", lib);
        command.env("LD_DEBUG", "bindings");
        if verbose {
            command.arg("-v");
        }
        command
    };
    // It gives its nodes 200 ms, which a busy machine may need: what fails is an assertion then
    let mut done = run(command(), LONG);
    for _ in 0..24 {
        if done.signal() != Some(6) {
            break;
        }
        done = run(command(), LONG);
    }
    let mut done = done.check("CZMQ's zgossip_test");
    // Thousands of other names are looked up too
    let of_interest = |line: &&str| line.contains("zgossip") || line.contains("test:");
    done.err = done.err.lines().filter(of_interest).collect::<Vec<_>>().join("\n");
    done
}

/// Library in which CZMQ's own library finds the actor that its test starts.
fn binding(done: &Finished) -> String {
    let line = done
        .err
        .lines()
        .find(|line| line.contains("libczmq.so.4 [0] to ") && line.ends_with("symbol `zgossip'"))
        .expect("libczmq looks for zgossip");
    let target = line.split(" [0] to ").nth(1).expect("a target");
    target.split(' ').next().expect("a path").rsplit('/').next().expect("a name").to_owned()
}

#[test]
fn czmqs_own_test_passes_without_our_library() {
    let done = own_test(Lib::Stock, false);
    assert!(binding(&done).starts_with("libczmq.so.4"), "{}", done.err);
}

#[test]
fn czmqs_own_test_passes_with_our_library_preloaded() {
    for verbose in [false, true] {
        let done = own_test(Lib::Preload, verbose);
        // With what is logged between the two words
        assert!(done.out.contains("* zgossip:") && done.out.ends_with("OK"), "{}", done.out);
        assert!(binding(&done).starts_with("libzgossip.so"), "{}", done.err);
        assert!(done.err.contains("test: libczmq.so.4"), "the test is CZMQ's: {}", done.err);
    }
}

#[test]
fn czmq_tests_our_actor_when_linked_first() {
    let done = own_test(Lib::Linked, false);
    assert!(done.out.contains("* zgossip: OK"), "{}", done.out);
    assert!(binding(&done).starts_with("libzgossip.so"), "{}", done.err);
    assert!(done.err.contains("test: libczmq.so.4"), "the test is CZMQ's: {}", done.err);
}

/// Writes the example as a program, compiles it with us first and runs it.
#[track_caller]
fn run_example(draft: bool, headers: &str) {
    let scratch = Scratch::new();
    let example = manual_example();
    assert!(example.contains("zactor_new (zgossip, \"server\")"), "{example}");
    assert!(example.contains("SET SECRETKEY"), "{example}");
    let define = if draft { "#define CZMQ_BUILD_DRAFT_API 1\n" } else { "" };
    let headers = headers.replace("DRAFT", define);
    let source = scratch.path("example.c");
    let end = "fprintf (stderr, \"the end\\n\");\nreturn 0;\n";
    fs::write(
        &source,
        format!("{headers}\nint main (void)\n{{\nbool verbose = false;\n{example}\n{end}}}\n"),
    )
    .expect("a program");
    let program = Compile::source(&source).flags(&["-std=gnu11", "-Wall"]).header().ours().czmq().build();
    let done = run(Command::new(&program), LONG).check("the manual page's example");
    assert!(done.err.contains("the end"));
    // The part with CURVE sleeps for 3.5 s in all
    assert!(!draft || done.took > Duration::from_secs(3), "{:?}", done.took);
}

#[test]
fn the_example_of_czmqs_manual_runs() {
    run_example(false, "#include <czmq.h>\n#include <zgossip/zgossip.h>\n");
    run_example(false, "#include <zgossip/zgossip.h>\n#include <czmq.h>\n");
}

#[test]
fn the_example_of_czmqs_manual_runs_with_curve() {
    // Debian's CZMQ has no draft headers: the word must not be seen by them
    run_example(true, "#include <czmq.h>\nDRAFT#include <zgossip/zgossip.h>\n");
}

fn walk(lib: Lib) -> String {
    let scratch = Scratch::new();
    let mut command = czmq_program("walk", lib);
    command.arg(scratch.path(""));
    run(command, LONG * 2).check("the walk through every command").out
}

#[track_caller]
fn same_lines(ours: &str, theirs: &str) {
    for (number, (mine, other)) in ours.lines().zip(theirs.lines()).enumerate() {
        assert_eq!(mine, other, "line {} of the walk: ours, CZMQ's\n{ours}", number + 1);
    }
    assert_eq!(ours.lines().count(), theirs.lines().count());
}

#[test]
fn every_command_and_reply_is_as_in_czmq() {
    let theirs = walk(Lib::Stock);
    assert!(theirs.ends_with("-- the end"), "{theirs}");
    same_lines(&walk(Lib::Preload), &theirs);
    same_lines(&walk(Lib::Linked), &theirs);
}

/// CZMQ closes the pipes of such actors at the end; its own zgossip then aborts the process.
#[test]
fn an_actor_that_is_not_destroyed_does_not_abort_the_process() {
    let program = |lib| run(common::build::czmq_program("undestroyed", lib), LONG);
    assert_eq!(program(Lib::Stock).signal(), Some(libc::SIGABRT), "if not, this test shows nothing");
    for lib in [Lib::Linked, Lib::Preload] {
        for _ in 0..3 {
            // CZMQ tells of the pipes behind it.
            assert!(program(lib).check("undestroyed actors").out.starts_with("the end"));
        }
    }
    let mut with_auth = common::build::czmq_program("undestroyed", Lib::Linked);
    with_auth.arg("auth");
    assert!(run(with_auth, LONG).check("an undestroyed ZAP handler, too").out.starts_with("the end"));
}

/// CZMQ and our library loaded by an interpreter, which hides the names of
/// both from each other.
#[test]
fn czmq_loaded_out_of_sight_is_found() {
    let mut command = Command::new("python3");
    command.arg(ctests().join("local.py")).arg(&artifacts().shared);
    let done = run(command, LONG).check("a CZMQ loaded RTLD_LOCAL");
    assert!(done.out.contains("the end"), "{}", done.out);
}

fn static_library(name: &str) -> PathBuf {
    let asked = run(
        {
            let mut command = Command::new("cc");
            command.arg(format!("-print-file-name=lib{name}.a"));
            command
        },
        LONG,
    );
    PathBuf::from(asked.out.trim())
}

/// A program with CZMQ's archive inside, and our library beside it.
#[test]
fn czmq_linked_statically_is_found() {
    let czmq = static_library("czmq");
    let private = ["-lzmq", "-luuid", "-lsystemd", "-lnss3", "-lnspr4", "-lpthread", "-lm", "-ldl"];
    let compile = Compile::ctest("walk.c").flags(&["-std=gnu11"]).warnings();
    let program = compile.ours().libs(&[czmq.to_str().expect("plain path")]).libs(&private).build();
    let needed = run(
        {
            let mut command = Command::new("readelf");
            command.arg("-d").arg(&program);
            command
        },
        LONG,
    );
    assert!(!needed.out.contains("libczmq.so"), "CZMQ is inside: {}", needed.out);
    let scratch = Scratch::new();
    let mut command = Command::new(program);
    command.arg(scratch.path(""));
    let done = run(command, Duration::from_secs(60)).check("a CZMQ linked statically");
    same_lines(&done.out, &walk(Lib::Stock));
}

/// Both libraries as archives: no shared library of either.
#[test]
fn ours_and_czmq_may_both_be_linked_statically() {
    let czmq = static_library("czmq");
    let private = ["-lzmq", "-luuid", "-lsystemd", "-lnss3", "-lnspr4", "-lpthread", "-lm", "-ldl", "-lrt"];
    let compile = Compile::ctest("walk.c").flags(&["-std=gnu11"]).warnings();
    let ours = artifacts().fixed.to_str().expect("plain path");
    let program = compile.libs(&[ours, czmq.to_str().expect("plain path")]).libs(&private).build();
    let scratch = Scratch::new();
    let mut command = Command::new(program);
    command.arg(scratch.path(""));
    let done = run(command, Duration::from_secs(60)).check("both linked statically");
    same_lines(&done.out, &walk(Lib::Stock));
}
