//! History of all writes of a run, and the judge of which value may stay.
//!
//! A write has a value of its own, the moment when it was asked for, the moment when its node had taken it, and what
//! that node held of the key when it wrote. All clocks of a run are one clock, so the stamp of a write lies between
//! the two moments. What may stay follows:
//!
//! * In all cases: not a value that a write that lived on had seen and replaced, directly or by others.
//! * Where only nodes of ours write the key, and no CZMQ node stands between them: the latest. Of writes whose
//!   moments overlap, any.
//! * Something, if any write lived on; nothing only where the key was removed.
//!
//! A write lives on if a node of ours that was there when it was made, and was there until the end, has held it. What
//! died with a killed node before others had it is exempt. So is what was known to CZMQ nodes alone while nodes of
//! ours were restarted: to those, they are peers that return.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

/// Between reading the clock for a stamp and the answer, at both ends.
const SLACK: Duration = Duration::from_millis(20);
/// Time after the start of a node of ours within which what a CZMQ node writes may count as its list.
const INTRODUCTION: Duration = Duration::from_secs(5);

/// A process: its place and which one it was there.
pub type Life = (usize, usize);

#[derive(Clone, Debug)]
pub struct Write {
    pub key: String,
    /// The value; `None` if the key was removed.
    pub value: Option<String>,
    pub writer: Life,
    pub by_stock: bool,
    pub asked: Duration,
    pub taken: Option<Duration>,
    /// Write that the writer held when it wrote, as far as that is known.
    pub seen: Option<Option<String>>,
    pub held: BTreeMap<Life, Duration>,
}

/// A node of ours, as the judge needs to know it.
#[derive(Copy, Clone, Debug)]
pub struct Ours {
    pub life: Life,
    pub started: Duration,
}

#[derive(Default)]
pub struct History {
    pub writes: Vec<Write>,
    by_value: BTreeMap<(String, String), usize>,
    /// Times at which nodes of ours ended.
    pub kills: Vec<Duration>,
    has_stock: bool,
    /// A CZMQ node stands between nodes of ours: stamps do not pass it.
    is_bridged: bool,
}

impl History {
    pub fn new(has_stock: bool, is_bridged: bool) -> History {
        History { has_stock, is_bridged, ..History::default() }
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of one row")]
    pub fn add(
        &mut self,
        key: &str,
        value: Option<String>,
        writer: Life,
        by_stock: bool,
        asked: Duration,
    ) -> usize {
        let number = self.writes.len();
        if let Some(value) = &value {
            self.by_value.insert((key.to_owned(), value.clone()), number);
        }
        self.writes.push(Write {
            key: key.to_owned(),
            value,
            writer,
            by_stock,
            asked,
            taken: None,
            seen: None,
            held: BTreeMap::new(),
        });
        number
    }

    pub fn find(&self, key: &str, value: &str) -> Option<usize> {
        self.by_value.get(&(key.to_owned(), value.to_owned())).copied()
    }

    /// A process holds a value.
    pub fn holds(&mut self, key: &str, value: &str, holder: Life, at: Duration) -> Option<usize> {
        let number = self.find(key, value)?;
        self.writes[number].held.entry(holder).or_insert(at);
        Some(number)
    }

    pub fn taken(&mut self, number: usize, at: Duration) {
        self.writes[number].taken.get_or_insert(at);
    }

    fn of<'a>(&'a self, key: &'a str) -> impl Iterator<Item = (usize, &'a Write)> {
        self.writes.iter().enumerate().filter(move |(_, write)| write.key == key)
    }

    fn lives(&self, write: &Write, ours: &[Ours]) -> bool {
        let is_there = |life: Life| ours.iter().any(|node| node.life == life && node.started <= write.asked);
        if write.taken.is_some() && is_there(write.writer) {
            return true;
        }
        let since = write.asked.saturating_sub(if write.by_stock { INTRODUCTION } else { Duration::ZERO });
        let quiet = |at: Duration| {
            let restarted = |node: &Ours| node.life.1 > 1 && node.started >= since && node.started <= at;
            !self.kills.iter().any(|&kill| kill >= since && kill <= at) && !ours.iter().any(restarted)
        };
        write.held.iter().any(|(&life, &at)| is_there(life) && (!self.has_stock || quiet(at)))
    }

    /// Collects the writes that a write replaced, directly or by others.
    fn replaced(&self, number: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut next = Some(number);
        while let Some(number) = next {
            let write = &self.writes[number];
            next = match &write.seen {
                Some(Some(value)) => self.find(&write.key, value).filter(|&older| found.insert(older)),
                _ => None,
            };
        }
        found
    }

