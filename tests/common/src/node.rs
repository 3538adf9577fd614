//! Gossip nodes in other processes, and what each of them has received.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::build::{czmq_program, native_program};
use super::{Finished, LONG, Lib, Process};

/// Tuples of a node by its owner's events: the last value of each key.
pub type Tuples = BTreeMap<String, String>;

/// A process with gossip nodes in it.
#[derive(Clone)]
pub struct Host(Rc<RefCell<Process>>);

impl Host {
    #[track_caller]
    pub fn new(lib: Lib) -> Host {
        let command = match lib {
            Lib::Native => native_program("native_node"),
            _ => czmq_program("node", lib),
        };
        Host::run(command)
    }

    #[track_caller]
    pub fn run(command: Command) -> Host {
        let process = Process::spawn(command);
        let ready = process.wait_line(0, LONG, |line| line == "* !ready");
        assert!(ready.is_some(), "the node program starts: {}", process.stderr());
        Host(Rc::new(RefCell::new(process)))
    }

    /// Makes a node in this process.
    #[track_caller]
    pub fn node(&self, name: &str) -> Node {
        let node = self.silent_node(name);
        assert!(node.wait_for_line("!new", LONG).is_some(), "node {name} starts");
        node
    }

    /// Makes a node in this process, and does not wait for it.
    pub fn silent_node(&self, name: &str) -> Node {
        let from = self.0.borrow().printed();
        self.tell(&format!("{name} !new {name}"));
        Node { host: self.clone(), name: name.to_owned(), from: from.into() }
    }

    pub fn tell(&self, lines: &str) {
        self.0.borrow_mut().tell(lines);
    }

    /// Returns the lines from a place on, with the time when each was read.
    pub fn timed_lines_from(&self, place: usize) -> Vec<(Instant, String)> {
        self.0.borrow().timed_lines_from(place)
    }

    pub fn id(&self) -> u32 {
        self.0.borrow().id()
    }

    pub fn kill(&self) {
        self.0.borrow_mut().kill();
    }

    pub fn stop(&self) {
        self.0.borrow_mut().stop();
    }

    pub fn resume(&self) {
        self.0.borrow_mut().resume();
    }

    pub fn is_running(&self) -> bool {
        self.0.borrow_mut().is_running()
    }

    pub fn stderr(&self) -> String {
        self.0.borrow().stderr()
    }

    pub fn wait_stderr(&self, limit: Duration, text: &str) -> bool {
        self.0.borrow().wait_stderr(limit, text)
    }

    /// Waits for the process to end by itself: the signal, if one ended it.
    pub fn wait_end(&self, limit: Duration) -> Option<std::process::ExitStatus> {
        self.0.borrow_mut().wait(limit)
    }

    /// Threads, descriptors, resident kB.
    #[track_caller]
    pub fn stats(&self) -> [i64; 3] {
        let from = self.0.borrow().printed();
        self.tell("* !stats");
        let line = self.0.borrow().wait_line(from, LONG, |line| line.starts_with("* !stats "));
        let line = line.expect("a process answers !stats").1;
        let mut numbers = line.split(' ').skip(2).map(|word| word.parse().expect("a number"));
        std::array::from_fn(|_| numbers.next().expect("three numbers"))
    }

    /// Ends the program in good order; it must be the last handle on it.
    #[track_caller]
    pub fn quit(self) -> Finished {
        self.tell("* !quit");
        self.0.borrow_mut().close_stdin();
        let status = self.wait_end(LONG);
        let process = self.0.borrow();
        Finished {
            status,
            out: process.lines_from(0).join("\n"),
            err: process.stderr(),
            took: Duration::ZERO,
        }
    }
}

/// A gossip node in a process of its own.
pub struct Node {
    pub host: Host,
    name: String,
    from: std::cell::Cell<usize>,
}

