//! `make install` into a place of its own, and the README's words tried on
//! what is there.

use std::fs;
use std::path::Path;
use std::process::Command;

use common::build::{ctests, root};
use common::{Finished, LONG, Process, Scratch, artifacts, run};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs make with the library of this build.
fn make(target: &str, settings: &[&str]) -> Finished {
    let mut command = Command::new("make");
    command.arg("-C").arg(root()).arg(target);
    command.arg(format!("BUILT={}", artifacts().dir.display())).args(settings);
    // Without ldconfig, which is for a real installation
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.env_remove("MAKEFLAGS");
    run(command, LONG)
}

/// Installs the library of this build.
#[track_caller]
fn install(settings: &[&str]) {
    make("install", settings).check("make install");
}

#[track_caller]
fn check_layout(lib: &str, include: &str, documents: &str) {
    let real = format!("{lib}/libzgossip.so.{VERSION}");
    assert!(fs::symlink_metadata(&real).expect("the library").is_file());
    for name in ["libzgossip.so.1", "libzgossip.so"] {
        let link = format!("{lib}/{name}");
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
        assert_eq!(fs::canonicalize(&link).ok(), fs::canonicalize(&real).ok());
        let target = fs::read_link(&link).expect("a link");
        assert!(target.is_relative(), "a link that can be moved: {}", target.display());
    }
    for name in ["libzgossip", "libzgossip-czmq", "libzgossip-static"] {
        assert!(Path::new(&format!("{lib}/pkgconfig/{name}.pc")).is_file(), "{name}");
    }
    assert!(Path::new(&format!("{lib}/libzgossip.a")).is_file());
    let header = fs::read(format!("{include}/zgossip/zgossip.h")).expect("the header");
    assert_eq!(header, fs::read(root().join("include/zgossip.h")).expect("the header"));
    let licence = fs::read(format!("{documents}/LICENSE")).expect("the licence");
    assert_eq!(licence, fs::read(root().join("LICENSE")).expect("the licence"));
}

#[test]
fn make_install_puts_the_files_where_it_is_told() {
    let scratch = Scratch::new();
    let stage = scratch.path("stage");
    install(&[&format!("DESTDIR={stage}"), "PREFIX=/usr", "LIBDIR=/usr/lib/somewhere"]);
    check_layout(
        &format!("{stage}/usr/lib/somewhere"),
        &format!("{stage}/usr/include"),
        &format!("{stage}/usr/share/doc/zgossip"),
    );
    let pc =
        fs::read_to_string(format!("{stage}/usr/lib/somewhere/pkgconfig/libzgossip.pc")).expect("a pc file");
    assert!(pc.contains("prefix=/usr\n"), "{pc}");
    assert!(!pc.contains(&stage), "DESTDIR is not in it: {pc}");
    assert!(!pc.contains('@'), "{pc}");

    let prefix = scratch.path("a prefix");
    install(&[&format!("PREFIX={prefix}")]);
    check_layout(
        &format!("{prefix}/lib"),
        &format!("{prefix}/include"),
        &format!("{prefix}/share/doc/zgossip"),
    );
}

#[test]
fn a_relative_directory_is_below_the_prefix_and_a_relative_prefix_is_refused() {
    let scratch = Scratch::new();
    let stage = scratch.path("stage");
    let settings = ["DESTDIR=".to_owned() + &stage, "PREFIX=/usr".to_owned(), "LIBDIR=lib/here".to_owned()];
    install(&settings.each_ref().map(String::as_str));
    check_layout(
        &format!("{stage}/usr/lib/here"),
        &format!("{stage}/usr/include"),
        &format!("{stage}/usr/share/doc/zgossip"),
    );
    let pc = fs::read_to_string(format!("{stage}/usr/lib/here/pkgconfig/libzgossip.pc")).expect("a pc file");
    assert!(pc.contains("libdir=${prefix}/lib/here\n"), "{pc}");
    make("uninstall", &settings.each_ref().map(String::as_str)).check("make uninstall");
    let done = shell(&format!("find '{stage}' -not -type d"), &scratch.path(""), "/nonexistent");
    assert_eq!(done.out, "", "nothing is left");

    let done = make("install", &[&format!("DESTDIR={}", scratch.path("other")), "PREFIX=usr"]);
    assert!(
        !done.success() && done.err.contains("PREFIX must be an absolute path, not 'usr'"),
        "{}",
        done.err
    );
    assert!(!Path::new(&scratch.path("other")).exists());
}

