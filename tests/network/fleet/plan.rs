//! Events of a run. One number decides nodes, lines, faults and writes; only the timing of the machine is left
//! to chance.

use std::time::Duration;

use fastrand::Rng;

use super::relay::Line;
use common::Lib::{self, Native, Preload, Stock};

/// A line from a client to a server, and what it is like without faults.
#[derive(Clone, Debug)]
pub struct Link {
    pub client: usize,
    pub server: usize,
    pub ways: [Line; 2],
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Publish {
        node: usize,
        key: String,
        size: usize,
    },
    /// Publishes with a time to live in milliseconds.
    Brief {
        node: usize,
        key: String,
        ttl: u64,
    },
    Retract {
        node: usize,
        key: String,
    },
    Unpublish {
        node: usize,
        key: String,
    },
    Cut(usize),
    Reset(usize),
    Freeze(usize),
    Restore(usize),
    /// A line gets another delay and bandwidth.
    Change(usize, [Line; 2]),
    Stop(usize),
    Resume(usize),
    Kill(usize),
    Start(usize),
}

pub struct Plan {
    pub libs: Vec<Lib>,
    pub links: Vec<Link>,
    /// The plan's events in the order of their times.
    pub events: Vec<(Duration, Event)>,
    pub span: Duration,
    /// A CZMQ node has links to more than one of ours.
    pub is_bridged: bool,
}

#[derive(Copy, Clone, Eq, PartialEq)]
enum Mixture {
    Ours,
    StockAtTheRim,
    StockAnywhere,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Mostly short, sometimes long.
fn skewed(rng: &mut Rng, least: u64, most: u64) -> Duration {
    ms(least + ((most - least) as f64 * rng.f64().powi(3)) as u64)
}

fn line(rng: &mut Rng) -> Line {
    let delay = match rng.u8(..4) {
        0 | 1 => skewed(rng, 0, 20),
        2 => skewed(rng, 20, 400),
        _ => skewed(rng, 100, 1500),
    };
    let jitter = if rng.bool() { delay.mul_f64(rng.f64() * 0.5) } else { Duration::ZERO };
    let line = Line { delay, jitter, bytes_per_second: None };
    if rng.u8(..4) == 0 { line.megabits(0.3 + 10.0 * rng.f64().powi(2)) } else { line }
}

fn topology(rng: &mut Rng, count: usize) -> Vec<(usize, usize)> {
    let mut links: Vec<(usize, usize)> = match rng.u8(..5) {
        0 | 1 => (1..count).map(|i| (i, 0)).collect(),
        2 => (1..count).map(|i| if i == 1 { (1, 0) } else { (i, i % 2) }).collect(),
        3 => (1..count).map(|i| (i, i - 1)).collect(),
        _ => (1..count).map(|i| (i, rng.usize(..i))).collect(),
    };
    if rng.u8(..3) == 0 {
        let (one, other) = (rng.usize(..count), rng.usize(..count));
        let is_new = |link: &(usize, usize)| !links.contains(link) && !links.contains(&(link.1, link.0));
        if one != other && is_new(&(one, other)) {
            links.push((one, other));
        }
    }
    links
}

/// CZMQ's nodes, no two of which are linked to each other.
fn libraries(rng: &mut Rng, count: usize, links: &[(usize, usize)], mixture: Mixture) -> Vec<Lib> {
    let mut libs: Vec<Lib> = (0..count).map(|_| if rng.bool() { Native } else { Preload }).collect();
    if mixture == Mixture::Ours {
        return libs;
    }
    let neighbours = |node: usize| {
        links.iter().filter_map(move |&(a, b)| match node {
            _ if node == a => Some(b),
            _ if node == b => Some(a),
            _ => None,
        })
    };
    let mut order: Vec<usize> = (0..count).collect();
    rng.shuffle(&mut order);
    let most = 1 + rng.usize(..count / 2);
    for node in order {
        let at_the_rim = neighbours(node).count() == 1;
        let is_lonely = neighbours(node).all(|other| libs[other] != Stock);
        let taken = libs.iter().filter(|&&lib| lib == Stock).count();
        if is_lonely && taken < most && (at_the_rim || mixture == Mixture::StockAnywhere) {
            libs[node] = Stock;
        }
    }
    libs
}

impl Plan {
    pub fn new(seed: u64, span: Duration) -> Plan {
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        let mixture = match seed % 4 {
            0 | 1 => Mixture::Ours,
            2 => Mixture::StockAtTheRim,
            _ => Mixture::StockAnywhere,
        };
        let count = rng.usize(3..=8);
        let pairs = topology(rng, count);
        let libs = libraries(rng, count, &pairs, mixture);
        let links: Vec<Link> = pairs
            .iter()
            .map(|&(client, server)| Link { client, server, ways: [line(rng), line(rng)] })
            .collect();
        let degree = |node: usize| pairs.iter().filter(|pair| pair.0 == node || pair.1 == node).count();
        let is_bridged = (0..count).any(|node| libs[node] == Stock && degree(node) > 1);
        let mut plan = Plan { libs, links, events: Vec::new(), span, is_bridged };
        plan.faults(rng);
        plan.writes(rng);
        plan.events.sort_by_key(|event| event.0);
        plan
    }

