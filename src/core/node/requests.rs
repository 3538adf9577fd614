//! Which tuples were asked for and have not come: none is asked for twice at a time.

use super::Node;
use crate::core::clock::{Now, Stamp};
use crate::core::id::LinkId;
use crate::core::link::Link;
use std::collections::{BTreeMap, HashMap};

/// A tuple that was asked for may be asked for elsewhere when it has not come, nor anything else by that link,
/// within this time (ms) …
const ANSWER: u64 = 1000;
/// … and in any case after this time: the peer may not have it any more.
const LONGEST: u64 = 60_000;
/// So many may be waited for; what is offered beyond that, the next comparison brings.
pub(super) const MOST: usize = 65_536;

/// Where and when a tuple was asked for.
#[derive(Copy, Clone, Debug)]
struct Request {
    link: LinkId,
    at: u64,
    /// What has come when it is no older than this. Another peer may have offered an older one before.
    stamp: Stamp,
    /// Requests are numbered; one that is made again keeps its number.
    number: u64,
}

impl Request {
    /// Whether the answer is still waited for.
    fn is_awaited(&self, links: &BTreeMap<LinkId, Link>, now: Now) -> bool {
        let link = links.get(&self.link).filter(|link| link.up);
        let sign = link.map(|link| self.at.max(link.progress_at));
        sign.is_some_and(|sign| now.mono < sign + ANSWER && now.mono < self.at + LONGEST)
    }
}

/// Tuples that were asked for, by the hashes of their keys.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    all: HashMap<u64, Request, ahash::RandomState>,
    /// The number of the last.
    last: u64,
}

impl Requests {
    pub(super) fn new(seed: u64) -> Requests {
        Requests { all: HashMap::with_hasher(ahash::RandomState::with_seeds(seed, 4, 5, 6)), last: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// A tuple has come, or is not wanted any more: if it is what was asked for, the link by which that was.
    pub(super) fn remove(&mut self, hash: u64, stamp: Stamp) -> Option<LinkId> {
        let request = *self.all.get(&hash).filter(|request| request.stamp <= stamp)?;
        self.all.remove(&hash);
        Some(request.link)
    }
}

/// Whether a tuple is asked for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It is to be asked for.
    Now,
    /// It is on its way.
    Already,
    /// Too many are.
    TooMany,
}

impl Node {
    /// A peer has a tuple that is wanted. Until it is here, wherever it comes from, we await something that the
    /// peer knows us to lack.
    pub(super) fn ask_for(&mut self, id: LinkId, hash: u64, stamp: Stamp, now: Now) -> Asked {
        let before = self.requests.all.get(&hash).copied();
        if before.is_none() && self.requests.len() >= MOST {
            self.leave_gap(id);
            return Asked::TooMany;
        }
        let number = before.map_or(self.requests.last + 1, |request| request.number);
        self.requests.last = self.requests.last.max(number);
        if let Some(link) = self.links.get_mut(&id) {
            link.awaits = link.awaits.max(number);
        }
        if before.is_some_and(|request| stamp <= request.stamp && request.is_awaited(&self.links, now)) {
            return Asked::Already;
        }
        let stamp = before.map_or(stamp, |request| stamp.max(request.stamp));
        self.requests.all.insert(hash, Request { link: id, at: now.mono, stamp, number });
        Asked::Now
    }

    /// Whether something that a peer was asked for is waited for.
    pub(super) fn awaits_from(&self, link: LinkId, now: Now) -> bool {
        let mut requests = self.requests.all.values();
        requests.any(|request| request.link == link && request.is_awaited(&self.links, now))
    }

    /// How many tuples are waited for that a peer has told of, or others before it did.
    pub(super) fn awaited_of(&self, id: LinkId) -> usize {
        let last = self.links.get(&id).map_or(0, |link| link.awaits);
        self.requests.all.values().filter(|request| request.number <= last).count()
    }