/// Writes a piece of a line as the programs read it.
pub fn escape(piece: &[u8]) -> String {
    if piece.is_empty() {
        return "%_".to_owned();
    }
    let mut text = String::new();
    for &byte in piece {
        if byte.is_ascii_graphic() && byte != b'%' {
            text.push(byte as char);
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// Reads a piece of a line back; what was shortened stays as it is.
pub fn unescape(piece: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), piece);
    while let Some(at) = rest.find('%') {
        bytes.extend(&rest.as_bytes()[..at]);
        let code = rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(byte) => bytes.push(byte),
            None if rest[at..].starts_with("%_") => {}
            None => return piece.to_owned(),
        }
        rest = rest.get(at + if code.is_some() { 3 } else { 2 }..).unwrap_or_default();
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8(bytes).unwrap_or_else(|_| piece.to_owned())
}

impl Node {
    /// A node in a process of its own.
    #[track_caller]
    pub fn new(lib: Lib, name: &str) -> Node {
        Host::new(lib).node(name)
    }

    /// Sends a command, words separated by spaces, already escaped.
    pub fn send(&self, command: &str) {
        self.host.tell(&format!("{} {command}", self.name));
    }

    /// Sends a command of any bytes.
    pub fn send_pieces(&self, pieces: &[&[u8]]) {
        let words: Vec<_> = pieces.iter().map(|piece| escape(piece)).collect();
        self.send(&words.join(" "));
    }

    /// Waits for the next line of this node, from where the last wait ended,
    /// that begins with a word; returns what follows.
    pub fn wait_for_line(&self, first: &str, limit: Duration) -> Option<String> {
        let start = format!("{} {first}", self.name);
        let found = self.host.0.borrow().wait_line(self.from.get(), limit, |line| {
            line.strip_prefix(&start).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })?;
        self.from.set(found.0);
        Some(found.1[start.len()..].trim_start().to_owned())
    }

    fn answer(&self, command: &str, word: &str, limit: Duration) -> Option<String> {
        self.from.set(self.host.0.borrow().printed());
        self.send(command);
        self.wait_for_line(word, limit)
    }

    /// Reads the number of STATUS, if the reply comes in time.
    pub fn status_within(&self, limit: Duration) -> Option<usize> {
        self.answer("STATUS", "STATUS", limit).and_then(|text| text.parse().ok())
    }

    #[track_caller]
    pub fn status(&self) -> usize {
        match self.status_within(LONG) {
            Some(count) => count,
            None => panic!("{} answers STATUS", self.name),
        }
    }

    /// The counters in the reply to STATS.
    #[track_caller]
    pub fn counters(&self) -> Tuples {
        let line = self.answer("STATS", "STATS", LONG).expect("a node answers STATS");
        let words: Vec<&str> = line.split(' ').collect();
        words.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
    }

    #[track_caller]
    pub fn counter(&self, name: &str) -> u64 {
        let counters = self.counters();
        let found = counters.get(name).unwrap_or_else(|| panic!("STATS has {name}: {counters:?}"));
        found.parse().expect("a number")
    }

    #[track_caller]
    pub fn port(&self) -> i32 {
        let port = self.answer("PORT", "PORT", LONG);
        port.and_then(|text| text.parse().ok()).expect("a node answers PORT")
    }

    /// Binds to a free TCP port and returns the endpoint.
    #[track_caller]
    pub fn bind(&self) -> String {
        self.send("BIND tcp://127.0.0.1:*");
        let port = self.port();
        assert!(port > 0, "{} binds: PORT {port}", self.name);
        format!("tcp://127.0.0.1:{port}")
    }

    /// Binds to a given endpoint, and returns when that is done.
    #[track_caller]
    pub fn bind_to(&self, endpoint: &str) {
        self.send(&format!("BIND {endpoint}"));
        let port = self.port();
        assert!(port >= 0, "{} binds to {endpoint}", self.name);
    }

    pub fn connect(&self, endpoint: &str) {
        self.send(&format!("CONNECT {endpoint}"));
    }

    pub fn publish(&self, key: &str, value: &str) {
        self.send_pieces(&[b"PUBLISH", key.as_bytes(), value.as_bytes()]);
    }

    /// Tuples delivered so far, in order.
    pub fn delivered(&self) -> Vec<(String, String)> {
        let start = format!("{} DELIVER ", self.name);
        let lines = self.host.0.borrow().lines_from(0);
        let pairs = lines.iter().filter_map(|line| line.strip_prefix(&start)?.split_once(' '));
        pairs.map(|(key, value)| (unescape(key), unescape(value))).collect()
    }

    /// The values that one key had, in order.
    pub fn values_of(&self, key: &str) -> Vec<String> {
        self.delivered().into_iter().filter(|pair| pair.0 == key).map(|pair| pair.1).collect()
    }

    /// Lines of this node, without its name.
    pub fn lines(&self) -> Vec<String> {
        let start = format!("{} ", self.name);
        let lines = self.host.0.borrow().lines_from(0);
        lines.iter().filter_map(|line| Some(line.strip_prefix(&start)?.to_owned())).collect()
    }

    pub fn tuples(&self) -> Tuples {
        self.delivered().into_iter().collect()
    }

    /// Waits until what was delivered satisfies a condition.
    pub fn wait_tuples(&self, limit: Duration, done: impl Fn(&Tuples) -> bool) -> bool {
        let start = format!("{} DELIVER ", self.name);
        let mut tuples = Tuples::new();
        let wanted = |line: &str| {
            if let Some((key, value)) = line.strip_prefix(&start).and_then(|rest| rest.split_once(' ')) {
                tuples.insert(unescape(key), unescape(value));
                return done(&tuples);
            }
            false
        };
        done(&Tuples::new()) || self.host.0.borrow().wait_line(0, limit, wanted).is_some()
    }

    pub fn holds(&self, key: &str, value: &str, limit: Duration) -> bool {
        self.wait_tuples(limit, |tuples| tuples.get(key).is_some_and(|held| held == value))
    }

    #[track_caller]
    pub fn must_hold(&self, key: &str, value: &str) {
        assert!(
            self.holds(key, value, LONG),
            "{} should hold {key}={value}, holds {:?}; stderr: {}",
            self.name,
            self.tuples().get(key),
            self.host.stderr()
        );
    }

    #[track_caller]
    pub fn must_hold_all(&self, wanted: &Tuples) {
        let all = |held: &Tuples| wanted.iter().all(|(key, value)| held.get(key) == Some(value));
        if !self.wait_tuples(LONG, all) {
            let held = self.tuples();
            let short = |value: &String| format!("{:.20} ({} bytes)", value, value.len());
            let wrong: Vec<_> = wanted
                .iter()
                .map(|(key, value)| (key, held.get(key), value))
                .filter(|(_, held, wanted)| *held != Some(*wanted))
                .map(|(key, held, wanted)| (key, held.map(short), short(wanted)))
                .collect();
            panic!(
                "{} holds {} tuples, and other than it should {} of {}: (key, held, should) {:?}; stderr: {}",
                self.name,
                held.len(),
                wrong.len(),
                wanted.len(),
                &wrong[..wrong.len().min(5)],
                self.host.stderr()
            );
        }
    }

    /// Destroys the actor; how long that took.
    #[track_caller]
    pub fn destroy(&self) -> Duration {
        let took = self.answer("!destroy", "!destroyed", LONG);
        let micros = took.and_then(|text| text.parse().ok()).expect("zactor_destroy returns");
        Duration::from_micros(micros)
    }
}

/// Waits until a condition holds, looking now and then: for what no process
/// announces by a line.
pub fn eventually(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if done() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
