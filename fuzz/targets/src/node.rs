//! Honest nodes, their owners, an attacker and time: whatever is done, no node panics, a step costs a bounded number of
//! frames and bytes, and once the attacker has gone the nodes agree, and what is written last is what all hold.

use common::attack::frames::{self, Fields, Record};
use zgossip::core::{Settings, Stamp};

use crate::bytes::Bytes;
use crate::network::{Network, Party};

const KEYS: [&[u8]; 6] = [b"a", b"b", b"ab", b"key", b"a longer key", b"z"];

/// Lengths of time (ms) that a step may let pass.
const TIMES: [u64; 8] = [1, 10, 100, 300, 1000, 3000, 10_000, 70_000];

/// Time (ms) that all steps of a run may let pass, enough for each of [`TIMES`] once: what a run costs is mostly the
/// signs of life in its time.
const MOST_TIME: u64 = 90_000;

/// Differences (ms) between the clock that the attacker shows and the honest one.
const SHIFTS: [i64; 8] = [0, -1, 1, 1900, 2000, 2100, -60_000, 1 << 40];

/// How far (ms) a stamp may be ahead.
const DRIFT: u64 = 2000;

/// Bytes that all honest nodes together may send in a step: some hundred times what they can hold.
const MOST_BYTES: usize = 8 << 20;

/// Wires of the attacker at a time.
const HOSTILE: usize = 4;

/// Steps in a run.
const STEPS: usize = 200;

struct Run {
    network: Network,
    honest: usize,
    hostile: Vec<usize>,
    /// Number of values written: each is another.
    written: u64,
    /// Time (ms) that steps may still let pass.
    time_left: u64,
    /// The attacker was, or may have been, half of a node's peers or more: it is believed about the time then, and a
    /// clock that is far ahead stays so.
    is_majority: bool,
}

/// Plays an input, and panics where a promise does not hold.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let Some(first) = bytes.byte() else { return };
    let is_small = first & 1 != 0;
    let honest = 2 + usize::from(first >> 1 & 1);
    let settings = Settings {
        max_tuples: if is_small { 5 } else { 10_000 },
        max_value: 300,
        max_drift: DRIFT,
        ..Settings::default()
    };
    let network = Network::new(honest, &settings);
    let mut run =
        Run { network, honest, hostile: Vec::new(), written: 0, time_left: MOST_TIME, is_majority: false };
    run.network.pass(1000);
    for _ in 0..STEPS {
        run.network.begin_step();
        if run.step(&mut bytes).is_none() {
            break;
        }
        run.network.settle();
        assert!(run.network.bytes < MOST_BYTES, "{} bytes in a step", run.network.bytes);
    }
    run.end(is_small);
}

fn shifted(now: u64, by: i64) -> u64 {
    now.saturating_add_signed(by)
}

impl Run {
    fn step(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        match bytes.below(16)? {
            0..3 => self.owner(bytes),
            3 | 4 => {
                let time = TIMES[bytes.below(TIMES.len())?].min(self.time_left);
                self.time_left -= time;
                self.network.pass(time);
            }
            5 => self.arrive(bytes)?,
            6 => self.wires(bytes)?,
            choice => {
                let frame = self.hostile_frame(choice, bytes)?;
                let wire = *self.hostile.get(bytes.below(HOSTILE)?)?;
                self.network.say(wire, frame);
            }
        }
        Some(())
    }

    /// An owner publishes, retracts, or forgets.
    fn owner(&mut self, bytes: &mut Bytes<'_>) {
        let (Some(node), Some(what)) = (bytes.below(self.honest), bytes.byte()) else { return };
        let now = self.network.now();
        let key = KEYS[usize::from(what) % KEYS.len()];
        self.written += 1;
        let value = format!("value {}", self.written % 7);
        let ours = &mut self.network.members[node];
        match what >> 4 {
            0..10 => drop(ours.node.publish(key, value.as_bytes(), 0, now)),
            10..12 => drop(ours.node.publish(key, value.as_bytes(), 500, now)),
            12..14 => drop(ours.node.retract(key, now)),
            14 => {
                ours.node.unpublish(key, now);
                ours.unpublished(key);
            }
            _ => drop(ours.node.set_barrier()),
        }
        self.network.drain(node);
    }

    /// The attacker connects, or is connected to, and may introduce itself.
    fn arrive(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        let (node, how) = (Party::Honest(bytes.below(self.honest)?), bytes.byte()?);
        if self.hostile.len() == HOSTILE {
            self.network.end(self.hostile.remove(0));
        }
        let is_client = how & 1 != 0;
        let wire = if is_client {
            self.network.connect(Party::Hostile, node)
        } else {
            self.network.connect(node, Party::Hostile)
        };
        self.hostile.push(wire);
        self.is_majority |= self.hostile.len() > 1;
        let fields = self.introduction(how >> 4);
        match how >> 1 & 7 {
            0 => {}
            1 if is_client => self.network.say(wire, frames::HELLO.to_vec()),
            1 => (0..3).for_each(|_| self.network.say(wire, frames::PONG.to_vec())),
            _ if is_client => self.network.say(wire, frames::hello(&fields)),
            _ => self.network.say(wire, frames::pong(&fields)),
        }
        Some(())
    }

