//! Commands one behind the other in one buffer: no memory is allocated for a single one.

use std::collections::VecDeque;

use zeroize::Zeroize;

use super::request::Request;
use crate::actor::command::{Command, MAX_FRAMES, is_secret};

/// The capacity that an emptied buffer keeps, in bytes: enough for the commands of a busy node, and no burden on a
/// program with many nodes.
const KEPT_CAPACITY: usize = 4 << 20;

/// The first byte of a request. That of a command is the number of its frames, [`MAX_FRAMES`] at most.
const REQUEST: u8 = u8::MAX;

/// The first byte of a tuple to be published by a typed call.
const PUBLISH: u8 = REQUEST - 1;

/// Commands and requests in the order in which they were given.
///
/// A command of frames is their number, then size (4 bytes) and bytes of each. A typed PUBLISH is its first byte, the
/// ttl, and key and value like frames. A request is its first byte alone.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// The requests whose first bytes are among the bytes.
    requests: VecDeque<Box<dyn Request>>,
    /// The number of commands and requests.
    count: usize,
    /// Place of the next entry to be read.
    next: usize,
    /// Whether some of the bytes are secret and must not stay in memory.
    secret: bool,
}

/// The next entry of a [`Batch`].
pub(super) enum Entry<'a> {
    /// A command of this many frames.
    Frames([&'a [u8]; MAX_FRAMES], usize),
    /// A command of a typed call.
    Command(Command<'a>),
    /// A request, which [`Batch::take_request`] takes out.
    Request,
}

impl Batch {
    /// The next entry, and its size in the buffer for [`skip`](Batch::skip).
    #[inline]
    pub(super) fn peek(&self) -> Option<(Entry<'_>, usize)> {
        let bytes = self.bytes.get(self.next..)?;
        let (&first, mut rest) = bytes.split_first()?;
        let entry = match first {
            REQUEST => Entry::Request,
            PUBLISH => {
                let (ttl, tail) = rest.split_first_chunk()?;
                let (key, tail) = split_sized(tail)?;
                let (value, tail) = split_sized(tail)?;
                rest = tail;
                Entry::Command(Command::Publish { key, value, ttl: u32::from_ne_bytes(*ttl) })
            }
            count => {
                let mut frames = [&[][..]; MAX_FRAMES];
                for frame in frames.iter_mut().take(count.into()) {
                    (*frame, rest) = split_sized(rest)?;
                }
                Entry::Frames(frames, count.into())
            }
        };
        Some((entry, bytes.len() - rest.len()))
    }

    /// Goes on behind the next entry, which is a command of this size; behind the last one, empties the batch.
    #[inline]
    pub(super) fn skip(&mut self, size: usize) {
        self.next += size;
        self.count -= 1;
        if self.next >= self.bytes.len() {
            self.clear();
        }
    }

    /// Takes the request out that is the next entry.
    pub(super) fn take_request(&mut self) -> Option<Box<dyn Request>> {
        if self.bytes.get(self.next) != Some(&REQUEST) {
            return None;
        }
        let request = self.requests.pop_front();
        self.skip(1);
        request
    }

    /// The number of commands and requests.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The size of the buffer's content, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Returns whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a command of at most [`MAX_FRAMES`] frames, each shorter than 4 GiB.
    pub(super) fn push(&mut self, frames: &[&[u8]]) {
        self.reserve(size_of_frames(frames));
        self.secret |= is_secret(frames);
        self.bytes.push(frames.len() as u8);
        for frame in frames {
            self.push_sized(frame);
        }
        self.count += 1;
    }

    /// Adds a PUBLISH of a typed call; key and value are shorter than 4 GiB.
    pub(super) fn push_publish(&mut self, key: &[u8], value: &[u8], ttl: u32) {
        self.reserve(size_of_publish(key, value));
        self.bytes.push(PUBLISH);
        self.bytes.extend_from_slice(&ttl.to_ne_bytes());
        self.push_sized(key);
        self.push_sized(value);
        self.count += 1;
    }

    /// Adds a request.
    pub(super) fn push_request(&mut self, request: Box<dyn Request>) {
        self.reserve(1);
        self.bytes.push(REQUEST);
        self.requests.push_back(request);
        self.count += 1;
    }

    fn push_sized(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(&(bytes.len() as u32).to_ne_bytes());
        self.bytes.extend_from_slice(bytes);
    }

    /// Makes room for `size` bytes more. A buffer with a secret is wiped before it is left for a larger one.
    fn reserve(&mut self, size: usize) {
        if self.secret && self.bytes.capacity() - self.bytes.len() < size {
            let mut larger = Vec::with_capacity((self.bytes.len() + size) * 2);
            larger.extend_from_slice(&self.bytes);
            self.bytes.zeroize();
            self.bytes = larger;
        }
    }

    /// Drops all commands and requests.
    pub(super) fn clear(&mut self) {
        if self.secret {
            self.bytes.zeroize();
        }
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_CAPACITY);
        self.requests.clear();
        (self.count, self.next, self.secret) = (0, 0, false);
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The bytes behind a size of 4 bytes, and what follows them.
#[inline]
fn split_sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_ne_bytes(*size) as usize)
}

/// The size of a command of frames in a batch, in bytes.
pub(super) fn size_of_frames(frames: &[&[u8]]) -> usize {
    1 + frames.iter().map(|frame| 4 + frame.len()).sum::<usize>()
}

/// The size of a typed PUBLISH in a batch, in bytes.
pub(super) fn size_of_publish(key: &[u8], value: &[u8]) -> usize {
    1 + 4 + 4 + key.len() + 4 + value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(batch: &mut Batch) {
        if let Some((_, size)) = batch.peek() {
            batch.skip(size);
        }
    }

    #[test]
    fn commands_come_out_as_they_went_in() {
        let mut batch = Batch::default();
        let long = vec![7; 70_000];
        let commands: [&[&[u8]]; 4] = [&[b"PUBLISH", b"k", &long], &[b""], &[], &[b"1", b"2", b"3", b"4"]];
        for round in 0..2 {
            for command in &commands {
                batch.push(command);
            }
            assert_eq!(batch.len(), 4, "round {round}");
            assert_eq!(batch.bytes(), commands.iter().map(|command| size_of_frames(command)).sum::<usize>());
            for command in commands {
                let Some((Entry::Frames(frames, count), size)) = batch.peek() else { panic!("frames") };
                assert_eq!(&frames[..count], command);
                batch.skip(size);
            }
            assert!(batch.is_empty() && batch.bytes() == 0 && batch.peek().is_none());
            skip(&mut batch);
        }
    }

    #[test]
    fn a_buffer_with_a_secret_is_wiped_before_it_is_left() {
        let mut batch = Batch::default();
        batch.push(&[b"STATUS"]);
        assert!(!batch.secret);
        batch.push(&[b"SET SECRETKEY", b"swordfish"]);
        batch.push(&[b"PUBLISH", b"k", &[0; 5000]]);
        assert!(batch.secret);
        for _ in 0..3 {
            skip(&mut batch);
        }
        assert!(!batch.secret && batch.is_empty());
        assert!(batch.bytes.capacity() >= 5000, "wiping keeps the room");
    }

    #[test]
    fn room_for_a_flood_is_given_back() {
        let mut batch = Batch::default();
        batch.push(&[b"PUBLISH", b"k", &vec![0; 2 * KEPT_CAPACITY]]);
        skip(&mut batch);
        assert!(batch.bytes.capacity() <= KEPT_CAPACITY);
    }

    #[test]
    fn published_tuples_stay_typed_among_other_commands() {
        let mut batch = Batch::default();
        batch.push(&[b"PUBLISH", b"a", b"1", b"7"]);
        batch.push_publish(b"b", b"2", u32::MAX);
        batch.push_publish(b"c", b"", 0);
        assert_eq!(
            batch.bytes(),
            size_of_frames(&[b"PUBLISH", b"a", b"1", b"7"]) + 2 * size_of_publish(b"b", b"") + 1
        );
        assert!(matches!(batch.peek(), Some((Entry::Frames(frames, 4), _)) if frames[3] == b"7"));
        for (key, value, ttl) in [(&b"b"[..], &b"2"[..], u32::MAX), (b"c", b"", 0)] {
            skip(&mut batch);
            let Some((Entry::Command(command), _)) = batch.peek() else { panic!("a typed command") };
            assert_eq!(command, Command::Publish { key, value, ttl });
        }
        skip(&mut batch);
        assert!(batch.is_empty() && batch.bytes() == 0);
    }
}
