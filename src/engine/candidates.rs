//! The addresses of a host name, and the one of them to which a connection is made.
//!
//! They are tried in the order of RFC 8305 (Happy Eyeballs): as the system prefers them, with the two families in turn.
//! Unlike there one at a time, for a node wants one link to its peer and no race of several. So that an address that is
//! merely slow is met, too, each round over all of them waits longer.

use std::net::SocketAddr;

/// The most addresses of a name that are tried.
const MOST: usize = 16;

/// The time that the first round gives an address for a connection (ms). RFC 8305 recommends 250 and permits 100 to
/// 2000; a connection that is given up must be begun anew, so this is patient.
const FIRST_PATIENCE: u64 = 500;

/// The longest time that a round gives an address (ms). TCP repeats its first segment after one second, so a connection
/// for which that was lost is still made.
const LONGEST_PATIENCE: u64 = 2000;

/// An address, and why there was no connection when it was tried last.
#[derive(Debug)]
struct Candidate {
    address: SocketAddr,
    failure: Option<String>,
}

/// The addresses of a host name.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    list: Vec<Candidate>,
    /// The place of the address that is tried, or connected to.
    current: usize,
    /// Addresses that have failed in this round.
    failed: usize,
    /// Rounds since the last connection.
    rounds: u32,
}

impl Candidates {
    /// Replaces the addresses by those that were found now. The one that is tried stays, if it is among them. Returns
    /// whether they are others; another order is no change, for name servers rotate what they list.
    pub(super) fn replace(&mut self, found: &[SocketAddr]) -> bool {
        let is_same = found.len() == self.list.len()
            && self.list.iter().all(|candidate| found.contains(&candidate.address));
        if is_same {
            return false;
        }
        let current = self.current();
        let mut known = std::mem::take(&mut self.list);
        self.list = found
            .iter()
            .map(|&address| {
                let place = known.iter().position(|candidate| candidate.address == address);
                place.map_or(Candidate { address, failure: None }, |place| known.swap_remove(place))
            })
            .collect();
        let place = found.iter().position(|&address| Some(address) == current);
        self.current = place.unwrap_or(0);
        (self.failed, self.rounds) = (0, 0);
        true
    }

    /// The address that is tried, or connected to; `None` if none is known.
    pub(super) fn current(&self) -> Option<SocketAddr> {
        self.list.get(self.current).map(|candidate| candidate.address)
    }

    /// Returns whether there are several.
    pub(super) fn are_several(&self) -> bool {
        self.list.len() > 1
    }

    /// The time for which a connection to the present address is waited for (ms).
    pub(super) fn patience(&self) -> u64 {
        (FIRST_PATIENCE << self.rounds.min(10)).min(LONGEST_PATIENCE)
    }

    /// Keeps the reason why there is no connection to the present address.
    pub(super) fn note_failure(&mut self, reason: &str) {
        if let Some(candidate) = self.list.get_mut(self.current) {
            candidate.failure = Some(reason.to_owned());
        }
    }

    /// Goes on to the next address. Returns whether it has not been tried in this round; else a new round begins.
    pub(super) fn advance(&mut self) -> bool {
        self.failed += 1;
        let more = self.failed < self.list.len();
        self.current = (self.current + 1) % self.list.len().max(1);
        if !more {
            self.failed = 0;
            self.rounds = self.rounds.saturating_add(1);
        }
        more
    }

    /// Notes that there is a connection to the present address.
    pub(super) fn set_connected(&mut self) {
        (self.failed, self.rounds) = (0, 0);
        self.list.iter_mut().for_each(|candidate| candidate.failure = None);
    }

    /// The addresses, each with the reason why there is no connection; `None` if there are none.
    pub(super) fn describe(&self) -> Option<String> {
        let one = |candidate: &Candidate| {
            format!("{}: {}", candidate.address, candidate.failure.as_deref().unwrap_or("no answer yet"))
        };
        let all: Vec<String> = self.list.iter().map(one).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// Puts addresses into the order in which they are tried: families in turn, beginning with that of the first address;
/// each once, and those of IPv6 only if `ipv6` is true.
pub(super) fn in_order(found: &[SocketAddr], ipv6: bool) -> Vec<SocketAddr> {
    let mut usable: Vec<SocketAddr> = Vec::new();
    for &address in found {
        if (ipv6 || address.is_ipv4()) && !usable.contains(&address) {
            usable.push(address);
        }
    }
    let first_family = usable.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        usable.into_iter().partition(|address| address.is_ipv6() == first_family);
    let mut ordered = Vec::new();
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            break;
        }
        ordered.extend(pair.into_iter().flatten());
    }
    ordered.truncate(MOST);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn candidates(texts: &[&str]) -> Candidates {
        let mut candidates = Candidates::default();
        assert!(candidates.replace(&addresses(texts)));
        candidates
    }

    fn current(candidates: &Candidates) -> String {
        candidates.current().unwrap().to_string()
    }

    #[test]
    fn families_take_turns_and_each_address_comes_once() {
        let found = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.1:1", "1.0.0.2:1"]);
        let wanted = addresses(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"]);
        assert_eq!(in_order(&found, true), wanted);
        assert_eq!(in_order(&found, false), addresses(&["1.0.0.1:1", "1.0.0.2:1"]));
        assert_eq!(in_order(&addresses(&["[::1]:1"]), false), []);
        let many: Vec<SocketAddr> = (1..=100).map(|port| ([127, 0, 0, 1], port).into()).collect();
        assert_eq!(in_order(&many, true), many[..MOST]);
    }

    #[test]
    fn all_are_tried_round_after_round_with_growing_patience() {
        let mut candidates = candidates(&["1.0.0.1:1", "1.0.0.2:1", "1.0.0.3:1"]);
        let mut patience = Vec::new();
        for _ in 0..6 {
            patience.push(candidates.patience());
            for (address, more) in [("1.0.0.1:1", true), ("1.0.0.2:1", true), ("1.0.0.3:1", false)] {
                assert_eq!(current(&candidates), address);
                assert_eq!(candidates.advance(), more);
            }
        }
        assert_eq!(patience, [500, 1000, 2000, 2000, 2000, 2000]);
        candidates.advance();
        candidates.set_connected();
        assert_eq!((current(&candidates), candidates.patience()), ("1.0.0.2:1".to_owned(), 500));
        assert!(candidates.advance() && candidates.advance(), "a round begins where the last connection was");
        assert!(!candidates.advance());
    }

    #[test]
    fn new_addresses_take_the_place_of_old_ones() {
        let mut candidates = candidates(&["1.0.0.1:1", "1.0.0.2:1"]);
        candidates.note_failure("no answer");
        candidates.advance();
        assert!(!candidates.replace(&addresses(&["1.0.0.2:1", "1.0.0.1:1"])), "another order only");
        assert_eq!(candidates.describe().unwrap(), "1.0.0.1:1: no answer; 1.0.0.2:1: no answer yet");
        assert!(candidates.replace(&addresses(&["1.0.0.3:1", "1.0.0.2:1"])));
        assert_eq!(current(&candidates), "1.0.0.2:1", "the one that is tried stays");
        assert!(candidates.replace(&addresses(&["1.0.0.4:1"])));
        assert_eq!(current(&candidates), "1.0.0.4:1");
        assert!(!candidates.are_several() && !candidates.advance());
        assert_eq!(current(&candidates), "1.0.0.4:1");
    }

    #[test]
    fn without_addresses_there_is_nothing_to_say() {
        let mut candidates = Candidates::default();
        assert!(!candidates.advance() && candidates.current().is_none() && candidates.describe().is_none());
    }
}
