//! Whom a node is linked to.

use super::Node;
use crate::api::{Error, Member, Peer};

/// # Peers
impl Node {
    /// All peers that the node is connected to, or tries to connect to, in the order in which they came.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// let node = zgossip::Node::new("lonely")?;
    /// node.connect("tcp://127.0.0.1:9")?;
    /// let [peer] = &node.peers()?[..] else { panic!("one peer") };
    /// assert!(peer.outgoing && !peer.connected);
    /// assert_eq!((peer.endpoint.as_str(), peer.kind), ("tcp://127.0.0.1:9", zgossip::PeerKind::Undetermined));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn peers(&self) -> Result<Vec<Peer>, Error> {
        let peers = self.ask(|node| node.peers())?;
        Ok(peers.into_iter().map(|(endpoint, state)| Peer::new(endpoint, &state)).collect())
    }

    /// The members of the network, wherever they are connected, in the order of their ids: nodes of this library that have
    /// [announced](Node::announce) something, were asked for their members, or have `zgossip/members` set. Who asks is one
    /// from then on. Nodes of version 1.0 and those with CZMQ's own zgossip are not among them.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// let node = zgossip::Node::new("alone")?;
    /// let [member] = &node.members()?[..] else { panic!("this node") };
    /// assert!(member.own);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn members(&self) -> Result<Vec<Member>, Error> {
        Ok(self.ask(|node| node.members())?.iter().map(Member::new).collect())
    }
}
