//! What it costs a program to watch a few of many keys.

use std::time::Duration;

use common::LONG;
use rustix::time::{ClockId, clock_gettime};
use zgossip::{Event, Node};

const KEYS: usize = 100_000;
const MATCHING: usize = 10;

/// Processor time of the calling thread.
fn own_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("less than a second"))
}

/// A node takes all keys of a hub, and its program all events, the last of which `is_last` knows. Returns their number,
/// and the processor time of the program's thread.
fn receives(hub: &str, prefix: Option<&str>, is_last: impl Fn(usize, &Event) -> bool) -> (usize, Duration) {
    let node = Node::builder().log(|_, _| {}).start().expect("a node");
    node.connect(hub).expect("an endpoint");
    if let Some(prefix) = prefix {
        node.watch(prefix).expect("a prefix");
    }
    node.wait_count(KEYS, Some(LONG)).expect("all keys");
    let begun = own_time();
    let mut events = 0;
    loop {
        let event = node.recv_timeout(LONG).expect("alive").expect("an event in time");
        events += 1;
        if is_last(events, &event) {
            break;
        }
    }
    let took = own_time() - begun;
    assert_eq!(node.recv_timeout(Duration::from_millis(100)), Ok(None), "once only");
    (events, took)
}

#[test]
fn ten_of_a_hundred_thousand_keys_cost_the_program_next_to_nothing() {
    let hub = Node::builder().log(|_, _| {}).start().expect("a node");
    for key in 0..KEYS {
        let folder = if key % (KEYS / MATCHING) == 0 { "service" } else { "other" };
        hub.publish(format!("{folder}/{key}"), "value").expect("room");
    }
    let port = hub.bind("tcp://127.0.0.1:*").expect("a free port");
    let endpoint = format!("tcp://127.0.0.1:{port}");
    let is_synced =
        |_: usize, event: &Event| matches!(event, Event::Synced { prefix, .. } if prefix == b"service/");
    let (all, without) = receives(&endpoint, None, |events, _| events == KEYS);
    // The shortest of a few: the thread's time grows with every interruption.
    let few = (0..5).map(|_| receives(&endpoint, Some("service/"), is_synced));
    let (watched, with) = few.min_by_key(|&(_, time)| time).expect("some");
    println!("measured: receiving {all} events took {without:?}, {watched} of those that match {with:?}");
    assert_eq!((all, watched), (KEYS, MATCHING + 1));
    assert!(with <= without / 100, "{with:?} of {without:?}");
}
