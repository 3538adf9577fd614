//! What a peer has proved to be: its public key, and the name of its certificate.
//!
//! libzmq puts what a ZAP handler says of a client beside what the client says of itself, and the handler's word counts
//! where both give one. So a name is believed only where this library's own handler gives it, under a property that no
//! client can guess; and a key that another handler gives, as `User-Id`, only where all endpoints need keys and a handler,
//! so that one has decided about every client.

use std::ffi::CStr;
use std::sync::OnceLock;

use super::Engine;
use super::entropy::SecretName;
use super::raw::{Msg, curve};
use crate::core::{LinkId, MAX_SUBJECT};

/// The name of the property by which this library's ZAP handlers tell its nodes of the same process who a client is.
fn property() -> &'static CStr {
    static NAME: OnceLock<SecretName> = OnceLock::new();
    NAME.get_or_init(SecretName::new).as_c_str()
}

/// The metadata by which a ZAP handler tells who a client is: name and value. `name` is that of the certificate, if it has
/// one. A name that is a public key counts for nothing: it would give whoever chose it the rights of the key's owner. Nor does
/// one that is too long for any rule.
pub(crate) fn vouch(key: &[u8; curve::BYTES], name: Option<&[u8]>) -> (Vec<u8>, Vec<u8>) {
    let mut value = curve::encode(key).into_bytes();
    let name = name.filter(|name| name.len() <= MAX_SUBJECT && curve::decode(name).is_none());
    value.extend_from_slice(name.unwrap_or_default());
    (property().to_bytes().to_vec(), value)
}

/// What is said of the client that sent a message: by this library's handler, or by another one or the client itself.
fn said(message: &Msg) -> (Option<String>, Option<String>) {
    match message.property(property()) {
        Some(vouched) => (Some(vouched), None),
        None => (None, message.property(c"User-Id")),
    }
}

impl Engine {
    /// Tells the node who the client is that sent the first message of a link.
    pub(super) fn introduce(&mut self, id: LinkId, message: &Msg) {
        let all_ask = self.bound.iter().all(|bound| bound.asks_for_keys);
        let (vouched, user) = said(message);
        let said = vouched.clone().or_else(|| user.clone()).unwrap_or_default();
        if let Some(link) = self.links.get_mut(&id) {
            link.said = said.into_boxed_str();
        }
        let known = vouched.or_else(|| user.filter(|_| all_ask)).unwrap_or_default();
        let Some((key, name)) = known.split_at_checked(curve::TEXT) else { return };
        if curve::decode(key.as_bytes()).is_none() {
            return; // the user of another mechanism
        }
        let subjects = [key.as_bytes(), name.as_bytes()];
        self.node.set_subjects(id, if name.is_empty() { &subjects[..1] } else { &subjects });
    }

    /// Returns whether it matters which client is which: not all may do the same, or admission may end.
    pub(super) fn tells_clients_apart(&self) -> bool {
        // Who was admitted must not stay by way of another's link, either.
        self.node.has_rights() || self.admission.has_guests()
    }

    /// Returns whether a message is of another client than a link is of. A client chooses its routing id, and may choose
    /// that of one who has gone just now.
    pub(super) fn is_another(&self, id: LinkId, message: &Msg) -> bool {
        if !self.tells_clients_apart() {
            return false;
        }
        let Some(link) = self.links.get(&id).filter(|link| link.remote.is_none()) else { return false };
        let (vouched, user) = said(message);
        vouched.or(user).unwrap_or_default() != *link.said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_a_key_or_too_long_is_not_vouched_for() {
        let vouched = |name: &[u8]| vouch(&[1; curve::BYTES], Some(name)).1[curve::TEXT..].to_vec();
        let other = curve::encode(&[2; curve::BYTES]);
        assert_eq!(vouched(other.as_bytes()), b"");
        assert_eq!(vouched(&[b'n'; MAX_SUBJECT + 1]), b"");
        for name in [&b"worker-7"[..], b"", &other.as_bytes()[1..], b"*", &[b'n'; MAX_SUBJECT]] {
            assert_eq!(vouched(name), name);
        }
    }
}
