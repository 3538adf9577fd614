//! Members, and tuples that live as long as the nodes that announced them.
//!
//! An announced tuple is one like any other, with a mark. When its node is gone, every node ends it by itself, and all alike:
//! a tombstone stamped one later than the tuple, by the same origin, which the origin never uses for anything else. Where a
//! node has only fallen silent, as the whole other side of a cut cable does, its tuples are hidden for some minutes first:
//! that changes nothing that peers compare, so what is cut off and comes back disturbs nobody.

//!
//! | file | concern |
//! | --- | --- |
//! | this file | the state, and members: what is heard and told of them |
//! | `announced` | announced tuples: the node's own, and what becomes of those of others |
//! | `list` | the members, as the owner may see them |

mod announced;
mod list;

pub use list::MemberInfo;

use super::Node;
use crate::core::announcements::Announcements;
use crate::core::clock::{Now, Stamp};
use crate::core::codec::{MOST_ENDPOINTS, MemberRecord, MemberState, Members as Records};
use crate::core::event::{self, Event, MemberChange};
use crate::core::frame::Frame;
use crate::core::id::{LinkId, Role, Slot};
use crate::core::link::Link;
use crate::core::members::{Cause, Details, IDLE_LEASE_MS, Members, Output, Teller};
use crate::core::rights::Access;
use crate::core::store::Register;
use crate::core::timers::{Deadline, Timer};
use std::collections::{BTreeMap, BTreeSet};

/// Tuples that are hidden, shown or ended in one turn: some milliseconds.
const PORTION: usize = 1024;
/// Bytes that a place in the list of announced tuples takes.
const PLACE: usize = 32;
/// The longest endpoint that members are told, in bytes.
const MOST_ENDPOINT: usize = 255;

/// The part of a node that knows who is there.
#[derive(Clone, Debug)]
pub(super) struct Presence {
    members: Members,
    own: Announcements,
    /// Tuples that others have announced, by their origins.
    held: BTreeSet<(u64, Slot)>,
    /// Origins whose tuples are to be hidden, shown or ended.
    tasks: BTreeMap<u64, Task>,
    /// Origin from which on the next one is looked for, so that each has its turn.
    next_task: u64,
    deadline: Deadline,
    /// Version of the members when all links were last checked for output.
    told: u64,
    /// Endpoints that the node is bound to.
    endpoints: Vec<Box<[u8]>>,
    /// Whether the owner wishes to be a member without announcing anything.
    is_wished: bool,
    /// Wall time at which the node began to be a member (ms since 1970).
    since: u64,
}

/// What becomes of the tuples of an origin.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Act {
    Hide,
    Show,
    End,
}

/// Something to do with the tuples of an origin, from a slot on.
#[derive(Copy, Clone, Debug)]
struct Task {
    act: Act,
    from: Slot,
    /// Link that told of the end.
    source: Option<LinkId>,
}

/// Origin and stamp of a register that was replaced.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Mark {
    stamp: Option<Stamp>,
    is_announced: bool,
}

impl Mark {
    pub(super) fn of(register: Option<&Register>) -> Mark {
        Mark {
            stamp: register.map(|held| held.stamp),
            is_announced: register.is_some_and(Register::is_announced),
        }
    }
}

impl Presence {
    pub(super) fn new(own: u64, grace_ms: u64) -> Presence {
        let mut members = Members::new(own);
        members.set_grace(grace_ms);
        Presence {
            members,
            own: Announcements::default(),
            held: BTreeSet::new(),
            tasks: BTreeMap::new(),
            next_task: 0,
            deadline: Deadline::default(),
            told: 0,
            endpoints: Vec::new(),
            is_wished: false,
            since: 0,
        }
    }

    /// Returns whether this node has announced something that has not ended.
    pub(super) fn has_announced(&self) -> bool {
        !self.own.is_empty()
    }

    pub(super) fn set_grace(&mut self, grace_ms: u64) {
        self.members.set_grace(grace_ms);
    }

    pub(super) fn bytes(&self) -> usize {
        self.members.bytes() + self.own.bytes() + PLACE * self.held.len()
    }

    /// The version of the members up to which peers are told.
    pub(super) fn due(&self) -> u64 {
        self.members.due()
    }

