//! CONNECT: the peers that we connect to, and what becomes of the connections.
//!
//! A remote over TCP or IPC is up when its handshake is done and down when the connection is lost; the monitor tells.
//! When it is lost, libzmq would reconnect and first send what is left in the old queue, to a hub that knows nothing
//! of us; so a fresh connection replaces the old one before libzmq gets that far. Within the process there are no
//! events: a remote counts as up at once (libzmq lets one connect before the other binds), and sending tells when it
//! is gone. The node itself notices a connection that is there and silent, and asks for a fresh one.

use std::sync::OnceLock;

use crate::core::{LinkId, Now, Role};

use super::endpoint::{Endpoint, Transport};
use super::link::{Complaints, Link, Phase, Remote, Sending};
use super::raw::{Change, MonitorEvent};
use super::router::{LINGER, Purpose, Router};
use super::{Engine, Error};

/// How soon a lost connection is replaced (ms): later than what it still carried arrives, sooner than libzmq's 100.
const REPLACE: u64 = 50;
/// The same within the process, where the other end must be bound again first.
const REPLACE_INPROC: u64 = 250;
/// The longest wait, after several tries (ms).
const LONGEST_REPLACE: u64 = 1000;
/// How soon a peer that refused us is tried again (ms).
const REFUSED: u64 = 3000;
/// So many handshakes in a row that come to nothing are no accident.
const SEVERAL: u32 = 5;
/// A connection that lasted so long was a good one (ms).
const GOOD: u64 = 5000;
/// How long a peer may be out of reach before that is told (ms). It may start a little later than we do, or again.
const MISSED: u64 = 3000;

/// libzmq before 4.3 does not tell when a handshake is done.
fn tells_ready() -> bool {
    static VERSION: OnceLock<(i32, i32, i32)> = OnceLock::new();
    *VERSION.get_or_init(zmq::version) >= (4, 3, 0)
}

impl Engine {
    /// Connect to the peer at `endpoint`, with CURVE if its public key (Z85) is given. A peer that we are connected to
    /// already is greeted anew, unless the key is another one: then it is connected to anew.
    pub fn connect(&mut self, endpoint: &[u8], server_key: Option<&[u8]>) -> Result<(), Error> {
        let endpoint = Endpoint::parse_remote(endpoint)?;
        let now = self.now();
        if let Some(id) = self.remote_at(endpoint.text()) {
            return self.connect_again(id, server_key, now);
        }
        let purpose = match endpoint.transport {
            Transport::Inproc => Purpose::Inproc,
            _ if endpoint.is_plain() => Purpose::Shared,
            _ => Purpose::Dedicated,
        };
        let slot = match self.slot_of(purpose).filter(|_| purpose != Purpose::Dedicated) {
            Some(slot) => slot,
            None => {
                let router = Router::new(self.context, purpose)?;
                self.add_router(router)
            }
        };
        let id =
            self.node.open_link(Role::Client, now).map_err(|refusal| Error::invalid(refusal.to_string()))?;
        self.note_link(id, endpoint.text());
        let text = endpoint.text().into();
        let remote = Remote {
            endpoint,
            server_key: server_key.map(Into::into),
            phase: Phase::Connecting,
            generation: 0,
            descriptor: None,
            connection: None,
            watch: None,
            patience: 0,
            failures: 0,
            missed_at: None,
            is_missed: false,
            complaints: Complaints::default(),
        };
        let link = Link {
            slot,
            routing_id: Box::default(),
            endpoint: text,
            pending: None,
            sending: Sending::Idle,
            remote: Some(Box::new(remote)),
        };
        self.links.insert(id, link);
        if let Err(error) = self.attach(id, now) {
            self.links.remove(&id);
            self.node.close_link(id, now);
            self.drop_router_if_unused(slot);
            return Err(error);
        }
        self.expect_soon(id, now);
        Ok(())
    }

    /// Take a CONNECT back.
    pub fn disconnect(&mut self, endpoint: &[u8]) -> Result<(), Error> {
        let endpoint = Endpoint::parse(endpoint)?;
        let Some(id) = self.remote_at(endpoint.text()) else {
            return Err(Error::not_found("not connected to this endpoint"));
        };
        let now = self.now();
        self.detach(id, LINGER);
        if let Some(link) = self.links.get_mut(&id) {
            link.remote = None;
            link.pending = None;
            let slot = link.slot;
            self.drop_router_if_unused(slot);
        }
        self.node.close_link(id, now);
        self.closed.push(id);
        Ok(())
    }

