//! A Rust program that depends on the packaged crate, and knows nothing of this repository's settings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use common::build::root;
use common::{Finished, LONG, Scratch, run};

/// Longest time of a build: libzmq is among what is compiled the first time.
const BUILD: Duration = Duration::from_secs(600);

/// Two nodes, then what the process is asked about: the port of a wildcard, and a log line.
const PROGRAM: &str = r#"
use std::net::TcpStream;
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
    match Cert::generate() {
        Ok(_) => println!("CURVE"),
        Err(error) if error.kind() == ErrorKind::Unsupported => println!("{error}"),
        Err(error) => return Err(error.into()),
    }
    let port = hub.bind("tcp://*:*")?;
    println!("IPv6 {}", TcpStream::connect(("::1", port)).is_ok());
    hub.send(&[b"NONSENSE"]).unwrap_err();
    hub.count()?; // the log line is written before
    Ok(())
}
"#;

/// A program that reaches into each layer.
const INTRUDER: &str = "use zgossip::{actor, api, core, engine, log};\nfn main() {}\n";

/// Directory in which builds are kept for the next time.
fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust-crate").join(name)
}

/// Cargo in a directory outside the repository, where it does not find the repository's settings.
fn cargo(place: &str, built: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).arg("--offline").current_dir(place);
    for name in ["ZGOSSIP_LIBZMQ", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "MAKEFLAGS"]
    {
        command.env_remove(name);
    }
    command.env("CARGO_TARGET_DIR", kept(built));
    command.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_PROFILE_DEV_OPT_LEVEL", "0");
    command
}

/// The crate as it would be published, unpacked.
fn package() -> &'static Path {
    static UNPACKED: OnceLock<PathBuf> = OnceLock::new();
    UNPACKED.get_or_init(|| {
        let root = root().to_str().expect("plain path");
        run(cargo(root, "package", &["package", "--allow-dirty", "--no-verify"]), BUILD)
            .check("cargo package");
        let place = kept("package/package");
        let name = format!("zgossip-{}", env!("CARGO_PKG_VERSION"));
        let _ = fs::remove_dir_all(place.join(&name));
        // With the time of now: all files of a package have one and the same, by which cargo would build nothing anew.
        let mut tar = Command::new("tar");
        tar.arg("xzmf").arg(format!("{name}.crate")).current_dir(&place);
        run(tar, LONG).check("tar");
        place.join(name)
    })
}

/// A program that depends on the crate; with settings for cargo, if there are any.
struct Program {
    scratch: Scratch,
    built: &'static str,
}

impl Program {
    fn new(built: &'static str, settings: Option<&str>) -> Program {
        let program = Program { scratch: Scratch::new(), built };
        let place = program.place();
        for directory in ["src", "examples", ".cargo"] {
            fs::create_dir_all(format!("{place}/{directory}")).expect("a directory");
        }
        let manifest = "[package]\nname = \"app\"\nedition = \"2024\"\n\n[workspace]\n";
        fs::write(format!("{place}/Cargo.toml"), manifest).expect("a file");
        fs::write(format!("{place}/src/main.rs"), PROGRAM).expect("a file");
        fs::write(format!("{place}/examples/intruder.rs"), INTRUDER).expect("a file");
        if let Some(text) = settings {
            fs::write(format!("{place}/.cargo/config.toml"), text).expect("a file");
        }
        // The versions that are here already.
        fs::copy(root().join("Cargo.lock"), format!("{place}/Cargo.lock")).expect("a file");
        let package = package().to_str().expect("plain path");
        program.cargo(&["add", "--path", package]).check("cargo add");
        program
    }

    fn place(&self) -> String {
        self.scratch.path("app")
    }

    #[track_caller]
    fn cargo(&self, arguments: &[&str]) -> Finished {
        run(cargo(&self.place(), self.built, arguments), BUILD)
    }

    fn executable(&self) -> PathBuf {
        kept(self.built).join("debug/app")
    }

    #[track_caller]
    fn run(&self, variables: &[(&str, &str)]) -> Finished {
        let mut command = Command::new(self.executable());
        command.env_remove("ZSYS_IPV6").envs(variables.iter().copied());
        run(command, LONG * 2).check("the program")
    }

    /// Lines of a tool that looks at the executable.
    #[track_caller]
    fn inspect(&self, tool: &str, option: &str) -> String {
        let mut command = Command::new(tool);
        command.arg(option).arg(self.executable());
        run(command, LONG).check(tool).out
    }
}

