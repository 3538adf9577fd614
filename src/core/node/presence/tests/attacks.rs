//! What hostile peers say of members and announced tuples.

use super::*;
use crate::core::codec::lists::BatchWriter;
use crate::core::codec::{Record, RecordKind};
use crate::core::rights::{Access, Rights};

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

    fn now(&self) -> Now {
        Now::at(self.mono)
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
