//! The node's own word: that it is there, to whom it is connected, and in the end that it leaves.

use super::member::{Details, Member};
use super::{MOST_LEASE_MS, Members};
use crate::core::codec::{MOST_NEIGHBOURS, MemberState};

impl Members {
    /// Makes this node a member, or gives it another lease or other details. `time` is a hybrid logical time later than all
    /// that the node has used in this respect.
    pub(in crate::core) fn take_part(&mut self, lease_ms: u32, details: Details, time: u64, now: u64) {
        let awake = self.look(now);
        if !self.takes_part() {
            let before = self.take(self.own).map_or(0, |left| left.incarnation);
            let incarnation = time.max(before.saturating_add(1));
            let member = Member::unknown(u64::MAX, false);
            self.insert(self.own, Member { incarnation, has_news: true, ..member });
        } else if let Some(member) = self.table.get(&self.own)
            && member.lease_ms == lease_ms
            && *member.details() == details
        {
            return;
        }
        self.change(self.own, |member| {
            member.lease_ms = lease_ms.min(MOST_LEASE_MS);
            member.set_details(details);
        });
        self.give_word(true, awake);
    }

    /// Returns whether this node is a member, and has not left.
    pub(in crate::core) fn takes_part(&self) -> bool {
        self.is_listed(self.own)
    }

    /// Sets the servers that this node is connected to, sorted. Peers are told at once if they have changed.
    pub(in crate::core) fn set_servers(&mut self, mut servers: Vec<u64>, now: u64) {
        servers.truncate(MOST_NEIGHBOURS);
        let is_said = |member: &Member| !member.is_listed() || member.servers == servers;
        if self.table.get(&self.own).is_none_or(is_said) {
            return;
        }
        let awake = self.look(now);
        self.change(self.own, |member| member.servers = servers);
        self.give_word(true, awake);
    }

    /// Sets the number of tuples that this node holds; the next word has it.
    pub(in crate::core) fn set_tuples(&mut self, tuples: u32) {
        if let Some(member) = self.table.get_mut(&self.own) {
            member.tuples = tuples;
        }
    }

    /// Says that this node ends.
    pub(in crate::core) fn leave(&mut self, now: u64) {
        if self.takes_part() {
            let awake = self.look(now);
            self.raise();
            self.change(self.own, |member| member.state = MemberState::Left);
            self.note(self.own, true, awake);
            self.word_at = None;
        }
    }

    /// Gives the next word; nobody has lost this node then.
    pub(super) fn give_word(&mut self, is_news: bool, awake: u64) {
        self.raise();
        self.note(self.own, is_news, awake);
        let lease = self.table.get(&self.own).map_or(0, |member| member.lease_ms);
        self.word_at = Some(awake + u64::from(lease / 3).max(1));
    }

    fn raise(&mut self) {
        self.change(self.own, |member| {
            match member.sequence.checked_add(1) {
                Some(next) => member.sequence = next,
                None => (member.incarnation, member.sequence) = (member.incarnation.saturating_add(1), 0),
            }
            member.downs.clear();
            (member.state, member.source) = (MemberState::Alive, None);
        });
    }

    /// Takes what a peer tells of this node itself: a word that it never gave, as a former self or a stranger may have, or
    /// that it is gone. It gives a higher one.
    pub(super) fn answer(&mut self, told: (u64, u32), is_doubted: bool, awake: u64) {
        let Some(own) = self.table.get(&self.own).filter(|own| own.state == MemberState::Alive) else {
            return;
        };
        if told < own.word() || told == own.word() && !is_doubted {
            return;
        }
        self.change(self.own, |member| (member.incarnation, member.sequence) = told);
        self.give_word(true, awake);
    }
}
