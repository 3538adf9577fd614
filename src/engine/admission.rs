//! Admitted clients, while they are connected: where the ZAP handler and the nodes of a context meet.
//!
//! libzmq asks the handler once, when a client connects. A handler of this library marks those that it admits, and libzmq
//! puts the mark with their messages. A node enters such a client here as long as its link stands, the handler looks
//! now and then whether it would still admit those that are entered, and the node ends the connections of the others. Of
//! clients that another handler has admitted, or none, nothing is known, and nothing is done.

use std::collections::HashMap;
use std::ffi::CStr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::core::{LinkId, Now};
use crate::warning::Kind;

use super::Engine;
use super::entropy::{SecretName, hasher};
use super::event_fd::EventFd;
use super::link::Link;
use super::raw::{Context, Msg, PerContext};
use super::receive::hex;

/// The name of the property of a message by which a handler of this library says that it has admitted the sender. A client
/// must not guess it: what it says of itself stands beside what the handler says.
fn mark_name() -> &'static CStr {
    static NAME: OnceLock<SecretName> = OnceLock::new();
    NAME.get_or_init(SecretName::new).as_c_str()
}

/// A hash, by a secret of the process, of what the admission of a client rests on besides who it is: so neither nodes nor
/// messages hold a password, and what was shown can still be compared with what has to be shown now.
pub fn evidence(shown: &[u8]) -> u64 {
    static HASHER: OnceLock<ahash::RandomState> = OnceLock::new();
    HASHER.get_or_init(hasher).hash_one(shown)
}

/// Milliseconds between two looks of a node at what the handler says.
const INTERVAL: u64 = 1000;

/// The consequences of there being no handler.
pub(super) const NOBODY_IS_ADMITTED: &str = "nobody is admitted";
const EVERYBODY_IS_ADMITTED: &str = "everybody is admitted who has the server's key";

static OF_CONTEXTS: PerContext<Admission> = PerContext::new();

/// A client as a handler of this library has admitted it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Client {
    /// The address, as libzmq tells it.
    pub address: Box<str>,
    /// The name of the mechanism.
    pub mechanism: Box<str>,
    /// The client's key in CURVE, its name in PLAIN.
    pub user: Box<[u8]>,
    /// The [`evidence`] of its password in PLAIN, of the name in its certificate in CURVE.
    pub evidence: u64,
}

impl Client {
    /// The sender of a message, if it is marked.
    fn of(message: &Msg) -> Option<Client> {
        let mark = message.property(mark_name())?;
        Client::from_mark(message.property(c"Peer-Address").unwrap_or_default(), &mark)
    }

    fn from_mark(address: String, mark: &str) -> Option<Client> {
        let (mechanism, rest) = mark.split_once(' ')?;
        let (user, evidence) = rest.split_once(' ')?;
        let evidence = u64::from_str_radix(evidence, 16).ok()?;
        let byte = |digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        let user = user.as_bytes().chunks(2).map(byte).collect::<Option<Box<[u8]>>>()?;
        Some(Client { address: address.into(), mechanism: mechanism.into(), user, evidence })
    }

    /// The metadata by which a handler marks the client: the name; and the mechanism, the key or name of the client, and the
    /// evidence, both in hexadecimal, with a space between.
    pub fn mark(&self) -> (Vec<u8>, Vec<u8>) {
        (mark_name().to_bytes().to_vec(), self.mark_text().into_bytes())
    }

    fn mark_text(&self) -> String {
        format!("{} {} {:x}", self.mechanism, hex(&self.user), self.evidence)
    }
}

/// The admitted clients of one context.
#[derive(Default)]
struct Admission {
    state: Mutex<State>,
    /// Counts the changes of `revoked`, so that nodes need not look.
    revision: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Clients, each with the number of its links.
    connected: HashMap<Client, usize>,
    /// Those that are not admitted any more, and why.
    revoked: HashMap<Client, &'static str>,
    /// Wakes the handler, if there is one.
    bell: Option<Arc<EventFd>>,
    /// Whether there was one.
    had_handler: bool,
}

