//! Frames of the node, on their way to peers.
//!
//! A link that has something to send is *queued*; in its turn it sends until it has no more, or its share is used up
//! (then it queues again), or its peer's queue is full. Then it is *blocked*: the one frame that found no room waits,
//! nothing more is asked of the node for this link, and it is tried again when its socket has news, or after a short
//! while.

use std::time::{Duration, Instant};

use crate::core::{LinkId, Now};

use super::Engine;
use super::link::Sending;
use super::router::Sent;

/// Frames, and bytes, that a link may send in one turn.
const SHARE: usize = 256;
const SHARE_BYTES: usize = 512 << 10;

/// Bounds of the wait between two tries of blocked links (ms).
const SHORTEST_RETRY: u64 = 5;
const LONGEST_RETRY: u64 = 50;

/// So few blocked links may be tried at every news; more are tried once in a millisecond.
const FEW: usize = 16;

/// When so many links, or more, have sent in a round, all rest for a while.
///
/// One change for a thousand peers is a thousand frames and a thousand wake-ups, tens of milliseconds' work for the
/// machine; changes that come meanwhile are better sent together than each by itself. A round that took long shows
/// that the machine has more to do than it can, and makes for a longer rest. With fewer peers, or with changes now
/// and then, nobody ever waits.
const MANY: usize = 64;

/// For so many links, the rest is a millisecond long. (A thousand nodes that start at once agree in a third of the
/// time that they need without a rest; 32 and 64 are less steady on a busy machine.)
const LINKS_PER_MS: usize = 16;

/// The longest rest (ms).
const LONGEST_REST: u64 = 100;

/// How long a round may keep the node from everything else; then it goes on in the next turn.
const LONGEST_TURN: Duration = Duration::from_millis(10);

/// How long a client that is gone may have something to say, on a socket of which there is always more to read (ms).
const LONGEST_LAST_WORDS: u64 = 10_000;

/// How a link's turn ended.
enum Turn {
    /// Nothing more to send.
    Done,
    /// Its share is used up.
    More,
    /// No room; whether there was for some frames before.
    Blocked { sent: bool },
    /// The peer is gone.
    Gone,
}

impl Engine {
    /// Queue the links that have something to send. True if any link is queued.
    pub(super) fn collect_ready(&mut self) -> bool {
        while let Some(id) = self.node.poll_ready() {
            if let Some(link) = self.links.get_mut(&id)
                && link.sending == Sending::Idle
            {
                link.sending = Sending::Queued;
                self.sending.push_back(id);
            }
        }
        !self.sending.is_empty()
    }

    /// Give each queued link its turn, and blocked ones another chance when that makes sense.
    pub(super) fn transmit(&mut self, now: Now) {
        self.retry_blocked(now);
        if self.round.left == 0 {
            if now.mono < self.round.rest_until {
                return;
            }
            self.round.size = self.sending.len();
            self.round.left = self.round.size;
            self.round.begun = now.mono;
        }
        let end = Instant::now() + LONGEST_TURN;
        while self.round.left > 0 {
            self.round.left -= 1;
            let Some(id) = self.sending.pop_front() else {
                self.round.left = 0;
                break;
            };
            self.turn_of(id, now);
            if Instant::now() >= end {
                break; // the others come first next time
            }
        }
        if self.round.left == 0 && self.round.size >= MANY {
            let end = self.clock.mono();
            let rest = (self.round.size / LINKS_PER_MS) as u64;
            let rest = rest.max(2 * (end - self.round.begun)).min(LONGEST_REST);
            self.round.rest_until = end + rest;
        }
    }

    /// When queued links may send (mono ms).
    pub(super) fn send_at(&self) -> Option<u64> {
        let at = if self.round.left > 0 { 0 } else { self.round.rest_until };
        (!self.sending.is_empty()).then_some(at)
    }

    /// When blocked links are to be tried again (mono ms).
    pub(super) fn retry_at(&self) -> Option<u64> {
        (!self.blocked.links.is_empty()).then_some(self.blocked.retry_at)
    }