#[test]
fn what_is_installed_has_no_debug_information_unless_it_is_wanted() {
    let scratch = Scratch::new();
    let [bare, full] = ["bare", "full"].map(|name| scratch.path(name));
    install(&[&format!("PREFIX={bare}")]);
    install(&[&format!("PREFIX={full}"), "STRIP="]);
    let sections = |file: &str| shell(&format!("readelf -SW '{file}'"), "/", "/nonexistent").out;
    for name in [format!("libzgossip.so.{VERSION}"), "libzgossip.a".to_owned()] {
        let said = sections(&format!("{bare}/lib/{name}"));
        assert!(!said.contains(".debug_info") && !said.contains(".llvmbc"), "{name}");
        assert!(sections(&format!("{full}/lib/{name}")).contains(".debug_info"), "{name}");
    }
}

/// The library is built as `make` does it by a script of its own, which takes minutes: `make reproducible`.
#[test]
fn make_keeps_the_paths_of_this_machine_out_of_the_library() {
    let said = make("all", &["-n"]).check("make -n").out;
    let here = root().display().to_string();
    for path in [here.trim_end_matches('/'), "/registry/src", "/lib/rustlib/src/rust"] {
        assert!(said.contains(&format!("{path}=")), "{path}: {said}");
    }
}

#[test]
fn cargo_may_have_options() {
    let check = |cargo: &str| {
        let mut command = Command::new(root().join("scripts/deps.sh"));
        command.arg("rust").env("CARGO", cargo);
        run(command, LONG)
    };
    check("cargo --offline").check("cargo with an option");
    let done = check("/nonexistent/cargo --offline");
    assert!(!done.success() && done.err.contains("there is no command /nonexistent/cargo"), "{}", done.err);
}

/// A static link, with `-static`, for which the linker takes archives for everything. Where libzmq cannot be linked
/// so, neither can we.
#[test]
fn pkg_config_says_what_a_static_program_takes() {
    let scratch = Scratch::new();
    let (place, prefix) = (scratch.path(""), scratch.path("prefix"));
    install(&[&format!("PREFIX={prefix}")]);
    let said = shell("pkg-config --static --libs libzgossip", &place, &prefix).out;
    let words: Vec<_> = said.split_whitespace().collect();
    let ours = words.iter().position(|word| *word == "-lzgossip").expect("the library");
    let zmq = words.iter().position(|word| *word == "-lzmq").expect("libzmq");
    assert!(ours < zmq && words.contains(&"-ldl"), "{said}");
    assert!(!words.contains(&"-lgcc_s"), "there is no such archive: {said}");
    let zmq = shell("pkg-config --static --libs libzmq", &place, &prefix).out;
    assert!(zmq.split_whitespace().all(|word| words.contains(&word)), "{said} has {zmq}");
    let shared = shell("pkg-config --libs libzgossip", &place, &prefix).out;
    assert!(!shared.contains("-lzmq"), "a program that links the shared library: {shared}");

    fs::write(scratch.path("zmq.c"), "int zmq_errno (void); int main (void) { return zmq_errno (); }\n")
        .unwrap();
    let mut alone = Command::new("sh");
    alone.args(["-ec", "cc -static zmq.c -o zmq $(pkg-config --static --libs libzmq)"]).current_dir(&place);
    if !run(alone, LONG).success() {
        return eprintln!(
            "SKIPPED: a program without shared libraries: libzmq cannot be linked statically here"
        );
    }
    fs::write(scratch.path("example.c"), patient(&readme_code("**4. ", "c"))).expect("the example");
    shell(
        "cc -static example.c -o example $(pkg-config --static --cflags --libs libzgossip)",
        &place,
        &prefix,
    );
    two_learn_of_each_other(&scratch.path("example"), &prefix);
}

/// The code in the README after some words, of a language.
fn readme_code(after: &str, language: &str) -> String {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let rest = readme.split_once(after).unwrap_or_else(|| panic!("README.md says {after:?}")).1;
    let code = rest.split_once(&format!("```{language}\n")).expect("some code").1;
    code.split_once("```").expect("its end").0.to_owned()
}

