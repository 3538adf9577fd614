//! A limit on how often a node warns of the same.

use crate::warning::Kind;
use std::collections::BTreeMap;

/// Milliseconds between two lines of one kind about one peer, key or cause.
const AGAIN: u64 = 600_000;
/// Number of warnings that are remembered: strangers may come by the thousand. What is beyond is not said.
const MOST: usize = 1024;

/// What a warning is about: the peer's id or the number of its link, a hash of a key, 0 for the node.
pub(in crate::core) type About = u64;

/// Last mention of a warning.
#[derive(Copy, Clone, Debug)]
struct Said {
    /// Time (mono ms) of the last line.
    at: u64,
    /// Whether the state of which it warned lasts.
    lasts: bool,
    /// The count that it named.
    count: u64,
}

/// Whether a state is to be mentioned.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::core) enum Mention {
    /// It is so.
    Begins,
    /// It is over.
    Ends,
}

/// Lets a warning pass when its cause shows first, and then every ten minutes at most.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Limiter(BTreeMap<(Kind, About), Said>);

impl Limiter {
    /// Returns whether a warning may be said now (mono ms). If so, it counts as said.
    pub(in crate::core) fn pass(&mut self, kind: Kind, about: About, now: u64) -> bool {
        let is_recent = |said: &Said| now < said.at + AGAIN;
        if self.0.get(&(kind, about)).is_some_and(&is_recent) {
            return false;
        }
        if self.0.len() >= MOST {
            self.0.retain(|_, said| is_recent(said));
        }
        let may = about == 0 || self.0.len() < MOST || self.0.contains_key(&(kind, about));
        if may {
            self.0.insert((kind, about), Said { at: now, lasts: false, count: 0 });
        }
        may
    }

    /// Returns whether a count may be said now (mono ms): it is another one than was said last.
    pub(in crate::core) fn pass_count(&mut self, kind: Kind, about: About, count: u64, now: u64) -> bool {
        if self.0.get(&(kind, about)).is_some_and(|said| said.count == count) {
            return false;
        }
        let may = self.pass(kind, about, now);
        if may {
            self.0.entry((kind, about)).and_modify(|said| said.count = count);
        }
        may
    }

    /// Notes that what is counted about a peer begins at nothing again: its link is closed.
    pub(in crate::core) fn count_anew(&mut self, about: About) {
        for (_, said) in self.0.iter_mut().filter(|((_, of), _)| *of == about) {
            said.count = 0;
        }
    }

    /// Notes whether a state lasts of which a warning is due (mono ms), and returns what is to be said. That it is over is
    /// said once, and only if it was said that it is so.
    pub(in crate::core) fn state(&mut self, kind: Kind, about: About, is: bool, now: u64) -> Option<Mention> {
        if !is {
            let said = self.0.get_mut(&(kind, about))?;
            return std::mem::take(&mut said.lasts).then_some(Mention::Ends);
        }
        self.pass(kind, about, now).then(|| {
            self.0.entry((kind, about)).and_modify(|said| said.lasts = true);
            Mention::Begins
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_said_every_ten_minutes_and_its_end_once() {
        let mut limiter = Limiter::default();
        let mut said = Vec::new();
        for now in (0..1_500_000).step_by(1000) {
            let is = (5000..1_300_000).contains(&now);
            said.extend(limiter.state(Kind::OwnClock, 0, is, now).map(|mention| (now, mention)));
        }
        let begins = [5000, 605_000, 1_205_000].map(|at| (at, Mention::Begins));
        assert_eq!(said[..3], begins);
        assert_eq!(said[3..], [(1_300_000, Mention::Ends)]);
        // What comes and goes is said once, and so is its end.
        let mentions: Vec<_> =
            (0..100).filter_map(|now| limiter.state(Kind::Loop, 0, now % 2 == 0, now)).collect();
        assert_eq!(mentions, [Mention::Begins, Mention::Ends]);
    }

    #[test]
    fn a_crowd_of_strangers_is_not_remembered_without_bound() {
        let mut limiter = Limiter::default();
        let said = (0..100_000).filter(|&about| limiter.pass(Kind::Malformed, about, 5)).count();
        assert_eq!((said, limiter.0.len()), (MOST, MOST));
        assert!(limiter.pass(Kind::Malformed, 7, 5 + AGAIN), "later ones are said again");
    }
}
