//! The engine: one thread that connects a pure [`Node`](core::Node) to sockets and to time.
//!
//! Sockets, links and the owner are inputs; the engine hands what they say to the node, and what the node has to say
//! to them. It decides nothing about gossip. It never waits but in one place, and it never queues: frames are made
//! when a socket has room, and of each link at most one waits for it.
//!
//! ```text
//! wait ─> frames of peers ──┐
//!   │ ──> connections ──────┼─> Node ─> events ──> owner
//!   │ ──> time ─────────────┤      └──> frames ──> peers
//!   └───> owner's commands ─┘
//! ```
//!
//! | file | concern |
//! | --- | --- |
//! | this file | the interface for the layers above |
//! | `event_loop`, `shutdown` | the loop, and its end |
//! | `receive`, `transmit` | frames in, frames out |
//! | `listener` | BIND |
//! | `dialer` | CONNECT, and what becomes of connections |
//! | `liveness` | whether bytes pass on the connection of a silent server |
//! | `router`, `link` | a ROUTER socket, and one peer behind it |
//! | `recorder` | the flight recorder's files |
//! | `clock` | the two clocks |
//! | `endpoint`, `security`, `error` | endpoints, keys and mechanisms; refusals |
//! | [`raw`] | libzmq |

mod clock;
mod dialer;
mod endpoint;
mod error;
mod event_loop;
mod link;
mod listener;
mod liveness;
pub mod raw;
mod receive;
mod recorder;
mod router;
mod security;
mod shutdown;
mod transmit;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::ControlFlow;
use std::os::fd::RawFd;

use hashbrown::HashMap;

use crate::core::record::RecordedNode;
use crate::core::{self, Event, LinkId, Now, Severity, Stats, Tuple};
use crate::log::Logger;

use clock::Clock;
use link::Link;
use raw::Msg;
use recorder::Recorder;
use router::{Purpose, Router};
use security::Security;

pub use error::Error;
pub use security::Mechanism;

/// What becomes readable when the owner has a command.
pub enum PollSource<'a> {
    /// A socket, such as CZMQ's pipe.
    Socket(&'a raw::Socket),
    /// A descriptor that stays readable as long as commands wait.
    Fd(RawFd),
}

/// What the owner is told, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnerEvent {
    /// A key has a new value.
    Deliver(Tuple),
    /// The same, of a key of which nothing was told before.
    First(Tuple),
    /// A key was retracted; the tuple is the one that it had.
    Retract(Tuple),
    /// A key's time to live ran out.
    Expire(Tuple),
    /// A peer has come; its endpoint, or the routing id of one that has no address.
    Join(String),
    /// It has gone.
    Leave(String),
    /// There is no connection to this endpoint, and why, as far as is known. Said rarely.
    Unreachable(String, String),
}

/// The program's side of a node, as the engine sees it. All calls come from the engine's thread, and none may wait.
pub trait Owner {
    /// What becomes readable when a command waits.
    fn source(&self) -> PollSource<'_>;

    /// Whether messages wait for room in the source, so that [`flush`](Owner::flush) is to be called when there is.
    fn wants_write(&self) -> bool;

    /// Carry out waiting commands, a thousand or so at most. `Break` ends the node.
    ///
    /// What a command made the node say is still inside the engine: before queueing a reply that must come after it,
    /// take it out with [`Engine::poll_event`].
    fn handle_commands(&mut self, engine: &mut Engine, now: Now) -> ControlFlow<()>;

    /// Queue an event for the program.
    fn handle_event(&mut self, event: OwnerEvent);

    /// Look whether anything is so now that the program waits for. Called at the end of every turn, before
    /// [`flush`](Owner::flush).
    fn settle(&mut self, _engine: &mut Engine, _now: Now) {}

    /// Hand out what the program has room for. Called at the end of every turn.
    fn flush(&mut self);

    /// When [`handle_timeout`](Owner::handle_timeout) wants to be called (ms, as [`Now::mono`]).
    fn poll_timeout(&self) -> Option<u64>;

    /// That moment has come.
    fn handle_timeout(&mut self, engine: &mut Engine, now: Now);
}

/// What an engine is made with.
#[derive(Clone, Debug, Default)]
pub struct EngineSettings {
    /// The node's settings.
    pub core: core::Settings,
    /// Where the node's identity and randomness come from; drawn by lot if not given.
    pub seed: Option<u64>,
}

