//! CONNECT: the peers that this node connects to, and what becomes of the connections.
//!
//! A remote over TCP or IPC is up when its handshake is done and down when the connection is lost; the monitor reports
//! both. libzmq would reconnect and first send what is left in the old queue, to a hub that knows nothing of this
//! node; so a new connection replaces a lost one before libzmq gets that far. Within the process there are no monitor
//! events: a remote counts as up at once (libzmq lets one connect before the other binds), and sending shows when it
//! is gone. The node itself notices a connection that is there and silent, and asks for a new one.

use std::sync::OnceLock;

use crate::core::{LinkId, Now, Role};
use crate::warning::Kind;

use super::endpoint::{Endpoint, Transport};
use super::intake::Intake;
use super::link::Link;
use super::raw::{Change, Load, MonitorEvent};
use super::remote::{REPLACE, Remote, State};
use super::router::{LINGER, Purpose, Router};
use super::security::Access;
use super::timers::Timer;
use super::{Engine, Error};

/// Time without a connection after which the owner is told (ms). A peer may start a little later than this node, or
/// restart.
const UNREACHABLE_AFTER: u64 = 3000;

/// Returns whether this libzmq reports the end of a handshake; versions before 4.3 do not.
fn reports_handshakes() -> bool {
    static VERSION: OnceLock<(i32, i32, i32)> = OnceLock::new();
    *VERSION.get_or_init(zmq::version) >= (4, 3, 0)
}

impl Engine {
    /// Connects to the peer at `endpoint`, with CURVE if its public key (Z85) is given, with PLAIN if a username and a
    /// password are set. With a peer that is connected already the session begins anew; if the key, or the username or
    /// the password, is another one, the connection does.
    pub fn connect(&mut self, endpoint: &[u8], server_key: Option<&[u8]>) -> Result<(), Error> {
        let endpoint = Endpoint::parse_remote(endpoint)?;
        let access = self.security.access(server_key, endpoint.transport)?;
        let now = self.now();
        if let Some(id) = self.remote_at(endpoint.text()) {
            return self.connect_again(id, access, now);
        }
        let slot = self.router_for(&endpoint)?;
        let id =
            self.node.open_link(Role::Client, now).map_err(|refusal| Error::invalid(refusal.to_string()))?;
        self.note_server_key(id, &access);
        self.note_link(id, endpoint.text());
        self.links.insert(id, Link::dialed(slot, Remote::new(endpoint, access), Load::new(&self.in_sockets)));
        if let Err(error) = self.attach(id, now) {
            self.links.remove(&id);
            self.node.close_link(id, now);
            self.drop_router_if_unused(slot);
            return Err(error);
        }
        self.warn_if_in_clear(id);
        self.expect_connection(id, now);
        Ok(())
    }

    /// Tells the node who the peer of a CONNECT is: who has the key that it was given.
    fn note_server_key(&mut self, id: LinkId, access: &Access) {
        match access {
            Access::Curve(key) => self.node.set_subjects(id, &[key]),
            Access::Clear | Access::Plain(_) => self.node.set_subjects(id, &[]),
        }
    }

    /// Takes a CONNECT back.
    pub fn disconnect(&mut self, endpoint: &[u8]) -> Result<(), Error> {
        let endpoint = Endpoint::parse(endpoint)?;
        let Some(id) = self.remote_at(endpoint.text()) else {
            return Err(Error::not_found("not connected to this endpoint"));
        };
        let now = self.now();
        self.detach(id, LINGER);
        self.timers.cancel_all(id);
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

    /// The remote behind a link, if this side made the connection.
    pub(super) fn remote(&mut self, id: LinkId) -> Option<&mut Remote> {
        self.links.get_mut(&id)?.remote.as_deref_mut()
    }

    fn remote_at(&self, text: &str) -> Option<LinkId> {
        let is_it = |link: &Link| link.remote.as_ref().is_some_and(|remote| remote.endpoint().text() == text);
        self.links.iter().find(|(_, link)| is_it(link)).map(|(&id, _)| id)
    }

    /// The slot of the ROUTER that connects to `endpoint`; it is made if it is not there.
    fn router_for(&mut self, endpoint: &Endpoint) -> Result<usize, Error> {
        let purpose = match endpoint.transport {
            Transport::Inproc => Purpose::Inproc,
            _ if endpoint.has_one_spelling() => Purpose::Shared,
            _ => Purpose::Dedicated,
        };
        match self.slot_of(purpose).filter(|_| purpose != Purpose::Dedicated) {
            Some(slot) => Ok(slot),
            None => {
                let router = Router::new(self.context, purpose)?;
                Ok(self.add_router(router))
            }
        }
    }

    fn connect_again(&mut self, id: LinkId, access: Access, now: Now) -> Result<(), Error> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let Some(remote) = link.remote.as_mut() else { return Ok(()) };
        if *remote.access() == access {
            if remote.is_up() {
                link.pending = None;
                self.node.link_down(id, now);
                self.node.link_up(id, now);
            }
            return Ok(());
        }
        // An unusable key is refused while the present connection still stands.
        if let Some(router) = self.routers.get(link.slot).and_then(Option::as_ref) {
            self.security.apply_client(router.socket(), &access)?;
        }
        self.note_server_key(id, &access);
        let Some(remote) = self.remote(id) else { return Ok(()) };
        remote.set_access(access);
        self.renew(id, now);
        Ok(())
    }

