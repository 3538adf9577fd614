//! Frames that wait to be sent before any tuple: answers, heartbeats, announcements.

use crate::core::frame::Frame;
use std::collections::VecDeque;

/// Bytes that may wait. A peer that causes answers and never reads them loses the newest.
const MOST: usize = 1 << 20;

#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Outbox {
    frames: VecDeque<Frame>,
    bytes: usize,
}

impl Outbox {
    /// Returns whether nothing waits.
    pub(in crate::core) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Returns the number of bytes for which the outbox has room; the last frame may be longer.
    pub(in crate::core) fn room(&self) -> usize {
        MOST.saturating_sub(self.bytes)
    }

    /// Bytes that wait.
    pub(in crate::core) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a frame.
    pub(in crate::core) fn push(&mut self, frame: Frame) {
        self.bytes += frame.cost();
        self.frames.push_back(frame);
    }

    /// Takes the oldest frame.
    pub(in crate::core) fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.cost();
        Some(frame)
    }

    /// Extends the newest frame, if `is_wanted` is true of its bytes and the frame is not shared. True if it was
    /// extended.
    pub(in crate::core) fn extend_last(
        &mut self,
        is_wanted: impl Fn(&[u8]) -> bool,
        extend: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let last = self.frames.back_mut().filter(|last| is_wanted(last.bytes()));
        let Some(bytes) = last.and_then(Frame::get_mut) else { return false };
        let before = bytes.capacity();
        extend(bytes);
        self.bytes += bytes.capacity() - before;
        true
    }

    /// Drops all frames.
    pub(in crate::core) fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }
}