    /// Connections break, are made again, or end.
    fn wires(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        let what = bytes.byte()?;
        let honest = usize::from(what >> 2) % (self.honest - 1);
        match what & 3 {
            0 => {
                self.is_majority = true;
                self.network.cut(honest);
            }
            1 => self.network.raise(honest),
            2 => self.network.cut(*self.hostile.last()?),
            _ => self.network.end(self.hostile.pop()?),
        }
        Some(())
    }

    /// Who the attacker says it is: itself, another, or one of the honest nodes.
    fn id(&self, which: u8) -> u64 {
        match usize::from(which & 3) {
            node if node < self.honest => self.network.members[node].node.id(),
            other => frames::node_id(other as u64),
        }
    }

    fn introduction(&self, which: u8) -> Fields {
        let wall = shifted(self.network.now().wall, SHIFTS[usize::from(which >> 1 & 7)]);
        Fields::new()
            .node(self.id(which.wrapping_add(3)))
            .capabilities(frames::OFFERS)
            .clock(frames::hybrid(wall))
            .wall(wall)
            .summary(u64::from(which), u64::from(which))
    }

    fn stamp(&self, which: u8) -> Stamp {
        let wall = shifted(self.network.now().wall, SHIFTS[usize::from(which >> 3 & 7)]);
        let origin = self.id(which);
        Stamp {
            time: frames::hybrid(wall),
            origin: if which & 4 == 0 { origin } else { origin & !(1 << 63) },
        }
    }

    fn hostile_frame(&self, choice: usize, bytes: &mut Bytes<'_>) -> Option<Vec<u8>> {
        Some(match choice {
            // Any bytes; any body; any fields
            7 => bytes.piece()?.to_vec(),
            8 | 9 => frames::message(bytes.byte()? % 32, bytes.piece()?),
            10 => {
                let (id, fields) = (bytes.byte()? % 32, self.introduction(bytes.byte()?));
                frames::message(id, &fields.raw(bytes.byte()? % 16, bytes.piece()?).block())
            }
            // Tuples, with stamps of anybody at any time, and without
            11 | 12 => {
                let (key, which, value) = (KEYS[bytes.below(KEYS.len())?], bytes.byte()?, bytes.piece()?);
                let Stamp { time, origin } = self.stamp(which);
                match choice {
                    11 if which & 0x40 != 0 => frames::publish(key, value),
                    11 => frames::stamped(key, value, time, origin),
                    _ => {
                        let value = (which & 0x40 == 0).then_some(value);
                        let ttl = if which & 0x80 == 0 { 0 } else { 700 };
                        frames::batch(&[Record { key, value, time, origin, ttl }])
                    }
                }
            }
            // What honest nodes said, as it was or changed in one place
            _ => {
                let (which, at, by) = (bytes.below(16)?, bytes.byte()?, bytes.byte()?);
                let mut frame = self.network.overheard.get(which)?.clone();
                let at = usize::from(at) % frame.len();
                frame[at] ^= by;
                frame
            }
        })
    }

    /// The attacker goes; the honest nodes must agree.
    fn end(mut self, is_small: bool) {
        self.network.begin_step();
        while let Some(wire) = self.hostile.pop() {
            self.network.end(wire);
        }
        (0..self.honest - 1).for_each(|wire| self.network.raise(wire));
        self.network.pass(2 * DRIFT);
        if !is_small {
            if self.is_majority && self.is_far_ahead() {
                return;
            }
            self.must_agree();
            self.must_take_the_last();
        }
        let now = self.network.now();
        for (number, ours) in self.network.members.iter_mut().enumerate() {
            ours.check_all(number, now);
            let most = ours.node.settings().max_tuples;
            assert!(ours.node.count() <= most, "node {number} holds {} of {most}", ours.node.count());
        }
    }

    /// Returns whether a node stamps its writes in the future.
    fn is_far_ahead(&mut self) -> bool {
        let now = self.network.now();
        (0..self.honest).any(|node| {
            let ours = &mut self.network.members[node];
            let key = format!("clock {node}");
            let written = ours.node.publish(key.as_bytes(), b"", 0, now);
            let ahead = ours.node.stamps().any(|(_, stamp)| stamp.wall() > now.wall + DRIFT);
            self.network.drain(node);
            written.is_err() || ahead
        })
    }

    fn must_agree(&mut self) {
        let agree = |network: &Network| {
            let root = network.members[0].node.root();
            network.members.iter().all(|ours| ours.node.root() == root)
        };
        let in_time = (0..30).any(|_| {
            self.network.begin_step();
            self.network.pass(1000);
            agree(&self.network)
        });
        let stamps = |node: usize| self.network.members[node].node.stamps().collect::<Vec<_>>();
        assert!(in_time, "honest nodes agree: {:?}", (0..self.honest).map(stamps).collect::<Vec<_>>());
    }

    fn must_take_the_last(&mut self) {
        let last = |node: usize| format!("the last of {node}");
        for node in 0..self.honest {
            self.network.begin_step();
            let now = self.network.now();
            let written = self.network.members[node].node.publish(KEYS[0], last(node).as_bytes(), 0, now);
            assert_eq!(written, Ok(()), "an honest write");
            self.network.drain(node);
            self.network.pass(1000);
        }
        let now = self.network.now();
        for (node, ours) in self.network.members.iter().enumerate() {
            let held = ours.node.get(KEYS[0], now);
            let held = held.as_ref().map(|tuple| tuple.value());
            assert_eq!(
                held,
                Some(last(self.honest - 1).as_bytes()),
                "node {node} holds what was written last"
            );
        }
    }
}