    /// Makes the connection of a link.
    ///
    /// Where the address of its host is not known yet, only the keys are checked: the connection is made once the name
    /// was looked up.
    fn attach(&mut self, id: LinkId, now: Now) -> Result<(), Error> {
        let max_message = self.max_message();
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let Some(remote) = link.remote.as_mut() else { return Ok(()) };
        let Some(router) = self.routers.get_mut(link.slot).and_then(Option::as_mut) else {
            return Ok(());
        };

        let attempt = remote.begin_attempt();
        self.timers.cancel(id, Timer::Reconnect);
        self.timers.cancel(id, Timer::NextAddress);
        link.routing_id = routing_id(id, attempt);

        let is_inproc = remote.endpoint().transport == Transport::Inproc;
        let socket = router.socket();
        self.security.apply_client(socket, remote.access())?;
        let Some((target, ipv6)) = remote.target(self.ipv6) else { return Ok(()) };
        let options = socket.options();
        options.set_maxmsgsize(max_message)?;
        options.set_ipv6(ipv6)?;
        socket.set_bytes(zmq_sys::ZMQ_CONNECT_ROUTING_ID, &link.routing_id)?;
        socket.connect(&target)?;
        remote.set_dialed(now.mono);
        router.add_link(&link.routing_id, id);
        if is_inproc {
            self.on_connected(id, now);
        }
        self.watch_address(id, now);
        Ok(())
    }

    /// Logs that a connection is made in clear where keys are set, which may not have been meant.
    fn warn_if_in_clear(&mut self, id: LinkId) {
        let has_keys = self.security.has_keys();
        let Some(remote) = self.remote(id) else { return };
        if has_keys && remote.endpoint().transport == Transport::Tcp && *remote.access() == Access::Clear {
            let endpoint = remote.endpoint().text().to_owned();
            self.logger.warn_of(Kind::InClear, &[("endpoint", endpoint)]);
        }
    }

