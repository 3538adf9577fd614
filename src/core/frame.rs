//! Frames on their way out, shared by all links that they go to.

use std::sync::Arc;

/// A frame to be sent; clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame(Arc<Vec<u8>>);

/// Frames from this size on are worth sending without a copy.
const LARGE: usize = 8192;

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

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The shared bytes of a large frame, which is cheaper to share than to copy.
    pub fn shared(&self) -> Option<&Arc<Vec<u8>>> {
        (self.0.len() >= LARGE).then_some(&self.0)
    }
}
