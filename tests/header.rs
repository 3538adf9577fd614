//! `include/zgossip.h` is made from the documentation and declarations in `src/ffi`, and checked in.
//!
//! `make header` (this test with `ZGOSSIP_WRITE_HEADER=1`) writes it again.

use std::path::Path;

/// The files that declare something for C, in the order in which the header shows them.
const SOURCES: [&str; 16] = [
    "src/ffi/version.rs",
    "src/ffi/actor_fn.rs",
    "src/ffi/selftest.rs",
    "src/ffi/strerror.rs",
    "src/ffi/node/lifecycle.rs",
    "src/ffi/node/endpoints.rs",
    "src/ffi/node/tuples.rs",
    "src/ffi/node/events.rs",
    "src/ffi/node/waiting.rs",
    "src/ffi/node/settings.rs",
    "src/ffi/node/log.rs",
    "src/ffi/node/statistics.rs",
    "src/ffi/node/commands.rs",
    "src/ffi/auth.rs",
    "src/ffi/cert.rs",
    "src/ffi/msg.rs",
];

fn generate(root: &Path) -> String {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(root.join(source));
    }
    let mut header = Vec::new();
    builder.generate().expect("src/ffi is readable").write(&mut header);
    let header = String::from_utf8(header).expect("UTF-8");
    // `self` is a name that C has for it and a Rust function's argument cannot have.
    header.replace("*self_,", "*self,").replace("*self_)", "*self)")
}

#[test]
fn the_checked_in_header_is_what_the_sources_make() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("include/zgossip.h");
    let fresh = generate(root);
    if std::env::var_os("ZGOSSIP_WRITE_HEADER").is_some() {
        std::fs::write(&path, &fresh).expect("include/zgossip.h is writable");
    }
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    if held != fresh {
        let line = held.lines().zip(fresh.lines()).take_while(|(held, fresh)| held == fresh).count();
        panic!("include/zgossip.h is not current from line {} on: run `make header`", line + 1);
    }
}
