//! Peers of another network: there is no session with them, and both sides are told why.

use super::Node;
use crate::core::clock::Now;
use crate::core::codec::{Extension, Message, MessageId, encode};
use crate::core::frame::Frame;
use crate::core::id::{LinkId, Role};
use crate::core::network::Network;

impl Node {
    /// Returns whether this could be the node's network from now on: with a link, it stays what it is.
    pub fn may_set_network(&self, network: &Network) -> bool {
        self.links.is_empty() || *network == self.network
    }

    /// Sets the network that the node belongs to. Returns whether it could be.
    pub fn set_network(&mut self, network: Network) -> bool {
        let may = self.may_set_network(&network);
        if may {
            self.network = network;
        }
        may
    }

    /// Has no session with a peer of ours that introduces itself as one of another network. Returns whether it does.
    pub(super) fn bars(&mut self, id: LinkId, extension: &Extension<'_>, now: Now) -> bool {
        let theirs = extension.network.unwrap_or_default();
        let is_other = !self.network.takes(Some(theirs));
        if is_other {
            self.bar(id, Some(theirs), now);
        }
        is_other
    }

    /// Has no session with a peer of another network: of ours by the name of its network, `None` for a plain one.
    pub(super) fn bar(&mut self, id: LinkId, theirs: Option<&[u8]>, now: Now) {
        self.memory.forget_link(id);
        self.tree.neighbour_down(id);
        self.change_phase(id, now, |link| link.bar(now.mono));
        self.leave(id);
        self.warn_of_network(id, theirs, now);
        self.schedule_link(id, now);
    }

    /// Takes a message of a peer of another network. By HELLO or its introduction it may come to be of this one; all else is
    /// dropped. A server answers PING with a PONG that has this network's name, and no introduction: it tells a node of ours
    /// why it hears nothing else, and to others it is a PONG.
    pub(super) fn handle_of_barred(&mut self, id: LinkId, role: Role, message: Message<'_>, now: Now) {
        match (role, message) {
            (Role::Server, Message::Hello(extension)) => self.on_hello(id, extension, now),
            (Role::Server, Message::Ping) => {
                let who = Extension { network: Some(self.network.name()), ..Extension::default() };
                self.queue_control(id, Frame::new(encode(MessageId::Pong, &who)));
            }
            (Role::Client, Message::Pong(extension)) if extension.node.is_some() => {
                self.on_introduction(id, extension, now);
            }
            (Role::Client, Message::Pong(_)) => {
                if let Some(link) = self.links.get_mut(&id) {
                    link.pings.on_pong();
                }
            }
            _ => {}
        }
    }

    /// Client: a server says that this node is not of its network, whose name is `theirs`.
    pub(super) fn on_barred(&mut self, id: LinkId, theirs: &[u8], now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.pings.on_pong();
        self.bar(id, Some(theirs), now);
    }
}

#[cfg(test)]
mod tests;
