//! Comparing what is held in a subtree with the ENTRIES of a peer, which name keys by their hashes.
//!
//! Hashes can be chosen, so that several keys have the same one. Which of them a stamp belongs to cannot be told then, and
//! of very many not all are named. Of such *twins* all stamps together are compared: the side that seems to lack one is sent
//! them, or requests the hash, by which it is sent all keys that have it. That may send a tuple in vain, and therefore never
//! counts as useful.

use super::answers::{Difference, Local};
use crate::core::clock::Stamp;
use crate::core::codec::{Entry, EntryList, Prefix};
use crate::core::id::Slot;
use crate::core::store::Facet;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where this node holds more than this many times the peer's tuples, those are looked up key by key: about as many are
/// visited to find one by its hash.
pub(super) const FEW: usize = 32;
/// Entries of a list of everything that are looked up key by key. A peer that means well lists no more than there may be
/// in a trie that has not grown yet.
const MOST_LOOKED_UP: usize = 256;
/// Tuples that a portion of a list visits beside those that the list names.
const SMALLEST_PORTION: usize = 1024;

/// What the peer lists of a key.
struct Listed {
    stamp: Stamp,
    /// Whether a key with this hash is held.
    is_met: bool,
}

/// What the peer lists, by the keys' hashes.
type Stamps = HashMap<u64, Listed, ahash::RandomState>;

/// Hashes of which several keys are listed or held.
type Twins = BTreeSet<u64>;

/// A subtree of an ENTRIES, of which the peer has listed all keys with their stamps.
pub(super) struct Subtree<'a> {
    pub(super) prefix: Prefix,
    pub(super) entries: EntryList<'a>,
    /// Key hash from which on it is to be compared.
    pub(super) from: u64,
    /// Number of tuples after which the rest is left for later.
    pub(super) visits: usize,
}

impl Subtree<'_> {
    /// The entries that are yet to be compared.
    fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.entries.iter().filter(|entry| self.prefix.contains(entry.hash) && entry.hash >= self.from)
    }

    /// What the peer lists and is yet to be compared, the twins among it, and the length of the list with what is done.
    fn stamps(&self, seed: u64) -> (Stamps, Twins, usize) {
        let mut theirs: Stamps = HashMap::with_hasher(ahash::RandomState::with_seeds(seed, 5, 6, 7));
        let mut twins = Twins::new();
        for Entry { hash, stamp } in self.entries() {
            if theirs.insert(hash, Listed { stamp, is_met: false }).is_some() {
                twins.insert(hash);
            }
        }
        (theirs, twins, self.entries.iter().count())
    }
}

/// What came of comparing a subtree.
pub(super) struct Part {
    /// Number of tuples visited.
    pub(super) visits: usize,
    /// Whether the peer lacks so much that it is to be sent everything.
    pub(super) lacks_most: bool,
    /// Key hash from which on it is yet to be compared.
    pub(super) next: Option<u64>,
}

impl Difference {
    /// Adds one subtree, or a part of it.
    pub(super) fn add(&mut self, local: Local<'_>, subtree: &Subtree<'_>) -> Part {
        let (facet, prefix) = (local.facet, subtree.prefix);
        let (mut theirs, mut twins, listed) = subtree.stamps(local.seed);
        let is_whole = prefix == Prefix::ALL && subtree.from == 0;
        if is_whole && listed < facet.len() / FEW && listed <= MOST_LOOKED_UP {
            // Everything is sent: only what the peer lists need be looked up.
            let visits = 1 + listed + theirs.keys().map(|&hash| facet.cost_of_hash(hash)).sum::<usize>();
            self.look_up_each(facet, &mut theirs);
            self.add_missing(theirs);
            return Part { visits, lacks_most: true, next: None };
        }
        let (wanted, ahead) = (self.wanted.len(), self.ahead.len());
        // Listing everything is for peers that hold little, so such a comparison is short.
        let is_short = is_whole && facet.len() <= FEW * (MOST_LOOKED_UP + 1);
        // What is left is listed again, so that each portion is to come on.
        let most = if is_short { usize::MAX } else { subtree.visits.max(listed + SMALLEST_PORTION) };
        let (mut visits, mut next, mut crowds) = (1 + listed, None, BTreeSet::new());
        for (number, leaf) in facet.leaves(prefix, subtree.from).enumerate() {
            if visits >= most {
                next = Some(leaf.first());
                break;
            }
            visits += usize::from(number % 16 == 0);
            if facet.hides(leaf.first()) {
                let crowded = Prefix::deepest(leaf.first());
                if crowds.insert(crowded.bits) {
                    theirs.retain(|&hash, _| !crowded.contains(hash));
                    twins.retain(|&hash| !crowded.contains(hash));
                }
                continue;
            }
            for (slot, hash) in facet.leaf(leaf).filter(|&(_, hash)| prefix.contains(hash)) {
                visits += 1;
                self.meet(theirs.get_mut(&hash), (slot, hash), facet, &mut twins);
            }
        }
        self.is_crowded |= !crowds.is_empty();
        if let Some(next) = next {
            theirs.retain(|&hash, _| hash < next);
            twins.retain(|&hash| hash < next);
        }
        self.add_missing(theirs);
        if !twins.is_empty() {
            retain_from(&mut self.wanted, wanted, |entry| !twins.contains(&entry.hash));
            retain_from(&mut self.ahead, ahead, |&slot| !twins.contains(&facet.store.held(slot).key_hash()));
            visits += listed + self.add_twins(facet, subtree, &twins);
        }
        let lacks_most = is_short && self.ahead.len() - ahead > facet.len() / 2;
        if lacks_most {
            // Following the change log from its start needs no list.
            self.ahead.truncate(ahead);
        }
        Part { visits, lacks_most, next }
    }

