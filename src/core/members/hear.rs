//! Words of others, as a peer tells them: what is newer is taken and told on, what is known already is not.

use super::member::{Details, Member};
use super::{Cause, LEAST_LEASE_MS, MOST_LEASE_MS, MOST_MEMBERS, Members, Output};
use crate::core::codec::{MOST_NEIGHBOURS, MemberRecord, MemberState, ids};
use crate::core::id::LinkId;

/// The most neighbours that are remembered to have lost a member.
const MOST_DOWNS: usize = 4 * MOST_NEIGHBOURS;

impl Members {
    /// Takes a record that a peer tells by `link`; [`judge_some`](Members::judge_some) is to follow. `has_room`: more may be
    /// remembered.
    pub(in crate::core) fn hear(
        &mut self,
        link: LinkId,
        record: &MemberRecord<'_>,
        has_room: bool,
        now: u64,
    ) {
        let Some(state) = record.state.filter(|_| record.incarnation > 0) else { return };
        let awake = self.look(now);
        let told = (record.incarnation, record.sequence);
        if record.id == self.own {
            return self.answer(told, state != MemberState::Alive || !record.downs.is_empty(), awake);
        }
        match self.table.get(&record.id).map(Member::word) {
            Some(word) if told < word => {}
            Some(word) if told == word => self.merge(link, record, state, awake),
            None if !has_room || self.table.len() >= MOST_MEMBERS => {}
            _ => self.replace(link, record, state, awake),
        }
    }

    /// Takes a newer word.
    fn replace(&mut self, link: LinkId, record: &MemberRecord<'_>, state: MemberState, awake: u64) {
        let id = record.id;
        let before = self.take(id);
        let was_alive = before.as_ref().is_some_and(|member| member.state == MemberState::Alive);
        let was_listed = before.as_ref().is_some_and(Member::is_listed);
        let lease_ms = record.lease.clamp(LEAST_LEASE_MS, MOST_LEASE_MS);
        let ends_at = awake + u64::from(record.remaining.min(lease_ms));
        // What is gone already is not missed once more.
        let held =
            if was_listed || state == MemberState::Alive { MemberState::Alive } else { MemberState::Lost };
        let mut member = before.unwrap_or_else(|| Member::unknown(ends_at));
        let servers = sorted(record.servers);
        // What only renews a lease may wait a moment for others.
        let is_news = !was_listed || state != MemberState::Alive || servers != member.servers;
        (member.incarnation, member.sequence) = (record.incarnation, record.sequence);
        (member.lease_ms, member.ends_at, member.tuples) = (lease_ms, ends_at, record.tuples);
        (member.state, member.cause, member.servers) = (held, None, servers);
        (member.source, member.downs) = (Some(link), Vec::new());
        if let Some(details) = &record.details {
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
