//! The state of one link: a connection to a peer, and what the node knows of that peer.
//!
//! | file | concern |
//! | --- | --- |
//! | this file | the parts of a link, and what concerns several of them |
//! | `phase` | what the peer speaks, and what changes with that |
//! | `handshake` | finding out what a server speaks; counting PONGs |
//! | `liveness` | whether the peer is still there |
//! | `keepalive` | keeping a session with a CZMQ hub |
//! | `pace` | how rare heartbeats are while nothing changes |
//! | `list_wait` | waiting for the end of a plain client's list |
//! | `inbox` | messages that cause work, and wait for their turn |
//! | `outbox` | frames that go before tuples |
//! | `rights` | what the peer may read and write |
//! | `traffic` | counters, and the round-trip time |

pub(super) mod handshake;
pub(super) mod inbox;
pub(super) mod keepalive;
pub(super) mod list_wait;
pub(super) mod liveness;
pub(super) mod outbox;
pub(super) mod pace;
pub(super) mod phase;
pub(super) mod rights;
pub(super) mod traffic;

use crate::core::ack::AckTracker;
use crate::core::anti_entropy;
use crate::core::bulk::Bulk;
use crate::core::codec::{Extension, MEMBERS, OFFERS};
use crate::core::id::{Role, Slot};
use crate::core::plain::peer::PlainPeer;
use crate::core::plain::receipts::Receipts;
use crate::core::plumtree::LazyPush;
use crate::core::timers::Deadline;
use crate::core::transit::Transit;
use handshake::{Handshake, Pings};
use inbox::Inbox;
use keepalive::KeepAlive;
use list_wait::ListWait;
use liveness::Liveness;
use outbox::Outbox;
use pace::Pace;
pub(super) use phase::Phase;
use rights::PeerRights;
use traffic::{RoundTrip, Traffic};

/// Where what may be sent to peers ends.
#[derive(Copy, Clone, Debug)]
pub(super) struct Ends {
    /// Offset behind the last change of a tuple.
    pub(super) log: u32,
    /// The version of the members up to which peers are told.
    pub(super) members: u64,
}

/// Milliseconds between two INVALIDs to one client: a flood of its tuples is answered once.
const INVALID_INTERVAL: u64 = 100;
/// A link of the node: the connection to one peer, and everything that is known of the peer. Times are milliseconds of
/// the monotonic clock.
#[derive(Clone, Debug)]
pub(super) struct Link {
    role: Role,
    phase: Phase,
    /// Whether there is a connection; without one nothing is made to be sent.
    up: bool,
    /// Time (mono ms) since which there is a connection, or none.
    since: u64,
    /// The owner was given JOIN, and not LEAVE yet.
    joined: bool,
    pub(super) handshake: Handshake,
    pub(super) pings: Pings,
    pub(super) liveness: Liveness,
    pub(super) keepalive: KeepAlive,
    pub(super) pace: Pace,
    /// Client: when the next heartbeat or sign of life is due, or the handshake counts as unanswered.
    next_turn_at: u64,
    /// Client: when the handshake counts as unanswered.
    answer_due_at: u64,
    /// Time (mono ms) at which INVALID was last sent.
    invalid_at: Option<u64>,
    /// The next thing to do, in the table of timers.
    pub(super) deadline: Deadline,
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    /// Offset in the change log: everything before it was sent.
    cursor: u32,
    /// Tuples that are owed beside the changes of the moment.
    pub(super) bulk: Bulk,
    /// Stands in the queue of links with something to send.
    ready: bool,
    /// Plain client: its list is waited for.
    pub(super) list_wait: ListWait,
    /// Plain server: how far it has come with what it was sent.
    pub(super) receipts: Receipts,
    pub(super) plain: PlainPeer,
    /// Extended: anti-entropy with the peer.
    pub(super) sync: anti_entropy::Peer,
    /// Extended: the origins whose tuples are announced to the peer and not pushed, and those announcements.
    pub(super) lazy_push: LazyPush,
    /// The peer's node id, if it is an extended one.
    peer: Option<u64>,
    /// The name of the peer's node, if it is an extended one that has a name.
    peer_name: Option<Box<[u8]>>,
    /// The peer understands OFFER.
    offers: bool,
    /// The peer understands MEMBERS.
    hears_of_members: bool,
    /// Place in the news of members: everything up to it was told.
    members_told: u64,
    /// The extended peer that was counted among the node's neighbours.
    neighbour: Option<u64>,
    /// The peer's wall clock less this node's monotonic one, in milliseconds.
    wall: Option<i64>,
    /// The barriers that the peer has acknowledged.
    pub(super) acks: AckTracker,
    pub(super) transit: Transit,
    pub(super) traffic: Traffic,
    pub(super) round_trip: RoundTrip,
    pub(super) rights: PeerRights,
}

impl Link {
    /// Bytes that the link takes.
    pub(super) fn bytes(&self) -> usize {
        let waiting = self.outbox.bytes() + self.bulk.bytes() + self.lazy_push.bytes();
        size_of::<Link>() + waiting + self.plain.bytes() + self.rights.bytes()
    }

