//! Anti-entropy: two extended peers find what differs and exchange only that.
//!
//! No state is kept between messages. A DIGEST gives the sums of the 16 parts of a part of the key
//! space; the receiver answers for each part whose sum differs with a DIGEST of that part, or, where
//! it is small, with ENTRIES: all keys, by their hashes, and stamps in it. The receiver of ENTRIES
//! REQUESTs what it lacks or holds older, and OFFERs what it holds and the sender lacks. Tuples go to
//! those who ask for them: only they know what they have room for, believe, or are being sent already.
//! A message that is lost, or dropped because a peer does not read, costs no more than the time until the
//! next heartbeat.
//!
//! Peers before 1.1 know no OFFER; what they lack they are sent. A node that holds next to nothing says so
//! with ENTRIES of everything, and is sent all.

use super::Node;
use super::requests::Asked;
use crate::core::clock::{Now, Stamp};
use crate::core::codec::lists::{
    FANOUT, add_digest, add_entries, add_entry, digest_frame, entries_frame, offer_frame, request_frame,
};
use crate::core::codec::{Digests, Entries, Entry, EntryList, Hashes, Prefix, Summary};
use crate::core::frame::Frame;
use crate::core::id::{LinkId, Role, Slot};
use crate::core::link::{Comparison, Link};
use crate::core::store::{State, Store};
use std::collections::HashMap;

/// A part with about as many tuples as this is listed rather than divided.
const SMALL: usize = 8;
/// The same for the whole.
const SMALL_WHOLE: usize = 16;
/// Keys of one leaf of the digest, roughly, which are looked at to find one of them.
const FEW: usize = 32;
/// Frames of lists are begun anew beyond this size.
const FULL: usize = 32 << 10;
/// Milliseconds before a comparison that led to nothing is repeated; doubles …
const FUTILE: u64 = 3000;
/// … so often.
const MOST_FUTILE: u32 = 2;
/// The same after some comparisons in a row in which neither side had changed: what differs cannot be had, such as a newer
/// value that one side has refused and that ended with its writer. They go on, because part of an
/// answer may have been dropped.
const LASTING: u64 = 300_000;
/// Comparisons of the same roots before the difference counts as lasting.
const MOST_OF_SAME: u32 = 3;
/// A comparison takes some round trips; none is begun so soon (ms) after another.
const AGAIN: u64 = 500;
/// What is on its way is waited for, and no comparison begun, as long as something came within this time (ms).
const STALLED: u64 = 5000;
/// Refused for its stamp within this time (ms): likely to be refused again.
const RECENT: u64 = 60_000;
/// How often a comparison is put off, in a row, because there is something to send that changed just now: a
/// link may never be idle.
const MOST_PUT_OFF: u32 = 3;
/// Of a peer that holds so many tuples more than we do, all are asked for at once …
const MANY: u64 = 1000;
/// … and of no other peer, unless nothing has come for this time (ms).
const SOLE: u64 = 1000;

/// Collects parts into frames of a good size.
struct Frames {
    begin: fn() -> Vec<u8>,
    open: Option<Vec<u8>>,
    done: Vec<Frame>,
    bytes: usize,
}

impl Frames {
    fn new(begin: fn() -> Vec<u8>) -> Frames {
        Frames { begin, open: None, done: Vec::new(), bytes: 0 }
    }

    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let frame = self.open.get_or_insert_with(self.begin);
        let before = frame.len();
        write(frame);
        self.bytes += frame.len() - before;
        if frame.len() >= FULL {
            self.done.extend(self.open.take().map(Frame::new));
        }
    }

    fn finish(mut self) -> Vec<Frame> {
        self.done.extend(self.open.take().map(Frame::new));
        self.done
    }
}

