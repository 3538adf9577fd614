//! A table of what is known of a plain peer's copy of each key.

use crate::core::id::Slot;
use std::fmt;

/// Our value of the key is awaited from the peer; until then what it holds may be older.
pub(super) const AWAITED: u16 = 1;
/// A check of the key is scheduled.
pub(super) const SCHEDULED: u16 = 2;
/// Our value of the key was sent to the peer.
pub(super) const SENT: u16 = 4;
/// `received` is from an earlier connection.
pub(super) const FORMER: u16 = 8;
/// `received` is set: the peer has sent a value of the key.
pub(super) const RECEIVED: u16 = 16;
/// The peer sent a value that was rejected, and was sent nothing since.
pub(super) const REJECTED: u16 = 32;
/// The peer has sent a value since ours was sent to it.
pub(super) const ANSWERED: u16 = 64;
/// The peer has named the key since the last HELLO.
pub(super) const NAMED: u16 = 128;
/// The peer has repeated the last value that it was sent.
pub(super) const ECHOED: u16 = 256;
/// The peer sent `received` before its HELLO.
pub(super) const QUEUED: u16 = 512;

/// State of the peer's copy of one key, in 40 bytes. Times are the lower 32 bits of milliseconds: they lie in
/// the past, and less than 49 days ago.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub(super) struct Key {
    /// Hash of the last value that the peer sent.
    pub(super) received: u64,
    /// Hash of the last value that was sent to the peer, 0 for none; and when.
    pub(super) sent: u64,
    pub(super) sent_at: u32,
    /// Time (lower 32 bits of ms) at which the wait for our value began, which a check ends.
    pub(super) waiting_since: u32,
    /// While the key is awaited: since when what the peer holds may be older than ours.
    pub(super) outdated_since: u32,
    /// Number of times that our value was sent again because of a check.
    pub(super) tries: u8,
    flags: u16,
}

/// Milliseconds from a time, of which the lower 32 bits are known, to `now`.
pub(super) fn ago(time: u32, now: u64) -> u64 {
    u64::from((now as u32).wrapping_sub(time))
}

impl Key {
    pub(super) fn is(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn set(&mut self, flag: u16, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }

    /// Forgets all but the flags of `kept`.
    pub(super) fn reset(&mut self, kept: u16) {
        *self = Key { flags: self.flags & kept, ..Key::default() };
    }

    /// Notes that the peer has a new connection. It may have lost what it was sent; what it sent itself is remembered
    /// as from an earlier connection.
    pub(super) fn on_reconnect(&mut self) {
        self.on_another_hello();
        self.sent = 0;
        self.set(ECHOED, false);
    }

    /// Notes that the peer has a new session, perhaps on the same connection: what it was sent may still reach it.
    pub(super) fn on_another_hello(&mut self) {
        self.flags = (self.flags & (RECEIVED | ECHOED)) | FORMER;
    }

    /// Hash of the last value that the peer sent on this connection.
    pub(super) fn last_received(&self) -> Option<u64> {
        (self.is(RECEIVED) && !self.is(FORMER)).then_some(self.received)
    }

    /// `outdated_since` with its upper bits.
    pub(super) fn outdated_since(&self, now: u64) -> u64 {
        now.saturating_sub(ago(self.outdated_since, now))
    }
}

/// Keys of one page.
const PAGE: usize = 256;

/// States of all keys by slot, in pages, so that a peer that named few keys costs little, however many
/// there are.
#[derive(Clone, Default)]
pub(super) struct Keys {
    pages: Vec<Option<Box<[Key; PAGE]>>>,
    /// Number of pages that are there.
    used: usize,
}

impl fmt::Debug for Keys {
    /// Shows the keys of which something is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = self.pages.iter().enumerate().filter_map(|(number, page)| Some((number, page.as_ref()?)));
        let keys = pages.flat_map(|(number, page)| (PAGE * number..).zip(page.iter()));
        f.debug_map().entries(keys.filter(|(_, key)| **key != Key::default())).finish()
    }
}

impl Keys {
    pub(super) fn get(&self, slot: Slot) -> Option<&Key> {
        let slot = slot as usize;
        self.pages.get(slot / PAGE)?.as_ref().map(|page| &page[slot % PAGE])
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Key> {
        let slot = slot as usize;
        self.pages.get_mut(slot / PAGE)?.as_mut().map(|page| &mut page[slot % PAGE])
    }

    /// The key's entry, made if the key has none.
    pub(super) fn entry(&mut self, slot: Slot) -> &mut Key {
        let slot = slot as usize;
        if self.pages.len() <= slot / PAGE {
            self.pages.resize_with(slot / PAGE + 1, || None);
        }
        let Keys { pages, used } = self;
        let page = pages[slot / PAGE].get_or_insert_with(|| {
            *used += 1;
            Box::new([Key::default(); PAGE])
        });
        &mut page[slot % PAGE]
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Key> {
        self.pages.iter_mut().flatten().flat_map(|page| page.iter_mut())
    }

    /// Bytes of the table.
    pub(super) fn bytes(&self) -> usize {
        self.used * PAGE * size_of::<Key>() + self.pages.len() * size_of::<usize>()
    }
}
