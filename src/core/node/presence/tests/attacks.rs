//! What hostile peers say of members and announced tuples.

use super::*;
use crate::core::codec::lists::{BatchWriter, members_frame};
use crate::core::codec::{Record, RecordKind};
use crate::core::rights::{Access, Rights};
use crate::core::visits::take_visits;

/// A sequence number that no word exceeds in its incarnation.
const LAST: u32 = u32::MAX;

/// A hub at which others may do anything, and the first leaf, the attacker, may only read.
fn star_with_reader(leaves: usize) -> Net {
    let mut net = Net::star(leaves);
    let mut rights = Rights::default();
    for (subject, access) in [("*", "write"), ("reader", "read")] {
        rights.set(subject.as_bytes(), b"", Some(Access::parse(access.as_bytes()).unwrap())).unwrap();
    }
    net.nodes[0].set_rights(&rights);
    let link = net.attacker();
    net.nodes[0].set_subjects(link, &[b"reader"]);
    net.run(3000);
    net
}

impl Net {
    /// The hub's link to the first leaf.
    fn attacker(&self) -> LinkId {
        self.links[0][1].1
    }

    fn attack(&mut self, frame: &[u8]) {
        let (link, now) = (self.attacker(), Now::at(self.mono));
        self.nodes[0].handle_frame(link, frame, now);
    }

    /// The first leaf's link is given these records.
    fn say(&mut self, records: impl IntoIterator<Item = MemberRecord<'static>>) {
        let mut frame = members_frame();
        for record in records {
            record.encode(&mut frame);
            if frame.len() > 16 << 10 {
                self.attack(&std::mem::replace(&mut frame, members_frame()));
            }
        }
        self.attack(&frame);
    }

    fn latest_of(&mut self, node: usize) -> u64 {
        let now = self.now();
        self.nodes[node].latest(now)
    }

    fn now(&self) -> Now {
        Now::at(self.mono)
    }
}

/// A word that a node lives, for an hour.
fn alive(id: u64) -> MemberRecord<'static> {
    let state = Some(MemberState::Alive);
    MemberRecord {
        id,
        incarnation: 1,
        sequence: 1,
        state,
        lease: 3_600_000,
        remaining: 3_600_000,
        ..Default::default()
    }
}

#[test]
fn who_may_only_read_cannot_end_what_others_published_by_calling_it_announced() {
    let mut net = star_with_reader(2);
    let now = net.now();
    net.nodes[2].publish(b"key", b"1", 0, now).unwrap();
    net.nodes[0].publish(b"of the hub", b"2", 0, now).unwrap();
    net.run(100);
    for (key, value) in [(&b"key"[..], &b"1"[..]), (b"of the hub", b"2")] {
        let stamp = net.nodes[0].store.held(net.nodes[0].store.find(key).unwrap()).stamp;
        let mut batch = BatchWriter::new(100);
        batch.add_record(&Record { kind: RecordKind::Live, key, value, ttl: 0, stamp, announced: true });
        net.attack(&batch.finish());
    }
    net.run(400_000);
    assert!(net.all_have("key", Some("1")) && net.all_have("of the hub", Some("2")));
    assert_eq!(net.changes(2).len(), 2);
}

#[test]
fn nobody_makes_what_a_node_has_published_an_announced_tuple_of_that_node() {
    let mut net = Net::star(2);
    let now = net.now();
    net.nodes[0].publish(b"key", b"1", 0, now).unwrap();
    net.run(100);
    let slot = net.nodes[0].store.find(b"key").unwrap();
    let stamp = net.nodes[0].store.held(slot).stamp;
    let mut batch = BatchWriter::new(100);
    let (key, value) = (&b"key"[..], &b"1"[..]);
    batch.add_record(&Record { kind: RecordKind::Live, key, value, ttl: 0, stamp, announced: true });
    net.attack(&batch.finish());
    assert!(!net.nodes[0].store.held(slot).is_announced());
}

