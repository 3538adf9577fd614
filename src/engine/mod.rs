//! The engine: one thread that connects a pure [`Node`](core::Node) to sockets and to time.
//!
//! Sockets, links and the owner are inputs: the engine hands what they bring to the node, and the node's output to
//! them. It decides nothing about gossip. It waits in one place only, and it never queues frames: they are made when a
//! socket has room, and of each link at most one waits for it.
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
//! | `socket_file` | the files of `ipc` listeners |
//! | `accepted`, `crowding` | connections that were accepted; ending those that say nothing |
//! | `admission` | clients that a ZAP handler has admitted, and no longer would |
//! | `dialer`, `remote` | CONNECT; the state of a connection that this node makes |
//! | `dial_name`, `name`, `candidates` | CONNECT by host name: from address to address; what a name is resolved to |
//! | `resolver`, `event_fd` | look-ups by threads of their own; a descriptor that wakes a thread |
//! | `router`, `link` | a ROUTER socket; one peer behind it |
//! | `send_queue`, `timers`, `throttle` | whose turn it is to send, deadlines, how often trouble is reported |
//! | `liveness` | whether bytes pass on the connection of a silent server |
//! | `intake` | how many bytes of peers wait to be read |
//! | `recorder` | the flight recorder's files |
//! | `persistence`, `store_file` | keeping the node's content over restarts; the file |
//! | `warnings` | what is said of peers and of sockets |
//! | `memory` | how many bytes a node may hold where nobody has said |
//! | `clock`, `entropy` | the two clocks; random numbers from the system |
//! | `endpoint`, `security`, `error` | endpoints, keys and mechanisms; refusals |
//! | [`raw`] | libzmq |

mod accepted;
pub(crate) mod admission;
mod candidates;
mod clock;
mod crowding;
mod dial_name;
mod dialer;
mod endpoint;
pub(crate) mod entropy;
mod error;
pub(crate) mod event_fd;
mod event_loop;
mod identity;
mod intake;
mod link;
mod listener;
mod liveness;
pub(crate) mod memory;
mod name;
#[cfg(not(feature = "store"))]
mod no_store_file;
mod persistence;
pub mod raw;
mod receive;
mod recorder;
mod remote;
mod resolver;
mod router;
mod security;
mod send_queue;
mod shutdown;
mod socket_file;
#[cfg(feature = "store")]
mod store_file;
pub(crate) mod subject;
mod throttle;
mod timers;
mod transmit;
mod warnings;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use hashbrown::HashMap;

use crate::core::record::RecordedNode;
use crate::core::{self, Change, Event, Identity, LinkId, MemberChange, Network, Now, Rights, Stats, Tuple};
use crate::log::Logger;

use clock::Clock;
use crowding::Crowding;
use link::Link;
use listener::Bound;
#[cfg(not(feature = "store"))]
use no_store_file as store_file;
use persistence::Persistence;
use receive::TurnedAway;
use recorder::Recorder;
use resolver::Resolver;
use router::{Message, Purpose, Router};
use security::Security;
use send_queue::SendQueue;
use throttle::Throttle;
use timers::Timers;

pub use endpoint::{check_bind, check_connect};
pub use error::Error;
pub use resolver::NameLookup;
pub use security::Mechanism;

