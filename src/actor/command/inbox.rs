//! The messages that wait for an owner who has not read them yet.
//!
//! An owner may be slow, or never read at all, and must cost nobody anything but memory in proportion to the keys.
//! So news of a tuple waits at most once for each key: newer news takes the place of the older, in the order in
//! which the keys began to wait. Replies keep their place; a reply that repeats the one before it is only counted.
//! What an owner asked to hear beside that (who came, what was retracted) is limited by number.
//!
//! The place of a key's news is found through a hash table of sequence numbers: the keys themselves stay in the
//! messages, and a message that is taken from the front disturbs no other number. The hashes stay beside the
//! messages: to look for the keys in memory once more would cost as much as all the rest. A key that is heard of for
//! the first time can have no other news, so it gets its place in the table only when other news follows: what a node
//! that joins late is told, faster than its program reads, is mostly of this kind.

use std::collections::VecDeque;

use ahash::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::message::Message;
use crate::core::Tuple;

/// So many waiting messages are as if they were in a pipe already: a tuple's removal does not take back its news.
const SETTLED: usize = 1_000;

/// How many notices (everything that nobody asked to be told in answer to a command) may wait.
const MAX_NOTICES: usize = 100_000;

/// Memory that waiting replies may take.
const MAX_REPLY_BYTES: usize = 64 << 20;

/// Room that is not given back when messages were taken.
const KEEP_ROOM: usize = 4_096;

/// Waiting messages, oldest first.
pub struct Inbox {
    /// The front one is never empty.
    slots: VecDeque<Slot>,
    /// Sequence number of the front slot.
    first: u64,
    /// Where the news of each key waits.
    places: HashTable<u64>,
    /// News from this sequence number on is not in the table yet.
    indexed: u64,
    hasher: RandomState,
    /// Messages that wait, repetitions included.
    waiting: usize,
    /// Slots whose message was taken back.
    empty: usize,
    replies: usize,
    reply_bytes: usize,
    notices: usize,
    max_replies: usize,
}

/// What a node has for its owner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outgoing {
    /// DELIVER, RETRACT or EXPIRE.
    News(Message),
    /// DELIVER of a key of which there was no news before.
    First(Message),
    /// The tuple is gone, and the owner does not want to be told.
    Forget(Tuple),
    /// The answer to a command.
    Reply(Message),
    /// Anything else that the owner asked to hear.
    Notice(Message),
}