    /// A server's link is up from the start; a client's waits for its connection.
    pub(super) fn new(role: Role, now: u64) -> Link {
        Link {
            role,
            phase: Phase::Handshake,
            up: role == Role::Server,
            since: now,
            joined: false,
            handshake: Handshake::default(),
            pings: Pings::default(),
            liveness: Liveness::new(now),
            keepalive: KeepAlive::default(),
            pace: Pace::default(),
            next_turn_at: u64::MAX,
            answer_due_at: u64::MAX,
            invalid_at: None,
            deadline: Deadline::default(),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            cursor: 0,
            bulk: Bulk::default(),
            ready: false,
            list_wait: ListWait::default(),
            receipts: Receipts::default(),
            plain: PlainPeer::default(),
            sync: anti_entropy::Peer::default(),
            lazy_push: LazyPush::new(role),
            peer: None,
            peer_name: None,
            offers: false,
            hears_of_members: false,
            members_told: 0,
            neighbour: None,
            wall: None,
            acks: AckTracker::default(),
            transit: Transit::default(),
            traffic: Traffic::default(),
            round_trip: RoundTrip::default(),
            rights: PeerRights::default(),
        }
    }

    /// Client where this node made the connection, server where the peer did.
    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// Returns whether there is a connection.
    pub(super) fn is_up(&self) -> bool {
        self.up
    }

    /// Returns whether the owner was sent JOIN, and not LEAVE yet.
    pub(super) fn is_joined(&self) -> bool {
        self.joined
    }

    /// Notes that the owner is sent JOIN. Returns false if it was sent before, and is not to be sent twice.
    pub(super) fn join(&mut self) -> bool {
        !std::mem::replace(&mut self.joined, true)
    }

    /// Notes that the owner is sent LEAVE. Returns whether it is to be sent: after JOIN only.
    pub(super) fn leave(&mut self) -> bool {
        std::mem::take(&mut self.joined)
    }

    /// Client: when the next heartbeat or sign of life is due, or the handshake counts as unanswered.
    pub(super) fn next_turn_at(&self) -> u64 {
        self.next_turn_at
    }

    /// Client: sets when the next heartbeat or sign of life is due.
    pub(super) fn set_next_turn(&mut self, at: u64) {
        self.next_turn_at = at;
    }

    /// Offset in the change log: everything before it was sent.
    pub(super) fn cursor(&self) -> u32 {
        self.cursor
    }

    /// Notes that everything before an offset in the change log was sent.
    pub(super) fn set_cursor(&mut self, offset: u32) {
        self.cursor = offset;
    }

    /// Notes that the link stands in the queue of those with something to send. Returns whether it did not before.
    pub(super) fn enqueue(&mut self) -> bool {
        !std::mem::replace(&mut self.ready, true)
    }

    /// Notes that the link was taken from the queue of those with something to send.
    pub(super) fn dequeue(&mut self) {
        self.ready = false;
    }

    /// Notes that the peer is an extended one, with the node id `peer`.
    pub(super) fn on_introduced(&mut self, peer: u64, extension: &Extension<'_>) {
        self.peer = Some(peer);
        self.peer_name = extension.name.map(Box::from);
        let capabilities = extension.capabilities.unwrap_or_default();
        self.offers = capabilities & OFFERS != 0;
        self.hears_of_members = capabilities & MEMBERS != 0;
    }

    /// The peer's node id, if it is an extended one.
    pub(super) fn peer(&self) -> Option<u64> {
        self.peer
    }

    /// The name of the peer's node, 1 to 64 bytes, if it is an extended one that has a name.
    pub(super) fn peer_name(&self) -> Option<&[u8]> {
        self.peer_name.as_deref()
    }

    /// The extended peer that is connected by this link.
    pub(super) fn neighbour(&self) -> Option<u64> {
        self.peer.filter(|_| self.up && self.is_extended())
    }

    /// The peer that was a neighbour by this link, and the one that is now, where they differ. They count as told.
    pub(super) fn moves(&mut self) -> Option<[Option<u64>; 2]> {
        let now = self.neighbour();
        let before = std::mem::replace(&mut self.neighbour, now);
        (before != now).then_some([before, now])
    }

    /// Returns whether the peer understands OFFER.
    pub(super) fn offers(&self) -> bool {
        self.offers
    }

    /// The peer's wall clock less this node's monotonic one, in milliseconds.
    pub(super) fn wall(&self) -> Option<i64> {
        self.wall
    }

    /// Sets the peer's wall clock less this node's monotonic one, in milliseconds. Returns whether it changed.
    pub(super) fn set_wall(&mut self, wall: Option<i64>) -> bool {
        std::mem::replace(&mut self.wall, wall) != wall
    }

    /// Returns the time (mono ms) since which there is a connection, or none.
    pub(super) fn since(&self) -> u64 {
        self.since
    }

