//! The machine alone: first one of them, then networks of machines that hold nothing but stamps.

use super::super::MAX_ORIGINS;
use super::*;
use crate::core::id::{Role, Slot};

const NODE_BIT: u64 = 1 << 63;
const OWN: u64 = NODE_BIT | 1;

fn stamp(time: u64, origin: u64) -> Stamp {
    Stamp { time, origin }
}

fn outputs(state: &mut State) -> Vec<Output> {
    std::iter::from_fn(|| state.poll_output()).collect()
}

/// A machine with links 1 to `links`, whose peers are origins that write nothing.
fn machine(links: u64) -> State {
    let mut state = State::new(OWN, 1);
    state.keep_parents(std::iter::empty());
    (1..=links).for_each(|link| state.neighbour_up(LinkId(link), Some(NODE_BIT | (link << 32)), Now::at(0)));
    assert!(outputs(&mut state).is_empty());
    state
}

/// Origin, of which no link is a neighbour.
const FAR: u64 = NODE_BIT | 77;

#[test]
fn a_tuple_that_comes_twice_prunes_the_link_that_was_second() {
    let mut state = machine(2);
    let [one, two] = [1, 2].map(LinkId);
    state.on_news(one, stamp(1, FAR), Now::at(1));
    assert!(outputs(&mut state).is_empty());
    state.on_redundant(two, Some(one), stamp(1, FAR), Now::at(1));
    // The first sign of a ring prunes all that comes by others: also the own tuples, if they come back.
    let peer = NODE_BIT | (1 << 32);
    assert_eq!(outputs(&mut state), [Output::Prune(two, vec![FAR, peer])]);
    state.on_redundant(two, Some(one), stamp(1, FAR), Now::at(2));
    assert!(outputs(&mut state).is_empty(), "it was told");
}

#[test]
fn own_tuples_that_come_back_prune_the_link_that_brought_them() {
    let mut state = machine(1);
    state.on_redundant(LinkId(1), None, stamp(1, OWN), Now::at(1));
    assert_eq!(outputs(&mut state), [Output::Prune(LinkId(1), vec![OWN])]);
}

#[test]
fn the_only_link_that_brings_an_origin_is_never_pruned_for_it() {
    let mut state = machine(2);
    let [one, two] = [1, 2].map(LinkId);
    state.on_news(one, stamp(1, FAR), Now::at(1));
    state.on_redundant(two, Some(one), stamp(1, FAR), Now::at(1));
    state.session_over(one);
    outputs(&mut state);
    // The parent is in a handshake: neither link may be given up for the other.
    state.on_redundant(two, Some(one), stamp(2, FAR), Now::at(2));
    state.on_redundant(one, Some(two), stamp(2, FAR), Now::at(2));
    assert!(outputs(&mut state).is_empty());
}

#[test]
fn synthetic_stamps_shape_no_tree() {
    let mut state = machine(2);
    state.on_news(LinkId(1), stamp(1, 77), Now::at(1));
    state.on_redundant(LinkId(2), Some(LinkId(1)), stamp(1, 77), Now::at(1));
    assert!(outputs(&mut state).is_empty());
    assert_eq!(state.parents.of(77), None);
}

#[test]
fn a_new_origin_is_pruned_at_once_on_links_that_are_in_a_ring() {
    let mut state = machine(3);
    let mut push = LazyPush::new(Role::Server);
    state.on_prune(LinkId(2), &mut push, [OWN].into_iter(), Now::at(1));
    assert!(push.is_lazy(OWN) && !push.is_lazy(FAR));
    outputs(&mut state);
    state.on_news(LinkId(1), stamp(1, FAR), Now::at(1));
    assert_eq!(outputs(&mut state), [Output::Prune(LinkId(2), vec![FAR])], "of link 3 nobody knows");
}

#[test]
fn equal_digests_show_a_ring_where_tuples_come_by_other_links() {
    let mut state = State::new(OWN, 1);
    state.keep_parents(std::iter::empty());
    state.neighbour_up(LinkId(1), None, Now::at(0));
    state.neighbour_up(LinkId(2), None, Now::at(0));
    state.on_news(LinkId(1), stamp(1, FAR), Now::at(1));
    state.on_equal_digests(LinkId(1), Now::at(1));
    assert!(outputs(&mut state).is_empty());
    state.on_equal_digests(LinkId(2), Now::at(1));
    assert_eq!(outputs(&mut state), [Output::Prune(LinkId(2), vec![FAR])]);
}