/// A source of commands, which becomes readable when the owner has one.
pub enum PollSource<'a> {
    /// A libzmq socket, such as CZMQ's pipe.
    Socket(&'a raw::Socket),
    /// A descriptor that stays readable while commands wait.
    Fd(BorrowedFd<'a>),
}

/// An event for the node's owner.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnerEvent {
    /// A key has a new value.
    Deliver(Tuple),
    /// A key has a value for the first time: the owner has received no event about it before.
    First(Tuple),
    /// A key was retracted. The tuple holds its last value.
    Retract(Tuple),
    /// A key's time to live ran out. The tuple holds its last value.
    Expire(Tuple),
    /// One of the four above, where the owner wants to know more of each.
    Changed(Box<Change>),
    /// A peer has joined: the endpoint that this node connected to, or that of a client, as far as it is known; and who
    /// the peer is, if it has said so.
    Join(String, Option<Box<Identity>>),
    /// A peer has left, under the endpoint that it joined with.
    Leave(String, Option<Box<Identity>>),
    /// A member of the network is there, or is gone.
    Member(Box<MemberChange>),
    /// There is no connection to this endpoint: the endpoint, and the reason as far as it is known. At most once a
    /// minute for each endpoint.
    Unreachable(String, String),
    /// What the node held when the owner [asked](Engine::sync_store) is in its file.
    Stored,
    /// A command of the owner was refused: its name, and the reason. The engine knows no commands, and sends none.
    Refused(Vec<u8>, String),
    /// What is held of the keys with this prefix was delivered, and the state of a peer is part of it. The engine knows
    /// no prefixes, and sends none.
    Synced(Box<[u8]>),
}

impl OwnerEvent {
    /// The key that the event is about, if it is about one.
    pub fn key(&self) -> Option<&[u8]> {
        match self {
            OwnerEvent::Deliver(tuple)
            | OwnerEvent::First(tuple)
            | OwnerEvent::Retract(tuple)
            | OwnerEvent::Expire(tuple) => Some(tuple.key()),
            OwnerEvent::Changed(change) => Some(change.tuple.key()),
            _ => None,
        }
    }
}

/// The program's side of a node, as the engine sees it. All calls come from the engine's thread, and none may wait.
pub trait Owner {
    /// The source of commands.
    fn source(&self) -> PollSource<'_>;

    /// Returns whether events wait for room in the source, so that [`flush`](Owner::flush) is to be called when there
    /// is some.
    fn wants_write(&self) -> bool;

    /// Carries out waiting commands, a thousand or so at most. `Break` ends the node.
    ///
    /// Events that a command causes are still inside the engine: before queueing a reply that must come after them,
    /// take them out with [`Engine::poll_event`].
    fn handle_commands(&mut self, engine: &mut Engine, now: Now) -> ControlFlow<()>;

    /// Queues an event for the program.
    fn handle_event(&mut self, event: OwnerEvent);

    /// Answers calls of the program that wait for a state of the node, where it is reached. Called at the end of every
    /// turn, before [`flush`](Owner::flush).
    fn settle(&mut self, _engine: &mut Engine, _now: Now) {}

    /// Hands the program as many queued events as it has room for. Called at the end of every turn.
    fn flush(&mut self);

    /// Notes that the node's context is being terminated, before its sockets are closed. The node ends then.
    fn handle_termination(&mut self) {}

    /// The moment at which [`handle_timeout`](Owner::handle_timeout) is to be called (ms, as [`Now::mono`]).
    fn poll_timeout(&self) -> Option<u64>;

    /// Handles the moment that [`poll_timeout`](Owner::poll_timeout) named.
    fn handle_timeout(&mut self, engine: &mut Engine, now: Now);
}

/// The settings that an engine begins with.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// The node's settings.
    pub core: core::Settings,
    /// The seed of the node's identity and randomness; taken from the system's randomness if not given.
    pub seed: Option<u64>,
    /// The name that peers are told; empty for none.
    pub name: String,
    /// Whether clients are admitted by a ZAP handler alone, where keys or a domain are set.
    pub requires_handler: bool,
    /// Whether connections of clients are ended that the ZAP handler does not admit any more.
    pub ends_revoked: bool,
    /// What finds the addresses of host names; the system's resolver by default.
    pub lookup: NameLookup,
}

impl Default for EngineSettings {
    fn default() -> EngineSettings {
        let core = core::Settings { max_bytes: memory::default_budget(), ..core::Settings::default() };
        EngineSettings {
            core,
            seed: None,
            name: String::new(),
            requires_handler: false,
            ends_revoked: false,
            lookup: NameLookup::default(),
        }
    }
}

