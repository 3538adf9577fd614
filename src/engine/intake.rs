//! What peers have sent and the node has not read: bounded in bytes, where the kernel counts them.
//!
//! libzmq keeps up to a thousand messages of each connection until they are read, whatever their size, and the parts of
//! a message without end. Neither can be limited there. But the kernel knows how many bytes a TCP connection has brought,
//! and the node how many of them it has read; the difference waits in libzmq, or belongs to a message that is not
//! complete. Where that is more than any message may have, or all connections together have more than a part of
//! `server/max_bytes`, the connection with the most is ended. An honest peer connects again, and is sent what it missed.

use std::collections::VecDeque;
use std::os::fd::RawFd;

use crate::core::{LinkId, Now, Role};
use crate::log::Logger;
use crate::warning::Kind;

use super::Engine;
use super::raw::{self, Connection};
use super::router::Purpose;
use super::throttle::Throttle;

/// Bytes of a message beside its body that are reckoned as read, for each frame: more than ZMTP and CURVE add, so that
/// what is left over is not taken for something that waits.
const FRAMING: u64 = 64;
/// Milliseconds between two looks at the connections while much comes in, and while little does: a system call for each
/// connection.
const BUSY_INTERVAL: u64 = 10;
const INTERVAL: u64 = 100;
/// Milliseconds between two looks of a node that nothing else wakes. A message without end does not wake it either, and
/// has this time before it is noticed; a shorter one would be most of what an idle node does.
const IDLE_INTERVAL: u64 = 1000;
/// Bytes that come between two looks from which on the next one follows soon.
const MUCH: u64 = 1 << 20;
/// Bytes in a millisecond that a connection brings from which on the kernel's buffer for it is kept small: libzmq's only
/// thread copies at once what the buffer has, and others wait meanwhile. Only a line within a building is as fast, and
/// needs no large one.
const FAST: u64 = 100 << 10;
/// Bytes of such a buffer: copied in less than a millisecond.
const SMALL_BUFFER: i32 = 256 << 10;
/// Part of `server/max_bytes`, as a divisor, that may wait on all connections together, and the least of it: more than one
/// message may have.
const PART: usize = 8;
const LEAST: u64 = 40 << 20;
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
    /// Whether the kernel's buffer is kept small.
    is_limited: bool,
}

/// Somebody whose bytes were not read.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Sender {
    Link(LinkId),
    /// The connection with this descriptor, by which no message has come yet.
    Silent(RawFd),
}

impl Intake {
    /// The connection with this descriptor, of which `unread` bytes may wait already.
    pub(super) fn new(connection: Connection, role: Role) -> Intake {
        let received = connection.traffic().map_or(0, |traffic| traffic.received);
        // All that a client has sent is on this connection; of a server, messages may have been read before.
        let base = if role == Role::Server { 0 } else { received };
        Intake { connection, base, read: 0, seen: received, is_limited: false }
    }

    /// Notes what has come in all, `elapsed` ms after the last look. Returns how much that is more than before.
    fn on_look(&mut self, received: u64, elapsed: u64) -> u64 {
        let came = received.saturating_sub(self.seen);
        self.seen = received;
        if !self.is_limited && came > MUCH && came / FAST > elapsed {
            self.connection.limit_unread(SMALL_BUFFER);
            self.is_limited = true;
        }
        came
    }

    fn unread(&self, received: u64) -> u64 {
        received.saturating_sub(self.base).saturating_sub(self.read)
    }
}

/// The state of all looks at what waits to be read.
pub(super) struct Looks {
    /// Time (mono ms) of the last look, and of the next one.
    last_at: u64,
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
            last_at: 0,
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

