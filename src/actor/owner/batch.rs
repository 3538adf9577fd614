//! Commands one behind the other in one buffer: nothing is allocated for a single one. Questions have their place
//! among them.

use std::collections::VecDeque;

use zeroize::Zeroize;

use super::request::Job;
use crate::actor::command::{MAX_FRAMES, is_secret};

/// Room that is not given back.
const KEEP_BYTES: usize = 4 << 20;

/// Stands in the place of a question, where a command has the number of its frames.
const QUESTION: u8 = u8::MAX;

/// Commands one behind the other: for each, how many frames, then length and bytes of each frame.
#[derive(Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// The questions, whose places are among the bytes.
    questions: VecDeque<Box<dyn Job>>,
    count: usize,
    /// Where the next command to be read begins.
    next: usize,
    /// Some of the bytes must not stay in memory.
    secret: bool,
}

impl Batch {
    /// The next question, if it is one and no command that comes next; it is taken out.
    pub fn take_question(&mut self) -> Option<Box<dyn Job>> {
        if self.bytes.get(self.next) != Some(&QUESTION) {
            return None;
        }
        let question = self.questions.pop_front();
        self.next += 1;
        self.count -= 1;
        if self.next >= self.bytes.len() {
            self.clear();
        }
        question
    }

    /// The next command's frames and how many they are, without moving on: [`skip`](Batch::skip) does.
    pub fn peek(&self) -> Option<([&[u8]; MAX_FRAMES], usize)> {
        let mut rest = self.bytes.get(self.next..)?;
        let (&count, tail) = rest.split_first().filter(|(count, _)| **count != QUESTION)?;
        rest = tail;
        let mut frames = [&[][..]; MAX_FRAMES];
        for frame in frames.iter_mut().take(count.into()) {
            let (length, tail) = rest.split_first_chunk()?;
            (*frame, rest) = tail.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
        }
        Some((frames, count.into()))
    }

    /// Move on to the next command; after the last one, the batch is emptied.
    pub fn skip(&mut self) {
        if let Some((frames, count)) = self.peek() {
            self.next += size(&frames[..count]);
            self.count -= 1;
        }
        if self.next >= self.bytes.len() {
            self.clear();
        }
    }

    /// How many commands there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// How many bytes they take.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no command is left.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Add a command of at most [`MAX_FRAMES`] frames, none as long as 4 GiB.
    pub fn push(&mut self, frames: &[&[u8]]) {
        let needed = size(frames);
        if self.secret && self.bytes.capacity() - self.bytes.len() < needed {
            // Growing would leave the old bytes behind.
            let mut larger = Vec::with_capacity((self.bytes.len() + needed) * 2);
            larger.extend_from_slice(&self.bytes);
            self.bytes.zeroize();
            self.bytes = larger;
        }
        self.secret |= is_secret(frames);
        self.bytes.push(frames.len() as u8);
        for frame in frames {
            self.bytes.extend_from_slice(&(frame.len() as u32).to_ne_bytes());
            self.bytes.extend_from_slice(frame);
        }
        self.count += 1;
    }

    /// Add a question.
    pub fn push_question(&mut self, question: Box<dyn Job>) {
        self.bytes.push(QUESTION);
        self.questions.push_back(question);
        self.count += 1;
    }

    /// Drop all commands and questions.
    pub fn clear(&mut self) {
        if self.secret {
            self.bytes.zeroize();
        }
        self.bytes.clear();
        self.bytes.shrink_to(KEEP_BYTES);
        self.questions.clear();
        (self.count, self.next, self.secret) = (0, 0, false);
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.clear();
    }
}

/// How many bytes a command takes.
pub fn size(frames: &[&[u8]]) -> usize {
    1 + frames.iter().map(|frame| 4 + frame.len()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_out_as_they_went_in() {
        let mut batch = Batch::default();
        let long = vec![7; 70_000];
        let commands: [&[&[u8]]; 4] = [&[b"PUBLISH", b"k", &long], &[b""], &[], &[b"1", b"2", b"3", b"4"]];
        for round in 0..2 {
            commands.iter().for_each(|command| batch.push(command));
            assert_eq!(batch.len(), 4, "round {round}");
            assert_eq!(batch.bytes(), commands.iter().map(|command| size(command)).sum::<usize>());
            for command in commands {
                let (frames, count) = batch.peek().unwrap();
                assert_eq!(&frames[..count], command);
                batch.skip();
            }
            assert!(batch.is_empty() && batch.bytes() == 0 && batch.peek().is_none());
            batch.skip();
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
            batch.skip();
        }
        assert!(!batch.secret && batch.is_empty());
        assert!(batch.bytes.capacity() >= 5000, "wiping keeps the room");
    }

    #[test]
    fn room_for_a_flood_is_given_back() {
        let mut batch = Batch::default();
        batch.push(&[b"PUBLISH", b"k", &vec![0; 2 * KEEP_BYTES]]);
        batch.skip();
        assert!(batch.bytes.capacity() <= KEEP_BYTES);
    }
}