#[test]
fn a_lost_parent_is_repaired() {
    let mut state = machine(3);
    let links = [1, 2, 3].map(LinkId);
    state.on_news(links[0], stamp(1, FAR), Now::at(1));
    state.on_redundant(links[1], Some(links[0]), stamp(1, FAR), Now::at(1));
    state.on_redundant(links[2], Some(links[0]), stamp(1, FAR), Now::at(1));
    outputs(&mut state);
    state.neighbour_down(links[0]);
    assert!(outputs(&mut state).is_empty(), "many links may be lost at once");
    state.repair();
    let grafts: Vec<Output> = outputs(&mut state);
    let [Output::Graft(LinkId(2), second), Output::Graft(LinkId(3), third)] = &grafts[..] else {
        panic!("{grafts:?}")
    };
    assert!(second.contains(&FAR) && third.contains(&FAR));
    // The next tuple makes a new tree: one link stays, the other is pruned.
    state.on_news(links[1], stamp(2, FAR), Now::at(2));
    state.on_redundant(links[2], Some(links[1]), stamp(2, FAR), Now::at(2));
    assert!(outputs(&mut state).iter().any(|output| matches!(output, Output::Prune(LinkId(3), _))));
}

#[test]
fn graft_from_the_parent_is_passed_on_to_other_links() {
    let mut state = machine(2);
    let [one, two] = [1, 2].map(LinkId);
    state.on_news(one, stamp(1, FAR), Now::at(1));
    state.on_redundant(two, Some(one), stamp(1, FAR), Now::at(1));
    outputs(&mut state);
    let mut push = LazyPush::new(Role::Server);
    push.make_lazy(FAR);
    state.on_graft(one, &mut push, [FAR].into_iter());
    assert!(!push.is_lazy(FAR));
    assert_eq!(outputs(&mut state), [Output::Graft(two, vec![FAR])]);
    state.on_graft(one, &mut push, [FAR].into_iter());
    assert!(outputs(&mut state).is_empty(), "it is no parent any more");
}

#[test]
fn what_is_announced_and_missing_is_asked_for_and_grafted() {
    let mut state = machine(2);
    let [one, two] = [1, 2].map(LinkId);
    state.on_news(one, stamp(1, FAR), Now::at(1));
    state.on_redundant(two, Some(one), stamp(1, FAR), Now::at(1));
    outputs(&mut state);
    state.on_ihave(two, &[], Now::at(100));
    assert!(outputs(&mut state).is_empty(), "all has come along the tree");
    let missing = [Entry { hash: 5, stamp: stamp(2, FAR) }, Entry { hash: 6, stamp: stamp(3, FAR) }];
    state.on_ihave(two, &missing, Now::at(100));
    assert_eq!(outputs(&mut state), [Output::Graft(two, vec![FAR]), Output::Request(two, vec![5, 6])]);
    // The link is not pruned again before what was on its way has come.
    state.on_redundant(two, Some(one), stamp(2, FAR), Now::at(2099));
    assert!(outputs(&mut state).is_empty());
    state.on_redundant(two, Some(one), stamp(2, FAR), Now::at(2100));
    assert_eq!(outputs(&mut state), [Output::Prune(two, vec![FAR])]);
}

#[test]
fn a_new_session_begins_with_nothing_pruned() {
    let mut state = machine(2);
    let [one, two] = [1, 2].map(LinkId);
    state.on_news(one, stamp(1, FAR), Now::at(1));
    state.on_redundant(two, Some(one), stamp(1, FAR), Now::at(1));
    outputs(&mut state);
    state.session_over(two);
    state.neighbour_up(two, None, Now::at(2));
    state.on_redundant(two, Some(one), stamp(1, FAR), Now::at(2));
    assert!(
        matches!(&outputs(&mut state)[..], [Output::Prune(LinkId(2), origins)] if origins.contains(&FAR))
    );
}

