//! Events about tuples, with what changed for an owner who wants to know.

use super::Node;
use crate::core::clock::{Now, Stamp};
use crate::core::event::{Change, ChangeKind, Event};
use crate::core::id::Slot;
use crate::core::tuple::Tuple;
use crate::core::version::Version;

impl Node {
    /// Sets whether events about tuples tell what changed, as [`Event::Changed`]. No frame, and nothing else, depends on
    /// that.
    pub fn set_tells_changes(&mut self, tells: bool) {
        self.tells_changes = tells;
    }

    /// Queues an event about a tuple whose key had the value of `before`, and has the stamp `stamp` now.
    pub(super) fn push_tuple_event(
        &mut self,
        kind: ChangeKind,
        tuple: Tuple,
        before: Option<Tuple>,
        stamp: Stamp,
    ) {
        let event = if self.tells_changes {
            Event::Changed(Box::new(self.change(kind, tuple, before, stamp)))
        } else {
            match kind {
                ChangeKind::Deliver => Event::Deliver(tuple),
                ChangeKind::First => Event::First(tuple),
                ChangeKind::Retract => Event::Retract(tuple),
                ChangeKind::Expire => Event::Expire(tuple),
            }
        };
        self.events.push_back(event);
    }

    /// Queues the event that a tuple is gone, by a write with this stamp, or one of its own if it has expired.
    pub(super) fn push_gone(&mut self, kind: ChangeKind, tuple: Tuple, stamp: Stamp) {
        self.push_tuple_event(kind, tuple.clone(), Some(tuple), stamp);
    }

    fn change(&self, kind: ChangeKind, tuple: Tuple, before: Option<Tuple>, stamp: Stamp) -> Change {
        let writer = Some(stamp.origin).filter(|_| !stamp.is_synthetic());
        let name = writer.and_then(|writer| self.name_of(writer));
        Change { kind, tuple, before, writer, name, version: Version::of(stamp) }
    }

    /// What is held of a key as a change, of which the owner knows nothing; `None` if the owner cannot read a value.
    pub fn as_change(&self, key: &[u8], now: Now) -> Option<Change> {
        let held = self.store.held(self.readable_slot(key, now)?);
        Some(self.change(ChangeKind::Deliver, held.tuple.clone(), None, held.stamp))
    }

    /// The version of a key's tuple; `None` if the owner cannot read a value.
    pub fn version(&self, key: &[u8], now: Now) -> Option<Version> {
        Some(Version::of(self.store.held(self.readable_slot(key, now)?).stamp))
    }

    fn readable_slot(&self, key: &[u8], now: Now) -> Option<Slot> {
        self.store.find(key).filter(|&slot| self.is_readable(slot, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::codec::{Extension, MessageId, encode, encode_publish};
    use crate::core::id::Role;
    use crate::core::settings::Settings;

    fn next(node: &mut Node) -> Change {
        loop {
            match node.poll_event().expect("an event") {
                Event::Changed(change) => return *change,
                Event::Join(..) => {}
                event => panic!("{event:?}"),
            }
        }
    }

    fn values(change: &Change) -> (ChangeKind, &[u8], Option<&[u8]>) {
        (change.kind, change.tuple.value(), change.before.as_ref().map(Tuple::value))
    }

    #[test]
    fn changes_tell_the_value_before_the_writer_and_a_version_that_grows() {
        use ChangeKind::{Deliver, Expire, First, Retract};
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        node.set_tells_changes(true);
        node.set_name(b"me");
        node.publish(b"key", b"1", 0, Now::at(2)).unwrap();
        node.publish(b"key", b"2", 0, Now::at(3)).unwrap();
        node.retract(b"key", Now::at(4)).unwrap();
        node.publish(b"key", b"3", 10, Now::at(5)).unwrap();
        let at_5 = node.version(b"key", Now::at(5));
        node.handle_timeout(Now::at(16));
        let changes: Vec<_> = (0..5).map(|_| next(&mut node)).collect();
        let expected: [(_, &[u8], Option<&[u8]>); 5] = [
            (First, b"1", None),
            (Deliver, b"2", Some(b"1")),
            (Retract, b"2", Some(b"2")),
            (Deliver, b"3", None),
            (Expire, b"3", Some(b"3")),
        ];
        assert_eq!(changes.iter().map(values).collect::<Vec<_>>(), expected);
        assert!(changes.iter().all(|change| change.writer == Some(node.id())));
        assert!(changes.iter().all(|change| change.name.as_deref() == Some(b"me")));
        assert!(changes[..4].windows(2).all(|pair| pair[0].version < pair[1].version));
        // Nobody wrote that it expired
        assert_eq!((Some(changes[4].version), node.version(b"key", Now::at(16))), (at_5, None));
        assert_eq!(node.as_change(b"key", Now::at(16)), None);
    }

    #[test]
    fn nodes_agree_on_the_version_and_what_a_plain_peer_wrote_has_no_writer() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        node.set_tells_changes(true);
        let links = [(); 2].map(|()| node.open_link(Role::Server, Now::at(1)).unwrap());
        let hello = Extension { node: Some(1 << 63 | 7), name: Some(b"peer"), ..Extension::default() };
        node.handle_frame(links[0], &encode(MessageId::Hello, &hello), Now::at(1));
        let stamp = Stamp { time: 7, origin: 1 << 63 | 7 };
        node.handle_frame(links[0], &encode_publish(&Tuple::new(b"a", b"1"), 0, Some(stamp)), Now::at(1));
        let change = next(&mut node);
        assert_eq!((change.version, change.writer), (Version::of(stamp), Some(stamp.origin)));
        assert_eq!(change.name.as_deref(), Some(&b"peer"[..]));
        assert_eq!(node.as_change(b"a", Now::at(1)), Some(Change { kind: ChangeKind::Deliver, ..change }));
        node.handle_frame(links[1], &encode(MessageId::Hello, &Extension::default()), Now::at(1));
        node.handle_frame(links[1], &encode_publish(&Tuple::new(b"b", b"1"), 0, None), Now::at(1));
        let change = next(&mut node);
        assert_eq!((change.writer, change.name), (None, None));
    }
}
