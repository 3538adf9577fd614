//! What peers have sent and the node has not read: bounded in bytes, where the kernel counts them.
//!
//! libzmq keeps up to a thousand messages of each connection until they are read, whatever their size, and the parts of
//! a message without end. Neither can be limited there. But the kernel knows how many bytes a TCP connection has brought,
//! and the node how many of them it has read; the difference waits in libzmq, or belongs to a message that is not
//! complete. Where that is more than any message may have, or all connections together have more than a part of
//! `server/max_bytes`, the connection with the most is ended. An honest peer connects again, and is sent what it missed.

use std::collections::VecDeque;

use crate::core::{LinkId, Now, Role};
use crate::log::Logger;
use crate::warning::Kind;

use super::Engine;
use super::raw::Connection;
use super::throttle::Throttle;

/// Bytes of a message beside its body that are reckoned as read, for each frame: more than ZMTP and CURVE add, so that
/// what is left over is not taken for something that waits.
const FRAMING: u64 = 64;
/// Milliseconds between two looks at the connections while much comes in, and while little does: a system call for each
/// connection.
const BUSY_INTERVAL: u64 = 10;
const INTERVAL: u64 = 100;
/// Bytes that come between two looks from which on the next one follows soon.
const MUCH: u64 = 1 << 20;
/// Part of `server/max_bytes`, as a divisor, that may wait on all connections together, and the least of it.
const PART: usize = 8;
const LEAST: u64 = 64 << 20;
/// Bytes beyond the longest message that one connection may have sent without completing any.
const SLACK: u64 = 1 << 20;
/// Milliseconds for which messages of an ended connection are dropped, as they are read.
const DOOMED: u64 = 5000;
/// Milliseconds between two warnings.
const WARNING_INTERVAL: u64 = 5000;

/// Bytes of one connection: come, and read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intake {
    connection: Connection,
    /// Bytes that had come when everything of them was read.
    base: u64,
    /// Bytes that were read since.
    read: u64,
    /// Bytes that had come at the last look.
    seen: u64,
}

impl Intake {
    /// The connection with this descriptor, of which `unread` bytes may wait already.
    pub(super) fn new(connection: Connection, role: Role) -> Intake {
        let received = connection.traffic().map_or(0, |traffic| traffic.received);
        // All that a client has sent is on this connection; of a server, messages may have been read before.
        let base = if role == Role::Server { 0 } else { received };
        Intake { connection, base, read: 0, seen: received }
    }

    fn unread(&self, received: u64) -> u64 {
        received.saturating_sub(self.base).saturating_sub(self.read)
    }
}

/// The state of all looks at what waits to be read.
pub(super) struct Looks {
    /// Time (mono ms) of the next look.
    next_at: u64,
    /// Whether much came in before the last look.
    is_busy: bool,
    /// Messages that were read since the last turn: senders and bytes, one after the other.
    pub(super) read: Vec<(LinkId, u64)>,
    /// Routing ids of connections that were ended, with the slots of their routers, and until when (mono ms) what is read
    /// of them is dropped.
    doomed: VecDeque<(u64, usize, Box<[u8]>)>,
    /// Links of which a message could not be taken.
    pub(super) lost: Vec<LinkId>,
    ended: u64,
    warnings: Throttle,
}

impl Default for Looks {
    fn default() -> Looks {
        Looks {
            next_at: 0,
            is_busy: false,
            read: Vec::new(),
            doomed: VecDeque::new(),
            lost: Vec::new(),
            ended: 0,
            warnings: Throttle::constant(WARNING_INTERVAL),
        }
    }
}

impl Looks {
    /// Counts a message that was read.
    #[inline]
    pub(super) fn on_read(&mut self, link: LinkId, bytes: usize, frames: u64) {
        let bytes = bytes as u64 + frames * FRAMING;
        match self.read.last_mut() {
            Some((last, sum)) if *last == link => *sum += bytes,
            _ => self.read.push((link, bytes)),
        }
    }

    /// Returns whether messages of this sender are dropped, because its connection was ended.
    pub(super) fn is_doomed(&self, slot: usize, routing_id: &[u8]) -> bool {
        self.doomed.iter().any(|(_, of, doomed)| *of == slot && **doomed == *routing_id)
    }

    /// The moment of the next look, if one is urgent (mono ms).
    pub(super) fn next(&self) -> Option<u64> {
        self.is_busy.then_some(self.next_at)
    }

    fn warn(&mut self, logger: &Logger, peer: String, now: Now) {
        self.ended += 1;
        if self.warnings.pass(now.mono) {
            let count = std::mem::take(&mut self.ended);
            logger.warn_of(Kind::Flood, &[("count", count.to_string()), ("peer", peer)]);
        }
    }
}

