//! What libzmq asks, and what it is answered.

/// A request of protocol version 1.0.
pub(super) struct Request<'a> {
    pub(super) sequence: &'a [u8],
    pub(super) address: &'a [u8],
    pub(super) credentials: Credentials<'a>,
}

/// How a client proves who it is.
pub(super) enum Credentials<'a> {
    Null,
    Plain {
        name: &'a [u8],
        password: &'a [u8],
    },
    Curve {
        key: &'a [u8; 32],
    },
    /// A mechanism that we do not know, or one whose proof is malformed.
    Other,
}

impl<'a> Request<'a> {
    /// The request that these frames are, if they are one.
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

    /// The mechanism's name, for the log.
    pub(super) fn mechanism(&self) -> &'static str {
        match self.credentials {
            Credentials::Null => "NULL",
            Credentials::Plain { .. } => "PLAIN",
            Credentials::Curve { .. } => "CURVE",
            Credentials::Other => "unknown",
        }
    }
}

/// Whether a client may connect.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Verdict {
    pub(super) allowed: bool,
    /// Why, for the log.
    pub(super) reason: &'static str,
    /// Who it is, for the program that receives its messages.
    pub(super) user: Vec<u8>,
    /// What is known about it, for that program too.
    pub(super) metadata: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Verdict {
    pub(super) fn denied(reason: &'static str) -> Verdict {
        Verdict { reason, ..Verdict::default() }
    }

    pub(super) fn allowed(reason: &'static str) -> Verdict {
        Verdict { allowed: true, reason, ..Verdict::default() }
    }

    /// The frames of the answer to the request with this sequence number.
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
