//! The host name of a remote: what it was resolved to, and when it is looked up again.

use std::io;
use std::net::SocketAddr;

use super::candidates::{Candidates, in_order};

/// The shortest time between an answer and the next look-up of a name without a connection (ms). libzmq looks names up
/// for each of its attempts, which are a second apart.
const SHORTEST_INTERVAL: u64 = 1000;

/// The longest time between an answer and the next look-up of a name without a connection (ms).
const LONGEST_INTERVAL: u64 = 10_000;

/// The time after which a look-up that could not begin is tried again (ms).
const RETRY: u64 = 250;

/// The beginning of what Rust says of a name that was not resolved; the resolver's own words follow.
const PREFIX: &str = "failed to lookup address information: ";

/// The host name of a remote.
#[derive(Debug)]
pub(super) struct Name {
    host: Box<str>,
    port: u16,
    /// The addresses by the last answer that had any.
    pub(super) candidates: Candidates,
    /// Whether a look-up runs.
    is_running: bool,
    /// The moment from which on the name may be looked up (mono ms).
    due: u64,
    /// The time between the last answer and the next look-up (ms).
    interval: u64,
    /// Why the last look-up gave no address.
    failure: Option<String>,
}

impl Name {
    /// A name that was not looked up yet.
    pub(super) fn new(host: &str, port: u16) -> Name {
        Name {
            host: host.into(),
            port,
            candidates: Candidates::default(),
            is_running: false,
            due: 0,
            interval: SHORTEST_INTERVAL,
            failure: None,
        }
    }

    /// The name, and the port.
    pub(super) fn host_and_port(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// The moment from which on the name may be looked up (mono ms); `None` while it is being looked up.
    pub(super) fn next_lookup(&self) -> Option<u64> {
        (!self.is_running).then_some(self.due)
    }

    /// Notes that a look-up runs, or why it could not begin.
    pub(super) fn set_begun(&mut self, begun: io::Result<()>, now: u64) {
        match begun {
            Ok(()) => self.is_running = true,
            Err(error) => {
                self.failure = Some(error.to_string());
                self.due = now + RETRY;
            }
        }
    }

    /// Takes the answer to a look-up. Where it has no address, those that are known stay. IPv6 addresses count only if
    /// `ipv6` is true.
    pub(super) fn take_answer(&mut self, found: io::Result<Vec<SocketAddr>>, ipv6: bool, now: u64) {
        self.is_running = false;
        let usable = found.map(|found| (in_order(&found, ipv6), found.is_empty()));
        self.failure = match &usable {
            Err(error) => {
                let text = error.to_string();
                Some(text.strip_prefix(PREFIX).unwrap_or(&text).to_owned())
            }
            Ok((usable, true)) if usable.is_empty() => Some("it has none".to_owned()),
            Ok((usable, false)) if usable.is_empty() => {
                Some("it has IPv6 addresses only, and IPv6 is off".to_owned())
            }
            Ok(_) => None,
        };
        let is_news = match usable {
            Ok((usable, _)) if !usable.is_empty() => self.candidates.replace(&usable),
            _ => false,
        };
        self.interval = if is_news { SHORTEST_INTERVAL } else { (self.interval * 2).min(LONGEST_INTERVAL) };
        self.due = now + self.interval;
    }

    /// Notes that there is a connection to the present address.
    pub(super) fn set_connected(&mut self) {
        self.candidates.set_connected();
        self.failure = None;
        self.interval = SHORTEST_INTERVAL;
        self.due = 0;
    }

    /// The reason why there is no connection: the addresses, each with its own, or why there is none.
    pub(super) fn why_silent(&self) -> String {
        match (self.candidates.describe(), &self.failure) {
            (Some(addresses), None) => addresses,
            (Some(addresses), Some(failure)) => {
                format!("{addresses}; its name has no address any more: {failure}")
            }
            (None, Some(failure)) => format!("its name has no address: {failure}"),
            (None, None) => "its name is still being looked up".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(texts: &[&str]) -> io::Result<Vec<SocketAddr>> {
        Ok(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn names_are_looked_up_ever_more_rarely_until_something_changes() {
        let mut name = Name::new("host", 1);
        let mut due = Vec::new();
        for _ in 0..6 {
            name.set_begun(Ok(()), 0);
            assert_eq!(name.next_lookup(), None, "one look-up at a time");
            name.take_answer(answer(&["1.0.0.1:1"]), false, 0);
            due.push(name.next_lookup().unwrap());
        }
        assert_eq!(due, [1000, 2000, 4000, 8000, 10_000, 10_000]);
        name.take_answer(answer(&["1.0.0.2:1"]), false, 0);
        assert_eq!(name.next_lookup(), Some(1000));
        name.take_answer(answer(&["1.0.0.2:1"]), false, 0);
        name.set_connected();
        assert_eq!(name.next_lookup(), Some(0), "at once, when the connection is lost");
    }

    #[test]
    fn the_reason_is_that_of_the_name_or_of_its_addresses() {
        let mut name = Name::new("host", 1);
        assert_eq!(name.why_silent(), "its name is still being looked up");
        name.set_begun(Err(io::Error::other("no thread")), 5);
        assert_eq!(
            (name.next_lookup(), &*name.why_silent()),
            (Some(255), "its name has no address: no thread")
        );
        name.take_answer(Err(io::Error::other(format!("{PREFIX}Name or service not known"))), false, 0);
        assert_eq!(name.why_silent(), "its name has no address: Name or service not known");
        name.take_answer(answer(&[]), false, 0);
        assert_eq!(name.why_silent(), "its name has no address: it has none");
        name.take_answer(answer(&["[::1]:1"]), false, 0);
        let reason = "its name has no address: it has IPv6 addresses only, and IPv6 is off";
        assert_eq!(name.why_silent(), reason);
        name.take_answer(answer(&["[::1]:1"]), true, 0);
        assert_eq!(name.why_silent(), "[::1]:1: no answer yet");
        name.take_answer(Err(io::Error::other("try again")), true, 0);
        let reason = "[::1]:1: no answer yet; its name has no address any more: try again";
        assert_eq!(name.why_silent(), reason);
    }
}