    /// Returns whether there are news of members since this was last asked.
    pub(super) fn is_untold(&mut self) -> bool {
        std::mem::replace(&mut self.told, self.members.due()) != self.members.due()
    }

    #[cfg(test)]
    fn deadline_is_unset(&self) -> bool {
        self.members.next_at().is_none() && self.own.next_at().is_none()
    }

    /// The slots of tuples that another node has announced, from a slot on.
    fn held_of(&self, origin: u64, from: Slot) -> impl Iterator<Item = Slot> {
        self.held.range((origin, from)..=(origin, Slot::MAX)).map(|&(_, slot)| slot)
    }

    /// Takes the origin whose turn it is, with what is to be done.
    fn take_task(&mut self) -> Option<(u64, Task)> {
        let next = self.tasks.range(self.next_task..).next().or_else(|| self.tasks.first_key_value());
        let (&origin, &task) = next?;
        self.tasks.remove(&origin);
        self.next_task = origin.wrapping_add(1);
        Some((origin, task))
    }

    /// Notes that a slot has no announced tuple any more.
    pub(super) fn forget(&mut self, slot: Slot, was: Mark) {
        if let Some(stamp) = was.stamp.filter(|_| was.is_announced) {
            self.held.remove(&(stamp.origin, slot));
        }
    }
}

/// Returns whether a peer may not remove everything.
fn is_bound(link: &Link) -> bool {
    link.rights.table.as_ref().is_some_and(|table| !table.access(b"").allows(Access::RETRACT))
}

impl Node {
    /// Makes this node a member that others are told of, though it announces nothing; or lets it leave, unless it announces
    /// something.
    pub fn set_membership(&mut self, is_wished: bool, now: Now) {
        self.presence.is_wished = is_wished;
        if is_wished {
            self.take_part(now);
        } else if !self.presence.has_announced() {
            self.presence.members.leave(now.mono);
        }
    }

    /// Returns whether the peer of a link is a member, so that others are to know at once when it is gone.
    pub fn is_member(&self, id: LinkId) -> bool {
        let peer = self.links.get(&id).and_then(|link| link.neighbour());
        peer.is_some_and(|peer| self.presence.members.is_listed(peer))
    }

    /// Returns whether this node is to be a member though it announces nothing.
    pub fn is_membership_wished(&self) -> bool {
        self.presence.is_wished
    }

    /// Sets the endpoints that the node is bound to, which other members are told.
    pub fn set_endpoints(&mut self, endpoints: &[&[u8]], now: Now) {
        let short = endpoints.iter().filter(|endpoint| endpoint.len() <= MOST_ENDPOINT);
        self.presence.endpoints = short.take(MOST_ENDPOINTS).map(|&endpoint| endpoint.into()).collect();
        if self.presence.members.takes_part() {
            self.take_part(now);
        }
    }

    /// Tells other members of this node: that it is there, and what is to be known of it.
    fn take_part(&mut self, now: Now) {
        let is_first = !self.presence.members.takes_part();
        if is_first {
            self.presence.since = now.wall;
        }
        let details = Details {
            name: self.name.clone(),
            endpoints: self.presence.endpoints.clone(),
            release: env!("CARGO_PKG_VERSION").as_bytes().into(),
            since: self.presence.since,
        };
        let lease_ms = self.presence.own.lease_ms().unwrap_or(IDLE_LEASE_MS);
        let time = self.latest(now);
        self.presence.members.take_part(lease_ms, details, time, now.mono);
        self.tell_servers(now);
        self.schedule_presence(now);
    }

    /// Counts a peer among the neighbours, or no longer.
    pub(super) fn on_neighbour(&mut self, [before, after]: [Option<u64>; 2], now: Now) {
        if let Some(peer) = after {
            self.presence.members.link_up(peer);
        }
        if let Some(peer) = before {
            self.presence.members.link_down(peer, now.mono);
        }
        self.tell_servers(now);
        self.schedule_presence(now);
    }

    fn tell_servers(&mut self, now: Now) {
        if self.presence.members.takes_part() {
            let links = self.links.values().filter(|link| link.role() == Role::Client);
            let mut servers: Vec<u64> = links.filter_map(|link| link.neighbour()).collect();
            servers.sort_unstable();
            servers.dedup();
            self.presence.members.set_servers(servers, now.mono);
        }
    }