/// One node's sockets, links and clock.
pub struct Engine {
    context: raw::Context,
    logger: Logger,
    clock: Clock,
    node: RecordedNode,
    recorder: Recorder,
    persistence: Option<Persistence>,
    security: Security,
    ipv6: bool,
    /// The sockets. A closed one leaves its slot empty.
    routers: Vec<Option<Router>>,
    links: HashMap<LinkId, Link, ahash::RandomState>,
    /// The endpoints that are bound.
    bound: Vec<Bound>,
    /// Whether the owner has asked for the members, which makes the node one for good.
    has_asked_members: bool,
    crowding: Crowding,
    admission: admission::Watch,
    send_queue: SendQueue,
    /// Bytes of large frames that wait in sockets.
    in_sockets: Arc<AtomicUsize>,
    /// Frames that libzmq has taken.
    frames_sent: u64,
    /// Clients that are gone, and the moment when that became known (mono ms). What they sent may still be unread.
    departed: Vec<(LinkId, u64)>,
    /// Closed links, kept until the events that name them are taken.
    closed: Vec<LinkId>,
    /// Endpoints without a connection, and the reasons, for the owner.
    unreachable: VecDeque<(String, String)>,
    timers: Timers,
    resolver: Resolver,
    /// The message being received.
    received: Message,
    turned_away: TurnedAway,
    /// What waits to be read.
    looks: intake::Looks,
    /// The node ends, and hands over what it can: in a quarter of a second the sockets are gone.
    is_ending: bool,
    /// Limits the log lines about failed calls.
    failures: Throttle,
    watch: warnings::Watch,
    /// The node cannot go on: its context is being terminated, most likely.
    terminated: bool,
    /// Its context is being terminated.
    is_context_ending: bool,
    /// The socket by which the end of a foreign context is noticed, if the node has no other.
    sentinel: Option<(raw::Socket, RawFd)>,
}

/// The time between two log lines about failed calls (ms).
const FAILURE_INTERVAL: u64 = 5000;

impl Engine {
    /// Makes a node without sockets. Sockets are made in `context` when they are first needed.
    pub fn new(context: raw::Context, logger: Logger, settings: EngineSettings) -> Engine {
        let clock = Clock::new();
        let seed = settings.seed.unwrap_or_else(|| entropy::random::<1>()[0]);
        let mut engine = Engine {
            context,
            logger,
            clock,
            node: RecordedNode::new(settings.core, seed, clock.now()),
            recorder: Recorder::default(),
            persistence: None,
            security: Security::new(settings.requires_handler),
            ipv6: false,
            routers: Vec::new(),
            links: HashMap::with_hasher(entropy::hasher()),
            bound: Vec::new(),
            has_asked_members: false,
            crowding: Crowding::default(),
            admission: admission::Watch::new(settings.ends_revoked),
            send_queue: SendQueue::default(),
            in_sockets: Arc::default(),
            frames_sent: 0,
            departed: Vec::new(),
            closed: Vec::new(),
            unreachable: VecDeque::new(),
            timers: Timers::default(),
            resolver: Resolver::new(settings.lookup),
            received: Message::default(),
            turned_away: TurnedAway::default(),
            looks: intake::Looks::default(),
            is_ending: false,
            failures: Throttle::constant(FAILURE_INTERVAL),
            watch: warnings::Watch::default(),
            terminated: false,
            is_context_ending: false,
            sentinel: None,
        };
        if !settings.name.is_empty() {
            engine.node.set_name(settings.name.as_bytes());
        }
        engine.record_if_environment_asks();
        engine
    }

    /// Sees to it that the node ends with a context that belongs to somebody else, also while it has no sockets there. Where
    /// no socket can be had, it is noticed later.
    pub fn watch_context(&mut self) {
        if self.context.is_foreign() {
            let socket = raw::Socket::new(self.context, zmq::PAIR);
            self.sentinel = socket.and_then(|socket| socket.fd().map(|fd| (socket, fd))).ok();
        }
    }

    /// The gossip protocol's state machine.
    pub fn node(&mut self) -> &mut RecordedNode {
        &mut self.node
    }

