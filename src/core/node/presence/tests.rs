use super::*;
use crate::core::event::Event;
use crate::core::settings::Settings;
use crate::core::tuple::Tuple;
use std::collections::BTreeSet;

mod attacks;
mod leaving;

/// Nodes, and the links between them; a frame takes a millisecond.
struct Net {
    nodes: Vec<Node>,
    links: Vec<[(usize, LinkId); 2]>,
    /// Nodes that do nothing, and pairs that hear nothing of each other, though their connections stand.
    stopped: BTreeSet<usize>,
    cut: BTreeSet<(usize, usize)>,
    mono: u64,
    events: Vec<Vec<Event>>,
    frames: u64,
}

impl Net {
    fn new(count: usize) -> Net {
        let nodes = (0..count).map(|n| Node::new(Settings::default(), 100 + n as u64, Now::at(1))).collect();
        let events = vec![Vec::new(); count];
        let (stopped, cut) = Default::default();
        Net { nodes, links: Vec::new(), stopped, cut, mono: 1, events, frames: 0 }
    }

    /// A server, and clients of it.
    fn star(clients: usize) -> Net {
        let mut net = Net::new(clients + 1);
        (1..=clients).for_each(|client| net.connect(client, 0));
        net.run(100);
        net
    }

    fn connect(&mut self, client: usize, server: usize) {
        let now = Now::at(self.mono);
        let up = self.nodes[client].open_link(Role::Client, now).unwrap();
        let down = self.nodes[server].open_link(Role::Server, now).unwrap();
        self.nodes[client].link_up(up, now);
        self.links.push([(client, up), (server, down)]);
    }

    /// The connections between two nodes are lost, and those who live notice.
    fn disconnect(&mut self, one: usize, other: usize) {
        let ends = |link: &[(usize, LinkId); 2]| [link[0].0, link[1].0] == [one, other];
        for [(client, up), (server, down)] in self.links.extract_if(.., |link| ends(link)) {
            self.nodes[client].close_link(up, Now::at(self.mono));
            self.nodes[server].close_link(down, Now::at(self.mono));
        }
    }

    /// A node dies: its neighbours see its connections end.
    fn kill(&mut self, node: usize) {
        for [client, server] in std::mem::take(&mut self.links) {
            match (client.0 == node, server.0 == node) {
                (true, _) => self.nodes[server.0].close_link(server.1, Now::at(self.mono)),
                (_, true) => self.nodes[client.0].link_down(client.1, Now::at(self.mono)),
                _ => self.links.push([client, server]),
            }
        }
        self.stopped.insert(node);
    }

    fn step(&mut self) {
        self.mono += 1;
        let now = Now::at(self.mono);
        let lives = |node: &usize| !self.stopped.contains(node);
        for node in (0..self.nodes.len()).filter(lives) {
            self.nodes[node].handle_timeout(now);
            while self.nodes[node].poll_ready().is_some() {}
            while let Some(event) = self.nodes[node].poll_event() {
                self.events[node].push(event);
            }
        }
        for ends in self.links.clone() {
            for [(from, link), (to, other)] in [ends, [ends[1], ends[0]]] {
                let is_cut = self.cut.contains(&(from, to)) || self.cut.contains(&(to, from));
                if is_cut || self.stopped.contains(&from) || self.stopped.contains(&to) {
                    continue;
                }
                while let Some(frame) = self.nodes[from].poll_transmit(link, now) {
                    self.frames += 1;
                    self.nodes[to].handle_frame(other, frame.bytes(), now);
                }
            }
        }
    }

    fn run(&mut self, ms: u64) {
        (0..ms).for_each(|_| self.step());
    }

    fn announce(&mut self, node: usize, key: &str, value: &str) {
        let now = Now::at(self.mono);
        self.nodes[node].announce(key.as_bytes(), value.as_bytes(), 0, now).unwrap();
    }

    /// The value of a key on each node that lives.
    fn values(&self, key: &str) -> Vec<Option<String>> {
        let now = Now::at(self.mono);
        let value =
            |node: &Node| Some(String::from_utf8(node.get(key.as_bytes(), now)?.value().to_vec()).unwrap());
        let living = (0..self.nodes.len()).filter(|node| !self.stopped.contains(node));
        living.map(|node| value(&self.nodes[node])).collect()
    }

