//! Refusals of one node harm nobody, and do not break its own connection.

use std::time::{Duration, Instant};

use super::member::value;
use super::relay::Relay;
use common::Lib::{Native, Preload};
use common::node::eventually;
use common::{LONG, Node};

const OTHERS: usize = 100;

#[test]
fn a_value_that_is_too_long_for_one_node_keeps_nothing_else_from_it() {
    let (big, small) = (Node::new(Native, "big"), Node::new(Preload, "small"));
    small.send("SET server/max_value 1000");
    big.send("PUBLISH large %*200000:x");
    big.send(&format!("!fill key 0 {OTHERS} 20"));
    let relay = Relay::new(&big.bind());
    small.connect(&relay.endpoint);
    let all = eventually(LONG, || small.status() == OTHERS);
    assert!(all, "it holds {} of {OTHERS}; connections made: {}", small.status(), relay.accepted());
    assert_eq!(value(&small, "large"), None);
    // Beyond what a heartbeat needs to find the difference again
    let start = Instant::now();
    for beat in 0.. {
        let text = format!("{beat}");
        big.publish("beat", &text);
        small.must_hold("beat", &text);
        small.publish("echo", &text);
        big.must_hold("echo", &text);
        if start.elapsed() > Duration::from_secs(5) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(relay.accepted(), 1, "one connection");
    let bytes = relay.bytes()[1];
    assert!(bytes < 1_000_000, "the value of 200 kB is not sent again and again: {bytes} bytes");
    // What fits is taken
    big.send_pieces(&[b"PUBLISH", b"large", b"short now"]);
    small.must_hold("large", "short now");
}

/// Room for a few, while something changes all the time: what is refused is not sent again and again.
#[test]
fn a_full_node_is_not_sent_again_what_it_has_no_room_for() {
    const KEYS: usize = 2000;
    let (big, small) = (Node::new(Native, "big"), Node::new(Native, "small"));
    small.send("SET server/max_tuples 50");
    big.send("PUBLISH beat 0");
    let relay = Relay::new(&big.bind());
    small.connect(&relay.endpoint);
    small.must_hold("beat", "0");
    big.send(&format!("!fill key 0 {KEYS} 60"));
    assert!(eventually(LONG, || big.status() == KEYS + 1 && small.status() == 50));
    let before = relay.bytes()[1];
    let start = Instant::now();
    for beat in 1.. {
        let text = format!("{beat}");
        big.publish("beat", &text);
        small.must_hold("beat", &text);
        if start.elapsed() > Duration::from_secs(8) {
            break;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    let bytes = relay.bytes()[1] - before;
    // All of them are 150 kB
    assert!(bytes < 200_000, "{bytes} bytes within {:?}", start.elapsed());
}
