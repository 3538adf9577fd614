//! The messages that wait for an owner who has not read them yet.
//!
//! An owner may be slow, or never read at all; that costs memory in proportion to the keys, and nothing else. So of the
//! events about tuples at most one waits for each key: a newer one takes the place of the older, in the order in which
//! the keys began to wait. Replies keep their place; a reply that repeats the one before it is only counted. All other
//! events are limited by number.
//!
//! A hash table of sequence numbers tells where the event of a key waits: the keys themselves stay in the messages, and
//! a message that is taken from the front changes no other number. The hashes stay beside the messages, because a
//! second look for the keys in memory costs as much as all the rest. A key of which the owner has received no event can
//! have no other event waiting, so its event enters the table only when another one follows: what a node that joins
//! late delivers, faster than its program reads, is mostly of this kind.

use std::collections::VecDeque;

use ahash::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::message::Message;
use super::outgoing::Outgoing;
use crate::core::Tuple;
use crate::engine::entropy;

/// The number of waiting messages up to which a removed tuple's event stays: CZMQ's pipe holds 1000 messages, and takes
/// none of them back.
const PIPE_DEPTH: usize = 1_000;

/// Number of events beside DELIVER that may wait: far more than a program that reads leaves waiting, in some
/// megabytes.
const MAX_NOTICES: usize = 100_000;

/// The memory, in bytes, that the values of removed tuples may take while the events of their removal wait. Values that
/// are held cost nothing here: they are shared with the store.
const MAX_REMOVED_BYTES: usize = 64 << 20;

/// Bytes of a removed tuple from which on its event is withdrawn however few messages wait.
const LARGE: usize = 64 << 10;

/// The memory that waiting replies may take, in bytes, before no further one is made.
const MAX_REPLY_BYTES: usize = 64 << 20;

/// The number of slots whose memory is kept when messages were taken, some 100 KiB.
const KEPT_SLOTS: usize = 4_096;

/// Waiting messages, oldest first.
pub struct Inbox {
    /// The messages; the front slot is never empty.
    slots: VecDeque<Slot>,
    /// The sequence number of the front slot.
    first: u64,
    /// The sequence number of each key's event.
    places: HashTable<u64>,
    /// The sequence number from which on events are not in the table yet.
    indexed: u64,
    hasher: RandomState,
    /// The number of messages that wait, repetitions included.
    waiting: usize,
    /// The number of slots whose message was withdrawn.
    empty: usize,
    /// The number of different replies that wait.
    replies: usize,
    /// The weight of all waiting replies, in bytes.
    reply_bytes: usize,
    /// The number of events that wait and are not DELIVER.
    notices: usize,
    /// The bytes of the tuples of those that are removals.
    removed_bytes: usize,
    /// Number of different replies that may wait.
    max_replies: usize,
}

struct Slot {
    /// The message, unless it was withdrawn.
    message: Option<Message>,
    kind: Kind,
    /// Half of the hash of the key, for an event of a tuple; for a reply, how often it waits.
    number: u32,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    /// An event about a tuple.
    TupleEvent,
    /// The reply to a command.
    Reply,
    /// An event that is not about a tuple.
    Notice,
}

impl Inbox {
    /// An empty inbox that has room for `max_replies` different replies.
    pub fn new(max_replies: usize) -> Inbox {
        Inbox {
            slots: VecDeque::new(),
            first: 0,
            places: HashTable::new(),
            indexed: 0,
            // Keys come from peers, which must not be able to choose the buckets.
            hasher: entropy::hasher(),
            waiting: 0,
            empty: 0,
            replies: 0,
            reply_bytes: 0,
            notices: 0,
            removed_bytes: 0,
            max_replies,
        }
    }

    /// The number of messages that wait.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Returns whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Returns whether no further reply should be made before one was read.
    pub fn is_full_of_replies(&self) -> bool {
        self.replies >= self.max_replies || self.reply_bytes >= MAX_REPLY_BYTES
    }

    /// Adds a message, or withdraws one. Returns false if the message was dropped for want of room.
    pub fn push(&mut self, outgoing: Outgoing) -> bool {
        match outgoing {
            Outgoing::TupleEvent(message) => return self.push_event(message),
            Outgoing::FirstDeliver(message) => self.push_first(message),
            Outgoing::Notice(message) => return self.push_notice(message),
            Outgoing::Reply(message) => self.push_reply(message),
            Outgoing::Forget(tuple) => self.forget(&tuple),
        }
        true
    }

