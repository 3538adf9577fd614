//! Finds out which libzmq is linked, says so, and builds the C library's part if it is the system's.
//!
//! | libzmq | how | what is built |
//! | --- | --- | --- |
//! | the system's, linked dynamically | an override of zmq-sys's build script, as in `.cargo/config.toml` | everything |
//! | zmq-sys's own, linked statically, without CURVE | no override: a Rust program that depends on the crate | the Rust interface |
//!
//! CZMQ passes sockets of the process's libzmq to the C library, which therefore may not have a libzmq of its own. With
//! zmq-sys's the C interface is left out (`cfg(c_abi)` is off), and where the C library is wanted the build stops: the
//! Makefile and `.cargo/config.toml` say so with `ZGOSSIP_LIBZMQ=system`. For the C library this script also compiles the
//! one C file that Rust cannot express, weak references to CZMQ, and names the shared library.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

/// The oldest libzmq whose interface we use.
const ZMQ_MAJOR: u32 = 4;
const ZMQ_MINOR: u32 = 2;

fn main() {
    for file in ["build.rs", ".cargo/config.toml", "src/ffi/czmq_compat/weak.c"] {
        println!("cargo:rerun-if-changed={file}");
    }
    println!("cargo:rerun-if-env-changed=ZGOSSIP_LIBZMQ");
    println!("cargo:rustc-check-cfg=cfg(c_abi)");
    if env::var("DEP_ZMQ_SYSTEM").as_deref() == Ok("1") {
        let found = pkg_config(&["--cflags", "--libs-only-L"]);
        require_recent_libzmq(found.as_deref().unwrap_or_default());
        // Shown by `cargo build -vv`; a warning would be shown at each build.
        let how = match pkg_config(&["--modversion"]) {
            Some(version) => format!("version {version}, found by pkg-config"),
            None => "found by the compiler".to_owned(),
        };
        println!("libzmq: the system's, {how}, linked dynamically");
        println!("cargo:rustc-cfg=c_abi");
        build_c_library();
    } else if env::var("ZGOSSIP_LIBZMQ").as_deref() == Ok("system") {
        refuse_bundled_libzmq();
    } else {
        println!(
            "cargo:warning=libzmq {} as zmq-sys compiles it, linked statically: no CURVE, and no C interface. \
             README.md, \"A Rust program\", says how to take the system's.",
            bundled_version().as_deref().unwrap_or("of an unknown version")
        );
    }
}

/// Compiles what is C in the C library, and says how that is linked.
fn build_c_library() {
    // Nothing of where this was built stays in the library: what the Makefile says to rustc, for C.
    let sources = env::var("CARGO_MANIFEST_DIR").expect("set by cargo");
    cc::Build::new()
        .file("src/ffi/czmq_compat/weak.c")
        .pic(true)
        .flag_if_supported("-std=c99")
        .flag_if_supported("-fvisibility=hidden")
        .flag_if_supported(format!("-ffile-prefix-map={sources}=zgossip"))
        .warnings(true)
        .extra_warnings(true)
        .compile("zgossip_czmq_weak");

    let major = env::var("CARGO_PKG_VERSION_MAJOR").expect("set by cargo");
    // Ours come first inside the library, whoever else defines the same names; and it stays loaded, for a node's
    // thread may still run when the program closes it.
    for argument in
        [&format!("-Wl,-soname,libzgossip.so.{major}"), "-Wl,-Bsymbolic-functions", "-Wl,-z,nodelete"]
    {
        println!("cargo:rustc-cdylib-link-arg={argument}");
    }
}

/// Stops: zmq-sys has compiled a libzmq of its own, where the system's is asked for.
fn refuse_bundled_libzmq() -> ! {
    let target = env::var("TARGET").unwrap_or_default();
    stop(&format!(
        "this build would take zmq-sys's own copy of libzmq instead of the system's.\n\
         \x20 Run cargo (or make) from the directory that holds zgossip's Cargo.toml, so that cargo reads\n\
         \x20 .cargo/config.toml there. If it was read, it has no entry for this target yet; add:\n\n\
         \x20     [target.{target}.zmq]\n\
         \x20     rustc-link-lib = [\"dylib=zmq\"]\n\
         \x20     system = \"1\"\n"
    ))
}

/// The version of the libzmq that zmq-sys has compiled, as its header says.
fn bundled_version() -> Option<String> {
    let header = PathBuf::from(env::var_os("DEP_ZMQ_INCLUDE")?).join("zmq.h");
    let header = std::fs::read_to_string(header).ok()?;
    let number = |part: &str| {
        let line = header.lines().find(|line| line.starts_with(&format!("#define ZMQ_VERSION_{part} ")))?;
        line.split_whitespace().last()
    };
    Some(format!("{}.{}.{}", number("MAJOR")?, number("MINOR")?, number("PATCH")?))
}

/// What pkg-config says of libzmq, on one line; nothing if there is no pkg-config, or it knows no libzmq: that may still
/// be in the compiler's own directories.
fn pkg_config(question: &[&str]) -> Option<String> {
    for name in ["PKG_CONFIG", "PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR", "PKG_CONFIG_SYSROOT_DIR"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    // A plain pkg-config knows this machine's packages, not those of another target.
    let native = env::var("HOST") == env::var("TARGET");
    let named = env::var_os("PKG_CONFIG");
    if !native && named.is_none() {
        return None;
    }
    let command = named.unwrap_or_else(|| "pkg-config".into());
    let output = Command::new(command).args(question).arg("libzmq").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Compiles and links a few lines against libzmq, with pkg-config's flags, and has the library linked from there.
fn require_recent_libzmq(flags: &str) {
    let flags: Vec<&str> = flags.split_whitespace().collect();
    for directory in flags.iter().filter_map(|flag| flag.strip_prefix("-L")) {
        println!("cargo:rustc-link-search=native={directory}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    let source = out.join("libzmq_check.c");
    let program = format!(
        "#include <zmq.h>\n\
         #if ZMQ_VERSION < ZMQ_MAKE_VERSION ({ZMQ_MAJOR}, {ZMQ_MINOR}, 0)\n\
         #error libzmq is too old\n\
         #endif\n\
         int main (void) {{ int a, b, c; zmq_version (&a, &b, &c); return zmq_curve_public (0, 0); }}\n"
    );
    if let Err(why) = std::fs::write(&source, program) {
        stop(&format!("cannot write {}: {why}", source.display()));
    }
    if let Err(complaint) = compile(&source, &out.join("libzmq_check"), &flags) {
        stop(&format!(
            "libzmq {ZMQ_MAJOR}.{ZMQ_MINOR} or later, with its header, was not found. Install it:\n\n\
             \x20     Debian, Ubuntu   apt-get install libzmq3-dev\n\
             \x20     Fedora           dnf install zeromq-devel\n\
             \x20     Alpine           apk add zeromq-dev\n\n\
             \x20 or, where it is in a place of its own, set PKG_CONFIG_PATH. The compiler said:\n\n{complaint}"
        ));
    }
}

fn compile(source: &Path, program: &Path, flags: &[&str]) -> Result<(), String> {
    let compiler = cc::Build::new().try_get_compiler().map_err(|why| why.to_string())?;
    let mut command = compiler.to_command();
    command.arg(source).arg("-o").arg(program).args(flags).arg("-lzmq");
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(why) => Err(format!("{command:?}: {why}")),
    }
}

fn stop(message: &str) -> ! {
    eprintln!("\nzgossip: {message}");
    exit(1);
}
