//! The end of a node: what it has said is to reach its peers.

use std::time::{Duration, Instant};

use crate::core::codec::{Message, decode};
use crate::core::{Frame, LinkId};

use super::Engine;
use super::link::Sending;
use super::raw::Poller;

/// How long a node that ends may spend on handing its last frames to libzmq: nobody who ends a node waits for a tenth
/// of a second.
const LONGEST: Duration = Duration::from_millis(80);

/// How long it waits for peers whose queues are full when none of them takes anything. On a busy machine libzmq's
/// threads may be kept waiting for some scheduler slices, and so may those of a peer.
const PATIENCE: Duration = Duration::from_millis(30);

/// Peers that have said nothing for so long have no more to say.
const QUIET: Duration = Duration::from_millis(15);

impl Engine {
    /// Hand over what peers are owed, as long as any of them takes some of it. The owner is told of what is left.
    pub(super) fn farewell(&mut self, poller: &mut Poller) {
        let begun = Instant::now();
        let now = self.now();
        self.node.shutdown(now);
        poller.clear();
        for router in self.routers.iter().flatten() {
            poller.add(router.fd(), false);
        }
        let (mut sent, mut progress_at) = (self.frames_sent, begun);
        while !self.terminated {
            let ready = self.collect_ready();
            if !ready && self.blocked.links.is_empty() {
                break;
            }
            let time = Instant::now();
            if time >= begun + LONGEST || time >= progress_at + PATIENCE {
                break;
            }
            if !ready {
                // Only full queues are left. News is taken first, or there would be no waiting for more.
                let _ = self.routers.iter().flatten().try_for_each(|router| router.events().map(drop));
                let _ = poller.wait(Some(Duration::from_millis(1)));
                let _ = self.routers.iter().flatten().try_for_each(|router| router.events().map(drop));
            }
            self.round.rest_until = 0;
            self.blocked.retry_at = 0;
            self.transmit(now);
            if self.frames_sent != sent {
                (sent, progress_at) = (self.frames_sent, Instant::now());
            }
        }
        self.hear_out(poller, begun);
        self.tell_unsent();
    }

    /// Take what CZMQ nodes still say: they repeat what they are told, and a connection that is closed while something
    /// waits unread is reset, which loses what they have not read themselves.
    fn hear_out(&mut self, poller: &mut Poller, begun: Instant) {
        if self.node.stats().links_plain == 0 {
            return;
        }
        let (mut heard, mut heard_at) = (0, Instant::now());
        while !self.terminated {
            self.routers.iter_mut().flatten().for_each(|router| router.may_be_readable = true);
            let now = self.now();
            self.receive(now);
            let (frames, time) = (self.node.stats().frames_in, Instant::now());
            if frames != heard {
                (heard, heard_at) = (frames, time);
            }
            if time >= begun + LONGEST || time >= heard_at + QUIET {
                break;
            }
            let _ = poller.wait(Some(Duration::from_millis(1)));
        }
    }

    /// Warn the owner of what peers have not been sent.
    fn tell_unsent(&self) {
        let is_there = |id: &LinkId| self.links.get(id).is_some_and(|link| link.sending != Sending::Gone);
        let mut unsent: Vec<(LinkId, u64)> = self.node.unsent().filter(|(id, _)| is_there(id)).collect();
        for (&id, link) in &self.links {
            unsent.extend(
                link.pending.as_ref().map(|frame| (id, tuples_in(frame))).filter(|&(_, count)| count > 0),
            );
        }
        let tuples: u64 = unsent.iter().map(|&(_, count)| count).sum();
        unsent.sort_unstable();
        unsent.dedup_by_key(|&mut (id, _)| id);
        if tuples > 0 {
            let (peers, prefix) = (unsent.len(), self.logger.prefix());
            let node = if prefix.is_empty() { "this node" } else { prefix };
            self.logger.warning(format_args!(
                "zgossip: {node} has ended with tuples unsent: {tuples}, to peers: {peers}"
            ));
        }
    }
}

/// How many tuples are in a frame.
fn tuples_in(frame: &Frame) -> u64 {
    match decode(frame.bytes()) {
        Ok(Message::Publish { .. }) => 1,
        Ok(Message::Batch(batch)) => batch.iter().count() as u64,
        _ => 0,
    }
}
