//! Members: which nodes take part in the network, and which are gone.
//!
//! A node takes part once it has announced a tuple, or its owner wishes so. From then on it gives its *word*: a number that
//! it raises every third of its *lease*. A word goes over every link to a peer that understands MEMBERS, once, and each
//! node measures by its own clock how long the lease has still to run. A member is gone for a node
//!
//! * when it says so itself ([`Cause::Left`]);
//! * when all its neighbours have lost their link to it since its last word ([`Cause::Down`]);
//! * when its lease has ended ([`Cause::Silent`]), which it also does for all who are on the other side of a cut cable.
//!
//! A member of which this was thought wrongly raises its word when it hears so, and is back.
//!
//! | file | concern |
//! | --- | --- |
//! | this file | the table of members, and the order of their news |
//! | `word` | the node's own word |
//! | `hear` | words of others that a peer tells |
//! | `ends` | leases, lost links, and who is gone by them |
//! | `tell` | frames for peers |
//! | `member` | what is known of one member |
//! | `awake` | a clock that stands still while the process does |

mod awake;
mod ends;
mod hear;
mod member;
mod tell;
#[cfg(test)]
mod tests;
mod word;

use crate::core::codec::MemberState;
use crate::core::id::LinkId;
use awake::Awake;
pub(in crate::core) use hear::Teller;
pub(in crate::core) use member::{Details, Member};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The lease in milliseconds of a node that has not said how soon it is to be missed.
pub(in crate::core) const DEFAULT_LEASE_MS: u32 = 10_000;
/// The lease in milliseconds of a member that has announced nothing: nothing hangs on it.
pub(in crate::core) const IDLE_LEASE_MS: u32 = 60_000;
/// The shortest lease in milliseconds: three words in it, each longer than a turn of a busy loop.
pub(in crate::core) const LEAST_LEASE_MS: u32 = 500;
/// The longest lease in milliseconds that is believed: an hour.
pub(in crate::core) const MOST_LEASE_MS: u32 = 3_600_000;
/// Milliseconds for which words that only renew a lease wait for others, to travel in one frame.
const GATHER_MS: u64 = 100;
/// The most members that are held; those that come later are not heard.
const MOST_MEMBERS: usize = 65_536;
/// The most of them of which only peers tell that have not the right to remove everything: they may be making them up.
const MOST_DOUBTFUL: usize = MOST_MEMBERS / 2;
/// How often in a second peers are told at once of one member; more often, with others.
const MOST_NEWS: u8 = 8;
/// Milliseconds for which a member is remembered after it is gone for good, so that late words do not bring it back.
const REMEMBER_MS: u64 = 600_000;
/// Milliseconds for which a member that has only fallen silent may come back with all that it had announced: a cut that
/// is mended within them costs nothing.
const SILENT_MS: u64 = 300_000;

/// Reason why a member is gone.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The member said that it ends.
    Left,
    /// All neighbours of the member have lost their links to it.
    Down,
    /// The member's lease has ended.
    Silent,
}

/// What has become of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::core) enum Output {
    /// A member is there that was not, or was gone; it is listed.
    Joined(u64),
    /// A member is gone that was there; it is not listed any more.
    Parted(u64, Cause),
    /// What a node announced is to be seen again.
    Back(u64),
    /// What a node announced ends. The link is the one by which that was told.
    Gone(u64, Cause, Option<LinkId>),
    /// What a member announced that has been silent for long, or was forgotten, is to be given up.
    Over(u64),
}

/// The table of members of one node. Times that come in are milliseconds of the monotonic clock.
#[derive(Clone, Debug)]
pub(in crate::core) struct Members {
    /// Id of this node.
    own: u64,
    table: BTreeMap<u64, Member>,
    /// Members by the versions at which they last changed.
    log: BTreeMap<u64, u64>,
    /// The last version.
    version: u64,
    /// The version up to which peers are told now.
    due: u64,
    /// When the rest is told (awake ms).
    tell_at: Option<u64>,
    /// When leases end, and members that are gone are forgotten (awake ms).
    leases: BTreeSet<(u64, u64)>,
    /// Each server of a living member, with that member.
    clients: BTreeSet<(u64, u64)>,
    /// Members that are gone, whose neighbours may have nobody left who hears them: the link that told so, and the client
    /// from which on they are yet to be judged.
    to_judge: BTreeMap<u64, (Option<LinkId>, u64)>,
    /// Member from which on the next of these is looked for, so that each has its turn.
    next_judged: u64,
    /// Peers that this node has links to, and their number.
    linked: BTreeMap<u64, u32>,
    /// Peers that this node has lost its link to, and when (awake ms) it says so.
    lost: BTreeMap<u64, u64>,
    /// The same, in the order of time.
    lost_at: BTreeSet<(u64, u64)>,
    /// Milliseconds that a peer has to come back.
    grace_ms: u64,
    /// When this node gives its next word (awake ms).
    word_at: Option<u64>,
    awake: Awake,
    outputs: VecDeque<Output>,
    /// Bytes of all members.
    bytes: usize,
    /// Number of members that may be made up.
    doubtful: usize,
}

