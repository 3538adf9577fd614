//! The extension block: optional fields behind the last field of a ZGP/1 message.
//!
//! The block is `"ZG"`, the length of the fields (2 bytes), and fields of type (1 byte), length (1 byte) and bytes.
//! Unknown fields are skipped, so that the block can grow. Trailing bytes that do not begin with `"ZG"` are no block,
//! and are ignored.

use super::reader::{Invalid, Reader};
use crate::core::clock::Stamp;

/// First bytes of the block.
const MAGIC: [u8; 2] = *b"ZG";

const NODE: u8 = 1;
const CAPABILITIES: u8 = 2;
const CLOCK: u8 = 3;
const SUMMARY: u8 = 4;
const STAMP: u8 = 5;
const QUESTION: u8 = 6;
const ANSWER: u8 = 7;
const WALL: u8 = 8;
const OWED: u8 = 9;
const SENT: u8 = 10;
const NAME: u8 = 11;
const HIDDEN: u8 = 12;
const NETWORK: u8 = 13;
const ANNOUNCED: u8 = 14;
const KNOWLEDGE: u8 = 15;

/// Longest name of a node on the wire, in bytes: enough to tell nodes apart, and little to remember for each peer.
pub const MAX_NAME: usize = 64;

/// Root of a node's digest, and number of its tuples.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Root of the Merkle trie over all keys and stamps.
    pub root: u64,
    /// Number of keys in the trie, tombstones included, but for refused tuples.
    pub count: u64,
}

/// Answer to a [`question`](Extension::question): everything that was sent before it has been taken.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Number of the question.
    pub question: u64,
    /// Number of tuples that were announced to the answering peer and have not come to it.
    pub awaited: u32,
}

/// How far what a node knows can be relied on.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Knowledge {
    /// Hybrid time of the latest removal that the node, or one that it has learnt from, has forgotten; 0 for none.
    pub forgotten: u64,
    /// Hybrid time up to which what the node holds is from before it was away, and may be out of date; 0 if it is not.
    pub doubtful: u64,
    /// Hybrid time since which the node, or one that it has learnt from, has been there and knows of each removal.
    pub since: u64,
}

/// Fields of an extension block; all are absent where there is no block.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Node id of the sender.
    pub node: Option<u64>,
    /// Capabilities of the sender, one bit each: see [`OFFERS`] and [`MEMBERS`].
    pub capabilities: Option<u32>,
    /// Latest time on the sender's hybrid logical clock.
    pub clock: Option<u64>,
    /// Summary of the sender's tuples.
    pub summary: Option<Summary>,
    /// Stamp of a published tuple.
    pub stamp: Option<Stamp>,
    /// Number that the receiver is to answer with, when it has taken everything before.
    pub question: Option<u64>,
    /// Answer to a question.
    pub answer: Option<Answer>,
    /// Wall clock of the sender, milliseconds since 1970; absent where it cannot be right.
    pub wall: Option<u64>,
    /// Number of tuples that the sender still has to send on this link.
    pub owed: Option<u32>,
    /// Monotonic clock of the sender, milliseconds from any moment on, when it made the frame.
    pub sent: Option<u64>,
    /// Name of the sender, 1 to [`MAX_NAME`] bytes in any encoding.
    pub name: Option<&'a [u8]>,
    /// Number of tuples of the summary that the sender does not show to its program.
    pub hidden: Option<u32>,
    /// Name of the sender's network, at most [`MAX_NAME`] bytes in any encoding; empty, or absent, for none.
    pub network: Option<&'a [u8]>,
    /// Whether a published tuple lives as long as the node that announced it.
    pub announced: bool,
    /// How far what the sender knows can be relied on; absent from peers that do not know the field.
    pub knowledge: Option<Knowledge>,
}

/// Capability: the sender understands OFFER, and requests what it lacks instead of being sent it.
pub const OFFERS: u32 = 1;

/// Capability: the sender understands MEMBERS.
pub const MEMBERS: u32 = 2;

impl<'a> Extension<'a> {
    /// Appends the block, if any field is present.
    pub fn encode(&self, frame: &mut Vec<u8>) {
        let start = frame.len();
        frame.extend_from_slice(&MAGIC);
        frame.extend_from_slice(&[0, 0]);
        let mut field = |kind, parts: &[&[u8]]| put(frame, kind, parts);
        if let Some(node) = self.node {
            field(NODE, &[&node.to_be_bytes()]);
        }
        if let Some(capabilities) = self.capabilities {
            field(CAPABILITIES, &[&capabilities.to_be_bytes()]);
        }
        if let Some(clock) = self.clock {
            field(CLOCK, &[&clock.to_be_bytes()]);
        }
        if let Some(Summary { root, count }) = self.summary {
            field(SUMMARY, &[&root.to_be_bytes(), &count.to_be_bytes()]);
        }
        if let Some(Stamp { time, origin }) = self.stamp {
            field(STAMP, &[&time.to_be_bytes(), &origin.to_be_bytes()]);
        }
        if let Some(question) = self.question {
            field(QUESTION, &[&question.to_be_bytes()]);
        }
        if let Some(Answer { question, awaited }) = self.answer {
            field(ANSWER, &[&question.to_be_bytes(), &awaited.to_be_bytes()]);
        }
        if let Some(wall) = self.wall {
            field(WALL, &[&wall.to_be_bytes()]);
        }
        if let Some(owed) = self.owed {
            field(OWED, &[&owed.to_be_bytes()]);
        }
        if let Some(sent) = self.sent {
            field(SENT, &[&sent.to_be_bytes()]);
        }
        self.encode_rare(frame);
        let length = frame.len() - start - 4;
        if length == 0 {
            frame.truncate(start);
        } else {
            frame[start + 2..start + 4].copy_from_slice(&(length as u16).to_be_bytes());
        }
    }

