//! Many connections: which of them are ended when they are too many, or when descriptors run short.
//!
//! libzmq accepts whoever connects, and without a descriptor it tries again at once, for ever: its thread is busy with
//! that, and newcomers stay out. So some descriptors are kept free. When a connection is accepted beyond that, one that
//! says nothing is ended, the newcomer itself if there is no other. Newcomers that were quick enough to speak are turned
//! away when half of the reserve is used up. Should all be taken nevertheless, by the program perhaps, connections that
//! wait are taken with one that was held in reserve, and closed.

use std::os::fd::RawFd;

use crate::core::{LinkId, Now};
use crate::warning::Kind;

use super::Engine;
use super::accepted::{Accepted, place_of};
use super::admission::NOBODY_IS_ADMITTED;
use super::raw::{self, Change, Connection, Listener, MonitorEvent, Refused, Spare};
use super::router::Router;
use super::throttle::Throttle;

/// Silent connections that may stay. Each has a handshake to make, which takes some milliseconds, or up to
/// [`GRACE`] on a slow line: more come at once only where a thousand nodes start.
const MOST_SILENT: usize = 512;
/// The time for which a newcomer may be silent whatever the number of others (ms): a handshake by CURVE over a line
/// with a round trip of half a second.
const GRACE: u64 = 2000;
/// Silent connections from which on there is no grace: some 4 kB of memory each.
const MOST_WITH_GRACE: usize = 4096;

/// The shortest and the longest time between two looks at descriptors (ms): a look costs two system calls.
const OFTEN: u64 = 100;
const SELDOM: u64 = 5000;

/// Connections that are refused in one turn of the loop: each costs three system calls.
const REFUSALS: usize = 64;

/// Connections that may wait at an IPC listener, as in libzmq.
const MOST_LOCAL_BACKLOG: u64 = 100;

/// Milliseconds between two warnings.
const WARNING_INTERVAL: u64 = 60_000;

/// Accepted connections, and how crowded it is.
pub(super) struct Crowding {
    pub(super) accepted: Accepted,
    listeners: Vec<Listener>,
    /// The connections that may wait at listeners over IPC; `None` where there is none, or a new one.
    local_backlog: Option<i32>,
    /// One descriptor for a moment in which there is no other, held while something is bound.
    spare: Spare,
    /// Whether the process has no descriptors left and no silent connection could be ended.
    is_full: bool,
    /// Whether connections are to be refused as soon as they come.
    refuses: bool,
    /// Time (mono ms) of the next look.
    next_look: Option<u64>,
    /// Descriptors that are lacking though no silent connection is left to be ended: so many newcomers are turned away
    /// when they speak.
    deficit: u64,
    /// Connections that were ended, and not yet warned of.
    ended: u64,
    warnings: Throttle,
}

impl Default for Crowding {
    fn default() -> Crowding {
        Crowding {
            accepted: Accepted::default(),
            listeners: Vec::new(),
            local_backlog: None,
            spare: Spare::default(),
            is_full: false,
            refuses: false,
            next_look: None,
            deficit: 0,
            ended: 0,
            warnings: Throttle::constant(WARNING_INTERVAL),
        }
    }
}

impl Crowding {
    /// The moment of the next look (mono ms); `None` while nothing is bound.
    pub(super) fn next_look(&self) -> Option<u64> {
        self.next_look
    }

    /// The listening sockets to wait for, where connections are refused as they come.
    pub(super) fn refusing(&self) -> impl Iterator<Item = RawFd> {
        let refuses = self.refuses;
        self.listeners.iter().filter(move |_| refuses).filter_map(Listener::fd)
    }

    /// Takes what a listener's monitor reports. Returns the link of a connection that is gone.
    fn handle_event(&mut self, event: &MonitorEvent, now: u64) -> Option<LinkId> {
        match event.change {
            Change::Listening { descriptor } => {
                self.listeners.retain(|listener| listener.fd().is_some());
                self.listeners.extend(i32::try_from(descriptor).ok().and_then(Listener::of));
                self.local_backlog = None;
                self.next_look = Some(now);
            }
            Change::Accepted { descriptor } => {
                let fd = i32::try_from(descriptor).ok()?;
                // It may be closed by now, which the next events say, and its number be something else's.
                if let Some(connection) = Connection::of(fd)
                    && raw::is_accepted_at(fd, &event.endpoint)
                {
                    let place = raw::tcp_peer(fd).and_then(|far| place_of(far.ip()));
                    self.next_look = Some(now);
                    return self.accepted.add(fd, connection, place, now);
                }
            }
            Change::Disconnected { descriptor } => {
                return self.accepted.remove(i32::try_from(descriptor).ok()?);
            }
            _ => {}
        }
        None
    }

    /// Holds a descriptor in reserve from now on.
    pub(super) fn hold_spare(&mut self) {
        self.spare.hold();
    }

