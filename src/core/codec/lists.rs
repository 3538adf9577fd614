//! Messages of extended links that are lists: of tuples, of hashes of the digest, of keys and stamps.
//!
//! Each list is checked when the frame is decoded, so that walking it later cannot fail and a
//! malformed frame changes nothing.

use super::members::MemberRecord;
use super::message::MOST_LISTED;
use super::reader::{Invalid, MessageId, Reader, header};
use crate::core::clock::Stamp;
#[cfg(test)]
use crate::core::tuple::Tuple;
use std::marker::PhantomData;

/// Children of a node in the digest's trie: one for each value of 4 bits of a key's hash.
pub(in crate::core) const FANOUT: usize = 16;

/// Kind of a [`Record`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// The key has a value, which lives for `ttl` milliseconds more, or for ever if that is 0.
    Live,
    /// The key was retracted or expired. The sender keeps the tombstone for `ttl` milliseconds more, or for ever if
    /// that is 0; the value is the 8-byte hash of the value that the key had.
    Tombstone,
}

/// A write in a BATCH.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Record<'a> {
    /// Value or tombstone.
    pub kind: RecordKind,
    /// Key, 1 to 255 bytes.
    pub key: &'a [u8],
    /// Value, or 8-byte hash of the removed value.
    pub value: &'a [u8],
    /// Remaining time to live, or time for which a tombstone is kept, in milliseconds; 0 for ever.
    pub ttl: u32,
    /// Time and origin of the write.
    pub stamp: Stamp,
    /// Whether the value lives as long as the node that announced it, or the tombstone is that of such a value.
    pub announced: bool,
}

/// Flag of a record: a tombstone.
const TOMBSTONE: u8 = 1;
/// Flag of a record: it has a ttl.
const EXPIRES: u8 = 2;
/// Flag of a record: it is of a tuple that was announced. Version 1.0 ignores it.
const ANNOUNCED: u8 = 4;

impl<'a> Record<'a> {
    /// Checks a record when its frame is decoded.
    fn check(reader: &mut Reader<'a>) -> Result<(), Invalid> {
        Record::read(reader, false).map(drop)
    }

