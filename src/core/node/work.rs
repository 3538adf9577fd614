//! Messages that make a node visit its tuples: who is served, and when.
//!
//! A few bytes of a DIGEST, ENTRIES, OFFER, REQUEST or ANNOUNCE may cause much work. Each is charged for it twice. A link
//! has a budget of its own (see `anti_entropy::budget`), beyond which a message is not answered to its end. All links
//! together have an allowance that grows with time: as long as it lasts, messages are handled when they come. When it is
//! used up they wait, each link's in order, and are handled in portions, those of the links first to which least was
//! charged of late. So no turn of the loop takes long, however many links ask, and one that asks little waits for little.
//!
//! Tuples never wait, nor do heartbeats of links that have nothing waiting.

use super::Node;
use crate::core::anti_entropy::{Portion, Position};
use crate::core::clock::Now;
use crate::core::codec::{Message, decode};
use crate::core::id::LinkId;
use crate::core::timers::Timer;
use std::collections::BTreeSet;

/// Visits to tuples that may be made at once. One takes 50 to 300 ns, the more the further the tuples lie apart in memory,
/// so this is 1 to 5 ms.
const BURST: i64 = 16_384;
/// Visits that become possible with each millisecond: a half of what a processor manages, at most.
const RATE: i64 = 2500;
/// Visits in one portion of a message that waits.
const PORTION: usize = 2048;
/// Cost of a HEARTBEAT, in visits to tuples.
const HEARTBEAT_COST: usize = 8;
/// Bytes of all messages that wait. Beyond that, the last messages of the link with most bytes are dropped: the next
/// comparison makes up for them.
const MOST_BYTES: usize = 16 << 20;

/// The allowance of all links together, and the links whose messages wait.
#[derive(Clone, Debug)]
pub(super) struct Work {
    /// Visits that may be made now; negative if the last portion took more.
    allowance: i64,
    /// Time (mono ms) at which the allowance last grew.
    at: u64,
    waiting: BTreeSet<LinkId>,
    /// Bytes of all messages that wait.
    bytes: usize,
    /// Visits that were made in all.
    #[cfg(test)]
    pub(super) made: usize,
}

impl Default for Work {
    fn default() -> Work {
        Work {
            allowance: BURST,
            at: 0,
            waiting: BTreeSet::new(),
            bytes: 0,
            #[cfg(test)]
            made: 0,
        }
    }
}

impl Work {
    /// Returns whether more visits may be made now.
    fn is_allowed(&mut self, now: u64) -> bool {
        let passed = i64::try_from(now.saturating_sub(self.at)).unwrap_or(i64::MAX);
        self.allowance = passed.saturating_mul(RATE).saturating_add(self.allowance).min(BURST);
        self.at = now;
        self.allowance > 0
    }

    /// The first portion of a message that is handled when it comes.
    fn first_portion(&self) -> Portion {
        let visits = usize::try_from(self.allowance).unwrap_or(0).max(PORTION);
        Portion { from: Position::default(), visits }
    }

    /// Takes note of visits that were made.
    fn charge(&mut self, visits: usize) {
        self.allowance -= i64::try_from(visits).unwrap_or(i64::MAX / 2);
        #[cfg(test)]
        {
            self.made += visits;
        }
    }

    /// Time (mono ms) at which messages that wait are gone on with.
    fn next_at(&self) -> Option<u64> {
        let missing = u64::try_from(1 - self.allowance).unwrap_or(0);
        (!self.waiting.is_empty()).then(|| self.at + missing.div_ceil(RATE as u64))
    }
}

impl Node {
    /// Takes a message that is charged for. It is handled now, or waits.
    pub(super) fn take_charged(&mut self, id: LinkId, message: &Message<'_>, frame: &[u8], now: Now) {
        let is_heartbeat = matches!(message, Message::Heartbeat(_));
        let waits = self.links.get(&id).is_some_and(|link| !link.inbox.is_empty());
        let is_idle = self.work.waiting.is_empty() && self.work.is_allowed(now.mono);
        let rest = if !waits && (is_heartbeat || is_idle) {
            let portion = self.work.first_portion();
            let Some(rest) = self.handle_portion(id, message, portion, now) else { return };
            rest
        } else {
            Position::default()
        };
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.inbox.push(frame, rest, is_heartbeat) {
            return link.sync.leave_gap();
        }
        self.work.bytes += frame.len();
        self.work.waiting.insert(id);
        while self.work.bytes > MOST_BYTES {
            self.drop_newest();
        }
        self.schedule_work();
    }

