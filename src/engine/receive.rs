//! Frames of peers, on their way to the node.

use crate::core::{LinkId, Now, Refusal, Role};

use super::Engine;
use super::link::{Link, Sending};
use super::raw::Msg;
use super::router::Router;

/// Messages, and bytes, taken from one socket in one turn. A message may hold hundreds of tuples.
const BATCH: usize = 1000;
const BATCH_BYTES: usize = 512 << 10;

/// How often the client limit is logged (ms).
const COMPLAINT: u64 = 5000;

impl Engine {
    /// Take what the sockets with news have received.
    pub(super) fn receive(&mut self, now: Now) {
        for slot in 0..self.routers.len() {
            // Taken out meanwhile: links are opened while its messages are read.
            let Some(mut router) = self.routers[slot].take() else { continue };
            if router.monitor_may_be_readable
                && let Err(error) = router.read_monitor()
            {
                self.failed("reading a monitor", error);
            }
            // What a connection carried counts until all of it is read; only then is its end believed. It may have
            // come after the socket was asked for news, so it is looked for in any case.
            let look = router.may_be_readable || !router.monitor_events.is_empty();
            let dry = !look || self.receive_from(&mut router, slot, now);
            self.routers[slot] = Some(router);
            self.close_gone(slot, dry, now);
            if dry {
                self.handle_monitor_events(slot, now);
            }
        }
    }

    /// Take a batch from one socket. True if that was all.
    fn receive_from(&mut self, router: &mut Router, slot: usize, now: Now) -> bool {
        self.blocked.hope = true;
        let mut routing_id = std::mem::take(&mut self.routing_id);
        let mut body = std::mem::take(&mut self.body);
        let mut dry = false;
        let (mut messages, mut bytes) = (0, 0);
        while messages < BATCH && bytes < BATCH_BYTES {
            match router.receive(&mut routing_id, &mut body) {
                Ok(true) => {}
                Ok(false) => {
                    router.may_be_readable = false;
                    dry = true;
                    break;
                }
                Err(error) => {
                    router.may_be_readable = false;
                    dry = true;
                    self.failed("receiving", error);
                    break;
                }
            }
            messages += 1;
            bytes += body.data().len();
            let link = match router.find(routing_id.data()) {
                Some(link) => link,
                None => match self.open(router, slot, routing_id.data(), &body, now) {
                    Some(link) => link,
                    None => continue,
                },
            };
            self.node.handle_frame(link, body.data(), now);
        }
        self.routing_id = routing_id;
        self.body = body;
        dry
    }

    /// Somebody new speaks.
    fn open(
        &mut self,
        router: &mut Router,
        slot: usize,
        routing_id: &[u8],
        body: &Msg,
        now: Now,
    ) -> Option<LinkId> {
        if router.purpose.role() == Role::Client {
            return None; // a connection that we have given up
        }
        let id = match self.node.open_link(Role::Server, now) {
            Ok(id) => id,
            Err(refusal) => {
                self.turn_away(refusal, now);
                return None;
            }
        };
        let endpoint = match body.property(c"Peer-Address") {
            Some(address) if !address.is_empty() => address,
            _ => hex(routing_id),
        };
        let routing_id: Box<[u8]> = routing_id.into();
        router.links.insert(routing_id.clone(), id);
        self.logger.debug(format_args!("zgossip: peer {endpoint} has connected"));
        self.note_link(id, &endpoint);
        let endpoint = endpoint.into_boxed_str();
        let link = Link { slot, routing_id, endpoint, pending: None, sending: Sending::Idle, remote: None };
        self.links.insert(id, link);
        Some(id)
    }

    fn turn_away(&mut self, refusal: Refusal, now: Now) {
        let (logged, count) = &mut self.turned_away;
        *count += 1;
        if logged.is_none_or(|at| now.mono >= at + COMPLAINT) {
            *logged = Some(now.mono);
            let count = std::mem::take(count);
            self.logger.warning(format_args!("zgossip: {count} messages of new clients dropped: {refusal}"));
        }
    }
}

fn hex(routing_id: &[u8]) -> String {
    use std::fmt::Write;
    routing_id.iter().fold(String::with_capacity(routing_id.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
