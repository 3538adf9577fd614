//! Programs of CZMQ with our own `czmq.h` instead: they compile unchanged,
//! need no libczmq, and print the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::build::{ctests, root};
use common::manual::manual_example;
use common::{Compile, Finished, LONG, Process, Scratch, artifacts, run};

const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Werror", "-Wno-unused-function"];

fn compat() -> PathBuf {
    ctests().join("czmq_compat")
}

/// Compiles with our header and library, and without CZMQ.
fn with_ours(compile: Compile) -> Compile {
    let include = format!("-I{}", root().join("include/czmq").display());
    compile.flags(WARNINGS).flags(&[&include]).header().ours().libs(&["-lzmq", "-lpthread"])
}

fn with_czmq(compile: Compile) -> Compile {
    compile.flags(WARNINGS).czmq().libs(&["-lpthread"])
}

fn gnu11(path: impl Into<PathBuf>) -> Compile {
    Compile::source(path).flags(&["-std=gnu11"])
}

/// Runs a program of one argument, a directory of its own.
#[track_caller]
fn walk(program: &Path, what: &str) -> Finished {
    let scratch = Scratch::new();
    let mut command = Command::new(program);
    command.arg(scratch.path(""));
    let mut done = run(command, LONG * 4).check(what);
    done.out = done.out.replace(&scratch.path(""), "DIRECTORY/");
    done
}

#[track_caller]
fn needs_no_czmq(program: &Path) {
    let mut command = Command::new("ldd");
    command.arg(program);
    let needed = run(command, LONG).check("ldd").out;
    assert!(needed.contains("libzgossip.so.1") && !needed.contains("libczmq"), "{needed}");
}

/// Compiles a program of CZMQ both ways; what they print must be equal.
#[track_caller]
fn same_both_ways(source: PathBuf) {
    let ours = with_ours(gnu11(&source)).build();
    needs_no_czmq(&ours);
    let theirs = walk(&with_czmq(gnu11(&source)).build(), "with CZMQ").out;
    let mine = walk(&ours, "with our header").out;
    for (number, (mine, theirs)) in mine.lines().zip(theirs.lines()).enumerate() {
        assert_eq!(mine, theirs, "line {} of {}: ours, CZMQ's", number + 1, source.display());
    }
    assert_eq!(mine.lines().count(), theirs.lines().count(), "{}", source.display());
    assert!(mine.lines().count() > 20);
}

#[test]
fn containers_behave_as_in_czmq() {
    same_both_ways(compat().join("containers.c"));
}

#[test]
fn containers_that_change_in_a_walk_are_as_in_czmq() {
    same_both_ways(compat().join("walks.c"));
}

#[test]
fn frames_messages_strings_and_pictures_are_as_in_czmq() {
    same_both_ways(compat().join("messages.c"));
}

#[test]
fn sockets_pollers_reactor_and_actors_are_as_in_czmq() {
    same_both_ways(compat().join("sockets.c"));
}

#[test]
fn log_clocks_files_configuration_and_certificates_are_as_in_czmq() {
    same_both_ways(compat().join("settings.c"));
}

#[test]
fn the_guard_lets_in_whom_czmqs_lets_in() {
    same_both_ways(compat().join("guard.c"));
}

#[test]
fn a_walk_through_every_command_is_as_in_czmq() {
    same_both_ways(ctests().join("walk.c"));
}

/// The node that other tests drive, here with our header: it polls actors and
/// descriptors, and keeps a guard of its own.
#[test]
fn a_program_of_czmq_runs_nodes_without_libczmq() {
    let program = with_ours(gnu11(ctests().join("node.c"))).build();
    needs_no_czmq(&program);
    let mut process = Process::spawn(Command::new(&program));
    process.tell("* !auth 127.0.0.1\nhub !new hub\nhub BIND tcp://127.0.0.1:*\nhub PORT");
    let (_, port) = process.wait_line(0, LONG, |line| line.starts_with("hub PORT")).expect("a port");
    let port = port.rsplit(' ').next().expect("a number").to_owned();
    process.tell(&format!("leaf !new\nleaf CONNECT tcp://127.0.0.1:{port}\nhub PUBLISH key value"));
    assert!(process.wait_line(0, LONG, |line| line == "leaf DELIVER key value").is_some());
    process.tell("hub !destroy\nleaf STATUS");
    assert!(process.wait_line(0, LONG, |line| line == "leaf STATUS 1").is_some());
    process.quit().check("nodes");
}

#[test]
fn the_manual_example_runs_with_curve_and_guard() {
    for verbose in [false, true] {
        let scratch = Scratch::new();
        let source = scratch.path("example.c");
        let program = format!(
            "#define CZMQ_BUILD_DRAFT_API 1\n#include <czmq.h>\nint main (void)\n{{\nbool verbose = {verbose};\n{}\n\
             fprintf (stderr, \"the end\\n\");\nreturn 0;\n}}\n",
            manual_example()
        );
        assert!(
            program.contains("zactor_new(zauth, NULL)") && program.contains("SET SECRETKEY"),
            "{program}"
        );
        fs::write(&source, program).expect("a program");
        let program = with_ours(gnu11(&source)).build();
        needs_no_czmq(&program);
        let done = run(Command::new(&program), LONG).check("the manual page's example");
        assert!(done.err.contains("the end"));
        assert_eq!(done.out.contains("testing CURVE support"), verbose, "{}", done.out);
        let _ = fs::remove_file(program);
    }
}

