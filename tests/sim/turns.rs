//! The work of single calls on a node that has very many tuples and links: whatever comes or ends at once, no call is to
//! keep the node's thread for more than 10 ms.
//!
//! A test cannot promise how long a processor takes, so what it asserts is the number of tuples, links and timers that a
//! call visits. The times are printed.

use super::net::WALL;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::time::Duration;
use zgossip::core::codec::{Extension, encode};
use zgossip::core::{LinkId, MessageId, Node, Now, Role, Settings, take_visits};

const LINKS: u64 = 1000;
/// Visits of one call. One takes 20 to 300 ns, and the forgetting of a tuple some 2 µs; so many timers fire in one call,
/// and beside them each link may be looked at once.
const MOST_VISITS: usize = 2048 + 2 * LINKS as usize + 100;
/// Visits of one call in which refused tuples are forgotten.
const MOST_RECONSIDERED: usize = 4096;
/// Visits of one call that goes through tuples in the order in which they lie in memory, and does little with each.
const MOST_IN_ORDER: usize = 16_384;

/// Time that the processor has worked for this thread, which does not grow while other threads have it.
fn time_on_processor() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Watched calls: of each kind the most visits, and the longest time.
#[derive(Default)]
struct Watched(BTreeMap<&'static str, (usize, Duration)>);

impl Watched {
    /// Makes a call, and asserts that it visits `most` at most.
    #[track_caller]
    fn within<T>(&mut self, most: usize, what: &'static str, call: impl FnOnce() -> T) -> T {
        take_visits();
        let begun = time_on_processor();
        let result = call();
        let (took, visits) = (time_on_processor() - begun, take_visits());
        assert!(visits <= most, "{what}: {visits} visits in one call, {most} at most; {took:?}");
        let worst = self.0.entry(what).or_default();
        *worst = (worst.0.max(visits), worst.1.max(took));
        result
    }

    #[track_caller]
    fn call<T>(&mut self, what: &'static str, call: impl FnOnce() -> T) -> T {
        self.within(MOST_VISITS, what, call)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        for (what, (visits, took)) in &self.0 {
            println!("measured: {what}: {visits} visits, {took:?} at most");
        }
    }
}

fn roomy() -> Settings {
    Settings { max_tuples: 4_000_000, max_bytes: 4 << 30, ..Settings::default() }
}

fn filled(watched: &mut Watched, count: usize, now: Now) -> Node {
    let mut node = Node::new(roomy(), 1, now);
    for key in 0..count {
        let key = format!("key-{key}");
        watched
            .within(MOST_IN_ORDER, "publish, new", || node.publish(key.as_bytes(), b"value", 0, now))
            .expect("room");
    }
    while node.poll_event().is_some() {}
    node
}

fn meet(watched: &mut Watched, node: &mut Node, peers: u64, now: Now) -> Vec<LinkId> {
    let met = (0..peers).map(|peer| {
        let link = watched.within(MOST_IN_ORDER, "open_link", || node.open_link(Role::Server, now));
        let link = link.expect("few clients");
        let hello =
            encode(MessageId::Hello, &Extension { node: Some(1 << 63 | peer), ..Extension::default() });
        watched.call("handle_frame, HELLO", || node.handle_frame(link, &hello, now));
        link
    });
    met.collect()
}

/// Takes what a node has to send to all its peers, and to the first of them only some frames.
fn send(watched: &mut Watched, node: &mut Node, now: Now) {
    while node.poll_event().is_some() {}
    while let Some(link) = watched.call("poll_ready", || node.poll_ready()) {
        for _ in 0..10 {
            watched.call("poll_transmit", || node.poll_transmit(link, now));
        }
    }
}

/// Lets everything that is due happen.
fn end_all(watched: &mut Watched, node: &mut Node, what: &'static str, now: Now) {
    while node.poll_timeout().is_some_and(|due| due <= now.mono) {
        watched.call(what, || node.handle_timeout(now));
        while node.poll_event().is_some() {}
    }
}

fn later(now: Now, time: u64) -> Now {
    Now { mono: now.mono + time, wall: now.wall + time }
}

/// Connects a node to another one, and lets the two exchange frames until the client has taken enough.
fn exchange(
    watched: &mut Watched,
    nodes: [&mut Node; 2],
    mut now: Now,
    has_enough: impl Fn(&Node) -> bool,
) -> Now {
    let [client, server] = nodes;
    let link = client.open_link(Role::Client, now).expect("a client's link");
    let other = server.open_link(Role::Server, now).expect("few clients");
    watched.call("link_up", || client.link_up(link, now));
    for _ in 0..20_000 {
        now = later(now, 5);
        for (from, to, out, to_link) in [(0, 1, link, other), (1, 0, other, link)] {
            let [from, to] =
                if from < to { [&mut *client, &mut *server] } else { [&mut *server, &mut *client] };
            watched.call("handle_timeout, links", || from.handle_timeout(now));
            for _ in 0..16 {
                let Some(frame) = watched.call("poll_transmit", || from.poll_transmit(out, now)) else {
                    break;
                };
                watched
                    .within(MOST_IN_ORDER, "handle_frame", || to.handle_frame(to_link, frame.bytes(), now));
            }
            while from.poll_event().is_some() {}
        }
        if has_enough(client) {
            return now;
        }
    }
    panic!("the client has {:?}", client.stats());
}

fn check(count: usize) {
    let watched = &mut Watched::default();
    let mut now = Now { mono: 1, wall: WALL };
    let mut node = filled(watched, count, now);
    // A newcomer takes all, and gets another link.
    let mut newcomer = Node::new(roomy(), 2, now);
    now = exchange(watched, [&mut newcomer, &mut node], now, |newcomer| newcomer.count() == count);
    meet(watched, &mut newcomer, 1, now);
    // One without room refuses as many as it can remember, and is given room.
    let narrow = Settings { max_tuples: 10, ..roomy() };
    let mut full = Node::new(narrow, 3, now);
    now = exchange(watched, [&mut full, &mut node], now, |full| full.stats().refused > 60_000);
    watched.within(MOST_RECONSIDERED, "set_settings", || full.set_settings(roomy(), now));
    for _ in 0..100 {
        now = later(now, 10);
        watched
            .within(MOST_RECONSIDERED + MOST_VISITS, "handle_timeout, limits", || full.handle_timeout(now));
    }
    assert!(full.root() != node.root());
    drop((newcomer, full));
    let links = meet(watched, &mut node, LINKS, now);
    send(watched, &mut node, now);
    for key in 0..count {
        // In no order.
        let key = format!("key-{}", key * 7919 % count);
        watched
            .call("publish, with a ttl", || node.publish(key.as_bytes(), b"other", 10_000, now))
            .expect("room");
        while node.poll_event().is_some() {}
    }
    for key in 0..5000 {
        // The change log is compacted.
        let key = format!("key-{}", key * 7919 % count);
        watched
            .within(MOST_IN_ORDER, "publish, again", || node.publish(key.as_bytes(), b"third", 10_000, now))
            .expect("room");
        while node.poll_event().is_some() {}
    }
    send(watched, &mut node, now);
    now = later(now, 20_000);
    end_all(watched, &mut node, "handle_timeout, expiry", now);
    assert_eq!(node.count(), 0);
    for &link in links.iter().step_by(2) {
        watched.call("close_link", || node.close_link(link, now));
    }
    send(watched, &mut node, now);
    now = later(now, 3_700_000);
    end_all(watched, &mut node, "handle_timeout, tombstones", now);
    assert_eq!((node.count(), node.root()), (0, 0));
    watched.within(MOST_IN_ORDER, "publish, new", || node.publish(b"key", b"value", 0, now)).expect("room");
}

#[test]
fn no_call_does_much_where_there_are_very_many_tuples_and_links() {
    check(200_000);
}

#[test]
#[ignore = "takes long"]
fn soak_no_call_does_much_where_there_are_a_million_tuples() {
    check(1_100_000);
}
