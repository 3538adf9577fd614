//! Names of links and of places in the store.

/// Names a link for as long as the node lives; never used again for another.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(super) u64);

impl LinkId {
    /// The number, for logs and maps.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// Who made the connection.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// We did: we say HELLO, keep the link alive, and start each comparison of digests.
    Client,
    /// The peer did: we answer.
    Server,
}

/// The index of a tuple's place in the store; used again for another key after the tuple is forgotten.
pub(super) type Slot = u32;