    /// The moment (mono ms) for which the node has to wake for the next look, if there are connections. By a `silent` one no
    /// message has come yet: who it is nobody knows, and it does not stay for long.
    pub(super) fn next(&self, connections: usize, silent: usize) -> Option<u64> {
        let is_soon = self.is_busy || silent > 0;
        let idle = (self.last_at + IDLE_INTERVAL).max(self.next_at);
        (connections > 0).then_some(if is_soon { self.next_at } else { idle })
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
        let (mut waiting, mut endless) = self.look_at_links(&drained, most_of_one, now);
        let is_drained = self.slot_of(Purpose::Listen).is_none_or(drained);
        for (fd, unread) in self.crowding.accepted.unread() {
            let sender = Sender::Silent(fd);
            self.looks.is_busy |= unread > MUCH;
            if is_drained && unread > most_of_one {
                endless.push(sender);
            } else {
                waiting.push((unread, sender));
            }
        }
        self.plan_look(now);
        let mut all: u64 = waiting.iter().map(|(unread, _)| unread).sum();
        if all > most_of_all {
            waiting.sort_unstable_by(|one, other| other.cmp(one));
            for (unread, sender) in waiting {
                endless.push(sender);
                all -= unread;
                if all <= most_of_all {
                    break;
                }
            }
        }
        for sender in endless {
            self.end_flood(sender, now);
        }
        while self.looks.doomed.front().is_some_and(|&(until, ..)| until <= now.mono) {
            self.looks.doomed.pop_front();
        }
    }

    /// Looks how much of each link waits. Returns the links of which something waits, and those
    /// whose message is longer than any may be.
    fn look_at_links(
        &mut self,
        drained: impl Fn(usize) -> bool,
        most_of_one: u64,
        now: Now,
    ) -> (Vec<(u64, Sender)>, Vec<Sender>) {
        let elapsed = now.mono - self.looks.last_at;
        let mut came = 0;
        let (mut waiting, mut endless) = (Vec::new(), Vec::new());
        for (&id, link) in &mut self.links {
            let Some(intake) = &mut link.intake else { continue };
            let Some(traffic) = intake.connection.traffic() else {
                // It is gone, or not over TCP.
                if !intake.connection.is_open() {
                    link.intake = None;
                }
                continue;
            };
            came += intake.on_look(traffic.received, elapsed);
            let is_drained = drained(link.slot);
            if is_drained && intake.read > 0 {
                // All that is complete was read.
                (intake.base, intake.read) = (traffic.received, 0);
            }
            let unread = intake.unread(traffic.received);
            if is_drained && unread > most_of_one {
                endless.push(Sender::Link(id));
            } else if unread > 0 {
                waiting.push((unread, Sender::Link(id)));
            }
        }
        self.looks.is_busy = came > MUCH;
        (waiting, endless)
    }

    /// Connections, made or waited for, and those by which no message has come.
    pub(super) fn connections(&self) -> usize {
        self.links.len() + self.crowding.accepted.silent()
    }

    /// Plans the next look.
    fn plan_look(&mut self, now: Now) {
        let connections = self.connections();
        let looks = &mut self.looks;
        // With many connections a look takes longer, and follows later.
        let many = connections as u64 / if looks.is_busy { 10 } else { 2 };
        let interval = if looks.is_busy { BUSY_INTERVAL } else { INTERVAL };
        (looks.last_at, looks.next_at) = (now.mono, now.mono + interval.max(many));
    }

    /// Ends the connections by which a message came that could not be taken: its sender must not believe that it was. The
    /// next session finds what is missing.
    pub(super) fn end_incomplete(&mut self, now: Now) {
        for id in std::mem::take(&mut self.looks.lost) {
            self.end_connection(id, now);
        }
    }

    /// Ends the connection of somebody who sends more than can be read.
    fn end_flood(&mut self, sender: Sender, now: Now) {
        match sender {
            Sender::Link(id) => {
                let peer = self.name_of(id);
                self.looks.warn(&self.logger, peer, now);
                self.end_connection(id, now);
            }
            Sender::Silent(fd) => {
                let peer = raw::tcp_peer(fd).map_or_else(String::new, |far| format!("tcp://{far}"));
                self.looks.warn(&self.logger, peer, now);
                self.crowding.accepted.end(fd, now.mono);
            }
        }
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
    }

    #[test]
    fn an_idle_node_wakes_seldom_for_its_looks_and_soon_where_much_or_nothing_has_come() {
        let mut looks = Looks { last_at: 5000, next_at: 5100, ..Looks::default() };
        assert_eq!(looks.next(0, 0), None);
        assert_eq!((looks.next(3, 0), looks.next(3, 1)), (Some(6000), Some(5100)));
        looks.is_busy = true;
        assert_eq!(looks.next(3, 0), Some(5100));
    }
}
