//! What is known of one member.

use super::{Cause, MOST_NEWS};
use crate::core::codec::{MOST_ENDPOINTS, MemberDetails, MemberState};
use crate::core::id::LinkId;

/// Longest name and version that are kept, in bytes.
const MOST_TEXT: usize = 64;

/// A member, as one node knows it.
#[derive(Clone, Debug)]
pub(in crate::core) struct Member {
    /// Hybrid logical time at which it began to be a member; 0 where nothing was heard of it.
    pub(super) incarnation: u64,
    /// Number of its word.
    pub(super) sequence: u32,
    pub(super) state: MemberState,
    /// Reason why it is gone.
    pub(super) cause: Option<Cause>,
    pub(super) lease_ms: u32,
    /// When the lease ends, or the member is forgotten (awake ms); `u64::MAX` for never.
    pub(super) ends_at: u64,
    pub(super) tuples: u32,
    /// Servers that it is connected to, sorted.
    pub(super) servers: Vec<u64>,
    /// Neighbours that have lost it since its word, sorted.
    pub(super) downs: Vec<u64>,
    pub(super) details: Details,
    /// Link by which the last news of it came.
    pub(super) source: Option<LinkId>,
    /// Place in the order of news; 0 for none: peers are not told of it.
    pub(super) version: u64,
    /// Version at which its details last changed.
    pub(super) details_version: u64,
    /// Whether its details have changed, and have no version yet.
    pub(super) has_news: bool,
    /// Whether only peers with bounded rights have told of it.
    pub(super) is_doubtful: bool,
    /// Whether it gives words older than the one that is known.
    pub(super) is_disputed: bool,
    /// Second in which peers were told of it last (since when, awake ms), and how often.
    pub(super) news_since: u64,
    pub(super) news: u8,
}

/// What a member tells once of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::core) struct Details {
    /// Name of the node, in any encoding; empty for none.
    pub(in crate::core) name: Box<[u8]>,
    /// Endpoints that it is bound to, in any encoding.
    pub(in crate::core) endpoints: Vec<Box<[u8]>>,
    /// Version of the library, in any encoding.
    pub(in crate::core) release: Box<[u8]>,
    /// Wall time at which it began to be a member, milliseconds since 1970.
    pub(in crate::core) since: u64,
}

impl Details {
    pub(super) fn new(told: &MemberDetails<'_>) -> Details {
        let short = |text: &[u8]| text[..text.len().min(MOST_TEXT)].into();
        let endpoints = told.endpoints.iter().filter(|endpoint| !endpoint.is_empty());
        Details {
            name: short(told.name),
            endpoints: endpoints.map(|&endpoint| endpoint.into()).collect(),
            release: short(told.release),
            since: told.since,
        }
    }

    pub(super) fn told(&self) -> MemberDetails<'_> {
        let mut endpoints = [&[][..]; MOST_ENDPOINTS];
        endpoints.iter_mut().zip(&self.endpoints).for_each(|(place, endpoint)| *place = endpoint);
        MemberDetails { name: &self.name, endpoints, release: &self.release, since: self.since }
    }

    fn bytes(&self) -> usize {
        let endpoints: usize = self.endpoints.iter().map(|endpoint| endpoint.len() + 16).sum();
        self.name.len() + self.release.len() + endpoints
    }
}

impl Member {
    /// A node of which nothing is known but that it has announced a tuple. `is_doubtful`: not even that is certain.
    pub(super) fn unknown(ends_at: u64, is_doubtful: bool) -> Member {
        Member {
            incarnation: 0,
            sequence: 0,
            state: MemberState::Alive,
            cause: None,
            lease_ms: 0,
            ends_at,
            tuples: 0,
            servers: Vec::new(),
            downs: Vec::new(),
            details: Details::default(),
            source: None,
            version: 0,
            details_version: 0,
            has_news: false,
            is_doubtful,
            is_disputed: false,
            news_since: 0,
            news: 0,
        }
    }

    /// Returns whether it has given a word, which holds.
    pub(in crate::core) fn is_listed(&self) -> bool {
        self.is_known() && self.state == MemberState::Alive
    }

    /// Returns whether it has given a word.
    pub(super) fn is_known(&self) -> bool {
        self.incarnation > 0
    }

    /// Counts news of it at a time (awake ms). Returns whether they are few.
    pub(super) fn count_news(&mut self, awake: u64) -> bool {
        if awake >= self.news_since + 1000 {
            (self.news_since, self.news) = (awake, 0);
        }
        self.news = self.news.saturating_add(1);
        self.news <= MOST_NEWS
    }

    /// Its word; of two, the larger one is newer.
    pub(super) fn word(&self) -> (u64, u32) {
        (self.incarnation, self.sequence)
    }

    pub(in crate::core) fn details(&self) -> &Details {
        &self.details
    }

    /// Replaces the details. Peers are told of those that differ.
    pub(super) fn set_details(&mut self, details: Details) {
        if details != self.details {
            (self.details, self.has_news) = (details, true);
        }
    }

    pub(in crate::core) fn tuples(&self) -> u32 {
        self.tuples
    }

    /// Bytes that it takes, with its places in the indices.
    pub(super) fn bytes(&self) -> usize {
        const INDICES: usize = 160;
        const FOR_ID: usize = 40;
        size_of::<Member>()
            + INDICES
            + self.details.bytes()
            + FOR_ID * (self.servers.len() + self.downs.len())
    }
}
