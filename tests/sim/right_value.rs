//! The value that stays, one case each: what was replaced, was removed or has expired does not come back.

use super::net::{MS, SECOND, Sim};
use super::topology::star;
use super::verdict::{settles_within, wrong};
use super::wire::Speed;
use super::worse::away;
use zgossip::core::Settings;

const FAST: Speed = Speed::of((MS / 2, 2 * MS), 1, 1000);
const MINUTE: u64 = 60 * SECOND;

/// Makes zgossip nodes that are all connected to the first, by lines with this delay, for long enough to know each
/// other.
fn hub_and_leaves(leaves: usize, one_way: u64) -> Sim {
    let mut sim = Sim::new(1);
    for _ in 0..=leaves {
        sim.ours();
    }
    for (client, server) in star(leaves + 1) {
        let wire = sim.connect(client, server);
        sim.wires[wire].speed = Speed::line(one_way, 0);
    }
    sim.run(5 * SECOND + 4 * one_way);
    sim
}

fn cut(sim: &mut Sim, wire: usize) {
    sim.wires[wire].cut = true;
    sim.lose(wire, 0, 0);
}

#[track_caller]
fn all_hold(sim: &Sim, value: Option<&str>, what: &str) {
    let values: Vec<_> = (0..sim.nodes.len()).map(|node| sim.value(node, "key")).collect();
    assert!(values.iter().all(|held| held.as_deref() == value), "{what}: {values:?} and not {value:?}");
    assert_eq!(wrong(sim), None, "{what}");
}

/// The leaf that wrote the old value was away while the hub wrote the new one.
#[test]
fn a_handshake_that_takes_long_brings_no_older_value_back() {
    for one_way in [1, 100, 130, 150, 300, 600, 1000, 2000] {
        let mut sim = hub_and_leaves(2, one_way * MS);
        sim.publish(1, "key", "old");
        sim.run(10 * SECOND);
        cut(&mut sim, 0);
        sim.run(SECOND);
        sim.publish(0, "key", "new");
        sim.run(10 * SECOND);
        sim.wires[0].cut = false;
        sim.run(MINUTE);
        all_hold(&sim, Some("new"), &format!("{one_way} ms"));
    }
}

/// A leaf returns with an old value, over a fast line, while the hub is stopped.
#[test]
fn a_hub_that_stands_still_while_a_leaf_returns_keeps_the_newer_value() {
    for stopped in [300, 500, 2000, 8000] {
        let mut sim = hub_and_leaves(2, MS);
        sim.publish(1, "key", "old");
        sim.run(5 * SECOND);
        cut(&mut sim, 0);
        sim.run(SECOND);
        sim.publish(0, "key", "new");
        sim.run(SECOND);
        sim.wires[0].cut = false;
        sim.nodes[0].paused_until = sim.now + stopped * MS;
        sim.run(MINUTE);
        all_hold(&sim, Some("new"), &format!("stopped for {stopped} ms"));
    }
}

/// A leaf returns with the value of a key that was retracted meanwhile.
#[test]
fn a_retracted_key_does_not_come_back_over_a_slow_line() {
    for one_way in [1, 150, 600] {
        let mut sim = hub_and_leaves(2, one_way * MS);
        sim.publish(1, "key", "old");
        sim.run(10 * SECOND);
        cut(&mut sim, 0);
        sim.run(SECOND);
        sim.publish(0, "key", "new");
        sim.retract(0, "key");
        sim.run(SECOND);
        sim.wires[0].cut = false;
        sim.run(MINUTE);
        all_hold(&sim, None, &format!("{one_way} ms"));
    }
}

/// The time to live survives it, too.
#[test]
fn a_time_to_live_is_not_lost_over_a_slow_line() {
    let mut sim = hub_and_leaves(2, 300 * MS);
    cut(&mut sim, 0);
    sim.run(SECOND);
    sim.publish_for(1, "key", "ends", 10_000);
    sim.wires[0].cut = false;
    sim.run(5 * SECOND);
    assert_eq!(sim.value(2, "key").as_deref(), Some("ends"));
    sim.run(10 * MINUTE);
    all_hold(&sim, None, "ten minutes later");
    settles_within(&mut sim, 0);
}