    /// Whether all who live have this value.
    fn all_have(&self, key: &str, value: Option<&str>) -> bool {
        self.values(key).iter().all(|held| held.as_deref() == value)
    }

    fn agree(&self) -> bool {
        let living: Vec<_> = (0..self.nodes.len()).filter(|node| !self.stopped.contains(node)).collect();
        living.iter().all(|&node| self.nodes[node].root() == self.nodes[living[0]].root())
    }

    /// Milliseconds until something is so; at most a minute.
    fn until(&mut self, is_so: impl Fn(&Net) -> bool) -> u64 {
        let begun = self.mono;
        while !is_so(self) {
            assert!(self.mono < begun + 60_000, "it never came to that: {:?}", self.values("key"));
            self.step();
        }
        self.mono - begun
    }

    /// What the owner of a node was told of tuples.
    fn changes(&self, node: usize) -> Vec<String> {
        let text = |tuple: &Tuple| String::from_utf8(tuple.value().to_vec()).unwrap();
        let of_tuples = |event: &Event| match event {
            Event::First(tuple) | Event::Deliver(tuple) => Some(format!("+{}", text(tuple))),
            Event::Retract(tuple) => Some(format!("-{}", text(tuple))),
            Event::Expire(tuple) => Some(format!("x{}", text(tuple))),
            _ => None,
        };
        self.events[node].iter().filter_map(of_tuples).collect()
    }
}

#[test]
fn who_announces_nothing_is_told_nothing_of_members() {
    let mut net = Net::star(3);
    net.nodes[1].publish(b"key", b"1", 0, Now::at(net.mono)).unwrap();
    net.run(5000);
    assert!(net.nodes.iter().all(|node| node.presence.due() == 0 && node.presence.deadline_is_unset()));
}

#[test]
fn an_announced_tuple_lives_for_as_long_as_its_node_says_so() {
    let mut net = Net::star(3);
    net.announce(1, "key", "1");
    net.run(60_000);
    assert!(net.all_have("key", Some("1")) && net.agree());
    assert_eq!(net.changes(2), ["+1"]);
    // The cable is cut, and no connection breaks.
    net.cut.insert((1, 0));
    net.stopped.insert(1);
    let took = net.until(|net| net.all_have("key", None));
    assert!((6000..=10_100).contains(&took), "{took}");
    assert_eq!(net.changes(2), ["+1", "-1"]);
}

#[test]
fn a_node_that_ends_in_order_takes_its_tuples_along() {
    let mut net = Net::star(3);
    net.announce(1, "key", "1");
    net.run(100);
    net.nodes[1].shutdown(Now::at(net.mono));
    net.step();
    net.kill(1);
    assert!(net.until(|net| net.all_have("key", None)) <= 2);
    assert!(net.agree());
    net.run(700_000);
    assert!(net.all_have("key", None) && net.agree());
}

#[test]
fn a_node_that_dies_is_missed_after_the_grace_and_everywhere_at_once() {
    let mut net = Net::star(3);
    net.announce(1, "key", "1");
    net.announce(0, "of the hub", "2");
    net.run(1000);
    net.kill(1);
    let took = net.until(|net| net.all_have("key", None));
    assert!((200..=203).contains(&took), "{took}");
    assert!(net.agree() && net.all_have("of the hub", Some("2")));
}

#[test]
fn who_is_back_within_the_grace_never_went() {
    let mut net = Net::star(3);
    net.announce(1, "key", "1");
    net.run(1000);
    net.disconnect(1, 0);
    net.run(150);
    net.connect(1, 0);
    net.run(30_000);
    assert!(net.all_have("key", Some("1")));
    assert!((0..4).all(|node| net.changes(node) == ["+1"]));
}

#[test]
fn who_is_back_after_it_was_given_up_announces_again() {
    let mut net = Net::star(3);
    net.announce(1, "key", "1");
    net.run(1000);
    net.disconnect(1, 0);
    net.run(5000);
    assert_eq!(net.values("key"), [None, Some("1".into()), None, None]);
    net.connect(1, 0);
    assert!(net.until(|net| net.all_have("key", Some("1"))) < 20);
    net.run(30_000);
    assert!(net.agree() && net.all_have("key", Some("1")));
    assert_eq!(
        (net.changes(1), net.changes(2)),
        (vec!["+1".into()], vec!["+1".into(), "-1".into(), "+1".into()])
    );
}