/// A shell in a directory that finds what is installed as if it were in the
/// usual place.
fn shell(line: &str, directory: &str, prefix: &str) -> Finished {
    let mut command = Command::new("sh");
    command.args(["-ec", line]).current_dir(directory);
    command.env("PKG_CONFIG_PATH", format!("{prefix}/lib/pkgconfig"));
    command.env("C_INCLUDE_PATH", format!("{prefix}/include"));
    command.env("LIBRARY_PATH", format!("{prefix}/lib"));
    command.env("LD_LIBRARY_PATH", format!("{prefix}/lib"));
    run(command, LONG * 2).check(line)
}

/// The README's example as it is but for its time, which is the reader's: it ends when nothing has come for three
/// seconds, and a busy machine may need longer.
fn patient(example: &str) -> String {
    let hurried = "zgossip_set_rcvtimeo (node, argc > 1? 3000: 60000);";
    assert!(example.contains(hurried), "{example}");
    // Each line is seen when it is printed.
    example.replace(hurried, "zgossip_set_rcvtimeo (node, -1); setvbuf (stdout, NULL, _IOLBF, 0);")
}

/// Runs the README's example twice, one connected to the other, until each has both tuples.
#[track_caller]
fn two_learn_of_each_other(program: &str, prefix: &str) {
    let start = |arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env("LD_LIBRARY_PATH", format!("{prefix}/lib"));
        Process::spawn(command)
    };
    let listener = start(&[]);
    assert!(listener.wait_stderr(LONG, "listening at tcp:"), "{}", listener.stderr());
    let endpoint = listener.stderr().replace("listening at ", "");
    let joiner = start(&[&endpoint]);
    for process in [&listener, &joiner] {
        for service in ["camera", "printer"] {
            let line = format!("DELIVER service/{service} = tcp://10.0.0.7:9100");
            assert!(process.wait_line(0, LONG, |said| said == line).is_some(), "{program}: {line}");
        }
    }
}

#[test]
fn the_readme_tells_how_to_build() {
    let scratch = Scratch::new();
    let prefix = scratch.path("prefix");
    install(&[&format!("PREFIX={prefix}")]);
    let place = scratch.path("");

    // Way 4: the example, with the shared library and with the archive
    fs::write(scratch.path("example.c"), patient(&readme_code("**4. ", "c"))).expect("the example");
    let lines = readme_code("**4. ", "sh");
    assert!(lines.contains("libzgossip-static"), "{lines}");
    shell(&lines, &place, &prefix);
    for program in ["example", "example-static"] {
        two_learn_of_each_other(&scratch.path(program), &prefix);
    }
    let needed = shell("readelf -d example-static", &place, &prefix).out;
    assert!(!needed.contains("libzgossip"), "the library is inside: {needed}");
    let needed = shell("readelf -d example", &place, &prefix).out;
    assert!(needed.contains("[libzgossip.so.1]"), "{needed}");

    // Way 2: a program of CZMQ, linked with one flag more
    fs::copy(ctests().join("walk.c"), scratch.path("app.c")).expect("a program");
    shell(&readme_code("**2. ", "sh"), &place, &prefix);
    let needed = shell("readelf -d app", &place, &prefix).out;
    assert!(needed.contains("[libzgossip.so.1]"), "{needed}");
    assert!(shell("./app .", &place, &prefix).out.ends_with("-- the end"));

    // Way 1: the same program without it, and the library in front
    shell("cc app.c -o app -lczmq -lzmq", &place, &prefix);
    let line = readme_code("**1. ", "sh").trim().to_owned() + " .";
    let done = shell(&format!("LD_DEBUG=bindings {line}"), &place, &prefix);
    assert!(done.out.ends_with("-- the end"));
    let bound = |line: &&str| line.contains("file ./app [0] to ") && line.ends_with("symbol `zgossip'");
    let line = done.err.lines().find(bound).expect("the program looks for zgossip");
    assert!(line.contains("libzgossip.so.1 [0]"), "{line}");
}

#[test]
fn the_demo_shows_that_all_arrives() {
    let demo = |built: &Path| {
        let mut command = Command::new(root().join("demo/run.sh"));
        command.env("BUILT", built);
        run(command, LONG * 2)
    };
    let done = demo(&artifacts().dir).check("the demo");
    for line in [
        "printer   learns service/camera",
        "camera    learns service/printer",
        "registry  learns service/recording",
        "printer   learns service/recording",
        "Everybody knows everything again",
    ] {
        assert!(done.out.contains(line), "{line}:\n{}", done.out);
    }
    assert!(!demo(Path::new("/no/such/place")).success());
}