#[test]
fn forged_origins_take_little_memory_and_few_messages() {
    let mut state = machine(3);
    let [one, two] = [1, 2].map(LinkId);
    state.close_ring(two, Now::at(0));
    outputs(&mut state);
    let (mut pruned, forged) = (0, 5 * MAX_ORIGINS as u64);
    for number in 0..forged {
        state.on_news(one, stamp(number, NODE_BIT | (1000 + number)), Now::at(1));
        let count = |output: Output| usize::from(matches!(output, Output::Prune(..)));
        pruned += outputs(&mut state).into_iter().map(count).sum::<usize>();
    }
    assert_eq!(pruned, NEW_ORIGINS_A_SECOND as usize - 3, "three are the neighbours");
    assert!(state.parents.origins().len() <= MAX_ORIGINS);
    for number in 0..forged {
        let entry = Entry { hash: number, stamp: stamp(number, NODE_BIT | (1000 + number)) };
        state.on_ihave(two, &[entry], Now::at(1));
        state.on_redundant(LinkId(3), Some(one), entry.stamp, Now::at(1));
        outputs(&mut state);
    }
    assert!(state.neighbours.values().all(|neighbour| neighbour.len() <= 2 * MAX_ORIGINS));
}

/// Messages between machines; a slot is the same on all of them, and the hash of its key.
enum Message {
    Push(Slot, Stamp),
    Announce(Vec<Entry>),
    Prune(Vec<u64>),
    Graft(Vec<u64>),
    Request(Vec<u64>),
}

/// One end of a link.
struct End {
    to: usize,
    /// The link's id at the other end.
    other: LinkId,
    push: LazyPush,
}

/// Stands in for a node: holds stamps and the links that brought them.
struct Member {
    id: u64,
    state: State,
    ends: BTreeMap<LinkId, End>,
    held: BTreeMap<Slot, (Stamp, Option<LinkId>)>,
}

/// Machines, and messages that arrive in order.
struct Network {
    members: Vec<Member>,
    wire: VecDeque<(usize, LinkId, Message)>,
    time: u64,
    pushes: usize,
}

impl Network {
    fn new(size: usize, links: &[(usize, usize)]) -> Network {
        let member = |index: usize| {
            let id = NODE_BIT | index as u64;
            let mut state = State::new(id, 1);
            state.keep_parents(std::iter::empty());
            Member { id, state, ends: BTreeMap::new(), held: BTreeMap::new() }
        };
        let members = (0..size).map(member).collect();
        let mut network = Network { members, wire: VecDeque::new(), time: 0, pushes: 0 };
        for (number, &(a, b)) in links.iter().enumerate() {
            let [at_a, at_b] = [2 * number as u64, 2 * number as u64 + 1].map(LinkId);
            for (from, link, to, other, role) in
                [(a, at_a, b, at_b, Role::Client), (b, at_b, a, at_a, Role::Server)]
            {
                let id = Some(network.members[to].id);
                network.members[from].ends.insert(link, End { to, other, push: LazyPush::new(role) });
                network.members[from].state.neighbour_up(link, id, Now::at(0));
            }
        }
        network.settle();
        network
    }

    /// Holds a tuple on a member and sends it to its neighbours, but for the one that brought it.
    fn hold(&mut self, at: usize, slot: Slot, stamp: Stamp, source: Option<LinkId>) {
        let member = &mut self.members[at];
        member.held.insert(slot, (stamp, source));
        for (_, end) in member.ends.iter_mut().filter(|&(&link, _)| Some(link) != source) {
            if end.push.is_lazy(stamp.origin) {
                end.push.queue(slot, Now::at(self.time));
            } else {
                self.pushes += 1;
                self.wire.push_back((end.to, end.other, Message::Push(slot, stamp)));
            }
        }
    }

    fn publish(&mut self, at: usize, slot: Slot) {
        let (time, origin) = (self.members.iter().map(|member| member.held.len()).max(), self.members[at].id);
        self.hold(at, slot, stamp(1 + time.unwrap_or(0) as u64, origin), None);
        self.settle();
    }

    fn deliver(&mut self, at: usize, link: LinkId, message: Message) {
        let time = Now::at(self.time);
        let Member { state, ends, held, .. } = &mut self.members[at];
        let Some(end) = ends.get_mut(&link) else { return };
        match message {
            Message::Push(slot, stamp) => match held.get(&slot) {
                Some(&(held, source)) if stamp <= held => state.on_redundant(link, source, stamp, time),
                _ => {
                    state.on_news(link, stamp, time);
                    self.hold(at, slot, stamp, Some(link));
                }
            },
            Message::Announce(mut entries) => {
                entries
                    .retain(|entry| held.get(&(entry.hash as Slot)).is_none_or(|held| held.0 < entry.stamp));
                state.on_ihave(link, &entries, time);
            }
            Message::Prune(origins) => state.on_prune(link, &mut end.push, origins.into_iter(), time),
            Message::Graft(origins) => state.on_graft(link, &mut end.push, origins.into_iter()),
            Message::Request(hashes) => {
                for slot in hashes.into_iter().map(|hash| hash as Slot) {
                    self.pushes += 1;
                    self.wire.push_back((end.to, end.other, Message::Push(slot, held[&slot].0)));
                }
            }
        }
    }

