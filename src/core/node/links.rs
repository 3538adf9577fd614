//! Links come and go.

use super::Node;
use crate::core::clock::{Now, is_possible};
use crate::core::codec::{Extension, MessageId, OFFERS, encode};
use crate::core::event::Event;
use crate::core::frame::Frame;
use crate::core::id::{LinkId, Role};
use crate::core::link::{GREETING_PATIENCE, Greeting, KEEPALIVE, Kind, LONGEST_PATIENCE, Link};
use crate::core::plain::receipts::Receipts;
use crate::core::plumtree::peer::Branches;
use crate::core::settings::Refusal;
use crate::core::timers::Timer;

impl Node {
    /// A new link. A client's starts without a connection, see [`Node::link_up`]; a server's starts
    /// connected, and its first frame follows.
    pub fn open_link(&mut self, role: Role, now: Now) -> Result<LinkId, Refusal> {
        if role == Role::Server {
            if self.clients >= self.settings.max_clients {
                return Err(Refusal::TooManyClients);
            }
            self.clients += 1;
        }
        let id = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(id, Link::new(role, now.mono));
        if self.links.len() > 1 {
            self.keep_origins();
        }
        Ok(id)
    }

    /// A client's connection was made, or made again: the conversation starts anew.
    pub fn link_up(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.role == Role::Client) else { return };
        link.up = true;
        link.pings.connected(link.peer.is_some());
        link.receipts = Receipts::default();
        link.probes = 0;
        link.answers = false;
        link.interval = KEEPALIVE;
        link.heard_at = now.mono;
        (link.suspected, link.trusted_until) = (false, 0);
        link.plain.reconnect();
        self.greet(id, now);
    }

    /// A client's connection was lost, and is being made again. Nothing is sent meanwhile.
    pub fn link_down(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let was_branch = link.up && link.is_extended();
        if link.up {
            self.note_departure(id, now);
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        link.up = false;
        link.suspected = false;
        link.forget_owed();
        self.set_kind(id, Kind::Greeting);
        self.leave(id);
        if was_branch {
            self.lost.push(id);
        }
        self.schedule_link(id, now);
    }

    /// The peer is gone for good.
    pub fn close_link(&mut self, id: LinkId, now: Now) {
        if !self.links.contains_key(&id) {
            return;
        }
        self.link_down(id, now);
        self.spoke_plainly.remove(&id);
        if let Some(link) = self.links.remove(&id) {
            self.timers.set(Timer::Link(id), link.deadline, None);
            self.clients -= usize::from(link.role == Role::Server);
            self.peer_clocks_changed |= link.wall.is_some();
        }
    }

    /// Last call before the outputs are drained for the last time: whoever is connected gets what it
    /// is owed, also a peer that has not yet shown what it speaks, and all of it at once.
    pub fn shutdown(&mut self, now: Now) {
        let greeting: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, link)| link.up && link.greeted && link.kind == Kind::Greeting)
            .map(|(&id, _)| id)
            .collect();
        for id in greeting {
            self.become_unsure(id, now);
        }
        let owed: Vec<LinkId> = self.links.keys().copied().collect();
        for id in owed {
            if let Some(link) = self.links.get_mut(&id) {
                link.listens = None;
                link.bulk.lift();
            }
            self.mark_ready(id);
        }
    }

    /// Greets anew on a connection that stands, though not again and again without a pause.
    pub(super) fn greet_again(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let pause = link.greetings.pause(now.mono);
        if pause == 0 {
            return self.greet(id, now);
        }
        link.greeted = false;
        link.forget_owed();
        link.beat_at = now.mono + pause;
        self.set_kind(id, Kind::Greeting);
        self.schedule_link(id, now);
    }

    /// Says PING, HELLO, PING and waits for what comes back. On a connection that was made again PINGs may come before
    /// that were said on the former one, and each has its answer: as many more follow HELLO, so that the last answer
    /// that is waited for is one to a PING behind it in any case.
    pub(super) fn greet(&mut self, id: LinkId, now: Now) {
        self.set_kind(id, Kind::Greeting);
        let hello = encode(MessageId::Hello, &self.introduction(now));
        let end = self.store.changes.end();
        let Some(link) = self.links.get_mut(&id) else { return };
        link.forget_owed();
        link.cursor = end;
        link.greeted = true;
        let former = std::mem::take(&mut link.pings.former);
        link.greeting = Greeting { before: link.pings.expected + 1 + former, refused: false };
        link.pings.said(1);
        // Whatever was told before has been taken, or refused, when this one is answered.
        link.receipts.ask(link.pings.unanswered, now.mono);
        link.pings.said(1 + former);
        link.beat_at = now.mono + GREETING_PATIENCE;
        link.plain.begin_list(now.mono);
        let ping = Frame::new(encode(MessageId::Ping, &Extension::default()));
        self.control(id, ping.clone());
        self.control(id, Frame::new(hello));
        (0..=former).for_each(|_| self.control(id, ping.clone()));
        self.schedule_link(id, now);
    }

    /// Who we are and what we hold.
    pub(super) fn introduction(&self, now: Now) -> Extension {
        Extension {
            node: Some(self.id),
            capabilities: Some(OFFERS),
            clock: Some(self.latest(now)),
            wall: Some(now.wall).filter(|&wall| is_possible(wall)),
            summary: Some(self.summary()),
            ..Extension::default()
        }
    }

    /// The peer has not shown what it speaks: it gets all that we hold in the form that any peer takes.
    pub(super) fn become_unsure(&mut self, id: LinkId, now: Now) {
        self.set_kind(id, Kind::Unsure);
        let end = self.store.changes.end();
        if let Some(link) = self.links.get_mut(&id) {
            link.cursor = end;
            link.bulk.owe_all_before(end);
            link.branches = Branches::default();
            link.beat_at = now.mono + GREETING_PATIENCE;
        }
        self.establish(id, now);
    }

    /// The peer speaks ZGP/1 and no more: it gets all that we hold.
    pub(super) fn become_plain(&mut self, id: LinkId, now: Now) {
        let told = self.links.get(&id).is_some_and(|link| link.kind == Kind::Unsure);
        self.set_kind(id, Kind::Plain);
        self.spoke_plainly.insert(id);
        let end = self.store.changes.end();
        if let Some(link) = self.links.get_mut(&id) {
            link.doubt.settle();
            if !told {
                link.cursor = end;
                link.bulk.owe_all_before(end);
            }
            if link.role == Role::Server {
                link.listen(now.mono);
            }
            link.branches = Branches::default();
            link.beat_at = now.mono + link.interval;
        }
        self.establish(id, now);
    }

    /// The peer speaks the extended protocol: it gets what changes from `cursor` on, and what
    /// comparing digests finds.
    pub(super) fn become_extended(&mut self, id: LinkId, cursor: u32, now: Now) {
        self.set_kind(id, Kind::Extended);
        self.spoke_plainly.remove(&id);
        if let Some(link) = self.links.get_mut(&id) {
            link.cursor = cursor;
            link.gap = true;
            // Before, a PONG would have been the answer.
            link.acks.probe_again();
            link.comparison = Default::default();
            link.plain = Default::default();
            link.branches = Branches::default();
            link.calm = 0;
            link.beat_at = u64::MAX;
        }
        self.meet_origin(id, now);
        self.beat_soon(id, now);
        self.establish(id, now);
    }

    fn establish(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        self.met_anybody = true;
        if !link.joined {
            link.joined = true;
            self.events.push_back(Event::Join(id));
        }
        self.mark_ready(id);
        self.schedule_link(id, now);
    }

    fn leave(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.greeted = false;
            if std::mem::take(&mut link.joined) {
                self.events.push_back(Event::Leave(id));
            }
        }
    }

    fn set_kind(&mut self, id: LinkId, kind: Kind) {
        if let Some(link) = self.links.get_mut(&id) {
            self.plain_links -= usize::from(link.is_plain());
            link.kind = kind;
            (link.gap, link.awaits) = (false, 0);
            self.plain_links += usize::from(link.is_plain());
        }
    }

    /// The connection looks dead: ask for a fresh socket, and be slower to do so next time if this
    /// one never carried anything.
    pub(super) fn give_up(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.answers {
            link.patience = (link.patience * 2).min(LONGEST_PATIENCE);
        }
        self.link_down(id, now);
        self.stale.push_back(id);
    }
}
