//! Whole messages: signature `0xAAA0`, message id, version 1, fields.
//!
//! Ids 1 to 5 are CZMQ's. CZMQ ignores bytes behind the last field, so that is where an [`Extension`] block stands. Ids
//! from 16 on are sent to extended peers only. The grammar is in `doc/PROTOCOL.md`.

use super::extension::Extension;
use super::lists::{Batch, Digests, Entries, EntryList, Hashes, Members};
use super::reader::{Invalid, MessageId, Reader, SIGNATURE, VERSION, header};
use crate::core::clock::Stamp;
use crate::core::tuple::Tuple;

/// A decoded message, which borrows from the frame's bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Message<'a> {
    /// HELLO; the extension is empty if a plain client sends it.
    Hello(Extension<'a>),
    /// PUBLISH of one tuple.
    Publish {
        /// Key, 1 to 255 bytes.
        key: &'a [u8],
        /// Value; no NUL byte is in it.
        value: &'a [u8],
        /// Remaining time to live in milliseconds; 0 for ever.
        ttl: u32,
        /// Carries the stamp, unless a plain peer sends the message.
        extension: Extension<'a>,
    },
    /// PING.
    Ping,
    /// PONG; the extension is empty if a plain server sends it.
    Pong(Extension<'a>),
    /// INVALID.
    Invalid,
    /// BATCH.
    Batch(Batch<'a>),
    /// HEARTBEAT.
    Heartbeat(Extension<'a>),
    /// DIGEST.
    Digest(Digests<'a>),
    /// ENTRIES.
    Entries(Entries<'a>),
    /// REQUEST.
    Request(Hashes<'a>),
    /// ANNOUNCE.
    Announce(EntryList<'a>),
    /// PRUNE.
    Prune(Hashes<'a>),
    /// GRAFT.
    Graft(Hashes<'a>),
    /// OFFER.
    Offer(EntryList<'a>),
    /// MEMBERS.
    Members(Members<'a>),
}

/// Encodes a message without fields, and an extension: HELLO, PING, PONG, INVALID or HEARTBEAT.
pub fn encode(id: MessageId, extension: &Extension<'_>) -> Vec<u8> {
    let mut frame = header(id, 80);
    extension.encode(&mut frame);
    frame
}

/// Encodes a PUBLISH; `ttl` in milliseconds, 0 for ever.
pub fn encode_publish(tuple: &Tuple, ttl: u32, stamp: Option<Stamp>) -> Vec<u8> {
    publish_frame(tuple, ttl, &Extension { stamp, ..Extension::default() })
}

/// Encodes a PUBLISH of a tuple that lives as long as the node that announced it.
pub fn encode_announced(tuple: &Tuple, ttl: u32, stamp: Stamp) -> Vec<u8> {
    publish_frame(tuple, ttl, &Extension { stamp: Some(stamp), announced: true, ..Extension::default() })
}

fn publish_frame(tuple: &Tuple, ttl: u32, extension: &Extension<'_>) -> Vec<u8> {
    let (key, value) = (tuple.key(), tuple.value());
    let mut frame = header(MessageId::Publish, key.len() + value.len() + 32);
    frame.push(key.len() as u8);
    frame.extend_from_slice(key);
    frame.extend_from_slice(&(value.len() as u32).to_be_bytes());
    frame.extend_from_slice(value);
    frame.extend_from_slice(&ttl.to_be_bytes());
    extension.encode(&mut frame);
    frame
}

/// Bytes of the longest frame that is a list without values. What any version of this library sends has half as many:
/// a list is closed at 32 KiB, and its last item is short.
pub(in crate::core) const MOST_LISTED: usize = 128 << 10;

/// Decodes a message. Bytes behind the known fields are ignored, as CZMQ does.
pub fn decode(frame: &[u8]) -> Result<Message<'_>, Invalid> {
    let mut reader = Reader(frame);
    if reader.bytes(2)? != SIGNATURE {
        return Err(Invalid::Signature);
    }
    let id = MessageId::new(reader.u8()?).ok_or(Invalid::Id)?;
    if reader.u8()? != VERSION {
        return Err(Invalid::Version);
    }
    let may_be_long = matches!(id, MessageId::Batch) || (id as u8) < MessageId::Batch as u8;
    if !may_be_long && frame.len() > MOST_LISTED {
        return Err(Invalid::TooLong);
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
        MessageId::Announce => Message::Announce(EntryList::check(reader)?),
        MessageId::Prune => Message::Prune(Hashes::check(reader)?),
        MessageId::Graft => Message::Graft(Hashes::check(reader)?),
        MessageId::Offer => Message::Offer(EntryList::check(reader)?),
        MessageId::Members => Message::Members(Members::check(reader)?),
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
    fn an_announced_tuple_says_so_and_is_else_like_any_other() {
        let (tuple, stamp) = (Tuple::new(b"k", b"v"), Stamp { time: 5, origin: 9 });
        let frame = encode_announced(&tuple, 0, stamp);
        let extension = Extension { stamp: Some(stamp), announced: true, ..Extension::default() };
        assert_eq!(decode(&frame), Ok(Message::Publish { key: b"k", value: b"v", ttl: 0, extension }));
        assert_eq!(frame.len(), encode_publish(&tuple, 0, Some(stamp)).len() + 2);
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
}
