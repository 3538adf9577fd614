//! Libraries that a program must link besides `libzgossip.a`: the Makefile says them for pkg-config; rustc knows them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Asks rustc for the libraries of a static library that links libzmq, as ours does: Rust's standard one is the rest.
fn as_rustc_says() -> BTreeSet<String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = place.join("static_libs.rs");
    std::fs::write(&source, "#[link(name = \"zmq\")]\nunsafe extern \"C\" {}\n").expect("a source file");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--edition", "2024", "--crate-type", "staticlib", "--print", "native-static-libs"])
        .arg("-o")
        .arg(place.join("libstatic_libs.a"))
        .arg(&source)
        .output()
        .expect("rustc");
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find_map(|line| line.split_once("native-static-libs:"));
    let (_, libs) = line.unwrap_or_else(|| panic!("rustc says: {said}"));
    libs.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_static_link_line_is_what_rustc_says() {
    let makefile = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Makefile"));
    let makefile = makefile.expect("Makefile");
    let line = makefile.lines().find_map(|line| line.strip_prefix("STATIC_LIBS = ")).expect("STATIC_LIBS");
    // libzmq has a pkg-config file of its own, and the C compiler brings its own libraries: others with -static.
    let elsewhere = ["-lzmq", "-lgcc_s", "-lc"];
    let ours: BTreeSet<String> = line.split_whitespace().chain(elsewhere).map(str::to_owned).collect();
    assert_eq!(ours, as_rustc_says());
}
