//! Threads of the program that wait until something is so.
//!
//! The node looks at the end of every turn whether it is; the threads keep their own time, and a wait that was given
//! up is swept out at the next look. So a wait costs nothing while nothing happens.

use crate::actor::promise::Promise;
use crate::core::record::RecordedNode as Node;
use crate::core::{Barrier, Now};

/// What a thread may wait for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Condition {
    /// So many tuples are held, or more.
    Count(usize),
    /// This key has a value.
    Key(Box<[u8]>),
    /// Every peer, connected or to be connected to, has what is held at the beginning of the wait.
    Taken,
    /// At least so many peers hold exactly what we do, and no connected one that speaks the extended protocol holds
    /// anything else.
    Agreement(usize),
}

/// How long to wait before peers that disagree are asked again (ms).
const AGAIN: u64 = 50;

struct Wait {
    condition: Condition,
    promise: Promise<usize>,
    /// What peers were asked about.
    barrier: Option<Barrier>,
    /// They are to be asked again then.
    again_at: Option<u64>,
}

/// The threads that wait.
#[derive(Default)]
pub struct Waits(Vec<Wait>);

impl Waits {
    /// One more waits for a number: how many tuples there are, or how many peers. If the condition is met already,
    /// the number is returned, and nothing promised.
    pub(in crate::actor) fn add(
        &mut self,
        condition: Condition,
        promise: Promise<usize>,
        node: &mut Node,
        now: Now,
    ) -> Option<usize> {
        let asks = matches!(condition, Condition::Taken | Condition::Agreement(_));
        let barrier = asks.then(|| node.set_barrier());
        let mut wait = Wait { condition, promise, barrier, again_at: None };
        let number = wait.look(node, now);
        if number.is_none() {
            self.0.push(wait);
        }
        number
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When to look, if nothing happens before (ms, monotonic).
    pub fn poll_timeout(&self) -> Option<u64> {
        self.0.iter().filter_map(|wait| wait.again_at).min()
    }

    /// Take those out whose condition is met; each is to be [told](Met::tell).
    pub fn look(&mut self, node: &mut Node, now: Now) -> Vec<Met> {
        let mut met = Vec::new();
        let mut place = 0;
        while let Some(wait) = self.0.get_mut(place) {
            if wait.promise.is_given_up() {
                self.0.swap_remove(place);
            } else if let Some(number) = wait.look(node, now) {
                met.push(Met { promise: self.0.swap_remove(place).promise, number });
            } else {
                place += 1;
            }
        }
        met
    }
}

impl Wait {
    fn look(&mut self, node: &mut Node, now: Now) -> Option<usize> {
        match &self.condition {
            Condition::Count(count) => Some(node.count_readable(now)).filter(|held| held >= count),
            Condition::Key(key) => node.get(key, now).map(|_| node.count_readable(now)),
            Condition::Taken => self
                .barrier
                .filter(|&barrier| node.count_lagging(barrier) == 0)
                .map(|barrier| node.count_acknowledged(barrier)),
            &Condition::Agreement(peers) => self.look_for_agreement(peers, node, now),
        }
    }

    /// Peers say what they hold when they are asked how far they have come. What they say may be overtaken, so they
    /// are asked until it fits.
    fn look_for_agreement(&mut self, peers: usize, node: &mut Node, now: Now) -> Option<usize> {
        if self.barrier.is_none_or(|barrier| node.count_lagging(barrier) > 0) {
            return None;
        }
        let agreement = node.agreement();
        if agreement.differ == 0 && agreement.agree >= peers {
            return Some(agreement.agree);
        }
        match self.again_at {
            None => self.again_at = Some(now.mono + AGAIN),
            Some(at) if at <= now.mono => {
                self.again_at = None;
                self.barrier = Some(node.set_barrier());
            }
            Some(_) => {}
        }
        None
    }
}

/// A wait whose condition is met.
pub struct Met {
    promise: Promise<usize>,
    number: usize,
}

impl Met {
    /// Let the thread go on.
    pub fn tell(self) {
        self.promise.keep(self.number);
    }
}
