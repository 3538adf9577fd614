//! What a node knows of one peer.

use crate::core::ack::AckTracker;
use crate::core::budget::Budget;
use crate::core::bulk::Bulk;
use crate::core::codec::Summary;
use crate::core::frame::Frame;
use crate::core::id::{Role, Slot};
use crate::core::plain::peer::PlainPeer;
use crate::core::plain::receipts::Receipts;
use crate::core::plumtree::peer::Branches;
use crate::core::transit::Transit;
use std::collections::VecDeque;

/// What language a peer speaks, as far as is known.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Not known yet; no tuples are sent.
    Greeting,
    /// Not known for a long time: tuples are sent as PUBLISH, which every peer understands, with stamp
    /// and time to live.
    Unsure,
    /// ZGP/1 as CZMQ speaks it.
    Plain,
    /// With stamps, batches and digests.
    Extended,
}

/// How far a client has come with its greeting: PING, HELLO, PING.
///
/// A CZMQ hub answers anything but HELLO and PING from a client that it does not know with INVALID,
/// and also a second HELLO from one that it knows. Answers come in order, so the first PONG tells
/// the INVALIDs for what was sent before the HELLO from one for the HELLO itself.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Greeting {
    /// PONGs to come before the answer to HELLO.
    pub(super) before: u32,
    /// The HELLO was answered with INVALID: say it again.
    pub(super) refused: bool,
}

/// PINGs that were not answered yet. Answers come in order, so they are told apart by counting them.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pings {
    /// All of them: what was sent before one of them has not been taken before as many answers have come.
    pub(super) unanswered: u32,
    /// Those whose answers are still reckoned with. One that was lost would make each greeting that follows wait
    /// for one answer more than comes.
    pub(super) expected: u32,
    /// Those of the former connection that may have waited, be said on this one, and be answered.
    pub(super) former: u32,
    /// There has been a connection.
    connected: bool,
}

impl Pings {
    /// At least, and at most, so many of the former connection are reckoned with.
    const FORMER: (u32, u32) = (2, 8);

    /// A new connection was made. A peer that was extended tells the end of a greeting by what it says.
    pub(super) fn connected(&mut self, to_extended: bool) {
        let former = self.unanswered.clamp(Self::FORMER.0, Self::FORMER.1);
        let former = if self.connected && !to_extended { former } else { 0 };
        *self = Pings { former, connected: true, ..Pings::default() };
    }

    pub(super) fn said(&mut self, count: u32) {
        self.unanswered += count;
        self.expected += count;
    }

    pub(super) fn answered(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.expected = self.expected.saturating_sub(1);
    }

    /// So much time has passed that all answers have come, or will not.
    pub(super) fn expect_none(&mut self) {
        self.expected = 0;
    }
}

/// Whether greetings follow each other too fast.
///
/// Answers are told apart by counting PONGs. If the count is ever wrong (a DEALER may say on a new
/// connection what had waited on the old one), each greeting is taken for refused, and the hub gives
/// all its tuples each time. Then nothing is said for a while, until all answers have come.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Greetings {
    last: u64,
    in_a_row: u32,
}

impl Greetings {
    const CALM: u64 = 5_000;
    const PATIENCE: u32 = 2;
    /// The unit (ms) of the pauses between greetings.
    const PAUSE: u64 = 250;

    /// A greeting is to follow: how long to wait before.
    pub(super) fn pause(&mut self, now: u64) -> u64 {
        self.in_a_row = if now.saturating_sub(self.last) > Self::CALM { 0 } else { self.in_a_row + 1 };
        let wait = match self.in_a_row.checked_sub(Self::PATIENCE) {
            None => 0,
            Some(more) => Self::PAUSE << more.clamp(1, 5),
        };
        self.last = now + wait;
        wait
    }
}

/// What is remembered of the last comparison of digests, so as not to repeat one that was no use.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Comparison {
    /// One was begun since there was last reason to believe that it leads to something.
    pub(super) begun: bool,
    /// It led to tuples being asked for.
    pub(super) useful: bool,
    pub(super) again_at: u64,
    pub(super) futile: u32,
    /// How often one was put off, in a row, because something else waited to be sent.
    pub(super) put_off: u32,
}

