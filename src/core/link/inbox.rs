//! Messages of a peer that wait to be handled, because they cause work and others are served first.

use crate::core::anti_entropy::Position;
use std::collections::VecDeque;

/// Bytes that may wait: what a peer that means well has in its own outbox at most.
const MOST: usize = 1 << 20;
/// Bytes beyond [`MOST`] that are kept free for heartbeats, which ask questions that are to be answered.
const HEARTBEATS: usize = 64 << 10;

#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Inbox {
    /// The oldest first.
    frames: VecDeque<Box<[u8]>>,
    /// Where the oldest message is to be gone on with.
    begun: Position,
    bytes: usize,
}

impl Inbox {
    /// Returns whether nothing waits.
    pub(in crate::core) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Adds a message, of which everything before `from` was handled, which may be so for the oldest only. False if
    /// there is no room for it.
    pub(in crate::core) fn push(&mut self, frame: &[u8], from: Position, is_heartbeat: bool) -> bool {
        let most = if is_heartbeat { MOST + HEARTBEATS } else { MOST };
        if self.bytes + frame.len() > most {
            return false;
        }
        if self.frames.is_empty() {
            self.begun = from;
        }
        self.bytes += frame.len();
        self.frames.push_back(frame.into());
        true
    }

    /// Takes the oldest message, and where to go on with it.
    pub(in crate::core) fn pop(&mut self) -> Option<(Box<[u8]>, Position)> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some((frame, std::mem::take(&mut self.begun)))
    }

    /// Puts the message back that was taken last, to be gone on with at `from`.
    pub(in crate::core) fn put_back(&mut self, frame: Box<[u8]>, from: Position) {
        self.bytes += frame.len();
        self.begun = from;
        self.frames.push_front(frame);
    }

    /// Bytes of all messages.
    pub(in crate::core) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Drops the newest message. Returns its bytes.
    pub(in crate::core) fn drop_newest(&mut self) -> usize {
        let dropped = self.frames.pop_back().map_or(0, |frame| frame.len());
        self.bytes -= dropped;
        dropped
    }

    /// Drops all messages. Returns their bytes.
    pub(in crate::core) fn clear(&mut self) -> usize {
        std::mem::take(self).bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_in_order_and_the_oldest_goes_on_where_it_was_left() {
        let mut inbox = Inbox::default();
        let at = Position { item: 3, hash: 7 };
        assert!(inbox.push(b"one", at, false) && inbox.push(b"two", Position::default(), false));
        let (one, from) = inbox.pop().unwrap();
        assert_eq!((&*one, from), (&b"one"[..], at));
        inbox.put_back(one, Position::item(5));
        assert_eq!(inbox.pop().unwrap().1, Position::item(5));
        assert_eq!(inbox.pop(), Some((b"two"[..].into(), Position::default())));
        assert!(inbox.is_empty() && inbox.clear() == 0);
    }

    #[test]
    fn bytes_are_bounded_and_heartbeats_find_room_for_longer() {
        let mut inbox = Inbox::default();
        let frame = [0; 1 << 16];
        let kept = (0..100).filter(|_| inbox.push(&frame, Position::default(), false)).count();
        assert_eq!(kept, MOST / frame.len());
        assert!(inbox.push(&frame[1..], Position::default(), true));
        assert!(!inbox.push(&frame, Position::default(), true));
        assert_eq!(inbox.clear(), MOST + frame.len() - 1);
        assert!(inbox.push(&frame, Position::default(), false));
    }
}
