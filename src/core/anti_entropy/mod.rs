//! Anti-entropy: two extended peers find the tuples in which they differ, and exchange only those.
//!
//! Each node keeps a 16-ary Merkle trie over the hashes of its keys (the store's digest). A heartbeat carries the
//! trie's root. A client that sees another root than its own begins a *comparison*:
//!
//! | message | content | is answered with |
//! | --- | --- | --- |
//! | DIGEST | the hashes of a subtree's 16 children | for each child that differs, its DIGEST, or, if it is small, its ENTRIES |
//! | ENTRIES | all keys of a subtree, by their hashes, with their stamps | REQUEST for what is missing or older here, OFFER of what is missing or older there |
//! | OFFER | keys and stamps that the sender has and the receiver seems to lack | REQUEST |
//! | REQUEST | key hashes | the tuples, in bulk |
//!
//! Tuples go only to a node that asks for them, because only that node knows what it has room for, which stamps it
//! believes, and what is on its way to it already. Peers of version 1.0 know no OFFER: they are sent what they lack.
//! A node that holds next to nothing begins with ENTRIES of everything, and is sent everything without asking.
//!
//! Hashes can be chosen, and of very many keys with the same one lists name the first few alone. Where such a place
//! differs, each side sends the other everything, as to a newcomer, once in a session and every five minutes at most.
//!
//! No state is kept between these messages. One that is lost, or dropped because the peer does not read, leaves a
//! *gap*, which the next comparison closes; it costs the time until the next heartbeat.
//!
//! | file | concern |
//! | --- | --- |
//! | this file | state that concerns all peers: when to compare, and with whom; what to request |
//! | `peer` | state of one peer: the last comparisons, and what they left undone |
//! | `answers` | answers to DIGEST, ENTRIES, OFFER and REQUEST |
//! | `listed` | comparing a list of keys with what is held |
//! | `requests` | tuples that were requested and have not come |
//! | `budget` | how much work a peer may cause |
//! | `frames` | lists that are put together into frames of a good size |
//!
//! Nothing here sends: messages and times go in, frames to send and slots of tuples to send come out. The owner is a
//! node for [`AntiEntropy`], and the peer's link for [`Peer`].

mod answers;
mod budget;
mod frames;
mod listed;
mod peer;
mod requests;

pub(in crate::core) use answers::{Answer, Bounds, Difference, Local, offers};
pub(in crate::core) use budget::{Portion, Position};
pub(in crate::core) use peer::Peer;
pub(in crate::core) use requests::Asked;

use crate::core::clock::Stamp;
use crate::core::codec::lists::{add_digest, digest_frame};
use crate::core::codec::{Entry, Prefix, Summary};
use crate::core::frame::Frame;
use crate::core::id::LinkId;
use crate::core::store::Facet;
use answers::list_all;
use listed::FEW;
use requests::Requests;

/// Number of tuples up to which a node lists all of them rather than digests: the list is no longer than the digests
/// of the first level of the trie and some entries.
const SMALL_WHOLE: usize = 16;
/// Milliseconds after a tuple was refused for its stamp in which others are likely to be refused, too. In that time a
/// node does not list all that it holds, because it would be sent everything each time.
const DRIFT_MEMORY: u64 = 60_000;
/// Number of tuples from which on a peer is asked for everything only if no other peer is sending everything at the
/// moment. Sending fewer twice costs less than waiting.
const MANY: u64 = 1000;
/// Milliseconds without progress after which a peer that was asked for everything no longer keeps others from being
/// asked. A peer that sends everything shows progress many times a second.
const SOLE: u64 = 1000;

/// State of anti-entropy that concerns all of a node's peers. Times are milliseconds of the monotonic clock.
///
/// A parameter `progress` tells when a link's peer last made progress, and `None` of a link that is not up.
#[derive(Clone, Debug)]
pub(in crate::core) struct AntiEntropy {
    requests: Requests,
    /// The peer that was last asked for everything that it holds.
    full_source: Option<LinkId>,
    /// Time (monotonic ms) at which a tuple was last refused for a stamp too far ahead.
    drift_refused_at: Option<u64>,
}

/// Outcome of [`AntiEntropy::compare`].
#[derive(Debug)]
pub(in crate::core) enum Comparison {
    /// Both sides hold the same.
    Equal,
    /// A comparison would be too early.
    Postponed,
    /// A comparison begins with this message.
    Begun(Frame),
}