/// A client that is entered until this is dropped.
pub struct Guest {
    admission: &'static Admission,
    client: Arc<Client>,
}

impl Guest {
    /// Enters a client of a node in `context`.
    pub fn enter(context: Context, client: &Arc<Client>) -> Guest {
        let admission = OF_CONTEXTS.of(context);
        let mut state = admission.state.lock();
        if state.connected.is_empty()
            && let Some(bell) = &state.bell
        {
            bell.raise();
        }
        *state.connected.entry((**client).clone()).or_default() += 1;
        Guest { admission, client: client.clone() }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut state = self.admission.state.lock();
        if let Some(count) = state.connected.get_mut(&*self.client) {
            *count -= 1;
            if *count == 0 {
                state.connected.remove(&*self.client);
            }
        }
    }
}

/// The handler's side. A context has one handler at most.
pub struct Doorkeeper {
    admission: &'static Admission,
    bell: Arc<EventFd>,
}

impl Doorkeeper {
    /// The side of the handler of `context`. Fails where there is no descriptor.
    pub fn new(context: Context) -> std::io::Result<Doorkeeper> {
        let (admission, bell) = (OF_CONTEXTS.of(context), Arc::new(EventFd::new()?));
        let mut state = admission.state.lock();
        (state.bell, state.had_handler) = (Some(bell.clone()), true);
        drop(state);
        Ok(Doorkeeper { admission, bell })
    }

    /// The descriptor that is readable when there are clients and before there were none.
    pub fn fd(&self) -> RawFd {
        self.bell.as_fd().as_raw_fd()
    }

    /// The clients that are connected.
    pub fn connected(&self) -> Vec<Client> {
        self.bell.lower();
        self.admission.state.lock().connected.keys().cloned().collect()
    }

    /// Says which clients are not admitted any more, and why: their connections are ended.
    pub fn revoke(&self, clients: HashMap<Client, &'static str>) {
        let mut state = self.admission.state.lock();
        if state.revoked != clients {
            state.revoked = clients;
            self.admission.revision.fetch_add(1, Ordering::Release);
        }
    }

    /// The reason why a client is not admitted any more, if it is not.
    #[cfg(test)]
    pub fn revoked(&self, client: &Client) -> Option<&'static str> {
        self.admission.state.lock().revoked.get(client).copied()
    }

    /// Notes that a client was admitted now, whatever was said of it before.
    pub fn admit(&self, client: &Client) {
        self.admission.state.lock().revoked.remove(client);
    }
}

impl Drop for Doorkeeper {
    fn drop(&mut self) {
        let mut state = self.admission.state.lock();
        state.revoked.clear();
        // A handler that was made since has another one.
        if state.bell.as_ref().is_some_and(|bell| Arc::ptr_eq(bell, &self.bell)) {
            state.bell = None;
        }
    }
}

/// A node's side.
pub(super) struct Watch {
    /// Whether connections of clients are ended that are not admitted any more.
    ends_revoked: bool,
    /// The revision that was acted upon.
    seen: u64,
    /// Time (mono ms) of the next look, while clients are entered.
    next_look: Option<u64>,
    /// Whether nobody decides who may connect, as far as is known; that was warned of.
    is_undecided: bool,
}

impl Watch {
    pub(super) fn new(ends_revoked: bool) -> Watch {
        Watch { ends_revoked, seen: 0, next_look: None, is_undecided: false }
    }

    /// Returns whether clients are entered, or were a moment ago.
    pub(super) fn has_guests(&self) -> bool {
        self.next_look.is_some()
    }

    /// The moment of the next look (mono ms).
    pub(super) fn next_look(&self) -> Option<u64> {
        self.next_look
    }
}

impl Engine {
    /// Returns whether connections of clients are ended that the ZAP handler does not admit any more.
    pub fn ends_revoked(&self) -> bool {
        self.admission.ends_revoked
    }

    /// Sets whether connections of clients are ended that the ZAP handler does not admit any more, be they connected
    /// already or not.
    pub fn set_ends_revoked(&mut self, ends: bool) {
        if std::mem::replace(&mut self.admission.ends_revoked, ends) == ends {
            return;
        }
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for id in links {
            self.enter_guest(id);
        }
    }

