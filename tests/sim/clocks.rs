//! Wrong clocks: a node whose clock cannot be right follows the network instead of judging it.

use super::for_seeds;
use super::net::{MS, SECOND, Sim, WALL};
use super::owner::stamp;
use super::verdict::{settles_within, wrong};
use super::wire::Speed;
use zgossip::core::codec::{Extension, encode};
use zgossip::core::{MOST_DRIFT, MessageId, Settings};

const HOUR: i64 = 3_600_000;
const MINUTE: u64 = 60 * SECOND;
/// Error (ms) of a wall clock that starts in 1970, as on a machine without a battery.
const OF_1970: i64 = -(WALL as i64) + 60_000;

/// Makes a hub and leaves, each with an error of its clock.
fn star_with(hub: i64, leaves: &[i64]) -> Sim {
    let mut sim = Sim::new(1);
    sim.ours_with(Settings::default(), hub);
    for &skew in leaves {
        let leaf = sim.ours_with(Settings::default(), skew);
        sim.connect(leaf, 0);
    }
    sim.run(5 * SECOND);
    sim
}

/// Lets every node write a key of its own and one that all share, and checks that every node has everything within
/// seconds.
#[track_caller]
fn all_hear_all(sim: &mut Sim, what: &str) {
    for node in 0..sim.nodes.len() {
        sim.publish(node, &format!("own-{node}"), "first");
        sim.run(500 * MS);
        sim.publish(node, "shared", &format!("of {node}"));
        sim.run(SECOND);
    }
    sim.run(3 * SECOND);
    let last = format!("of {}", sim.nodes.len() - 1);
    for node in 0..sim.nodes.len() {
        assert_eq!(sim.view(node).len(), sim.nodes.len() + 1, "{what}: node {node}");
        assert_eq!(sim.value(node, "shared"), Some(last.clone()), "{what}: node {node}");
    }
    assert_eq!(wrong(sim), None, "{what}");
}

#[test]
fn a_hub_whose_clock_is_slow_or_says_1970_passes_everything_on() {
    for skew in [OF_1970, -2 * HOUR, -24 * HOUR, -30_000] {
        let mut sim = star_with(skew, &[0, 0, 0, 0]);
        all_hear_all(&mut sim, &format!("{skew} ms"));
    }
}

#[test]
fn a_leaf_whose_clock_is_slow_or_says_1970_hears_and_is_heard() {
    for skew in [OF_1970, -2 * HOUR, -24 * HOUR] {
        let mut sim = star_with(0, &[0, skew, 0]);
        all_hear_all(&mut sim, &format!("{skew} ms"));
    }
}

/// Two leaves are within `max_drift` of the hub, and not of each other.
#[test]
fn clocks_that_are_fast_and_slow_on_both_sides_of_a_hub_do_not_split_the_network() {
    for (fast, slow) in [(50, 20), (59, 59), (31, 31)] {
        let mut sim = star_with(0, &[fast * 60_000, -slow * 60_000, 0]);
        all_hear_all(&mut sim, &format!("{fast} and {slow} min"));
    }
}

/// A clock is wrong for five minutes, and right from then on.
#[test]
fn a_clock_that_is_set_right_is_noticed_within_seconds() {
    for skew in [OF_1970, -5 * HOUR, 5 * HOUR] {
        let mut sim = star_with(0, &[0, 0]);
        sim.nodes[1].skew = skew;
        for minute in 0..5 {
            sim.publish(2, "key", &format!("minute {minute}"));
            sim.run(MINUTE);
        }
        sim.publish(1, "by the wrong one", "value");
        sim.run(SECOND);
        sim.nodes[1].skew = 0;
        sim.oracle.clocks_differ = true;
        sim.publish(2, "key", "afterwards");
        settles_within(&mut sim, 15 * SECOND);
        assert_eq!(sim.value(1, "key").as_deref(), Some("afterwards"), "{skew} ms");
        assert_eq!(sim.value(0, "by the wrong one").as_deref(), Some("value"), "{skew} ms");
    }
}

/// A node that is ahead by hours poisons nothing.
#[test]
fn a_clock_that_is_ahead_by_hours_poisons_no_key() {
    let mut sim = star_with(0, &[0, 0, 5 * HOUR]);
    sim.publish(1, "key", "sane");
    sim.run(SECOND);
    sim.publish(3, "key", "from the future");
    sim.run(5 * SECOND);
    sim.publish(2, "key", "later");
    sim.run(5 * SECOND);
    assert!((0..3).all(|node| sim.value(node, "key").as_deref() == Some("later")));
}

/// A node that restarts with a slow clock still wins over its former self.
#[test]
fn a_node_that_restarts_with_a_slow_clock_wins_over_its_former_self() {
    for skew in [OF_1970, -2 * HOUR, -5000] {
        let mut sim = star_with(0, &[0, 0]);
        sim.publish(1, "key", "former");
        sim.run(3 * SECOND);
        sim.nodes[1].skew = skew;
        sim.restart(1, SECOND, |sim| sim.publish(1, "key", "latter"));
        sim.run(15 * SECOND);
        let values: Vec<_> = (0..3).map(|node| sim.value(node, "key")).collect();
        assert!(values.iter().all(|value| value.as_deref() == Some("latter")), "{skew} ms: {values:?}");
    }
}

