//! Tuples that were requested and have not come: none is requested of two peers at a time.

use crate::core::clock::Stamp;
use crate::core::codec::Entry;
use crate::core::id::LinkId;
use std::collections::{HashMap, VecDeque};

/// Milliseconds within which a requested tuple has to come, or another one from the same peer, before it may be
/// requested elsewhere. Longer than a round trip takes on any line.
pub(in crate::core) const ANSWER: u64 = 1000;
/// Milliseconds after which a tuple may be requested elsewhere in any case: the peer may not have it any more.
const LONGEST: u64 = 60_000;
/// Requests that may be open: some 5 MB. Tuples that are offered beyond that, the next comparison finds again.
pub(in crate::core) const MOST: usize = 65_536;

/// Request for one tuple.
#[derive(Copy, Clone, Debug)]
struct Request {
    /// The link on which the request was sent.
    link: LinkId,
    /// Time at which the request was sent (monotonic ms).
    at: u64,
    /// The newest stamp that any peer has offered. An older tuple that comes does not end the request.
    stamp: Stamp,
    /// Number of the request, counted up. A request that is repeated elsewhere keeps its number.
    number: u64,
}

impl Request {
    /// Returns whether the answer is still awaited. `progress` tells when a link's peer last made progress (monotonic
    /// ms), and is `None` for a link that is not up.
    fn is_awaited(&self, progress: impl Fn(LinkId) -> Option<u64>, now: u64) -> bool {
        let sign = progress(self.link).map(|progress_at| self.at.max(progress_at));
        sign.is_some_and(|sign| now < sign + ANSWER && now < self.at + LONGEST)
    }
}

/// Open requests, by the hashes of the tuples' keys.
#[derive(Clone, Debug)]
pub(in crate::core) struct Requests {
    open: HashMap<u64, Request, ahash::RandomState>,
    /// Numbers and key hashes of requests, oldest first. Some may be over.
    order: VecDeque<(u64, u64)>,
    /// Number of the newest request.
    last: u64,
}

/// Outcome of [`Requests::ask`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::core) enum Asked {
    /// The tuple is to be requested now. The request has this number.
    Now(u64),
    /// The tuple is on its way, by the request with this number.
    Already(u64),
    /// Too many tuples are awaited.
    TooMany,
}

impl Requests {
    pub(in crate::core) fn new(seed: u64) -> Requests {
        Requests {
            open: HashMap::with_hasher(ahash::RandomState::with_seeds(seed, 4, 5, 6)),
            order: VecDeque::new(),
            last: 0,
        }
    }

    pub(in crate::core) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Bytes of the open requests.
    pub(in crate::core) fn bytes(&self) -> usize {
        // The table has room for twice as many at most.
        2 * self.open.len() * size_of::<(u64, Request)>()
    }

    /// Number of open requests.
    pub(in crate::core) fn len(&self) -> usize {
        self.open.len()
    }

    /// A peer has a tuple that is wanted: whether to request it on this link. `progress` is as in
    /// [`View`](super::View), `now` is monotonic ms.
    pub(in crate::core) fn ask(
        &mut self,
        link: LinkId,
        Entry { hash, stamp }: Entry,
        progress: impl Fn(LinkId) -> Option<u64>,
        now: u64,
    ) -> Asked {
        let before = self.open.get(&hash).copied();
        if before.is_none() && self.open.len() >= MOST {
            return Asked::TooMany;
        }
        let number = before.map_or(self.last + 1, |request| request.number);
        if before.is_some_and(|request| stamp <= request.stamp && request.is_awaited(progress, now)) {
            return Asked::Already(number);
        }
        let stamp = before.map_or(stamp, |request| stamp.max(request.stamp));
        self.open.insert(hash, Request { link, at: now, stamp, number });
        if number > self.last {
            self.last = number;
            self.order.push_back((number, hash));
            self.tidy();
        }
        Asked::Now(number)
    }

    /// Drops the numbers of requests that are over, if there are many.
    fn tidy(&mut self) {
        if self.order.len() > 2 * MOST {
            let open = &self.open;
            self.order.retain(|&(number, hash)| open.get(&hash).is_some_and(|one| one.number == number));
        }
    }

    /// A tuple has come, or is not wanted any more. If it is what was requested, the request is over; returns the link
    /// on which it was sent.
    pub(in crate::core) fn settle(&mut self, hash: u64, stamp: Stamp) -> Option<LinkId> {
        let request = *self.open.get(&hash).filter(|request| request.stamp <= stamp)?;
        self.open.remove(&hash);
        Some(request.link)
    }

    /// A tuple has come by a link that may not bring it. If it is what was requested there, the request is over; returns its
    /// number.
    pub(in crate::core) fn deny(&mut self, link: LinkId, Entry { hash, stamp }: Entry) -> Option<u64> {
        let request =
            self.open.get(&hash).filter(|request| request.link == link && request.stamp <= stamp)?;
        let number = request.number;
        self.open.remove(&hash);
        Some(number)
    }

