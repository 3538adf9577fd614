//! A node: the store, the links, and how inputs become outputs.
//!
//! | part | concern |
//! | --- | --- |
//! | this file | the node's state, the owner's commands, getters, the outputs |
//! | `links` | links come, go and change their phase |
//! | `peers`, `origins` | what the owner may see of each link, and of who wrote a tuple |
//! | `session` | routes each message of a peer |
//! | `clocks` | decides which clocks are trusted |
//! | `converge` | last-writer-wins: which value of a key stays |
//! | `unstamped` | values that come without a stamp |
//! | `plain_memory` | what is remembered for the sake of plain peers |
//! | `room` | limits on tuples and values, and what they refuse |
//! | `rights` | what peers may not read and write |
//! | `changes` | events about tuples, and their versions |
//! | `saved` | a node's content over restarts |
//! | `anti_entropy` | finding and exchanging the tuples in which peers differ |
//! | `transmit` | the next frame of each link |
//! | `presence` | members, and tuples that live as long as the nodes that announced them |
//! | `tree` | routes to the machine of the broadcast trees |
//! | `barrier` | which peers have taken what was held at some moment |
//! | `synced` | whether a peer's whole state has been taken |
//! | `liveness` | deadlines: signs of life, silence, expiry |
//! | `watch` | warnings |
//! | `work` | whose messages are handled when they cause work |

mod anti_entropy;
mod barrier;
mod changes;
mod clocks;
mod converge;
mod links;
mod liveness;
mod network;
mod origins;
mod peers;
mod plain_memory;
mod presence;
mod rights;
mod room;
mod saved;
mod session;
mod synced;
mod transmit;
mod tree;
mod unstamped;
mod watch;
mod work;

#[cfg(feature = "internals")]
pub use barrier::Agreement;
pub use barrier::Barrier;
pub use origins::Origin;
pub use peers::{PeerKind, PeerState};
pub use presence::MemberInfo;
pub use saved::Changes;

use crate::core::anti_entropy::AntiEntropy;
use crate::core::clock::{Clock, Now, PeerClocks, Stamp, is_possible, node_id};
use crate::core::codec::{MAX_NAME, Summary};
use crate::core::encodings::Encodings;
use crate::core::event::Event;
use crate::core::id::{LinkId, Slot};
use crate::core::link::Link;
use crate::core::network::Network;
use crate::core::plain::memory::Memory;
use crate::core::plumtree;
use crate::core::rights::Tables;
use crate::core::settings::{Refusal, Settings};
use crate::core::stats::Stats;
use crate::core::store::{self, State, Store};
use crate::core::timers::{Deadline, Timers};
use crate::core::tuple::{Tuple, check_key, is_text};
use converge::Write;
use std::collections::{BTreeMap, VecDeque};

/// A member of the gossip network. See the [module](super) for how it is driven.
///
/// A clone has the identity of the original and behaves as it would. It serves to explore what may follow, not to take
/// part in the same network.
#[derive(Clone, Debug)]
pub struct Node {
    id: u64,
    /// The name that extended peers are told; empty for none.
    name: Box<[u8]>,
    network: Network,
    settings: Settings,
    random: fastrand::Rng,
    clock: Clock,
    peer_clocks: PeerClocks,
    /// Time (mono ms) at which `peer_clocks` was computed last, and whether a peer's clock has changed since.
    peer_clocks_at: u64,
    peer_clocks_changed: bool,
    /// Whether a peer's clock was received, so that this node's has followed it.
    contacted: bool,
    /// The hybrid time that the first extended peer told: what was stamped up to then was written before this node was
    /// heard of.
    contacted_at: u64,
    store: Store,
    links: BTreeMap<LinkId, Link>,
    next_link: u64,
    clients: usize,
    /// Memory that is kept for the sake of plain peers.
    memory: Memory,
    timers: Timers,
    sweep_deadline: Deadline,
    /// Messages that wait because they cause work.
    work: work::Work,
    work_deadline: Deadline,
    reconsider_deadline: Deadline,
    ready: VecDeque<LinkId>,
    /// Whether there may be links with the idle interval between heartbeats, because nothing changes.
    may_be_idle: bool,
    /// Version of the change log when all links were last checked for output.
    announced: u64,
    events: VecDeque<Event>,
    /// Whether events about tuples tell what changed.
    tells_changes: bool,
    stale: VecDeque<LinkId>,
    /// Links of clients whose server may be gone, for [`poll_suspect`](Node::poll_suspect).
    suspects: VecDeque<LinkId>,
    /// Statistics that only grow; [`stats`](Node::stats) fills in the others.
    counters: Stats,
    watch: watch::Watch,
    /// The size in bytes and slot of a small tuple of this node's own: the sign of life for plain hubs.
    smallest_own: Option<(usize, Slot)>,
    barriers: barrier::Barriers,
    batches: transmit::BatchCache,
    encodings: Encodings,
    /// The last batch for peers that are sent everything.
    backlogs: transmit::BatchCache,
    tree: plumtree::State,
    anti_entropy: AntiEntropy,
    /// Rules of who may read and write what; `None` where everybody may do everything.
    rights: Option<Box<Tables>>,
    /// What was refused because there was no room.
    refused: room::Refused,
    /// Whether there has been a session with a peer: what was published may be held elsewhere.
    met_anybody: bool,
    /// Whether a peer's whole state has been taken.
    synced: bool,
    /// What this node's content is worth after a restart.
    past: saved::Past,
    /// Time (mono ms) until which a tuple with a time to live may be held.
    ages_until: u64,
    presence: presence::Presence,
}

