//! Collecting the entries of a record, and closing them into blocks.

use xxhash_rust::xxh3::xxh3_64;

use super::entry::{Input, Output, kind};
use super::fields::put_signed;
use crate::core::settings::Settings;
use crate::core::{Node, Now};

/// The first bytes of a block; the digit is the version of the format.
pub(super) const MAGIC: [u8; 4] = *b"ZGR2";
/// Bytes from a block's beginning to its checksum's end, and to its first entry.
pub(super) const SUMMED_FROM: usize = 12;
pub(super) const HEADER: usize = SUMMED_FROM + 32;

/// Number of bytes that may wait to be taken; beyond that, nobody takes them. A thousand commands or frames come
/// between two takings, and each may hold megabytes.
const MOST_WAITING: usize = 128 << 20;
/// Number of bytes that are kept of the time before recording, in case that recording begins.
const MOST_BEFORE: usize = 4 << 10;

/// Name and version of the program that records: the same inputs make the same bytes in no other.
const VERSION: &str = concat!("zgossip ", env!("CARGO_PKG_VERSION"));

/// Destination of the entries that are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The node is young, and recording may still begin at its beginning.
    Before,
    /// The node is recorded.
    Recording,
    /// The record has ended, or it is too late to begin at the node's beginning.
    Over,
}

/// Collects the entries of a record.
#[derive(Debug)]
pub(super) struct Recorder {
    mode: Mode,
    /// Names the record: its blocks may be in two files, and a file may hold another's.
    record: u32,
    /// The number of the next block.
    number: u32,
    /// The time at which the block begins, and that of the last entry.
    from: Now,
    now: Now,
    /// The block: room for its header, and entries.
    block: Vec<u8>,
    /// Place at which the last entry begins.
    last: usize,
    /// Whether, by the entry kept last, no link has anything to send.
    idle: bool,
    /// Whether the last entry shows the same.
    asks: Asks,
}

/// Question of the last entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    Ready,
    Queue,
    Else,
}

impl Recorder {
    /// Collects the first entries of a node, in case that it is to be recorded.
    pub(super) fn before(seed: u64, settings: &Settings, now: Now) -> Recorder {
        let version = VERSION.as_bytes();
        Recorder::new(Mode::Before, now, &Input::New { seed, settings: settings.clone(), version })
    }

    /// Records a node from now on.
    pub(super) fn joined(node: &Node, now: Now) -> Recorder {
        let settings = node.settings().clone();
        let (id, tuples, version) = (node.id(), node.count() as u64, VERSION.as_bytes());
        Recorder::new(Mode::Recording, now, &Input::Joined { id, settings, tuples, version })
    }

    fn new(mode: Mode, now: Now, first: &Input<'_>) -> Recorder {
        let mut recorder = Recorder {
            mode,
            record: 0,
            number: 0,
            from: now,
            now,
            block: Vec::new(),
            last: 0,
            idle: false,
            asks: Asks::Else,
        };
        recorder.input(None, first);
        recorder.output(Output::Nothing);
        recorder
    }

    /// Begins recording: the entries collected from now on can be taken, as those of the record numbered `record`.
    pub(super) fn begin(&mut self, record: u32) {
        (self.mode, self.record) = (Mode::Recording, record);
    }

    pub(super) fn is_recording(&self) -> bool {
        self.mode == Mode::Recording
    }

    /// Returns whether nothing more is to be collected.
    pub(super) fn is_over(&self) -> bool {
        self.mode == Mode::Over
    }

    /// Notes a call that is about to be made.
    pub(super) fn input(&mut self, now: Option<Now>, input: &Input<'_>) {
        if self.mode == Mode::Before && (input.is_weighty() || self.block.len() > MOST_BEFORE)
            || self.block.len() > MOST_WAITING
        {
            self.mode = Mode::Over;
            return;
        }
        if self.block.is_empty() {
            self.block.resize(HEADER, 0);
            self.from = self.now;
        }
        self.last = self.block.len();
        if let Some(now) = now.filter(|&now| now != self.now) {
            let mono = now.mono.wrapping_sub(self.now.mono) as i64;
            let wall = now.wall.wrapping_sub(self.now.wall) as i64;
            self.block.push(kind::TIME);
            put_signed(&mut self.block, mono);
            put_signed(&mut self.block, wall.wrapping_sub(mono));
            self.now = now;
        }
        input.encode(&mut self.block);
        self.asks = match input {
            Input::PollReady => Asks::Ready,
            Input::PollEvent | Input::PollStale | Input::PollSuspect => Asks::Queue,
            _ => Asks::Else,
        };
    }

    /// Adds the output of the last input. Questions without an answer change nothing and are left out: that of an
    /// empty queue, and what a node that has nothing to send has to send, when it is asked again.
    pub(super) fn output(&mut self, output: Output) {
        let fruitless = output == Output::Nothing;
        match self.asks {
            Asks::Queue if fruitless => self.block.truncate(self.last),
            Asks::Ready if fruitless && self.idle => self.block.truncate(self.last),
            asks => {
                self.idle = asks == Asks::Ready && fruitless;
                output.encode(&mut self.block);
            }
        }
    }

    /// Closes the block; `root` is the digest of all that the node holds.
    pub(super) fn take(&mut self, root: u64) -> Option<Vec<u8>> {
        if self.block.len() <= HEADER || self.mode != Mode::Recording {
            return None;
        }
        let mut block = std::mem::take(&mut self.block);
        let Ok(length) = u32::try_from(block.len() - HEADER) else {
            self.mode = Mode::Over;
            return None;
        };
        block[..4].copy_from_slice(&MAGIC);
        block[4..8].copy_from_slice(&length.to_le_bytes());
        block[12..16].copy_from_slice(&self.record.to_le_bytes());
        block[16..20].copy_from_slice(&self.number.to_le_bytes());
        block[20..28].copy_from_slice(&self.from.mono.to_le_bytes());
        block[28..36].copy_from_slice(&self.from.wall.to_le_bytes());
        block[36..44].copy_from_slice(&root.to_le_bytes());
        let checksum = xxh3_64(&block[SUMMED_FROM..]) as u32;
        block[8..12].copy_from_slice(&checksum.to_le_bytes());
        self.number = self.number.wrapping_add(1);
        Some(block)
    }
}
