//! The peers of a node, as it sees them at one moment.

use super::Node;
use crate::core::id::{LinkId, Role};
use crate::core::link::{Link, Phase};

/// Protocol that a peer speaks, as far as is known.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The protocol is not known yet.
    Unknown,
    /// CZMQ's protocol, and no more.
    Plain,
    /// CZMQ's protocol with this library's extension.
    Extended,
}

/// State of a link and of its peer at one moment.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PeerState {
    /// The link.
    pub link: LinkId,
    /// Client where this node made the connection, server where the peer did.
    pub role: Role,
    /// Whether there is a connection.
    pub is_up: bool,
    /// Time since which there is a connection, or none (ms of the monotonic clock).
    pub since: u64,
    /// Protocol that the peer speaks, as far as it has shown.
    pub protocol: Protocol,
    /// The id of an extended peer.
    pub id: Option<u64>,
    /// Number of tuples that are still to be sent to the peer.
    pub unsent: u64,
    /// Whether an extended peer held the same as this node by its last summary.
    pub is_equal: Option<bool>,
}

impl Node {
    /// The peers that this node has or wants a connection to, in the order in which their links were made.
    pub fn peers(&self) -> Vec<PeerState> {
        let mut peers: Vec<_> = self.links.iter().map(|(&id, link)| self.peer_state(id, link)).collect();
        peers.sort_unstable_by_key(|peer| peer.link);
        peers
    }

    fn peer_state(&self, id: LinkId, link: &Link) -> PeerState {
        let protocol = match link.phase() {
            Phase::Handshake | Phase::Undetermined => Protocol::Unknown,
            Phase::Plain => Protocol::Plain,
            Phase::Extended => Protocol::Extended,
        };
        let is_extended = link.is_up() && link.is_extended();
        PeerState {
            link: id,
            role: link.role(),
            is_up: link.is_up(),
            since: link.since(),
            protocol,
            id: link.peer(),
            unsent: if link.is_up() { self.unsent_on(link) } else { 0 },
            is_equal: is_extended.then(|| link.sync.summary() == self.summary()),
        }
    }

    pub(super) fn unsent_on(&self, link: &Link) -> u64 {
        link.bulk.len() as u64 + u64::from(self.store.changes.end().saturating_sub(link.cursor()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::clock::Now;
    use crate::core::codec::{Extension, MessageId, encode};
    use crate::core::settings::Settings;

    #[test]
    fn peers_are_told_apart_by_what_they_speak_and_what_they_lack() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        node.publish(b"key", b"value", 0, Now::at(1)).unwrap();
        let remote = node.open_link(Role::Client, Now::at(2)).unwrap();
        let clients = [3, 4].map(|at| node.open_link(Role::Server, Now::at(at)).unwrap());
        let hello = Extension { node: Some(77), ..Extension::default() };
        for (client, hello) in clients.into_iter().zip([Extension::default(), hello]) {
            node.handle_frame(client, &encode(MessageId::Hello, &hello), Now::at(5));
        }
        let [far, plain, extended] = node.peers()[..] else { panic!("three peers") };
        assert_eq!((far.link, far.role, far.is_up, far.since), (remote, Role::Client, false, 2));
        assert_eq!((far.protocol, far.id, far.unsent, far.is_equal), (Protocol::Unknown, None, 0, None));
        assert_eq!((plain.protocol, plain.unsent, plain.since), (Protocol::Plain, 1, 3));
        assert_eq!(
            (extended.protocol, extended.id, extended.is_equal),
            (Protocol::Extended, Some(77), Some(false))
        );
        node.link_up(remote, Now::at(9));
        assert_eq!((node.peers()[0].is_up, node.peers()[0].since), (true, 9));
        node.link_down(remote, Now::at(11));
        assert_eq!((node.peers()[0].is_up, node.peers()[0].since), (false, 11));
    }
}
