//! Frames of peers, on their way to the node.

use crate::core::{LinkId, Now, Refusal, Role};

use super::Engine;
use super::channel::Channel;
use super::link::{Link, Sending};
use super::raw::Msg;

/// Messages, and bytes, taken from one socket in one turn. A message may hold hundreds of tuples.
const BATCH: usize = 1000;
const BATCH_BYTES: usize = 512 << 10;

/// How often the client limit is logged (ms).
const COMPLAINT: u64 = 5000;

impl Engine {
    /// Take what the sockets with news have received.
    pub(super) fn receive(&mut self, now: Now) {
        for place in 0..self.channels.len() {
            // Taken out meanwhile: links are opened while its messages are read.
            let Some(mut channel) = self.channels[place].take() else { continue };
            if channel.monitor_news
                && let Err(error) = channel.read_monitor()
            {
                self.failed("reading a monitor", error);
            }
            // What a connection carried counts until all of it is read; only then is its end believed. It may have
            // come after the socket was asked for news, so it is looked for in any case.
            let look = channel.news || !channel.happenings.is_empty();
            let dry = !look || self.receive_from(&mut channel, place, now);
            self.channels[place] = Some(channel);
            self.close_gone(place, dry, now);
            if dry {
                self.happen(place, now);
            }
        }
    }

    /// Take a batch from one socket. True if that was all.
    fn receive_from(&mut self, channel: &mut Channel, place: usize, now: Now) -> bool {
        self.blocked.hope = true;
        let mut name = std::mem::take(&mut self.name);
        let mut body = std::mem::take(&mut self.body);
        let mut dry = false;
        let (mut messages, mut bytes) = (0, 0);
        while messages < BATCH && bytes < BATCH_BYTES {
            match channel.receive(&mut name, &mut body) {
                Ok(true) => {}
                Ok(false) => {
                    channel.news = false;
                    dry = true;
                    break;
                }
                Err(error) => {
                    channel.news = false;
                    dry = true;
                    self.failed("receiving", error);
                    break;
                }
            }
            messages += 1;
            bytes += body.data().len();
            let link = match channel.find(name.data()) {
                Some(link) => link,
                None => match self.open(channel, place, name.data(), &body, now) {
                    Some(link) => link,
                    None => continue,
                },
            };
            self.node.handle_frame(link, body.data(), now);
        }
        self.name = name;
        self.body = body;
        dry
    }

    /// Somebody new speaks.
    fn open(
        &mut self,
        channel: &mut Channel,
        place: usize,
        name: &[u8],
        body: &Msg,
        now: Now,
    ) -> Option<LinkId> {
        if channel.purpose.role() == Role::Client {
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
            _ => hex(name),
        };
        let name: Box<[u8]> = name.into();
        channel.names.insert(name.clone(), id);
        self.logger.debug(format_args!("zgossip: peer {endpoint} has connected"));
        self.note_link(id, &endpoint);
        let endpoint = endpoint.into_boxed_str();
        let link =
            Link { channel: place, name, endpoint, pending: None, sending: Sending::Idle, remote: None };
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

fn hex(name: &[u8]) -> String {
    use std::fmt::Write;
    name.iter().fold(String::with_capacity(name.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