    /// Gives the connection of a link up. Frames that libzmq holds for the peer may leave for `linger` more (ms).
    pub(super) fn detach(&mut self, id: LinkId, linger: i32) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(remote) = link.remote.as_mut() else { return };
        let Some(router) = self.routers.get_mut(link.slot).and_then(Option::as_mut) else { return };
        router.may_be_readable = true;
        if !router.remove_link(&link.routing_id) {
            return; // not attached; to find that out, libzmq might look a host name up
        }
        let socket = router.socket();
        // During a longer linger libzmq would reconnect, only to deliver what nobody waits for.
        let _ = socket.options().set_linger(linger);
        // This fails where the connection is gone already.
        let _ = socket.disconnect(&remote.dialed_text());
        let _ = socket.options().set_linger(LINGER);
    }

    fn drop_router_if_unused(&mut self, slot: usize) {
        // The router's own list of links does not say: a remote that waits for its next attempt is not in it.
        let used = self.links.values().any(|link| link.slot == slot && link.remote.is_some());
        if let Some(router) = self.routers.get_mut(slot).filter(|_| !used) {
            *router = None;
        }
    }

    /// Replaces the connection of a remote by a new one.
    pub(super) fn renew(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(remote) = link.remote.as_mut() else { return };
        link.pending = None;
        if remote.take_down() {
            self.node.link_down(id, now);
        }
        self.detach(id, 0);
        if let Err(error) = self.attach(id, now) {
            // The process has no descriptors left, or the keys have become unusable since CONNECT.
            self.report_unreachable(id, now, &error.to_string());
            self.on_connection_lost(id, now);
        }
        self.expect_connection(id, now);
    }

    /// Handles the timers that are due.
    pub(super) fn handle_timers(&mut self, now: Now) {
        while let Some((id, timer)) = self.timers.pop(now.mono) {
            match timer {
                Timer::ReportUnreachable => self.on_still_unreachable(id, now),
                Timer::LookUp => self.look_up(id, now),
                Timer::Reconnect => self.renew(id, now),
                Timer::NextAddress => self.on_address_silent(id, now),
                Timer::CheckTraffic => self.second_sample(id, now),
            }
        }
    }

    fn on_connected(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(remote) = link.remote.as_mut() else { return };
        if remote.is_up() {
            self.node.link_down(id, now); // it was lost in between, and no event reported that
        }
        let was_reported = remote.set_up(now.mono);
        link.intake = remote.connection().map(|connection| Intake::new(connection, Role::Client));
        let address = remote.dialed().map_or_else(String::new, |address| format!(" ({address})"));
        let text = format!("connected to {}{address}", remote.endpoint().text());
        if was_reported {
            self.logger.notice(text);
        } else {
            self.logger.debug(text);
        }
        link.pending = None;
        for timer in [Timer::ReportUnreachable, Timer::LookUp, Timer::Reconnect, Timer::NextAddress] {
            self.timers.cancel(id, timer);
        }
        self.node.link_up(id, now);
    }

    /// Handles the loss of a remote's connection: a new one follows.
    pub(super) fn on_connection_lost(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(remote) = link.remote.as_mut() else { return };
        let was_up = remote.is_up();
        let delay = remote.set_lost(now.mono);
        if was_up {
            let endpoint = remote.endpoint().text();
            self.logger.debug(format_args!("lost the connection to {endpoint}"));
            link.pending = None;
            self.node.link_down(id, now);
        }
        self.timers.cancel(id, Timer::NextAddress);
        self.timers.set(id, Timer::Reconnect, now.mono + delay);
        self.expect_connection(id, now);
    }

    /// Sets the timers of a remote without a connection: when the owner is told, and when its name is looked up.
    fn expect_connection(&mut self, id: LinkId, now: Now) {
        let is_down = self.remote(id).is_some_and(|remote| !remote.is_up());
        if is_down && !self.timers.is_set(id, Timer::ReportUnreachable) {
            self.timers.set(id, Timer::ReportUnreachable, now.mono + UNREACHABLE_AFTER);
        }
        self.expect_lookup(id, now);
    }

    fn on_still_unreachable(&mut self, id: LinkId, now: Now) {
        let Some(remote) = self.remote(id) else { return };
        let reason = remote.why(remote.endpoint().why_silent());
        self.report_unreachable(id, now, &reason);
        if let Some(next) = self.remote(id).map(|remote| remote.next_report()) {
            self.timers.set(id, Timer::ReportUnreachable, next);
        }
    }

    /// Handles a handshake that the peer refused. libzmq does not try again; this node does, once in a while, for
    /// certificates arrive late, and peers restart with other keys.
    fn on_handshake_refused(&mut self, id: LinkId, now: Now, reason: &str) {
        let Some(remote) = self.remote(id) else { return };
        if remote.is_up() {
            return self.report_unreachable(id, now, reason);
        }
        let has_more = remote.leave_address(reason);
        let delay = remote.set_refused();
        let reason = remote.why(reason);
        self.timers.cancel(id, Timer::NextAddress);
        self.timers.set(id, Timer::Reconnect, now.mono + if has_more { REPLACE } else { delay });
        if !has_more {
            self.report_unreachable(id, now, &reason);
        }
    }

    /// Handles a handshake that ended without a reason. Mostly that is an accident, such as a hub that ends or a
    /// machine that is too busy, and the next attempt succeeds; but a wrong server key looks the same. So the attempts
    /// become rarer. They are the engine's own: libzmq would try about seven times a second for ever, or, where the
    /// peer does not speak ZeroMQ, never again.
    fn on_handshake_aborted(&mut self, id: LinkId, now: Now) {
        let Some(remote) = self.remote(id) else { return };
        if remote.is_up() {
            return; // this was an older connection
        }
        let reason = "its handshakes end early: a wrong server key, no ZAP handler where it requires one, or it does \
                      not speak ZeroMQ";
        let has_more = remote.leave_address(reason);
        let delay = remote.set_aborted();
        let is_no_accident = remote.is_aborted_often();
        let reason = remote.why(reason);
        self.timers.cancel(id, Timer::NextAddress);
        self.timers.set(id, Timer::Reconnect, now.mono + if has_more { REPLACE } else { delay });
        self.detach(id, 0);
        if is_no_accident && !has_more {
            self.report_unreachable(id, now, &reason);
        }
    }

    /// Acts on the events that a router's monitor reported.
    pub(super) fn handle_monitor_events(&mut self, slot: usize, now: Now) {
        while let Some(event) = self.router(slot).and_then(|router| router.monitor_events.pop_front()) {
            for id in self.remotes_of(slot, &event) {
                self.handle_monitor_event(id, event.change, now);
            }
        }
    }

    /// The remotes that an event is about: one, as far as can be known.
    fn remotes_of(&self, slot: usize, event: &MonitorEvent) -> Vec<LinkId> {
        let Some(router) = self.routers.get(slot).and_then(Option::as_ref) else { return Vec::new() };
        if router.purpose == Purpose::Dedicated {
            let remote = |id: &LinkId| self.links.get(id).and_then(|link| link.remote.as_deref());
            let is_meant = |id: &LinkId| remote(id).is_some_and(|remote| remote.may_be_at(&event.endpoint));
            return router.links().filter(is_meant).collect();
        }
        let remotes_that = |is_meant: &dyn Fn(&Remote) -> bool| -> Vec<LinkId> {
            let remote = |id: &LinkId| self.links.get(id).and_then(|link| link.remote.as_deref());
            router.links().filter(|id| remote(id).is_some_and(is_meant)).collect()
        };
        let named = remotes_that(&|remote| remote.endpoint().is_spelled(&event.endpoint));
        if !named.is_empty() {
            return named;
        }
        // The spelling is not known. A session that begins once too often does no harm; one that never begins would.
        remotes_that(&|remote| remote.may_cause(event.change))
    }

    fn handle_monitor_event(&mut self, id: LinkId, change: Change, now: Now) {
        let Some(remote) = self.remote(id) else { return };
        match change {
            Change::Connected { descriptor } => {
                remote.set_descriptor(descriptor);
                if reports_handshakes() {
                    self.watch_address(id, now);
                } else {
                    self.on_connected(id, now);
                }
            }
            Change::Ready => self.on_connected(id, now),
            Change::Disconnected { descriptor } => match remote.disconnect(descriptor) {
                Some(State::Up { .. }) => self.on_connection_lost(id, now),
                Some(State::Connecting) => self.on_handshake_aborted(id, now),
                // The next attempt is set already, or the connection is an older one.
                Some(State::Waiting) | None => {}
            },
            Change::Refused { status } => {
                let what = match remote.access() {
                    Access::Plain(_) => "this node's username and password, or its address",
                    Access::Clear | Access::Curve(_) => "this node",
                };
                let reason = format!("the peer's ZAP handler refused {what} (status {status})");
                self.on_handshake_refused(id, now, &reason);
            }
            Change::Mismatched => {
                let reason = "the peer uses another security mechanism, or does not speak ZeroMQ";
                self.on_handshake_refused(id, now, reason);
            }
            Change::Aborted | Change::Undecided => self.on_handshake_aborted(id, now),
            Change::Failed => self.on_attempt_failed(id, now),
            Change::Listening { .. } | Change::Accepted { .. } => {}
        }
    }

    /// Tells the owner and the log why there is no connection, unless that was done lately.
    fn report_unreachable(&mut self, id: LinkId, now: Now, reason: &str) {
        let Some(remote) = self.remote(id) else { return };
        if !remote.report_unreachable(now.mono) {
            return;
        }
        let endpoint = remote.endpoint().text().to_owned();
        let values = [("endpoint", endpoint.clone()), ("reason", reason.to_owned())];
        self.logger.warn_of(Kind::Unreachable, &values);
        self.unreachable.push_back((endpoint, reason.to_owned()));
    }
}

/// A routing id that no other connection has or had. libzmq keeps those that begin with a zero to itself.
fn routing_id(id: LinkId, attempt: u32) -> Box<[u8]> {
    let mut routing_id = Vec::with_capacity(13);
    routing_id.push(b'z');
    routing_id.extend_from_slice(&id.get().to_be_bytes());
    routing_id.extend_from_slice(&attempt.to_be_bytes());
    routing_id.into()
}