/// One node's sockets, links and clock.
pub struct Engine {
    context: raw::Context,
    logger: Logger,
    clock: Clock,
    node: RecordedNode,
    recorder: Recorder,
    security: Security,
    ipv6: bool,
    /// Sockets; a closed one leaves its place empty.
    routers: Vec<Option<Router>>,
    links: HashMap<LinkId, Link, ahash::RandomState>,
    /// What BIND bound: the program's text, and libzmq's.
    bound: Vec<(Box<str>, String)>,
    /// Links that send in turn.
    sending: VecDeque<LinkId>,
    /// Where the links are with sending in turn.
    round: Round,
    /// Links whose socket had no room.
    blocked: Blocked,
    /// Frames that libzmq has taken.
    frames_sent: u64,
    /// Clients that are gone, and since when that is known (mono ms).
    gone: Vec<(LinkId, u64)>,
    /// Closed links, kept until the events that name them are out.
    closed: Vec<LinkId>,
    /// Endpoints without a connection, of which the owner is to be told, and why.
    unreachable: VecDeque<(String, String)>,
    /// When remotes are to be connected afresh, or looked at again (mono ms). An entry that the remote knows nothing
    /// of is void.
    timers: BinaryHeap<Reverse<(u64, LinkId)>>,
    /// Scratch: the frames being received.
    routing_id: Msg,
    body: Msg,
    /// When the client limit was last logged (mono ms), and how many were turned away since.
    turned_away: (Option<u64>, u64),
    /// When a failing call was last logged (mono ms).
    failed_at: Option<u64>,
    /// The node cannot go on: its context is being terminated, most likely.
    terminated: bool,
}

/// A round of links that send in turn.
#[derive(Default)]
struct Round {
    /// How many links it began with.
    size: usize,
    /// How many of them have not had their turn.
    left: usize,
    /// When it began (mono ms).
    begun: u64,
    /// When the next one may begin (mono ms).
    rest_until: u64,
}

/// Links that wait for room in their peer's queue.
#[derive(Default)]
struct Blocked {
    links: VecDeque<LinkId>,
    /// When to try them next, whatever happens (mono ms).
    retry_at: u64,
    /// When they were tried last.
    tried_at: u64,
    /// How long to wait after a try that came to nothing (ms).
    patience: u64,
    /// A socket had news since: there may be room.
    hope: bool,
    /// A link was blocked only now, and its queue may have drained while others sent.
    fresh: bool,
}

impl Engine {
    /// A node without sockets. Sockets are made in `context` when they are first needed.
    pub fn new(context: raw::Context, logger: Logger, settings: EngineSettings) -> Engine {
        let clock = Clock::new();
        let seed = settings.seed.unwrap_or_else(|| random::<1>()[0]);
        let mut engine = Engine {
            context,
            logger,
            clock,
            node: RecordedNode::new(settings.core, seed, clock.now()),
            recorder: Recorder::default(),
            security: Security::default(),
            ipv6: false,
            routers: Vec::new(),
            links: HashMap::with_hasher(hasher()),
            bound: Vec::new(),
            sending: VecDeque::new(),
            round: Round::default(),
            blocked: Blocked::default(),
            frames_sent: 0,
            gone: Vec::new(),
            closed: Vec::new(),
            unreachable: VecDeque::new(),
            timers: BinaryHeap::new(),
            routing_id: Msg::new(),
            body: Msg::new(),
            turned_away: (None, 0),
            failed_at: None,
            terminated: false,
        };
        engine.record_as_environment_says();
        engine
    }

    /// The gossip itself.
    pub fn node(&mut self) -> &mut RecordedNode {
        &mut self.node
    }

    /// The node's log.
    pub fn logger(&self) -> &Logger {
        &self.logger
    }

    /// The time.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// The node's counters. What has expired is not counted, though its turn may not have come.
    pub fn stats(&self) -> Stats {
        Stats { tuples: self.node.count_readable(self.clock.now()) as u64, ..self.node.stats() }
    }

    /// Replace the node's settings.
    pub fn set_settings(&mut self, settings: core::Settings) {
        self.node.set_settings(settings, self.clock.now());
    }

    /// The own public key (Z85), for the BINDs and CONNECTs that follow. It is checked when it is used.
    pub fn set_public_key(&mut self, text: &[u8]) {
        self.security.set_public(text);
    }

    /// The own secret key (Z85), for the BINDs and CONNECTs that follow. It is checked when it is used.
    pub fn set_secret_key(&mut self, text: &[u8]) {
        self.security.set_secret(text);
    }

    /// The ZAP domain of the BINDs that follow.
    pub fn set_zap_domain(&mut self, domain: &[u8]) {
        self.security.set_domain(domain);
    }

    /// How clients of the BINDs that follow prove who they are.
    pub fn set_mechanism(&mut self, mechanism: Mechanism) {
        self.security.mechanism = mechanism;
    }