/// Outcome of [`AntiEntropy::recover`].
#[derive(Debug)]
pub(in crate::core) enum Recovery {
    /// The node holds enough to answer digests.
    NotNeeded,
    /// Another peer is sending everything: this one is asked at a later comparison.
    Postponed,
    /// The peer is asked for everything with this message.
    Begun(Frame),
}

/// A peer to compare with, made by [`AntiEntropy::partner`].
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct Partner {
    link: LinkId,
    /// Whether no other peer is sending everything that it holds.
    is_sole: bool,
}

/// The node as it decides which tuples are requested.
#[derive(Debug)]
pub(in crate::core) struct View<'a, P> {
    /// What is held here, as the peer is shown it.
    pub(in crate::core) facet: Facet<'a>,
    /// The latest wall time (ms since 1970) of stamps that are believed.
    pub(in crate::core) latest_believed: u64,
    /// Number of new keys that may be requested.
    pub(in crate::core) room: usize,
    /// See [`AntiEntropy`].
    pub(in crate::core) progress: P,
}

/// Requests to one peer, made by [`AntiEntropy::request`]. The peer's state is to take it, by [`Peer::on_requested`].
#[derive(Debug, Default)]
pub(in crate::core) struct Requested {
    /// REQUESTs to send.
    pub(in crate::core) frames: Vec<Frame>,
    /// The largest number of a request that is open for one of the tuples; 0 for none.
    pub(in crate::core) last: u64,
    /// Whether some tuples were left out, because too many are awaited.
    pub(in crate::core) is_cut: bool,
}

impl AntiEntropy {
    pub(in crate::core) fn new(seed: u64) -> AntiEntropy {
        AntiEntropy { requests: Requests::new(seed), full_source: None, drift_refused_at: None }
    }

    /// Notes that a tuple was refused for its stamp.
    pub(in crate::core) fn on_drift_refused(&mut self, now: u64) {
        self.drift_refused_at = Some(now);
    }

    /// Forgets that tuples were refused for their stamps: clocks or limits have changed.
    pub(in crate::core) fn forget_refusals(&mut self) {
        self.drift_refused_at = None;
    }

    /// Returns whether tuples are likely to be refused for their stamps, because one was a short time ago.
    fn refuses(&self, now: u64) -> bool {
        self.drift_refused_at.is_some_and(|at| now < at + DRIFT_MEMORY)
    }

    /// The peer of a link as one to compare with.
    pub(in crate::core) fn partner(
        &self,
        link: LinkId,
        progress: impl Fn(LinkId) -> Option<u64>,
        now: u64,
    ) -> Partner {
        let other = self.full_source.filter(|&source| source != link).and_then(progress);
        Partner { link, is_sole: other.is_none_or(|at| now >= at + SOLE) }
    }

    /// Client: begins a comparison with a peer whose summary has come, if the two hold different tuples and the last
    /// comparison was not in vain just now.
    pub(in crate::core) fn compare(
        &mut self,
        partner: Partner,
        peer: &mut Peer,
        facet: Facet<'_>,
        now: u64,
    ) -> Comparison {
        let (ours, theirs) = (facet.known(), peer.summary());
        let roots = (ours.root, theirs.root);
        if roots.0 == roots.1 {
            peer.forget_comparisons();
            return Comparison::Equal;
        }
        let refuses = self.refuses(now);
        // A node that lists everything is sent everything: not when it holds little because it refuses tuples.
        let lists_all = ours.count <= SMALL_WHOLE as u64 && !refuses;
        if !peer.may_begin(roots, now) || lists_all && theirs.count > MANY && !partner.is_sole {
            return Comparison::Postponed;
        }
        // What is refused for its stamp is believed later, though nothing changes.
        peer.begin(roots, refuses, now);
        if !lists_all {
            let mut frame = digest_frame();
            add_digest(&mut frame, Prefix::ALL, &facet.children(Prefix::ALL));
            return Comparison::Begun(Frame::new(frame));
        }
        peer.on_progress(now);
        if theirs.count > MANY {
            self.full_source = Some(partner.link);
        }
        Comparison::Begun(list_all(facet))
    }