impl Node {
    /// Client: a heartbeat has told what the peer's tuples sum up to. Whether it is time to compare.
    pub(super) fn may_compare(&mut self, id: LinkId, now: Now) -> bool {
        let awaited = self.awaits_from(id, now);
        let end = self.store.changes.end();
        let Some(link) = self.links.get_mut(&id) else { return false };
        // What is on its way would be found to be missing, and sent twice.
        let under_way = awaited || link.owed_by_peer > 0 || !link.bulk.is_settled();
        if under_way && now.mono < link.progress_at + STALLED {
            return false;
        }
        if link.cursor < end || !link.outbox.is_empty() {
            link.comparison.put_off += 1;
            if link.comparison.put_off <= MOST_PUT_OFF {
                return false;
            }
        }
        link.comparison.put_off = 0;
        true
    }

    /// Client: starts a comparison if the peer's tuples sum up to something else than ours.
    pub(super) fn compare(&mut self, id: LinkId, theirs: Summary, now: Now) {
        let ours = self.summary();
        let held = self.store.digest().count();
        let sole = self.sole_source(id, now);
        let refuses = self.drift_refused_at.is_some_and(|at| now.mono < at + RECENT);
        let Some(link) = self.links.get_mut(&id) else { return };
        if ours.root == theirs.root {
            link.comparison = Comparison::default();
            self.close_gap(id);
            self.tree.on_equal_digests(id, now);
            self.send_tree_messages();
            return;
        }
        let last = &mut link.comparison;
        let roots = (ours.root, theirs.root);
        if now.mono < last.again_at || last.roots == roots && now.mono < last.same_again_at {
            return;
        }
        // Small, and not for what was refused: whoever lists all that it holds is sent everything.
        let lists_all = held <= SMALL_WHOLE && !refuses;
        if lists_all && theirs.count > MANY && !sole {
            return;
        }
        last.futile = if last.begun && !last.useful { (last.futile + 1).min(MOST_FUTILE) } else { 0 };
        last.again_at = now.mono + if last.futile > 0 { FUTILE << last.futile } else { AGAIN };
        last.of_same_roots = match last.answered && last.roots == roots {
            true => last.of_same_roots + 1,
            false => 1,
        };
        last.roots = roots;
        // What is refused for its stamp is believed later, though nothing changes.
        let lasts = last.futile > 0 && last.of_same_roots >= MOST_OF_SAME && !refuses;
        last.same_again_at = if lasts { now.mono + LASTING } else { 0 };
        (last.begun, last.useful, last.answered) = (true, false, false);
        let frame = if lists_all {
            link.progress_at = now.mono;
            self.source = Some(id).filter(|_| theirs.count > MANY).or(self.source);
            let mut frame = entries_frame();
            add_entries(&mut frame, Prefix::ALL, &entries(&self.store, Prefix::ALL));
            frame
        } else {
            let mut frame = digest_frame();
            add_digest(&mut frame, Prefix::ALL, &self.store.digest().children(Prefix::ALL));
            frame
        };
        self.close_gap(id);
        self.queue_control(id, Frame::new(frame));
    }

