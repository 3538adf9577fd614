//! CONNECT by host name: look-ups, and going on from an address to the next.

use std::net::SocketAddr;

use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use crate::core::{LinkId, Now};

use super::Engine;
use super::raw;
use super::timers::Timer;

/// The share of an address's time that a handshake over it may take beyond that of the connection. The peer answers
/// then, and may be busy with many others that connect to it.
const HANDSHAKE_FACTOR: u64 = 10;

/// The time after which an attempt that failed was not refused but ran out (ms), as libzmq does not tell: a little less
/// than the time that it gives an attempt.
const RAN_OUT: u64 = 4500;

/// The reason of an address from which nothing came.
const NO_ANSWER: &str = "no answer";

impl Engine {
    /// Sets the timer for the next look-up of a remote's name, if the remote has one and no connection.
    pub(super) fn expect_lookup(&mut self, id: LinkId, now: Now) {
        let Some(remote) = self.remote(id).filter(|remote| !remote.is_up()) else { return };
        if let Some(due) = remote.name().and_then(|name| name.next_lookup())
            && !self.timers.is_set(id, Timer::LookUp)
        {
            self.timers.set(id, Timer::LookUp, due.max(now.mono));
        }
    }

    /// Begins to look up the name of a remote.
    pub(super) fn look_up(&mut self, id: LinkId, now: Now) {
        let remote = self.links.get_mut(&id).and_then(|link| link.remote.as_deref_mut());
        let Some(name) = remote.and_then(|remote| remote.name()) else { return };
        let (host, port) = name.host_and_port();
        let begun = self.resolver.begin(id, host, port);
        name.set_begun(begun, now.mono);
        self.expect_lookup(id, now);
    }

    /// Acts on the look-ups that are done.
    pub(super) fn take_answers(&mut self, now: Now) {
        for answer in self.resolver.take() {
            let ipv6 = self.ipv6;
            let Some(remote) = self.remote(answer.link) else { continue };
            let Some(name) = remote.name() else { continue };
            name.take_answer(answer.found, ipv6, now.mono);
            self.follow_name(answer.link, now);
        }
    }

    /// Makes a connection to the present address of a remote's name, if there is none, and none is being made.
    fn follow_name(&mut self, id: LinkId, now: Now) {
        self.expect_lookup(id, now);
        let Some(remote) = self.remote(id) else { return };
        let Some(address) = remote.name().and_then(|name| name.candidates.current()) else { return };
        if !remote.is_connecting() {
            return; // it is connected, or tries again in a moment
        }
        if remote.dialed() != Some(address) {
            self.renew(id, now);
        } else if !self.timers.is_set(id, Timer::NextAddress) {
            self.watch_address(id, now);
        }
    }

    /// Sets the timer after which the next address of a remote is tried, if it has several.
    pub(super) fn watch_address(&mut self, id: LinkId, now: Now) {
        let Some(remote) = self.remote(id) else { return };
        let is_connected = remote.descriptor().is_some();
        let Some(name) = remote.name().filter(|name| name.candidates.are_several()) else { return };
        let patience = name.candidates.patience();
        let patience = if is_connected { HANDSHAKE_FACTOR * patience } else { patience };
        self.timers.set(id, Timer::NextAddress, now.mono + patience);
    }

    /// Handles an address from which no connection came in time.
    pub(super) fn on_address_silent(&mut self, id: LinkId, now: Now) {
        let Some(remote) = self.remote(id).filter(|remote| remote.is_connecting()) else { return };
        let is_connected = remote.descriptor().is_some();
        self.try_next_address(id, if is_connected { "no handshake" } else { NO_ANSWER }, now);
    }

    /// Handles an attempt to connect that failed. With a single address libzmq tries again.
    pub(super) fn on_attempt_failed(&mut self, id: LinkId, now: Now) {
        let Some(remote) = self.remote(id) else { return };
        if !remote.is_connecting() || remote.descriptor().is_some() {
            return; // libzmq begins anew after a connection, which is known
        }
        let Some(address) = remote.dialed() else { return };
        let duration = remote.note_attempt(now.mono);
        let reason = match why_no_way(address) {
            Some(error) => error,
            None if duration >= RAN_OUT => NO_ANSWER.to_owned(),
            None => "nobody accepts connections there".to_owned(),
        };
        self.try_next_address(id, &reason, now);
    }

    /// Goes on to the next address of a remote, at once if it was not tried in this round. With a single address there
    /// is nowhere to go.
    fn try_next_address(&mut self, id: LinkId, reason: &str, now: Now) {
        let Some(remote) = self.remote(id) else { return };
        let Some(name) = remote.name() else { return };
        name.candidates.note_failure(reason);
        if !name.candidates.are_several() {
            return;
        }
        if name.candidates.advance() {
            self.renew(id, now);
        } else {
            self.detach(id, 0);
            self.on_connection_lost(id, now);
        }
    }
}

/// The error of the system if it knows no way to an address. A datagram socket finds that out without sending anything.
fn why_no_way(address: SocketAddr) -> Option<String> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None).ok()?;
    let error = connect(&socket, &address).err()?;
    Some(raw::Error::from_errno(error.raw_os_error()).to_string())
}
