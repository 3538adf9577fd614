//! A run of a plan: processes, lines, faults and writes; then the faults end, and the judge asks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::history::{History, Life, Ours};
use super::member::{Asked, Member, Told};
use super::plan::{Event, Plan};
use super::relay::{Line, Relay};

/// Longest time from the end of the last fault until all agree: on a machine that is busy, with lines of seconds.
pub const BOUND: Duration = Duration::from_secs(45);
/// Time for which all must go on agreeing.
const STAYS: Duration = Duration::from_millis(1500);
/// Number of disagreements that are printed in full.
const TOLD: usize = 4;

pub struct Outcome {
    pub settled: Duration,
    pub writes: usize,
    pub failures: Vec<String>,
    /// Describes the plan of a seed, in a line.
    pub about: String,
}

pub struct Run<'a> {
    plan: &'a Plan,
    members: Vec<Member>,
    relays: Vec<Relay>,
    history: History,
    epoch: Instant,
    keys: BTreeSet<String>,
    hidden: BTreeSet<(String, Life)>,
    failures: Vec<String>,
    beat: usize,
}

/// Form in which the programs print a value that is long.
fn printed(value: String) -> String {
    if value.len() <= 400 {
        return value;
    }
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100000001b3);
    let hash = value.bytes().fold(0xcbf29ce484222325, step);
    format!("%#{}:{hash:016x}", value.len())
}

fn may_go(key: &str) -> bool {
    key.starts_with("brief") || key.starts_with("gone")
}

impl<'a> Run<'a> {
    pub fn of(plan: &'a Plan) -> Outcome {
        let members = plan.libs.iter().enumerate().map(|(i, &lib)| Member::new(lib, i)).collect();
        let has_stock = plan.has_stock();
        let history = History::new(has_stock, plan.is_bridged);
        let mut run = Run {
            plan,
            members,
            relays: Vec::new(),
            history,
            epoch: Instant::now(),
            keys: BTreeSet::new(),
            hidden: BTreeSet::new(),
            failures: Vec::new(),
            beat: 0,
        };
        run.begin();
        run.trouble();
        run.calm();
        let settled = run.settle();
        run.judge();
        let about = format!("{:?}, links {:?}", plan.libs, run.links());
        Outcome { settled, writes: run.history.writes.len(), failures: run.failures, about }
    }

    fn links(&self) -> Vec<(usize, usize)> {
        self.plan.links.iter().map(|link| (link.client, link.server)).collect()
    }

