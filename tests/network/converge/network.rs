//! Nodes in processes of their own, each link through a tap.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::tap::{Seen, Tap};
use common::node::eventually;
use common::{LONG, Lib, Node, Tuples};

/// Tests that measure time share the machine with each other, but not with those that use it up.
static MACHINE: RwLock<()> = RwLock::new(());

pub fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(|poison| poison.into_inner())
}

pub fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(|poison| poison.into_inner())
}

/// Prints a measured figure.
pub fn report(what: &str, figures: impl fmt::Display) {
    println!("measured: {what}: {figures}");
}

pub fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

/// Microseconds on the clock that the programs' `!until` waits for.
pub fn monotonic() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}

/// Reads the numbers of STATS.
#[track_caller]
pub fn stats(node: &Node) -> BTreeMap<String, u64> {
    node.send("STATS");
    let text = node.wait_for_line("STATS", LONG).expect("a node answers STATS");
    let words: Vec<&str> = text.split(' ').collect();
    let number = |name, text: &str| match name {
        "root" => u64::from_str_radix(text, 16).expect("a digest"),
        _ => text.parse().expect("a number"),
    };
    words.chunks(2).map(|pair| (pair[0].to_owned(), number(pair[0], pair[1]))).collect()
}

/// Reads the value of a key with GET.
#[track_caller]
pub fn value(node: &Node, key: &str) -> Option<String> {
    node.send(&format!("GET {key}"));
    let text = node.wait_for_line("VALUE", LONG).expect("a node answers GET");
    let (held, value) = text.split_once(' ').map_or((text.as_str(), None), |(key, value)| (key, Some(value)));
    assert_eq!(held, key);
    value.map(str::to_owned)
}

/// Processor time that a process has used so far.
pub fn processor_time(id: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("a running process");
    let fields: Vec<&str> = text.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(ticks * 10)
}

/// Resident memory of a process in kB.
pub fn memory(id: u32) -> i64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a running process");
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

pub struct Network {
    pub nodes: Vec<Node>,
    pub libs: Vec<Lib>,
    pub taps: Vec<Tap>,
    endpoints: BTreeMap<usize, String>,
}

impl Network {
    /// Nodes, and links from client to server. All have met when this returns.
    #[track_caller]
    pub fn new(libs: &[Lib], links: &[(usize, usize)]) -> Network {
        let nodes = libs.iter().enumerate().map(|(i, &lib)| Node::new(lib, &format!("n{i}"))).collect();
        let mut network =
            Network { nodes, libs: libs.to_vec(), taps: Vec::new(), endpoints: BTreeMap::new() };
        for &(client, server) in links {
            network.link(client, server);
        }
        network.meet();
        network
    }

    pub fn endpoint(&mut self, node: usize) -> String {
        self.endpoints.entry(node).or_insert_with(|| self.nodes[node].bind()).clone()
    }

    pub fn link(&mut self, client: usize, server: usize) {
        let tap = Tap::recording(&self.endpoint(server));
        self.nodes[client].connect(&tap.endpoint);
        self.taps.push(tap);
    }

    /// Publishes a tuple on each node, which all nodes get. The tuple is also the small one of its own with which a
    /// plain client keeps a link.
    #[track_caller]
    fn meet(&self) {
        let mut all = Tuples::new();
        for (i, node) in self.nodes.iter().enumerate() {
            node.publish(&format!("~{i}"), "");
            all.insert(format!("~{i}"), String::new());
        }
        for node in &self.nodes {
            node.must_hold_all(&all);
        }
    }

    pub fn last_news(&self) -> Option<Instant> {
        self.taps.iter().filter_map(Tap::last_news).max()
    }

    /// Messages with tuples in them that came by from a time on.
    pub fn news_since(&self, since: Instant) -> Vec<Seen> {
        let seen = self.taps.iter().flat_map(|tap| tap.seen());
        seen.filter(|seen| seen.is_news() && seen.at >= since).collect()
    }

    /// Waits until no tuple has travelled for some time; returns how long after `since` the last one did.
    #[track_caller]
    pub fn settle(&self, since: Instant, quiet: Duration) -> Duration {
        let start = Instant::now();
        loop {
            let last = self.last_news().unwrap_or(since).max(since);
            let silent = last.max(start).elapsed();
            if silent >= quiet {
                return last - since;
            }
            assert!(start.elapsed() < LONG * 2, "no end of tuples: {} and more", self.describe(since));
            sleep(quiet - silent);
        }
    }

    fn describe(&self, since: Instant) -> String {
        let news = self.news_since(since);
        let last: Vec<String> =
            news.iter().rev().take(5).map(|seen| String::from_utf8_lossy(&seen.frame).into_owned()).collect();
        format!("{} since then, last {last:?}", news.len())
    }

    /// Waits until all hold the same, as their owners were told; returns it.
    #[track_caller]
    pub fn must_agree(&self) -> Tuples {
        eventually(LONG, || {
            let first = self.nodes[0].tuples();
            self.nodes.iter().all(|node| node.tuples() == first)
        });
        let first = self.nodes[0].tuples();
        for (i, node) in self.nodes.iter().enumerate() {
            let held = node.tuples();
            let differ: Vec<_> = first.iter().filter(|(key, value)| held.get(*key) != Some(*value)).collect();
            assert!(
                held == first,
                "node {i} ({:?}) of {:?} has {} tuples, node 0 {}; {} differ: {:?}, it has {:?}",
                self.libs[i],
                self.libs,
                held.len(),
                first.len(),
                differ.len(),
                &differ[..differ.len().min(5)],
                differ.iter().take(5).map(|(key, _)| held.get(*key)).collect::<Vec<_>>(),
            );
        }
        first
    }
}

/// The middle one of some times.
pub fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}
