//! Opening, closing and changes of phase of links.

use super::Node;
use crate::core::clock::{Now, is_possible};
use crate::core::codec::{Extension, MEMBERS, MessageId, OFFERS, encode};
use crate::core::event::{Event, Identity};
use crate::core::frame::Frame;
use crate::core::id::{LinkId, Role};
use crate::core::link::{Link, Phase};
use crate::core::settings::Refusal;
use crate::core::timers::Timer;

impl Node {
    /// Adds a link. A client's has no connection yet, see [`Node::link_up`]; a server's is connected, and its first
    /// frame follows. Fails when there are `max_clients` of them.
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
        if self.rights.is_some() {
            self.look_up_rights(id);
        }
        if self.links.len() > 1 {
            self.keep_parents();
        }
        Ok(id)
    }

    /// Notes that a client's connection was made, or made again. The session starts anew.
    pub fn link_up(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.role() == Role::Client) else { return };
        link.on_connected(now.mono);
        self.start_handshake(id, now);
    }

    /// Notes that a client's connection was lost, and is being made again. Nothing is sent meanwhile.
    pub fn link_down(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.is_up() {
            self.note_departure(id, now);
        }
        self.tree.neighbour_down(id);
        self.change_phase(id, now, |link| link.on_disconnected(now.mono));
        self.end_watch(id);
        self.leave(id);
        self.schedule_link(id, now);
    }

    /// Forgets a link: the peer is gone for good.
    pub fn close_link(&mut self, id: LinkId, now: Now) {
        if !self.links.contains_key(&id) {
            return;
        }
        // While it is known who the peer is.
        self.forget_watch(id, now);
        self.link_down(id, now);
        // A link that is gone must not be among those that wait: nobody would ever serve it.
        self.drop_waiting(id);
        self.memory.forget_link(id);
        if let Some(mut link) = self.links.remove(&id) {
            self.timers.schedule(Timer::Link(id), &mut link.deadline, None);
            self.clients -= usize::from(link.role() == Role::Server);
            self.peer_clocks_changed |= link.wall().is_some();
        }
    }

    /// Lets every connected peer be sent all that it is owed at once, even if it has not yet shown its protocol. To be
    /// called once, before the outputs are drained for the last time.
    pub fn shutdown(&mut self, now: Now) {
        self.say_all_refusals(now);
        self.end_presence(now);
        let undetermined: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, link)| {
                link.is_up() && link.handshake.has_hello() && link.phase() == Phase::Handshake
            })
            .filter(|_| self.network.takes(None))
            .map(|(&id, _)| id)
            .collect();
        for id in undetermined {
            self.become_undetermined(id, now);
        }
        let owed: Vec<LinkId> = self.links.keys().copied().collect();
        for id in owed {
            if let Some(link) = self.links.get_mut(&id) {
                link.list_wait.end();
                link.bulk.lift();
            }
            self.mark_ready(id);
        }
    }

    /// Makes the handshake again on a connection that stands, with growing pauses.
    pub(super) fn restart_handshake(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let pause = link.handshake.backoff(now.mono);
        if pause == 0 {
            return self.start_handshake(id, now);
        }
        self.change_phase(id, now, |link| link.await_handshake(pause, now.mono));
        self.schedule_link(id, now);
    }

    /// Sends PING, HELLO, PING. On a connection that was made again, libzmq may first send PINGs that were queued for
    /// the former one, and each is answered. As many more PINGs follow HELLO, so that the last answer that is waited
    /// for is in any case one to a PING behind HELLO.
    pub(super) fn start_handshake(&mut self, id: LinkId, now: Now) {
        let end = self.store.changes.end();
        let hello = encode(MessageId::Hello, &self.introduction(id, now));
        let former = self.change_phase(id, now, |link| link.begin_handshake(end, now.mono)).unwrap_or(0);
        let ping = Frame::new(encode(MessageId::Ping, &Extension::default()));
        self.queue_control(id, ping.clone());
        self.queue_control(id, Frame::new(hello));
        (0..=former).for_each(|_| self.queue_control(id, ping.clone()));
        self.schedule_link(id, now);
    }

    /// The fields of HELLO and PONG that introduce this node: its id and name, what it understands, its clocks and
    /// summary.
    pub(super) fn introduction(&self, id: LinkId, now: Now) -> Extension<'_> {
        Extension {
            node: Some(self.id),
            capabilities: Some(OFFERS | MEMBERS),
            clock: Some(self.latest(now)),
            wall: Some(now.wall).filter(|&wall| is_possible(wall)),
            summary: Some(self.summary_of(id)),
            hidden: self.hidden_field(id),
            name: Some(&*self.name).filter(|name| !name.is_empty()),
            network: Some(self.network.name()).filter(|name| !name.is_empty()),
            knowledge: Some(self.past.knowledge()),
            ..Extension::default()
        }
    }

    /// Starts a session with a peer that has not shown its protocol. It is sent everything in the form that any peer
    /// understands.
    pub(super) fn become_undetermined(&mut self, id: LinkId, now: Now) {
        let end = self.store.changes.end();
        self.change_phase(id, now, |link| link.become_undetermined(end, now.mono));
        self.establish(id, now);
    }

    /// Starts a session with a peer that speaks ZGP/1 and no more. It is sent everything, if this node's network takes
    /// such peers.
    pub(super) fn become_plain(&mut self, id: LinkId, now: Now) {
        if !self.network.takes(None) {
            return self.bar(id, None, now);
        }
        let end = self.store.changes.end();
        self.memory.on_plain(id);
        self.change_phase(id, now, |link| link.become_plain(end, now.mono));
        self.establish(id, now);
    }

    /// Starts a session with a peer that speaks the extended protocol. It is sent what changes from `cursor` on, an
    /// offset in the change log, and what anti-entropy finds.
    pub(super) fn become_extended(&mut self, id: LinkId, cursor: u32, now: Now) {
        self.memory.forget_link(id);
        self.change_phase(id, now, |link| link.become_extended(cursor));
        let peer = self.links.get(&id).and_then(|link| link.peer());
        self.tree.neighbour_up(id, peer, now);
        self.send_tree_messages();
        self.heartbeat_soon(id, now);
        self.establish(id, now);
    }

    /// Changes a link's phase, keeps count of plain links and of neighbours, and keeps those that are not extended out of
    /// the tree.
    pub(super) fn change_phase<T>(
        &mut self,
        id: LinkId,
        now: Now,
        change: impl FnOnce(&mut Link) -> T,
    ) -> Option<T> {
        self.drop_waiting(id);
        let link = self.links.get_mut(&id)?;
        let was_plain = link.is_plain();
        let result = change(link);
        self.memory.on_phase(was_plain, link.is_plain());
        if !link.is_extended() {
            self.tree.session_over(id);
        }
        if let Some(moved) = link.moves() {
            self.on_neighbour(moved, now);
        }
        Some(result)
    }

    fn establish(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        self.met_anybody = true;
        // A node is no peer of its own: this link is not reported.
        if link.peer() != Some(self.id) && link.join() {
            self.events.push_back(Event::Join(id, identity(link)));
        }
        self.mark_ready(id);
        self.schedule_link(id, now);
    }

    pub(super) fn leave(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.handshake.end();
            if link.leave() {
                self.events.push_back(Event::Leave(id, identity(link)));
            }
        }
    }

    /// Who the peer of a link has said that it is.
    pub fn identity(&self, id: LinkId) -> Option<Box<Identity>> {
        self.links.get(&id).and_then(identity)
    }

    /// Gives up a connection that looks dead: the engine is asked for a fresh socket.
    pub(super) fn abandon_connection(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.liveness.on_given_up();
        self.link_down(id, now);
        self.stale.push_back(id);
    }
}

/// Who the peer of a link has said that it is.
fn identity(link: &Link) -> Option<Box<Identity>> {
    let id = link.peer()?;
    Some(Box::new(Identity { id, name: link.peer_name().map(Box::from) }))
}