struct Slot {
    message: Option<Message>,
    kind: Kind,
    /// Of news: half of the hash of its key. Of a reply: how often it waits.
    number: u32,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    News,
    Reply,
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
            // Strangers choose the keys: they must not be able to choose the buckets.
            hasher: RandomState::with_seeds(
                fastrand::u64(..),
                fastrand::u64(..),
                fastrand::u64(..),
                fastrand::u64(..),
            ),
            waiting: 0,
            empty: 0,
            replies: 0,
            reply_bytes: 0,
            notices: 0,
            max_replies,
        }
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Whether a further reply should not be made before one was read.
    pub fn is_full_of_replies(&self) -> bool {
        self.replies >= self.max_replies || self.reply_bytes >= MAX_REPLY_BYTES
    }

    /// Add a message, or take one back. False when a message had to be dropped for want of room.
    pub fn push(&mut self, outgoing: Outgoing) -> bool {
        match outgoing {
            Outgoing::News(message) => return self.push_news(message),
            Outgoing::First(message) => self.push_first(message),
            Outgoing::Notice(message) => return self.push_notice(message),
            Outgoing::Reply(message) => self.push_reply(message),
            Outgoing::Forget(tuple) => self.forget(tuple.key()),
        }
        true
    }

    /// Add news of a tuple: DELIVER, RETRACT or EXPIRE. False when it had to be dropped for want of room, which
    /// happens to removals only.
    pub fn push_news(&mut self, message: Message) -> bool {
        let Some(tuple) = message.news() else {
            unreachable!("news is about a tuple");
        };
        let removal = !matches!(message, Message::Deliver(_));
        self.index();
        let Inbox { slots, first, places, hasher, .. } = self;
        let (first, number) = (*first, half(hasher.hash_one(tuple.key())));
        let room = !removal || self.notices < MAX_NOTICES;
        let is_it = |&place: &u64| key_at(slots, first, place) == tuple.key();
        let entry = match places.entry(spread(number), is_it, |&place| hash_at(slots, first, place)) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => {
                if room {
                    entry.insert(first + slots.len() as u64);
                    slots.push_back(Slot { message: Some(message), kind: Kind::News, number });
                    self.indexed = first + slots.len() as u64;
                    self.waiting += 1;
                    self.notices += usize::from(removal);
                }
                return room;
            }
        };
        let place = *entry.get();
        let slot = self.slot_mut(place);
        let was_removal = !matches!(slot.message, Some(Message::Deliver(_)));
        // In the place of the older news there is always room.
        slot.message = Some(message);
        self.notices = self.notices + usize::from(removal) - usize::from(was_removal);
        true
    }

    /// Add the first news that there ever was of a key: a DELIVER.
    pub fn push_first(&mut self, message: Message) {
        self.slots.push_back(Slot { message: Some(message), kind: Kind::News, number: 0 });
        self.waiting += 1;
    }

    /// Enter all news into the table.
    fn index(&mut self) {
        let Inbox { slots, first, places, indexed, hasher, .. } = self;
        let (from, end) = ((*indexed).max(*first), *first + slots.len() as u64);
        for place in from..end {
            let slot = &mut slots[(place - *first) as usize];
            if let Some(tuple) =
                slot.message.as_ref().filter(|_| slot.kind == Kind::News).and_then(Message::news)
            {
                slot.number = half(hasher.hash_one(tuple.key()));
                places.insert_unique(spread(slot.number), place, |&place| hash_at(slots, *first, place));
            }
        }
        *indexed = end;
    }

    /// The owner is not to hear of removals, and this key's tuple is gone: where many messages wait, its news need
    /// not wait any longer. (Otherwise keys that come and go would pile up for ever before an owner who never
    /// reads.)
    pub fn forget(&mut self, key: &[u8]) {
        if self.waiting <= SETTLED {
            return;
        }
        self.index();
        let hash = spread(half(self.hasher.hash_one(key)));
        let (slots, first) = (&self.slots, self.first);
        let found = self.places.find_entry(hash, |&place| key_at(slots, first, place) == key);
        let Ok(entry) = found else { return };
        let place = entry.remove().0;
        let slot = self.slot_mut(place);
        let removal = !matches!(slot.message, Some(Message::Deliver(_)));
        slot.message = None;
        self.notices -= usize::from(removal);
        self.waiting -= 1;
        self.empty += 1;
        self.trim();
        if self.empty > SETTLED && self.empty > self.slots.len() / 2 {
            self.compact();
        }
    }

    /// Add a reply, behind everything that waits.
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

    /// Add a notice that is not about a tuple. False when it had to be dropped for want of room.
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

    /// Take the message that has waited longest.
    pub fn pop(&mut self) -> Option<Message> {
        let slot = self.slots.front_mut()?;
        self.waiting -= 1;
        if slot.kind == Kind::Reply && slot.number > 1 {
            slot.number -= 1;
            return slot.message.clone();
        }
        if slot.kind == Kind::News && self.first < self.indexed {
            let first = self.first;
            if let Ok(entry) = self.places.find_entry(spread(slot.number), |&place| place == first) {
                entry.remove();
            }
        }
        let slot = self.slots.pop_front()?;
        self.first += 1;
        let message = slot.message?;
        match slot.kind {
            Kind::News => self.notices -= usize::from(!matches!(message, Message::Deliver(_))),
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

    /// Keep a message in the front slot, and give back what a long wait took.
    fn trim(&mut self) {
        while self.slots.front().is_some_and(|slot| slot.message.is_none()) {
            self.slots.pop_front();
            self.first += 1;
            self.empty -= 1;
        }
        let room = self.slots.capacity();
        if room > KEEP_ROOM && self.slots.len() <= room / 8 {
            self.slots.shrink_to(room / 4);
        }
        if self.slots.is_empty() && self.places.capacity() > KEEP_ROOM {
            self.places = HashTable::new();
        }
    }

    /// Close the gaps that messages left which were taken back.
    fn compact(&mut self) {
        self.slots.retain(|slot| slot.message.is_some());
        self.slots.shrink_to(KEEP_ROOM);
        self.empty = 0;
        self.places.clear();
        self.indexed = 0;
        self.index();
    }
}

/// The key of the news at `place`, which is in the table and so has one.
fn key_at(slots: &VecDeque<Slot>, first: u64, place: u64) -> &[u8] {
    let slot = &slots[(place - first) as usize];
    slot.message.as_ref().and_then(Message::news).map_or(&[], |tuple| tuple.key())
}

/// The hash of the key of the news at `place`.
fn hash_at(slots: &VecDeque<Slot>, first: u64, place: u64) -> u64 {
    spread(slots[(place - first) as usize].number)
}

/// What is kept of a key's hash.
fn half(hash: u64) -> u32 {
    hash as u32
}

/// A hash for the table, which looks at the lowest bits and at the highest.
fn spread(half: u32) -> u64 {
    u64::from(half) << 32 | u64::from(half)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn deliver(key: &str, value: &str) -> Message {
        Message::Deliver(Tuple::new(key.as_bytes(), value.as_bytes()))
    }

    fn retract(key: &str) -> Message {
        Message::Retract(Tuple::new(key.as_bytes(), b""))
    }

    fn status(count: usize) -> Message {
        Message::text(["STATUS", &count.to_string()])
    }

    fn drain(inbox: &mut Inbox) -> Vec<Message> {
        let messages: Vec<_> = std::iter::from_fn(|| inbox.pop()).collect();
        assert!(inbox.is_empty() && inbox.front().is_none() && inbox.places.is_empty());
        assert_eq!((inbox.empty, inbox.notices, inbox.replies, inbox.reply_bytes), (0, 0, 0, 0));
        messages
    }

    #[test]
    fn newer_news_takes_the_place_of_older() {
        let mut inbox = Inbox::new(10);
        inbox.push_news(deliver("a", "1"));
        inbox.push_reply(status(1));
        inbox.push_news(deliver("b", "1"));
        inbox.push_news(deliver("a", "2"));
        inbox.push_news(retract("b"));
        assert_eq!(inbox.len(), 3);
        assert_eq!(inbox.front(), Some(&deliver("a", "2")));
        assert_eq!(drain(&mut inbox), [deliver("a", "2"), status(1), retract("b")]);
    }

    #[test]
    fn news_that_was_taken_begins_to_wait_anew() {
        let mut inbox = Inbox::new(10);
        inbox.push_news(deliver("a", "1"));
        inbox.push_news(deliver("b", "1"));
        assert_eq!(inbox.pop(), Some(deliver("a", "1")));
        inbox.push_news(deliver("a", "2"));
        assert_eq!(drain(&mut inbox), [deliver("b", "1"), deliver("a", "2")]);
    }

    #[test]
    fn repeated_replies_take_no_room() {
        let mut inbox = Inbox::new(2);
        for _ in 0..100_000 {
            inbox.push_reply(status(7));
        }
        assert!(!inbox.is_full_of_replies());
        assert_eq!((inbox.len(), inbox.slots.len()), (100_000, 1));
        inbox.push_reply(status(8));
        assert!(inbox.is_full_of_replies());
        let messages = drain(&mut inbox);
        assert_eq!(messages.len(), 100_001);
        assert_eq!(messages[99_999..], [status(7), status(8)]);
    }

    #[test]
    fn large_replies_fill_the_inbox_by_their_bytes() {
        let mut inbox = Inbox::new(1_000);
        let value = vec![b'x'; 32 << 20];
        for number in 0..2 {
            assert!(!inbox.is_full_of_replies());
            inbox.push_reply(Message::Value(Tuple::new(&[number], &value)));
        }
        assert!(inbox.is_full_of_replies());
        inbox.pop();
        assert!(!inbox.is_full_of_replies());
        drain(&mut inbox);
    }

    #[test]
    fn notices_are_limited_and_news_is_not() {
        let mut inbox = Inbox::new(10);
        for _ in 0..MAX_NOTICES {
            assert!(inbox.push_notice(Message::text(["JOIN", "tcp://peer"])));
        }
        assert!(!inbox.push_notice(Message::text(["JOIN", "tcp://peer"])));
        assert!(!inbox.push_news(retract("a")));
        assert!(inbox.push_news(deliver("a", "1")));
        assert!(inbox.push_news(retract("a")), "in the place of the older news there is room");
        assert_eq!(inbox.len(), MAX_NOTICES + 1);
        assert_eq!(drain(&mut inbox).last(), Some(&retract("a")));
    }

    #[test]
    fn keys_that_come_and_go_do_not_pile_up() {
        let mut inbox = Inbox::new(10);
        for number in 0..50_000 {
            let key = number.to_string();
            inbox.push_news(deliver(&key, "1"));
            inbox.forget(key.as_bytes());
        }
        assert_eq!(inbox.len(), SETTLED);
        assert!(inbox.slots.len() <= 3 * SETTLED, "{} slots", inbox.slots.len());
        let messages = drain(&mut inbox);
        assert_eq!(messages[SETTLED - 1], deliver("999", "1"));
    }

    #[test]
    fn room_taken_by_a_long_wait_is_given_back() {
        let mut inbox = Inbox::new(10);
        for number in 0..20_000 {
            inbox.push_news(deliver(&number.to_string(), "1"));
        }
        while inbox.len() > 1000 {
            inbox.pop();
        }
        assert!(inbox.slots.capacity() <= 2 * KEEP_ROOM, "given back only at the end");
        drain(&mut inbox);
        assert!(inbox.slots.capacity() <= KEEP_ROOM && inbox.places.capacity() <= KEEP_ROOM);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Deliver(u8, u8),
        Retract(u8),
        Forget(u8),
        Reply(u8),
        Pop,
    }

    proptest! {
        /// Against the obvious implementation: a list that is searched.
        #[test]
        fn behaves_like_a_searched_list(steps in prop::collection::vec(prop_oneof![
            4 => (0..20u8, 0..3u8).prop_map(|(key, value)| Step::Deliver(key, value)),
            1 => (0..20u8).prop_map(Step::Retract),
            1 => (0..20u8).prop_map(Step::Forget),
            1 => (0..3u8).prop_map(Step::Reply),
            3 => Just(Step::Pop),
        ], 0..400), ballast in prop::sample::select(vec![0usize, 2_500])) {
            let mut inbox = Inbox::new(1_000);
            let mut list: Vec<Message> = Vec::new();
            let mut heard = HashSet::new();
            for number in 0..ballast {
                list.push(deliver(&format!("ballast {number}"), ""));
                inbox.push_first(list[number].clone());
            }
            for step in steps {
                match step {
                    Step::Deliver(..) | Step::Retract(_) => {
                        let (key, news) = match step {
                            Step::Deliver(key, value) => (key, deliver(&key.to_string(), &value.to_string())),
                            Step::Retract(key) => (key, retract(&key.to_string())),
                            _ => unreachable!(),
                        };
                        let key = key.to_string();
                        let first = heard.insert(key.clone()) && matches!(step, Step::Deliver(..));
                        let held = list.iter_mut().find(|m| m.news().is_some_and(|t| t.key() == key.as_bytes()));
                        match held {
                            Some(held) => *held = news.clone(),
                            None => list.push(news.clone()),
                        }
                        if first { inbox.push_first(news) } else { prop_assert!(inbox.push_news(news)) }
                    }
                    Step::Forget(key) => {
                        let key = key.to_string();
                        if list.len() > SETTLED {
                            list.retain(|m| m.news().is_none_or(|t| t.key() != key.as_bytes()));
                        }
                        inbox.forget(key.as_bytes());
                    }
                    Step::Reply(number) => {
                        list.push(status(number.into()));
                        inbox.push_reply(status(number.into()));
                    }
                    Step::Pop => {
                        let taken = inbox.pop();
                        prop_assert_eq!(&taken, &(!list.is_empty()).then(|| list.remove(0)));
                    }
                }
                prop_assert_eq!(inbox.len(), list.len());
                prop_assert_eq!(inbox.front(), list.first());
            }
            let keys: HashSet<_> = list.iter().filter_map(|m| m.news().map(|t| t.key().to_vec())).collect();
            inbox.index();
            prop_assert_eq!(keys.len(), inbox.places.len());
            prop_assert_eq!(drain(&mut inbox), list);
        }
    }
}
