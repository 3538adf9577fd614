//! The Python package: its own tests, its installation, and a long
//! exchange with CZMQ.

use std::collections::HashSet;
use std::process::Command;
use std::time::Duration;

use common::build::root;
use common::{LONG, Lib, Node, Process, Scratch, artifacts, run};

/// Python, which finds the package in the tree and the library of this build.
fn python(arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(arguments).current_dir(root().join("bindings/python"));
    command.env("PYTHONPATH", root().join("bindings/python/src"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("ZGOSSIP_LIBRARY", &artifacts().shared).env_remove("LD_PRELOAD");
    command
}

#[test]
fn the_packages_own_tests_pass() {
    let done =
        run(python(&["-W", "error", "-m", "unittest", "discover", "-s", "tests"]), Duration::from_secs(300));
    let done = done.check("the package's tests");
    assert!(done.err.lines().any(|line| line.starts_with("Ran ")), "{}", done.err);
    assert!(done.err.ends_with("OK"), "{}", done.err);
}

/// The package is installed as a user would, into a place of its own and without a network.
#[test]
fn pip_installs_the_package() {
    if !run(python(&["-m", "pip", "--version"]), LONG).success() {
        return eprintln!("SKIPPED: the package's installation: there is no pip");
    }
    let scratch = Scratch::new();
    let place = scratch.path("site");
    let mut pip =
        python(&["-m", "pip", "install", "--no-index", "--disable-pip-version-check", "--target", &place]);
    pip.arg(root().join("bindings/python")).env_remove("PYTHONPATH");
    run(pip, LONG * 3).check("pip install");
    let program = "import zgossip\n\
                   with zgossip.Node() as node:\n    \
                       node.publish('key', 'value')\n    \
                       print(zgossip.__file__, node.recv(20))";
    let mut command = python(&["-c", program]);
    command.env("PYTHONPATH", &place).current_dir(scratch.path(""));
    let done = run(command, LONG).check("the installed package");
    assert_eq!(done.out, format!("{place}/zgossip/__init__.py Deliver(key=b'key', value=b'value')"));
    assert!(std::path::Path::new(&place).join("zgossip/py.typed").is_file(), "it tells that it is typed");
}

/// A Python node and a stock one, each in its process.
struct Conversation {
    here: Process,
    there: Node,
    from: usize,
}

impl Conversation {
    /// Messages that a stock node can be told before its owner reads: its pipe takes a
    /// thousand messages, and it stops for good where both ends are full.
    const PIECE: usize = 500;

    fn new() -> Conversation {
        let here = Process::spawn(python(&["tests/traffic.py"]));
        let (from, port) = here.wait_line(0, LONG, |line| line.starts_with("port ")).expect("it binds");
        let there = Node::new(Lib::Stock, "stock");
        there.connect(&format!("tcp://127.0.0.1:{}", &port[5..]));
        Conversation { here, there, from }
    }

    /// Runs the Python node, and reads what it says when it has done its work: how many keys it
    /// holds, and its memory in kB.
    #[track_caller]
    fn done(&mut self, verb: &str) -> [usize; 2] {
        let start = format!("{verb} done ");
        let done = self.here.wait_line(self.from, LONG * 2, |line| line.starts_with(&start));
        let (from, line) = done.unwrap_or_else(|| panic!("{verb} is done: {}", self.here.stderr()));
        self.from = from;
        let mut numbers = line[start.len()..].split(' ').map(|word| word.parse().expect("a number"));
        std::array::from_fn(|_| numbers.next().expect("two numbers"))
    }

    /// The stock node publishes keys, and the Python node receives them all.
    #[track_caller]
    fn receive(&mut self, keys: usize, size: usize) {
        self.here.tell(&format!("receive {keys} stock/ {size}"));
        for first in (0..keys).step_by(Self::PIECE) {
            self.there.send(&format!("!fill stock/ {first} {} {size}", Self::PIECE));
            let last = format!("DELIVER stock/{}", first + Self::PIECE - 1);
            assert!(self.there.wait_for_line(&last, LONG).is_some(), "CZMQ's node goes on");
        }
        self.done("receive");
    }

    /// The Python node publishes keys, and the stock node receives them all.
    #[track_caller]
    fn publish(&mut self, keys: usize, value: &str) -> [usize; 2] {
        self.here.tell(&format!("publish {keys} python/ {value}"));
        let mut missing: HashSet<usize> = (0..keys).collect();
        while !missing.is_empty() {
            let line = self.there.wait_for_line("DELIVER", LONG);
            let line = line.unwrap_or_else(|| panic!("{} keys do not arrive at CZMQ", missing.len()));
            if let Some(number) = line.strip_prefix("python/").and_then(|rest| rest.strip_suffix(value)) {
                missing.remove(&number.trim_end().parse().expect("a number"));
            }
        }
        self.done("publish")
    }

    #[track_caller]
    fn end(mut self) {
        let Conversation { there, .. } = self;
        there.host.quit().check("CZMQ's process");
        self.here.close_stdin();
        assert!(self.here.wait(LONG).is_some_and(|status| status.success()));
    }
}

#[test]
fn a_hundred_thousand_tuples_each_way_with_czmq() {
    const KEYS: usize = 100_000;
    let mut both = Conversation::new();
    both.receive(KEYS, 20);
    let [count, kilobytes] = both.publish(KEYS, "value");
    assert_eq!(count, 2 * KEYS);
    // With Python itself
    assert!(kilobytes < 160_000, "{kilobytes} kB");
    both.end();
}

/// Three hundred thousand updates each way: they take no memory.
#[test]
fn three_hundred_thousand_updates_each_way_take_no_memory() {
    const KEYS: usize = 5_000;
    let mut both = Conversation::new();
    let mut memory = vec![];
    for round in 0..60 {
        both.receive(KEYS, 10 + round);
        let [count, kilobytes] = both.publish(KEYS, &format!("round{round}"));
        assert_eq!(count, 2 * KEYS);
        memory.push(kilobytes);
    }
    // At first it grows: a few replaced values of each key are remembered, and the allocator settles. From then on a
    // leak of ten bytes for each update would be seen.
    let (before, after) = (memory[24], memory[59]);
    assert!(after < before + 3_500, "memory is flat: {memory:?} kB");
    both.end();
}
