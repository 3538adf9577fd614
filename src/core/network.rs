//! The network that a node belongs to, by name: nodes of different networks have no session with each other.

use super::codec::MAX_NAME;

/// The name of a node's network, and whether peers belong to it that know no names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// At most [`MAX_NAME`] bytes; empty for the network without a name, which is that of nodes that know none.
    name: Box<[u8]>,
    takes_plain: bool,
}

impl Network {
    /// The network of this name, with or without plain peers. `None` if the name is longer than 64 bytes.
    pub fn new(name: &[u8], takes_plain: bool) -> Option<Network> {
        (name.len() <= MAX_NAME).then(|| Network { name: name.into(), takes_plain })
    }

    /// The network's name, empty if it has none.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Whether plain peers belong to a network that has a name.
    pub fn takes_plain(&self) -> bool {
        self.takes_plain
    }

    /// Returns whether a peer may have a session: one of ours by the name of its network, `None` for a plain peer. A
    /// network without a name takes plain peers in any case.
    pub(in crate::core) fn takes(&self, extended: Option<&[u8]>) -> bool {
        match extended {
            Some(name) => name == self.name(),
            None => self.name.is_empty() || self.takes_plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_takes_its_own_and_plain_peers_where_it_may() {
        let network = |name: &str, plain| Network::new(name.as_bytes(), plain).expect("a short name");
        let unnamed = Network::default();
        assert!(unnamed.takes(None) && unnamed.takes(Some(b"")) && !unnamed.takes(Some(b"one")));
        assert!(network("", false).takes(None));
        let one = network("one", false);
        assert!(
            one.takes(Some(b"one"))
                && !one.takes(Some(b"other"))
                && !one.takes(Some(b""))
                && !one.takes(None)
        );
        assert!(network("one", true).takes(None) && !network("one", true).takes(Some(b"")));
        assert_eq!(
            (Network::new(&[b'x'; 65], false), Network::new(&[b'x'; 64], false).is_some()),
            (None, true)
        );
    }
}
