//! Fields on the wire: the header of a frame, and numbers, keys and values behind it.

use std::fmt;

pub(super) const SIGNATURE: [u8; 2] = [0xAA, 0xA0];
pub(super) const VERSION: u8 = 1;
pub(super) const HEADER: usize = 4;

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
    pub(in crate::core) fn new(id: u8) -> Option<MessageId> {
        use MessageId::*;
        [
            Hello, Publish, Ping, Pong, Invalid, Batch, Heartbeat, Digest, Entries, Request, Announce, Prune,
            Graft, Offer,
        ]
        .into_iter()
        .find(|&known| known as u8 == id)
    }
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
pub(in crate::core) struct Reader<'a>(pub(in crate::core) &'a [u8]);

impl<'a> Reader<'a> {
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

    /// A key. One that was `checked` before is not looked through once more; that of a value likewise.
    #[inline]
    pub(in crate::core) fn key(&mut self, checked: bool) -> Result<&'a [u8], Invalid> {
        let length = self.u8()?;
        let key = self.bytes(length.into())?;
        if key.is_empty() || !(checked || is_text(key)) { Err(Invalid::Text) } else { Ok(key) }
    }

    #[inline]
    pub(in crate::core) fn value(&mut self, checked: bool) -> Result<&'a [u8], Invalid> {
        let length = self.u32()?;
        let value = self.bytes(length as usize)?;
        if checked || is_text(value) { Ok(value) } else { Err(Invalid::Text) }
    }
}

/// Whether there is no NUL among these bytes. Most of them have none and are short: all are looked at, in pieces that
/// compilers make a few instructions of, the last two of which may overlap.
pub(in crate::core) fn is_text(bytes: &[u8]) -> bool {
    const PIECE: usize = 16;
    let has_nul = |piece: &[u8]| piece.iter().fold(false, |found, &byte| found | (byte == 0));
    match bytes.last_chunk::<PIECE>() {
        Some(last) => !bytes.chunks_exact(PIECE).any(has_nul) && !has_nul(last),
        None => !has_nul(bytes),
    }
}

/// Begins a frame.
pub(in crate::core) fn header(id: MessageId, capacity: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER + capacity);
    frame.extend_from_slice(&SIGNATURE);
    frame.extend_from_slice(&[id as u8, VERSION]);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

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