    /// Drops the newest message of the link on which most bytes wait.
    fn drop_newest(&mut self) {
        let bytes = |&id: &LinkId| self.links.get(&id).map_or(0, |link| link.inbox.bytes());
        let Some(id) = self.work.waiting.iter().copied().max_by_key(bytes) else {
            self.work.bytes = 0;
            return;
        };
        if let Some(link) = self.links.get_mut(&id) {
            self.work.bytes -= link.inbox.drop_newest();
            link.sync.leave_gap();
        }
        self.forget_if_done(id);
    }

    /// Notes that nothing waits on a link, if that is so.
    fn forget_if_done(&mut self, id: LinkId) {
        if self.links.get(&id).is_none_or(|link| link.inbox.is_empty()) {
            self.work.waiting.remove(&id);
        }
    }

    /// Handles a portion of a message. Returns where to go on with the message.
    fn handle_portion(
        &mut self,
        id: LinkId,
        message: &Message<'_>,
        portion: Portion,
        now: Now,
    ) -> Option<Position> {
        let link = self.links.get_mut(&id)?;
        let before = link.sync.work();
        if matches!(message, Message::Heartbeat(_)) {
            link.sync.charge(HEARTBEAT_COST);
        }
        let rest = match *message {
            Message::Digest(subtrees) => self.on_digest(id, subtrees, portion, now),
            Message::Entries(subtrees) => self.on_entries(id, subtrees, portion, now),
            Message::Request(hashes) => self.on_request(id, hashes, portion, now),
            Message::Announce(entries) => self.on_announce(id, entries, portion, now),
            Message::Offer(entries) => self.on_offer(id, entries, portion, now),
            Message::Prune(origins) => {
                self.on_prune(id, origins, now);
                None
            }
            Message::Graft(origins) => {
                self.on_graft(id, origins);
                None
            }
            Message::Heartbeat(extension) => {
                self.on_heartbeat(id, extension, now);
                None
            }
            _ => None,
        };
        let after = self.links.get(&id).map_or(before, |link| link.sync.work());
        self.work.charge(after.wrapping_sub(before));
        rest
    }

    /// Goes on with messages that wait, as far as the allowance reaches.
    pub(super) fn handle_waiting(&mut self, now: Now) {
        while !self.work.waiting.is_empty() && self.work.is_allowed(now.mono) {
            let rank = |id: LinkId| Some((self.links.get_mut(&id)?.sync.recent_work(now.mono), id));
            let mut order: Vec<_> = self.work.waiting.iter().copied().filter_map(rank).collect();
            order.sort_unstable();
            for (_, id) in order {
                if !self.work.is_allowed(now.mono) {
                    break;
                }
                self.handle_next(id, now);
            }
        }
        self.schedule_work();
    }

    /// Handles a portion of the oldest message that waits on a link.
    fn handle_next(&mut self, id: LinkId, now: Now) {
        let next = self.links.get_mut(&id).and_then(|link| link.inbox.pop());
        if let Some((frame, from)) = next {
            let portion = Portion { from, visits: PORTION };
            let message = decode(&frame).ok();
            let rest = message.and_then(|message| self.handle_portion(id, &message, portion, now));
            let link = self.links.get_mut(&id);
            match link.zip(rest) {
                Some((link, rest)) => link.inbox.put_back(frame, rest),
                None => self.work.bytes -= frame.len(),
            }
        }
        self.forget_if_done(id);
    }

    /// Drops what waits on a link: the session is over.
    pub(super) fn drop_waiting(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            self.work.bytes -= link.inbox.clear();
        }
        self.work.waiting.remove(&id);
    }

    fn schedule_work(&mut self) {
        let next = self.work.next_at();
        self.timers.schedule(Timer::Work, &mut self.work_deadline, next);
    }
}

#[cfg(test)]
mod tests;
