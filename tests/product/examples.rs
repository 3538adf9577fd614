//! The examples, built as their first lines say from what `make install`
//! puts down, and run: several processes, in several languages, on one
//! network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::build::root;
use common::{LONG, Process, Scratch, artifacts, run};

/// The library, installed into a place of its own, and what was built there.
struct Installed {
    scratch: Scratch,
}

impl Installed {
    #[track_caller]
    fn new() -> Installed {
        let scratch = Scratch::new();
        let mut command = Command::new("make");
        command.arg("-C").arg(root()).arg("install").env_remove("MAKEFLAGS");
        command.arg(format!("BUILT={}", artifacts().dir.display()));
        command.arg(format!("PREFIX={}", scratch.path("opt")));
        // Without ldconfig, which is for a real installation
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        run(command, LONG).check("make install");
        Installed { scratch }
    }

    fn environment(&self, command: &mut Command) {
        let lib = self.scratch.path("opt/lib");
        command.current_dir(self.scratch.path(""));
        command.env("PKG_CONFIG_PATH", format!("{lib}/pkgconfig"));
        command.env("LD_LIBRARY_PATH", &lib);
        command.env_remove("LD_PRELOAD").env_remove("ZGOSSIP_LIBRARY");
        command.env("PYTHONPATH", root().join("bindings/python/src"));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
    }

    /// Builds an example by the first line in its comment that calls a
    /// compiler, and returns where the program is.
    #[track_caller]
    fn build(&self, source: &str) -> PathBuf {
        let path = root().join("examples").join(source);
        let text = fs::read_to_string(&path).expect("an example");
        let line =
            text.lines().map(str::trim).find(|line| line.starts_with("cc ") || line.starts_with("c++ "));
        let line = line.unwrap_or_else(|| panic!("{source} says how to build it"));
        fs::copy(&path, self.scratch.path(source)).expect("an example");
        let mut command = Command::new("sh");
        command.args(["-ec", &format!("{line} -Wall -Wextra -Werror -Wno-unused-function")]);
        self.environment(&mut command);
        run(command, LONG * 4).check(line);
        let name = Path::new(source).file_stem().expect("a name");
        PathBuf::from(self.scratch.path(name.to_str().expect("plain")))
    }

    fn start(&self, program: &Path, arguments: &[&str]) -> Running {
        let mut command = Command::new(program);
        command.args(arguments);
        self.environment(&mut command);
        Running { process: Process::spawn(command), name: format!("{program:?} {arguments:?}"), from: 0 }
    }

    fn python(&self, script: &str, arguments: &[&str]) -> Running {
        let script = root().join("examples").join(script);
        let mut all = vec![script.to_str().expect("plain path")];
        all.extend(arguments);
        self.start(Path::new("python3"), &all)
    }
}

/// A process of an example.
struct Running {
    process: Process,
    name: String,
    from: usize,
}

impl Running {
    /// Waits for a line, after those waited for before.
    #[track_caller]
    fn says(&mut self, line: &str) {
        let found = self.process.wait_line(self.from, LONG, |said| said == line);
        let Some((from, _)) = found else {
            panic!("{} does not say {line:?} but {:?}", self.name, self.process.lines_from(0))
        };
        self.from = from;
    }

    /// Checks that a process has printed a line, at whatever moment, once.
    #[track_caller]
    fn has_said(&self, line: &str) {
        let found = self.process.wait_line(0, LONG, |said| said == line);
        let said = self.process.lines_from(0);
        assert!(found.is_some(), "{} says {line:?}: {said:?}", self.name);
        assert_eq!(said.iter().filter(|said| *said == line).count(), 1, "{}: {said:?}", self.name);
    }

    fn tell(&mut self, line: &str) {
        self.process.tell(line);
    }

    /// Asks it to end, as a service manager does.
    #[track_caller]
    fn end(self) {
        let kill = Command::new("kill").arg(self.process.id().to_string()).status();
        assert!(kill.expect("the kill command").success());
        self.ended();
    }

    /// Ends its input.
    #[track_caller]
    fn leave(mut self) {
        self.process.close_stdin();
        self.ended();
    }

    #[track_caller]
    fn ended(mut self) {
        let status = self.process.wait(LONG);
        assert!(status.is_some_and(|status| status.success()), "{} ends: {status:?}", self.name);
    }
}

