//! Frames of the wire, as doc/PROTOCOL.md has them, with whatever an attacker wants in their fields.
//!
//! They are written without the product's codec: what that refuses to write can be sent, too.

use std::time::{SystemTime, UNIX_EPOCH};

pub use crate::net::{HELLO, INVALID, PING, PONG, publish};

/// The capability of an extended peer that understands OFFER.
pub const OFFERS: u32 = 1;

/// Milliseconds since 1970.
pub fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis() as u64
}

/// The time of a stamp: milliseconds since 1970, and the counter in the lower 16 bits.
pub fn hybrid(millis: u64) -> u64 {
    millis << 16
}

/// The id of a node, made from any number.
pub fn node_id(number: u64) -> u64 {
    number | 1 << 63
}

/// A message of any id with any body.
pub fn message(id: u8, body: &[u8]) -> Vec<u8> {
    [&[0xAA, 0xA0, id, 1], body].concat()
}

/// Fields of an extension block, in the order in which they are added.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<u8>);

impl Fields {
    pub fn new() -> Fields {
        Fields::default()
    }

    /// A field of any type and content.
    #[must_use]
    pub fn raw(mut self, kind: u8, content: &[u8]) -> Fields {
        self.0.extend([kind, content.len() as u8]);
        self.0.extend(content);
        self
    }

    #[must_use]
    pub fn node(self, id: u64) -> Fields {
        self.raw(1, &id.to_be_bytes())
    }

    #[must_use]
    pub fn capabilities(self, bits: u32) -> Fields {
        self.raw(2, &bits.to_be_bytes())
    }

    /// The sender's hybrid logical clock.
    #[must_use]
    pub fn clock(self, time: u64) -> Fields {
        self.raw(3, &time.to_be_bytes())
    }

    #[must_use]
    pub fn summary(self, root: u64, count: u64) -> Fields {
        self.raw(4, &[root.to_be_bytes(), count.to_be_bytes()].concat())
    }

    #[must_use]
    pub fn stamp(self, time: u64, origin: u64) -> Fields {
        self.raw(5, &[time.to_be_bytes(), origin.to_be_bytes()].concat())
    }

    #[must_use]
    pub fn question(self, number: u64) -> Fields {
        self.raw(6, &number.to_be_bytes())
    }

    #[must_use]
    pub fn answer(self, question: u64, awaited: u32) -> Fields {
        self.raw(7, &[&question.to_be_bytes()[..], &awaited.to_be_bytes()].concat())
    }

    /// The sender's wall clock, milliseconds since 1970.
    #[must_use]
    pub fn wall(self, millis: u64) -> Fields {
        self.raw(8, &millis.to_be_bytes())
    }

    #[must_use]
    pub fn owed(self, tuples: u32) -> Fields {
        self.raw(9, &tuples.to_be_bytes())
    }

    #[must_use]
    pub fn name(self, name: &[u8]) -> Fields {
        self.raw(11, name)
    }

    /// The block as it stands in a message.
    pub fn block(&self) -> Vec<u8> {
        [b"ZG", &(self.0.len() as u16).to_be_bytes()[..], &self.0].concat()
    }
}

/// What an honest node of this version says of itself: id, capabilities and clocks.
pub fn introduction(id: u64) -> Fields {
    let now = wall();
    Fields::new().node(id).capabilities(OFFERS).clock(hybrid(now)).wall(now)
}

pub fn hello(fields: &Fields) -> Vec<u8> {
    message(1, &fields.block())
}

pub fn pong(fields: &Fields) -> Vec<u8> {
    message(4, &fields.block())
}

pub fn heartbeat(fields: &Fields) -> Vec<u8> {
    message(17, &fields.block())
}

/// PUBLISH with a stamp.
pub fn stamped(key: &[u8], value: &[u8], time: u64, origin: u64) -> Vec<u8> {
    [publish(key, value), Fields::new().stamp(time, origin).block()].concat()
}

/// A record of a BATCH.
#[derive(Copy, Clone, Debug)]
pub struct Record<'a> {
    pub key: &'a [u8],
    /// `None` for a tombstone.
    pub value: Option<&'a [u8]>,
    pub time: u64,
    pub origin: u64,
    /// Milliseconds, 0 for ever.
    pub ttl: u32,
}

pub fn batch(records: &[Record<'_>]) -> Vec<u8> {
    let mut frame = message(16, &[]);
    for record in records {
        frame.push(u8::from(record.value.is_none()) | if record.ttl > 0 { 2 } else { 0 });
        frame.push(record.key.len() as u8);
        frame.extend(record.key);
        frame.extend(record.time.to_be_bytes());
        frame.extend(record.origin.to_be_bytes());
        if record.ttl > 0 {
            frame.extend(record.ttl.to_be_bytes());
        }
        match record.value {
            Some(value) => {
                frame.extend((value.len() as u32).to_be_bytes());
                frame.extend(value);
            }
            None => frame.extend([0; 8]),
        }
    }
    frame
}

/// A key's hash and stamp, as ENTRIES, ANNOUNCE and OFFER list them.
#[derive(Copy, Clone, Debug, Default)]
pub struct Entry {
    pub hash: u64,
    pub time: u64,
    pub origin: u64,
}

fn put_entries(frame: &mut Vec<u8>, entries: &[Entry]) {
    for entry in entries {
        for number in [entry.hash, entry.time, entry.origin] {
            frame.extend(number.to_be_bytes());
        }
    }
}

fn entry_list(id: u8, entries: &[Entry]) -> Vec<u8> {
    let mut frame = message(id, &[]);
    put_entries(&mut frame, entries);
    frame
}

fn numbers(id: u8, numbers: &[u64]) -> Vec<u8> {
    let mut frame = message(id, &[]);
    numbers.iter().for_each(|number| frame.extend(number.to_be_bytes()));
    frame
}

/// DIGEST of subtrees: depth, bits, and the hashes of the children.
pub fn digest(subtrees: &[(u8, u64, [u64; 16])]) -> Vec<u8> {
    let mut frame = message(18, &[]);
    for (depth, bits, sums) in subtrees {
        frame.push(*depth);
        frame.extend(bits.to_be_bytes());
        sums.iter().for_each(|sum| frame.extend(sum.to_be_bytes()));
    }
    frame
}

/// ENTRIES of subtrees: depth, bits, and all that the sender claims to hold there.
pub fn entries(lists: &[(u8, u64, &[Entry])]) -> Vec<u8> {
    let mut frame = message(19, &[]);
    for (depth, bits, entries) in lists {
        frame.push(*depth);
        frame.extend(bits.to_be_bytes());
        frame.extend((entries.len() as u32).to_be_bytes());
        put_entries(&mut frame, entries);
    }
    frame
}

pub fn request(hashes: &[u64]) -> Vec<u8> {
    numbers(20, hashes)
}

pub fn announce(entries: &[Entry]) -> Vec<u8> {
    entry_list(21, entries)
}

pub fn prune(origins: &[u64]) -> Vec<u8> {
    numbers(22, origins)
}

pub fn graft(origins: &[u64]) -> Vec<u8> {
    numbers(23, origins)
}

pub fn offer(entries: &[Entry]) -> Vec<u8> {
    entry_list(24, entries)
}