impl Engine {
    /// Enters what was read from one socket with its senders.
    pub(super) fn note_read(&mut self) {
        for (id, bytes) in self.looks.read.drain(..) {
            if let Some(intake) = self.links.get_mut(&id).and_then(|link| link.intake.as_mut()) {
                intake.read += bytes;
            }
        }
    }

    /// Notes by which connection the messages of a client come, at the first of them.
    pub(super) fn note_connection(&mut self, id: LinkId, descriptor: i32) {
        if let Some(link) = self.links.get_mut(&id) {
            link.intake = Connection::of(descriptor).map(|connection| Intake::new(connection, Role::Server));
        }
    }

    /// Looks how much waits to be read, if it is time to, and ends the connections with the most if it is too much.
    /// `drained` tells of the slots of routers that were read to their end in this turn.
    pub(super) fn look_at_intake(&mut self, drained: impl Fn(usize) -> bool, now: Now) {
        if now.mono < self.looks.next_at {
            return;
        }
        let most_of_one = u64::try_from(self.max_message()).unwrap_or(u64::MAX).saturating_add(SLACK);
        let most_of_all = ((self.node.settings().max_bytes / PART) as u64).max(LEAST);
        let (mut all, mut came) = (0, 0);
        let mut waiting: Vec<(u64, LinkId)> = Vec::new();
        let mut endless = Vec::new();
        for (&id, link) in &mut self.links {
            let Some(intake) = &mut link.intake else { continue };
            let Some(traffic) = intake.connection.traffic() else {
                // It is gone, or not over TCP.
                if !intake.connection.is_open() {
                    link.intake = None;
                }
                continue;
            };
            came += traffic.received.saturating_sub(intake.seen);
            intake.seen = traffic.received;
            let is_drained = drained(link.slot);
            if is_drained && intake.read > 0 {
                // All that is complete was read.
                (intake.base, intake.read) = (traffic.received, 0);
            }
            let unread = intake.unread(traffic.received);
            if is_drained && unread > most_of_one {
                endless.push(id);
            } else if unread > 0 {
                all += unread;
                waiting.push((unread, id));
            }
        }
        self.looks.is_busy = came > MUCH;
        // With many connections a look takes longer, and follows later.
        let many = self.links.len() as u64 / if self.looks.is_busy { 10 } else { 2 };
        let interval = if self.looks.is_busy { BUSY_INTERVAL } else { INTERVAL };
        self.looks.next_at = now.mono + interval.max(many);
        if all > most_of_all {
            waiting.sort_unstable_by(|one, other| other.cmp(one));
            for (unread, id) in waiting {
                endless.push(id);
                all -= unread;
                if all <= most_of_all {
                    break;
                }
            }
        }
        for id in endless {
            self.end_flood(id, now);
        }
        while self.looks.doomed.front().is_some_and(|&(until, ..)| until <= now.mono) {
            self.looks.doomed.pop_front();
        }
    }

    /// Ends the connections by which a message came that could not be taken: its sender must not believe that it was. The
    /// next session finds what is missing.
    pub(super) fn end_incomplete(&mut self, now: Now) {
        for id in std::mem::take(&mut self.looks.lost) {
            self.end_connection(id, now);
        }
    }

    /// Ends the connection of a peer that sends more than can be read.
    fn end_flood(&mut self, id: LinkId, now: Now) {
        let peer = self.name_of(id);
        self.looks.warn(&self.logger, peer, now);
        self.end_connection(id, now);
    }

    /// Ends a peer's connection. What waits of a client is dropped unread.
    pub(super) fn end_connection(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(intake) = link.intake.take() else { return };
        intake.connection.end();
        if link.remote.is_some() {
            return; // the monitor reports the end, and the connection is made again
        }
        let (slot, routing_id) = (link.slot, link.routing_id.clone());
        if let Some(router) = self.router(slot) {
            router.remove_link(&routing_id);
        }
        self.looks.doomed.push_back((now.mono + DOOMED, slot, routing_id));
        self.node.close_link(id, now);
        self.closed.push(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Node, Settings};

    #[test]
    fn what_one_sender_sends_in_a_row_is_one_entry() {
        let now = Now { mono: 1, wall: 1 };
        let mut node = Node::new(Settings::default(), 1, now);
        let [one, two] = [(); 2].map(|()| node.open_link(Role::Client, now).unwrap());
        let mut looks = Looks::default();
        for link in [one, one, two, one] {
            looks.on_read(link, 100, 1);
        }
        assert_eq!(looks.read, [(one, 328), (two, 164), (one, 164)]);
        assert_eq!(looks.next(), None);
    }
}