/// Whether a CZMQ hub may have forgotten a client that has no tuple of its own to ask with.
///
/// The hub goes on answering its PINGs. But it forgets nobody whose PINGs come in time, so there is
/// reason to doubt only after a gap: between two things that we said, or between two PONGs.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubt {
    /// There was a gap.
    pub(super) raised: bool,
    /// When the last PONG came, if only PINGs were said since.
    pub(super) pong_at: Option<u64>,
    /// HELLO, which makes the hub say everything, is not said for a doubt before then …
    pub(super) not_before: u64,
    /// … and so long after that one: doubles each time, for it may be load that makes the gaps.
    pub(super) wait: u64,
}

impl Doubt {
    const FIRST_WAIT: u64 = 2000;
    const LONGEST_WAIT: u64 = 120_000;

    /// How long nothing may be said, or no PONG come, where there is a PING each `interval`: less than
    /// the hub's timeout, but more than what a busy machine or network delays.
    fn gap(interval: u64) -> u64 {
        2 * interval + 300
    }

    /// Nothing was said for `gap` milliseconds.
    pub(super) fn said_after(&mut self, gap: u64, interval: u64) {
        self.raised |= gap >= Self::gap(interval);
    }

    /// A PONG has come.
    pub(super) fn heard_pong(&mut self, now: u64, interval: u64) {
        self.raised |= self.pong_at.is_some_and(|last| now - last >= Self::gap(interval));
        self.pong_at = Some(now);
    }

    /// Whether to say HELLO again now because of a doubt.
    pub(super) fn is_due(&mut self, now: u64) -> bool {
        if !self.raised || now < self.not_before {
            return false;
        }
        let calm = now - self.not_before > Self::LONGEST_WAIT;
        self.wait =
            if calm { Self::FIRST_WAIT } else { (2 * self.wait).clamp(Self::FIRST_WAIT, Self::LONGEST_WAIT) };
        self.not_before = now + self.wait;
        true
    }

    /// The hub knows us.
    pub(super) fn settle(&mut self) {
        (self.raised, self.pong_at) = (false, None);
    }
}

#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) role: Role,
    pub(super) kind: Kind,
    /// A connection is there; without one nothing is made to be sent.
    pub(super) up: bool,
    /// The HELLO of this conversation was said (client) or heard (server).
    pub(super) greeted: bool,
    pub(super) greeting: Greeting,
    pub(super) greetings: Greetings,
    /// JOIN was told, LEAVE was not yet.
    pub(super) joined: bool,
    /// Offset in the change log: what lies before was sent.
    pub(super) cursor: u32,
    /// Answers and announcements, sent before tuples.
    pub(super) control: VecDeque<Frame>,
    pub(super) control_bytes: usize,
    /// What is owed beside what changes now.
    pub(super) bulk: Bulk,
    /// Plain server: until when (ms) the client's list is listened to before it is told ours, and until when at
    /// most. What it has newer would else be replaced by what we have older.
    pub(super) listens: Option<(u64, u64)>,
    /// How many tuples the peer owes us so, as it says.
    pub(super) owed_by_peer: u32,
    /// When a tuple last came, or a sign that the peer has taken some (ms).
    pub(super) progress_at: u64,
    /// Whose tuples travel over this link.
    pub(super) branches: Branches,
    /// Stands in the queue of links with something to send.
    pub(super) ready: bool,
    pub(super) heard_at: u64,
    pub(super) sent_at: u64,
    pub(super) pings: Pings,
    /// Plain server: how far it has come with what it was told.
    pub(super) receipts: Receipts,
    pub(super) doubt: Doubt,
    /// Anything was heard since the connection was made.
    pub(super) answers: bool,
    /// Milliseconds of silence after which the peer's connection is taken for dead.
    pub(super) patience: u64,
    /// Client: milliseconds of idleness after which the link is kept alive.
    pub(super) interval: u64,
    /// When a longer interval is tried, if INVALID had made it short, and the milliseconds between
    /// such tries.
    pub(super) relax_at: u64,
    pub(super) relax_wait: u64,
    /// When the greeting counts as unanswered, or the next heartbeat or sign of life is due.
    pub(super) beat_at: u64,
    /// How often the peer was asked for a sign of life since it was heard, and when first (client).
    pub(super) probes: u32,
    pub(super) asked_at: u64,
    /// Client: the driver is asked whether bytes pass …
    pub(super) suspected: bool,
    /// … and has said that they do, which counts until then (mono ms).
    pub(super) trusted_until: u64,
    /// Client: what our tuples summed up to when we said so last, and how many heartbeats of the server
    /// in a row have shown since that it holds the same.
    pub(super) told: Summary,
    pub(super) calm: u32,
    /// When INVALID was last said.
    pub(super) invalid_at: Option<u64>,
    /// The deadline that stands in the table of timers.
    pub(super) deadline: Option<u64>,
    pub(super) peer: Option<u64>,
    /// The peer understands OFFER.
    pub(super) offers: bool,
    /// The peer's wall clock less our monotonic one, in milliseconds.
    pub(super) wall: Option<i64>,
    pub(super) comparison: Comparison,
    pub(super) summary: Summary,
    pub(super) plain: PlainPeer,
    /// Which barriers the peer has acknowledged.
    pub(super) acks: AckTracker,
    /// One side may lack something that the other held when the conversation began, or has told of since, and no
    /// comparison that would find it has begun.
    pub(super) gap: bool,
    /// The number of the last request for a tuple that the peer has told of.
    pub(super) awaits: u64,
    pub(super) budget: Budget,
    pub(super) transit: Transit,
}

