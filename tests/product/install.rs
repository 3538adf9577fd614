//! `make install` into a place of its own, and the README's words tried on
//! what is there.

use std::fs;
use std::path::Path;
use std::process::Command;

use common::build::{ctests, root};
use common::{Finished, LONG, Process, Scratch, artifacts, run};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Installs the library of this build.
#[track_caller]
fn install(settings: &[&str]) {
    let mut command = Command::new("make");
    command.arg("-C").arg(root()).arg("install");
    command.arg(format!("BUILT={}", artifacts().dir.display())).args(settings);
    // Without ldconfig, which is for a real installation
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.env_remove("MAKEFLAGS");
    run(command, LONG).check("make install");
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
    for file in ["libzgossip.a", "pkgconfig/libzgossip.pc"] {
        assert!(Path::new(&format!("{lib}/{file}")).is_file(), "{file}");
    }
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
    assert!(lines.contains("-l:libzgossip.a"), "{lines}");
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