    /// Compares a key that is held with what the peer lists of its hash.
    fn meet(
        &mut self,
        theirs: Option<&mut Listed>,
        (slot, hash): (Slot, u64),
        facet: Facet<'_>,
        twins: &mut Twins,
    ) {
        let ours = facet.store.held(slot).stamp;
        let Some(listed) = theirs else { return self.ahead.push(slot) };
        if listed.is_met {
            twins.insert(hash);
            return;
        }
        listed.is_met = true;
        if listed.stamp.wins_over(ours) {
            self.wanted.push(Entry { hash, stamp: listed.stamp });
        } else if listed.stamp != ours {
            self.ahead.push(slot);
        }
    }

    /// Looks up each key that the peer lists.
    fn look_up_each(&mut self, facet: Facet<'_>, theirs: &mut Stamps) {
        for (&hash, listed) in theirs {
            let ours = facet.with_hash(hash).map(|slot| facet.store.held(slot).stamp).max();
            listed.is_met = ours.is_some();
            if ours.is_some_and(|ours| listed.stamp.wins_over(ours)) {
                self.wanted.push(Entry { hash, stamp: listed.stamp });
            }
        }
    }

    /// Adds keys that are not held at all, in an order that depends on nothing but their hashes.
    fn add_missing(&mut self, theirs: Stamps) {
        let missing = theirs.into_iter().filter(|(_, listed)| !listed.is_met);
        let mut missing: Vec<Entry> =
            missing.map(|(hash, Listed { stamp, .. })| Entry { hash, stamp }).collect();
        missing.sort_unstable_by_key(|entry| entry.hash);
        self.wanted.append(&mut missing);
    }

    /// Compares the stamps of keys that have the same hash. Returns the number of tuples visited.
    #[cold]
    fn add_twins(&mut self, facet: Facet<'_>, subtree: &Subtree<'_>, twins: &Twins) -> usize {
        let mut listed: BTreeMap<u64, Vec<Stamp>> = BTreeMap::new();
        for entry in subtree.entries().filter(|entry| twins.contains(&entry.hash)) {
            listed.entry(entry.hash).or_default().push(entry.stamp);
        }
        let mut visits = 0;
        for (hash, theirs) in listed {
            let held: Vec<(Stamp, Slot)> =
                facet.with_hash(hash).map(|slot| (facet.store.held(slot).stamp, slot)).collect();
            visits += held.len() + theirs.len();
            let ours: Vec<Stamp> = held.iter().map(|&(stamp, _)| stamp).collect();
            let (ours, theirs) = (without(&ours, &theirs), without(&theirs, &ours));
            if may_replace(&theirs, &ours) {
                self.wanted.extend(theirs.iter().max().map(|&stamp| Entry { hash, stamp }));
            }
            if may_replace(&ours, &theirs) {
                self.owed
                    .extend(held.iter().filter(|(stamp, _)| ours.contains(stamp)).map(|&(_, slot)| slot));
            }
        }
        visits
    }
}

/// Keeps of the items from an index on only some.
fn retain_from<T>(list: &mut Vec<T>, from: usize, keep: impl FnMut(&T) -> bool) {
    let rest = list.split_off(from);
    list.extend(rest.into_iter().filter(keep));
}

/// Stamps without those that others match, each one.
fn without(stamps: &[Stamp], others: &[Stamp]) -> Vec<Stamp> {
    let mut left = stamps.to_vec();
    for other in others {
        if let Some(index) = left.iter().position(|stamp| stamp == other) {
            left.swap_remove(index);
        }
    }
    left
}

/// Returns whether one of these stamps, which the other side lacks, may be of a key that it lacks, or replace one of its.
/// Unless both lists are empty this holds in one direction at least, and after an exchange that way the other side's
/// holds the other way, until both hold the same.
fn may_replace(these: &[Stamp], others: &[Stamp]) -> bool {
    these.len() > others.len() || these.iter().max() > others.iter().min()
}