    /// The node's log.
    pub fn logger(&self) -> &Logger {
        &self.logger
    }

    /// The present time on both clocks.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// The node's counters. A tuple whose time to live ran out does not count, even if its timer has not fired yet.
    pub fn stats(&self) -> Stats {
        Stats { tuples: self.node.count_readable(self.clock.now()) as u64, ..self.node.stats() }
    }

    /// The peers that the node has or wants a connection to, each with its endpoint, in the order of their links.
    pub fn peers(&self) -> Vec<(String, core::PeerState)> {
        let now = self.clock.now();
        self.node.peers(now).into_iter().map(|peer| (self.endpoint_of(peer.link), peer)).collect()
    }

    /// The members of the network. Who asks is one of them from now on.
    pub fn members(&mut self) -> Vec<core::MemberInfo> {
        let now = self.clock.now();
        self.has_asked_members = true;
        self.set_membership(true);
        self.node.members(now)
    }

    /// The origin of a key's tuple, and the endpoint that it came by; that is empty for the owner's own, and where the link
    /// is closed.
    pub fn origin(&self, key: &[u8]) -> Option<(String, core::Origin)> {
        let origin = self.node.origin(key, self.clock.now())?;
        Some((origin.link.map_or_else(String::new, |link| self.endpoint_of(link)), origin))
    }

    /// Replaces the node's settings.
    pub fn set_settings(&mut self, settings: core::Settings) {
        self.node.set_settings(settings, self.clock.now());
    }

    /// Sets whether other members are told of this node though it announces nothing. It stays one if its owner has asked who
    /// they are.
    pub fn set_membership(&mut self, is_wished: bool) {
        let is_wished = is_wished || self.has_asked_members;
        if self.node.is_membership_wished() != is_wished {
            self.node.set_membership(is_wished, self.clock.now());
        }
    }

    /// Sets who may read and write what.
    pub fn set_rights(&mut self, rights: &Rights) {
        self.node.set_rights(rights, self.clock.now());
    }

    /// Sets the network that the node belongs to. Returns whether it could be: nothing is connected yet.
    pub fn set_network(&mut self, network: &Network) -> bool {
        self.node.set_network(network)
    }

    /// Returns whether this could be the node's network from now on.
    pub fn may_set_network(&self, network: &Network) -> bool {
        self.node.may_set_network(network)
    }

    /// Sets the node's public key (Z85) for the BINDs and CONNECTs that follow. It is checked when it is used.
    pub fn set_public_key(&mut self, text: &[u8]) {
        self.security.set_public(text);
        self.note_security();
    }

    /// Sets the node's secret key (Z85) for the BINDs and CONNECTs that follow. It is checked when it is used.
    pub fn set_secret_key(&mut self, text: &[u8]) {
        self.security.set_secret(text);
        self.note_security();
    }

    /// Takes the node's keys back, for the BINDs and CONNECTs that follow.
    pub fn clear_keys(&mut self) {
        self.security.clear_keys();
        self.note_security();
    }

    /// Returns whether the node has keys, usable or not.
    pub fn has_keys(&self) -> bool {
        self.security.has_keys()
    }

    /// Sets the username that the CONNECTs that follow give by PLAIN; empty for none.
    pub fn set_username(&mut self, username: &[u8]) {
        self.security.set_username(username);
    }

    /// Sets the password that the CONNECTs that follow give by PLAIN; empty for none.
    pub fn set_password(&mut self, password: &[u8]) {
        self.security.set_password(password);
    }

    /// Sets the ZAP domain of the BINDs that follow.
    pub fn set_zap_domain(&mut self, domain: &[u8]) {
        self.security.set_domain(domain);
        self.note_security();
    }

    /// Sets how clients of the BINDs that follow authenticate themselves. By another mechanism than NULL no CONNECT that
    /// follows is made in clear.
    pub fn set_mechanism(&mut self, mechanism: Mechanism) {
        self.security.mechanism = mechanism;
        self.note_security();
    }

