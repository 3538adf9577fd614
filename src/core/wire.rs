//! ZGP/1 frames: `0xAAA0`, message id, version 1, fields; then, where both ends know it, more.
//!
//! Ids 1 to 5 are CZMQ's. Its peers ignore what follows the last field, so an
//! [`Extension`] block stands there. Ids from 16 on travel between extended peers only. The grammar
//! is in `doc/PROTOCOL.md`.

use super::clock::Stamp;
use super::extension::Extension;
use super::records::{Batch, Digests, Entries, Hashes, PartEntries};
use super::tuple::Tuple;
use std::fmt;

const SIGNATURE: [u8; 2] = [0xAA, 0xA0];
const VERSION: u8 = 1;
const HEADER: usize = 4;

/// What kind of message a frame is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MessageId {
    /// Client to server: here I am, forget what was before.
    Hello = 1,
    /// Either way: a tuple.
    Publish = 2,
    /// Client to server: are you there?
    Ping = 3,
    /// Server to client: I am here.
    Pong = 4,
    /// Server to client: I do not know you, say HELLO.
    Invalid = 5,
    /// Extended: many tuples with their stamps.
    Batch = 16,
    /// Extended: I am here, and this is what my tuples sum up to.
    Heartbeat = 17,
    /// Extended: sums of parts of my tuples.
    Digest = 18,
    /// Extended: keys and stamps of a part of my tuples.
    Entries = 19,
    /// Extended: send me the tuples with these key hashes.
    Request = 20,
    /// Extended: keys and stamps that changed here, for a peer that gets the tuples elsewhere.
    Announce = 21,
    /// Extended: only announce these origins' tuples to me, I get them elsewhere.
    Prune = 22,
    /// Extended: send me these origins' tuples again.
    Graft = 23,
    /// Extended: keys and stamps that I hold and you lack, or hold older.
    Offer = 24,
}

impl MessageId {
    pub(super) fn new(id: u8) -> Option<MessageId> {
        use MessageId::*;
        [
            Hello, Publish, Ping, Pong, Invalid, Batch, Heartbeat, Digest, Entries, Request, Announce, Prune,
            Graft, Offer,
        ]
        .into_iter()
        .find(|&known| known as u8 == id)
    }
}

