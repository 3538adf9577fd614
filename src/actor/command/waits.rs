//! Threads of the program that wait for a state of the node.
//!
//! The node checks their conditions at the end of every turn. The threads keep their own time, and the next check drops a
//! wait that was cancelled, so that a wait costs nothing while nothing happens.

use crate::actor::promise::Promise;
use crate::core::record::RecordedNode as Node;
use crate::core::{Barrier, Now};

/// A state of the node that a thread can wait for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Condition {
    /// The node holds this many tuples, or more.
    Count(usize),
    /// The key has a value.
    Key(Box<[u8]>),
    /// Every peer that is connected, or that the node is to connect to, has everything that the node held at the beginning
    /// of the wait.
    Flushed,
    /// The file of `server/store` has what the node held at the beginning of the wait.
    Saved,
    /// At least this many peers hold exactly what the node holds, and no connected peer that speaks the extended protocol
    /// holds anything else.
    Agreement(usize),
}

/// Milliseconds before peers that disagree are asked again: a few round trips of a local network.
const RETRY_INTERVAL: u64 = 50;

struct Wait {
    condition: Condition,
    promise: Promise<usize>,
    /// The barrier that peers are asked to acknowledge.
    barrier: Option<Barrier>,
    /// The number of changes that the file is to have.
    changes: u64,
    /// Time at which the peers are to be asked again, in monotonic milliseconds.
    retry_at: Option<u64>,
}

/// The threads that wait.
#[derive(Default)]
pub struct Waits(Vec<Wait>);

impl Waits {
    /// Adds a wait for `condition`. Its promise is fulfilled by the number of tuples held, or of peers. If the condition
    /// is met already, returns that number, and drops the promise.
    pub(in crate::actor) fn add(
        &mut self,
        condition: Condition,
        promise: Promise<usize>,
        node: &mut Node,
        now: Now,
    ) -> Option<usize> {
        let asks = matches!(condition, Condition::Flushed | Condition::Agreement(_));
        let barrier = asks.then(|| node.set_barrier());
        let changes = node.save_number();
        let mut wait = Wait { condition, promise, barrier, changes, retry_at: None };
        let number = wait.check(node, now);
        if number.is_none() {
            self.0.push(wait);
        }
        number
    }

    /// Returns whether no thread waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the time at which to check the conditions if nothing happens before, in monotonic milliseconds.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.0.iter().filter_map(|wait| wait.retry_at).min()
    }

    /// Takes the waits out whose condition is met; each is to be [answered](Met::answer).
    pub fn check(&mut self, node: &mut Node, now: Now) -> Vec<Met> {
        let mut met = Vec::new();
        let mut place = 0;
        while let Some(wait) = self.0.get_mut(place) {
            if wait.promise.is_cancelled() {
                self.0.swap_remove(place);
            } else if let Some(number) = wait.check(node, now) {
                met.push(Met { promise: self.0.swap_remove(place).promise, number });
            } else {
                place += 1;
            }
        }
        met
    }
}

impl Wait {
    /// The number for the promise, if the condition is met.
    fn check(&mut self, node: &mut Node, now: Now) -> Option<usize> {
        match &self.condition {
            Condition::Count(count) => Some(node.count_readable(now)).filter(|held| held >= count),
            Condition::Key(key) => node.get(key, now).map(|_| node.count_readable(now)),
            Condition::Flushed => self
                .barrier
                .filter(|&barrier| node.count_lagging(barrier) == 0)
                .map(|barrier| node.count_acknowledged(barrier)),
            Condition::Saved => {
                Some(node.count_readable(now)).filter(|_| node.saved_number() >= self.changes)
            }
            &Condition::Agreement(peers) => self.check_agreement(peers, node, now),
        }
    }

    /// Checks [`Condition::Agreement`]. Peers say what they hold when they are asked how far they have come. That may be out
    /// of date when it arrives, so they are asked again until all agree.
    fn check_agreement(&mut self, peers: usize, node: &mut Node, now: Now) -> Option<usize> {
        if self.barrier.is_none_or(|barrier| node.count_lagging(barrier) > 0) {
            return None;
        }
        let agreement = node.agreement();
        if agreement.differ == 0 && agreement.agree >= peers {
            return Some(agreement.agree);
        }
        match self.retry_at {
            None => self.retry_at = Some(now.mono + RETRY_INTERVAL),
            Some(at) if at <= now.mono => {
                self.retry_at = None;
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
    /// Lets the thread go on.
    pub fn answer(self) {
        self.promise.fulfil(self.number);
    }
}