    /// Ends a connection whose first message has come, if descriptors are lacking. Returns whether it did.
    pub(super) fn turn_away(&mut self, fd: RawFd, now: u64) -> bool {
        let is_ended = self.deficit > 0 && self.accepted.end(fd, now);
        if is_ended {
            self.deficit -= 1;
            self.ended += 1;
        }
        is_ended
    }

    /// Ends silent connections beyond their number, and for descriptors that are lacking. Returns how many.
    fn end_silent(&mut self, lacking: usize, now: u64) -> usize {
        let mut count = 0;
        while self.accepted.silent() > MOST_WITH_GRACE && self.accepted.end_one(u64::MAX, now) {
            count += 1;
        }
        while self.accepted.silent() > MOST_SILENT && self.accepted.end_one(now.saturating_sub(GRACE), now) {
            count += 1;
        }
        while count < lacking && self.accepted.end_one(u64::MAX, now) {
            count += 1;
        }
        count
    }

    /// Lets fewer connections wait at listeners over IPC the fewer descriptors are free, so that whoever connects has to
    /// wait for what this node makes of the last ones.
    fn limit_local_backlog(&mut self, free: u64) {
        let backlog = (free / 16).min(MOST_LOCAL_BACKLOG) as i32;
        if self.local_backlog.replace(backlog) != Some(backlog) {
            let local = self.listeners.iter().filter(|listener| listener.is_local());
            local.for_each(|listener| listener.set_backlog(backlog));
        }
    }

    /// The descriptors to keep free: for the sockets that the program may still want to make, and for those that libzmq
    /// accepts before the node's thread comes to look. Where an IPC listener gets none, libzmq ends the process.
    fn reserve(&self, limit: u64) -> u64 {
        if self.listeners.iter().any(Listener::is_local) {
            (limit / 4).clamp(16, 256)
        } else {
            (limit / 16).clamp(4, 64)
        }
    }

    /// Refuses connections that wait. Returns whether that was possible.
    fn refuse_waiting(&mut self) -> bool {
        for listener in &self.listeners {
            for _ in 0..REFUSALS {
                self.spare.release();
                let refused = listener.refuse();
                self.spare.hold();
                match refused {
                    Refused::One => {}
                    Refused::None => break,
                    Refused::NoDescriptor => return false,
                }
            }
        }
        true
    }
}

impl Engine {
    /// Notes what the listening socket's monitor reports.
    pub(super) fn note_arrivals(&mut self, router: &mut Router, now: Now) {
        while let Some(event) = router.monitor_events.pop_front() {
            if event.change == Change::Undecided {
                self.warn_of_nobody(&event.endpoint, NOBODY_IS_ADMITTED);
            }
            let gone = self.crowding.handle_event(&event, now.mono);
            // Otherwise the next message to it fails, soon enough. But another client may take its routing id before, and
            // would be sent what that one might read; and a member is missed by all others.
            if let Some(id) = gone.filter(|&id| self.tells_clients_apart() || self.node.is_member(id)) {
                self.on_client_gone(id, now);
            }
        }
    }

    /// Makes room where connections are too many. Called in every turn of the loop.
    pub(super) fn make_room(&mut self, now: Now) {
        if self.crowding.next_look.is_none_or(|at| now.mono < at) && !self.crowding.refuses {
            return;
        }
        if self.bound.is_empty() {
            self.crowding = Crowding::default();
            return;
        }
        let (used, limit) = raw::descriptors_in_use().unwrap_or((0, u64::MAX));
        let crowding = &mut self.crowding;
        let closing = crowding.accepted.ending(now.mono) as u64;
        let wanted = crowding.reserve(limit);
        let free = (limit - used).saturating_add(closing);
        let ended = crowding.end_silent(wanted.saturating_sub(free) as usize, now.mono);
        crowding.ended += ended as u64;
        crowding.deficit = (wanted / 2).saturating_sub(free.saturating_add(ended as u64));
        crowding.limit_local_backlog(limit - used);
        crowding.is_full = !crowding.spare.hold() || (used == limit && closing == 0 && ended == 0);
        crowding.refuses = crowding.is_full && crowding.refuse_waiting();
        let is_near = free < 2 * wanted || crowding.accepted.silent() > MOST_SILENT;
        crowding.next_look = Some(now.mono + if is_near { OFTEN } else { SELDOM });
        if crowding.ended > 0 && crowding.warnings.pass(now.mono) {
            let count = std::mem::take(&mut crowding.ended);
            let values = [
                ("count", count.to_string()),
                ("silent", crowding.accepted.silent().to_string()),
                ("used", used.to_string()),
                ("limit", limit.to_string()),
            ];
            self.logger.warn_of(Kind::Silent, &values);
        }
    }
}