    /// Delivers all messages, and those sent in answer to them.
    fn settle(&mut self) {
        loop {
            for Member { state, ends, held, .. } in &mut self.members {
                state.repair();
                while let Some(output) = state.poll_output() {
                    let (link, message) = match output {
                        Output::Prune(link, origins) => (link, Message::Prune(origins)),
                        Output::Graft(link, origins) => (link, Message::Graft(origins)),
                        Output::Request(link, hashes) => (link, Message::Request(hashes)),
                    };
                    self.wire.push_back((ends[&link].to, ends[&link].other, message));
                }
                for end in ends.values_mut() {
                    end.push.on_time(Now::at(self.time));
                    while end.push.is_due() {
                        let slots = end.push.drain(9, Now::at(self.time)).into_iter();
                        let entries = slots.map(|slot| Entry { hash: slot.into(), stamp: held[&slot].0 });
                        self.wire.push_back((end.to, end.other, Message::Announce(entries.collect())));
                    }
                }
            }
            let Some((to, link, message)) = self.wire.pop_front() else { return };
            self.deliver(to, link, message);
        }
    }

    fn disconnect(&mut self, a: usize, b: usize) {
        for (from, to) in [(a, b), (b, a)] {
            let Member { state, ends, .. } = &mut self.members[from];
            for (link, _) in ends.extract_if(.., |_, end| end.to == to) {
                state.neighbour_down(link);
            }
        }
    }

    fn pass(&mut self, millis: u64) {
        for _ in 0..millis {
            self.time += 1;
            self.settle();
        }
    }

    /// Publishes on each member, and returns how many tuples were pushed for each that was published.
    fn pushes_for_each(&mut self, slots: std::ops::Range<Slot>) -> f64 {
        let (before, size) = (self.pushes, self.members.len());
        slots.clone().for_each(|slot| self.publish(slot as usize % size, slot));
        (self.pushes - before) as f64 / slots.len() as f64
    }

    fn all_hold(&self, slot: Slot) -> bool {
        self.members.iter().all(|member| member.held.contains_key(&slot))
    }
}

#[test]
fn a_ring_is_pruned_to_a_tree() {
    let mut ring = Network::new(5, &[(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)]);
    assert!(ring.pushes_for_each(0..5) > 4.0, "nobody knows yet that it is a ring");
    assert_eq!(ring.pushes_for_each(5..50), 4.0, "each tuple crosses each of the other members once");
    assert!((0..50).all(|slot| ring.all_hold(slot)));
}

#[test]
fn a_full_mesh_is_pruned_to_a_tree() {
    let links: Vec<(usize, usize)> = (0..8).flat_map(|a| (a + 1..8).map(move |b| (a, b))).collect();
    let mut mesh = Network::new(8, &links);
    mesh.pushes_for_each(0..16);
    assert_eq!(mesh.pushes_for_each(16..80), 7.0);
    assert!((0..80).all(|slot| mesh.all_hold(slot)));
}

#[test]
fn a_tree_that_lost_a_link_is_repaired_before_anything_is_announced() {
    let mut ring = Network::new(5, &[(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)]);
    ring.pushes_for_each(0..20);
    ring.disconnect(1, 2);
    ring.settle();
    (20..25).for_each(|slot| ring.publish(slot as usize % 5, slot));
    ring.pass(400);
    assert!((20..25).all(|slot| ring.all_hold(slot)));
    // What is left is a chain, in which nothing is pruned for long.
    assert_eq!(ring.pushes_for_each(25..50), 4.0);
    assert!((25..50).all(|slot| ring.all_hold(slot)), "without time for an announcement");
}

#[test]
fn a_lazy_link_brings_what_the_tree_has_lost() {
    let mut ring = Network::new(3, &[(0, 1), (1, 2), (2, 0)]);
    ring.pushes_for_each(0..12);
    // A message is lost on the way from 0 to 1; link 1 to 2 is lazy for what 0 writes.
    ring.hold(0, 12, stamp(100, NODE_BIT), None);
    ring.wire.retain(|&(to, ..)| to != 1);
    ring.settle();
    assert!(!ring.all_hold(12));
    ring.pass(260);
    assert!(ring.all_hold(12));
}
