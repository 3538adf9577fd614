//! Fields on the wire: the header of a frame, and numbers, keys and values behind it.

use crate::core::tuple::{check_key, is_text};
use std::fmt;

/// First bytes of each frame.
pub(super) const SIGNATURE: [u8; 2] = [0xAA, 0xA0];
/// Version of the protocol, in each frame.
pub(super) const VERSION: u8 = 1;
/// Bytes of signature, message id and version.
pub(super) const HEADER: usize = 4;

/// Kind of a message: the third byte of its frame.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MessageId {
    /// Begins a session (client to server).
    Hello = 1,
    /// Carries a tuple (either way).
    Publish = 2,
    /// Asks for a PONG (client to server).
    Ping = 3,
    /// Answers PING (server to client).
    Pong = 4,
    /// Rejects a message of a client that has no session; the client answers with HELLO (server to client).
    Invalid = 5,
    /// Carries many tuples with their stamps (extended).
    Batch = 16,
    /// Shows that the sender is alive, and the root of its digest (extended).
    Heartbeat = 17,
    /// Carries hashes of the sender's digest (extended).
    Digest = 18,
    /// Lists the keys and stamps in subtrees of the sender's digest (extended).
    Entries = 19,
    /// Requests tuples by the hashes of their keys (extended).
    Request = 20,
    /// Lists keys and stamps that have changed, for a peer that gets the tuples by another link: Plumtree's IHAVE
    /// (extended).
    Announce = 21,
    /// Asks the receiver to announce the tuples of some origins instead of sending them (extended).
    Prune = 22,
    /// Asks the receiver to send the tuples of some origins again (extended).
    Graft = 23,
    /// Lists keys and stamps that the receiver lacks or has older (extended).
    Offer = 24,
    /// Tells of the nodes that take part: that they live, or are gone (extended).
    Members = 25,
}

impl MessageId {
    /// The kind with this number.
    pub(in crate::core) fn new(id: u8) -> Option<MessageId> {
        use MessageId::*;
        [
            Hello, Publish, Ping, Pong, Invalid, Batch, Heartbeat, Digest, Entries, Request, Announce, Prune,
            Graft, Offer, Members,
        ]
        .into_iter()
        .find(|&known| known as u8 == id)
    }
}

/// Reason why a frame is not a message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// The frame ends before its fields do.
    Truncated,
    /// The frame does not begin with `0xAAA0`.
    Signature,
    /// The version is not 1.
    Version,
    /// The message id is unknown.
    Id,
    /// A key is empty, or a key or value holds a NUL byte, which no C string can hold.
    Text,
    /// A field of an extension has the wrong length.
    Extension,
    /// A list is longer than any peer makes one.
    TooLong,
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
            Invalid::TooLong => "list is too long",
        })
    }
}

/// Reads fields from the front of a frame. Numbers are big endian.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(in crate::core) struct Reader<'a>(pub(in crate::core) &'a [u8]);

impl<'a> Reader<'a> {
    /// Reads `length` bytes.
    pub(in crate::core) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Invalid> {
        let (head, tail) = self.0.split_at_checked(length).ok_or(Invalid::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Invalid> {
        let (head, tail) = self.0.split_first_chunk().ok_or(Invalid::Truncated)?;
        self.0 = tail;
        Ok(*head)
    }

    pub(in crate::core) fn u8(&mut self) -> Result<u8, Invalid> {
        self.array().map(u8::from_be_bytes)
    }

    pub(in crate::core) fn u16(&mut self) -> Result<u16, Invalid> {
        self.array().map(u16::from_be_bytes)
    }

    pub(in crate::core) fn u32(&mut self) -> Result<u32, Invalid> {
        self.array().map(u32::from_be_bytes)
    }

    pub(in crate::core) fn u64(&mut self) -> Result<u64, Invalid> {
        self.array().map(u64::from_be_bytes)
    }

    /// Reads a key, which is checked unless it was `checked` before.
    #[inline]
    pub(in crate::core) fn key(&mut self, checked: bool) -> Result<&'a [u8], Invalid> {
        let length = self.u8()?;
        let key = self.bytes(length.into())?;
        if checked || check_key(key).is_ok() { Ok(key) } else { Err(Invalid::Text) }
    }

    /// Reads a value. NUL bytes are looked for only in a value that was not `checked` before.
    #[inline]
    pub(in crate::core) fn value(&mut self, checked: bool) -> Result<&'a [u8], Invalid> {
        let length = self.u32()?;
        let value = self.bytes(length as usize)?;
        if checked || is_text(value) { Ok(value) } else { Err(Invalid::Text) }
    }
}

/// Begins a frame with room for `capacity` bytes of fields.
pub(in crate::core) fn header(id: MessageId, capacity: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER + capacity);
    frame.extend_from_slice(&SIGNATURE);
    frame.extend_from_slice(&[id as u8, VERSION]);
    frame
}