    /// Sets whether clients of the BINDs that follow are admitted by a ZAP handler alone, where keys or a domain are set.
    pub fn set_requires_handler(&mut self, required: bool) {
        self.security.requires_handler = required;
        self.note_security();
    }

    /// Returns whether they are.
    pub fn requires_handler(&self) -> bool {
        self.security.requires_handler
    }

    /// Sets whether host names may mean IPv6 addresses. Addresses in brackets always are such.
    pub fn set_ipv6(&mut self, ipv6: bool) {
        self.ipv6 = ipv6;
    }

    /// Takes the next event for the owner, and writes the node's log lines that come before it.
    pub fn poll_event(&mut self) -> Option<OwnerEvent> {
        while let Some(event) = self.node.poll_event() {
            match event {
                Event::Deliver(tuple) => return Some(OwnerEvent::Deliver(tuple)),
                Event::First(tuple) => return Some(OwnerEvent::First(tuple)),
                Event::Retract(tuple) => return Some(OwnerEvent::Retract(tuple)),
                Event::Expire(tuple) => return Some(OwnerEvent::Expire(tuple)),
                Event::Changed(change) => return Some(OwnerEvent::Changed(change)),
                Event::Join(link, peer) => return Some(OwnerEvent::Join(self.endpoint_of(link), peer)),
                Event::Leave(link, peer) => return Some(OwnerEvent::Leave(self.endpoint_of(link), peer)),
                Event::Member(member) => return Some(OwnerEvent::Member(member)),
                Event::OwnId(link) => self.on_own_id(link),
                Event::SamePeer(link, other) => self.on_same_peer(link, other),
                Event::Warning(warning) => self.on_warning(*warning),
                Event::Debug(text) => self.logger.debug(text),
            }
        }
        for id in self.closed.drain(..) {
            if let Some(link) = self.links.remove(&id) {
                self.crowding.accepted.clear_link(link.source, id, self.clock.mono());
            }
        }
        if let Some((endpoint, reason)) = self.unreachable.pop_front() {
            return Some(OwnerEvent::Unreachable(endpoint, reason));
        }
        if self
            .persistence
            .as_mut()
            .is_some_and(|persistence| persistence.take_synced(self.node.saved_number()))
        {
            return Some(OwnerEvent::Stored);
        }
        None
    }

    fn endpoint_of(&self, link: LinkId) -> String {
        self.links.get(&link).map_or_else(String::new, |link| link.endpoint.to_string())
    }

    /// The size in bytes beyond which a peer's message costs the connection: more than twice the largest value of any
    /// usual limit, which is nobody's mistake.
    ///
    /// Peers may hold larger values than this node takes, and are right to send them where their own limit allows it.
    /// The node counts and drops a value that is merely too large; were its connection to break, nothing else would
    /// ever arrive over it.
    fn max_message(&self) -> i64 {
        let usual = core::Settings::default().max_value;
        let twice = self.node.settings().max_value.max(usual).saturating_mul(2).saturating_add(64 << 10);
        i64::try_from(twice).unwrap_or(i64::MAX)
    }

    /// Puts a router in a free slot, and returns that.
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

    /// The slot of the router for a purpose of which there is at most one.
    fn slot_of(&self, purpose: Purpose) -> Option<usize> {
        self.routers.iter().position(|router| router.as_ref().is_some_and(|router| router.purpose == purpose))
    }

    fn router(&mut self, slot: usize) -> Option<&mut Router> {
        self.routers.get_mut(slot)?.as_mut()
    }

    /// Handles an error that no peer has caused: logs it, at most every [`FAILURE_INTERVAL`], or ends the node if the
    /// context is terminated.
    fn log_failure(&mut self, failure: &str, error: raw::Error) {
        if error.is_terminated() {
            self.terminated = true;
            self.is_context_ending = true;
        } else if self.failures.pass(self.clock.mono()) {
            self.logger.error(format_args!("{failure}: {error}"));
        }
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
