//! A peer's list of what it holds, which follows HELLO and names each key once. Times are milliseconds of the monotonic
//! clock.

/// Time (ms) without a further key after which a list of what a peer holds is over: a list may be long, and the line
/// slow, but a second without any of it is a pause.
pub(super) const LIST_PAUSE_MS: u64 = 1000;
/// Time (ms) after a client's HELLO in which its list may come at the latest: the client says PING every second or so
/// unless it is spoken to, and repeats what is new to it.
pub(super) const LATEST_LIST_MS: u64 = 30_000;

/// How a peer comes to name a key.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::core) enum Naming {
    /// In its list.
    Listed,
    /// In its list or after it: the list has paused, and nothing has shown yet that it is over.
    PerhapsListed,
    /// After its list.
    Said,
}

/// The list of one peer, as far as it has come.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    /// Time until which what the peer sends may be part of its list.
    until: u64,
    /// Time until which the list may yet come although it has paused: the line may have stood still before it. 0 if the
    /// peer has shown that it is past its list.
    over_at: u64,
}

impl List {
    /// HELLO was exchanged: the list follows at once. `is_client`: the peer is a client, and nothing marks the end of
    /// its list.
    pub(super) fn on_hello(&mut self, is_client: bool, now: u64) {
        self.until = now + LIST_PAUSE_MS;
        self.over_at = if is_client { now + LATEST_LIST_MS } else { 0 };
    }

    /// The peer has shown that it is past its list.
    pub(super) fn end(&mut self) {
        self.over_at = 0;
    }

    /// The peer names a key. `is_first`: for the first time since HELLO. `is_open`: the list is known to go on.
    pub(super) fn on_key(&mut self, is_first: bool, is_open: bool, now: u64) -> Naming {
        if !is_first {
            // A list names each key once.
            self.end();
            Naming::Said
        } else if is_open || now < self.until {
            self.until = self.until.max(now + LIST_PAUSE_MS);
            Naming::Listed
        } else if now < self.over_at {
            Naming::PerhapsListed
        } else {
            Naming::Said
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_with_a_pause() {
        let mut list = List::default();
        assert_eq!(list.on_key(true, false, 0), Naming::Said, "no HELLO yet");
        list.on_hello(false, 10);
        assert_eq!(list.on_key(true, false, 10), Naming::Listed);
        assert_eq!(list.on_key(false, false, 11), Naming::Said);
        assert_eq!(list.on_key(true, false, 9 + LIST_PAUSE_MS), Naming::Listed);
        assert_eq!(list.on_key(true, false, 8 + 2 * LIST_PAUSE_MS), Naming::Listed, "each key prolongs it");
        assert_eq!(list.on_key(true, false, 8 + 3 * LIST_PAUSE_MS), Naming::Said);
        assert_eq!(list.on_key(true, true, 8 + 3 * LIST_PAUSE_MS), Naming::Listed, "it is known to go on");
    }

    #[test]
    fn a_client_may_list_late_until_it_shows_that_it_is_past_its_list() {
        let late = || {
            let mut list = List::default();
            list.on_hello(true, 10);
            assert_eq!(list.on_key(true, false, 10), Naming::Listed);
            assert_eq!(list.on_key(true, false, 5_000), Naming::PerhapsListed);
            list
        };
        let mut list = late();
        assert_eq!(list.on_key(false, false, 5_001), Naming::Said, "a list does not name a key twice");
        assert_eq!(list.on_key(true, false, 5_002), Naming::Said);
        let mut list = late();
        list.end();
        assert_eq!(list.on_key(true, false, 5_002), Naming::Said);
        assert_eq!(late().on_key(true, false, 10 + LATEST_LIST_MS), Naming::Said);
    }
}