/// A hub restarts, and leaves near and far write each key once meanwhile.
#[test]
fn leaves_near_and_far_that_write_while_the_hub_restarts_all_get_the_last_values() {
    super::for_seeds("leaves_near_and_far_that_write", 5, |seed| {
        let mut sim = Sim::new(seed);
        for _ in 0..=30 {
            sim.ours();
        }
        for (client, server) in star(31) {
            let wire = sim.connect(client, server);
            let one_way = sim.random.u64(10..200) * MS;
            sim.wires[wire].speed = Speed::line(one_way, one_way / 10);
        }
        sim.run(5 * SECOND);
        for key in 0..50 {
            sim.publish(1 + key % 30, &format!("key-{key}"), &format!("old-{key}"));
        }
        sim.run(10 * SECOND);
        sim.restart(0, 500 * MS, |_| ());
        for key in 0..50 {
            let wait = sim.random.u64(0..600 * MS);
            sim.after(wait, move |sim| {
                sim.publish(1 + (key + 7) % 30, &format!("key-{key}"), &format!("new-{key}"));
            });
        }
        sim.run(SECOND);
        settles_within(&mut sim, 30 * SECOND);
        assert!((0..50).all(|key| sim.value(0, &format!("key-{key}")) == Some(format!("new-{key}"))));
    });
}

/// A client sends again, on the next connection and before its HELLO, what it had written.
#[test]
fn a_frame_that_comes_again_before_hello_is_not_taken_for_news() {
    super::for_seeds("a_frame_that_comes_again", 20, |seed| {
        let mut sim = Sim::new(seed);
        let (hub, leaf, other) = (sim.ours(), sim.ours(), sim.ours());
        let wire = sim.connect(leaf, hub);
        sim.connect(other, hub);
        sim.run(3 * SECOND);
        sim.duplicate = true;
        sim.publish(leaf, "key", "old");
        sim.run(100 * MS);
        sim.publish(other, "key", "new");
        sim.lose(wire, 0, 0);
        settles_within(&mut sim, 10 * SECOND);
        all_hold(&sim, Some("new"), "repeated");
    });
}

/// Star of two zgossip nodes and a CZMQ node, with the latter in the middle, or not.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Middle {
    Ours,
    Stock,
}

/// Makes three nodes: the first in the middle, the second a zgossip node, the third a zgossip or a CZMQ node.
fn with_stock(seed: u64, middle: Middle) -> (Sim, usize, usize) {
    let mut sim = Sim::new(seed);
    let (hub, stock) = match middle {
        Middle::Ours => (sim.ours(), 2),
        Middle::Stock => (sim.stock(), 0),
    };
    let leaf = sim.ours();
    let last = if middle == Middle::Ours { sim.stock() } else { sim.ours() };
    for client in [leaf, last] {
        let wire = sim.connect(client, hub);
        sim.wires[wire].speed = FAST;
    }
    sim.run(3 * SECOND);
    (sim, stock, if middle == Middle::Ours { hub } else { leaf })
}

/// A CZMQ node that was away while its values were replaced brings none of them back, in either role. Half of the
/// values were its own.
#[test]
fn a_stock_node_that_returns_brings_no_older_value_back() {
    for middle in [Middle::Ours, Middle::Stock] {
        for absence in [SECOND, 6 * SECOND, 60 * MINUTE - 10 * SECOND] {
            for own in [true, false] {
                let (mut sim, stock, ours) = with_stock(2, middle);
                sim.publish(if own { stock } else { ours }, "key", "old");
                sim.run(10 * SECOND);
                away(&mut sim, stock, absence);
                sim.run(100 * MS);
                sim.publish(ours, "key", "new");
                sim.run(absence + 30 * SECOND);
                all_hold(&sim, Some("new"), &format!("{middle:?}, {} s, own: {own}", absence / SECOND));
            }
        }
    }
}

/// A CZMQ node returns with a value that was removed meanwhile, and that nobody can remove from it.
#[test]
fn a_stock_node_that_returns_does_not_bring_a_removed_key_back() {
    for absence in [SECOND, 6 * SECOND, 10 * MINUTE] {
        for replaced in [false, true] {
            let (mut sim, stock, ours) = with_stock(3, Middle::Ours);
            sim.publish(stock, "key", "old");
            sim.run(10 * SECOND);
            away(&mut sim, stock, absence);
            sim.run(100 * MS);
            if replaced {
                sim.publish(ours, "key", "new");
                sim.run(100 * MS);
            }
            sim.retract(ours, "key");
            sim.run(absence + 30 * SECOND);
            let values = [0, 1].map(|node| sim.value(node, "key"));
            assert_eq!(values, [None, None], "{} s, replaced: {replaced}", absence / SECOND);
        }
    }
}

/// A CZMQ node holds for ever what expires elsewhere, and was away while it expired and the key was written again.
#[test]
fn a_stock_node_that_returns_does_not_bring_back_what_has_expired() {
    for middle in [Middle::Ours, Middle::Stock] {
        let (mut sim, stock, ours) = with_stock(5, middle);
        sim.run(MINUTE);
        sim.publish_for(ours, "key", "ends", 8000);
        sim.run(5 * SECOND);
        assert_eq!(sim.value(stock, "key").as_deref(), Some("ends"), "{middle:?}");
        away(&mut sim, stock, 20 * SECOND);
        sim.run(6 * SECOND);
        assert_eq!(sim.value(ours, "key"), None, "{middle:?}");
        sim.publish(ours, "key", "new");
        sim.run(MINUTE);
        all_hold(&sim, Some("new"), &format!("{middle:?}"));
    }
}

