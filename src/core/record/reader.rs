//! Finding the blocks of a record, and the entries in them.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use super::entry::{Input, Output, kind};
use super::fields::Fields;
use super::recorder::{HEADER, MAGIC, SUMMED_FROM};
use crate::core::Now;

/// Consecutive entries of a record, with the clocks before and the digest after them.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Names the record that the block belongs to.
    pub record: u32,
    /// Counts the blocks of the record, from 0.
    pub number: u32,
    /// The clocks at the beginning of the block.
    pub from: Now,
    /// [`Node::root`](crate::core::Node::root) at the end of the block.
    pub root: u64,
    entries: &'a [u8],
}

/// A recorded call.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'a> {
    /// The clocks at the call.
    pub now: Now,
    /// The call.
    pub input: Input<'a>,
    /// Result of the call.
    pub output: Output,
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.output {
            Output::Nothing if !self.input.is_question() => write!(f, "{}", self.input),
            output => write!(f, "{} {output}", self.input),
        }
    }
}

/// End of a file's readable part, or a lack between two of its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The file ends in the middle of a block, as when a process is killed; at this byte.
    Torn(usize),
    /// No intact block begins at this byte.
    Damaged(usize),
    /// A block is missing before the one with this number.
    Missing(u32),
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gap::Torn(at) => write!(f, "the file ends in the middle of a block that begins at byte {at}"),
            Gap::Damaged(at) => write!(f, "what follows byte {at} is no block of a record, or is damaged"),
            Gap::Missing(number) => write!(f, "what was recorded before block {number} is missing"),
        }
    }
}

/// A record, from one or two files.
#[derive(Clone, Debug, Default)]
pub struct Record<'a> {
    /// Blocks of the record, in order, without any missing between them.
    pub blocks: Vec<Block<'a>>,
    /// Reason for which there are no more blocks; `None` at the end of the files.
    pub gap: Option<Gap>,
}

impl<'a> Record<'a> {
    /// The record in `newer`, with the part of the same record that `older` holds.
    pub fn new(older: &'a [u8], newer: &'a [u8]) -> Record<'a> {
        let mut record = Record::read(newer);
        let Some(&Block { record: name, number, .. }) = record.blocks.first() else { return record };
        let mut before = Record::read(older).blocks;
        before.retain(|block| block.record == name);
        if before.last().is_some_and(|last| last.number.wrapping_add(1) == number) {
            before.append(&mut record.blocks);
            record.blocks = before;
        }
        record
    }

    fn read(file: &'a [u8]) -> Record<'a> {
        let mut record = Record::default();
        let mut fields = Fields(file);
        while !fields.is_empty() {
            let at = file.len() - fields.0.len();
            let block = match Block::read(&mut fields) {
                Ok(block) => block,
                Err(Torn) => {
                    record.gap = Some(Gap::Torn(at));
                    break;
                }
            };
            let Some(block) = block else {
                record.gap = Some(Gap::Damaged(at));
                break;
            };
            if let Some(last) = record.blocks.last()
                && (last.record, last.number.wrapping_add(1)) != (block.record, block.number)
            {
                record.gap = Some(Gap::Missing(block.number));
                break;
            }
            record.blocks.push(block);
        }
        record
    }

    /// Returns whether the record begins where the node does, so that it can be replayed.
    pub fn is_complete(&self) -> bool {
        let first = self.blocks.first().and_then(|block| block.entries().next());
        matches!(first, Some(Entry { input: Input::New { .. }, .. }))
    }
}

/// A file ended.
struct Torn;

impl<'a> Block<'a> {
    /// Reads the block at the fields' beginning; `None` if there is none.
    fn read(fields: &mut Fields<'a>) -> Result<Option<Block<'a>>, Torn> {
        let rest = fields.0;
        if !rest.starts_with(&MAGIC[..rest.len().min(MAGIC.len())]) {
            return Ok(None);
        }
        let header = fields.take(HEADER).ok_or(Torn)?;
        let mut header = Fields(&header[MAGIC.len()..]);
        let (Some(length), Some(checksum)) = (header.u32(), header.u32()) else { return Err(Torn) };
        let entries = fields.take(length as usize).ok_or(Torn)?;
        if xxh3_64(&rest[SUMMED_FROM..HEADER + entries.len()]) as u32 != checksum {
            return Ok(None);
        }
        let mut read = || {
            let (record, number) = (header.u32()?, header.u32()?);
            let from = Now { mono: header.u64()?, wall: header.u64()? };
            Some(Block { record, number, from, root: header.u64()?, entries })
        };
        Ok(read())
    }

    /// The entries of the block, in order.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let (mut fields, mut now) = (Fields(self.entries), self.from);
        std::iter::from_fn(move || read_entry(&mut fields, &mut now))
    }
}

/// The next entry; `None` at the end, and at one that this version does not know.
fn read_entry<'a>(fields: &mut Fields<'a>, now: &mut Now) -> Option<Entry<'a>> {
    if fields.0.first() == Some(&kind::TIME) {
        fields.byte()?;
        let mono = fields.signed()?;
        let wall = mono.wrapping_add(fields.signed()?);
        now.mono = now.mono.wrapping_add_signed(mono);
        now.wall = now.wall.wrapping_add_signed(wall);
    }
    let input = Input::decode(fields)?;
    Some(Entry { now: *now, input, output: Output::decode(fields)? })
}
