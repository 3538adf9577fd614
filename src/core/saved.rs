//! The form in which a node's content is kept in a file over restarts: one record for each key, and a head for the node.
//!
//! All numbers are big endian. Each record ends with a checksum over the key and the record, so that a disk that returns
//! something else costs the keys concerned and nothing more.

use super::clock::Stamp;
use super::store::State;
use xxhash_rust::xxh3::xxh3_64;

/// Flag of a record: the key has a deadline.
const ENDS: u8 = 16;

/// The time of a tuple's life that is left.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    /// The moment by the wall clock (ms since 1970).
    pub(super) wall: u64,
    /// Milliseconds from the moment when it was saved.
    pub(super) remaining: u32,
}

/// What is saved of a key.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Saved<'a> {
    pub(super) state: State,
    pub(super) stamp: Stamp,
    /// When a value expires; a tombstone's time begins anew with the node.
    pub(super) ends: Option<Ends>,
    /// The value; of a tombstone, the hash of the value that the key had.
    pub(super) value: &'a [u8],
}

/// Bytes of the checksum at the end of a record.
const CHECK: usize = 4;

fn checksum(key: &[u8], record: &[u8]) -> [u8; CHECK] {
    ((xxh3_64(key).rotate_left(1) ^ xxh3_64(record)) as u32).to_be_bytes()
}

/// Takes the checksum off, if it is right.
fn checked<'a>(key: &[u8], bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (record, check) = bytes.split_last_chunk()?;
    (checksum(key, record) == *check).then_some(record)
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_be_bytes(*number))
}

impl<'a> Saved<'a> {
    /// The record's bytes; those of a key that is not saved are empty.
    pub(super) fn encode(&self, key: &[u8]) -> Vec<u8> {
        let Some(state) = number_of(self.state) else { return Vec::new() };
        let mut bytes = Vec::with_capacity(33 + self.value.len());
        bytes.push(state | if self.ends.is_some() { ENDS } else { 0 });
        bytes.extend(self.stamp.time.to_be_bytes());
        bytes.extend(self.stamp.origin.to_be_bytes());
        if let Some(Ends { wall, remaining }) = self.ends {
            bytes.extend(wall.to_be_bytes());
            bytes.extend(remaining.to_be_bytes());
        }
        bytes.extend(self.value);
        let check = checksum(key, &bytes);
        bytes.extend(check);
        bytes
    }

    /// Reads a record; `None` if it is damaged.
    pub(super) fn decode(key: &[u8], bytes: &'a [u8]) -> Option<Saved<'a>> {
        let (&flags, mut rest) = checked(key, bytes)?.split_first()?;
        let state = state_of(flags & 15)?;
        let stamp = Stamp { time: number(&mut rest)?, origin: number(&mut rest)? };
        let ends = if flags & ENDS == 0 {
            None
        } else {
            let wall = number(&mut rest)?;
            let (remaining, value) = rest.split_first_chunk()?;
            rest = value;
            Some(Ends { wall, remaining: u32::from_be_bytes(*remaining) })
        };
        Some(Saved { state, stamp, ends, value: rest })
    }
}

/// The number of a state in a record; none for one that is not saved.
fn number_of(state: State) -> Option<u8> {
    match state {
        State::Live => Some(0),
        State::Suppressed => Some(1),
        State::Retracted => Some(2),
        State::Expired => Some(3),
        State::Refused | State::Absent => None,
    }
}

fn state_of(number: u8) -> Option<State> {
    [State::Live, State::Suppressed, State::Retracted, State::Expired].get(usize::from(number)).copied()
}

/// What is saved of the node itself.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The node's id.
    pub(super) id: u64,
    /// The latest hybrid time that it knew.
    pub(super) clock: u64,
    /// The hybrid time of the latest removal that it has forgotten; 0 for none.
    pub(super) forgotten: u64,
    /// The hybrid time up to which what it holds may be out of date; 0 if it is not.
    pub(super) doubtful: u64,
    /// The hybrid time since which it knows of all removals but those that are forgotten.
    pub(super) since: u64,
}

impl Head {
    /// The head's bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = [self.id, self.clock, self.forgotten, self.doubtful, self.since]
            .iter()
            .flat_map(|n| n.to_be_bytes())
            .collect();
        bytes.extend((xxh3_64(&bytes) as u32).to_be_bytes());
        bytes
    }

    /// Reads a head; `None` if it is damaged.
    pub(super) fn decode(bytes: &[u8]) -> Option<Head> {
        let (mut rest, check) = bytes.split_last_chunk()?;
        if (xxh3_64(rest) as u32).to_be_bytes() != *check {
            return None;
        }
        let mut next = || number(&mut rest);
        Some(Head { id: next()?, clock: next()?, forgotten: next()?, doubtful: next()?, since: next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_read_and_what_was_changed_since_is_not() {
        let head = Head { id: 1 << 63, clock: 2, forgotten: 3, doubtful: 4, since: 5 };
        let bytes = head.encode();
        assert_eq!(Head::decode(&bytes), Some(head));
        let ends = Some(Ends { wall: 1_800_000_000_000, remaining: 5 });
        for (state, ends) in [(State::Live, ends), (State::Suppressed, None), (State::Retracted, None)] {
            let stamp = Stamp { time: 7, origin: 8 };
            let saved = Saved { state, stamp, ends, value: b"value" };
            let bytes = saved.encode(b"key");
            assert_eq!(Saved::decode(b"key", &bytes), Some(saved));
            assert_eq!(Saved::decode(b"kex", &bytes), None);
            for place in 0..bytes.len() {
                let mut other = bytes.clone();
                other[place] ^= 4;
                assert_eq!(Saved::decode(b"key", &other), None, "{place}");
                assert_eq!(Saved::decode(b"key", &bytes[..place]), None, "{place}");
            }
        }
        for place in 0..bytes.len() {
            assert_eq!(Head::decode(&bytes[..place]), None, "{place}");
        }
    }
}