/// The hour in the first log line: `W: 26-11-22 08:55:00 hub: …`.
fn hour_of_log_line(err: &str) -> i32 {
    let hour = err.split_whitespace().nth(2).and_then(|time| time.get(..2)?.parse().ok());
    hour.unwrap_or_else(|| panic!("a log line with a time: {err}"))
}

#[test]
fn a_program_depends_on_the_crate_and_needs_no_settings() {
    let program = Program::new("bundled", None);
    let built = program.cargo(&["build"]).check("cargo build");
    let warnings: Vec<_> = built.err.lines().filter(|line| line.starts_with("warning:")).collect();
    let says_what_it_found = warnings[..].concat().contains("libzmq 4.3.4 as zmq-sys compiles it");
    assert!(says_what_it_found && warnings.len() == 1, "{}", built.err);
    let ran = program.run(&[]);
    let lines: Vec<_> = ran.out.lines().collect();
    assert_eq!(lines[..2], ["service/printer = tcp://10.0.0.7:9100", "this libzmq has no CURVE"]);

    // One libzmq, the one inside; none of the C library's names.
    let needed = program.inspect("readelf", "-d");
    assert!(!needed.contains("libzmq") && !needed.contains("libczmq"), "{needed}");
    let names = program.inspect("nm", "--defined-only");
    assert!(names.contains(" T zmq_ctx_new") && !names.contains(" T zgossip_new"));

    // What CZMQ's environment says of the process holds for Rust, too.
    assert_eq!(lines[2], "IPv6 false");
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        assert_eq!(program.run(&[("ZSYS_IPV6", "1")]).out.lines().nth(2), Some("IPv6 true"));
    }
    let hours = ["TST0", "TST-6"].map(|zone| hour_of_log_line(&program.run(&[("TZ", zone)]).err));
    // A little more where the hour has changed between the two.
    assert!([6, 7].contains(&(hours[1] - hours[0]).rem_euclid(24)), "log lines have local time: {hours:?}");

    let refused = program.cargo(&["check", "--example", "intruder"]);
    assert!(!refused.success(), "the layers are not public");
    for layer in ["actor", "api", "core", "engine", "log"] {
        assert!(refused.err.contains(&format!("module `{layer}` is private")), "{layer}: {}", refused.err);
    }
}

#[test]
fn a_program_takes_the_systems_libzmq_with_the_readmes_settings() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let way = readme.split_once("**5. ").expect("way 5").1;
    let settings =
        way.split_once("```toml\n").and_then(|(_, rest)| rest.split_once("```")).expect("settings").0;
    let mut rustc = Command::new("rustc");
    rustc.arg("-vV");
    let version = run(rustc, LONG).check("rustc").out;
    let target = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a target");
    let settings = settings.replace("x86_64-unknown-linux-gnu", target);

    let program = Program::new("system", Some(&settings));
    // The build script says it when it runs.
    program.cargo(&["clean", "--package", "zgossip"]).check("cargo clean");
    let built = program.cargo(&["build", "-vv"]).check("cargo build");
    let said =
        built.out.lines().chain(built.err.lines()).find(|line| line.contains("libzmq: the system's, "));
    assert!(said.is_some_and(|line| line.contains("linked dynamically")), "{}\n{}", built.out, built.err);
    let needed = program.inspect("readelf", "-d");
    assert!(needed.contains("[libzmq.so.5]"), "{needed}");
    let ran = program.run(&[]);
    assert!(ran.out.starts_with("service/printer = tcp://10.0.0.7:9100\n"), "{}", ran.out);
}

#[test]
fn the_package_holds_what_users_need_and_no_more() {
    let place = package();
    for file in [
        "README.md",
        "LICENSE",
        "build.rs",
        "src/lib.rs",
        "Makefile",
        "include/zgossip.h",
        "examples/announce.rs",
    ] {
        assert!(place.join(file).is_file(), "{file}");
    }
    for name in [".ci", ".github", ".gitignore", "tests", "ctests", "bench", "bindings", "target"] {
        assert!(!place.join(name).exists(), "{name}");
    }
}

#[test]
fn the_c_library_is_refused_without_the_systems_libzmq() {
    let scratch = Scratch::new();
    let manifest = root().join("Cargo.toml");
    let manifest = manifest.to_str().expect("plain path");
    let mut command = cargo(&scratch.path(""), "bundled", &["build", "--manifest-path", manifest]);
    command.env("ZGOSSIP_LIBZMQ", "system");
    let built = run(command, BUILD);
    assert!(!built.success(), "{}", built.err);
    assert!(built.err.contains("zmq-sys's own copy of libzmq instead of the system's"), "{}", built.err);
}