    /// Whether names may mean IPv6 addresses. Endpoints in brackets always do.
    pub fn set_ipv6(&mut self, ipv6: bool) {
        self.ipv6 = ipv6;
    }

    /// The next thing that the owner is to be told; log lines of the node are written on the way.
    pub fn poll_event(&mut self) -> Option<OwnerEvent> {
        while let Some(event) = self.node.poll_event() {
            match event {
                Event::Deliver(tuple) => return Some(OwnerEvent::Deliver(tuple)),
                Event::First(tuple) => return Some(OwnerEvent::First(tuple)),
                Event::Retract(tuple) => return Some(OwnerEvent::Retract(tuple)),
                Event::Expire(tuple) => return Some(OwnerEvent::Expire(tuple)),
                Event::Join(link) => return Some(OwnerEvent::Join(self.endpoint_of(link))),
                Event::Leave(link) => return Some(OwnerEvent::Leave(self.endpoint_of(link))),
                Event::Log(Severity::Warning, text) => self.logger.warning(text),
                Event::Log(Severity::Debug, text) => self.logger.debug(text),
            }
        }
        for link in self.closed.drain(..) {
            self.links.remove(&link);
        }
        if let Some((endpoint, reason)) = self.unreachable.pop_front() {
            return Some(OwnerEvent::Unreachable(endpoint, reason));
        }
        None
    }

    fn endpoint_of(&self, link: LinkId) -> String {
        self.links.get(&link).map_or_else(String::new, |link| link.endpoint.to_string())
    }

    /// Bytes that a peer's message may have; more than that costs the connection.
    ///
    /// Peers may hold larger values than this node takes: with their limit they are right to say them. What is merely
    /// too large is counted and dropped by the node; were its connection to break, nothing else would ever arrive
    /// over it. More than twice the largest value of any usual limit is nobody's mistake.
    fn max_message(&self) -> i64 {
        let usual = core::Settings::default().max_value;
        let twice = self.node.settings().max_value.max(usual).saturating_mul(2).saturating_add(64 << 10);
        i64::try_from(twice).unwrap_or(i64::MAX)
    }

    /// Put a router in a free place.
    fn add_router(&mut self, router: Router) -> usize {
        match self.routers.iter().position(Option::is_none) {
            Some(free) => {
                self.routers[free] = Some(router);
                free
            }
            None => {
                self.routers.push(Some(router));
                self.routers.len() - 1
            }
        }
    }

    /// The place of the router for this purpose, where there is only one.
    fn slot_of(&self, purpose: Purpose) -> Option<usize> {
        self.routers.iter().position(|router| router.as_ref().is_some_and(|router| router.purpose == purpose))
    }

    fn router(&mut self, slot: usize) -> Option<&mut Router> {
        self.routers.get_mut(slot)?.as_mut()
    }

    /// A call failed in a way that is no peer's doing.
    fn failed(&mut self, doing: &str, error: raw::Error) {
        const COMPLAINT: u64 = 5000;
        if error.is_terminated() {
            self.terminated = true;
            return;
        }
        let now = self.clock.mono();
        if self.failed_at.is_none_or(|at| now >= at + COMPLAINT) {
            self.failed_at = Some(now);
            self.logger.error(format_args!("zgossip: {doing}: {error}"));
        }
    }
}

/// For tables whose keys strangers may choose.
fn hasher() -> ahash::RandomState {
    let [a, b, c, d] = random();
    ahash::RandomState::with_seeds(a, b, c, d)
}

/// The system's randomness. One that is made in the process from clocks could be the same in two nodes: in a child
/// that is forked it goes on as in its parent.
fn random<const N: usize>() -> [u64; N] {
    let mut numbers = [[0; 8]; N];
    match rustix::rand::getrandom(numbers.as_flattened_mut(), rustix::rand::GetRandomFlags::empty()) {
        Ok(size) if size == 8 * N => numbers.map(u64::from_ne_bytes),
        _ => std::array::from_fn(|_| fastrand::u64(..)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Level, Sink};
    use std::sync::Arc;

    struct Silent;

    impl Sink for Silent {
        fn write(&self, _: Level, _: &str) {}
    }

    #[test]
    fn nodes_of_parent_and_child_are_not_the_same() {
        let ids = [(); 2].map(|()| {
            // What a child begins with is what its parent goes on with.
            fastrand::seed(1);
            let logger = Logger::new("", Arc::new(Silent));
            Engine::new(raw::Context::global(), logger, EngineSettings::default()).node().id()
        });
        assert_ne!(ids[0], ids[1]);
    }
}