impl Node {
    /// Makes a node without tuples and links. `seed` is a random number, from which the node's identity and all its
    /// random choices are made.
    #[expect(clippy::too_many_lines, reason = "one field after the other")]
    pub fn new(settings: Settings, seed: u64, now: Now) -> Node {
        let mut random = fastrand::Rng::with_seed(seed);
        let id = node_id(random.u64(..));
        let (tombstone, max_bytes, grace) = (settings.tombstone, settings.max_bytes, settings.grace);
        let mut node = Node {
            id,
            name: Box::default(),
            network: Network::default(),
            settings,
            clock: Clock::default(),
            peer_clocks: PeerClocks::default(),
            peer_clocks_at: 0,
            peer_clocks_changed: false,
            contacted: false,
            contacted_at: 0,
            store: Store::new(random.u64(..)),
            links: BTreeMap::new(),
            next_link: 1,
            clients: 0,
            memory: Memory::new(random.u64(..), (tombstone, max_bytes), now),
            timers: Timers::default(),
            sweep_deadline: Deadline::default(),
            work: work::Work::default(),
            work_deadline: Deadline::default(),
            reconsider_deadline: Deadline::default(),
            ready: VecDeque::new(),
            may_be_idle: false,
            announced: 0,
            events: VecDeque::new(),
            tells_changes: false,
            stale: VecDeque::new(),
            suspects: VecDeque::new(),
            counters: Stats::default(),
            watch: watch::Watch::default(),
            smallest_own: None,
            barriers: barrier::Barriers::default(),
            batches: transmit::BatchCache::default(),
            // No choice that others can see depends on it, so it takes nothing from the random numbers.
            encodings: Encodings::new(seed),
            backlogs: transmit::BatchCache::default(),
            tree: plumtree::State::new(id, random.u64(..)),
            anti_entropy: AntiEntropy::new(random.u64(..)),
            rights: None,
            refused: room::Refused::default(),
            met_anybody: false,
            synced: false,
            past: saved::Past::default(),
            ages_until: 0,
            presence: presence::Presence::new(id, grace),
            random,
        };
        let since = if is_possible(now.wall) { node.latest(now) } else { u64::MAX };
        node.past.begin(since);
        node.schedule_sweep(now);
        node
    }

