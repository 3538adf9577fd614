//! How far a plain server has come with what it was told.
//!
//! CZMQ's server answers PING in its turn, after all that came before it. So a PING behind the last tuple tells
//! when the server has taken that: what it says before the answer was said before it knew. However long the line
//! is, that needs no guess. A plain client answers nothing; only what it repeats shows how far it is.

/// An answer that has not come after this time (ms) is lost: with so long a silence the connection is given up.
const LOST: u64 = 10_000;

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::core) struct Receipts {
    /// Something was told since the last question.
    is_due: bool,
    /// PONGs to come until that which answers the last question, and up to when (ms) what was told came before it.
    asked: Option<(u32, u64)>,
    /// What was told up to this time (ms) has been taken.
    taken: u64,
}

impl Receipts {
    /// A tuple was told.
    pub(in crate::core) fn tell(&mut self, now: u64) {
        self.is_due = true;
        // What is told in the same millisecond, but after the question, is for the next one.
        self.asked = self.asked.map(|(pongs, at)| (pongs, at.min(now.saturating_sub(1))));
    }

    /// Whether the answer is lost, and with it the count of those that are to come. It is not waited for any longer.
    pub(in crate::core) fn give_up(&mut self, now: u64) -> bool {
        self.asked.take_if(|(_, at)| now >= *at + LOST).is_some()
    }

    /// Whether a PING is to follow what was told.
    pub(in crate::core) fn may_ask(&self) -> bool {
        self.is_due && self.asked.is_none()
    }

    /// A PING was said, and is answered by the last of so many PONGs.
    pub(in crate::core) fn ask(&mut self, pongs: u32, now: u64) {
        (self.is_due, self.asked) = (false, Some((pongs, now)));
    }

    /// A PONG has come.
    pub(in crate::core) fn pong(&mut self) {
        self.asked = match self.asked {
            Some((1, at)) => {
                self.taken = at;
                None
            }
            asked => asked.map(|(pongs, at)| (pongs.saturating_sub(1), at)),
        };
    }

    /// Whether the server has not taken yet what it was told at this time (ms), of which the upper bits follow from
    /// what time it is.
    pub(in crate::core) fn is_open(&self, told_at: u32, now: u64) -> bool {
        let ago = u64::from((now as u32).wrapping_sub(told_at));
        let taken = now.saturating_sub(ago) <= self.taken;
        !taken && ago < LOST
    }
}
