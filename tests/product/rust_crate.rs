//! A Rust program that depends on the crate and knows nothing of this repository's settings.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::build::root;
use common::{Scratch, run};

/// How long the first build may take: libzmq is among what is compiled.
const BUILD: Duration = Duration::from_secs(600);

const PROGRAM: &str = r#"
use std::time::Duration;
use zgossip::{Cert, ErrorKind, Event, Node};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hub = Node::new("hub")?;
    let port = hub.bind("tcp://127.0.0.1:*")?;
    let leaf = Node::new("leaf")?;
    leaf.connect(&format!("tcp://127.0.0.1:{port}"))?;
    leaf.publish("service/printer", "tcp://10.0.0.7:9100")?;
    match hub.recv_timeout(Duration::from_secs(30))? {
        Some(Event::Deliver(tuple)) => println!("{tuple:?}"),
        event => return Err(format!("{event:?}").into()),
    }
    if !Cert::is_supported() {
        let error = Cert::generate().expect_err("no CURVE");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        println!("{error}");
    }
    Ok(())
}
"#;

/// Cargo in a directory outside the repository, whose settings it does not find there.
fn cargo(place: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).arg("--offline").current_dir(place);
    for name in ["ZGOSSIP_LIBZMQ", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "MAKEFLAGS"]
    {
        command.env_remove(name);
    }
    // Kept for the next time, and the same for all that is built.
    command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust-crate"));
    command.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_PROFILE_DEV_OPT_LEVEL", "0");
    command
}

#[test]
fn a_program_depends_on_the_crate_and_needs_no_settings() {
    let scratch = Scratch::new();
    let place = scratch.path("app");
    fs::create_dir_all(format!("{place}/src")).expect("a directory");
    let manifest = "[package]\nname = \"app\"\nedition = \"2024\"\n\n[workspace]\n";
    fs::write(format!("{place}/Cargo.toml"), manifest).expect("a file");
    fs::write(format!("{place}/src/main.rs"), PROGRAM).expect("a file");
    // The versions that are here already.
    fs::copy(root().join("Cargo.lock"), format!("{place}/Cargo.lock")).expect("a file");
    run(cargo(&place, &["add", "--path", root().to_str().expect("plain path")]), BUILD).check("cargo add");
    let built = run(cargo(&place, &["build"]), BUILD).check("cargo build");
    let said = built.err.contains("libzmq 4.3.4 as zmq-sys compiles it");
    assert!(said, "the build script says what it found: {}", built.err);
    let ran = run(cargo(&place, &["run", "--quiet"]), BUILD).check("the program");
    assert_eq!(ran.out.lines().next(), Some("service/printer = tcp://10.0.0.7:9100"));

    // One libzmq, the one inside; none of the C library's names.
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust-crate/debug/app");
    let mut readelf = Command::new("readelf");
    readelf.arg("-d").arg(&program);
    let needed = run(readelf, Duration::from_secs(30)).check("readelf").out;
    assert!(!needed.contains("libzmq") && !needed.contains("libczmq"), "{needed}");
    let mut nm = Command::new("nm");
    nm.arg("--defined-only").arg(&program);
    let names = run(nm, Duration::from_secs(30)).check("nm").out;
    assert!(names.contains(" T zmq_ctx_new") && !names.contains(" T zgossip_new"));
}

#[test]
fn the_c_library_is_refused_without_the_systems_libzmq() {
    let scratch = Scratch::new();
    let manifest = root().join("Cargo.toml");
    let mut command =
        cargo(&scratch.path(""), &["build", "--manifest-path", manifest.to_str().expect("plain path")]);
    command.env("ZGOSSIP_LIBZMQ", "system");
    let built = run(command, BUILD);
    assert!(!built.success(), "{}", built.err);
    assert!(built.err.contains("zmq-sys's own copy of libzmq instead of the system's"), "{}", built.err);
}