    /// Gives up what is not waited for any more: the peers that have told of it know that we lack it, until the
    /// next comparison with them.
    pub(super) fn forget_requests(&mut self, now: Now) {
        if self.requests.is_empty() {
            return;
        }
        let (links, mut first) = (&self.links, u64::MAX);
        self.requests.all.retain(|_, request| {
            let awaited = request.is_awaited(links, now);
            if !awaited {
                first = first.min(request.number);
            }
            awaited
        });
        for link in self.links.values_mut().filter(|link| link.awaits >= first) {
            link.gap = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::codec::lists::{add_digest, add_entry, announce_frame, digest_frame};
    use crate::core::codec::{
        Answer, Entry, Extension, Message, MessageId, Prefix, decode, encode, encode_publish,
    };
    use crate::core::frame::Frame;
    use crate::core::id::Role;
    use crate::core::settings::Settings;
    use crate::core::tuple::{Tuple, key_hash};

    fn stamp(time: u64) -> Stamp {
        Stamp { time: time << 16, origin: 1 << 63 }
    }

    /// A client that speaks the extended protocol and has compared digests, which were equal.
    fn client(node: &mut Node, id: u64) -> LinkId {
        let link = node.open_link(Role::Server, Now::at(1)).unwrap();
        let hello = Extension { node: Some(1 << 63 | id), ..Extension::default() };
        node.handle_frame(link, &encode(MessageId::Hello, &hello), Now::at(1));
        compare(node, link);
        link
    }

    fn compare(node: &mut Node, link: LinkId) {
        let mut frame = digest_frame();
        add_digest(&mut frame, Prefix::ALL, &node.store.digest().children(Prefix::ALL));
        node.handle_frame(link, &frame, Now::at(1));
        sent(node, link);
    }

    fn sent(node: &mut Node, link: LinkId) -> Vec<Frame> {
        std::iter::from_fn(|| node.poll_transmit(link, Now::at(2))).collect()
    }

    /// Whether the node asks for the key when it is announced.
    fn asks(node: &mut Node, link: LinkId, stamp: Stamp) -> bool {
        let mut frame = announce_frame();
        add_entry(&mut frame, &Entry { hash: key_hash(b"key"), stamp });
        node.handle_frame(link, &frame, Now::at(2));
        sent(node, link).iter().any(|frame| frame.bytes()[2] == MessageId::Request as u8)
    }

    /// What it says that it waits for.
    fn awaited(node: &mut Node, link: LinkId) -> u32 {
        let question = Extension { question: Some(1), ..Extension::default() };
        node.handle_frame(link, &encode(MessageId::Heartbeat, &question), Now::at(2));
        let frames = sent(node, link);
        let answer = frames.iter().find_map(|frame| match decode(frame.bytes()) {
            Ok(Message::Heartbeat(Extension { answer: Some(Answer { awaited, .. }), .. })) => Some(awaited),
            _ => None,
        });
        answer.expect("an answer")
    }

    #[test]
    fn a_newer_one_is_asked_for_although_an_older_one_is_on_its_way() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        let (one, two) = (client(&mut node, 1), client(&mut node, 2));
        assert!(asks(&mut node, one, stamp(1)));
        assert_eq!([one, two].map(|link| awaited(&mut node, link)), [1, 0]);
        assert!(asks(&mut node, two, stamp(2)));
        assert!(!asks(&mut node, one, stamp(2)), "that one is on its way now");
        let publish = |node: &mut Node, link, stamp| {
            node.handle_frame(
                link,
                &encode_publish(&Tuple::new(b"key", b"value"), 0, Some(stamp)),
                Now::at(2),
            );
        };
        publish(&mut node, one, stamp(1));
        assert_eq!([one, two].map(|link| awaited(&mut node, link)), [1, 1]);
        publish(&mut node, two, stamp(2));
        assert_eq!([one, two].map(|link| awaited(&mut node, link)), [0, 0]);
    }

    #[test]
    fn what_has_not_come_is_lacking_until_the_next_comparison_begins() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        let (one, two) = (client(&mut node, 1), client(&mut node, 2));
        assert!(asks(&mut node, one, stamp(1)));
        node.forget_requests(Now::at(2 + 2 * ANSWER));
        assert!(node.requests.is_empty());
        assert_eq!([one, two].map(|link| awaited(&mut node, link)), [1, 0]);
        compare(&mut node, one);
        assert_eq!(awaited(&mut node, one), 0);
    }
}
