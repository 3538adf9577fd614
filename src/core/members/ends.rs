//! Who is gone: leases that end, links that are lost, and what follows from both.

use super::{Cause, Members, Output, REMEMBER_MS, SILENT_MS};
use crate::core::codec::MemberState;
use crate::core::id::LinkId;
use crate::core::visits::visit;
use std::collections::btree_map::Entry;

/// Members whose leases end in one call, that are said to be lost, or whose neighbours are judged.
const MOST_ENDS: usize = 256;

impl Members {
    /// Notes that this node has a link to a peer, or another one.
    pub(in crate::core) fn link_up(&mut self, peer: u64) {
        *self.linked.entry(peer).or_default() += 1;
        self.find_again(peer);
    }

    /// Counts a member as lost from a time on (awake ms), unless it does already.
    fn lose(&mut self, id: u64, at: u64) {
        if let Entry::Vacant(place) = self.lost.entry(id) {
            place.insert(at);
            self.lost_at.insert((at, id));
        }
    }

    /// Counts a member among the lost no more.
    fn find_again(&mut self, id: u64) {
        if let Some(at) = self.lost.remove(&id) {
            self.lost_at.remove(&(at, id));
        }
    }

    /// Notes that this node has a link to a peer less.
    pub(in crate::core) fn link_down(&mut self, peer: u64, now: u64) {
        let Some(links) = self.linked.get_mut(&peer) else { return };
        *links -= 1;
        if *links == 0 {
            self.linked.remove(&peer);
            if self.table.contains_key(&peer) {
                let awake = self.look(now);
                self.find_again(peer);
                self.lose(peer, awake + self.grace_ms);
            }
        }
    }

    /// Doubts a member that counts this node among its neighbours, and has no link to it.
    pub(super) fn doubt_again(&mut self, id: u64, awake: u64) {
        let Some(member) = self.table.get(&id) else { return };
        if member.servers.contains(&self.own) && !self.linked.contains_key(&id) {
            self.lose(id, awake + self.grace_ms);
        }
    }

    /// The time (monotonic ms) at which [`on_time`](Members::on_time) is to be called.
    pub(in crate::core) fn next_at(&self) -> Option<u64> {
        let lost = self.lost_at.first().map(|&(at, _)| at);
        let to_judge = (!self.to_judge.is_empty()).then_some(0);
        let lease = self.leases.first().map(|&(at, _)| at);
        let next = [self.tell_at, self.word_at, lost, lease, to_judge].into_iter().flatten().min()?;
        let look = if self.leases.is_empty() { u64::MAX } else { self.awake.look_at() };
        Some(self.awake.mono(next).min(look))
    }

    /// Does what is due.
    pub(in crate::core) fn on_time(&mut self, now: u64) {
        let awake = self.look(now);
        if self.word_at.is_some_and(|at| at <= awake) {
            self.give_word(false, awake);
        }
        for _ in 0..MOST_ENDS {
            let Some(&(_, id)) = self.lost_at.first().filter(|&&(at, _)| at <= awake) else { break };
            visit(1);
            self.find_again(id);
            self.say_down(id, awake);
        }
        for _ in 0..MOST_ENDS {
            let Some(&(at, id)) = self.leases.first() else { break };
            if at > awake {
                break;
            }
            self.on_lease_end(id, awake);
        }
        self.judge_neighbours(awake);
        if self.tell_at.is_some_and(|at| at <= awake) {
            (self.due, self.tell_at) = (self.version, None);
        }
    }

    fn on_lease_end(&mut self, id: u64, awake: u64) {
        let Some(member) = self.table.get(&id) else { return };
        match (member.state, member.cause) {
            (MemberState::Alive, _) => {
                let source = member.source;
                self.end(id, Cause::Silent, source, awake);
            }
            (_, Some(Cause::Silent)) => {
                self.change(id, |member| {
                    (member.cause, member.ends_at) = (Some(Cause::Down), awake + REMEMBER_MS);
                });
                self.outputs.push_back(Output::Over(id));
            }
            _ => {
                self.take(id);
                self.outputs.push_back(Output::Over(id));
            }
        }
    }