    /// Appends the fields that few messages have.
    #[inline]
    fn encode_rare(&self, frame: &mut Vec<u8>) {
        let mut field = |kind, parts: &[&[u8]]| put(frame, kind, parts);
        if let Some(name) = self.name {
            field(NAME, &[name]);
        }
        if let Some(hidden) = self.hidden {
            field(HIDDEN, &[&hidden.to_be_bytes()]);
        }
        if let Some(network) = self.network {
            field(NETWORK, &[network]);
        }
        if self.announced {
            field(ANNOUNCED, &[]);
        }
        if let Some(Knowledge { forgotten, doubtful, since }) = self.knowledge {
            field(KNOWLEDGE, &[&forgotten.to_be_bytes(), &doubtful.to_be_bytes(), &since.to_be_bytes()]);
        }
    }

    pub(in crate::core) fn decode(mut reader: Reader<'a>) -> Result<Extension<'a>, Invalid> {
        let mut extension = Extension::default();
        if reader.bytes(2) != Ok(&MAGIC) {
            return Ok(extension);
        }
        let length = reader.u16()?;
        let mut fields = Reader(reader.bytes(length.into())?);
        while !fields.0.is_empty() {
            let (kind, length) = (fields.u8()?, fields.u8()?);
            let mut field = Reader(fields.bytes(length.into())?);
            match kind {
                NODE => extension.node = Some(field.u64()?),
                CAPABILITIES => extension.capabilities = Some(field.u32()?),
                CLOCK => extension.clock = Some(field.u64()?),
                SUMMARY => extension.summary = Some(Summary { root: field.u64()?, count: field.u64()? }),
                STAMP => extension.stamp = Some(Stamp { time: field.u64()?, origin: field.u64()? }),
                QUESTION => extension.question = Some(field.u64()?),
                ANSWER => {
                    extension.answer = Some(Answer { question: field.u64()?, awaited: field.u32()? });
                }
                WALL => extension.wall = Some(field.u64()?),
                OWED => extension.owed = Some(field.u32()?),
                SENT => extension.sent = Some(field.u64()?),
                NAME if (1..=MAX_NAME).contains(&field.0.len()) => {
                    extension.name = Some(std::mem::take(&mut field.0));
                }
                NAME => return Err(Invalid::Extension),
                HIDDEN => extension.hidden = Some(field.u32()?),
                NETWORK if field.0.len() <= MAX_NAME => {
                    extension.network = Some(std::mem::take(&mut field.0));
                }
                NETWORK => return Err(Invalid::Extension),
                ANNOUNCED => extension.announced = true,
                KNOWLEDGE => {
                    extension.knowledge = Some(Knowledge {
                        forgotten: field.u64()?,
                        doubtful: field.u64()?,
                        since: field.u64()?,
                    });
                }
                _ => continue,
            }
            if !field.0.is_empty() {
                return Err(Invalid::Extension);
            }
        }
        Ok(extension)
    }
}

/// Appends a field whose bytes are in parts.
fn put(frame: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    frame.push(kind);
    frame.push(parts.iter().map(|part| part.len() as u8).sum());
    for part in parts {
        frame.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Extension<'static> {
        Extension {
            node: Some(1),
            capabilities: Some(2),
            clock: Some(3),
            summary: Some(Summary { root: 4, count: 5 }),
            stamp: Some(Stamp { time: 6, origin: 7 }),
            question: Some(8),
            answer: Some(Answer { question: 9, awaited: 10 }),
            wall: Some(11),
            owed: Some(12),
            sent: Some(13),
            name: Some(b"name"),
            hidden: Some(14),
            network: Some(b"network"),
            announced: true,
            knowledge: Some(Knowledge { forgotten: 15, doubtful: 16, since: 17 }),
        }
    }

    #[test]
    fn what_was_encoded_is_decoded_and_nothing_is_written_for_nothing() {
        for extension in [full(), Extension { clock: Some(9), ..Extension::default() }] {
            let mut bytes = Vec::new();
            extension.encode(&mut bytes);
            assert_eq!(Extension::decode(Reader(&bytes)), Ok(extension));
        }
        let mut bytes = Vec::new();
        Extension::default().encode(&mut bytes);
        assert!(bytes.is_empty());
    }

    #[test]
    fn unknown_fields_and_foreign_trailers_are_passed_over() {
        assert_eq!(Extension::decode(Reader(b"whatever")), Ok(Extension::default()));
        let mut bytes = b"ZG\0\x0e\xC8\x02xx".to_vec();
        bytes.extend_from_slice(&[NODE, 8, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(Extension::decode(Reader(&bytes)).unwrap().node, Some(1));
    }

    #[test]
    fn a_field_of_the_wrong_length_is_refused() {
        assert_eq!(Extension::decode(Reader(b"ZG\0\x04\x03\x02xx")), Err(Invalid::Truncated));
        assert_eq!(Extension::decode(Reader(b"ZG\0\x07\x02\x05xxxxx")), Err(Invalid::Extension));
        for (length, is_valid) in [(0, false), (1, true), (MAX_NAME, true), (MAX_NAME + 1, false)] {
            let mut bytes = b"ZG\0".to_vec();
            bytes.extend([2 + length as u8, NAME, length as u8]);
            bytes.resize(bytes.len() + length, b'n');
            assert_eq!(Extension::decode(Reader(&bytes)).is_ok(), is_valid, "{length} bytes");
        }
    }
}