/// Three processes talk; the last one to come hears what was said before.
#[test]
fn the_chat_in_c_talks_on_our_library_alone() {
    let here = Installed::new();
    let chat = here.build("chat.c");
    let needed = run(
        {
            let mut command = Command::new("readelf");
            command.arg("-d").arg(&chat);
            command
        },
        LONG,
    );
    assert!(!needed.out.contains("libczmq"), "no CZMQ: {}", needed.out);

    let endpoint = here.scratch.ipc("net.socket");
    let mut ann = here.start(&chat, &["ann", "bind", &endpoint]);
    let mut bob = here.start(&chat, &["bob", "connect", &endpoint]);
    ann.tell("hello\nis anybody there?");
    bob.says("ann: hello");
    bob.says("ann: is anybody there?");
    bob.tell("here I am");
    ann.says("bob: here I am");
    let mut cat = here.start(&chat, &["cat", "connect", &endpoint]);
    for line in ["ann: hello", "ann: is anybody there?", "bob: here I am"] {
        cat.has_said(line);
    }
    cat.tell("what did I miss?");
    ann.says("cat: what did I miss?");
    bob.says("cat: what did I miss?");
    for one in [bob, cat, ann] {
        one.leave();
    }
}

/// The source of the chat is a program of CZMQ's, too.
#[test]
fn the_chat_in_c_talks_with_czmq() {
    let here = Installed::new();
    let chat = common::Compile::source(root().join("examples/chat.c")).warnings().czmq().build();
    let endpoint = here.scratch.ipc("net.socket");
    let mut ann = here.start(&chat, &["ann", "bind", &endpoint]);
    let mut bob = here.start(&chat, &["bob", "connect", &endpoint]);
    ann.tell("hello");
    bob.says("ann: hello");
    for one in [ann, bob] {
        one.leave();
    }
}

/// Services that come, end and crash; seen by C, and by JavaScript where
/// there is Node.
#[test]
fn the_presence_example_tells_who_comes_and_goes() {
    let here = Installed::new();
    let presence = here.build("presence.c");
    let endpoint = here.scratch.ipc("net.socket");
    let mut registry = here.start(&presence, &["registry", "10.0.0.1:80", "bind", &endpoint]);
    registry.says("+ registry 10.0.0.1:80");
    let printer = here.start(&presence, &["printer", "10.0.0.2:9100", "connect", &endpoint]);
    registry.says("+ printer 10.0.0.2:9100");
    let mut camera = here.start(&presence, &["camera", "10.0.0.3:554", "connect", &endpoint]);
    registry.says("+ camera 10.0.0.3:554");
    camera.has_said("+ registry 10.0.0.1:80");
    camera.has_said("+ printer 10.0.0.2:9100");

    // Longer than a lease: who is there stays
    let left = registry.process.wait_line(0, Duration::from_millis(4500), |line| line.starts_with("- "));
    assert_eq!(left, None);

    printer.end();
    registry.says("- printer");
    camera.says("- printer");
    let printer = here.start(&presence, &["printer", "10.0.0.4:9100", "connect", &endpoint]);
    registry.says("+ printer 10.0.0.4:9100");
    camera.process.kill();
    registry.says("- camera");
    printer.has_said("- camera");
    registry.end();
}

/// Builds a Rust example, which a run of this test program alone does not, and returns where cargo has put it.
#[track_caller]
fn rust_example(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("own path");
    let profile = own.parent().and_then(Path::parent).expect("the profile's directory");
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--offline", "--example", name]).current_dir(root());
    if profile.ends_with("release") {
        command.arg("--release");
    }
    run(command, LONG * 20).check("cargo build --example");
    profile.join("examples").join(name)
}

#[test]
fn the_rust_examples_meet_each_other_and_the_one_in_c() {
    let here = Installed::new();
    let presence = here.build("presence.c");
    let endpoint = here.scratch.ipc("net.socket");
    let mut discover = here.start(&rust_example("discover"), &["bind", &endpoint]);
    let program = rust_example("announce");
    let announce = |name, address| here.start(&program, &[name, address, "connect", &endpoint]);
    let printer = announce("printer", "10.0.0.2:9100");
    discover.says("+ printer 10.0.0.2:9100");
    let mut camera = announce("camera", "10.0.0.3:554");
    discover.says("+ camera 10.0.0.3:554");
    let registry = here.start(&presence, &["registry", "10.0.0.1:80", "connect", &endpoint]);
    discover.says("+ registry 10.0.0.1:80");
    registry.has_said("+ camera 10.0.0.3:554");
    printer.leave();
    discover.says("- printer");
    camera.process.kill();
    discover.says("- camera");
    registry.end();
    discover.says("- registry");
    discover.leave();
}

