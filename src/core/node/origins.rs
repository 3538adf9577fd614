//! Who wrote a tuple, and when: what its stamp tells.

use super::Node;
use super::transmit::remaining;
use crate::core::clock::Now;
use crate::core::id::LinkId;

/// The origin of a tuple, as far as a node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Id of the node that wrote the tuple; `None` where a plain peer brought it, which says nothing about the writer.
    pub writer: Option<u64>,
    /// Whether this node wrote the tuple.
    pub is_own: bool,
    /// Name of the writer, if that is this node or a direct peer, and has one.
    pub name: Option<Box<[u8]>>,
    /// The link by which the tuple came, which may be closed by now; `None` for the owner's own.
    pub link: Option<LinkId>,
    /// Time of the write (ms since 1970) on the network's hybrid logical clock. A synthetic stamp, which stands for a value
    /// of a plain peer, has none: its time is that of the value before.
    pub written: Option<u64>,
    /// Milliseconds until the tuple expires; 0 if it does not.
    pub ttl: u32,
}

impl Node {
    /// The origin of a key's tuple; `None` if the owner cannot read a value.
    pub fn origin(&self, key: &[u8], now: Now) -> Option<Origin> {
        let slot = self.store.find(key).filter(|&slot| self.is_readable(slot, now))?;
        let held = self.store.held(slot);
        let writer = Some(held.stamp.origin).filter(|_| !held.stamp.is_synthetic());
        let is_own = writer == Some(self.id);
        Some(Origin {
            writer,
            is_own,
            name: writer.and_then(|writer| self.name_of(writer)),
            link: held.source(),
            written: writer.map(|_| held.stamp.wall()),
            ttl: remaining(self.store.deadline(slot), now),
        })
    }

    /// The name of this node or a direct peer.
    pub(super) fn name_of(&self, id: u64) -> Option<Box<[u8]>> {
        if id == self.id {
            return Some(self.name.clone()).filter(|name| !name.is_empty());
        }
        let mut named = self.links.values().filter(|link| link.peer() == Some(id));
        named.find_map(|link| link.peer_name()).map(Box::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::codec::{Extension, MessageId, encode, encode_publish};
    use crate::core::id::Role;
    use crate::core::settings::Settings;
    use crate::core::{Stamp, Tuple};

    const WALL: u64 = 1_800_000_000_000;

    #[test]
    fn own_tuples_have_a_name_a_time_and_what_remains_of_their_lives() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        node.publish(b"key", b"value", 500, Now::at(10)).unwrap();
        node.publish(b"stays", b"value", 0, Now::at(10)).unwrap();
        let expected = Origin {
            writer: Some(node.id()),
            is_own: true,
            name: None,
            link: None,
            written: Some(WALL + 10),
            ttl: 400,
        };
        assert_eq!(node.origin(b"key", Now::at(110)), Some(expected.clone()));
        node.set_name(b"me");
        let named = Origin { name: Some(b"me"[..].into()), ttl: 0, ..expected };
        assert_eq!(node.origin(b"stays", Now::at(110)), Some(named));
        assert_eq!(node.origin(b"key", Now::at(510)), None, "its life is over");
        assert_eq!(node.origin(b"absent", Now::at(10)), None);
        node.unpublish(b"stays", Now::at(10));
        assert_eq!(node.origin(b"stays", Now::at(10)), None);
    }

    #[test]
    fn the_writer_is_known_also_through_others_and_its_name_if_it_is_a_peer() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        let link = node.open_link(Role::Server, Now::at(1)).unwrap();
        let hello = Extension { node: Some(1 << 63 | 7), name: Some(b"peer"), ..Extension::default() };
        node.handle_frame(link, &encode(MessageId::Hello, &hello), Now::at(1));
        for (key, writer) in [(b"near", 7), (b"away", 8)] {
            let stamp = Stamp { time: (WALL - 9) << 16 | 3, origin: 1 << 63 | writer };
            let publish = encode_publish(&Tuple::new(key, b"1"), 0, Some(stamp));
            node.handle_frame(link, &publish, Now::at(2));
        }
        let near = node.origin(b"near", Now::at(3)).unwrap();
        assert_eq!((near.writer, near.name.as_deref()), (Some(1 << 63 | 7), Some(&b"peer"[..])));
        assert_eq!((near.link, near.written, near.is_own), (Some(link), Some(WALL - 9), false));
        let away = node.origin(b"away", Now::at(3)).unwrap();
        assert_eq!((away.writer, away.name, away.link), (Some(1 << 63 | 8), None, Some(link)));
    }

    #[test]
    fn of_a_plain_peers_value_the_link_alone_is_known() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        node.publish(b"key", b"own", 0, Now::at(1)).unwrap();
        let link = node.open_link(Role::Server, Now::at(1)).unwrap();
        node.handle_frame(link, &encode(MessageId::Hello, &Extension::default()), Now::at(1));
        for key in [&b"key"[..], b"new"] {
            node.handle_frame(link, &encode_publish(&Tuple::new(key, b"theirs"), 0, None), Now::at(9000));
            let origin = node.origin(key, Now::at(9001)).unwrap();
            let expected =
                Origin { writer: None, is_own: false, name: None, link: Some(link), written: None, ttl: 0 };
            assert_eq!(origin, expected, "{}", key.escape_ascii());
        }
    }
}
