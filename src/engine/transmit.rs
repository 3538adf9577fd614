//! Frames of the node, on their way to peers.
//!
//! A link that has something to send waits for its turn in the [`SendQueue`](super::send_queue). In its turn it sends
//! until it has no more, or its share is used up (then it waits for another turn), or its peer's queue is full. Then
//! the one frame that found no room stays with the link, and the node is asked for nothing more for this link until
//! that frame is sent.

use std::time::{Duration, Instant};

use crate::core::{LinkId, Now};

use super::Engine;
use super::link::Sending;
use super::memory;
use super::router::Sent;

/// Frames, and bytes, that a link may send in one turn.
const SHARE: usize = 256;
const SHARE_BYTES: usize = 512 << 10;

/// Bytes that may wait in a socket for one peer, or one frame: enough to keep a fast line busy until the link is tried
/// again.
const IN_SOCKET: usize = 4 << 20;

/// The same while those that wait for all peers together are more than this part of `server/max_bytes`, as a divisor.
const IN_SOCKET_WHEN_SHORT: usize = 256 << 10;
const SHORT_PART: usize = 8;

/// A round that takes longer is interrupted and goes on in the next turn of the loop: the node has other things to do.
const LONGEST_ROUND: Duration = Duration::from_millis(10);

/// Longest time (ms) for which a departed client's link waits until its socket is read to the end, because there may
/// always be more to read.
const LONGEST_LAST_WORDS: u64 = 10_000;

/// The end of a link's turn.
enum Turn {
    /// Nothing more is to be sent.
    Done,
    /// The link's share is used up.
    More,
    /// The peer's queue is full; `has_sent` if it was not for some frames before.
    Blocked { has_sent: bool },
    /// The peer is gone.
    Gone,
}

impl Engine {
    /// Queues the links that have something to send. True if any link is queued.
    pub(super) fn queue_ready_links(&mut self) -> bool {
        while let Some(id) = self.node.poll_ready() {
            if let Some(link) = self.links.get_mut(&id)
                && link.sending == Sending::Idle
            {
                link.sending = Sending::Queued;
                self.send_queue.push(id);
            }
        }
        self.send_queue.has_ready()
    }

    /// Tries blocked links again where that makes sense, and gives each queued link its turn.
    pub(super) fn transmit(&mut self, now: Now) {
        if let Some(retry) = self.send_queue.begin_retry(now.mono) {
            for _ in 0..retry.count {
                let Some(id) = self.send_queue.next_blocked() else { break };
                self.send_in_turn(id, now);
            }
            self.send_queue.end_retry(&retry, now.mono);
        }
        if !self.send_queue.begin_round(now.mono) {
            return;
        }
        let end = Instant::now() + LONGEST_ROUND;
        while let Some(id) = self.send_queue.next_ready() {
            self.send_in_turn(id, now);
            if Instant::now() >= end {
                break; // the others come first next time
            }
        }
        if self.send_queue.needs_pause() {
            self.send_queue.pause(self.clock.mono());
        }
    }

    fn send_in_turn(&mut self, id: LinkId, now: Now) {
        if self.links.get(&id).is_none_or(|link| link.sending == Sending::Gone) {
            return; // its routing id may be another client's by now
        }
        let turn = self.send_share(id, now);
        let Some(link) = self.links.get_mut(&id) else { return };
        link.sending = match turn {
            Turn::Done => Sending::Idle,
            Turn::More => {
                self.send_queue.push(id);
                Sending::Queued
            }
            Turn::Blocked { has_sent } => {
                self.send_queue.block(id, has_sent, now.mono);
                Sending::Blocked
            }
            Turn::Gone => {
                link.pending = None;
                self.on_peer_gone(id, now);
                return;
            }
        };
    }

    fn send_share(&mut self, id: LinkId, now: Now) -> Turn {
        let short = self.node.settings().max_bytes / SHORT_PART;
        let Some(link) = self.links.get_mut(&id) else { return Turn::Done };
        let Some(router) = self.routers.get_mut(link.slot).and_then(Option::as_mut) else {
            return Turn::Done;
        };
        let (mut frames, mut bytes) = (0, 0);
        // A frame holds one large value at most.
        if link.pending.is_none() && !memory::is_there(self.node.settings().max_value) {
            return Turn::Blocked { has_sent: false };
        }
        while frames < SHARE && bytes < SHARE_BYTES {
            let Some(frame) = link.pending.take().or_else(|| self.node.poll_transmit(id, now)) else {
                return Turn::Done;
            };
            let has_sent = frames > 0;
            let (waiting, of_all) = link.load.bytes();
            let most = if of_all > short { IN_SOCKET_WHEN_SHORT } else { IN_SOCKET };
            if waiting > 0 && waiting + frame.bytes().len() > most && !self.is_ending {
                link.pending = Some(frame);
                return Turn::Blocked { has_sent };
            }
            match router.send(&link.routing_id, &frame, &link.load) {
                Ok(Sent::Yes) => {}
                Ok(Sent::Full) => {
                    link.pending = Some(frame);
                    return Turn::Blocked { has_sent };
                }
                Ok(Sent::Gone) => return Turn::Gone,
                Err(error) => {
                    // There is no memory, or the context ends. The frame is not lost unless the node is.
                    link.pending = Some(frame);
                    self.log_failure("cannot send", error);
                    return Turn::Blocked { has_sent };
                }
            }
            frames += 1;
            self.frames_sent += 1;
            bytes += frame.bytes().len();
        }
        Turn::More
    }

    /// Handles a peer that libzmq no longer knows: a client's link ends once all is read that it sent; a remote is
    /// connected to again.
    fn on_peer_gone(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.remote.is_some() {
            link.sending = Sending::Idle;
            return self.on_connection_lost(id, now);
        }
        self.on_client_gone(id, now);
    }

    /// Handles a client whose connection is gone: its link ends once all is read that it sent.
    pub(super) fn on_client_gone(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.sending != Sending::Gone) else { return };
        (link.sending, link.pending) = (Sending::Gone, None);
        self.departed.push((id, now.mono));
    }

    /// Closes the links of departed clients whose socket has been read to its end, or could not be for long.
    pub(super) fn close_departed(&mut self, slot: usize, is_drained: bool, now: Now) {
        let links = &self.links;
        let is_over = |&mut (id, since): &mut (LinkId, u64)| {
            let here = links.get(&id).is_none_or(|link| link.slot == slot);
            here && (is_drained || now.mono >= since + LONGEST_LAST_WORDS)
        };
        let over: Vec<LinkId> = self.departed.extract_if(.., is_over).map(|(id, _)| id).collect();
        for id in over {
            let Some(link) = self.links.get(&id) else { continue };
            if let Some(router) = self.routers.get_mut(slot).and_then(Option::as_mut) {
                router.remove_link(&link.routing_id);
            }
            self.node.close_link(id, now);
            self.closed.push(id);
        }
    }
}