    fn remote_at(&self, text: &str) -> Option<LinkId> {
        let is_it = |link: &Link| link.remote.as_ref().is_some_and(|remote| remote.endpoint.text() == text);
        self.links.iter().find(|(_, link)| is_it(link)).map(|(&id, _)| id)
    }

    fn connect_again(&mut self, id: LinkId, server_key: Option<&[u8]>, now: Now) -> Result<(), Error> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let Some(remote) = link.remote.as_mut() else { return Ok(()) };
        if remote.server_key.as_deref() == server_key {
            if remote.is_up() {
                link.pending = None;
                self.node.link_down(id, now);
                self.node.link_up(id, now);
            }
            return Ok(());
        }
        let before = remote.server_key.clone();
        remote.server_key = server_key.map(Into::into);
        // Refused before anything is given up.
        let slot = link.slot;
        if let Some(router) = self.routers.get(slot).and_then(Option::as_ref)
            && let Err(error) = self.security.apply_client(router.socket(), server_key)
        {
            remote.server_key = before;
            return Err(error);
        }
        self.renew(id, now);
        Ok(())
    }

    /// Make the connection of a link.
    fn attach(&mut self, id: LinkId, now: Now) -> Result<(), Error> {
        let max_message = self.max_message();
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let Some(remote) = link.remote.as_mut() else { return Ok(()) };
        let Some(router) = self.routers.get_mut(link.slot).and_then(Option::as_mut) else {
            return Ok(());
        };

        remote.generation += 1;
        remote.set_descriptor(None);
        remote.phase = Phase::Connecting;
        link.routing_id = routing_id(id, remote.generation);

        let socket = router.socket();
        let options = socket.options();
        options.set_maxmsgsize(max_message)?;
        options.set_ipv6(self.ipv6 || remote.endpoint.is_ipv6())?;
        let encrypted = self.security.apply_client(socket, remote.server_key.as_deref())?;
        socket.set_bytes(zmq_sys::ZMQ_CONNECT_ROUTING_ID, &link.routing_id)?;
        socket.connect(remote.endpoint.text())?;
        router.may_be_readable = true;
        router.links.insert(link.routing_id.clone(), id);

        if !encrypted
            && remote.generation == 1
            && self.security.has_keys()
            && remote.endpoint.transport == Transport::Tcp
        {
            self.logger.warning(format_args!(
                "zgossip: connecting to {} in clear: keys are set, but CONNECT gave no server key",
                remote.endpoint.text()
            ));
        }
        if remote.endpoint.transport == Transport::Inproc {
            self.up(id, now);
        }
        Ok(())
    }

    /// Give up the connection of a link.
    fn detach(&mut self, id: LinkId, linger: i32) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(remote) = link.remote.as_mut() else { return };
        let Some(router) = self.routers.get_mut(link.slot).and_then(Option::as_mut) else { return };
        router.may_be_readable = true;
        if !router.forget(&link.routing_id) {
            return; // not attached; libzmq would look the name of the host up to find that out
        }
        let socket = router.socket();
        // Left to linger, libzmq would reconnect only to deliver what nobody waits for.
        let _ = socket.options().set_linger(linger);
        // Fails where the connection is gone already.
        let _ = socket.disconnect(remote.endpoint.text());
        let _ = socket.options().set_linger(LINGER);
    }

    fn drop_router_if_unused(&mut self, slot: usize) {
        // Not its names are asked: a remote that waits for its next try has none.
        let used = self.links.values().any(|link| link.slot == slot && link.remote.is_some());
        if let Some(router) = self.routers.get_mut(slot).filter(|_| !used) {
            *router = None;
        }
    }

    /// Replace the connection of a remote by a fresh one.
    pub(super) fn renew(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(remote) = link.remote.as_mut() else { return };
        link.pending = None;
        if remote.is_up() {
            remote.phase = Phase::Connecting;
            self.node.link_down(id, now);
        }
        self.detach(id, 0);
        if let Err(error) = self.attach(id, now) {
            // Without descriptors, or with keys that have become unusable since: later, then.
            self.complain(id, now, &error.to_string());
            self.lost(id, now);
        }
    }

    /// Connections that are due for replacement, or for a second look.
    pub(super) fn tend_remotes(&mut self, now: Now) {
        while let Some(&std::cmp::Reverse((due, id))) = self.timers.peek() {
            if due > now.mono {
                break;
            }
            self.timers.pop();
            let remote = self.links.get(&id).and_then(|link| link.remote.as_ref());
            if remote.is_some_and(|remote| remote.missed_at == Some(due)) {
                self.missed(id, now);
            }
            let remote = self.links.get(&id).and_then(|link| link.remote.as_ref());
            if remote.is_some_and(|remote| remote.phase == Phase::Lost(due)) {
                self.renew(id, now);
            } else {
                self.second_look(id, due, now);
            }
        }
    }

    /// A remote is connected.
    fn up(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(remote) = link.remote.as_mut() else { return };
        if remote.is_up() {
            self.node.link_down(id, now); // lost in between, and that we were not told
        }
        let text = format!("zgossip: connected to {}", remote.endpoint.text());
        if std::mem::take(&mut remote.is_missed) {
            self.logger.notice(text);
        } else {
            self.logger.debug(text);
        }
        link.pending = None;
        remote.phase = Phase::Up(now.mono);
        remote.failures = 0;
        remote.missed_at = None;
        self.node.link_up(id, now);
    }

    /// A remote's connection is gone: a fresh one follows.
    pub(super) fn lost(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(remote) = link.remote.as_mut() else { return };
        let shortest = if remote.endpoint.transport == Transport::Inproc { REPLACE_INPROC } else { REPLACE };
        remote.patience = match remote.phase {
            Phase::Up(since) if now.mono >= since + GOOD => shortest,
            _ => (remote.patience * 2).clamp(shortest, LONGEST_REPLACE),
        };
        let due = now.mono + remote.patience;
        if remote.is_up() {
            self.logger.debug(format_args!("zgossip: lost the connection to {}", remote.endpoint.text()));
            link.pending = None;
            self.node.link_down(id, now);
        }
        remote.set_descriptor(None);
        remote.phase = Phase::Lost(due);
        self.timers.push(std::cmp::Reverse((due, id)));
        self.expect_soon(id, now);
    }

    /// A connection is being made: if it takes long, that is told.
    fn expect_soon(&mut self, id: LinkId, now: Now) {
        let Some(remote) = self.links.get_mut(&id).and_then(|link| link.remote.as_mut()) else { return };
        if !remote.is_up() && remote.missed_at.is_none() {
            let due = now.mono + MISSED;
            remote.missed_at = Some(due);
            self.timers.push(std::cmp::Reverse((due, id)));
        }
    }

    /// A peer is still out of reach.
    fn missed(&mut self, id: LinkId, now: Now) {
        let Some(remote) = self.links.get_mut(&id).and_then(|link| link.remote.as_mut()) else { return };
        let reason = remote.endpoint.why_silent();
        self.complain(id, now, reason);
        let Some(remote) = self.links.get_mut(&id).and_then(|link| link.remote.as_mut()) else { return };
        let again = remote.complaints.again_at();
        remote.missed_at = Some(again);
        self.timers.push(std::cmp::Reverse((again, id)));
    }

    /// libzmq does not try again where a handshake was refused. But certificates come, and peers restart with
    /// other keys: so we do, once in a while.
    fn try_later(&mut self, id: LinkId, now: Now) {
        let Some(remote) = self.links.get_mut(&id).and_then(|link| link.remote.as_mut()) else { return };
        if !remote.is_up() {
            let due = now.mono + REFUSED;
            remote.phase = Phase::Lost(due);
            self.timers.push(std::cmp::Reverse((due, id)));
        }
    }

    /// A handshake came to nothing, and nobody said why. Mostly that is an accident, such as a hub that ends or a
    /// machine that is too busy, and the next try will do; but a wrong server key looks the same. So the tries become
    /// rarer. They are ours, not libzmq's, which would try about seven times a second for ever, or never again:
    /// where the peer talks nonsense it says no more than that the connection is gone.
    fn cut_off(&mut self, id: LinkId, now: Now) {
        let Some(remote) = self.links.get_mut(&id).and_then(|link| link.remote.as_mut()) else { return };
        if remote.is_up() {
            return; // this was an older connection
        }
        let due = now.mono + (REPLACE << remote.failures.min(10)).min(REFUSED);
        remote.failures = remote.failures.saturating_add(1);
        remote.set_descriptor(None);
        remote.phase = Phase::Lost(due);
        let several = remote.failures >= SEVERAL;
        self.timers.push(std::cmp::Reverse((due, id)));
        self.detach(id, 0);
        if several {
            let reason = "its handshakes come to nothing; a wrong server key does that, or no ZeroMQ there";
            self.complain(id, now, reason);
        }
    }

    /// Act upon what a router's monitor said.
    pub(super) fn handle_monitor_events(&mut self, slot: usize, now: Now) {
        while let Some(event) = self.router(slot).and_then(|router| router.monitor_events.pop_front()) {
            for id in self.remotes_of(slot, &event) {
                self.on_monitor_event(id, &event, now);
            }
        }
    }

    /// The remotes that an event is about: one, as far as anybody can tell.
    fn remotes_of(&self, slot: usize, event: &MonitorEvent) -> Vec<LinkId> {
        let Some(router) = self.routers.get(slot).and_then(Option::as_ref) else { return Vec::new() };
        let all = || router.links.values().copied();
        if router.purpose == Purpose::Dedicated {
            return all().collect();
        }
        let remote = |id: &LinkId| self.links.get(id).and_then(|link| link.remote.as_deref());
        let named: Vec<LinkId> = all()
            .filter(|id| remote(id).is_some_and(|remote| remote.endpoint.is_spelled(&event.endpoint)))
            .collect();
        if !named.is_empty() {
            return named;
        }
        // A spelling that we do not know. Greeting a peer once too often does no harm, never greeting it would.
        let possible = |remote: &Remote| match event.change {
            Change::Connected { .. } | Change::Ready => !remote.is_up(),
            Change::Disconnected { descriptor } => remote.descriptor == Some(descriptor),
            Change::Refused { .. } | Change::Mismatched | Change::Aborted => false,
        };
        all().filter(|id| remote(id).is_some_and(possible)).collect()
    }

    fn on_monitor_event(&mut self, id: LinkId, event: &MonitorEvent, now: Now) {
        let Some(remote) = self.links.get_mut(&id).and_then(|link| link.remote.as_mut()) else { return };
        match event.change {
            Change::Connected { descriptor } => {
                remote.set_descriptor(Some(descriptor));
                if !tells_ready() {
                    self.up(id, now);
                }
            }
            Change::Ready => self.up(id, now),
            Change::Disconnected { descriptor } => {
                // Of a connection that was given up, if the descriptor is another one.
                if remote.descriptor == Some(descriptor) {
                    remote.set_descriptor(None);
                    match remote.phase {
                        Phase::Up(_) => self.lost(id, now),
                        Phase::Connecting => self.cut_off(id, now),
                        Phase::Lost(_) => {} // the reason came first
                    }
                }
            }
            Change::Refused { status } => {
                let reason = format!("the peer's authentication refuses us ({status})");
                self.complain(id, now, &reason);
                self.try_later(id, now);
            }
            Change::Mismatched => {
                self.complain(id, now, "the peer uses another security mechanism, or no ZeroMQ");
                self.try_later(id, now);
            }
            Change::Aborted => self.cut_off(id, now),
        }
    }

    /// Tell what is wrong with a remote, once in a while.
    fn complain(&mut self, id: LinkId, now: Now, reason: &str) {
        let Some(remote) = self.links.get_mut(&id).and_then(|link| link.remote.as_mut()) else { return };
        if !remote.complaints.is_due(now.mono) {
            return;
        }
        remote.is_missed = true;
        let endpoint = remote.endpoint.text();
        self.logger.warning(format_args!("zgossip: cannot connect to {endpoint}: {reason}"));
        self.unreachable.push_back((endpoint.to_owned(), reason.to_owned()));
    }
}

/// A name for a connection that no other has or had. libzmq keeps names that begin with a zero to itself.
fn routing_id(id: LinkId, generation: u32) -> Box<[u8]> {
    let mut name = Vec::with_capacity(13);
    name.push(b'z');
    name.extend_from_slice(&id.get().to_be_bytes());
    name.extend_from_slice(&generation.to_be_bytes());
    name.into()
}