    /// Returns the node's identity on extended links, the origin of its stamps.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Sets the name that extended peers are told from the next session on; empty for none. Of a longer one the first
    /// [`MAX_NAME`] bytes count, or a few less if a character of UTF-8 would be cut.
    pub fn set_name(&mut self, name: &[u8]) {
        let is_cut = |&end: &usize| name.get(end).is_some_and(|byte| byte & 0xC0 == 0x80);
        let longest = name.len().min(MAX_NAME);
        let end = (longest.saturating_sub(3)..=longest).rev().find(|end| !is_cut(end)).unwrap_or(longest);
        self.name = name[..end].into();
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Replaces all settings.
    pub fn set_settings(&mut self, settings: Settings, now: Now) {
        let limits = |of: &Settings| (of.max_tuples, of.max_value, of.max_bytes, of.max_drift);
        let changed = limits(&self.settings) != limits(&settings);
        self.memory.set_limits(settings.tombstone, settings.max_bytes);
        self.presence.set_grace(settings.grace);
        self.settings = settings;
        if changed {
            self.reconsider_all(now);
        }
        self.schedule_sweep(now);
    }

    /// Writes a tuple for the whole network. `ttl` is its time to live in milliseconds, 0 if it does not expire.
    ///
    /// Publishing the value that a key has already changes nothing, unless the time to live differs.
    pub fn publish(&mut self, key: &[u8], value: &[u8], ttl: u32, now: Now) -> Result<(), Refusal> {
        check_key(key)?;
        if value.len() > self.settings.max_value {
            return Err(Refusal::ValueTooLong);
        }
        if !is_text(value) {
            return Err(Refusal::NulByte);
        }
        let found = self.store.look_up(key);
        let held = found.slot.map(|slot| (self.store.held(slot), self.store.deadline(slot)));
        // What a file has is written anew: it may have been removed elsewhere since.
        if let Some((held, None)) = held
            && held.is_live()
            && !held.is_announced()
            && ttl == 0
            && held.tuple.value() == value
            && held.source() != Some(saved::FILE)
        {
            return Ok(());
        }
        let replaced = held.map_or_else(Stamp::default, |(held, _)| held.stamp);
        self.make_room(self.need(found.slot, key, value.len()))?;
        self.withdraw(key, now);
        let stamp = self.next_stamp(replaced, now);
        let tuple = Tuple::new(key, value);
        let write = Write { tuple, stamp, source: None, state: State::Live, ttl, announced: false };
        let slot = self.write_at(found, write, now);
        self.note_smallest(slot, key.len() + value.len());
        Ok(())
    }

    /// Notes the size in bytes of an own tuple: the smallest one is a sign of life.
    fn note_smallest(&mut self, slot: Slot, size: usize) {
        if self.smallest_own.is_none_or(|(smallest, _)| size < smallest) {
            self.smallest_own = Some((size, slot));
        }
    }

    /// Hides a tuple on this node alone. False when the key is not held.
    ///
    /// The network goes on holding the tuple, and this node goes on passing it to peers that lack it, so that all agree
    /// on what there is. It shows again when this node publishes the key, or any node gives it another value, and not
    /// when peers synchronise. A tuple that no peer was ever sent is forgotten altogether.
    pub fn unpublish(&mut self, key: &[u8], now: Now) -> bool {
        let Some(slot) = self.store.find(key).filter(|&slot| self.store.held(slot).is_live()) else {
            return false;
        };
        if self.met_anybody {
            self.store.hide(slot);
            self.end_idle(now); // peers are told how many tuples are hidden
        } else {
            self.forget_slot(slot);
        }
        true
    }

    /// Removes a tuple from the whole network. `Ok(false)` when it is not held here.
    ///
    /// A removal is a write like any other: it takes effect also on nodes that hold the key while this node does not
    /// know it yet, as on the other side of a network partition.
    pub fn retract(&mut self, key: &[u8], now: Now) -> Result<bool, Refusal> {
        check_key(key)?;
        let found = self.store.look_up(key);
        let was_live = found.slot.is_some_and(|slot| self.is_readable(slot, now));
        let (mut replaced, mut value, mut announced) = (Stamp::default(), store::NO_VALUE, false);
        match found.slot.map(|slot| self.store.held(slot)) {
            Some(held) => {
                (replaced, value) = (held.stamp, held.value_hash());
                // Who takes back what it has announced leaves the key to others who have announced it.
                announced = held.is_announced() && held.stamp.origin == self.id;
            }
            None => self.make_tombstone_room(key)?,
        }
        self.withdraw(key, now);
        let stamp = self.next_stamp(replaced, now);
        let tuple = store::tombstone(key, value);
        let state = State::Retracted;
        self.write_at(found, Write { tuple, stamp, source: None, state, ttl: 0, announced }, now);
        Ok(was_live)
    }

    /// Returns the tuple of a key, unless its time to live is over.
    pub fn get(&self, key: &[u8], now: Now) -> Option<Tuple> {
        let slot = self.store.find(key)?;
        self.is_readable(slot, now).then(|| self.store.held(slot).tuple.clone())
    }

    /// Returns whether the tuple is live and its time to live is not over. An expired tuple stays in the store until
    /// its timer fires.
    fn is_readable(&self, slot: Slot, now: Now) -> bool {
        let expired = self.store.deadline(slot).is_some_and(|deadline| deadline <= now.mono);
        self.store.held(slot).is_live() && !expired
    }

    /// All tuples whose time to live is not over, in no particular order.
    pub fn readable(&self, now: Now) -> impl Iterator<Item = &Tuple> {
        let slots = self.store.iter().filter(move |&(slot, _)| self.is_readable(slot, now));
        slots.map(|(_, held)| &held.tuple)
    }

    /// The number of tuples whose time to live is not over.
    pub fn count_readable(&self, now: Now) -> usize {
        let expired = self.timers.overdue_slots(now.mono).filter(|&slot| self.store.held(slot).is_live());
        self.count() - expired.count()
    }

    /// All tuples, in no particular order, those that expire at this moment included.
    #[cfg(feature = "internals")]
    pub fn tuples(&self) -> impl Iterator<Item = &Tuple> {
        self.store.iter().filter(|(_, held)| held.is_live()).map(|(_, held)| &held.tuple)
    }

    /// All keys with their stamps, tombstones of removed ones included: what the digest sums up.
    #[cfg(feature = "internals")]
    pub fn stamps(&self) -> impl Iterator<Item = (&[u8], Stamp)> {
        self.store.iter().map(|(_, held)| (held.tuple.key(), held.stamp))
    }

    /// The number of tuples held, those that expire at this moment included.
    pub fn count(&self) -> usize {
        self.store.live()
    }

    /// The root of the digest of all keys and stamps: equal on nodes that hold the same.
    pub fn root(&self) -> u64 {
        self.store.digest().root()
    }

    /// The numbers of STATS.
    pub fn stats(&self) -> Stats {
        let links = |test: fn(&Link) -> bool| self.links.values().filter(|link| test(link)).count() as u64;
        Stats {
            tuples: self.count() as u64,
            tombstones: self.store.count(State::Retracted) as u64,
            links_plain: links(|link| link.is_up() && link.is_plain()),
            links_extended: links(|link| link.is_up() && link.is_extended()),
            links_other: links(|link| !link.is_up() || !(link.is_plain() || link.is_extended())),
            owed: self.owed(),
            root: self.root(),
            hidden: self.store.count(State::Suppressed) as u64,
            bytes: self.bytes() as u64,
            max_bytes: self.settings.max_bytes as u64,
            ..self.counters
        }
    }

    fn owed(&self) -> u64 {
        self.links.values().filter(|link| link.is_up()).map(|link| self.unsent_on(link)).sum()
    }

    /// The number of tuples that each connected peer has yet to be sent, for peers where that is not 0.
    pub fn unsent(&self) -> impl Iterator<Item = (LinkId, u64)> {
        let ends = self.ends();
        let links = self.links.iter().filter(move |(_, link)| link.has_output(ends));
        links.map(move |(&id, link)| (id, self.unsent_on(link))).filter(|&(_, count)| count > 0)
    }

    /// Takes the next event for the owner.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Takes the next client's link whose connection is dead and needs a new socket.
    pub fn poll_stale(&mut self) -> Option<LinkId> {
        self.stale.pop_front()
    }

    /// Returns the time at which [`Node::handle_timeout`] is to be called next, in milliseconds of the monotonic
    /// clock.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.timers.next()
    }

    fn summary(&self) -> Summary {
        // Refused tuples are known, and therefore part of the root, but not held.
        let count = self.store.digest().count() - self.store.count(State::Refused);
        Summary { root: self.root(), count: count as u64 }
    }

    fn debug(&mut self, text: impl FnOnce() -> String) {
        if self.settings.verbose {
            self.events.push_back(Event::Debug(text()));
        }
    }
}