/// A CZMQ node that was there at a removal, of which it could not be told, returns after another value was removed,
/// too.
#[test]
fn a_stock_node_that_was_there_when_a_key_was_removed_does_not_bring_it_back() {
    let (mut sim, stock, hub) = with_stock(4, Middle::Ours);
    let leaf = 1;
    sim.publish(hub, "key", "old");
    sim.run(10 * SECOND);
    cut(&mut sim, 0);
    sim.run(SECOND);
    sim.retract(hub, "key");
    sim.publish(leaf, "key", "new");
    sim.retract(leaf, "key");
    sim.run(SECOND);
    sim.publish(stock, "other", "heard");
    sim.wires[0].cut = false;
    sim.run(20 * SECOND);
    away(&mut sim, stock, SECOND);
    sim.run(30 * SECOND);
    assert_eq!([0, 1].map(|node| sim.value(node, "key")), [None, None]);
    // Nor is the old value news when the key has a value again, of which the CZMQ node was not told either.
    away(&mut sim, stock, SECOND);
    sim.run(100 * MS);
    sim.publish(leaf, "key", "newest");
    sim.run(30 * SECOND);
    all_hold(&sim, Some("newest"), "written after the removal");
}

/// Values that a CZMQ node writes while it is away, or after its list, are news all the same.
#[test]
fn what_a_stock_node_writes_is_news_while_it_is_away_and_right_after_it_returns() {
    for absence in [SECOND, 6 * SECOND] {
        for wait in [0, 100, 300, 900, 3000] {
            let (mut sim, stock, ours) = with_stock(4, Middle::Ours);
            sim.publish(stock, "key", "old");
            sim.publish(stock, "other", "old");
            sim.run(10 * SECOND);
            away(&mut sim, stock, absence);
            sim.run(100 * MS);
            sim.publish(ours, "other", "new");
            sim.publish(stock, "key", "written meanwhile");
            sim.run(absence + wait * MS);
            sim.publish(stock, "other", "written afterwards");
            sim.run(30 * SECOND);
            let case = format!("{} s, {wait} ms", absence / SECOND);
            all_hold(&sim, Some("written meanwhile"), &case);
            assert!(
                (0..3).all(|node| sim.value(node, "other").as_deref() == Some("written afterwards")),
                "{case}"
            );
        }
    }
}

/// A zgossip hub that restarted knows nothing: what a CZMQ node sends it loses to what others know.
#[test]
fn what_a_stock_node_tells_a_hub_that_restarted_loses_to_what_our_nodes_know() {
    super::for_seeds("what_a_stock_node_tells_a_hub", 20, |seed| {
        let (mut sim, stock, hub) = with_stock(seed, Middle::Ours);
        sim.publish(stock, "key", "old");
        sim.run(10 * SECOND);
        away(&mut sim, stock, 3 * SECOND);
        sim.run(100 * MS);
        sim.publish(1, "key", "new");
        sim.run(SECOND);
        sim.restart(hub, 500 * MS, |_| ());
        sim.run(40 * SECOND);
        all_hold(&sim, Some("new"), "after the restart");
    });
}

/// RETRACT is a write, whether or not its node knows the key.
#[test]
fn a_key_that_is_retracted_where_it_is_not_known_yet_is_removed() {
    let mut sim = hub_and_leaves(2, MS);
    cut(&mut sim, 0);
    sim.run(SECOND);
    sim.publish(2, "key", "value");
    sim.run(SECOND);
    assert!(!sim.retract(1, "key"), "it is not held there");
    sim.wires[0].cut = false;
    sim.run(10 * SECOND);
    all_hold(&sim, None, "retracted later than written");
    // A later PUBLISH is a write, too.
    sim.publish(2, "key", "again");
    settles_within(&mut sim, 5 * SECOND);
    all_hold(&sim, Some("again"), "written later than retracted");
}

/// A newcomer is sent a tuple that was hidden with UNPUBLISH.
#[test]
fn a_newcomer_agrees_with_a_node_whose_owner_said_unpublish() {
    let mut sim = hub_and_leaves(1, MS);
    sim.publish(0, "key", "value");
    sim.publish(0, "other", "value");
    sim.run(SECOND);
    cut(&mut sim, 0);
    assert!(sim.unpublish(0, "key"));
    let newcomer = sim.ours();
    sim.connect(newcomer, 0);
    sim.run(10 * SECOND);
    sim.wires[0].cut = false;
    settles_within(&mut sim, 10 * SECOND);
    for node in [0, newcomer] {
        let agreement = sim.our(node).node.agreement();
        assert_eq!(agreement.differ, 0, "node {node}: {agreement:?}");
    }
    assert_eq!(sim.our(0).node.root(), sim.our(newcomer).node.root());
}

