//! Words of others, as a peer tells them: what is newer is taken and told on, what is known already is not.

use super::member::{Details, Member};
use super::{Cause, LEAST_LEASE_MS, MOST_DOUBTFUL, MOST_LEASE_MS, MOST_MEMBERS, Members, Output};
use crate::core::codec::{MOST_NEIGHBOURS, MemberRecord, MemberState, ids};
use crate::core::id::LinkId;

/// The most neighbours that are remembered to have lost a member.
const MOST_DOWNS: usize = 4 * MOST_NEIGHBOURS;

/// Who tells of a member.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct Teller {
    pub(in crate::core) link: LinkId,
    /// Whether it is the member itself.
    pub(in crate::core) is_member: bool,
    /// Whether it has not the right to remove all that there is.
    pub(in crate::core) is_bound: bool,
    /// Whether more may be remembered.
    pub(in crate::core) has_room: bool,
}

impl Teller {
    /// Returns whether it may be making the member up.
    fn is_doubtful(self) -> bool {
        self.is_bound && !self.is_member
    }
}

impl Members {
    /// Takes a record that a peer tells. [`judge_neighbours`](Members::judge_neighbours) is to follow.
    pub(in crate::core) fn hear(&mut self, teller: Teller, record: &MemberRecord<'_>, now: u64) {
        let Some(state) = record.state.filter(|_| record.incarnation > 0) else { return };
        let awake = self.look(now);
        let told = (record.incarnation, record.sequence);
        if record.id == self.own {
            return self.answer(told, state != MemberState::Alive || !record.downs.is_empty(), awake);
        }
        match self.table.get(&record.id).map(Member::word) {
            Some(word) if told < word && teller.is_member => self.dispute(record.id, awake),
            Some(word) if told < word => {}
            Some(word) if told == word => self.merge(teller.link, record, state, awake),
            None if !teller.has_room || !self.has_place(teller.is_doubtful()) => {}
            _ => self.replace(teller, record, state, awake),
        }
    }

    /// Returns whether one more member may be held. `is_doubtful`: it may be made up; such ones leave room for others.
    pub(super) fn has_place(&self, is_doubtful: bool) -> bool {
        self.table.len() < MOST_MEMBERS && !(is_doubtful && self.doubtful >= MOST_DOUBTFUL)
    }

    /// Takes an old word that a member gives: it is to hear of the newer one, which a former self gave, or a stranger.
    fn dispute(&mut self, id: u64, awake: u64) {
        self.change(id, |member| member.is_disputed = true);
        self.note(id, false, awake);
    }

    /// Takes a newer word.
    fn replace(&mut self, teller: Teller, record: &MemberRecord<'_>, state: MemberState, awake: u64) {
        let (id, link) = (record.id, teller.link);
        let before = self.take(id);
        let was_alive = before.as_ref().is_some_and(|member| member.state == MemberState::Alive);
        let was_listed = before.as_ref().is_some_and(Member::is_listed);
        let mut lease_ms = record.lease.clamp(LEAST_LEASE_MS, MOST_LEASE_MS);
        let mut ends_at = awake + u64::from(record.remaining.min(lease_ms));
        if let Some(before) = before.as_ref().filter(|_| was_alive && teller.is_doubtful()) {
            // It may say that others live, and so not that they live for a shorter time.
            (lease_ms, ends_at) = (lease_ms.max(before.lease_ms), ends_at.max(before.ends_at));
        }
        // What is gone already is not missed once more.
        let held =
            if was_listed || state == MemberState::Alive { MemberState::Alive } else { MemberState::Lost };
        let mut member = before.unwrap_or_else(|| Member::unknown(ends_at, teller.is_doubtful()));
        let servers = sorted(record.servers);
        // What only renews a lease may wait a moment for others.
        let is_news = !was_listed || state != MemberState::Alive || servers != member.servers;
        (member.incarnation, member.sequence) = (record.incarnation, record.sequence);
        (member.lease_ms, member.ends_at, member.tuples) = (lease_ms, ends_at, record.tuples);
        (member.state, member.cause, member.servers) = (held, None, servers);
        (member.source, member.downs) = (Some(link), Vec::new());
        (member.is_doubtful, member.is_disputed) = (member.is_doubtful && teller.is_doubtful(), false);
        if let Some(details) = record.details.as_ref().filter(|_| teller.has_room) {
            member.set_details(Details::new(details));
        }
        let is_news = is_news || member.has_news;
        self.insert(id, member);
        if state == MemberState::Alive {
            if !was_listed {
                self.outputs.push_back(Output::Joined(id));
            }
            if !was_alive {
                self.outputs.push_back(Output::Back(id));
            }
            self.note(id, is_news, awake);
            self.doubt_again(id, awake);
            self.add_downs(link, record, awake);
        } else {
            self.add_downs(link, record, awake);
            let is_down = self.is_down(id);
            self.end(id, cause(state, is_down), Some(link), awake);
        }
    }

    /// Takes more of a word that is known.
    fn merge(&mut self, link: LinkId, record: &MemberRecord<'_>, state: MemberState, awake: u64) {
        let id = record.id;
        self.add_downs(link, record, awake);
        let Some(member) = self.table.get(&id) else { return };
        if state > member.state {
            let is_down = self.is_down(id);
            self.end(id, cause(state, is_down), Some(link), awake);
        }
    }

    /// Takes who has lost a member since its word.
    fn add_downs(&mut self, link: LinkId, record: &MemberRecord<'_>, awake: u64) {
        let id = record.id;
        let Some(member) = self.table.get(&id) else { return };
        let told = sorted(record.downs);
        let new: Vec<u64> =
            told.iter().copied().filter(|by| member.downs.binary_search(by).is_err()).collect();
        if new.is_empty() {
            return;
        }
        // Where both knew something that the other did not, the peer is told, too.
        let source = (told.len() == member.downs.len() + new.len()).then_some(link);
        self.change(id, |member| {
            member.downs.extend(new);
            member.downs.truncate(MOST_DOWNS);
            member.downs.sort_unstable();
            member.source = source;
        });
        self.note(id, true, awake);
        self.judge(id, Some(link), awake);
    }
}

fn cause(state: MemberState, is_down: bool) -> Cause {
    match state {
        MemberState::Left => Cause::Left,
        _ if is_down => Cause::Down,
        _ => Cause::Silent,
    }
}

fn sorted(list: &[u8]) -> Vec<u64> {
    let mut list: Vec<u64> = ids(list).collect();
    list.sort_unstable();
    list.dedup();
    list
}
