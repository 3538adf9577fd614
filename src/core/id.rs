//! Names of links and of places in the store.

/// The name of a link, unique for as long as the node lives.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(super) u64);

impl LinkId {
    /// The number, for logs and maps.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// Role of the node on a link.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// The node made the connection: it sends HELLO, keeps the session alive and starts anti-entropy.
    Client,
    /// The peer made the connection: this node answers.
    Server,
}

/// The index of a tuple's place in the store; used again for another key after the tuple is forgotten.
pub(super) type Slot = u32;
