//! Lists that are put together into frames of a good size.

use crate::core::codec::lists::request_frame;
use crate::core::frame::Frame;

/// Bytes beyond which a frame is closed and another one begun: large enough that headers do not count, small enough
/// that a fresh change, which waits behind the frame, waits for less than a millisecond on a fast line.
const FULL: usize = 32 << 10;

/// Bytes of a key's hash in a REQUEST.
const HASH: usize = 8;

/// Puts list items together into frames.
pub(super) struct Frames {
    /// Makes a frame without items.
    begin: fn() -> Vec<u8>,
    open: Option<Vec<u8>>,
    closed: Vec<Frame>,
    bytes: usize,
}

impl Frames {
    pub(super) fn new(begin: fn() -> Vec<u8>) -> Frames {
        Frames { begin, open: None, closed: Vec::new(), bytes: 0 }
    }

    /// Bytes of all items so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an item, which `write` appends to a frame.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let frame = self.open.get_or_insert_with(self.begin);
        let before = frame.len();
        write(frame);
        self.bytes += frame.len() - before;
        if frame.len() >= FULL {
            self.closed.extend(self.open.take().map(Frame::new));
        }
    }

    /// All frames, in order; none where nothing was added.
    pub(super) fn finish(mut self) -> Vec<Frame> {
        self.closed.extend(self.open.take().map(Frame::new));
        self.closed
    }
}

/// REQUESTs of these key hashes.
pub(super) fn requests(hashes: &[u64]) -> Vec<Frame> {
    hashes.chunks(FULL / HASH).map(|hashes| Frame::new(request_frame(hashes))).collect()
}
