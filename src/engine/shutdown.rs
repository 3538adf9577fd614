//! The end of a node: what it has published is to reach its peers.

use std::time::{Duration, Instant};

use crate::core::codec::{Message, decode};
use crate::core::{Frame, LinkId};
use crate::warning::Kind;

use super::Engine;
use super::link::Sending;
use super::raw::Poller;

/// The longest time that the end of a node may take, for handing its last frames to libzmq: nobody who ends a node
/// waits for a tenth of a second.
const LONGEST: Duration = Duration::from_millis(80);

/// The time for which a node that ends waits for peers whose queues are full while none of them takes anything. On a
/// busy machine libzmq's threads may be kept waiting for some scheduler slices, and so may those of a peer.
const NO_PROGRESS: Duration = Duration::from_millis(30);

/// The silence after which plain peers have nothing more to repeat.
const QUIET: Duration = Duration::from_millis(15);

impl Engine {
    /// Sends what peers are owed, as long as any of them takes some of it, and logs what is left.
    pub(super) fn send_rest(&mut self, poller: &mut Poller) {
        let begun = Instant::now();
        let now = self.now();
        self.node.shutdown(now);
        self.log_last_warnings();
        self.is_ending = true;
        poller.clear();
        for router in self.routers.iter().flatten() {
            poller.add(router.fd(), false);
        }
        let (mut sent, mut progress_at) = (self.frames_sent, begun);
        while !self.terminated {
            let ready = self.queue_ready_links();
            if !ready && !self.send_queue.has_blocked() {
                break;
            }
            let time = Instant::now();
            if time >= begun + LONGEST || time >= progress_at + NO_PROGRESS {
                break;
            }
            if !ready {
                // Only full queues are left. Events are asked for before the wait, or the descriptors would fire for
                // what is known, and after it, or libzmq would not notice that there is room.
                self.consume_events();
                let _ = poller.wait(Some(Duration::from_millis(1)));
                self.consume_events();
            }
            self.send_queue.skip_waits();
            self.transmit(now);
            if self.frames_sent != sent {
                (sent, progress_at) = (self.frames_sent, Instant::now());
            }
        }
        self.read_echoes(poller, begun);
        self.warn_of_unsent();
    }

    /// Lets libzmq take notice of what happened to the sockets.
    fn consume_events(&self) {
        let _ = self.routers.iter().flatten().try_for_each(|router| router.events().map(drop));
    }

    /// Reads what CZMQ nodes still send: they echo what they are sent, and a connection that is closed while something
    /// waits unread is reset, which loses what they have not read themselves.
    fn read_echoes(&mut self, poller: &mut Poller, begun: Instant) {
        if self.node.stats().links_plain == 0 {
            return;
        }
        let (mut frames, mut heard_at) = (0, Instant::now());
        while !self.terminated {
            for router in self.routers.iter_mut().flatten() {
                router.may_be_readable = true;
            }
            let now = self.now();
            self.receive(now);
            let (frames_in, time) = (self.node.stats().frames_in, Instant::now());
            if frames_in != frames {
                (frames, heard_at) = (frames_in, time);
            }
            if time >= begun + LONGEST || time >= heard_at + QUIET {
                break;
            }
            let _ = poller.wait(Some(Duration::from_millis(1)));
        }
    }

    /// Logs how many tuples peers have not been sent.
    fn warn_of_unsent(&self) {
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
            let values = [("count", tuples.to_string()), ("peers", unsent.len().to_string())];
            self.logger.warn_of(Kind::UnsentAtEnd, &values);
        }
    }
}

/// The number of tuples in a frame.
fn tuples_in(frame: &Frame) -> u64 {
    match decode(frame.bytes()) {
        Ok(Message::Publish { .. }) => 1,
        Ok(Message::Batch(batch)) => batch.iter().count() as u64,
        _ => 0,
    }
}