    /// Client: a connection was made, or made again.
    pub(super) fn on_connected(&mut self, now: u64) {
        (self.up, self.since) = (true, now);
        self.pings.on_connected(self.peer.is_some());
        self.receipts = Receipts::default();
        self.liveness.on_connected(now);
        self.keepalive.on_connected();
        self.plain.on_reconnect();
    }

    /// The connection was lost.
    pub(super) fn on_disconnected(&mut self, now: u64) {
        if std::mem::take(&mut self.up) {
            self.since = now;
        }
        self.liveness.on_disconnected();
        self.round_trip.on_disconnected();
        self.drop_unsent();
        self.set_phase(Phase::Handshake);
    }

    /// The next time at which the link has something to do.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        if !self.up {
            return None;
        }
        let of_phase = match self.phase {
            Phase::Plain => [self.plain.next_check_at(), self.list_wait.ends_at()],
            Phase::Extended => [self.lazy_push.half_over_at(), self.bulk.missing_at()],
            _ => [None, None],
        };
        let turn = (self.role == Role::Client).then_some(self.next_turn_at);
        of_phase.into_iter().chain([self.acks.retry_at(), turn]).flatten().min()
    }

    /// Returns whether INVALID may be sent now; it then counts as sent.
    pub(super) fn may_send_invalid(&mut self, now: u64) -> bool {
        let may = self.invalid_at.is_none_or(|at| now >= at + INVALID_INTERVAL);
        if may {
            self.invalid_at = Some(now);
        }
        may
    }

    /// Drops what was to be sent: the connection is gone, or the session starts anew.
    pub(super) fn drop_unsent(&mut self) {
        self.outbox.clear();
        self.bulk.clear();
        self.list_wait.end();
        self.sync.on_owed(0);
        self.transit = Transit::default();
        self.acks.probe_again();
    }

    /// The link's offsets in the change log.
    pub(super) fn offsets(&mut self) -> impl Iterator<Item = &mut u32> {
        let own = std::iter::once(&mut self.cursor).chain(self.sync.offset());
        own.chain(self.bulk.offsets()).chain(self.acks.offsets())
    }

    /// Returns whether the peer has yet to be sent this tuple, whose latest change is at `offset`.
    pub(super) fn is_unsent(&self, slot: Slot, offset: u32) -> bool {
        offset >= self.cursor || self.bulk.owes(slot, offset)
    }

    /// Returns whether the peer is a plain server that may not have adopted yet what it was last sent of this key, so
    /// that what it sends of the key may be older.
    pub(super) fn is_receipt_outstanding(&self, slot: Slot, now: u64) -> bool {
        let is_outstanding = |sent_at| self.receipts.is_outstanding(sent_at, now);
        self.role == Role::Client && self.plain.unechoed_since(slot).is_some_and(is_outstanding)
    }

    /// The place of an extended peer that understands MEMBERS in the news of members, where it was told less than `due`.
    pub(super) fn members_told(&mut self, due: u64) -> Option<&mut u64> {
        self.is_owed_members(due).then_some(&mut self.members_told)
    }

    fn is_owed_members(&self, due: u64) -> bool {
        self.hears_of_members && self.members_told < due && self.is_extended()
    }

    /// Returns whether anything waits to be sent now, given where the change log and the news of members end.
    pub(super) fn has_output(&self, ends: Ends) -> bool {
        let log_end = ends.log;
        self.up
            && (!self.outbox.is_empty()
                || self.is_owed_members(ends.members)
                || (self.is_extended() && self.offers && self.transit.is_next())
                || self.may_probe()
                || self.is_receipt_ping_due()
                || (self.may_be_sent_tuples()
                    && (self.cursor < log_end || self.lazy_push.is_due() || self.has_bulk())))
    }

    /// Returns whether something is owed in bulk, or a question about it is, that may be sent now.
    fn has_bulk(&self) -> bool {
        if self.is_extended() {
            self.bulk.may_send() || self.bulk.may_ask()
        } else {
            !self.bulk.is_empty() && !self.list_wait.is_open()
        }
    }

    /// Notes that a tuple was sent to a plain peer; a server is to show by a receipt that it has adopted it.
    pub(super) fn on_plain_sent(&mut self, now: u64) {
        if self.receipts.give_up(now) {
            self.pings.forget_unanswered();
        }
        self.receipts.on_sent(now);
    }

    /// Client: notes that a PING is sent. It is timed if the next PONG is its answer.
    pub(super) fn on_ping_sent(&mut self, now: u64) {
        self.pings.on_sent(1);
        if self.pings.unanswered() == 1 {
            self.round_trip.on_asked(now);
        }
    }

    /// Returns whether the peer is a plain server and is to be sent a PING behind what it was sent.
    pub(super) fn is_receipt_ping_due(&self) -> bool {
        self.role == Role::Client && self.is_plain() && self.receipts.is_ping_due()
    }

    /// Returns whether a probe is due and everything that it stands for has been sent.
    pub(super) fn may_probe(&self) -> bool {
        let is_all_sent = self.bulk.is_empty() && self.lazy_push.is_empty();
        self.may_be_sent_tuples() && is_all_sent && !self.sync.has_gap() && self.acks.may_probe(self.cursor)
    }
}
