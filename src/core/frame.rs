//! Frames on their way out, shared by all links that they go to.

use std::sync::{Arc, Weak};

/// A frame to be sent; clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame(Arc<Vec<u8>>);

/// Frames from this size on are sent without a copy, and counted while they wait in a socket: the few hundred smaller
/// ones that may wait there are less than a megabyte.
pub(in crate::core) const LARGE: usize = 4096;

impl Frame {
    pub(in crate::core) fn new(bytes: Vec<u8>) -> Frame {
        Frame(Arc::new(bytes))
    }

    /// About how many bytes of memory the frame takes.
    pub(in crate::core) fn cost(&self) -> usize {
        self.0.capacity() + 64 + size_of::<Frame>()
    }

    /// The bytes, if nobody else has the frame.
    pub(in crate::core) fn get_mut(&mut self) -> Option<&mut Vec<u8>> {
        Arc::get_mut(&mut self.0)
    }

    /// A reference that does not keep the bytes.
    pub(in crate::core) fn downgrade(&self) -> Weak<Vec<u8>> {
        Arc::downgrade(&self.0)
    }

    /// The frame that a reference is to, if anybody still has it.
    pub(in crate::core) fn upgrade(reference: &Weak<Vec<u8>>) -> Option<Frame> {
        reference.upgrade().map(Frame)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The shared bytes of a large frame, which is cheaper to share than to copy.
    pub fn shared(&self) -> Option<&Arc<Vec<u8>>> {
        (self.0.len() >= LARGE).then_some(&self.0)
    }
}
