//! An honest pair that talks over a hub while it is attacked.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Victim;
use crate::{Host, LONG, Lib, Node, Tuples};

/// Time from one update of the writer to its next.
const INTERVAL: Duration = Duration::from_millis(4);

/// Keys that the writer updates in turn: so many that an update has arrived long before its key's turn comes again.
const KEYS: usize = 500;

/// Number of the next pair: a hub may still hold what an earlier one wrote.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Times that an attack may be repeated before what the honest pair notices is its fault.
const TRIES: usize = 3;

/// How the updates of a pair arrived.
#[derive(Clone, Debug)]
pub struct Latency {
    pub sent: usize,
    /// Updates that never arrived, and that no later one replaced.
    pub lost: usize,
    pub p50: Duration,
    pub p99: Duration,
    pub max: Duration,
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency { sent, lost, p50, p99, max } = self;
        write!(f, "{sent} updates, {lost} lost; p50 {p50:?}, p99 {p99:?}, max {max:?}")
    }
}

/// A writer and a reader over a hub, in a process of their own.
struct Witness {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Latency>,
}

impl Witness {
    /// Starts a pair; returns once its updates arrive.
    #[track_caller]
    fn start(endpoint: &str) -> Witness {
        let ends = Arc::new(AtomicBool::new(false));
        let (ready, is_ready) = channel();
        let thread = {
            let (ends, endpoint) = (ends.clone(), endpoint.to_owned());
            thread::spawn(move || {
                let prefix = format!("witness{}.", NEXT.fetch_add(1, Ordering::Relaxed));
                let host = Host::new(Lib::Native);
                let (writer, reader) = (host.node("writer"), host.node("reader"));
                // To print what attackers write takes longer than to be sent it.
                writer.send("!mute");
                reader.send(&format!("!only {prefix}"));
                writer.connect(&endpoint);
                reader.connect(&endpoint);
                writer.publish(&key(&prefix, 0), "begin");
                reader.must_hold(&key(&prefix, 0), "begin");
                ready.send(()).expect("a test that waits");
                let sent = write_until(&ends, &writer, &prefix);
                judge(&host, &reader, &prefix, &sent)
            })
        };
        is_ready.recv().expect("an honest pair over the hub");
        Witness { ends, thread }
    }

    /// Ends the updates, and waits for those that are on the way.
    fn finish(self) -> Latency {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().expect("the honest pair ends well")
    }
}

/// A key of the writer whose keys begin with `prefix`.
fn key(prefix: &str, number: usize) -> String {
    format!("{prefix}{}", number % KEYS)
}

fn write_until(ends: &AtomicBool, writer: &Node, prefix: &str) -> Vec<Instant> {
    let mut sent = Vec::new();
    // Enough for a p99 even beside an attack that is over at once
    while sent.len() < 200 || !ends.load(Ordering::Relaxed) {
        let number = sent.len();
        sent.push(Instant::now());
        writer.publish(&key(prefix, number), &number.to_string());
        thread::sleep(INTERVAL);
    }
    sent
}

fn judge(host: &Host, reader: &Node, prefix: &str, sent: &[Instant]) -> Latency {
    let last: Tuples =
        (sent.len().saturating_sub(KEYS)..sent.len()).map(|n| (key(prefix, n), n.to_string())).collect();
    reader.wait_tuples(LONG, |held| last.iter().all(|(key, value)| held.get(key) == Some(value)));
    // For each key, when which update was there
    let mut came: HashMap<String, Vec<(Instant, usize)>> = HashMap::new();
    for (at, line) in host.timed_lines_from(0) {
        let Some((key, value)) = line.strip_prefix("reader DELIVER ").and_then(|pair| pair.split_once(' '))
        else {
            continue;
        };
        if let Ok(number) = value.parse() {
            came.entry(key.to_owned()).or_default().push((at, number));
        }
    }
    let arrival = |number: usize| {
        let first = came.get(&key(prefix, number))?.iter().find(|(_, came)| *came >= number)?;
        Some(first.0.saturating_duration_since(sent[number]))
    };
    let mut all: Vec<Duration> = (0..sent.len()).filter_map(arrival).collect();
    all.sort_unstable();
    let at = |share: usize| all.get((all.len() * share / 100).min(all.len().saturating_sub(1))).copied();
    Latency {
        sent: sent.len(),
        lost: sent.len() - all.len(),
        p50: at(50).unwrap_or(LONG),
        p99: at(99).unwrap_or(LONG),
        max: all.last().copied().unwrap_or(LONG),
    }
}

/// What an honest pair noticed of an attack on its hub.
#[derive(Clone, Debug)]
pub struct Service {
    /// The pair over the hub that was attacked.
    pub attacked: Latency,
    /// A pair over another hub at the same time: what the machine alone does to such a pair.
    pub control: Latency,
}

impl Service {
    /// Whether nothing was lost, and 99 of 100 updates took less than `limit` beyond what they took elsewhere.
    pub fn is_within(&self, limit: Duration) -> bool {
        self.attacked.lost == 0 && self.attacked.p99 < limit + self.control.max
    }

    /// Whether nothing was lost, and half of the updates took less. The slowest ones of a pair that is sent the flood, too,
    /// are a matter of its own machine, which has as much to do as the hub's.
    pub fn is_mostly_within(&self, limit: Duration) -> bool {
        self.attacked.lost == 0 && self.attacked.p50 < limit + self.control.max
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attacked: {}; elsewhere: {}", self.attacked, self.control)
    }
}

/// Attacks a hub, while an honest pair talks over it and another over a hub that is left alone.
#[track_caller]
pub fn beside<T>(victim: &Victim, attack: impl FnOnce() -> T) -> (Service, T) {
    let other = Victim::new(Lib::Native);
    let (pair, control) = (Witness::start(&victim.endpoint), Witness::start(&other.endpoint));
    let outcome = attack();
    let (attacked, control) = (pair.finish(), control.finish());
    (Service { attacked, control }, outcome)
}

/// Attacks a hub up to three times, and panics unless an honest pair was well served once, and nothing of it was lost
/// in any.
#[track_caller]
pub fn must_serve(victim: &Victim, limit: Duration, what: &str, attack: impl FnMut()) {
    must_be_once(victim, what, |service| service.is_within(limit), attack);
}

/// The same for an attack with tuples that the pair is sent: it is well served in half of its updates.
#[track_caller]
pub fn must_mostly_serve(victim: &Victim, limit: Duration, what: &str, attack: impl FnMut()) {
    must_be_once(victim, what, |service| service.is_mostly_within(limit), attack);
}

#[track_caller]
fn must_be_once(victim: &Victim, what: &str, is_good: impl Fn(&Service) -> bool, mut attack: impl FnMut()) {
    let mut all = Vec::new();
    while all.len() < TRIES {
        let (service, ()) = beside(victim, &mut attack);
        eprintln!("{what}: {service}");
        assert_eq!(service.attacked.lost, 0, "{what}: {service}");
        if is_good(&service) {
            return;
        }
        all.push(service.to_string());
    }
    panic!("{what}: it is not served in any try: {all:#?}");
}
