//! Which tuples were asked for and have not come: none is asked for twice at a time.

use super::super::clock::Now;
use super::super::link::LinkId;
use super::Node;
use std::collections::HashMap;

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
}

/// Tuples that were asked for, by the hashes of their keys.
#[derive(Clone, Debug)]
pub(super) struct Requests(HashMap<u64, Request, ahash::RandomState>);

impl Requests {
    pub(super) fn new(seed: u64) -> Requests {
        Requests(HashMap::with_hasher(ahash::RandomState::with_seeds(seed, 4, 5, 6)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The tuple has come, or is not wanted any more; the link by which it was asked for.
    pub(super) fn remove(&mut self, hash: u64) -> Option<LinkId> {
        self.0.remove(&hash).map(|request| request.link)
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
    /// Whether the answer to a request is still waited for.
    fn is_awaited(&self, request: &Request, now: Now) -> bool {
        let link = self.links.get(&request.link).filter(|link| link.up);
        let sign = link.map(|link| request.at.max(link.progress_at));
        sign.is_some_and(|sign| now.mono < sign + ANSWER && now.mono < request.at + LONGEST)
    }

    /// A peer has a tuple that is wanted.
    pub(super) fn ask_for(&mut self, link: LinkId, hash: u64, now: Now) -> Asked {
        match self.requests.0.get(&hash) {
            Some(request) if self.is_awaited(request, now) => return Asked::Already,
            None if self.requests.len() >= MOST => return Asked::TooMany,
            _ => {}
        }
        self.requests.0.insert(hash, Request { link, at: now.mono });
        Asked::Now
    }

    /// Whether something that a peer was asked for is waited for.
    pub(super) fn awaits_from(&self, link: LinkId, now: Now) -> bool {
        let mut requests = self.requests.0.values();
        requests.any(|request| request.link == link && self.is_awaited(request, now))
    }

    /// Gives up what is not waited for any more.
    pub(super) fn forget_requests(&mut self, now: Now) {
        let mut requests = std::mem::replace(&mut self.requests, Requests::new(0));
        requests.0.retain(|_, request| self.is_awaited(request, now));
        self.requests = requests;
    }
}
