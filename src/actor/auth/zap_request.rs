//! Requests that libzmq makes by the ZAP protocol, and the replies.

use crate::engine::admission::Client;

pub(super) const NULL: &str = "NULL";
pub(super) const PLAIN: &str = "PLAIN";
pub(super) const CURVE: &str = "CURVE";

/// A request of version 1.0 of the protocol.
pub(super) struct Request<'a> {
    pub(super) sequence: &'a [u8],
    pub(super) address: &'a [u8],
    pub(super) credentials: Credentials<'a>,
}

/// The credentials that a client has shown.
pub(super) enum Credentials<'a> {
    Null,
    Plain {
        name: &'a [u8],
        password: &'a [u8],
    },
    Curve {
        key: &'a [u8; 32],
    },
    /// Credentials of an unknown mechanism, or malformed ones.
    Other,
}

impl<'a> Request<'a> {
    /// Reads a ZAP request from its frames; `None` if they are not one.
    pub(super) fn parse(frames: &[&'a [u8]]) -> Option<Request<'a>> {
        let [b"1.0", sequence, _domain, address, _identity, mechanism, proof @ ..] = frames else {
            return None;
        };
        let credentials = match (&mechanism[..], proof) {
            (b"NULL", _) => Credentials::Null,
            (b"PLAIN", [name, password, ..]) => Credentials::Plain { name, password },
            (b"CURVE", [key, ..]) => match <&[u8; 32]>::try_from(*key) {
                Ok(key) => Credentials::Curve { key },
                Err(_) => Credentials::Other,
            },
            _ => Credentials::Other,
        };
        Some(Request { sequence, address, credentials })
    }

    /// The client that asks, as nodes will know it, admitted for this evidence.
    pub(super) fn client(&self, evidence: u64) -> Client {
        let user = match self.credentials {
            Credentials::Curve { key } => &key[..],
            Credentials::Plain { name, .. } => name,
            Credentials::Null | Credentials::Other => b"",
        };
        Client {
            address: String::from_utf8_lossy(self.address).into(),
            mechanism: self.mechanism().into(),
            user: user.into(),
            evidence,
        }
    }

    /// The mechanism's name, for the log.
    pub(super) fn mechanism(&self) -> &'static str {
        match self.credentials {
            Credentials::Null => NULL,
            Credentials::Plain { .. } => PLAIN,
            Credentials::Curve { .. } => CURVE,
            Credentials::Other => "unknown",
        }
    }
}

/// The decision on a request.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Verdict {
    pub(super) allowed: bool,
    /// The decision's reason, for the log.
    pub(super) reason: &'static str,
    /// The client's user id, which libzmq adds to its messages.
    pub(super) user: Vec<u8>,
    /// The client's metadata, which libzmq adds to its messages too.
    pub(super) metadata: Vec<(Vec<u8>, Vec<u8>)>,
    /// What it was admitted for: see [`Client`].
    pub(super) evidence: u64,
}

impl Verdict {
    pub(super) fn denied(reason: &'static str) -> Verdict {
        Verdict { reason, ..Verdict::default() }
    }

    pub(super) fn allowed(reason: &'static str) -> Verdict {
        Verdict { allowed: true, reason, ..Verdict::default() }
    }

    /// The frames of the reply to the request with this sequence number.
    pub(super) fn frames(&self, sequence: &[u8]) -> [Vec<u8>; 6] {
        let (code, text): (&[u8], &[u8]) =
            if self.allowed { (b"200", b"OK") } else { (b"400", b"No access") };
        let mut metadata = Vec::new();
        for (name, value) in &self.metadata {
            // As in a ZMTP handshake: one byte for the name's size, four for the value's.
            let (Ok(name_size), Ok(value_size)) = (u8::try_from(name.len()), u32::try_from(value.len()))
            else {
                continue;
            };
            metadata.push(name_size);
            metadata.extend_from_slice(name);
            metadata.extend_from_slice(&value_size.to_be_bytes());
            metadata.extend_from_slice(value);
        }
        [b"1.0".to_vec(), sequence.to_vec(), code.to_vec(), text.to_vec(), self.user.clone(), metadata]
    }
}