    /// Returns whether a tuple that was requested on this link is awaited.
    pub(in crate::core) fn is_any_awaited(
        &self,
        link: LinkId,
        progress: impl Fn(LinkId) -> Option<u64>,
        now: u64,
    ) -> bool {
        self.open.values().any(|request| request.link == link && request.is_awaited(&progress, now))
    }

    /// Returns whether a request is open whose number is at most `number`. The time that this takes does not depend on
    /// how many are.
    pub(in crate::core) fn is_any_up_to(&mut self, number: u64) -> bool {
        let is_open = |&(number, hash): &(u64, u64)| {
            self.open.get(&hash).is_some_and(|request| request.number == number)
        };
        while self.order.front().is_some_and(|oldest| !is_open(oldest)) {
            self.order.pop_front();
        }
        self.order.front().is_some_and(|&(oldest, _)| oldest <= number)
    }

    /// Gives up requests whose answers are no longer awaited. Returns the smallest of their numbers, if there are any.
    pub(in crate::core) fn give_up(
        &mut self,
        progress: impl Fn(LinkId) -> Option<u64>,
        now: u64,
    ) -> Option<u64> {
        let mut first: Option<u64> = None;
        self.open.retain(|_, request| {
            let awaited = request.is_awaited(&progress, now);
            if !awaited {
                first = Some(first.map_or(request.number, |first| first.min(request.number)));
            }
            awaited
        });
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: LinkId = LinkId(1);
    const TWO: LinkId = LinkId(2);

    fn entry(hash: u64, time: u64) -> Entry {
        Entry { hash, stamp: Stamp { time, origin: 1 << 63 } }
    }

    #[test]
    fn a_tuple_is_requested_of_one_peer_at_a_time_unless_another_has_it_newer() {
        let mut requests = Requests::new(1);
        let live = |_| Some(0);
        assert_eq!(requests.ask(ONE, entry(7, 1), live, 10), Asked::Now(1));
        assert_eq!(requests.ask(TWO, entry(7, 1), live, 10), Asked::Already(1));
        assert_eq!(requests.ask(TWO, entry(7, 2), live, 10), Asked::Now(1));
        assert_eq!(requests.settle(7, entry(7, 1).stamp), None, "an older one has come");
        assert_eq!(requests.settle(7, entry(7, 2).stamp), Some(TWO));
        assert!(requests.is_empty());
    }

    #[test]
    fn a_request_is_repeated_elsewhere_when_its_peer_stands_still_or_is_gone() {
        let mut requests = Requests::new(1);
        requests.ask(ONE, entry(7, 1), |_| Some(0), 0);
        assert_eq!(requests.ask(TWO, entry(7, 1), |_| Some(500), ANSWER + 499), Asked::Already(1));
        assert_eq!(requests.ask(TWO, entry(7, 1), |_| Some(500), ANSWER + 500), Asked::Now(1));
        let gone = |link| (link == ONE).then_some(0);
        assert_eq!(requests.ask(ONE, entry(7, 1), gone, ANSWER + 501), Asked::Now(1));
        let progress = |_| Some(u64::from(u32::MAX));
        assert!(requests.is_any_awaited(ONE, progress, ANSWER + 500 + LONGEST));
        assert!(!requests.is_any_awaited(ONE, progress, ANSWER + 501 + LONGEST));
    }

    #[test]
    fn requests_that_are_given_up_are_told_by_the_smallest_number() {
        let mut requests = Requests::new(1);
        for hash in 0..4 {
            requests.ask(if hash == 0 { ONE } else { TWO }, entry(hash, 1), |_| Some(0), hash);
        }
        assert_eq!([0, 1, 9].map(|number| requests.is_any_up_to(number)), [false, true, true]);
        assert_eq!(requests.give_up(|link| (link == ONE).then_some(5000), 5), Some(2));
        assert_eq!(requests.len(), 1);
        assert!(requests.is_any_up_to(1));
        requests.settle(0, entry(0, 1).stamp);
        assert!(!requests.is_any_up_to(9) && requests.order.is_empty());
        assert_eq!(requests.give_up(|_| Some(5000), 5), None);
    }

    #[test]
    fn more_than_may_be_open_is_not_requested() {
        let mut requests = Requests::new(1);
        let most = MOST as u64;
        let asked = (0..most + 10)
            .filter(|&hash| requests.ask(ONE, entry(hash, 1), |_| Some(0), 0) != Asked::TooMany);
        assert_eq!(asked.count(), MOST);
        assert_eq!(requests.ask(ONE, entry(0, 1), |_| Some(0), 0), Asked::Already(1));
    }
}