/// Path of the JavaScript example and its package, or the reason why there is none.
fn node_example() -> Result<PathBuf, String> {
    for tool in ["node", "npm"] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("command -v {tool}")]);
        if !run(command, LONG).success() {
            return Err(format!("there is no {tool}"));
        }
    }
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples-node");
    fs::create_dir_all(&place).expect("a directory");
    for file in ["package.json", "presence.mjs"] {
        fs::copy(root().join("examples/node").join(file), place.join(file)).expect("the example");
    }
    // Once is enough
    let check = |place: &Path| {
        let mut command = Command::new("node");
        command.args(["--input-type=module", "-e", "await import('koffi')"]).current_dir(place);
        run(command, LONG).success()
    };
    if !check(&place) {
        let mut command = Command::new("npm");
        command.args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&place);
        let done = run(command, LONG * 4);
        if !done.success() || !check(&place) {
            return Err(format!("the package cannot be installed: {}", done.err));
        }
    }
    Ok(place.join("presence.mjs"))
}

#[test]
fn the_presence_example_in_javascript_meets_the_one_in_c() {
    let script = match node_example() {
        Ok(script) => script,
        Err(why) => return eprintln!("SKIPPED: the JavaScript example: {why}"),
    };
    let here = Installed::new();
    let script = script.to_str().expect("plain path");
    let presence = here.build("presence.c");
    let endpoint = here.scratch.ipc("net.socket");
    let mut registry = here.start(Path::new("node"), &[script, "registry", "10.0.0.1:80", "bind", &endpoint]);
    registry.says("+ registry 10.0.0.1:80");
    let mut printer = here.start(&presence, &["printer", "10.0.0.2:9100", "connect", &endpoint]);
    registry.says("+ printer 10.0.0.2:9100");
    printer.says("+ registry 10.0.0.1:80");
    let camera = here.start(Path::new("node"), &[script, "camera", "10.0.0.3:554", "connect", &endpoint]);
    registry.says("+ camera 10.0.0.3:554");
    printer.has_said("+ camera 10.0.0.3:554");
    camera.has_said("+ printer 10.0.0.2:9100");
    camera.end();
    registry.says("- camera");
    printer.process.kill();
    registry.says("- printer");
    registry.end();
}

/// A writer, and readers in both languages: one from the beginning, one that
/// comes late.
fn configuration(here: &Installed, write: impl Fn(&str) -> Running, read: [&dyn Fn(&str) -> Running; 2]) {
    let endpoint = here.scratch.ipc("net.socket");
    let mut writer = write(&endpoint);
    let mut early = read[0](&endpoint);
    writer.tell("colour = blue");
    early.says("colour: unset -> blue");
    writer.tell("size = 10 % more");
    early.says("size: unset -> 10 % more");
    writer.tell("colour = dark green");
    early.says("colour: blue -> dark green");
    let mut late = read[1](&endpoint);
    late.has_said("colour: unset -> dark green");
    late.has_said("size: unset -> 10 % more");
    writer.tell("size =");
    for reader in [&mut early, &mut late] {
        reader.says("size: 10 % more -> unset");
    }
    let mut said = late.process.lines_from(0);
    said.sort();
    let wanted = ["colour: unset -> dark green", "size: 10 % more -> unset", "size: unset -> 10 % more"];
    assert_eq!(said, wanted, "and nothing more than once");
    // The writer does not leave before its last word has arrived
    writer.tell("last = word");
    writer.leave();
    for reader in [&mut early, &mut late] {
        reader.says("last: unset -> word");
    }
}

#[test]
fn configuration_written_in_cpp_is_read_in_cpp_and_python() {
    let here = Installed::new();
    let config = here.build("config.cc");
    let cpp = |endpoint: &str| here.start(&config, &["read", endpoint]);
    let python = |endpoint: &str| here.python("config.py", &["read", endpoint]);
    configuration(&here, |endpoint| here.start(&config, &["write", endpoint]), [&python, &cpp]);
}

#[test]
fn configuration_written_in_python_is_read_in_cpp_and_python() {
    let here = Installed::new();
    let config = here.build("config.cc");
    let cpp = |endpoint: &str| here.start(&config, &["read", endpoint]);
    let python = |endpoint: &str| here.python("config.py", &["read", endpoint]);
    configuration(&here, |endpoint| here.python("config.py", &["write", endpoint]), [&cpp, &python]);
}
