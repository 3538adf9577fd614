//! Frames of peers, on their way to the node.

use std::net::IpAddr;

use crate::core::{LinkId, Now, Role};
use crate::warning::Kind;

use super::Engine;
use super::link::Link;
use super::memory;
use super::raw;
use super::raw::Load;
use super::router::{Message, Purpose, Router};
use super::throttle::Throttle;

/// Number of messages, and of bytes, taken from one socket in one turn of the loop. A message may hold hundreds of
/// tuples.
const BATCH: usize = 1000;
const BATCH_BYTES: usize = 512 << 10;

/// Number of copies of a message that may be needed at a time: its tuple, and the memory in which that is assembled.
const COPIES: usize = 2;

/// The time between two warnings about clients that are turned away (ms).
const WARNING_INTERVAL: u64 = 5000;

/// The messages of new clients that were turned away since that was last logged.
pub(super) struct TurnedAway {
    count: u64,
    warnings: Throttle,
}

impl Default for TurnedAway {
    fn default() -> TurnedAway {
        TurnedAway { count: 0, warnings: Throttle::constant(WARNING_INTERVAL) }
    }
}

impl Engine {
    /// Takes what the sockets have received, and acts on what their monitors report.
    pub(super) fn receive(&mut self, now: Now) {
        let mut undrained = Vec::new();
        for slot in 0..self.routers.len() {
            // The router is out of its slot meanwhile: links are opened while its messages are read.
            let Some(mut router) = self.routers[slot].take() else { continue };
            if router.monitor_may_be_readable
                && let Err(error) = router.read_monitor()
            {
                self.log_failure("cannot read the events of connections", error);
            }
            if router.purpose == Purpose::Listen {
                self.note_arrivals(&mut router, now);
            }
            // The end of a connection is handled only when all that it carried is read. More may have come since the
            // socket was asked for its events: with monitor events it is read in any case.
            let may_have_more = router.may_be_readable || !router.monitor_events.is_empty();
            let is_drained = !may_have_more || self.receive_from(&mut router, slot, now);
            self.routers[slot] = Some(router);
            self.close_departed(slot, is_drained, now);
            if is_drained {
                self.handle_monitor_events(slot, now);
            } else {
                undrained.push(slot);
            }
        }
        self.end_incomplete(now);
        self.look_at_intake(|slot| !undrained.contains(&slot), now);
    }

    /// Takes a batch of messages from one socket. True if that was all.
    fn receive_from(&mut self, router: &mut Router, slot: usize, now: Now) -> bool {
        self.send_queue.note_room();
        let mut message = std::mem::take(&mut self.received);
        let mut is_drained = false;
        let (mut messages, mut bytes) = (0, 0);
        while messages < BATCH && bytes < BATCH_BYTES {
            let received = router.receive(&mut message).unwrap_or_else(|error| {
                self.log_failure("cannot receive", error);
                false
            });
            if !received {
                router.may_be_readable = false;
                is_drained = true;
                break;
            }
            messages += 1;
            bytes += message.bytes;
            let mut found = router.find(message.routing_id.data());
            if let Some(link) = found.filter(|&link| self.is_another(link, &message.body)) {
                self.forget_client(link, router, now);
                found = None;
            }
            let Some(link) = found.or_else(|| self.open(router, slot, &message, now)) else { continue };
            self.looks.on_read(link, message.bytes, message.frames);
            if !memory::is_there(COPIES * message.body.data().len()) {
                self.log_failure("cannot take a message", raw::Error::NO_MEMORY);
                self.looks.lost.push(link);
                continue;
            }
            self.node.handle_frame(link, message.body.data(), now);
        }
        self.received = message;
        self.note_read();
        is_drained
    }

    /// Closes the link of a client whose routing id another one has: libzmq had closed its connection before.
    fn forget_client(&mut self, id: LinkId, router: &mut Router, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        router.remove_link(&link.routing_id);
        link.intake = None;
        self.departed.retain(|&(departed, _)| departed != id);
        self.node.close_link(id, now);
        self.closed.push(id);
    }

    /// Opens a link to the sender of a message, which is a new client.
    fn open(&mut self, router: &mut Router, slot: usize, message: &Message, now: Now) -> Option<LinkId> {
        if router.purpose.role() == Role::Client {
            return None; // the message came by a connection that was given up
        }
        let source = message.body.source();
        // That its connection was accepted is reported before the message is there, and may not have been read yet.
        if let Err(error) = router.read_monitor() {
            self.log_failure("cannot read the events of connections", error);
        }
        self.note_arrivals(router, now);
        let is_doomed = self.looks.is_doomed(slot, message.routing_id.data());
        if is_doomed || self.crowding.turn_away(source, now.mono) {
            return None;
        }
        let Ok(id) = self.node.open_link(Role::Server, now) else {
            // There is one reason: the number of clients.
            self.turn_away(now);
            return None;
        };
        let routing_id = message.routing_id.data();
        let endpoint = self.client_endpoint(message);
        self.crowding.accepted.set_link(source, id);
        router.add_link(routing_id, id);
        self.logger.debug(format_args!("peer {endpoint} has connected"));
        self.note_link(id, &endpoint);
        let load = Load::new(&self.in_sockets);
        self.links.insert(id, Link::accepted(slot, routing_id.into(), endpoint, source, load));
        self.introduce(id, &message.body);
        self.note_connection(id, source);
        self.note_client(id, &message.body);
        Some(id)
    }

    /// The endpoint of a client that a message is from: `tcp://ADDRESS:PORT`; `ipc://PATH#PROCESS` and
    /// `inproc://NAME#ID` with what this node is bound to, as far as there is one such endpoint, and the number of the
    /// client's process or its routing id.
    fn client_endpoint(&self, message: &Message) -> String {
        let address = message.body.property(c"Peer-Address").filter(|address| !address.is_empty());
        let Some(address) = address else {
            return format!("{}#{}", self.only_bound("inproc://"), hex(message.routing_id.data()));
        };
        let Ok(ip) = address.parse::<IpAddr>() else {
            // libzmq writes user, group and process of the other end of a local socket.
            let process = address.rsplit(':').next().unwrap_or_default();
            return format!("{}#{process}", self.only_bound("ipc://"));
        };
        // The descriptor may be another connection's by now, which is noticed by its address.
        let far = raw::tcp_peer(message.body.source()).filter(|far| far.ip() == ip.to_canonical());
        let host = if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
        far.map_or_else(|| format!("tcp://{host}"), |far| format!("tcp://{host}:{}", far.port()))
    }

    /// The endpoint of this kind that is bound, if it is the only one; else the kind alone.
    fn only_bound<'a>(&'a self, kind: &'a str) -> &'a str {
        let mut bound =
            self.bound.iter().map(|bound| &*bound.actual).filter(|actual| actual.starts_with(kind));
        match (bound.next(), bound.next()) {
            (Some(only), None) => only,
            _ => kind,
        }
    }

    fn turn_away(&mut self, now: Now) {
        self.turned_away.count += 1;
        if self.turned_away.warnings.pass(now.mono) {
            let count = std::mem::take(&mut self.turned_away.count);
            self.logger.warn_of(Kind::Clients, &[("count", count.to_string())]);
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
