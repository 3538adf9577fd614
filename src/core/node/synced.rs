//! Whether a peer's whole state has been taken, so that what is held is all that there is so far.
//!
//! What shows it depends on the peer:
//!
//! * An extended peer: both hold the same. Or the peer has answered a probe of this session that nothing has overtaken,
//!   so that the comparison is over (see [`barrier`](super::barrier)), owes nothing, and all that was requested has come.
//! * A plain server: the PONG behind its answer to HELLO, for its list stands before that.
//! * A plain client: the end of the wait for its list.
//!
//! Whoever waits for it sets barriers, because without a question an extended peer shows it by its next heartbeat.

use super::Node;
use crate::core::id::{LinkId, Role};
use crate::core::link::Link;

impl Node {
    /// Returns whether the whole state of one peer has been taken since the node was made, or no peer is there or awaited
    /// whose state could be.
    pub fn is_synced(&self) -> bool {
        let nothing_requested = !self.anti_entropy.awaits_any();
        let mut expected = self.links.values().filter(|link| self.may_have_state(link)).peekable();
        self.synced || expected.peek().is_none() || expected.any(|link| is_taken(link, nothing_requested))
    }

    /// Returns whether something is to be taken of a peer: one that this node connects to, if only in a while, or a client
    /// that has begun a session.
    fn may_have_state(&self, link: &Link) -> bool {
        let has_come = link.role() == Role::Client || link.is_up() && link.is_joined();
        has_come && !link.is_barred() && link.peer() != Some(self.id)
    }

    /// Notes that both ends of a link hold the same, or that a plain peer's list is over.
    pub(super) fn on_state_taken(&mut self, id: LinkId) {
        self.synced |= self.links.get(&id).is_some_and(|link| self.may_have_state(link));
    }

    /// Notes that an extended peer's state is taken, if its last message shows that.
    pub(super) fn look_for_state(&mut self, id: LinkId) {
        let nothing_requested = !self.anti_entropy.awaits_any();
        let link = self.links.get(&id);
        self.synced |=
            link.is_some_and(|link| self.may_have_state(link) && is_taken(link, nothing_requested));
    }
}

fn is_taken(link: &Link, nothing_requested: bool) -> bool {
    link.is_up()
        && match link.role() {
            _ if link.is_extended() => nothing_requested && link.sync.has_told_all(),
            Role::Server => link.is_plain() && !link.list_wait.is_open(),
            Role::Client => false, // its PONG is noted when it comes
        }
}

#[cfg(test)]
mod tests;