/// Makes a node hear a heartbeat on a wire, with any clocks.
pub(super) fn hears_clocks(sim: &mut Sim, node: usize, wire: usize, clock: u64, wall: u64) {
    let mut ends = sim.our(node).ends.iter();
    let link = *ends.find(|(_, end)| end.wire == wire).expect("a link").0;
    let fields = Extension { clock: Some(clock), wall: Some(wall), ..Extension::default() };
    let heartbeat = encode(MessageId::Heartbeat, &fields);
    sim.with(node, |node, now| node.handle_frame(link, &heartbeat, now));
}

/// Two hubs, each with two leaves, the clocks of which differ by 0.1 s at most, but for one that may be 2 s behind; and
/// an attacker at the first hub, whose clocks are at the edge of what is believed there.
struct Attack {
    sim: Sim,
    drift: u64,
    wire: usize,
}

const HONEST: usize = 6;
const ATTACKER: usize = HONEST;

impl Attack {
    fn new(seed: u64, drift: u64, slow: Option<usize>) -> Attack {
        let mut sim = Sim::new(seed);
        let settings = Settings { max_drift: drift, ..Settings::default() };
        for node in 0..HONEST {
            let skew = if slow == Some(node) { -2000 } else { sim.random.i64(-50..=50) };
            sim.ours_with(settings.clone(), skew);
        }
        sim.ours_with(settings, drift.cast_signed() - 1000);
        let wires = [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1), (ATTACKER, 0)];
        let wires = wires.map(|(client, server)| sim.connect(client, server));
        for wire in wires {
            sim.wires[wire].speed = Speed::line(MS, 0);
        }
        sim.run(5 * SECOND);
        Attack { sim, drift, wire: wires[5] }
    }

    /// Lets the first hub hear of clocks around the edge.
    fn strike(&mut self) {
        let Attack { ref mut sim, drift, wire } = *self;
        let right = WALL + sim.now / MS;
        let short = sim.random.u64(0..=(drift / 2 + 200).min(61_000));
        let edge = right + drift + 60 - short;
        let wall =
            sim.random.choice([right, edge, right - 2 * HOUR.cast_unsigned(), 1 << 47]).expect("one of four");
        let clock = sim
            .random
            .choice([edge << 16 | 0xFFFF, (right + drift) << 16, u64::MAX, 1 << 63])
            .expect("one of four");
        hears_clocks(sim, 0, wire, clock, wall);
        sim.publish(ATTACKER, "of the attacker", &sim.now.to_string());
    }
}

/// What an honest node writes is on all honest nodes after as much time as three lines take.
#[test]
fn one_clock_at_the_edge_of_what_is_believed_delays_nobody() {
    for_seeds("one_clock_at_the_edge_of_what_is_believed_delays_nobody", 20, |seed| {
        for drift in [1000, 10_000, 60_000, 3_600_000, 86_400_000, MOST_DRIFT] {
            let slow = (drift > 4000 && seed % 2 == 0).then_some(seed as usize / 2 % HONEST);
            let mut attack = Attack::new(seed, drift, slow);
            for number in 0..30 {
                (0..5).for_each(|_| attack.strike());
                attack.sim.run(100 * MS);
                attack.strike();
                let writer = attack.sim.random.usize(..HONEST);
                let (key, value) = (format!("key-{}", number % 4), number.to_string());
                attack.sim.publish(writer, &key, &value);
                attack.sim.run(10 * MS);
                for node in 0..HONEST {
                    let held = attack.sim.value(node, &key);
                    let what = format!("drift {drift}, slow {slow:?}, written by {writer}");
                    assert_eq!(held.as_deref(), Some(value.as_str()), "node {node}: {what}");
                }
            }
            attack.sim.run(10 * SECOND);
            for (key, last) in [("key-0", "28"), ("key-1", "29"), ("key-2", "26"), ("key-3", "27")] {
                let right = (0..HONEST).all(|node| attack.sim.value(node, key).as_deref() == Some(last));
                assert!(right, "{key}, drift {drift}");
            }
        }
    });
}

/// A node whose own clock cannot judge, and that knows of no other, is told the latest time that there is.
#[test]
fn no_clock_that_is_heard_makes_two_writes_one() {
    for (skew, max_drift) in [(OF_1970, 3_600_000), (0, MOST_DRIFT), (OF_1970, MOST_DRIFT)] {
        let mut sim = Sim::new(1);
        let hub = sim.ours_with(Settings { max_drift, ..Settings::default() }, skew);
        let stranger = sim.ours_with(Settings::default(), OF_1970);
        let wire = sim.connect(stranger, hub);
        sim.run(SECOND);
        let mut last = 0;
        for (number, clock) in [u64::MAX, (1 << 63) - 1, u64::MAX - 1, 1 << 63].into_iter().enumerate() {
            hears_clocks(&mut sim, hub, wire, clock, clock >> 16);
            sim.publish(hub, "key", &number.to_string());
            let time = stamp(&sim.our(hub).node, b"key").expect("a stamp").time;
            assert!(last < time && time < u64::MAX, "{last:x} {time:x}");
            last = time;
        }
        let leaf = sim.ours();
        sim.connect(leaf, hub);
        sim.run(20 * SECOND);
        sim.publish(leaf, "key", "later");
        sim.publish(hub, "of the hub", "1");
        sim.run(10 * SECOND);
        assert_eq!(sim.value(hub, "key").as_deref(), Some("later"), "{skew} {max_drift}");
        assert_eq!(sim.value(leaf, "of the hub").as_deref(), Some("1"), "{skew} {max_drift}");
    }
}