    /// A comparison begins, which will find what either side lacks; or neither does. An answer to come is to a
    /// question that was asked before.
    pub(super) fn close_gap(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id)
            && std::mem::take(&mut link.gap)
        {
            link.acks.overtake();
            self.mark_ready(id);
        }
    }

    /// The peer takes part in a comparison: what it leads to is not lost on the way.
    fn on_comparison_answer(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.comparison.answered = true;
        }
    }

    /// Something that a comparison found, or that the peer has told of, is left as it is: only the next comparison
    /// makes up for it.
    pub(super) fn leave_gap(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.gap = link.is_extended();
        }
    }

    /// Whether no other peer is sending us all that it has.
    fn sole_source(&self, id: LinkId, now: Now) -> bool {
        let other = self.source.filter(|&source| source != id).and_then(|source| self.links.get(&source));
        other.is_none_or(|link| !link.up || now.mono >= link.progress_at + SOLE)
    }

    /// There is reason to believe that comparisons that led to nothing would lead to something now.
    pub(super) fn compare_anew(&mut self) {
        self.drift_refused_at = None;
        self.links.values_mut().for_each(|link| link.comparison = Comparison::default());
    }

    pub(super) fn hear_digest(&mut self, id: LinkId, parts: Digests<'_>, now: Now) {
        self.on_comparison_answer(id);
        if self.asks_for_all(id, now) {
            return;
        }
        if parts.iter().any(|(prefix, _)| prefix == Prefix::ALL) {
            self.close_gap(id);
            self.links.get_mut(&id).into_iter().for_each(Link::end_first_comparison);
        }
        let (mut deeper, mut lists) = (Frames::new(digest_frame), Frames::new(entries_frame));
        // What there is no room to answer for is not always the same.
        let first = self.random.usize(0..FANOUT);
        let (store, digest) = (&self.store, self.store.digest());
        let Some(link) = self.links.get_mut(&id) else { return };
        let list = |lists: &mut Frames, part| {
            let entries = entries(store, part);
            lists.add(|frame| add_entries(frame, part, &entries));
            entries.len()
        };
        for (prefix, theirs) in parts.iter() {
            let unheard = deeper.bytes + lists.bytes >= link.outbox.room();
            if unheard || link.budget.remaining(store.len(), now.mono) == 0 {
                link.gap = true;
                break;
            }
            link.budget.charge(digest.cost(prefix));
            if digest.is_leaf(prefix) {
                link.budget.charge(list(&mut lists, prefix));
                continue;
            }
            let ours = digest.children(prefix);
            for index in (first..FANOUT).chain(0..first) {
                let part = prefix.child(index);
                if ours[index] == theirs[index] {
                    continue;
                }
                if digest.is_leaf(part) || digest.estimate(part) <= SMALL {
                    link.budget.charge(list(&mut lists, part));
                } else {
                    deeper.add(|frame| add_digest(frame, part, &digest.children(part)));
                }
            }
        }
        let frames: Vec<Frame> = deeper.finish().into_iter().chain(lists.finish()).collect();
        if let Some(link) = self.links.get_mut(&id).filter(|_| !frames.is_empty()) {
            link.acks.overtake();
        }
        for frame in frames {
            self.queue_control(id, frame);
        }
    }

    /// Server: a client compares that holds much more than we do, as after we restarted. It is asked for all of
    /// it, or, while another one is sending that, for nothing.
    fn asks_for_all(&mut self, id: LinkId, now: Now) -> bool {
        let held = self.store.digest().count();
        let sole = self.sole_source(id, now);
        let Some(link) = self.links.get_mut(&id) else { return true };
        let more = link.summary.count > MANY && link.summary.count / FEW as u64 > held as u64;
        if link.role != Role::Server || held > SMALL_WHOLE || !more {
            return false;
        }
        link.acks.overtake();
        link.gap = !sole;
        if sole {
            link.progress_at = now.mono;
            self.source = Some(id);
            let mut frame = entries_frame();
            add_entries(&mut frame, Prefix::ALL, &entries(&self.store, Prefix::ALL));
            self.queue_control(id, Frame::new(frame));
        }
        true
    }

    pub(super) fn hear_entries(&mut self, id: LinkId, parts: Entries<'_>, now: Now) {
        let (mut wanted, mut ahead) = (Vec::new(), Vec::new());
        self.on_comparison_answer(id);
        let is_whole = parts.iter().any(|(prefix, _)| prefix == Prefix::ALL);
        if is_whole {
            self.close_gap(id);
        }
        for (prefix, entries) in parts.iter() {
            let held = self.store.len();
            let Some(link) = self.links.get_mut(&id) else { return };
            if link.budget.remaining(held, now.mono) == 0 {
                link.gap = true;
                break;
            }
            self.hear_part(id, prefix, entries, &mut wanted, &mut ahead, now);
        }
        if is_whole && let Some(link) = self.links.get_mut(&id) {
            link.end_first_comparison();
        }
        self.request(id, wanted, now);
        if self.links.get(&id).is_some_and(|link| link.offers) {
            self.offer(id, &ahead);
        } else {
            self.owe_all(id, ahead);
        }
        self.mark_ready(id);
    }

    /// What differs in one part: what the peer has newer, and what we have.
    #[expect(clippy::too_many_arguments, reason = "two results are collected over all parts")]
    fn hear_part(
        &mut self,
        id: LinkId,
        prefix: Prefix,
        entries: EntryList<'_>,
        wanted: &mut Vec<Entry>,
        ahead: &mut Vec<Slot>,
        now: Now,
    ) {
        let mut theirs: HashMap<u64, Stamp, ahash::RandomState> =
            HashMap::with_hasher(ahash::RandomState::with_seeds(self.id, 5, 6, 7));
        theirs.extend(
            entries.iter().filter(|entry| prefix.contains(entry.hash)).map(|entry| (entry.hash, entry.stamp)),
        );
        let mut visits = theirs.len() + 1;
        // A peer that has next to nothing is sent everything: what there is need not be walked through.
        let few = prefix == Prefix::ALL && theirs.len() < self.store.len() / FEW;
        let before = ahead.len();
        if few {
            // They are looked at all the same when they are sent.
            visits += theirs.len() * FEW + self.store.len();
            theirs.retain(|&hash, &mut stamp| {
                let ours = self.store.with_hash(hash).map(|slot| self.store.held(slot).stamp).max();
                if ours.is_some_and(|ours| stamp > ours) {
                    wanted.push(Entry { hash, stamp });
                }
                ours.is_none()
            });
        }
        for (slot, hash) in self.store.subtree(prefix).take_while(|_| !few) {
            visits += 1;
            let ours = self.store.held(slot).stamp;
            match theirs.remove(&hash) {
                Some(stamp) if stamp > ours => wanted.push(Entry { hash, stamp }),
                Some(stamp) if stamp == ours => {}
                _ => ahead.push(slot),
            }
        }
        let mut missing: Vec<Entry> = theirs.into_iter().map(|(hash, stamp)| Entry { hash, stamp }).collect();
        missing.sort_unstable_by_key(|entry| entry.hash);
        wanted.append(&mut missing);
        let most = few || prefix == Prefix::ALL && ahead.len() > self.store.len() / 2;
        let Some(link) = self.links.get_mut(&id) else { return };
        link.budget.charge(visits);
        if most {
            // Nearly everything: following the log from its start needs no list.
            ahead.truncate(before);
            link.owe_all_that_lacks();
            link.progress_at = now.mono;
            link.comparison.useful = true;
            link.acks.overtake();
        }
    }

    /// Tells the peer what it lacks; it asks for what it wants of that.
    fn offer(&mut self, id: LinkId, ahead: &[Slot]) {
        let mut frames = Frames::new(offer_frame);
        for &slot in ahead {
            let held = self.store.held(slot);
            if held.state != State::Refused {
                frames.add(|frame| add_entry(frame, &Entry { hash: held.key_hash(), stamp: held.stamp }));
            }
        }
        let frames = frames.finish();
        if let Some(link) = self.links.get_mut(&id).filter(|_| !frames.is_empty()) {
            link.acks.overtake();
        }
        for frame in frames {
            self.queue_control(id, frame);
        }
    }

    /// What the peer holds newer, or we lack.
    pub(super) fn hear_offer(&mut self, id: LinkId, entries: EntryList<'_>, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let left = link.budget.remaining(self.store.len(), now.mono);
        link.gap |= entries.iter().nth(left).is_some();
        let mut wanted = Vec::new();
        for entry in entries.iter().take(left) {
            link.budget.charge(1);
            if self.store.with_hash(entry.hash).all(|slot| self.store.held(slot).stamp < entry.stamp) {
                wanted.push(entry);
            }
        }
        self.request(id, wanted, now);
    }

    /// Asks a peer for tuples, but for those that would be refused, or are on their way.
    fn request(&mut self, id: LinkId, wanted: Vec<Entry>, now: Now) {
        let latest = self.latest_believed(now);
        // What there is no room for is asked for all the same, once: as many can be remembered as refused.
        let mut room = self.room_for_news();
        let mut hashes = Vec::new();
        for Entry { hash, stamp } in wanted {
            if stamp.wall() > latest {
                self.drift_refused_at = Some(now.mono);
                continue;
            }
            let new = self.store.with_hash(hash).next().is_none();
            if new && room == 0 {
                continue;
            }
            match self.ask_for(id, hash, stamp, now) {
                Asked::Now => hashes.push(hash),
                Asked::Already => continue,
                Asked::TooMany => break,
            }
            room -= usize::from(new);
        }
        if let Some(link) = self.links.get_mut(&id).filter(|_| !hashes.is_empty()) {
            link.progress_at = now.mono;
        }
        for hashes in hashes.chunks(FULL / 8) {
            self.queue_control(id, Frame::new(request_frame(hashes)));
        }
    }

    pub(super) fn hear_request(&mut self, id: LinkId, hashes: Hashes<'_>, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let left = link.budget.remaining(self.store.len(), now.mono);
        let hashes = hashes.iter().take(left).inspect(|_| link.budget.charge(1));
        let asked = hashes.flat_map(|hash| self.store.with_hash(hash));
        let slots: Vec<Slot> = asked.filter(|&slot| self.store.held(slot).state != State::Refused).collect();
        if !slots.is_empty() {
            link.comparison.useful = true;
            link.progress_at = now.mono;
        }
        self.owe_all(id, slots);
    }

    /// Owes a peer these tuples, in the order in which they changed: a program that published two
    /// before it was connected is heard in that order.
    fn owe_all(&mut self, id: LinkId, mut slots: Vec<Slot>) {
        slots.sort_unstable_by_key(|&slot| self.store.changes.offset(slot));
        if let Some(link) = self.links.get_mut(&id).filter(|_| !slots.is_empty()) {
            link.acks.overtake();
            for slot in slots {
                link.bulk.owe(slot);
            }
        }
        self.mark_ready(id);
    }
}