    pub fn has_stock(&self) -> bool {
        self.libs.contains(&Stock)
    }

    pub fn is_server(&self, node: usize) -> bool {
        self.links.iter().any(|link| link.server == node)
    }

    /// Plans the faults of each line and each node, one after the other. Some runs have none.
    fn faults(&mut self, rng: &mut Rng) {
        let pause = skewed(rng, 2000, 12_000).as_millis() as u64;
        let last = self.span.as_millis() as u64;
        for link in 0..self.links.len() {
            let mut now = rng.u64(500..500 + pause);
            while now < last {
                let lasts = skewed(rng, 50, 6000).as_millis() as u64;
                let (begin, end) = match rng.u8(..6) {
                    0 | 1 => (Event::Cut(link), Event::Restore(link)),
                    2 => (Event::Reset(link), Event::Restore(link)),
                    3 | 4 => (Event::Freeze(link), Event::Restore(link)),
                    _ => (Event::Change(link, [line(rng), line(rng)]), Event::Restore(link)),
                };
                self.events.push((ms(now), begin));
                self.events.push((ms((now + lasts).min(last)), end));
                now += lasts + rng.u64(100..2 * pause);
            }
        }
        let kills = rng.u8(..3) > 0;
        for node in 0..self.libs.len() {
            let mut now = rng.u64(1000..1000 + 2 * pause);
            while now < last {
                let lasts = skewed(rng, 20, 5000).as_millis() as u64;
                let (begin, end) = if kills && rng.u8(..3) == 0 {
                    (Event::Kill(node), Event::Start(node))
                } else {
                    (Event::Stop(node), Event::Resume(node))
                };
                self.events.push((ms(now), begin));
                self.events.push((ms((now + lasts).min(last)), end));
                now += lasts + rng.u64(500..4 * pause);
            }
        }
    }

    fn writes(&mut self, rng: &mut Rng) {
        let count = self.libs.len();
        let ours: Vec<usize> = (0..count).filter(|&node| self.libs[node] != Stock).collect();
        let (has_stock, is_bridged) = (self.has_stock(), self.is_bridged);
        let last = self.span.as_millis() as u64;
        let apart = 2 * (20 + skewed(rng, 0, 100).as_millis() as u64);
        let shared = 2 + rng.usize(..10);
        let mut once = 0;
        let mut hidden = Vec::new();
        let mut now = 0;
        while now < last {
            let of_ours = ours[rng.usize(..ours.len())];
            let anyone = rng.usize(..count);
            let size = if rng.u8(..40) == 0 { skewed(rng, 400, 60_000).as_millis() as usize } else { 0 };
            let publish = |node: usize, key: String| Event::Publish { node, key, size };
            let event = match rng.u8(..20) {
                0..6 => publish(of_ours, format!("ours{}", rng.usize(..shared))),
                6..10 => publish(anyone, format!("any{}", rng.usize(..shared))),
                10..13 => publish(anyone, format!("own{anyone}.{}", rng.usize(..3))),
                13 | 14 => {
                    once += 1;
                    publish(anyone, format!("once{once}"))
                }
                15 | 16 if !is_bridged => publish(of_ours, format!("gone{}", rng.usize(..shared))),
                17 if !is_bridged => {
                    Event::Retract { node: of_ours, key: format!("gone{}", rng.usize(..shared)) }
                }
                18 if !has_stock => Event::Brief {
                    node: of_ours,
                    key: format!("brief{}", rng.usize(..shared)),
                    ttl: rng.u64(200..4000),
                },
                // A key that its writer itself or another forgets later
                19 if !has_stock && now < last / 2 => {
                    let key = format!("hidden{}", hidden.len());
                    hidden.push((ours[rng.usize(..ours.len())], key.clone(), rng.u64(now..last)));
                    publish(of_ours, key)
                }
                _ => publish(anyone, format!("any{}", rng.usize(..shared))),
            };
            self.events.push((ms(now), event));
            now += rng.u64(1..apart);
        }
        for (node, key, at) in hidden {
            self.events.push((ms(at), Event::Unpublish { node, key }));
        }
    }
}