    /// Says that this node has lost a member.
    fn say_down(&mut self, id: u64, awake: u64) {
        let own = self.own;
        let is_said = |downs: &[u64]| downs.binary_search(&own).is_ok();
        if self.table.get(&id).is_none_or(|member| !member.is_listed() || is_said(&member.downs)) {
            return;
        }
        self.change(id, |member| {
            member.downs.push(own);
            member.downs.sort_unstable();
            member.source = None;
        });
        self.note(id, true, awake);
        self.judge(id, None, awake);
    }

    /// Gives a member up if all its neighbours have lost it.
    pub(super) fn judge(&mut self, id: u64, source: Option<LinkId>, awake: u64) {
        let is_open =
            self.table.get(&id).is_some_and(|member| matches!(member.cause, None | Some(Cause::Silent)));
        if is_open && self.is_down(id) {
            self.end(id, Cause::Down, source, awake);
        }
    }

    /// Returns whether all neighbours of a member have lost it, or are gone for good themselves. Its neighbours are the
    /// servers that it has named, the members that have named it as a server, and this node if there is a link.
    pub(super) fn is_down(&self, id: u64) -> bool {
        let Some(member) = self.table.get(&id).filter(|member| !member.downs.is_empty()) else {
            return false;
        };
        let is_gone = |other: u64| {
            self.table
                .get(&other)
                .is_some_and(|other| other.state != MemberState::Alive && other.cause != Some(Cause::Silent))
        };
        let clients = self.clients.range((id, 0)..=(id, u64::MAX)).map(|&(_, client)| client);
        !self.linked.contains_key(&id)
            && member
                .servers
                .iter()
                .copied()
                .chain(clients)
                .all(|neighbour| member.downs.binary_search(&neighbour).is_ok() || is_gone(neighbour))
    }

    /// Notes that a member is gone.
    pub(super) fn end(&mut self, id: u64, cause: Cause, source: Option<LinkId>, awake: u64) {
        let Some(before) = self.table.get(&id) else { return };
        let (was_told, is_known) = (before.cause.is_some(), before.is_known());
        if before.is_listed() {
            self.outputs.push_back(Output::Parted(id, cause));
        }
        let keep = if cause == Cause::Silent { SILENT_MS } else { REMEMBER_MS };
        self.change(id, |member| {
            member.state = if cause == Cause::Left { MemberState::Left } else { MemberState::Lost };
            (member.cause, member.source) = (Some(cause), source.or(member.source));
            member.ends_at = awake + keep;
        });
        if is_known && !(was_told && cause == Cause::Down) {
            self.note(id, true, awake);
        }
        self.outputs.push_back(Output::Gone(id, cause, source));
        if cause != Cause::Silent {
            self.to_judge.insert(id, (source, 0));
        }
    }

    /// Does the same at a time (monotonic ms), for callers outside.
    pub(in crate::core) fn judge_some(&mut self, now: u64) {
        let awake = self.look(now);
        self.judge_neighbours(awake);
    }

    /// Judges the neighbours of those that are gone, and theirs: some of them, the others when there is time.
    pub(super) fn judge_neighbours(&mut self, awake: u64) {
        let mut left = MOST_ENDS;
        while let Some((gone, source, from)) = self.next_to_judge() {
            if left == 0 {
                self.to_judge.insert(gone, (source, from));
                break;
            }
            let servers = self.table.get(&gone).filter(|_| from == 0).map(|gone| gone.servers.clone());
            let clients = self.clients.range((gone, from)..=(gone, u64::MAX)).map(|&(_, client)| client);
            let clients: Vec<u64> = clients.take(left).collect();
            let rest_from =
                clients.last().filter(|_| clients.len() == left).and_then(|last| last.checked_add(1));
            if let Some(from) = rest_from {
                self.to_judge.insert(gone, (source, from));
            }
            left = left.saturating_sub(clients.len() + 1);
            visit(clients.len() + 1);
            for id in servers.into_iter().flatten().chain(clients) {
                self.judge(id, source, awake);
            }
        }
    }

    /// Takes the member whose neighbours are judged next, with the link that told of its end and the client to begin with.
    fn next_to_judge(&mut self) -> Option<(u64, Option<LinkId>, u64)> {
        let next = self.to_judge.range(self.next_judged..).next();
        let (&gone, &(source, from)) = next.or_else(|| self.to_judge.first_key_value())?;
        self.to_judge.remove(&gone);
        self.next_judged = gone.wrapping_add(1);
        Some((gone, source, from))
    }
}