    /// Reads a record that was checked before.
    fn get(reader: &mut Reader<'a>) -> Result<Record<'a>, Invalid> {
        Record::read(reader, true)
    }

    #[inline]
    fn read(reader: &mut Reader<'a>, checked: bool) -> Result<Record<'a>, Invalid> {
        let flags = reader.u8()?;
        let key = reader.key(checked)?;
        let stamp = Stamp { time: reader.u64()?, origin: reader.u64()? };
        let ttl = if flags & EXPIRES != 0 { reader.u32()? } else { 0 };
        let (kind, value) = if flags & TOMBSTONE != 0 {
            (RecordKind::Tombstone, reader.bytes(8)?)
        } else {
            (RecordKind::Live, reader.value(checked)?)
        };
        Ok(Record { kind, key, value, ttl, stamp, announced: flags & ANNOUNCED != 0 })
    }
}

/// Writer of a BATCH.
#[derive(Debug)]
pub(in crate::core) struct BatchWriter {
    frame: Vec<u8>,
    /// Number of records.
    pub(in crate::core) count: usize,
}

impl BatchWriter {
    /// Begins a frame for about `capacity` bytes of records.
    pub(in crate::core) fn new(capacity: usize) -> BatchWriter {
        BatchWriter { frame: header(MessageId::Batch, capacity), count: 0 }
    }

    /// Length of the frame so far, in bytes.
    pub(in crate::core) fn len(&self) -> usize {
        self.frame.len()
    }

    /// Appends a record; `ttl` in milliseconds.
    #[cfg(test)]
    pub(in crate::core) fn add(&mut self, kind: RecordKind, tuple: &Tuple, ttl: u32, stamp: Stamp) {
        let (key, value) = (tuple.key(), tuple.value());
        self.add_record(&Record { kind, key, value, ttl, stamp, announced: false });
    }

    /// Appends a record.
    pub(in crate::core) fn add_record(&mut self, record: &Record<'_>) {
        let &Record { kind, key, value, ttl, stamp, announced } = record;
        let tombstone = kind == RecordKind::Tombstone;
        let frame = &mut self.frame;
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        frame.push(flag(tombstone, TOMBSTONE) | flag(ttl > 0, EXPIRES) | flag(announced, ANNOUNCED));
        frame.push(key.len() as u8);
        frame.extend_from_slice(key);
        frame.extend_from_slice(&stamp.time.to_be_bytes());
        frame.extend_from_slice(&stamp.origin.to_be_bytes());
        if ttl > 0 {
            frame.extend_from_slice(&ttl.to_be_bytes());
        }
        if !tombstone {
            frame.extend_from_slice(&(value.len() as u32).to_be_bytes());
        }
        frame.extend_from_slice(value);
        self.count += 1;
    }

    /// The whole frame.
    pub(in crate::core) fn finish(self) -> Vec<u8> {
        self.frame
    }
}

/// Defines a list whose items are read by `$read`, checked as a whole, by `$check`, when it is decoded.
macro_rules! list {
    ($(#[$doc:meta])* $name:ident, $item:ty, $read:expr) => {
        list!($(#[$doc])* $name, $item, $read, |reader| {
            let read: fn(&mut Reader<'a>) -> Result<$item, Invalid> = $read;
            read(reader).map(drop)
        });
    };
    ($(#[$doc:meta])* $name:ident, $item:ty, $read:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq)]
        pub struct $name<'a> {
            bytes: &'a [u8],
            item: PhantomData<fn() -> $item>,
        }

        impl<'a> $name<'a> {
            /// Checks all items.
            pub(in crate::core) fn check(reader: Reader<'a>) -> Result<Self, Invalid> {
                let check: fn(&mut Reader<'a>) -> Result<(), Invalid> = $check;
                let mut rest = reader;
                while !rest.0.is_empty() {
                    // A BATCH of any version of this library is closed at 16 KiB, with the item that begins before.
                    if reader.0.len() - rest.0.len() > MOST_LISTED {
                        return Err(Invalid::TooLong);
                    }
                    check(&mut rest)?;
                }
                Ok($name { bytes: reader.0, item: PhantomData })
            }

            /// The items, in order.
            pub fn iter(&self) -> impl Iterator<Item = $item> + use<'a> {
                let read: fn(&mut Reader<'a>) -> Result<$item, Invalid> = $read;
                let mut rest = Reader(self.bytes);
                std::iter::from_fn(move || if rest.0.is_empty() { None } else { read(&mut rest).ok() })
            }
        }
    };
}

list!(
    /// The tuples of a BATCH.
    Batch, Record<'a>, Record::get, Record::check
);

/// A subtree of the digest's trie: all keys whose hashes begin with the first `depth` nibbles of `bits`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Number of nibbles, 0 to 15.
    pub depth: u8,
    /// The nibbles, in the most significant bits; all bits below them are 0.
    pub bits: u64,
}

impl Prefix {
    /// The whole trie.
    pub const ALL: Prefix = Prefix { depth: 0, bits: 0 };
    /// Depth to which subtrees may be named. A trie of depth 15 has a leaf for each of 2^60 hashes.
    pub(in crate::core) const DEEPEST: u8 = 15;

    /// The smallest subtree that a key hash belongs to.
    pub(in crate::core) fn deepest(hash: u64) -> Prefix {
        let unnamed = 64 - 4 * u32::from(Prefix::DEEPEST);
        Prefix { depth: Prefix::DEEPEST, bits: hash >> unnamed << unnamed }
    }

    /// The child with this index, 0 to 15.
    pub fn child(self, index: usize) -> Prefix {
        let shift = 60 - 4 * u32::from(self.depth);
        Prefix { depth: self.depth + 1, bits: self.bits | (index as u64) << shift }
    }

    /// Returns whether a key hash belongs to the subtree.
    pub fn contains(self, hash: u64) -> bool {
        self.depth == 0 || (hash ^ self.bits) >> (64 - 4 * u32::from(self.depth)) == 0
    }

    fn read(reader: &mut Reader<'_>) -> Result<Prefix, Invalid> {
        let prefix = Prefix { depth: reader.u8()?, bits: reader.u64()? };
        let clean =
            prefix.depth <= Self::DEEPEST && prefix.bits.checked_shl(4 * u32::from(prefix.depth)) == Some(0);
        if clean { Ok(prefix) } else { Err(Invalid::Extension) }
    }

    fn write(self, frame: &mut Vec<u8>) {
        frame.push(self.depth);
        frame.extend_from_slice(&self.bits.to_be_bytes());
    }
}

list!(
    /// The subtrees of a DIGEST, each with the hashes of its 16 children.
    Digests, (Prefix, [u64; FANOUT]), |reader| {
        let prefix = Prefix::read(reader)?;
        let mut sums = [0; FANOUT];
        for sum in &mut sums {
            *sum = reader.u64()?;
        }
        Ok((prefix, sums))
    }
);

/// A key, by its hash, and its stamp at the sender.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// XXH3-64 of the key.
    pub hash: u64,
    /// Time and origin of the write.
    pub stamp: Stamp,
}

/// Bytes of an entry: key hash, time and origin.
const ENTRY: usize = 24;

list!(
    /// The subtrees of an ENTRIES, each with all keys that the sender holds in it.
    Entries, (Prefix, EntryList<'a>), |reader| {
        let prefix = Prefix::read(reader)?;
        let count = reader.u32()?;
        let length = (count as usize).checked_mul(ENTRY).ok_or(Invalid::Truncated)?;
        Ok((prefix, EntryList::check(Reader(reader.bytes(length)?))?))
    }
);

list!(
    /// Keys and stamps: of one subtree of an ENTRIES, or of an ANNOUNCE or OFFER.
    EntryList, Entry, |reader| {
        Ok(Entry { hash: reader.u64()?, stamp: Stamp { time: reader.u64()?, origin: reader.u64()? } })
    }
);

list!(
    /// The key hashes of a REQUEST, or the origins of a PRUNE or GRAFT.
    Hashes, u64, |reader| reader.u64()
);

list!(
    /// The records of a MEMBERS.
    Members, MemberRecord<'a>, MemberRecord::read
);

/// Begins a MEMBERS.
pub fn members_frame() -> Vec<u8> {
    header(MessageId::Members, LIST)
}

/// Bytes that a list's frame has room for before it grows: a digest of one subtree, or ten entries.
const LIST: usize = 256;

/// Begins a DIGEST.
pub(in crate::core) fn digest_frame() -> Vec<u8> {
    header(MessageId::Digest, LIST)
}

/// Appends one subtree, with the hashes of its children, to a DIGEST.
pub(in crate::core) fn add_digest(frame: &mut Vec<u8>, prefix: Prefix, sums: &[u64; FANOUT]) {
    prefix.write(frame);
    for sum in sums {
        frame.extend_from_slice(&sum.to_be_bytes());
    }
}

/// Begins an ENTRIES.
pub(in crate::core) fn entries_frame() -> Vec<u8> {
    header(MessageId::Entries, LIST)
}

/// Appends one subtree, with all keys in it, to an ENTRIES.
pub(in crate::core) fn add_entries(frame: &mut Vec<u8>, prefix: Prefix, entries: &[Entry]) {
    prefix.write(frame);
    frame.extend_from_slice(&(entries.len() as u32).to_be_bytes());
    for entry in entries {
        add_entry(frame, entry);
    }
}

/// Begins an ANNOUNCE.
pub(in crate::core) fn announce_frame() -> Vec<u8> {
    header(MessageId::Announce, LIST)
}

/// Begins an OFFER.
pub(in crate::core) fn offer_frame() -> Vec<u8> {
    header(MessageId::Offer, LIST)
}

/// Appends one entry to an ANNOUNCE or OFFER, or to a subtree of an ENTRIES.
pub(in crate::core) fn add_entry(frame: &mut Vec<u8>, entry: &Entry) {
    for number in [entry.hash, entry.stamp.time, entry.stamp.origin] {
        frame.extend_from_slice(&number.to_be_bytes());
    }
}

/// Encodes a REQUEST.
pub(in crate::core) fn request_frame(hashes: &[u64]) -> Vec<u8> {
    numbers_frame(MessageId::Request, hashes)
}

/// Encodes a PRUNE or GRAFT.
pub(in crate::core) fn origins_frame(id: MessageId, origins: &[u64]) -> Vec<u8> {
    numbers_frame(id, origins)
}

fn numbers_frame(id: MessageId, numbers: &[u64]) -> Vec<u8> {
    let mut frame = header(id, numbers.len() * 8);
    for number in numbers {
        frame.extend_from_slice(&number.to_be_bytes());
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::codec::message::{Message, decode};

    #[test]
    fn a_batch_comes_back_in_order_and_every_cut_inside_a_record_is_refused() {
        let stamp = Stamp { time: 1, origin: 2 };
        let mut writer = BatchWriter::new(0);
        writer.add(RecordKind::Live, &Tuple::new(b"a", b"1"), 0, stamp);
        let first = writer.len();
        writer.add(RecordKind::Live, &Tuple::new(b"b", b""), 5, stamp);
        let second = writer.len();
        writer.add(RecordKind::Tombstone, &Tuple::new(b"c", &[0; 8]), 0, stamp);
        let frame = writer.finish();
        let Ok(Message::Batch(batch)) = decode(&frame) else { panic!() };
        let seen: Vec<_> = batch.iter().map(|r| (r.kind, r.key, r.value, r.ttl)).collect();
        assert_eq!(
            seen,
            [
                (RecordKind::Live, &b"a"[..], &b"1"[..], 0),
                (RecordKind::Live, b"b", b"", 5),
                (RecordKind::Tombstone, b"c", &[0; 8], 0),
            ]
        );
        for cut in 4..frame.len() {
            assert_eq!(decode(&frame[..cut]).is_ok(), [4, first, second].contains(&cut), "cut at {cut}");
        }
    }

    #[test]
    fn a_batch_goes_on_for_128_kib_and_its_last_value_beyond() {
        let stamp = Stamp { time: 1, origin: 2 };
        let mut writer = BatchWriter::new(0);
        while writer.len() < MOST_LISTED {
            writer.add(RecordKind::Live, &Tuple::new(b"a", &[b'x'; 900]), 0, stamp);
        }
        let last = Tuple::new(b"b", &[b'y'; 1 << 20]);
        writer.add(RecordKind::Live, &last, 0, stamp);
        assert_eq!(decode(&writer.frame), Err(Invalid::TooLong));

        let mut writer = BatchWriter::new(0);
        writer.add(RecordKind::Live, &Tuple::new(b"a", &vec![b'x'; MOST_LISTED - 100]), 0, stamp);
        writer.add(RecordKind::Live, &last, 0, stamp);
        assert!(decode(&writer.finish()).is_ok());
    }

    #[test]
    fn subtrees_nest() {
        let subtree = Prefix::ALL.child(0xA).child(0x3);
        assert_eq!(subtree, Prefix { depth: 2, bits: 0xA3 << 56 });
        assert!(subtree.contains(0xA3FF << 48) && !subtree.contains(0xA4 << 56) && Prefix::ALL.contains(7));
    }

    #[test]
    fn a_prefix_with_bits_below_its_depth_is_refused() {
        let mut frame = entries_frame();
        add_entries(&mut frame, Prefix { depth: 1, bits: 0xA1 << 56 }, &[]);
        assert_eq!(decode(&frame), Err(Invalid::Extension));
        let mut frame = digest_frame();
        add_digest(&mut frame, Prefix { depth: 16, bits: 0 }, &[0; FANOUT]);
        assert!(decode(&frame).is_err());
    }
}
