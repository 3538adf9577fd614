//! Gives what was recorded to a new node, and compares what comes out.

use std::fmt;

use super::entry::{Input, Output};
use super::reader::{Block, Entry};
use crate::core::frame::Frame;
use crate::core::node::Node;

/// A node that is given the inputs of a recorded one.
#[derive(Debug, Default)]
pub struct Replay {
    node: Option<Node>,
    entries: u64,
    frames: u64,
    bytes: u64,
    /// Whether the last call never returned when it was recorded.
    interrupted: bool,
}

/// A difference between a replay and its record. From there on the replay is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A call returned something else.
    Output {
        /// Counts the entries of the record, from 1.
        entry: u64,
        /// Result that was recorded.
        recorded: Output,
        /// Result of the same call in the replay.
        replayed: Output,
    },
    /// All calls returned the same results, and still the node holds something else.
    Root {
        /// The entry after which the difference was seen.
        entry: u64,
        /// The digest that was recorded.
        recorded: u64,
        /// The digest now.
        replayed: u64,
    },
    /// The record does not begin where the node does.
    NoBeginning,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Output { entry, recorded, replayed } => {
                write!(f, "entry {entry}: recorded {recorded}; replayed {replayed}")
            }
            Difference::Root { entry, recorded, replayed } => {
                write!(f, "after entry {entry}: recorded root {recorded:016x}; replayed {replayed:016x}")
            }
            Difference::NoBeginning => f.write_str("the record does not begin where the node does"),
        }
    }
}

impl std::error::Error for Difference {}

impl Replay {
    /// An empty replay: the first entry makes the node.
    pub fn new() -> Replay {
        Replay::default()
    }

    /// The node, after the inputs replayed so far.
    pub fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// Entries replayed.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Frames that the node sent, and their bytes.
    pub fn sent(&self) -> (u64, u64) {
        (self.frames, self.bytes)
    }

    /// Makes the call of one entry. The frame that it made is returned, if it is the same.
    pub fn replay(&mut self, entry: &Entry<'_>) -> Result<Option<Frame>, Difference> {
        self.entries += 1;
        if let Input::New { seed, settings, .. } = &entry.input {
            self.node = Some(Node::new(settings.clone(), *seed, entry.now));
        }
        let node = self.node.as_mut().ok_or(Difference::NoBeginning)?;
        let (replayed, frame) = entry.input.apply(node, entry.now);
        if let Some(frame) = &frame {
            self.frames += 1;
            self.bytes += frame.bytes().len() as u64;
        }
        self.interrupted = entry.output == Output::Missing;
        if replayed == entry.output || self.interrupted {
            Ok(frame)
        } else {
            Err(Difference::Output { entry: self.entries, recorded: entry.output, replayed })
        }
    }

    /// Replays a block, and compares what the node holds at its end.
    pub fn replay_block(&mut self, block: &Block<'_>) -> Result<(), Difference> {
        block.entries().try_for_each(|entry| self.replay(&entry).map(drop))?;
        self.check(block)
    }

    /// Compares what the node holds with what was recorded at the end of a block.
    pub fn check(&self, block: &Block<'_>) -> Result<(), Difference> {
        let replayed = self.node.as_ref().ok_or(Difference::NoBeginning)?.root();
        if replayed == block.root || self.interrupted {
            Ok(())
        } else {
            Err(Difference::Root { entry: self.entries, recorded: block.root, replayed })
        }
    }
}