#[test]
fn a_neighbour_that_still_hears_a_node_keeps_it_alive_for_all() {
    let mut net = Net::new(4);
    net.connect(2, 0);
    net.connect(2, 1);
    net.connect(3, 0);
    net.connect(0, 1);
    net.run(100);
    net.announce(2, "key", "1");
    net.run(1000);
    net.disconnect(2, 0);
    net.run(30_000);
    assert!(net.all_have("key", Some("1")));
    assert!((0..4).all(|node| net.changes(node) == ["+1"]));
    net.kill(2);
    let took = net.until(|net| net.all_have("key", None));
    assert!((200..=205).contains(&took), "{took}");
}

#[test]
fn a_standby_takes_over_when_the_winner_is_gone() {
    for ends_in_order in [false, true] {
        let mut net = Net::star(4);
        net.announce(1, "key", "1");
        net.run(2000);
        net.announce(2, "key", "2");
        net.run(2000);
        assert!(net.all_have("key", Some("2")));
        if ends_in_order {
            net.nodes[2].shutdown(Now::at(net.mono));
            net.step();
        }
        net.kill(2);
        net.until(|net| net.all_have("key", Some("1")));
        net.run(30_000);
        assert!(net.all_have("key", Some("1")) && net.agree());
    }
}

#[test]
fn a_standby_takes_over_when_the_winner_falls_silent_and_the_winner_takes_it_back_only_by_a_word_of_its_owner()
 {
    let mut net = Net::star(3);
    net.announce(1, "key", "1");
    net.run(2000);
    net.announce(2, "key", "2");
    net.run(2000);
    net.stopped.insert(2);
    net.until(|net| net.all_have("key", Some("1")));
    net.run(20_000);
    net.stopped.remove(&2);
    net.run(20_000);
    assert!(net.all_have("key", Some("1")) && net.agree(), "{:?}", net.values("key"));
}

#[test]
fn a_removal_ends_announcements_of_the_key_whoever_made_them() {
    let mut net = Net::star(3);
    net.announce(1, "key", "1");
    net.run(2000);
    net.announce(2, "key", "2");
    net.run(2000);
    assert!(net.nodes[3].retract(b"key", Now::at(net.mono)).unwrap());
    net.run(30_000);
    assert!(net.all_have("key", None) && net.agree());
    assert!(net.nodes.iter().all(|node| node.presence.own.is_empty()));
}

#[test]
fn what_is_published_is_announced_no_more() {
    let mut net = Net::star(2);
    net.announce(1, "key", "1");
    net.run(100);
    net.nodes[1].publish(b"key", b"1", 0, Now::at(net.mono)).unwrap();
    net.run(100);
    net.kill(1);
    net.run(70_000);
    assert!(net.all_have("key", Some("1")) && net.agree());
    assert_eq!(net.changes(2), ["+1"]);
}

#[test]
fn a_process_that_was_stopped_misses_nobody_and_is_missed_only_beyond_the_lease() {
    let mut net = Net::star(3);
    (0..4).for_each(|node| net.announce(node, &format!("of {node}"), "1"));
    net.run(1000);
    net.stopped.insert(1);
    net.run(5000);
    net.stopped.remove(&1);
    net.run(30_000);
    assert!((0..4).all(|node| net.all_have(&format!("of {node}"), Some("1"))));
    assert!((0..4).all(|node| net.changes(node).len() == 4));
    net.stopped.insert(1);
    net.run(20_000);
    assert!(net.all_have("of 1", None));
    net.stopped.remove(&1);
    net.run(30_000);
    assert!((0..4).all(|node| net.all_have(&format!("of {node}"), Some("1"))) && net.agree());
    assert_eq!((net.changes(1).len(), net.changes(2).len()), (4, 6));
}

/// Two stars whose servers are connected by a line that is cut for a while.
fn after_a_cut(ms: u64) -> Net {
    let mut net = Net::new(6);
    for (client, server) in [(2, 0), (3, 0), (4, 1), (5, 1), (1, 0)] {
        net.connect(client, server);
    }
    net.run(100);
    (0..6).for_each(|node| net.announce(node, &format!("of {node}"), "1"));
    net.run(1000);
    net.disconnect(1, 0);
    net.run(ms);
    net.connect(1, 0);
    net
}