impl Members {
    pub(in crate::core) fn new(own: u64) -> Members {
        Members {
            own,
            table: BTreeMap::new(),
            log: BTreeMap::new(),
            version: 0,
            due: 0,
            tell_at: None,
            leases: BTreeSet::new(),
            clients: BTreeSet::new(),
            to_judge: BTreeMap::new(),
            next_judged: 0,
            linked: BTreeMap::new(),
            lost: BTreeMap::new(),
            lost_at: BTreeSet::new(),
            grace_ms: 0,
            word_at: None,
            awake: Awake::default(),
            outputs: VecDeque::new(),
            bytes: 0,
            doubtful: 0,
        }
    }

    /// Takes what has become of a member.
    pub(in crate::core) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Bytes that the table takes.
    pub(in crate::core) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sets how long a peer has to come back before it counts as lost, in milliseconds.
    pub(in crate::core) fn set_grace(&mut self, grace_ms: u64) {
        self.grace_ms = grace_ms;
    }

    /// The members that are there, and this node if it is one, in the order of their ids.
    pub(in crate::core) fn listed(&self) -> impl Iterator<Item = (u64, &Member)> {
        self.table.iter().filter(|(_, member)| member.is_listed()).map(|(&id, member)| (id, member))
    }

    /// The name of a member, in any encoding; empty for none.
    pub(in crate::core) fn name(&self, id: u64) -> Box<[u8]> {
        self.table.get(&id).map_or_else(Box::default, |member| member.details().name.clone())
    }

    /// Returns whether a node is a member that is there.
    pub(in crate::core) fn is_listed(&self, id: u64) -> bool {
        self.table.get(&id).is_some_and(Member::is_listed)
    }

    #[cfg(test)]
    pub(in crate::core) fn word_of(&self, id: u64) -> Option<(u64, u32)> {
        self.table.get(&id).map(Member::word)
    }

    /// Returns whether what a node announced is to be seen. A node of which nothing is known has the default lease to
    /// show itself. `is_doubtful`: a peer says that it has announced something, and has bounded rights.
    pub(in crate::core) fn is_heard_of(&mut self, id: u64, is_doubtful: bool, now: u64) -> bool {
        if id == self.own {
            return true;
        }
        if let Some(member) = self.table.get(&id) {
            return member.state == MemberState::Alive;
        }
        let has_place = self.has_place(is_doubtful);
        if has_place {
            let awake = self.look(now);
            self.insert(id, Member::unknown(awake + u64::from(DEFAULT_LEASE_MS), is_doubtful));
        }
        has_place
    }

    /// Looks at the clock, and returns the time by which leases are measured. Where the process stood, this node's word is
    /// overdue.
    fn look(&mut self, now: u64) -> u64 {
        let (awake, stood) = self.awake.at(now, !self.leases.is_empty());
        if stood && self.word_at.is_some() {
            self.word_at = Some(awake);
        }
        awake
    }

    /// Puts a member into the table, in place of what was known of it. Indices follow.
    fn insert(&mut self, id: u64, member: Member) {
        self.bytes += member.bytes();
        self.doubtful += usize::from(member.is_doubtful);
        if member.ends_at != u64::MAX {
            self.leases.insert((member.ends_at, id));
        }
        if member.state == MemberState::Alive {
            self.clients.extend(member.servers.iter().map(|&server| (server, id)));
        }
        if member.version > 0 {
            self.log.insert(member.version, id);
        }
        self.table.insert(id, member);
    }

    /// Takes a member out of the table, and out of the indices.
    fn take(&mut self, id: u64) -> Option<Member> {
        let member = self.table.remove(&id)?;
        self.bytes -= member.bytes();
        self.doubtful -= usize::from(member.is_doubtful);
        self.leases.remove(&(member.ends_at, id));
        for &server in &member.servers {
            self.clients.remove(&(server, id));
        }
        self.log.remove(&member.version);
        Some(member)
    }

    /// Changes what is known of a member.
    fn change(&mut self, id: u64, change: impl FnOnce(&mut Member)) {
        if let Some(mut member) = self.take(id) {
            change(&mut member);
            self.insert(id, member);
        }
    }

    /// Notes that peers are to be told of a member: at once if it `is_news`, with others that only renew their leases
    /// otherwise, or if it has news all the time.
    fn note(&mut self, id: u64, is_news: bool, awake: u64) {
        self.version += 1;
        let version = self.version;
        let mut is_quiet = true;
        self.change(id, |member| {
            if member.has_news {
                member.details_version = version;
            }
            (member.version, member.has_news) = (version, false);
            if is_news {
                is_quiet = member.count_news(awake);
            }
        });
        if is_news && (is_quiet || id == self.own) {
            (self.due, self.tell_at) = (version, None);
        } else if self.tell_at.is_none() {
            self.tell_at = Some(awake + GATHER_MS);
        }
    }
}