    /// Server: a client compares, and may hold much more than this node does, for example after a restart of this
    /// node. Then it is asked for everything instead of being answered.
    pub(in crate::core) fn recover(
        &mut self,
        partner: Partner,
        peer: &mut Peer,
        facet: Facet<'_>,
        now: u64,
    ) -> Recovery {
        let (held, Summary { count, .. }) = (facet.count(), peer.summary());
        if held > SMALL_WHOLE || count <= MANY || count / FEW as u64 <= held as u64 {
            return Recovery::NotNeeded;
        }
        if !partner.is_sole {
            peer.leave_gap();
            return Recovery::Postponed;
        }
        peer.close_gap();
        peer.on_progress(now);
        self.full_source = Some(partner.link);
        Recovery::Begun(list_all(facet))
    }

    /// Requests tuples of the peer of `link`, but for those that would be refused, or are on their way.
    pub(in crate::core) fn request<P: Fn(LinkId) -> Option<u64>>(
        &mut self,
        link: LinkId,
        wanted: Vec<Entry>,
        view: View<'_, P>,
        now: u64,
    ) -> Requested {
        let (mut requested, mut hashes, mut room) = (Requested::default(), Vec::new(), view.room);
        for entry in wanted {
            if entry.stamp.wall() > view.latest_believed {
                self.on_drift_refused(now);
                continue;
            }
            let is_new = view.facet.with_hash(entry.hash).next().is_none();
            if is_new && room == 0 {
                continue;
            }
            let number = match self.requests.ask(link, entry, &view.progress, now) {
                Asked::Now(number) => {
                    hashes.push(entry.hash);
                    room -= usize::from(is_new);
                    number
                }
                Asked::Already(number) => number,
                Asked::TooMany => {
                    requested.is_cut = true;
                    break;
                }
            };
            requested.last = requested.last.max(number);
        }
        requested.frames = frames::requests(&hashes);
        requested
    }

    /// Returns whether to request a tuple that the peer of `link` has announced. The peer's state is to take the
    /// answer, by [`Peer::on_asked`].
    pub(in crate::core) fn ask(
        &mut self,
        link: LinkId,
        announced: Entry,
        progress: impl Fn(LinkId) -> Option<u64>,
        now: u64,
    ) -> Asked {
        self.requests.ask(link, announced, progress, now)
    }

    /// Returns whether any tuple is awaited.
    pub(in crate::core) fn awaits_any(&self) -> bool {
        !self.requests.is_empty()
    }

    /// Bytes of the open requests.
    pub(in crate::core) fn bytes(&self) -> usize {
        self.requests.bytes()
    }

    /// Returns whether a tuple is awaited that was requested on `link`.
    pub(in crate::core) fn awaits_from(
        &self,
        link: LinkId,
        progress: impl Fn(LinkId) -> Option<u64>,
        now: u64,
    ) -> bool {
        self.requests.is_any_awaited(link, progress, now)
    }

    /// Returns 0 if no tuple is awaited that a peer has announced, or others before it did; otherwise the number of all
    /// that are awaited.
    pub(in crate::core) fn count_awaited_of(&mut self, peer: &Peer) -> usize {
        if self.requests.is_any_up_to(peer.awaits_up_to()) { self.requests.len() } else { 0 }
    }

    /// Takes a tuple that has come, or is not wanted any more, by its key's hash. If it is what was requested, the
    /// request is over, and its link is returned.
    pub(in crate::core) fn settle(&mut self, hash: u64, stamp: Stamp) -> Option<LinkId> {
        self.requests.settle(hash, stamp)
    }

    /// Takes a tuple that has come by a link that may not bring it. If it was requested there, the request is over; returns
    /// its number, which the states of other peers are to take, by [`Peer::on_given_up`].
    pub(in crate::core) fn deny(&mut self, link: LinkId, entry: Entry) -> Option<u64> {
        self.requests.deny(link, entry)
    }

    /// Gives up requests that were not answered in time. Returns the smallest of their numbers, which all peers' states
    /// are to take, by [`Peer::on_given_up`].
    pub(in crate::core) fn give_up_requests(
        &mut self,
        progress: impl Fn(LinkId) -> Option<u64>,
        now: u64,
    ) -> Option<u64> {
        self.requests.give_up(progress, now)
    }

    /// Number of awaited tuples.
    #[cfg(test)]
    pub(in crate::core) fn count_awaited(&self) -> usize {
        self.requests.len()
    }
}

#[cfg(test)]
mod tests;