/// A decoded frame; it borrows from the frame's bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Message<'a> {
    /// HELLO, extended or not.
    Hello(Extension),
    /// PUBLISH of `key` = `value`, `ttl` in milliseconds (0: for ever).
    Publish {
        /// 1 to 255 bytes.
        key: &'a [u8],
        /// Any bytes.
        value: &'a [u8],
        /// Milliseconds; 0 for ever.
        ttl: u32,
        /// Holds the stamp on an extended link.
        extension: Extension,
    },
    /// PING.
    Ping,
    /// PONG, extended or not.
    Pong(Extension),
    /// INVALID.
    Invalid,
    /// BATCH.
    Batch(Batch<'a>),
    /// HEARTBEAT.
    Heartbeat(Extension),
    /// DIGEST.
    Digest(Digests<'a>),
    /// ENTRIES.
    Entries(Entries<'a>),
    /// REQUEST.
    Request(Hashes<'a>),
    /// ANNOUNCE.
    Announce(PartEntries<'a>),
    /// PRUNE.
    Prune(Hashes<'a>),
    /// GRAFT.
    Graft(Hashes<'a>),
    /// OFFER.
    Offer(PartEntries<'a>),
}

/// Why a frame is not a message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// It ends before its fields do.
    Truncated,
    /// It does not begin with `0xAAA0`.
    Signature,
    /// Its version is not 1.
    Version,
    /// Nobody knows its message id.
    Id,
    /// A key is empty, or a key or value holds a NUL byte, which no C string can hold.
    Text,
    /// A field of an extension has the wrong length.
    Extension,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Invalid::Truncated => "frame is truncated",
            Invalid::Signature => "invalid signature",
            Invalid::Version => "version is invalid",
            Invalid::Id => "bad message ID",
            Invalid::Text => "key is empty, or key or value holds a NUL byte",
            Invalid::Extension => "extension field is malformed",
        })
    }
}

/// Takes fields off the front of a frame.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Invalid> {
        let (head, tail) = self.0.split_at_checked(length).ok_or(Invalid::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Invalid> {
        let (head, tail) = self.0.split_first_chunk().ok_or(Invalid::Truncated)?;
        self.0 = tail;
        Ok(*head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Invalid> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Invalid> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Invalid> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Invalid> {
        self.array().map(u64::from_be_bytes)
    }

    /// A key. One that was `checked` before is not looked through once more; that of a value likewise.
    #[inline]
    pub(super) fn key(&mut self, checked: bool) -> Result<&'a [u8], Invalid> {
        let length = self.u8()?;
        let key = self.bytes(length.into())?;
        if key.is_empty() || !(checked || is_text(key)) { Err(Invalid::Text) } else { Ok(key) }
    }

    #[inline]
    pub(super) fn value(&mut self, checked: bool) -> Result<&'a [u8], Invalid> {
        let length = self.u32()?;
        let value = self.bytes(length as usize)?;
        if checked || is_text(value) { Ok(value) } else { Err(Invalid::Text) }
    }
}

/// Whether there is no NUL among these bytes. Most of them have none and are short: all are looked at, in pieces that
/// compilers make a few instructions of, the last two of which may overlap.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    const PIECE: usize = 16;
    let has_nul = |piece: &[u8]| piece.iter().fold(false, |found, &byte| found | (byte == 0));
    match bytes.last_chunk::<PIECE>() {
        Some(last) => !bytes.chunks_exact(PIECE).any(has_nul) && !has_nul(last),
        None => !has_nul(bytes),
    }
}

/// Begins a frame.
pub(super) fn header(id: MessageId, capacity: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER + capacity);
    frame.extend_from_slice(&SIGNATURE);
    frame.extend_from_slice(&[id as u8, VERSION]);
    frame
}

/// Encodes PING or INVALID, or HELLO, PONG or HEARTBEAT with what the extension holds.
pub fn encode(id: MessageId, extension: &Extension) -> Vec<u8> {
    let mut frame = header(id, 64);
    extension.encode(&mut frame);
    frame
}

/// Encodes a PUBLISH; with a stamp for extended peers, without for plain ones.
pub fn encode_publish(tuple: &Tuple, ttl: u32, stamp: Option<Stamp>) -> Vec<u8> {
    let (key, value) = (tuple.key(), tuple.value());
    let mut frame = header(MessageId::Publish, key.len() + value.len() + 32);
    frame.push(key.len() as u8);
    frame.extend_from_slice(key);
    frame.extend_from_slice(&(value.len() as u32).to_be_bytes());
    frame.extend_from_slice(value);
    frame.extend_from_slice(&ttl.to_be_bytes());
    Extension { stamp, ..Extension::default() }.encode(&mut frame);
    frame
}

/// Decodes a frame. Bytes after what is known are ignored, as CZMQ does.
pub fn decode(frame: &[u8]) -> Result<Message<'_>, Invalid> {
    let mut reader = Reader(frame);
    if reader.bytes(2)? != SIGNATURE {
        return Err(Invalid::Signature);
    }
    let id = MessageId::new(reader.u8()?).ok_or(Invalid::Id)?;
    if reader.u8()? != VERSION {
        return Err(Invalid::Version);
    }
    Ok(match id {
        MessageId::Hello => Message::Hello(Extension::decode(reader)?),
        MessageId::Publish => {
            let (key, value, ttl) = (reader.key(false)?, reader.value(false)?, reader.u32()?);
            Message::Publish { key, value, ttl, extension: Extension::decode(reader)? }
        }
        MessageId::Ping => Message::Ping,
        MessageId::Pong => Message::Pong(Extension::decode(reader)?),
        MessageId::Invalid => Message::Invalid,
        MessageId::Batch => Message::Batch(Batch::check(reader)?),
        MessageId::Heartbeat => Message::Heartbeat(Extension::decode(reader)?),
        MessageId::Digest => Message::Digest(Digests::check(reader)?),
        MessageId::Entries => Message::Entries(Entries::check(reader)?),
        MessageId::Request => Message::Request(Hashes::check(reader)?),
        MessageId::Announce => Message::Announce(PartEntries::check(reader)?),
        MessageId::Prune => Message::Prune(Hashes::check(reader)?),
        MessageId::Graft => Message::Graft(Hashes::check(reader)?),
        MessageId::Offer => Message::Offer(PartEntries::check(reader)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_frames_are_those_of_czmq() {
        assert_eq!(encode(MessageId::Hello, &Extension::default()), [0xAA, 0xA0, 1, 1]);
        assert_eq!(encode(MessageId::Ping, &Extension::default()), [0xAA, 0xA0, 3, 1]);
        assert_eq!(
            encode_publish(&Tuple::new(b"key", b"value"), 0, None),
            b"\xAA\xA0\x02\x01\x03key\x00\x00\x00\x05value\x00\x00\x00\x00"
        );
    }

    #[test]
    fn a_publish_comes_back_as_it_was_with_and_without_stamp() {
        for stamp in [None, Some(Stamp { time: 5, origin: 9 })] {
            let frame = encode_publish(&Tuple::new(b"k", b""), 77, stamp);
            let extension = Extension { stamp, ..Extension::default() };
            assert_eq!(decode(&frame), Ok(Message::Publish { key: b"k", value: b"", ttl: 77, extension }));
        }
    }

    #[test]
    fn every_cut_of_a_frame_is_refused_or_plain_and_never_panics() {
        let frame = encode_publish(&Tuple::new(b"key", b"value"), 1, Some(Stamp { time: 1, origin: 2 }));
        let plain = 4 + 4 + 9 + 4;
        for cut in 0..frame.len() {
            assert_eq!(decode(&frame[..cut]).is_ok(), cut == plain || cut == plain + 1, "cut at {cut}");
        }
    }

    #[test]
    fn bad_frames_are_told_apart() {
        assert_eq!(decode(b"\xAA\xA1\x01\x01"), Err(Invalid::Signature));
        assert_eq!(decode(b"\xAA\xA0\x09\x01"), Err(Invalid::Id));
        assert_eq!(decode(b"\xAA\xA0\x01\x02"), Err(Invalid::Version));
        assert_eq!(decode(b"\xAA\xA0\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"), Err(Invalid::Text));
        assert_eq!(decode(b"\xAA\xA0\x02\x01\x01k\x00\x00\x00\x01\x00\x00\x00\x00\x00"), Err(Invalid::Text));
        assert_eq!(decode(b"\xAA\xA0\x02\x01\x01k\xFF\xFF\xFF\xFFv"), Err(Invalid::Truncated));
    }

    #[test]
    fn a_nul_is_found_wherever_it_is() {
        for length in 0..70 {
            let mut bytes = vec![0xFF; length];
            assert!(is_text(&bytes), "{length} bytes");
            for place in 0..length {
                bytes[place] = 0;
                assert!(!is_text(&bytes), "{length} bytes, a NUL at {place}");
                bytes[place] = 0xFF;
            }
        }
    }
}
