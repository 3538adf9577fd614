//! Inputs and outputs of a node, in the form in which a record holds them.
//!
//! Outputs are there to be compared: of a frame or an event, its length or kind and a hash are enough. What a
//! replay needs is in the inputs.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use super::fields::{put_bytes, put_number};
#[cfg(doc)]
use crate::core::Node;
use crate::core::codec::MessageId;
use crate::core::{
    Barrier, ChangeKind, Event, Frame, LinkId, Network, Refusal, Rights, Role, Settings, Tuple,
};

/// A call of a method of [`Node`] that may change the node, without the time.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<'a> {
    /// The node was made. A record that begins with this can be replayed.
    New {
        /// The seed given to [`Node::new`].
        seed: u64,
        /// The settings given to [`Node::new`].
        settings: Settings,
        /// The version of the program that recorded.
        version: &'a [u8],
    },
    /// Recording began in the middle of the node's life.
    Joined {
        /// [`Node::id`].
        id: u64,
        /// [`Node::settings`].
        settings: Settings,
        /// [`Node::count`].
        tuples: u64,
        /// The version of the program that recorded.
        version: &'a [u8],
    },
    /// A remark of the node's driver.
    Note(&'a [u8]),
    /// [`Node::set_settings`].
    SetSettings(Settings),
    /// [`Node::set_name`].
    SetName(&'a [u8]),
    /// [`Node::set_network`].
    SetNetwork(Network),
    /// [`Node::restore_head`].
    RestoreHead(&'a [u8]),
    /// [`Node::restore`].
    Restore {
        /// The key.
        key: &'a [u8],
        /// Its record.
        record: &'a [u8],
    },
    /// [`Node::set_rights`].
    SetRights(Rights),
    /// [`Node::set_subjects`].
    SetSubjects(LinkId, Vec<&'a [u8]>),
    /// [`Node::publish`].
    Publish {
        /// The key.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// Milliseconds; 0 for ever.
        ttl: u32,
    },
    /// [`Node::announce`].
    Announce {
        /// The key.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// Milliseconds; 0 for the default.
        ttl: u32,
    },
    /// [`Node::set_membership`].
    SetMembership(bool),
    /// [`Node::set_endpoints`].
    SetEndpoints(Vec<&'a [u8]>),
    /// [`Node::unpublish`].
    Unpublish(&'a [u8]),
    /// [`Node::retract`].
    Retract(&'a [u8]),
    /// [`Node::set_barrier`].
    Barrier,
    /// [`Node::shutdown`].
    Shutdown,
    /// [`Node::open_link`].
    OpenLink(Role),
    /// [`Node::link_up`].
    LinkUp(LinkId),
    /// [`Node::link_down`].
    LinkDown(LinkId),
    /// [`Node::close_link`].
    CloseLink(LinkId),
    /// [`Node::handle_frame`].
    Frame(LinkId, &'a [u8]),
    /// [`Node::handle_timeout`].
    Timeout,
    /// [`Node::poll_ready`].
    PollReady,
    /// [`Node::poll_transmit`].
    PollTransmit(LinkId),
    /// [`Node::poll_event`].
    PollEvent,
    /// [`Node::poll_stale`].
    PollStale,
    /// [`Node::poll_suspect`].
    PollSuspect,
    /// [`Node::handle_suspect`]: whether bytes pass.
    Suspect(LinkId, bool),
}

/// Result of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// The record ends before the call had returned: it was interrupted by a panic.
    #[default]
    Missing,
    /// The call returned nothing.
    Nothing,
    /// The call returned whether something was there.
    Was(bool),
    /// The command was refused.
    Refused(Refusal),
    /// A link.
    Link(LinkId),
    /// A frame to be sent.
    Frame(FrameDigest),
    /// An event for the owner.
    Event(EventDigest),
}

/// The digest of a frame, by which two runs are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameDigest {
    /// The frame's message id.
    pub message: u8,
    /// The frame's length in bytes.
    pub length: u64,
    /// The lower half of the frame's XXH3 hash.
    pub hash: u32,
}

/// The digest of an event, by which two runs are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventDigest {
    /// The variant's number in [`Event`], from 1 on.
    pub kind: u8,
    /// The lower half of the XXH3 hash of the event's content.
    pub hash: u32,
}

impl FrameDigest {
    /// The digest of these bytes.
    pub fn of(frame: &[u8]) -> FrameDigest {
        FrameDigest {
            message: frame.get(2).copied().unwrap_or(0),
            length: frame.len() as u64,
            hash: xxh3_64(frame) as u32,
        }
    }
}

impl EventDigest {
    /// The digest of an event.
    pub fn of(event: &Event) -> EventDigest {
        let tuple = |tuple: &Tuple| xxh3_64(tuple.key()) ^ xxh3_64(tuple.value()).rotate_left(1);
        let (kind, hash) = match event {
            Event::Deliver(held) => (1, tuple(held)),
            Event::First(held) => (2, tuple(held)),
            Event::Retract(held) => (3, tuple(held)),
            Event::Expire(held) => (4, tuple(held)),
            // What it tells beside the tuple is not asked for when the record is replayed.
            Event::Changed(change) => {
                let kind = match change.kind {
                    ChangeKind::Deliver => 1,
                    ChangeKind::First => 2,
                    ChangeKind::Retract => 3,
                    ChangeKind::Expire => 4,
                };
                (kind, tuple(&change.tuple))
            }
            Event::Join(link, _) => (5, link.get()),
            Event::Leave(link, _) => (6, link.get()),
            Event::Member(member) => (12, member.id ^ member.state as u64),
            Event::OwnId(link) => (8, link.get()),
            Event::SamePeer(link, _) => (9, link.get()),
            Event::Debug(text) => (7, xxh3_64(text.as_bytes())),
            Event::Warning(warning) => (10, warning.kind as u64),
        };
        EventDigest { kind, hash: hash as u32 }
    }
}

/// Results of calls, which a record keeps for comparison.
pub(super) trait Returned {
    /// The form in which the result is recorded.
    fn output(&self) -> Output;
}

impl Returned for () {
    fn output(&self) -> Output {
        Output::Nothing
    }
}

impl Returned for Barrier {
    fn output(&self) -> Output {
        Output::Nothing
    }
}

impl Returned for bool {
    fn output(&self) -> Output {
        Output::Was(*self)
    }
}

impl Returned for LinkId {
    fn output(&self) -> Output {
        Output::Link(*self)
    }
}

impl Returned for Frame {
    fn output(&self) -> Output {
        Output::Frame(FrameDigest::of(self.bytes()))
    }
}

impl Returned for Event {
    fn output(&self) -> Output {
        Output::Event(EventDigest::of(self))
    }
}

impl<T: Returned> Returned for Option<T> {
    fn output(&self) -> Output {
        self.as_ref().map_or(Output::Nothing, Returned::output)
    }
}

impl<T: Returned> Returned for Result<T, Refusal> {
    fn output(&self) -> Output {
        self.as_ref().map_or_else(|&refusal| Output::Refused(refusal), Returned::output)
    }
}

impl Input<'_> {
    /// Returns whether the call may have changed more than settings and timers of a node that holds nothing and has no
    /// link.
    pub(super) fn is_weighty(&self) -> bool {
        matches!(
            self,
            Input::Publish { .. }
                | Input::Announce { .. }
                | Input::Retract(_)
                | Input::OpenLink(_)
                | Input::RestoreHead(_)
                | Input::Restore { .. }
        )
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each input")]
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Input::New { seed, ref settings, version } => {
                out.push(kind::NEW);
                put_number(out, seed);
                put_settings(out, settings);
                put_bytes(out, version);
            }
            Input::Joined { id, ref settings, tuples, version } => {
                out.push(kind::JOINED);
                put_number(out, id);
                put_settings(out, settings);
                put_number(out, tuples);
                put_bytes(out, version);
            }
            Input::Note(text) => {
                out.push(kind::NOTE);
                put_bytes(out, text);
            }
            Input::SetSettings(ref settings) => {
                out.push(kind::SET_SETTINGS);
                put_settings(out, settings);
            }
            Input::SetName(name) => {
                out.push(kind::SET_NAME);
                put_bytes(out, name);
            }
            Input::SetNetwork(ref network) => {
                out.push(kind::SET_NETWORK);
                put_bytes(out, network.name());
                out.push(network.takes_plain().into());
            }
            Input::RestoreHead(head) => {
                out.push(kind::RESTORE_HEAD);
                put_bytes(out, head);
            }
            Input::Restore { key, record } => {
                out.push(kind::RESTORE);
                put_bytes(out, key);
                put_bytes(out, record);
            }
            Input::SetRights(ref rights) => {
                out.push(kind::SET_RIGHTS);
                put_rights(out, rights);
            }
            Input::SetSubjects(link, ref subjects) => {
                put_link(out, kind::SET_SUBJECTS, link);
                put_number(out, subjects.len() as u64);
                for subject in subjects {
                    put_bytes(out, subject);
                }
            }
            Input::Publish { key, value, ttl } => {
                out.push(kind::PUBLISH);
                put_bytes(out, key);
                put_bytes(out, value);
                put_number(out, ttl.into());
            }
            Input::Announce { key, value, ttl } => {
                out.push(kind::ANNOUNCE);
                put_bytes(out, key);
                put_bytes(out, value);
                put_number(out, ttl.into());
            }
            Input::SetMembership(is_wished) => out.extend([kind::SET_MEMBERSHIP, is_wished.into()]),
            Input::SetEndpoints(ref endpoints) => {
                out.push(kind::SET_ENDPOINTS);
                put_number(out, endpoints.len() as u64);
                for endpoint in endpoints {
                    put_bytes(out, endpoint);
                }
            }
            Input::Unpublish(key) => {
                out.push(kind::UNPUBLISH);
                put_bytes(out, key);
            }
            Input::Retract(key) => {
                out.push(kind::RETRACT);
                put_bytes(out, key);
            }
            Input::Barrier => out.push(kind::BARRIER),
            Input::Shutdown => out.push(kind::SHUTDOWN),
            Input::OpenLink(Role::Client) => out.push(kind::OPEN_CLIENT),
            Input::OpenLink(Role::Server) => out.push(kind::OPEN_SERVER),
            Input::LinkUp(link) => put_link(out, kind::LINK_UP, link),
            Input::LinkDown(link) => put_link(out, kind::LINK_DOWN, link),
            Input::CloseLink(link) => put_link(out, kind::CLOSE_LINK, link),
            Input::Frame(link, frame) => {
                put_link(out, kind::FRAME, link);
                put_bytes(out, frame);
            }
            Input::Timeout => out.push(kind::TIMEOUT),
            Input::PollReady => out.push(kind::POLL_READY),
            Input::PollTransmit(link) => put_link(out, kind::POLL_TRANSMIT, link),
            Input::PollEvent => out.push(kind::POLL_EVENT),
            Input::PollStale => out.push(kind::POLL_STALE),
            Input::PollSuspect => out.push(kind::POLL_SUSPECT),
            Input::Suspect(link, true) => put_link(out, kind::SUSPECT_LIVES, link),
            Input::Suspect(link, false) => put_link(out, kind::SUSPECT_IS_SILENT, link),
        }
    }
}

impl Output {
    pub(super) fn encode(self, out: &mut Vec<u8>) {
        match self {
            Output::Missing => {}
            Output::Nothing => out.push(0),
            Output::Was(false) => out.push(1),
            Output::Was(true) => out.push(2),
            Output::Link(link) => put_link(out, 3, link),
            Output::Frame(FrameDigest { message, length, hash }) => {
                out.extend([4, message]);
                put_number(out, length);
                out.extend(hash.to_le_bytes());
            }
            Output::Event(EventDigest { kind, hash }) => {
                out.extend([5, kind]);
                out.extend(hash.to_le_bytes());
            }
            Output::Refused(refusal) => out.extend([6, refusal_number(refusal)]),
        }
    }
}

/// The first byte of an input: its kind. A time stands before an input where it differs from that of the former one.
pub(super) mod kind {
    pub(in super::super) const TIME: u8 = 0;
    pub(in super::super) const NEW: u8 = 1;
    pub(in super::super) const JOINED: u8 = 2;
    pub(in super::super) const NOTE: u8 = 3;
    pub(in super::super) const SET_SETTINGS: u8 = 4;
    pub(in super::super) const PUBLISH: u8 = 5;
    pub(in super::super) const UNPUBLISH: u8 = 6;
    pub(in super::super) const RETRACT: u8 = 7;
    pub(in super::super) const BARRIER: u8 = 8;
    pub(in super::super) const SHUTDOWN: u8 = 9;
    pub(in super::super) const OPEN_CLIENT: u8 = 10;
    pub(in super::super) const OPEN_SERVER: u8 = 11;
    pub(in super::super) const LINK_UP: u8 = 12;
    pub(in super::super) const LINK_DOWN: u8 = 13;
    pub(in super::super) const CLOSE_LINK: u8 = 14;
    pub(in super::super) const FRAME: u8 = 15;
    pub(in super::super) const TIMEOUT: u8 = 16;
    pub(in super::super) const POLL_READY: u8 = 17;
    pub(in super::super) const POLL_TRANSMIT: u8 = 18;
    pub(in super::super) const POLL_EVENT: u8 = 19;
    pub(in super::super) const POLL_STALE: u8 = 20;
    pub(in super::super) const POLL_SUSPECT: u8 = 21;
    pub(in super::super) const SUSPECT_LIVES: u8 = 22;
    pub(in super::super) const SUSPECT_IS_SILENT: u8 = 23;
    pub(in super::super) const SET_NAME: u8 = 24;
    pub(in super::super) const SET_RIGHTS: u8 = 25;
    pub(in super::super) const SET_SUBJECTS: u8 = 26;
    pub(in super::super) const SET_NETWORK: u8 = 27;
    pub(in super::super) const ANNOUNCE: u8 = 28;
    pub(in super::super) const SET_MEMBERSHIP: u8 = 29;
    pub(in super::super) const SET_ENDPOINTS: u8 = 30;
    pub(in super::super) const RESTORE_HEAD: u8 = 40;
    pub(in super::super) const RESTORE: u8 = 41;
}

pub(super) fn refusal_number(refusal: Refusal) -> u8 {
    match refusal {
        Refusal::EmptyKey => 0,
        Refusal::KeyTooLong => 1,
        Refusal::ValueTooLong => 2,
        Refusal::NulByte => 3,
        Refusal::TooManyTuples => 4,
        Refusal::TooManyClients => 5,
        Refusal::TooManyBytes => 6,
    }
}

fn put_link(out: &mut Vec<u8>, kind: u8, link: LinkId) {
    out.push(kind);
    put_number(out, link.get());
}

fn put_rights(out: &mut Vec<u8>, rights: &Rights) {
    let rules = rights.iter();
    put_number(out, rules.len() as u64);
    for (subject, prefix, access) in rules {
        put_bytes(out, subject);
        put_bytes(out, prefix);
        out.push(access.bits());
    }
}

fn put_settings(out: &mut Vec<u8>, settings: &Settings) {
    let &Settings { max_tuples, max_value, max_bytes, max_clients, .. } = settings;
    let &Settings { max_drift, tombstone, timeout, verbose, grace, .. } = settings;
    let sizes = [max_tuples, max_value, max_bytes, max_clients].map(|size| size as u64);
    let times = [max_drift, tombstone, timeout, verbose.into(), grace];
    sizes.into_iter().chain(times).for_each(|number| put_number(out, number));
}

impl fmt::Display for Input<'_> {
    #[expect(clippy::too_many_lines, reason = "one arm for each input")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Input::New { seed, ref settings, version } => {
                write!(f, "new node, seed {seed:016x}, {settings:?}, recorded by {}", Text(version))
            }
            Input::Joined { id, ref settings, tuples, version } => {
                let by = Text(version);
                write!(f, "recording begins: node {id:016x}, {tuples} tuples, {settings:?}, recorded by {by}")
            }
            Input::Note(text) => write!(f, "note: {}", Text(text)),
            Input::SetSettings(ref settings) => write!(f, "set {settings:?}"),
            Input::SetName(name) => write!(f, "name {}", Text(name)),
            Input::SetNetwork(ref network) => {
                let plain = if network.takes_plain() { ", with plain peers" } else { "" };
                write!(f, "network {}{plain}", Text(network.name()))
            }
            Input::RestoreHead(_) => f.write_str("comes back as what a file says"),
            Input::Restore { key, record } => {
                write!(f, "from the file: {}, {} bytes", Text(key), record.len())
            }
            Input::SetRights(ref rights) => {
                write!(f, "{} rules of who may read and write what", rights.iter().len())
            }
            Input::SetSubjects(link, ref subjects) => {
                let subjects: Vec<_> = subjects.iter().map(|subject| Text(subject).to_string()).collect();
                write!(f, "link {} is {}", link.get(), subjects.join(", "))
            }
            Input::Publish { key, value, ttl: 0 } => write!(f, "publish {} = {}", Text(key), Text(value)),
            Input::Publish { key, value, ttl } => {
                write!(f, "publish {} = {} for {ttl} ms", Text(key), Text(value))
            }
            Input::Announce { key, value, ttl } => {
                write!(f, "announce {} = {} for {ttl} ms", Text(key), Text(value))
            }
            Input::SetMembership(is_wished) => write!(f, "member {is_wished}"),
            Input::SetEndpoints(ref endpoints) => write!(f, "bound to {} endpoints", endpoints.len()),
            Input::Unpublish(key) => write!(f, "unpublish {}", Text(key)),
            Input::Retract(key) => write!(f, "retract {}", Text(key)),
            Input::Barrier => f.write_str("barrier"),
            Input::Shutdown => f.write_str("shutdown"),
            Input::OpenLink(role) => write!(f, "open link, {}", format!("{role:?}").to_lowercase()),
            Input::LinkUp(link) => write!(f, "link {} is up", link.get()),
            Input::LinkDown(link) => write!(f, "link {} is down", link.get()),
            Input::CloseLink(link) => write!(f, "link {} is closed", link.get()),
            Input::Frame(link, frame) => write!(f, "link {} <- {}", link.get(), FrameText(frame)),
            Input::Timeout => f.write_str("timeout"),
            Input::PollReady => f.write_str("ready?"),
            Input::PollTransmit(link) => write!(f, "link {} ->", link.get()),
            Input::PollEvent => f.write_str("event?"),
            Input::PollStale => f.write_str("stale?"),
            Input::PollSuspect => f.write_str("suspect?"),
            Input::Suspect(link, true) => write!(f, "bytes pass on link {}", link.get()),
            Input::Suspect(link, false) => write!(f, "no bytes pass on link {}", link.get()),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const EVENTS: [&str; 9] =
            ["deliver", "first", "retract", "expire", "join", "leave", "log", "own id", "same peer"];
        match *self {
            Output::Missing => f.write_str("(it never returned)"),
            Output::Nothing => f.write_str("nothing"),
            Output::Was(was) => write!(f, "{was}"),
            Output::Refused(refusal) => write!(f, "refused: {refusal}"),
            Output::Link(link) => write!(f, "link {}", link.get()),
            Output::Frame(FrameDigest { message, length, hash }) => {
                write!(f, "{}, {length} bytes, hash {hash:08x}", message_name(message))
            }
            Output::Event(EventDigest { kind, hash }) => {
                let name = usize::from(kind).checked_sub(1).and_then(|place| EVENTS.get(place));
                write!(f, "{}, hash {hash:08x}", name.unwrap_or(&"unknown event"))
            }
        }
    }
}

fn message_name(id: u8) -> String {
    MessageId::new(id).map_or_else(|| format!("message {id}"), |id| format!("{id:?}").to_uppercase())
}

/// Shows bytes in a readable form, shortened to a line.
struct Text<'a>(&'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 80;
        let shown = &self.0[..self.0.len().min(LONGEST)];
        write!(f, "{}", shown.escape_ascii())?;
        if shown.len() < self.0.len() {
            write!(f, "... ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}

/// Shows a frame in one line.
struct FrameText<'a>(&'a [u8]);

impl fmt::Display for FrameText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::core::codec::{Message, decode};
        let name = message_name(self.0.get(2).copied().unwrap_or(0));
        write!(f, "{name}, {} bytes", self.0.len())?;
        match decode(self.0) {
            Ok(Message::Publish { key, value, ttl, extension }) => {
                write!(f, ": {} = {}", Text(key), Text(value))?;
                if ttl > 0 {
                    write!(f, " for {ttl} ms")?;
                }
                if let Some(stamp) = extension.stamp {
                    write!(f, ", stamp {:x}/{:016x}", stamp.time, stamp.origin)?;
                }
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) => write!(f, ": malformed, {error}: {}", Text(self.0)),
        }
    }
}
