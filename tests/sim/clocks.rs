//! Wrong clocks: a node whose clock cannot be right follows the network instead of judging it.

use super::net::{MS, SECOND, Sim, WALL};
use super::verdict::{settles_within, wrong};
use zgossip::core::Settings;

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