    fn retry_blocked(&mut self, now: Now) {
        let blocked = &mut self.blocked;
        let count = blocked.links.len();
        let hope = std::mem::take(&mut blocked.hope);
        if count == 0 {
            blocked.patience = SHORTEST_RETRY;
            return;
        }
        let due = now.mono >= blocked.retry_at;
        if !due && !(hope && (count <= FEW || now.mono > blocked.tried_at)) {
            return;
        }
        for _ in 0..count {
            let Some(id) = self.blocked.links.pop_front() else { break };
            self.turn_of(id, now);
        }
        let blocked = &mut self.blocked;
        blocked.tried_at = now.mono;
        if blocked.links.len() < count {
            blocked.patience = SHORTEST_RETRY;
        } else if due {
            blocked.patience = (blocked.patience * 2).clamp(SHORTEST_RETRY, LONGEST_RETRY);
        }
        blocked.retry_at = now.mono + blocked.patience;
    }

    fn turn_of(&mut self, id: LinkId, now: Now) {
        let turn = self.send_share(id, now);
        let Some(link) = self.links.get_mut(&id) else { return };
        link.sending = match turn {
            Turn::Done => Sending::Idle,
            Turn::More => {
                self.sending.push_back(id);
                Sending::Queued
            }
            Turn::Blocked { sent } => {
                self.blocked.fresh |= sent;
                if self.blocked.links.is_empty() {
                    self.blocked.patience = SHORTEST_RETRY;
                    self.blocked.retry_at = now.mono + SHORTEST_RETRY;
                }
                self.blocked.links.push_back(id);
                Sending::Blocked
            }
            Turn::Gone => {
                link.pending = None;
                self.peer_gone(id, now);
                return;
            }
        };
    }

    fn send_share(&mut self, id: LinkId, now: Now) -> Turn {
        let Some(link) = self.links.get_mut(&id) else { return Turn::Done };
        let Some(router) = self.routers.get_mut(link.slot).and_then(Option::as_mut) else {
            return Turn::Done;
        };
        let (mut frames, mut bytes) = (0, 0);
        while frames < SHARE && bytes < SHARE_BYTES {
            let Some(frame) = link.pending.take().or_else(|| self.node.poll_transmit(id, now)) else {
                return Turn::Done;
            };
            let sent = frames > 0;
            match router.send(&link.routing_id, &frame) {
                Ok(Sent::Yes) => {}
                Ok(Sent::Full) => {
                    link.pending = Some(frame);
                    return Turn::Blocked { sent };
                }
                Ok(Sent::Gone) => return Turn::Gone,
                Err(error) => {
                    // No memory, or the end of the context. The frame is not lost unless the node is.
                    link.pending = Some(frame);
                    self.failed("sending", error);
                    return Turn::Blocked { sent };
                }
            }
            frames += 1;
            self.frames_sent += 1;
            bytes += frame.bytes().len();
        }
        Turn::More
    }

    /// A peer is no longer there: a client's link ends once all is read that it has said, a remote is connected to
    /// afresh.
    fn peer_gone(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.remote.is_some() {
            link.sending = Sending::Idle;
            return self.lost(id, now);
        }
        link.sending = Sending::Gone;
        self.gone.push((id, now.mono));
    }

    /// A socket has been read to its end, or not for long: clients that are gone have nothing more to say.
    pub(super) fn close_gone(&mut self, slot: usize, dry: bool, now: Now) {
        let links = &self.links;
        let is_over = |&mut (id, since): &mut (LinkId, u64)| {
            let here = links.get(&id).is_none_or(|link| link.slot == slot);
            here && (dry || now.mono >= since + LONGEST_LAST_WORDS)
        };
        let over: Vec<LinkId> = self.gone.extract_if(.., is_over).map(|(id, _)| id).collect();
        for id in over {
            let Some(link) = self.links.get(&id) else { continue };
            let routing_id = link.routing_id.clone();
            if let Some(router) = self.router(slot) {
                router.forget(&routing_id);
            }
            self.node.close_link(id, now);
            self.closed.push(id);
        }
    }
}
