//! The library as a C compiler and a linker see it: names, header, soname,
//! link lines, and what its functions do with arguments of all kinds.

use std::process::Command;

use common::build::{ctests, native_program, root};
use common::{Compile, LONG, artifacts, run};

fn output(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments);
    run(command, LONG).check(program).out
}

fn shared() -> &'static str {
    artifacts().shared.to_str().expect("plain path")
}

fn exported() -> Vec<String> {
    let names = output("nm", &["-D", "--defined-only", shared()]);
    names.lines().filter_map(|line| line.split_whitespace().last().map(str::to_owned)).collect()
}

#[test]
fn every_exported_name_begins_with_zgossip() {
    let names = exported();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let strangers: Vec<_> = names.iter().filter(|name| !name.starts_with("zgossip")).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    for wanted in ["zgossip", "zgossip_test", "zgossip_msg_new", "zgossip_new", "zgossip_version"] {
        assert!(names.contains(&wanted), "{wanted} is missing");
    }
    // All that the header declares, and nothing that it does not
    let header = |path| std::fs::read_to_string(root().join(path)).expect("a header");
    let (header, czmq) = (header("include/zgossip.h"), header("include/czmq/library.h"));
    for name in &names {
        let found = header.contains(&format!("{name}(")) || czmq.contains(&format!("{name} ("));
        assert!(found, "{name} is in no header");
    }
    for declared in czmq.split("zgossip_czmq_").skip(1).filter_map(|rest| rest.split_once(" (")) {
        let name = format!("zgossip_czmq_{}", declared.0);
        assert!(names.contains(&name.as_str()), "{name} is missing");
    }
}

#[test]
fn the_shared_library_has_its_soname_and_one_libzmq() {
    let dynamic = output("readelf", &["-d", shared()]);
    assert!(dynamic.contains("Library soname: [libzgossip.so.1]"), "{dynamic}");
    assert!(dynamic.contains("Shared library: [libzmq.so.5]"), "{dynamic}");
    assert!(!dynamic.contains("libczmq"), "it needs no CZMQ: {dynamic}");
    assert!(!dynamic.contains("stdc++"), "{dynamic}");
    let own = output("readelf", &["-d", "-W", shared()]);
    assert!(!own.contains("TEXTREL"), "{own}");
}

#[test]
fn the_archive_has_no_libzmq_inside() {
    let archive = artifacts().fixed.to_str().expect("plain path");
    let mut command = Command::new("nm");
    // Members of other compilers make nm complain and go on
    command.args(["--defined-only", archive]);
    let names = run(command, LONG * 2).out;
    let inside: Vec<&str> = names
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        // Lines that end with a colon name a member
        .filter(|name| !name.ends_with(':'))
        .filter(|name| {
            name.starts_with("zmq_") || name.starts_with("_ZN3zmq5ctx_t") || name.starts_with("zsock_")
        })
        .collect();
    assert!(inside.is_empty(), "{:?}", &inside[..inside.len().min(10)]);
    assert!(names.lines().any(|line| line.ends_with(" zgossip_new")));
}

#[test]
fn the_header_compiles_with_every_standard_and_compiler() {
    let strict = ["-Wall", "-Wextra", "-pedantic", "-Werror"];
    let languages: [(&str, &[&str]); 5] = [
        ("cc", &["-std=c99"]),
        ("cc", &["-std=c11"]),
        ("cc", &["-std=gnu17"]),
        ("c++", &["-x", "c++", "-std=c++17"]),
        ("c++", &["-x", "c++", "-std=c++20"]),
    ];
    for (compiler, language) in languages {
        for place in ["-DWITHOUT", "-DBEFORE", "-DAFTER"] {
            let compile = Compile::ctest("header.c").compiler(compiler).flags(&strict).flags(&[place]);
            let program = compile.flags(language).header().ours().czmq().build();
            let done = run(Command::new(program), LONG).check("the header's program");
            assert_eq!(done.out, "DELIVER key value", "{compiler} {language:?} {place}");
        }
    }
}

/// Calls every function of the header with NULL, with what is no object of its kind, and with objects that live beside
/// arguments that make no sense.
#[test]
fn every_function_bears_any_argument() {
    let functions = common::header::functions();
    // What czmq.h of ours calls is its own affair
    for name in exported().iter().filter(|name| !name.starts_with("zgossip_czmq_")) {
        assert!(functions.iter().any(|function| function.name == *name), "{name} is called");
    }
    let scratch = common::Scratch::new();
    let mut command = Command::new(common::header::build());
    command.current_dir(scratch.path(""));
    let done = run(command, LONG * 5).check("every function");
    assert!(done.out.contains(", 0 failures"), "{}", done.out);
}

#[test]
fn wrong_arguments_are_refused() {
    let program = Compile::ctest("arguments.c").flags(&["-std=gnu11"]).warnings();
    let program = program.header().ours().libs(&["-lzmq"]).build();
    let done = run(Command::new(program), LONG * 2).check("wrong arguments");
    assert!(done.out.contains("the end"));
}

#[test]
fn the_native_interface_keeps_its_promises() {
    let done = run(native_program("native"), LONG * 4).check("the native interface");
    assert!(done.out.contains("the end"));
}

#[test]
fn a_forked_child_makes_nodes_of_its_own() {
    let done = run(native_program("fork"), LONG).check("a forked child");
    assert!(done.out.contains("the end"));
}

#[test]
fn the_exported_self_tests_pass() {
    for (with, libs) in [("CZMQ", &["-lczmq", "-lzmq"][..]), ("libzmq", &["-lzmq"][..])] {
        let program = Compile::ctest("selftest.c").flags(&["-std=gnu11"]).warnings();
        let done = run(Command::new(program.header().ours().libs(libs).build()), LONG * 2).check(with);
        assert!(done.out.contains(" * zgossip: OK"), "{}", done.out);
        assert!(done.out.contains(" * zgossip_msg: OK"), "{}", done.out);
    }
}

/// CZMQ owns the name `zgossip.h`; ours is found as it is installed.
#[test]
fn examples_include_the_header_where_it_is_installed() {
    for entry in std::fs::read_dir(ctests()).expect("ctests").flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        assert!(!text.contains("#include \"zgossip.h\""), "{}", entry.path().display());
    }
}