/// What is held in a part of the key space, and can be had here.
fn entries(store: &Store, prefix: Prefix) -> Vec<Entry> {
    let held = store.subtree(prefix).map(|(slot, hash)| (hash, store.held(slot)));
    let offered = held.filter(|(_, held)| held.state != State::Refused);
    offered.map(|(hash, held)| Entry { hash, stamp: held.stamp }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::codec::lists::FANOUT;
    use crate::core::codec::{Extension, Message, MessageId, decode, encode};
    use crate::core::id::Role;
    use crate::core::settings::Settings;
    use crate::core::tuple::key_hash;
    use std::time::{Duration, Instant};

    /// A node with so many tuples, and a link of a client that speaks the extended protocol.
    fn server(tuples: usize, settings: Settings) -> (Node, LinkId) {
        let mut node = Node::new(settings, 1, Now::at(1));
        for key in 0..tuples {
            node.publish(format!("key {key}").as_bytes(), b"value", 0, Now::at(1)).unwrap();
        }
        let link = node.open_link(Role::Server, Now::at(1)).unwrap();
        let hello = Extension { node: Some(1 << 63 | 9), ..Extension::default() };
        node.handle_frame(link, &encode(MessageId::Hello, &hello), Now::at(1));
        assert!(node.is_extended(link));
        sent(&mut node, link);
        (node, link)
    }

    /// The frames that the node sends.
    fn sent(node: &mut Node, link: LinkId) -> Vec<Frame> {
        std::iter::from_fn(|| node.poll_transmit(link, Now::at(2))).collect()
    }

    /// Each of these frames would make the node walk through its tuples some ten thousand times.
    #[test]
    fn a_message_that_asks_for_the_same_again_and_again_is_not_answered_to_its_end() {
        let (mut node, link) = server(20_000, Settings::default());
        let mut entries = entries_frame();
        (0..20_000).for_each(|_| add_entries(&mut entries, Prefix::ALL, &[]));
        let mut other = digest_frame();
        (0..100_000).for_each(|_| add_digest(&mut other, Prefix::ALL, &[1; FANOUT]));
        let mut same = digest_frame();
        let sums = node.store.digest().children(Prefix::ALL);
        (0..100_000).for_each(|_| add_digest(&mut same, Prefix::ALL, &sums));
        for frame in [entries, other, same] {
            let begun = Instant::now();
            node.handle_frame(link, &frame, Now::at(2));
            assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
            assert!(sent(&mut node, link).iter().map(|frame| frame.bytes().len()).sum::<usize>() < 4 << 20);
        }
        // A peer that means well is answered all the same, a moment later.
        let mut frame = digest_frame();
        add_digest(&mut frame, Prefix::ALL, &[1; FANOUT]);
        node.handle_frame(link, &frame, Now::at(1100));
        assert_eq!(sent(&mut node, link).len(), 1);
    }

    #[test]
    fn a_link_that_is_never_idle_is_compared_all_the_same() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        let link = node.open_link(Role::Client, Now::at(1)).unwrap();
        node.link_up(link, Now::at(1));
        let summary = Some(Summary { root: 1, count: 1 });
        let pong = Extension { node: Some(1 << 63 | 9), summary, ..Extension::default() };
        node.handle_frame(link, &encode(MessageId::Pong, &pong), Now::at(1));
        sent(&mut node, link);
        let mut comparisons = 0;
        for beat in 1..=12 {
            node.publish(b"busy", beat.to_string().as_bytes(), 0, Now::at(1000 * beat)).unwrap();
            let heartbeat = Extension { summary, ..Extension::default() };
            node.handle_frame(link, &encode(MessageId::Heartbeat, &heartbeat), Now::at(1000 * beat));
            let kinds = [MessageId::Digest as u8, MessageId::Entries as u8];
            comparisons +=
                sent(&mut node, link).iter().filter(|frame| kinds.contains(&frame.bytes()[2])).count();
        }
        assert!((2..=4).contains(&comparisons), "{comparisons}");
    }

    /// One of the two has refused a newer value, say, that ended with its writer.
    #[test]
    fn a_difference_that_lasts_is_compared_rarely_and_at_once_when_something_changes() {
        let (mut node, _) = server(100, Settings::default());
        let link = node.open_link(Role::Client, Now::at(1)).unwrap();
        node.link_up(link, Now::at(1));
        let told = |root| Extension { summary: Some(Summary { root, count: 100 }), ..Extension::default() };
        let pong = Extension { node: Some(1 << 63 | 9), ..told(1) };
        node.handle_frame(link, &encode(MessageId::Pong, &pong), Now::at(1));
        let mut compared = Vec::new();
        // The peer answers with the keys that it lists, all of which are held here.
        let mut answer = entries_frame();
        add_entries(&mut answer, Prefix::ALL.child(3), &[]);
        for second in 1..=1000 {
            let root = if second < 850 { 1 } else { 2 };
            node.handle_frame(link, &encode(MessageId::Heartbeat, &told(root)), Now::at(1000 * second));
            let frames: Vec<Frame> =
                std::iter::from_fn(|| node.poll_transmit(link, Now::at(1000 * second))).collect();
            let is_comparison = |frame: &Frame| frame.bytes()[2] == MessageId::Digest as u8;
            if frames.iter().any(is_comparison) {
                compared.push(second);
                node.handle_frame(link, &answer, Now::at(1000 * second));
            }
        }
        let (before, after): (Vec<u64>, Vec<u64>) = compared.into_iter().partition(|&second| second < 850);
        assert!((4..=6).contains(&before.len()) && before[2] < 30, "{before:?} {after:?}");
        assert!(after.len() >= 3 && after[2] < 900, "{after:?}");
    }

    #[test]
    fn a_peer_that_has_next_to_nothing_gets_all_and_is_asked_for_what_it_has() {
        let (mut node, link) = server(1000, Settings::default());
        let (newest, old) = (Stamp { time: 1_900_000_000_000 << 16, origin: 1 << 63 }, Stamp::default());
        let entries = [(key_hash(b"key 1"), newest), (key_hash(b"key 2"), old), (7, newest), (8, old)]
            .map(|(hash, stamp)| Entry { hash, stamp });
        let mut frame = entries_frame();
        add_entries(&mut frame, Prefix::ALL, &entries);
        let later = Now { mono: 2, wall: 1_900_000_000_000 };
        node.handle_frame(link, &frame, later);
        let (mut asked, mut told) = (Vec::new(), 0);
        while let Some(frame) = node.poll_transmit(link, later) {
            match decode(frame.bytes()).unwrap() {
                Message::Request(hashes) => asked.extend(hashes.iter()),
                Message::Batch(batch) => told += batch.iter().count(),
                Message::Heartbeat(extension) => assert!(extension.question.is_some(), "how far it has come"),
                other => panic!("{other:?}"),
            }
        }
        asked.sort_unstable();
        let mut wanted = [7, 8, key_hash(b"key 1")];
        wanted.sort_unstable();
        assert_eq!((asked.as_slice(), told), (&wanted[..], 1000));
    }

    /// The newcomer's list was made before it took what was written after its HELLO.
    #[test]
    fn what_is_written_while_a_newcomer_introduces_itself_is_sent_once() {
        let (mut node, link) = server(1000, Settings::default());
        let count = |frames: Vec<Frame>| -> usize {
            let tuples = |frame: &Frame| match decode(frame.bytes()) {
                Ok(Message::Batch(batch)) => batch.iter().count(),
                Ok(Message::Publish { .. }) => 1,
                _ => 0,
            };
            frames.iter().map(tuples).sum()
        };
        for key in 1000..2500 {
            node.publish(format!("key {key}").as_bytes(), b"value", 0, Now::at(2)).unwrap();
        }
        // One of those that were held before changes, too.
        node.publish(b"key 7", b"other", 0, Now::at(2)).unwrap();
        assert_eq!(count(sent(&mut node, link)), 1501);
        let mut nothing = entries_frame();
        add_entries(&mut nothing, Prefix::ALL, &[]);
        node.handle_frame(link, &nothing, Now::at(3));
        node.shutdown(Now::at(3));
        assert_eq!(count(sent(&mut node, link)), 999);
        // A list that comes later shows what the peer has refused or lost since.
        node.handle_frame(link, &nothing, Now::at(2000));
        node.shutdown(Now::at(2000));
        assert_eq!(count(sent(&mut node, link)), 2500);
    }

    #[test]
    fn a_node_that_ends_sends_all_that_is_owed_without_waiting_for_answers() {
        const TUPLES: usize = 50_000;
        let (mut node, link) = server(TUPLES, Settings::default());
        let mut all = entries_frame();
        add_entries(&mut all, Prefix::ALL, &[]);
        node.handle_frame(link, &all, Now::at(2));
        let tuples = |frames: Vec<Frame>| -> usize {
            let count = |frame: &Frame| match decode(frame.bytes()) {
                Ok(Message::Batch(batch)) => batch.iter().count(),
                _ => 0,
            };
            frames.iter().map(count).sum()
        };
        let before = tuples(sent(&mut node, link));
        assert!(before > 0 && before < TUPLES, "as much as may be under way: {before}");
        node.shutdown(Now::at(3));
        assert_eq!(node.unsent().collect::<Vec<_>>(), [(link, (TUPLES - before) as u64)]);
        assert_eq!(before + tuples(sent(&mut node, link)), TUPLES);
        assert_eq!(node.unsent().count(), 0);
    }

    #[test]
    fn more_than_can_be_remembered_as_refused_is_not_asked_for() {
        let (mut node, link) = server(10, Settings { max_tuples: 15, ..Settings::default() });
        let stamp = Stamp { time: 1 << 16, origin: 1 << 63 };
        let mut asked = 0;
        for part in 0..100 {
            let entries: Vec<_> =
                (1000 * part..1000 * (part + 1)).map(|hash| Entry { hash, stamp }).collect();
            let mut frame = entries_frame();
            add_entries(&mut frame, Prefix::ALL, &entries);
            node.handle_frame(link, &frame, Now::at(2));
            let frames = sent(&mut node, link);
            let requests = frames.iter().filter(|frame| frame.bytes()[2] == MessageId::Request as u8);
            asked += requests.map(|frame| (frame.bytes().len() - 4) / 8).sum::<usize>();
        }
        assert!((10_000..=65_541).contains(&asked), "{asked}");
    }
}