    fn since(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.epoch)
    }

    fn begin(&mut self) {
        for (place, member) in self.members.iter_mut().enumerate() {
            member.start(self.plan.is_server(place));
        }
        for link in &self.plan.links {
            let relay = Relay::new(self.members[link.server].endpoint.as_deref().expect("a server"));
            relay.set(link.ways[0], link.ways[1]);
            self.members[link.client].connect(&relay.endpoint);
            self.relays.push(relay);
        }
        self.epoch = Instant::now();
    }

    fn trouble(&mut self) {
        let plan = self.plan;
        for (at, event) in &plan.events {
            sleep(at.saturating_sub(self.epoch.elapsed()));
            self.perform(event);
        }
    }

    fn perform(&mut self, event: &Event) {
        match event {
            Event::Publish { node, key, size } => self.publish(*node, key, *size, None),
            Event::Brief { node, key, ttl } => self.publish(*node, key, 0, Some(*ttl)),
            Event::Retract { node, key } => self.retract(*node, key),
            Event::Unpublish { node, key } => self.unpublish(*node, key),
            Event::Cut(link) => self.relays[*link].cut(),
            Event::Reset(link) => self.relays[*link].reset(),
            Event::Freeze(link) => self.relays[*link].freeze(),
            Event::Restore(link) => self.restore(*link),
            Event::Change(link, ways) => self.relays[*link].set(ways[0], ways[1]),
            Event::Stop(node) => self.members[*node].stop(),
            Event::Resume(node) => self.members[*node].resume(),
            Event::Kill(node) => self.kill(*node),
            Event::Start(node) => self.start(*node),
        }
    }

    fn restore(&mut self, link: usize) {
        let ways = self.plan.links[link].ways;
        self.relays[link].set(ways[0], ways[1]);
        self.relays[link].restore();
    }

    fn kill(&mut self, node: usize) {
        self.members[node].kill();
        self.hear(node);
        if !self.members[node].is_stock() {
            let at = self.epoch.elapsed();
            self.history.kills.push(at);
        }
    }

    fn start(&mut self, node: usize) {
        self.members[node].start(self.plan.is_server(node));
        for (link, relay) in self.plan.links.iter().zip(&self.relays) {
            if link.server == node {
                relay.retarget(self.members[node].endpoint.as_deref().expect("a server"));
            }
            if link.client == node {
                self.members[node].connect(&relay.endpoint);
            }
        }
    }

    /// A write: what the node holds, the write, what it holds then. CZMQ's nodes answer by DELIVER alone.
    fn write(&mut self, node: usize, key: &str, value: Option<String>, command: String) {
        if !self.members[node].is_up() {
            return;
        }
        self.keys.insert(key.to_owned());
        let (is_stock, life) = (self.members[node].is_stock(), (node, self.members[node].life));
        let number = self.history.add(key, value, life, is_stock, self.epoch.elapsed());
        if is_stock {
            self.members[node].tell(&[command], []);
        } else {
            let get = format!("GET {key}");
            let asked = [Asked::Before(number), Asked::After(number)];
            self.members[node].tell(&[get.clone(), command, get], asked);
        }
    }

    fn publish(&mut self, node: usize, key: &str, size: usize, ttl: Option<u64>) {
        let number = self.history.writes.len();
        let (start, fill) =
            (format!("v{number}"), if size > 0 { format!("%*{size}:x") } else { String::new() });
        let value = printed(format!("{start}{}", "x".repeat(size)));
        let ttl = ttl.map_or(String::new(), |ttl| format!(" {ttl}"));
        self.write(node, key, Some(value), format!("PUBLISH {key} {start}{fill}{ttl}"));
    }

    fn retract(&mut self, node: usize, key: &str) {
        self.write(node, key, None, format!("RETRACT {key}"));
    }

    fn unpublish(&mut self, node: usize, key: &str) {
        // Only what it holds can be forgotten
        self.hear(node);
        let member = &mut self.members[node];
        if member.is_up() && !member.stopped && member.table.contains_key(key) {
            member.tell(&[format!("UNPUBLISH {key}")], []);
            self.hidden.insert((key.to_owned(), (node, member.life)));
        }
    }

    /// Takes down what a node said since it was listened to last.
    fn hear(&mut self, node: usize) {
        let life = (node, self.members[node].life);
        for (at, told) in self.members[node].hear() {
            let at = self.since(at);
            match told {
                Told::Delivered { key, value, before } => {
                    let Some(number) = self.history.holds(&key, &value, life, at) else { continue };
                    let write = &mut self.history.writes[number];
                    if write.writer == life && write.by_stock {
                        write.taken.get_or_insert(at);
                        write.seen.get_or_insert(before);
                    }
                }
                Told::Answered { asked: Asked::Before(number), value } => {
                    self.history.writes[number].seen = Some(value);
                }
                Told::Answered { asked: Asked::After(number), value } => {
                    self.history.taken(number, at);
                    let key = self.history.writes[number].key.clone();
                    if let Some(value) = value {
                        self.history.holds(&key, &value, life, at);
                    }
                }
                Told::Answered { asked: Asked::Look(_), .. } => {}
            }
        }
    }

    /// The faults end: every process runs, every line carries, at its usual delay but without a limit.
    fn calm(&mut self) {
        for node in 0..self.members.len() {
            self.members[node].resume();
            if !self.members[node].is_up() {
                let killed = self.plan.events.iter().any(|(_, event)| *event == Event::Kill(node));
                if !killed && !self.members[node].is_stock() {
                    self.failures.push(format!("n{node} ended by itself: {}", self.members[node].stderr()));
                }
                self.kill(node);
                self.start(node);
            }
        }
        for (link, relay) in self.plan.links.iter().zip(&self.relays) {
            let [to_server, to_client] = link.ways;
            let free = |line: Line| Line { bytes_per_second: None, ..line };
            relay.set(free(to_server), free(to_client));
            relay.restore();
        }
    }

    /// A client of CZMQ's notices that its hub has forgotten it by what it is answered when it says something.
    fn beat(&mut self) {
        self.beat += 1;
        for (node, member) in self.members.iter_mut().enumerate() {
            if member.is_stock() {
                member.tell(&[format!("PUBLISH ~{node} {}", self.beat)], []);
            }
        }
    }

    /// Collects what each node holds of each key: nodes of ours are asked, CZMQ's tell.
    fn look(&mut self) -> Vec<BTreeMap<String, Option<String>>> {
        let keys: Vec<String> = self.keys.iter().cloned().collect();
        for member in self.members.iter_mut().filter(|member| !member.is_stock()) {
            let commands: Vec<String> = keys.iter().map(|key| format!("GET {key}")).collect();
            member.looks.clear();
            member.tell(&commands, keys.iter().cloned().map(Asked::Look));
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            (0..self.members.len()).for_each(|node| self.hear(node));
            if !self.members.iter().any(Member::owes_answers) || Instant::now() > deadline {
                break;
            }
            sleep(Duration::from_millis(5));
        }
        let told = |member: &Member| match member.is_stock() {
            true => keys.iter().map(|key| (key.clone(), member.table.get(key).cloned())).collect(),
            false => member.looks.clone(),
        };
        self.members.iter().map(told).collect()
    }

    /// Returns whether what a node holds of a key counts: CZMQ's nodes know no removal, and a key after UNPUBLISH is
    /// the node's own business.
    fn counts(&self, node: usize, key: &str) -> bool {
        let member = &self.members[node];
        let is_hidden = self.hidden.contains(&(key.to_owned(), (node, member.life)));
        !(is_hidden || member.is_stock() && may_go(key))
    }

    /// The keys that are not yet as they have to be.
    fn open(&self, held: &[BTreeMap<String, Option<String>>]) -> Vec<String> {
        let value = |node: usize, key: &str| held[node].get(key).cloned().flatten();
        let agreed = |key: &&String| {
            let mut said =
                (0..held.len()).filter(|&node| self.counts(node, key)).map(|node| value(node, key));
            let first = said.next().flatten();
            said.all(|other| other == first) && !(key.starts_with("brief") && first.is_some())
        };
        self.keys.iter().filter(|key| !agreed(key)).cloned().collect()
    }

    /// Waits until all agree and go on doing so; how long it took.
    fn settle(&mut self) -> Duration {
        let start = Instant::now();
        let mut since: Option<Instant> = None;
        let mut last = Vec::new();
        loop {
            self.beat();
            let held = self.look();
            let open = self.open(&held);
            if open.is_empty() && (since.is_none() || held == last) {
                let since = *since.get_or_insert_with(Instant::now);
                if since.elapsed() >= STAYS {
                    return since - start;
                }
            } else {
                since = None;
            }
            last = held;
            if start.elapsed() > BOUND {
                self.failures.push(format!("{} of {} keys are not agreed on", open.len(), self.keys.len()));
                for key in open.iter().take(TOLD) {
                    let story = self.story(key);
                    self.failures.push(format!("no agreement on {key}\n{story}"));
                }
                return start.elapsed();
            }
            sleep(Duration::from_millis(300));
        }
    }

    fn ours(&self) -> Vec<Ours> {
        let node = |(place, member): (usize, &Member)| Ours {
            life: (place, member.life),
            started: if member.life == 1 { Duration::ZERO } else { self.since(member.started) },
        };
        self.members.iter().enumerate().filter(|pair| !pair.1.is_stock()).map(node).collect()
    }

    fn story(&self, key: &str) -> String {
        let mut text = self.history.describe(key, &self.ours());
        for (place, member) in self.members.iter().enumerate() {
            let held = if member.is_stock() {
                member.table.get(key).cloned()
            } else {
                member.looks.get(key).cloned().flatten()
            };
            let note = if self.counts(place, key) { "" } else { " (does not count)" };
            let _ = writeln!(text, "      n{place}.{} {:?} holds {held:?}{note}", member.life, member.lib);
        }
        text
    }

    /// Returns whether a node of ours that is still there has held a key without an UNPUBLISH of it.
    fn has_holder(&self, key: &str, ours: &[Ours]) -> bool {
        let is_open = |life: &Life| {
            ours.iter().any(|node| node.life == *life) && !self.hidden.contains(&(key.to_owned(), *life))
        };
        let writes = self.history.writes.iter().filter(|write| write.key == key);
        writes.flat_map(|write| write.held.keys()).any(is_open)
    }

    /// Asks of each key on which all agree whether it may be so.
    fn judge(&mut self) {
        let held: Vec<_> = self.members.iter().map(|member| member.looks.clone()).collect();
        let ours = self.ours();
        let mut found = Vec::new();
        for key in &self.keys {
            let counts = |&node: &usize| !self.members[node].is_stock() && self.counts(node, key);
            let Some(node) = (0..self.members.len()).find(counts) else { continue };
            let value = held[node].get(key).cloned().flatten();
            // What was forgotten before anybody else had it is gone
            let is_forgotten = value.is_none() && key.starts_with("hidden") && !self.has_holder(key, &ours);
            if !key.starts_with("brief")
                && !is_forgotten
                && let Err(why) = self.history.judge(key, value.as_deref(), &ours)
            {
                found.push((key.clone(), format!("{key} is {value:?}: {why}")));
            }
            for (hidden, life) in &self.hidden {
                let is_back = hidden == key
                    && self.members[life.0].life == life.1
                    && held[life.0].get(key).is_some_and(Option::is_some);
                if is_back {
                    found.push((
                        key.clone(),
                        format!("{key} came back to n{} that was told to forget it", life.0),
                    ));
                }
            }
        }
        if found.len() > TOLD {
            self.failures.push(format!("{} of {} keys have a wrong value", found.len(), self.keys.len()));
        }
        for (key, what) in found.into_iter().take(TOLD) {
            let story = self.story(&key);
            self.failures.push(format!("{what}\n{story}"));
        }
    }
}
