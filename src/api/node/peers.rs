//! Whom a node is linked to.

use super::Node;
use crate::api::{Error, Peer};

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
}