/// Bytes of answers and announcements that may wait; a peer that makes us say more and never reads loses
/// the newest.
const MOST_CONTROL: usize = 1 << 20;

/// A plain client says HELLO and all its tuples in one breath: its list is over when nothing has come for so long
/// (ms), or after a longer time in any case.
const LIST_GAP: u64 = 150;
/// What it says before that, which was to be said on an earlier connection, is over when so much time (ms) has passed.
pub(super) const BREATH: u64 = 100;
const LONGEST_LIST: u64 = 3000;
/// Idle milliseconds after which a CZMQ hub is told that we are still here; it forgets a client
/// after its `server/timeout`, 1 s by default.
pub(super) const KEEPALIVE: u64 = 300;
/// The shortest such interval, for hubs that forget sooner.
const SHORTEST_KEEPALIVE: u64 = 20;
/// A hub that answered INVALID may have done so because something was late: after this time (ms) the
/// interval is made longer again. The time doubles with each INVALID.
const FIRST_RELAX: u64 = 5_000;
const LONGEST_RELAX: u64 = 3_600_000;
/// After this time (ms) without an answer to HELLO and PING tuples are sent to a peer although nobody knows
/// what it is. Longer than any round trip: a peer is taken for a plain one only for what it says.
pub(super) const GREETING_PATIENCE: u64 = 5_000;
/// Silence after which a connection that never answered gets a fresh socket; doubles each time.
pub(super) const FIRST_PATIENCE: u64 = 10_000;
/// The longest such silence.
pub(super) const LONGEST_PATIENCE: u64 = 300_000;

impl Link {
    pub(super) fn new(role: Role, now: u64) -> Link {
        Link {
            role,
            kind: Kind::Greeting,
            up: role == Role::Server,
            greeted: false,
            greeting: Greeting::default(),
            greetings: Greetings::default(),
            joined: false,
            cursor: 0,
            control: VecDeque::new(),
            control_bytes: 0,
            bulk: Bulk::default(),
            listens: None,
            owed_by_peer: 0,
            progress_at: 0,
            branches: Branches::default(),
            ready: false,
            heard_at: now,
            sent_at: now,
            pings: Pings::default(),
            receipts: Receipts::default(),
            doubt: Doubt::default(),
            answers: false,
            patience: FIRST_PATIENCE,
            interval: KEEPALIVE,
            relax_at: 0,
            relax_wait: 0,
            beat_at: u64::MAX,
            probes: 0,
            asked_at: 0,
            suspected: false,
            trusted_until: 0,
            told: Summary::default(),
            calm: 0,
            invalid_at: None,
            deadline: None,
            peer: None,
            offers: false,
            wall: None,
            comparison: Comparison::default(),
            summary: Summary::default(),
            plain: PlainPeer::default(),
            acks: AckTracker::default(),
            gap: false,
            awaits: 0,
            budget: Budget::default(),
            transit: Transit::default(),
        }
    }