#[test]
fn a_cut_for_less_than_the_lease_hides_nothing_and_a_longer_one_does_for_as_long_as_it_lasts() {
    let mut net = after_a_cut(5000);
    net.run(30_000);
    assert!((0..6).all(|node| net.changes(node).len() == 6), "{:?}", net.changes(2));
    let mut net = after_a_cut(30_000);
    assert!(net.agree(), "nothing was written for the cut");
    let before = net.nodes.iter().map(|node| node.stats().tuples_out).sum::<u64>();
    assert_eq!(net.values("of 2"), [Some("1".into()), None, Some("1".into()), Some("1".into()), None, None]);
    net.run(2000);
    assert!((0..6).all(|node| net.all_have(&format!("of {node}"), Some("1"))));
    net.run(30_000);
    assert!(net.agree());
    assert_eq!(
        net.nodes.iter().map(|node| node.stats().tuples_out).sum::<u64>(),
        before,
        "no tuple was sent again"
    );
    // Each saw three go, and come back.
    assert!((0..6).all(|node| net.changes(node).len() == 6 + 3 + 3));
}

#[test]
fn who_is_cut_off_for_long_is_given_up_by_all_alike_and_is_back_in_the_end() {
    let mut net = after_a_cut(400_000);
    net.run(60_000);
    assert!((0..6).all(|node| net.all_have(&format!("of {node}"), Some("1"))) && net.agree());
}

#[test]
fn a_dead_node_does_not_come_back_through_one_that_was_away() {
    let mut net = Net::star(3);
    net.announce(1, "key", "1");
    net.run(1000);
    net.disconnect(3, 0);
    net.run(100);
    net.kill(1);
    net.run(3000);
    net.connect(3, 0);
    net.run(1000);
    assert!(net.all_have("key", None) && net.agree(), "{:?}", net.values("key"));
    net.run(30_000);
    assert_eq!(net.changes(2), ["+1", "-1"]);
}

#[test]
fn the_smallest_lease_is_half_a_second_and_a_renewal_says_nothing_of_tuples() {
    let mut net = Net::star(2);
    for key in 0..1000 {
        net.nodes[1].announce(format!("{key}").as_bytes(), b"value", 1, Now::at(net.mono)).unwrap();
    }
    net.run(1000);
    let sent = |net: &Net| (net.nodes[1].stats().tuples_out, net.nodes[1].stats().bytes_out);
    let before = sent(&net);
    net.run(10_000);
    let after = sent(&net);
    assert_eq!(after.0, before.0);
    assert!(after.1 - before.1 < 64 * 100, "{}", after.1 - before.1);
    net.stopped.insert(1);
    let took = net.until(|net| net.all_have("7", None));
    assert!((300..=600).contains(&took), "{took}");
}

#[test]
fn the_owner_is_told_once_of_each_member_and_how_it_went() {
    use crate::core::event::MemberState::{Here, Left, Lost};
    let mut net = Net::star(3);
    (0..4).for_each(|node| net.announce(node, &format!("of {node}"), "1"));
    net.run(30_000);
    net.nodes[1].shutdown(Now::at(net.mono));
    net.step();
    net.kill(1);
    net.kill(2);
    net.run(30_000);
    let of_member = |event: &Event| match event {
        Event::Member(member) => Some((member.id, member.state)),
        _ => None,
    };
    let mut told: Vec<_> = net.events[3].iter().filter_map(of_member).collect();
    told.sort_unstable_by_key(|&(id, state)| (state as u8, id));
    let [hub, one, two] = [0, 1, 2].map(|node| net.nodes[node].id());
    let mut here = [hub, one, two].map(|id| (id, Here));
    here.sort_unstable_by_key(|&(id, _)| id);
    assert_eq!((&told[..3], &told[3..]), (&here[..], &[(one, Left), (two, Lost)][..]));
    let listed: Vec<u64> = net.nodes[3].members(Now::at(net.mono)).iter().map(|member| member.id).collect();
    let mut expected = vec![hub, net.nodes[3].id()];
    expected.sort_unstable();
    assert_eq!(listed, expected);
}
