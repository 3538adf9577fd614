//! Makes sure that the system's libzmq is the one that gets linked, names the shared library, and compiles the
//! one C file that Rust cannot express: weak references to CZMQ.

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
    require_system_libzmq();
    require_recent_libzmq(&pkg_config());

    cc::Build::new()
        .file("src/ffi/czmq_compat/weak.c")
        .pic(true)
        .flag_if_supported("-std=c99")
        .flag_if_supported("-fvisibility=hidden")
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

/// Stop where zmq-sys has compiled a libzmq of its own: a process would then hold two, and CZMQ's sockets would
/// be handed to the wrong one.
fn require_system_libzmq() {
    if env::var("DEP_ZMQ_SYSTEM").as_deref() == Ok("1") {
        return;
    }
    let target = env::var("TARGET").unwrap_or_default();
    stop(&format!(
        "this build would take zmq-sys's own copy of libzmq instead of the system's.\n\
         \x20 Run cargo (or make) from the directory that holds zgossip's Cargo.toml, so that cargo reads\n\
         \x20 .cargo/config.toml there; where zgossip is a dependency, copy the entry below to your own.\n\
         \x20 If it was read, it has no entry for this target yet; add:\n\n\
         \x20     [target.{target}.zmq]\n\
         \x20     rustc-link-lib = [\"dylib=zmq\"]\n\
         \x20     system = \"1\"\n"
    ));
}

/// What pkg-config knows of libzmq's whereabouts; nothing where it is in the compiler's own directories, or where
/// there is no pkg-config.
fn pkg_config() -> Vec<String> {
    for name in ["PKG_CONFIG", "PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR", "PKG_CONFIG_SYSROOT_DIR"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    // A plain pkg-config knows this machine's packages, not those of another target.
    let native = env::var("HOST") == env::var("TARGET");
    let named = env::var_os("PKG_CONFIG");
    if !native && named.is_none() {
        return Vec::new();
    }
    let command = named.unwrap_or_else(|| "pkg-config".into());
    let flags = match Command::new(command).args(["--cflags", "--libs-only-L", "libzmq"]).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        _ => return Vec::new(),
    };
    let flags: Vec<String> = flags.split_whitespace().map(str::to_owned).collect();
    for directory in flags.iter().filter_map(|flag| flag.strip_prefix("-L")) {
        println!("cargo:rustc-link-search=native={directory}");
    }
    flags
}

/// Compile and link a few lines against libzmq.
fn require_recent_libzmq(flags: &[String]) {
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
    if let Err(complaint) = compile(&source, &out.join("libzmq_check"), flags) {
        stop(&format!(
            "libzmq {ZMQ_MAJOR}.{ZMQ_MINOR} or later, with its header, was not found. Install it:\n\n\
             \x20     Debian, Ubuntu   apt-get install libzmq3-dev\n\
             \x20     Fedora           dnf install zeromq-devel\n\
             \x20     Alpine           apk add zeromq-dev\n\n\
             \x20 or, where it is in a place of its own, set PKG_CONFIG_PATH. The compiler said:\n\n{complaint}"
        ));
    }
}

fn compile(source: &Path, program: &Path, flags: &[String]) -> Result<(), String> {
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