    /// The hub had forgotten us: it has a shorter timeout than we thought, or something was late.
    pub(super) fn hurry(&mut self, now: u64) {
        self.interval = (self.interval / 2).max(SHORTEST_KEEPALIVE);
        self.relax_wait = (2 * self.relax_wait).clamp(FIRST_RELAX, LONGEST_RELAX);
        self.relax_at = now + self.relax_wait;
    }

    /// It has not forgotten us for long.
    pub(super) fn relax(&mut self, now: u64) {
        if self.interval < KEEPALIVE && now >= self.relax_at {
            self.interval = (2 * self.interval).min(KEEPALIVE);
            self.relax_at = now + self.relax_wait;
        }
    }

    /// Drops what was to be sent: the connection is gone, or the conversation starts anew.
    pub(super) fn forget_owed(&mut self) {
        self.control.clear();
        self.control_bytes = 0;
        self.bulk.clear();
        self.listens = None;
        self.owed_by_peer = 0;
        self.transit = Transit::default();
        self.acks.probe_again();
    }

    /// How many bytes of answers and announcements there is room for; the last may be longer.
    pub(super) fn control_room(&self) -> usize {
        MOST_CONTROL.saturating_sub(self.control_bytes)
    }

    /// The offsets in the change log that are kept here.
    pub(super) fn offsets(&mut self) -> impl Iterator<Item = &mut u32> {
        std::iter::once(&mut self.cursor).chain(self.bulk.offsets()).chain(self.acks.offsets())
    }

    /// Whether the peer has yet to be sent this tuple, whose latest change is at `offset`.
    pub(super) fn is_unsent(&self, slot: Slot, offset: u32) -> bool {
        offset >= self.cursor || self.bulk.owes(slot, offset)
    }

    /// Client: whether what a plain server says of this key was said before it took what it was told of it last.
    pub(super) fn is_unaware(&self, slot: Slot, now: u64) -> bool {
        let open = |told_at| self.receipts.is_open(told_at, now);
        self.role == Role::Client && self.plain.told_at(slot).is_some_and(open)
    }

    pub(super) fn is_plain(&self) -> bool {
        self.kind == Kind::Plain
    }

    /// Whether the peer has not yet shown what it speaks.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.kind, Kind::Greeting | Kind::Unsure)
    }

    pub(super) fn is_extended(&self) -> bool {
        self.kind == Kind::Extended
    }

    /// Whether anything waits to be sent now, given where the change log ends.
    pub(super) fn has_output(&self, log_end: u32) -> bool {
        self.up
            && (!self.control.is_empty()
                || (self.is_extended() && self.offers && self.transit.is_next())
                || self.may_probe()
                || self.may_ask_receipt()
                || (self.kind != Kind::Greeting
                    && (self.cursor < log_end || self.branches.is_due() || self.has_bulk())))
    }

    /// Whether something is owed in bulk, or a question about it is, that may be sent now.
    fn has_bulk(&self) -> bool {
        if self.is_extended() {
            self.bulk.may_send() || self.bulk.may_ask()
        } else {
            !self.bulk.is_empty() && self.listens.is_none()
        }
    }

    /// The client's list is listened to from now on.
    pub(super) fn listen(&mut self, now: u64) {
        self.listens = Some((now + LIST_GAP, now + LONGEST_LIST));
    }

    /// A further key of the list has come.
    pub(super) fn goes_on_listening(&mut self, now: u64) {
        if let Some((until, most)) = &mut self.listens {
            *until = (now + LIST_GAP).min(*most);
        }
    }

    /// A tuple was told, of which a plain server is to show that it has taken it.
    pub(super) fn expect_receipt(&mut self, now: u64) {
        if self.receipts.give_up(now) {
            self.pings.unanswered = 0;
        }
        self.receipts.tell(now);
    }

    /// Client: whether a plain server is to be asked whether it has taken what it was told.
    pub(super) fn may_ask_receipt(&self) -> bool {
        self.role == Role::Client && self.is_plain() && self.receipts.may_ask()
    }

    /// Whether a probe is due and everything that it stands for has been sent.
    pub(super) fn may_probe(&self) -> bool {
        let told = self.bulk.is_empty() && self.branches.is_empty();
        self.kind != Kind::Greeting && told && !self.gap && self.acks.may_probe(self.cursor)
    }
}