/// Two halves of a program, in every language that the header is for.
#[test]
fn translation_units_of_all_standards_are_one_program() {
    let scratch = Scratch::new();
    let as_cxx = scratch.path("other.cpp");
    fs::copy(compat().join("shared_other.c"), &as_cxx).expect("a copy");
    let include = format!("-I{}", compat().display());
    for standard in ["-std=c99", "-std=c11", "-std=gnu17"] {
        let other = compat().join("shared_other.c").display().to_string();
        let compile = Compile::source(compat().join("shared.c")).flags(&[standard, "-pedantic", &include]);
        one_program(compile.libs(&[&other]), standard);
    }
    let other = scratch.path("other.o");
    let compile = Compile::source(&as_cxx).flags(&["-std=c++17", "-pedantic", &include, "-c"]);
    let built = with_header(compile).build();
    fs::rename(built, &other).expect("an object");
    let compile = Compile::source(compat().join("shared.c")).flags(&["-std=c99", "-pedantic", &include]);
    one_program(compile.libs(&[&other, "-lstdc++"]), "C and C++");
}

fn with_header(compile: Compile) -> Compile {
    let include = format!("-I{}", root().join("include/czmq").display());
    compile.flags(WARNINGS).flags(&[&include]).header()
}

#[track_caller]
fn one_program(compile: Compile, what: &str) {
    let program = with_ours(compile).build();
    let done = run(Command::new(&program), LONG).check(what);
    let lines: Vec<_> = done.out.lines().collect();
    assert_eq!(lines[1..4], ["one context 1, one flag 1", "from the other", "alive again 1"], "{what}");
    assert!(lines[0].starts_with("I: (shared) ") && lines[0].ends_with(" a line of both"), "{}", lines[0]);
    assert!(lines[4].contains("]dangling 'SUB' socket created at ") && lines.len() == 5, "{}", done.out);
}

/// The library by itself: certificates and the guard without any czmq.h.
#[test]
fn a_network_with_an_allow_list_is_closed_to_others() {
    let compile = gnu11(compat().join("native_guard.c")).flags(WARNINGS).header().ours();
    let done = walk(&compile.build(), "certificates and guard");
    assert_eq!(done.out, "listed 1\nstranger 0\nclear 0\nadmitted 1");
}

const PROGRAMS: [&str; 6] = ["containers", "walks", "messages", "sockets", "settings", "guard"];

#[test]
fn the_address_sanitizer_finds_no_fault_in_programs_of_czmq() {
    for name in PROGRAMS {
        let compile = gnu11(compat().join(format!("{name}.c")));
        let sanitized = compile.flags(&["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
        let done = walk(&with_ours(sanitized).build(), name);
        assert!(done.err.is_empty(), "{name}: {}", done.err);
    }
}

#[test]
fn valgrind_finds_no_fault_in_programs_of_czmq() {
    for name in PROGRAMS {
        let scratch = Scratch::new();
        let mut command = Command::new("valgrind");
        command
            .args(["-q", "--error-exitcode=99", "--leak-check=full", "--fair-sched=yes"])
            .args(["--show-leak-kinds=definite,indirect,possible"])
            .args(["--errors-for-leak-kinds=definite,indirect,possible"])
            .arg(with_ours(gnu11(compat().join(format!("{name}.c")))).build())
            .arg(scratch.path(""));
        run(command, Duration::from_secs(200)).check(name);
    }
}

#[test]
fn an_installed_header_is_found_by_its_name_alone() {
    let scratch = Scratch::new();
    let prefix = scratch.path("prefix");
    let mut command = Command::new("make");
    command.arg("-C").arg(root()).arg("install").arg(format!("PREFIX={prefix}"));
    command.arg(format!("BUILT={}", artifacts().dir.display()));
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env_remove("MAKEFLAGS");
    run(command, LONG).check("make install");
    let line = format!(
        "cc -std=gnu11 {}/walk.c -o walk $(pkg-config --cflags --libs libzgossip-czmq)",
        ctests().display()
    );
    let mut command = Command::new("sh");
    command.args(["-ec", &line]).current_dir(scratch.path(""));
    command.env("PKG_CONFIG_PATH", format!("{prefix}/lib/pkgconfig"));
    run(command, LONG).check(&line);
    let mut command = Command::new(scratch.path("walk"));
    command.arg(scratch.path("")).env("LD_LIBRARY_PATH", format!("{prefix}/lib"));
    let done = run(command, LONG * 2).check("a program built with the installed header");
    assert!(done.out.ends_with("-- the end"));
    // Who asks for the library alone still gets CZMQ's own header.
    let mut command = Command::new("sh");
    command.args(["-ec", "pkg-config --cflags libzgossip"]);
    command.env("PKG_CONFIG_PATH", format!("{prefix}/lib/pkgconfig"));
    let flags = run(command, LONG).check("pkg-config").out;
    assert!(!flags.contains("zgossip-czmq"), "{flags}");
}
