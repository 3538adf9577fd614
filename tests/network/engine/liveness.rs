//! A peer lives as long as bytes pass, and no longer.

use std::time::{Duration, Instant};

use super::harness::{Node, PATIENCE};
use super::relay::Relay;

/// The time after which a server that says nothing at all is given up.
const LOST: Duration = Duration::from_secs(5);

const KB: usize = 1000;
const MB: usize = 1000 * KB;

/// A value in either direction, and a short one behind it, over a line on which it takes longer than a node waits for
/// an answer.
fn a_large_value_arrives(size: usize, bandwidth: usize) {
    let large = "x".repeat(size);
    let began = Instant::now();
    let pairs = [(); 2].map(|()| {
        let (hub, leaf) = (Node::new(), Node::new());
        let relay = Relay::new(hub.listen(), bandwidth);
        (hub, leaf, relay)
    });
    let [(down_hub, down_leaf, down), (up_hub, up_leaf, up)] = &pairs;
    down_hub.publish("large", &large);
    down_hub.publish("small", "1");
    for (hub, leaf, relay) in &pairs {
        leaf.connect(&relay.endpoint());
        leaf.expect_peers(1);
        hub.expect_peers(1);
    }
    up_leaf.publish("large", &large);
    up_leaf.publish("small", "1");
    for taker in [down_leaf, up_hub] {
        taker.expect_within(PATIENCE + 2 * Duration::from_secs((size / bandwidth) as u64), "large", &large);
        taker.expect("small", "1");
    }
    assert!(began.elapsed() > LOST, "the line was not slow enough to tell");
    assert_eq!((down.came(), up.came()), (1, 1), "connections");
}

#[test]
fn a_value_that_takes_ten_seconds_arrives_over_one_connection() {
    a_large_value_arrives(4 * MB, 400 * KB);
}

#[test]
#[ignore = "takes half a minute"]
fn soak_values_of_many_megabytes_arrive_over_eight_megabits() {
    a_large_value_arrives(8 * MB, MB);
    a_large_value_arrives(16 * MB, MB);
}

#[test]
fn a_server_that_takes_nothing_any_more_is_noticed() {
    // One leaf has nothing to say, the other has: its value fills all buffers, and then nothing is acknowledged.
    let pairs = [None, Some("x".repeat(16 * MB))].map(|value| {
        let (hub, leaf) = (Node::new(), Node::new());
        let relay = Relay::new(hub.listen(), 100 * MB);
        leaf.connect(&relay.endpoint());
        leaf.expect_peers(1);
        hub.publish("before", "1");
        leaf.expect("before", "1");
        relay.freeze();
        if let Some(value) = value {
            leaf.publish("large", &value);
        }
        (hub, leaf, relay)
    });
    for (_hub, leaf, relay) in &pairs {
        leaf.expect_peers(0);
        let end = Instant::now() + PATIENCE;
        while relay.came() < 2 {
            assert!(Instant::now() < end, "a fresh connection is made");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_value_that_is_too_long_for_one_node_does_not_keep_the_others_from_it() {
    let (big, small) = (Node::new(), Node::with_max_value(1000));
    let relay = Relay::new(big.listen(), 100 * MB);
    big.publish("large", &"x".repeat(200 * KB));
    for key in 0..100 {
        big.publish(&format!("key {key}"), "1");
    }
    small.connect(&relay.endpoint());
    small.expect_count(100);
    small.publish("own", "1");
    big.expect("own", "1");
    big.publish("later", "1");
    small.expect("later", "1");
    big.publish("large", &"y".repeat(300 * KB));
    big.publish("last", "1");
    small.expect("last", "1");
    // What is refused is not sent by a peer that connects, either.
    let other = Node::new();
    other.publish("large too", &"z".repeat(200 * KB));
    other.publish("other", "1");
    other.connect(&format!("tcp://127.0.0.1:{}", small.listen()));
    small.expect("other", "1");
    big.expect("other", "1");
    other.publish("other", "2");
    small.expect("other", "2");
    assert_eq!(relay.came(), 1, "connections");
    small.expect_peers(2);
    other.expect_peers(1);
}