    /// Describes the fault of the value that all agree on.
    pub fn judge(&self, key: &str, value: Option<&str>, ours: &[Ours]) -> Result<(), String> {
        let living: Vec<usize> =
            self.of(key).filter(|(_, write)| self.lives(write, ours)).map(|(number, _)| number).collect();
        let stays = match value.map(|value| self.find(key, value)) {
            Some(None) => return Err("a value that nobody wrote".to_owned()),
            Some(Some(number)) => Some(number),
            None => None,
        };
        let only_ours = self.of(key).all(|(_, write)| !write.by_stock);
        let latest = living.iter().max_by_key(|&&number| self.writes[number].asked);
        let Some(&latest) = latest else { return Ok(()) };
        if only_ours && !self.is_bridged {
            let in_time =
                |write: &Write| write.taken.is_none_or(|taken| taken + SLACK >= self.writes[latest].asked);
            let right = match stays {
                Some(number) => in_time(&self.writes[number]),
                None => self.of(key).any(|(_, write)| write.value.is_none() && in_time(write)),
            };
            return if right { Ok(()) } else { Err(format!("older than write {latest}")) };
        }
        let Some(stays) = stays else {
            let removed = self.of(key).any(|(_, write)| write.value.is_none());
            return if removed { Ok(()) } else { Err("lost".to_owned()) };
        };
        match living.iter().find(|&&number| number != stays && self.replaced(number).contains(&stays)) {
            Some(number) => Err(format!("seen and replaced by write {number}")),
            None => Ok(()),
        }
    }

    /// The writes of a key, a line each.
    pub fn describe(&self, key: &str, ours: &[Ours]) -> String {
        let mut text = String::new();
        for (number, write) in self.of(key) {
            let ms = |time: Duration| time.as_millis();
            let taken = write.taken.map_or("never".to_owned(), |taken| format!("{}", ms(taken)));
            let seen = match &write.seen {
                None => "?",
                Some(None) => "nothing",
                Some(Some(value)) => value,
            };
            let value = write.value.as_deref().unwrap_or("(removed)");
            let held: Vec<String> = write
                .held
                .iter()
                .map(|(life, &at)| format!("n{}.{} at {}", life.0, life.1, ms(at)))
                .collect();
            let _ = writeln!(
                text,
                "      {number}: {value} by n{}.{}{} asked {} taken {taken}, saw {seen}{}; held by {}",
                write.writer.0,
                write.writer.1,
                if write.by_stock { " (CZMQ)" } else { "" },
                ms(write.asked),
                if self.lives(write, ours) { "" } else { ", died" },
                held.join(", "),
            );
        }
        text
    }
}

/// The judge is judged: each rule by a case that breaks it.
#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Two writes of one key by two nodes, the second of which saw the first or not.
    fn two(saw: bool, by_stock: bool) -> (History, Vec<Ours>) {
        let mut history = History::new(by_stock, false);
        for (number, value) in ["a", "b"].into_iter().enumerate() {
            let asked = at(1000 * (number as u64 + 1));
            let write = history.add("k", Some(value.to_owned()), (number, 1), by_stock, asked);
            history.taken(write, asked + at(10));
            history.holds("k", value, (2, 1), asked + at(50));
            history.writes[write].seen = Some((saw && number == 1).then(|| "a".to_owned()));
        }
        let ours = (0..3).map(|place| Ours { life: (place, 1), started: at(0) }).collect();
        (history, ours)
    }

    #[test]
    fn the_latest_of_ours_may_stay_and_no_other() {
        let (history, ours) = two(false, false);
        assert!(history.judge("k", Some("b"), &ours).is_ok());
        assert!(history.judge("k", Some("a"), &ours).is_err());
        assert!(history.judge("k", Some("c"), &ours).is_err());
        assert!(history.judge("k", None, &ours).is_err());
    }

    #[test]
    fn of_writes_that_overlap_any_may_stay() {
        let (mut history, ours) = two(false, false);
        history.writes[0].taken = Some(at(2500));
        assert!(history.judge("k", Some("a"), &ours).is_ok());
    }

    #[test]
    fn what_was_seen_and_replaced_may_not_stay_whoever_wrote() {
        let (history, ours) = two(true, true);
        assert!(history.judge("k", Some("b"), &ours).is_ok());
        assert!(history.judge("k", Some("a"), &ours).is_err());
        assert!(history.judge("k", None, &ours).is_err());
        let (history, ours) = two(false, true);
        assert!(history.judge("k", Some("a"), &ours).is_ok());
    }

    #[test]
    fn what_died_with_its_node_is_exempt() {
        let (mut history, mut ours) = two(true, false);
        history.writes[1].held.clear();
        ours[1].life = (1, 2);
        assert!(history.judge("k", Some("a"), &ours).is_ok());
        // Unless another had it
        history.holds("k", "b", (2, 1), at(2100));
        assert!(history.judge("k", Some("a"), &ours).is_err());
        // Who came later had it from somebody else
        history.writes[1].held.clear();
        history.holds("k", "b", (1, 2), at(2100));
        ours[1].started = at(2050);
        assert!(history.judge("k", Some("a"), &ours).is_ok());
    }

    #[test]
    fn the_judge_takes_a_removal_for_a_write() {
        let (mut history, ours) = two(true, false);
        let removal = history.add("k", None, (0, 1), false, at(3000));
        assert!(history.judge("k", Some("b"), &ours).is_ok(), "it was not taken");
        history.taken(removal, at(3001));
        assert!(history.judge("k", Some("b"), &ours).is_err());
        assert!(history.judge("k", None, &ours).is_ok());
    }
}