/// A tuple that was hidden with UNPUBLISH expires.
#[test]
fn nodes_agree_when_what_one_unpublished_has_ended_and_is_forgotten() {
    let mut sim = Sim::new(5);
    let settings = Settings { tombstone: 5000, ..Settings::default() };
    let [a, b] = [(); 2].map(|()| sim.ours_with(settings.clone(), 0));
    sim.connect(b, a);
    sim.run(3 * SECOND);
    sim.publish_for(b, "key", "value", 3000);
    sim.run(SECOND);
    assert!(sim.unpublish(a, "key"));
    sim.run(30 * SECOND);
    assert_eq!(sim.our(a).node.root(), sim.our(b).node.root());
    settles_within(&mut sim, 0);
}

/// A node comes back that was away for longer than tombstones are kept.
#[test]
fn nodes_agree_when_one_was_away_for_longer_than_removals_are_remembered() {
    for others in [0, 1, 5, 100] {
        let mut sim = Sim::new(6);
        let settings = Settings { tombstone: 5000, ..Settings::default() };
        let [a, hub, laptop] = [(); 3].map(|()| sim.ours_with(settings.clone(), 0));
        sim.connect(a, hub);
        let wire = sim.connect(laptop, hub);
        sim.run(3 * SECOND);
        sim.publish_all(hub, (0..others).map(|key| (format!("other-{key}"), "value".into())));
        sim.publish(a, "key", "v");
        sim.run(2 * SECOND);
        cut(&mut sim, wire);
        sim.run(SECOND);
        sim.retract(a, "key");
        sim.run(20 * SECOND);
        sim.wires[wire].cut = false;
        settles_within(&mut sim, 30 * SECOND);
    }
}

/// Two nodes with one identity, as copies of one machine are.
#[test]
fn copies_of_a_node_get_each_others_tuples() {
    let mut sim = Sim::new(7);
    let hub = sim.ours();
    let copies = [sim.ours_from(77), sim.ours_from(77)];
    for &copy in &copies {
        _ = sim.connect(copy, hub);
    }
    sim.run(3 * SECOND);
    sim.publish(copies[0], "one", "1");
    sim.publish(copies[1], "two", "2");
    settles_within(&mut sim, 15 * SECOND);
}

/// Frames of a whole minute are lost; what they carried is found soon after.
#[test]
fn nodes_agree_soon_after_a_minute_in_which_every_comparison_was_lost() {
    use zgossip::core::codec::MessageId;
    let mut sim = hub_and_leaves(1, MS);
    sim.filter = Some(Box::new(|_, _, frame| {
        let kind = super::watch::kind(frame);
        let passes = [MessageId::Hello, MessageId::Ping, MessageId::Pong, MessageId::Heartbeat];
        passes.contains(&kind)
    }));
    sim.publish(0, "key", "value");
    sim.run(MINUTE);
    sim.filter = None;
    settles_within(&mut sim, 15 * SECOND);
}

/// The receiver is stopped while a value that waits for it expires.
#[test]
fn a_node_that_was_stopped_does_not_show_what_has_ended_meanwhile() {
    let mut sim = hub_and_leaves(2, MS);
    sim.nodes[2].paused_until = sim.now + 30 * SECOND;
    sim.publish_for(1, "key", "ends", 5000);
    let stopped = sim.nodes[2].paused_until;
    while sim.now < stopped + 4 * SECOND {
        sim.run(50 * MS);
        if sim.now > stopped + 300 * MS {
            assert_eq!(sim.value(2, "key"), None, "{} ms later", (sim.now - stopped) / MS);
        }
    }
}

/// The time to live runs out while the node that holds the value is stopped: an expired value is not read.
#[test]
fn what_has_ended_is_not_read_by_whatever_call_comes_first() {
    let mut sim = hub_and_leaves(1, MS);
    sim.publish_for(1, "key", "ends", 1000);
    sim.run(100 * MS);
    sim.nodes[0].paused_until = sim.now + 3 * SECOND;
    sim.run(3 * SECOND - 1);
    // The first event is that the owner asks.
    let held = sim.with(0, |node, now| node.get(b"key", now));
    assert_eq!(held, Some(None));
}

fn one_with_stock(seed: u64) {
    let options = super::faults::Options::draw(30, 8, &mut fastrand::Rng::with_seed(!seed));
    super::faults::run(seed, &options, 40 * SECOND);
}

#[test]
fn seed_9129_of_thirty_nodes_with_eight_stock_ones_settles() {
    one_with_stock(9129);
}

#[test]
fn seed_9191_of_thirty_nodes_with_eight_stock_ones_settles() {
    one_with_stock(9191);
}