#[test]
fn who_may_only_read_cannot_hide_a_member_by_saying_that_it_lives_for_a_moment() {
    let mut net = star_with_reader(3);
    net.announce(2, "key", "1");
    net.run(1000);
    let id = net.nodes[2].id();
    let latest = net.latest_of(2) + (1 << 16);
    for attempt in 0..20 {
        let word = MemberRecord {
            incarnation: latest + attempt,
            sequence: LAST,
            lease: 0,
            remaining: 0,
            ..alive(id)
        };
        net.say([word]);
        net.run(700);
    }
    net.run(30_000);
    assert_eq!(net.changes(3), ["+1"]);
}

#[test]
fn a_node_whose_word_was_given_by_a_stranger_before_is_heard_all_the_same() {
    for lease in [500, 3_600_000] {
        let mut net = Net::star(3);
        let id = net.nodes[2].id();
        let latest = net.latest_of(2) + (30_000 << 16);
        net.say([MemberRecord { incarnation: latest, sequence: LAST, lease, remaining: lease, ..alive(id) }]);
        net.run(1000);
        net.announce(2, "key", "1");
        net.run(120_000);
        assert!(net.all_have("key", Some("1")), "{:?}", net.values("key"));
        let words: Vec<_> = net.nodes.iter().map(|node| node.presence.members.word_of(id)).collect();
        assert!(words.iter().all(|&word| word > Some((latest, LAST))), "{words:?}");
    }
}

#[test]
fn members_that_are_made_up_leave_room_for_those_that_are_there() {
    let mut net = star_with_reader(3);
    net.say((1..70_000).map(alive));
    net.run(1000);
    net.announce(2, "key", "1");
    net.run(60_000);
    assert!(net.all_have("key", Some("1")));
    assert_eq!(net.changes(3), ["+1"]);
    assert!(net.nodes[0].members(net.now()).len() < 33_000);
}

#[test]
fn a_node_that_was_not_heard_for_want_of_room_is_seen_when_there_is_some() {
    let mut net = Net::star(2);
    net.say((1..70_000).map(|id| MemberRecord { remaining: 5000, ..alive(id) }));
    net.announce(2, "key", "1");
    net.run(1000);
    assert_eq!(net.values("key")[0], None);
    net.run(1_000_000);
    assert!(net.all_have("key", Some("1")));
}

#[test]
fn neither_a_server_of_thousands_that_comes_and_goes_nor_its_clients_keep_a_node_busy() {
    const CLIENTS: u64 = 20_000;
    let mut net = Net::star(1);
    let server = 7;
    let own: &'static [u8] = Box::leak(Box::new([server, net.nodes[0].id()].map(u64::to_be_bytes).concat()));
    net.say((100..100 + CLIENTS).map(|id| MemberRecord { servers: own, ..alive(id) }));
    take_visits();
    let flap = |sequence| {
        let state = if sequence % 2 == 0 { MemberState::Alive } else { MemberState::Left };
        MemberRecord { sequence, state: Some(state), ..alive(server) }
    };
    let mut frame = members_frame();
    (2..300).for_each(|sequence| flap(sequence).encode(&mut frame));
    net.attack(&frame);
    assert!(take_visits() < 1000);
    let mut most = 0;
    for _ in 0..2000 {
        net.mono += 1;
        let now = net.now();
        net.nodes[0].handle_timeout(now);
        most = most.max(take_visits());
    }
    assert!(most < 2000, "{most}");
    // The server has left, and this node has no link to its clients.
    assert_eq!(net.nodes[0].members(net.now()).len(), 0);
}

#[test]
fn what_a_node_announced_ends_in_portions() {
    let mut net = Net::star(2);
    let now = net.now();
    for key in 0..20_000 {
        net.nodes[2].announce(format!("{key}").as_bytes(), b"value", 0, now).unwrap();
    }
    net.run(100);
    net.kill(2);
    take_visits();
    let mut most = 0;
    for _ in 0..1000 {
        net.mono += 1;
        let now = net.now();
        net.nodes[0].handle_timeout(now);
        most = most.max(take_visits());
    }
    assert!((1..4 * PORTION).contains(&most), "{most}");
    assert_eq!(net.nodes[0].count(), 0);
}