    /// Adds DELIVER, RETRACT or EXPIRE. Returns false if it was dropped for want of room, which happens to removals
    /// only.
    pub fn push_event(&mut self, mut message: Message) -> bool {
        let Some(tuple) = message.event_tuple() else {
            unreachable!("the event is about a tuple");
        };
        let removal = message.is_removal();
        self.index();
        let Inbox { slots, first, places, hasher, .. } = self;
        let (first, number) = (*first, half(hasher.hash_one(tuple.key())));
        let mut bytes = removed_bytes(&message);
        let mut fits = self.removed_bytes + bytes <= MAX_REMOVED_BYTES;
        if let Message::Changed(changed) = &mut message
            && !fits
        {
            changed.forget_before();
            bytes = changed.bytes_of_removed();
            fits = self.removed_bytes + bytes <= MAX_REMOVED_BYTES;
        }
        let tuple = message.event_tuple().expect("the event is about a tuple");
        let room = !removal || (self.notices < MAX_NOTICES && fits);
        let is_it = |&place: &u64| key_at(slots, first, place) == tuple.key();
        let entry = match places.entry(spread(number), is_it, |&place| hash_at(slots, first, place)) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => {
                if room {
                    entry.insert(first + slots.len() as u64);
                    slots.push_back(Slot { message: Some(message), kind: Kind::TupleEvent, number });
                    self.indexed = first + slots.len() as u64;
                    self.waiting += 1;
                    self.notices += usize::from(removal);
                    self.removed_bytes += bytes;
                }
                return room;
            }
        };
        let place = *entry.get();
        let slot = self.slot_mut(place);
        let was_removal = slot.message.as_ref().is_some_and(Message::is_removal);
        if let (Message::Changed(changed), Some(Message::Changed(unread))) = (&mut message, &slot.message) {
            changed.follow(unread);
            bytes = changed.bytes_of_removed();
        }
        // In the place of an older event there is always room.
        let former = slot.message.replace(message).as_ref().map_or(0, removed_bytes);
        self.notices = self.notices + usize::from(removal) - usize::from(was_removal);
        self.removed_bytes = self.removed_bytes + bytes - former;
        true
    }

    /// Adds the DELIVER of a key of which there was no event before.
    pub fn push_first(&mut self, message: Message) {
        self.slots.push_back(Slot { message: Some(message), kind: Kind::TupleEvent, number: 0 });
        self.waiting += 1;
    }

    /// Enters all events of tuples into the table.
    fn index(&mut self) {
        let Inbox { slots, first, places, indexed, hasher, .. } = self;
        let (from, end) = ((*indexed).max(*first), *first + slots.len() as u64);
        for place in from..end {
            let slot = &mut slots[(place - *first) as usize];
            if let Some(tuple) =
                slot.message.as_ref().filter(|_| slot.kind == Kind::TupleEvent).and_then(Message::event_tuple)
            {
                slot.number = half(hasher.hash_one(tuple.key()));
                places.insert_unique(spread(slot.number), place, |&place| hash_at(slots, *first, place));
            }
        }
        *indexed = end;
    }

    /// Withdraws the event of a key whose tuple is gone, for an owner who does not want to hear of removals. Otherwise
    /// keys that come and go would pile up without end before an owner who never reads. While few messages wait, the
    /// event stays, unless its value is large.
    pub fn forget(&mut self, tuple: &Tuple) {
        let key = tuple.key();
        if self.waiting <= PIPE_DEPTH && tuple.value().len() < LARGE {
            return;
        }
        self.index();
        let hash = spread(half(self.hasher.hash_one(key)));
        let (slots, first) = (&self.slots, self.first);
        let found = self.places.find_entry(hash, |&place| key_at(slots, first, place) == key);
        let Ok(entry) = found else { return };
        let place = entry.remove().0;
        let slot = self.slot_mut(place);
        let removal = slot.message.as_ref().is_some_and(Message::is_removal);
        let former = slot.message.take().as_ref().map_or(0, removed_bytes);
        self.removed_bytes -= former;
        self.notices -= usize::from(removal);
        self.waiting -= 1;
        self.empty += 1;
        self.trim();
        if self.empty > PIPE_DEPTH && self.empty > self.slots.len() / 2 {
            self.compact();
        }
    }

    /// Adds a reply.
    pub fn push_reply(&mut self, message: Message) {
        self.waiting += 1;
        if let Some(last) = self.slots.back_mut()
            && last.kind == Kind::Reply
            && last.number < u32::MAX
            && matches!((&last.message, &message), (Some(Message::Text(last)), Message::Text(new)) if last == new)
        {
            last.number += 1;
            return;
        }
        self.replies += 1;
        self.reply_bytes += message.weight();
        self.slots.push_back(Slot { message: Some(message), kind: Kind::Reply, number: 1 });
    }

    /// Adds an event that is not about a tuple. Returns false if it was dropped for want of room.
    pub fn push_notice(&mut self, message: Message) -> bool {
        if self.notices >= MAX_NOTICES {
            return false;
        }
        self.notices += 1;
        self.waiting += 1;
        self.slots.push_back(Slot { message: Some(message), kind: Kind::Notice, number: 1 });
        true
    }

    /// The message that has waited longest.
    pub fn front(&self) -> Option<&Message> {
        self.slots.front().and_then(|slot| slot.message.as_ref())
    }

    /// Takes the message that has waited longest.
    pub fn pop(&mut self) -> Option<Message> {
        let slot = self.slots.front_mut()?;
        self.waiting -= 1;
        if slot.kind == Kind::Reply && slot.number > 1 {
            slot.number -= 1;
            return slot.message.clone();
        }
        if slot.kind == Kind::TupleEvent && self.first < self.indexed {
            let first = self.first;
            if let Ok(entry) = self.places.find_entry(spread(slot.number), |&place| place == first) {
                entry.remove();
            }
        }
        let slot = self.slots.pop_front()?;
        self.first += 1;
        let message = slot.message?;
        match slot.kind {
            Kind::TupleEvent => {
                self.notices -= usize::from(message.is_removal());
                self.removed_bytes -= removed_bytes(&message);
            }
            Kind::Notice => self.notices -= 1,
            Kind::Reply => {
                self.replies -= 1;
                self.reply_bytes -= message.weight();
            }
        }
        self.trim();
        Some(message)
    }

    fn slot_mut(&mut self, place: u64) -> &mut Slot {
        let index = (place - self.first) as usize;
        &mut self.slots[index]
    }

    /// Drops empty slots at the front, and gives memory back that many messages took.
    fn trim(&mut self) {
        while self.slots.front().is_some_and(|slot| slot.message.is_none()) {
            self.slots.pop_front();
            self.first += 1;
            self.empty -= 1;
        }
        let room = self.slots.capacity();
        if room > KEPT_SLOTS && self.slots.len() <= room / 8 {
            self.slots.shrink_to(room / 4);
        }
        if self.slots.is_empty() && self.places.capacity() > KEPT_SLOTS {
            self.places = HashTable::new();
        }
    }

    /// Removes the slots of withdrawn messages.
    fn compact(&mut self) {
        self.slots.retain(|slot| slot.message.is_some());
        self.slots.shrink_to(KEPT_SLOTS);
        self.empty = 0;
        self.places.clear();
        self.indexed = 0;
        self.index();
    }
}

/// Bytes that an event keeps of tuples that are held no more.
fn removed_bytes(message: &Message) -> usize {
    match message {
        Message::Deliver(_) => 0,
        Message::Changed(changed) => changed.bytes_of_removed(),
        _ => message.event_tuple().map_or(0, |tuple| tuple.key().len() + tuple.value().len()),
    }
}

/// The key of the event at `place`, which is in the table and so has one.
fn key_at(slots: &VecDeque<Slot>, first: u64, place: u64) -> &[u8] {
    let slot = &slots[(place - first) as usize];
    slot.message.as_ref().and_then(Message::event_tuple).map_or(&[], |tuple| tuple.key())
}

/// The hash of the key of the event at `place`.
fn hash_at(slots: &VecDeque<Slot>, first: u64, place: u64) -> u64 {
    spread(slots[(place - first) as usize].number)
}

/// The half of a key's hash that is kept.
fn half(hash: u64) -> u32 {
    hash as u32
}

/// A hash for the table, which uses the lowest bits and the highest, made of the half that is kept.
fn spread(half: u32) -> u64 {
    u64::from(half) << 32 | u64::from(half)
}

#[cfg(test)]
mod tests;