    /// Notes who the client is that a link's first message came from.
    pub(super) fn note_client(&mut self, id: LinkId, message: &Msg) {
        let client = Client::of(message);
        let has_user = || message.property(c"User-Id").is_some_and(|user| !user.is_empty());
        self.note_decision(client.is_some() || has_user());
        let Some(client) = client else { return };
        if let Some(link) = self.links.get_mut(&id) {
            link.client = Some(Arc::new(client));
            self.enter_guest(id);
        }
    }

    /// Notes whether a handler has decided on a client that is there.
    fn note_decision(&mut self, is_marked: bool) {
        let asking = self.bound.iter().filter(|bound| bound.asks_handler);
        if asking.clone().count() == 0 {
            return;
        }
        // Another handler's decision shows nowhere, if all endpoints ask.
        let is_decided = is_marked || self.requires_handler() && asking.clone().count() == self.bound.len();
        if is_decided && std::mem::take(&mut self.admission.is_undecided) {
            self.logger.notice(Kind::NobodyDecides.over_line(&[]));
        }
        let had_one = || {
            let state = OF_CONTEXTS.of(self.context).state.lock();
            state.had_handler && state.bell.is_none()
        };
        if !is_marked && !self.requires_handler() && had_one() {
            let endpoints: Vec<&str> = asking.map(|bound| &*bound.actual).collect();
            self.warn_of_nobody(&endpoints.join(", "), EVERYBODY_IS_ADMITTED);
        }
    }

    /// Warns that no handler decides, unless that is known.
    pub(super) fn warn_of_nobody(&mut self, endpoint: &str, effect: &str) {
        if !std::mem::replace(&mut self.admission.is_undecided, true) {
            let values = [("endpoint", endpoint.to_owned()), ("effect", effect.to_owned())];
            self.logger.warn_of(Kind::NobodyDecides, &values);
        }
    }

    fn enter_guest(&mut self, id: LinkId) {
        let context = self.context;
        let Some(Link { client: Some(client), guest, .. }) = self.links.get_mut(&id) else { return };
        *guest = self.admission.ends_revoked.then(|| Guest::enter(context, client));
        if guest.is_some() {
            self.admission.next_look.get_or_insert(self.clock.mono() + INTERVAL);
        }
    }

    /// Ends the connections of clients that are not admitted any more. Called in every turn of the loop.
    pub(super) fn end_revoked(&mut self, now: Now) {
        if self.admission.next_look.is_none_or(|at| now.mono < at) {
            return;
        }
        let has_guests = self.links.values().any(|link| link.guest.is_some());
        self.admission.next_look = has_guests.then_some(now.mono + INTERVAL);
        let admission = OF_CONTEXTS.of(self.context);
        let revision = admission.revision.load(Ordering::Acquire);
        if std::mem::replace(&mut self.admission.seen, revision) == revision {
            return;
        }
        let state = admission.state.lock();
        let reason = |link: &Link| state.revoked.get(&*link.guest.as_ref()?.client).copied();
        let revoked: Vec<(LinkId, &str)> =
            self.links.iter().filter_map(|(&id, link)| Some((id, reason(link)?))).collect();
        drop(state);
        for (id, reason) in revoked {
            let values = [("peer", self.name_of(id)), ("reason", reason.to_owned())];
            self.logger.warn_of(Kind::Revoked, &values);
            self.end_connection(id, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_who_the_client_is() {
        for user in [&b""[..], b"\x00\xff key", &[7; 32]] {
            let client = Client {
                address: "10.0.0.1".into(),
                mechanism: "PLAIN".into(),
                user: user.into(),
                evidence: evidence(user),
            };
            assert_eq!(Client::from_mark("10.0.0.1".to_owned(), &client.mark_text()), Some(client));
        }
        for mark in ["CURVE", "CURVE 00", "CURVE xy 0", "CURVE 00 xy"] {
            assert_eq!(Client::from_mark(String::new(), mark), None);
        }
    }
}