    /// Takes MEMBERS. A peer that may not remove everything may say of others only that they live, for who is gone takes
    /// its tuples along.
    pub(super) fn on_members(&mut self, id: LinkId, records: Records<'_>, now: Now) {
        let Some(link) = self.links.get(&id) else { return };
        let (is_bound, peer) = (is_bound(link), link.peer());
        for record in records.iter() {
            let is_its_own = peer == Some(record.id);
            let is_of_life = record.state == Some(MemberState::Alive);
            if self.is_too_far_ahead(record.incarnation, now) || is_bound && !is_its_own && !is_of_life {
                continue;
            }
            let downs = if is_bound { &[][..] } else { record.downs };
            let has_room = self.free_bytes() > 0;
            let record = MemberRecord { downs, ..record };
            let teller = Teller { link: id, is_member: is_its_own, is_bound, has_room };
            self.presence.members.hear(teller, &record, now.mono);
        }
        self.presence.members.judge_some(now.mono);
        self.tend_presence(now);
    }

    /// Makes the next MEMBERS for a link, if the peer is to be told anything.
    pub(super) fn next_members(&mut self, id: LinkId) -> Option<Frame> {
        let due = self.presence.due();
        let link = self.links.get_mut(&id)?;
        let peer = link.peer();
        let told = link.members_told(due)?;
        self.presence.members.frame(id, peer, told).map(Frame::new)
    }

    /// Returns whether a node is there, or nothing is known of it yet, of which a link tells that it has announced something.
    pub(super) fn is_heard_of(&mut self, origin: u64, id: LinkId, now: Now) -> bool {
        let is_doubtful =
            self.links.get(&id).is_some_and(|link| link.peer() != Some(origin) && is_bound(link));
        let is_heard_of = self.presence.members.is_heard_of(origin, is_doubtful, now.mono);
        self.schedule_presence(now);
        is_heard_of
    }

    fn tell_of_member(&mut self, id: u64, state: event::MemberState) {
        let name = self.presence.members.name(id);
        self.events.push_back(Event::Member(Box::new(MemberChange { id, name, state })));
    }

    /// Does what is due.
    pub(super) fn on_presence_timer(&mut self, now: Now) {
        self.presence.deadline.on_fired();
        let tuples = u32::try_from(self.count()).unwrap_or(u32::MAX);
        self.presence.members.set_tuples(tuples);
        self.presence.members.on_time(now.mono);
        self.tend_presence(now);
    }

    fn tend_presence(&mut self, now: Now) {
        while let Some(output) = self.presence.members.poll_output() {
            let (act, origin, source) = match output {
                Output::Back(origin) => (Act::Show, origin, None),
                Output::Gone(origin, Cause::Silent, source) => (Act::Hide, origin, source),
                Output::Gone(origin, _, source) => (Act::End, origin, source),
                Output::Over(origin) => (Act::End, origin, None),
                Output::Joined(id) => {
                    self.tell_of_member(id, event::MemberState::Here);
                    continue;
                }
                Output::Parted(id, cause) => {
                    let has_left = cause == Cause::Left;
                    let state = if has_left { event::MemberState::Left } else { event::MemberState::Lost };
                    self.tell_of_member(id, state);
                    continue;
                }
            };
            // Most members have announced nothing, and cost no turn.
            if self.presence.held_of(origin, 0).next().is_some() {
                self.presence.tasks.insert(origin, Task { act, from: 0, source });
            }
        }
        if let Some((origin, task)) = self.presence.take_task() {
            self.do_portion(origin, task, now);
        }
        self.announce_anew(now);
        self.schedule_presence(now);
    }

    fn schedule_presence(&mut self, now: Now) {
        let Presence { members, own, tasks, deadline, .. } = &self.presence;
        let at_once = (!tasks.is_empty()).then_some(now.mono);
        let next = [members.next_at(), own.next_at(), at_once].into_iter().flatten().min();
        // What is overdue waits for another turn, for in this one all timers that are due are handled; but no longer than it
        // waits already.
        let soon = deadline.at().map_or(now.mono + 1, |at| at.min(now.mono + 1));
        let next = next.map(|at| if at > now.mono { at } else { soon });
        self.timers.schedule(Timer::Presence, &mut self.presence.deadline, next);
    }
}

#[cfg(test)]
mod tests;
