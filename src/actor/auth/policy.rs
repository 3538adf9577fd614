//! The policy of a ZAP server: which clients may connect.

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;

use super::certificate::Cert;
use super::certificate_store::Certificates;
use super::passwords::Passwords;
use super::zap_request::{CURVE, Credentials, PLAIN, Request, Verdict};
use crate::actor::file;
use crate::engine::admission::{Client, evidence};
use crate::engine::raw::curve;
use crate::engine::subject;

/// The clients that may connect by CURVE.
#[derive(Default)]
enum Keys {
    #[default]
    Nobody,
    Anybody,
    Listed(Certificates),
}

/// What the rules for addresses say of one.
enum Standing {
    Good,
    NotAllowed,
    Denied,
}

/// The rules that the program has set for clients. Without any, all clients may connect by NULL, and none by PLAIN or
/// CURVE.
#[derive(Default)]
pub struct Policy {
    allowed: HashSet<Vec<u8>>,
    denied: HashSet<Vec<u8>>,
    passwords: Option<Passwords>,
    keys: Keys,
}

impl Policy {
    /// Allows clients from an address to authenticate. Clients from addresses that are not allowed are refused from
    /// then on.
    pub fn allow(&mut self, address: &[u8]) {
        self.allowed.insert(canonical(address));
    }

    /// Refuses clients from an address. This has no effect once an address is allowed.
    pub fn deny(&mut self, address: &[u8]) {
        self.denied.insert(canonical(address));
    }

    /// Lets clients connect by PLAIN whose name and password are in a file. If the file cannot be read now, which is an
    /// error, no client can until it can be read.
    pub fn plain(&mut self, file: &[u8]) -> io::Result<()> {
        let (passwords, loaded) = Passwords::new(file::absolute(file));
        self.passwords = Some(passwords);
        loaded
    }

    /// Lets clients connect by CURVE whose certificates are in a directory, or all clients if it is `*`.
    pub fn curve(&mut self, directory: &[u8]) {
        self.keys = match directory {
            b"*" => Keys::Anybody,
            _ => Keys::Listed(Certificates::new(file::absolute(directory))),
        };
    }

    /// The reply to the frames of a request, `None` if they are not one: what the server's socket does, without it.
    #[cfg(feature = "internals")]
    pub fn answer(&mut self, frames: &[&[u8]]) -> Option<[Vec<u8>; 6]> {
        let request = Request::parse(frames)?;
        Some(self.decide(&request).frames(request.sequence))
    }

    /// Decides on a request. The rules are checked in the order in which CZMQ's `zauth` checks them.
    pub(super) fn decide(&mut self, request: &Request<'_>) -> Verdict {
        match self.standing(request.address) {
            Standing::NotAllowed => return Verdict::denied("not in allowed list"),
            Standing::Denied => return Verdict::denied("blocked list"),
            Standing::Good => {}
        }
        match request.credentials {
            Credentials::Null => Verdict::allowed("NULL"),
            Credentials::Plain { name, password } => match &mut self.passwords {
                Some(passwords) => match passwords.admit(name, password) {
                    true => Verdict {
                        user: name.to_vec(),
                        evidence: evidence(password),
                        ..Verdict::allowed("PLAIN")
                    },
                    false => Verdict::denied("PLAIN"),
                },
                None => Verdict::denied("PLAIN: no password file defined"),
            },
            Credentials::Curve { key } => match &mut self.keys {
                // CZMQ's gives no user here.
                Keys::Anybody => Verdict {
                    metadata: vec![subject::vouch(key, None)],
                    evidence: evidence(b""),
                    ..Verdict::allowed("CURVE allow any client")
                },
                Keys::Listed(certificates) => match certificates.find(key) {
                    Some(cert) => Verdict {
                        user: curve::encode(key).into_bytes(),
                        metadata: known(key, cert),
                        evidence: evidence(name(cert).unwrap_or_default()),
                        ..Verdict::allowed("CURVE")
                    },
                    None => Verdict::denied("CURVE"),
                },
                Keys::Nobody => Verdict::denied("CURVE: no certificates defined"),
            },
            Credentials::Other => Verdict::denied("mechanism not supported"),
        }
    }

    /// Reads passwords and certificates again that have changed. False if certificates could not be read.
    pub(super) fn refresh(&mut self) -> bool {
        if let Some(passwords) = &mut self.passwords {
            // Without the file the last ones count.
            let _ = passwords.refresh();
        }
        match &mut self.keys {
            Keys::Listed(certificates) => certificates.refresh(),
            Keys::Nobody | Keys::Anybody => true,
        }
    }

    /// What is to be said of the password file.
    pub(super) fn complaint(&mut self) -> Option<String> {
        self.passwords.as_mut()?.complaint()
    }

    /// The reason why a client that was admitted would not be now, going by what was read last. Where the program has named
    /// no certificates or passwords there is none: it is about to.
    pub(super) fn objection(&self, client: &Client) -> Option<&'static str> {
        match self.standing(client.address.as_bytes()) {
            Standing::NotAllowed => return Some("its address is not among those that are allowed"),
            Standing::Denied => return Some("its address is denied"),
            Standing::Good => {}
        }
        let user = &client.user;
        match (&*client.mechanism, &self.keys, &self.passwords) {
            (CURVE, Keys::Listed(certificates), _) => {
                match (&**user).try_into().ok().and_then(|key| certificates.held(key)) {
                    None => Some("its certificate was taken away"),
                    // The rules for another name count.
                    Some(cert) => (evidence(name(cert).unwrap_or_default()) != client.evidence)
                        .then_some("its certificate has another name"),
                }
            }
            // A file that is not there yet, or could not be read, says nothing.
            (PLAIN, _, Some(passwords)) if passwords.is_read() => match passwords.of(user) {
                None => Some("its name was taken out of the password file"),
                Some(password) => {
                    (evidence(password) != client.evidence).then_some("its password was changed")
                }
            },
            _ => None,
        }
    }

    /// What is thought of an address.
    fn standing(&self, address: &[u8]) -> Standing {
        let address = canonical(address);
        if !self.allowed.is_empty() {
            if self.allowed.contains(&address) { Standing::Good } else { Standing::NotAllowed }
        } else if self.denied.contains(&address) {
            Standing::Denied
        } else {
            Standing::Good
        }
    }
}

/// What is known of the owner of a certificate.
fn known(key: &[u8; curve::BYTES], cert: &Cert) -> Vec<(Vec<u8>, Vec<u8>)> {
    cert.meta().iter().cloned().chain([subject::vouch(key, name(cert))]).collect()
}

/// The name that a certificate gives its owner.
fn name(cert: &Cert) -> Option<&[u8]> {
    cert.meta().iter().find(|(name, _)| name == b"name").map(|(_, value)| &value[..])
}

/// An address in its canonical form: a socket with IPv6 writes an IPv4 address as an IPv6 one.
fn canonical(address: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(address).ok().and_then(|text| text.parse::<IpAddr>().ok()) {
        Some(address) => address.to_canonical().to_string().into_bytes(),
        None => address.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(policy: &mut Policy, address: &str, proof: &[&[u8]]) -> Verdict {
        let mut frames = vec![&b"1.0"[..], b"7", b"TEST", address.as_bytes(), b""];
        frames.extend_from_slice(proof);
        policy.decide(&Request::parse(&frames).expect("a request"))
    }

    const NULL: &[&[u8]] = &[b"NULL"];
    const KEY: &[&[u8]] = &[b"CURVE", &[1; 32]];

    #[test]
    fn nothing_said_means_null_only() {
        let mut policy = Policy::default();
        assert!(ask(&mut policy, "1.2.3.4", NULL).allowed);
        for proof in
            [KEY, &[b"PLAIN", b"a", b"b"], &[b"GSSAPI", b"a"], &[b"CURVE", b"short"], &[b"PLAIN", b"a"]]
        {
            assert!(!ask(&mut policy, "1.2.3.4", proof).allowed, "{proof:?}");
        }
    }

    #[test]
    fn allowed_addresses_win_over_denied_ones() {
        let mut policy = Policy::default();
        policy.deny(b"1.2.3.4");
        assert!(!ask(&mut policy, "1.2.3.4", NULL).allowed && ask(&mut policy, "1.2.3.5", NULL).allowed);
        assert!(!ask(&mut policy, "::ffff:1.2.3.4", NULL).allowed);
        policy.allow(b"::FFFF:1.2.3.4");
        assert!(ask(&mut policy, "1.2.3.4", NULL).allowed && !ask(&mut policy, "1.2.3.5", NULL).allowed);
        policy.allow(b"1.2.3.5");
        assert!(ask(&mut policy, "1.2.3.5", NULL).allowed && !ask(&mut policy, "localhost", NULL).allowed);
        policy.curve(b"*");
        assert!(!ask(&mut policy, "5.6.7.8", KEY).allowed && ask(&mut policy, "1.2.3.5", KEY).allowed);
    }

    #[test]
    fn a_directory_replaces_anybody() {
        let mut policy = Policy::default();
        policy.curve(b"*");
        let verdict = ask(&mut policy, "1.2.3.4", KEY);
        assert!(verdict.allowed && verdict.user.is_empty());
        policy.curve(b"/nonexistent");
        assert_eq!(ask(&mut policy, "1.2.3.4", KEY), Verdict::denied("CURVE"));
        assert!(policy.plain(b"/nonexistent").is_err());
    }

    #[test]
    fn nothing_is_objected_to_a_client_before_the_file_of_passwords_was_read() {
        let path = std::env::temp_dir().join(format!("zgossip-policy-{:016x}", fastrand::u64(..)));
        let mut policy = Policy::default();
        assert!(policy.plain(path.as_os_str().as_encoded_bytes()).is_err());
        let client = |evidence| Client {
            address: "1.2.3.4".into(),
            mechanism: PLAIN.into(),
            user: (*b"one").into(),
            evidence,
        };
        assert_eq!(policy.objection(&client(evidence(b"1"))), None);
        std::fs::write(&path, "one=1\n").unwrap();
        assert!(policy.refresh());
        assert_eq!(policy.objection(&client(evidence(b"1"))), None);
        assert_eq!(policy.objection(&client(evidence(b"2"))), Some("its password was changed"));
        std::fs::write(&path, "two=1\n").unwrap();
        policy.refresh();
        std::fs::remove_file(&path).unwrap();
        policy.refresh();
        let gone = Some("its name was taken out of the password file");
        assert_eq!(policy.objection(&client(evidence(b"1"))), gone);
    }

    #[test]
    fn what_is_no_request_has_no_answer() {
        let short: [&[u8]; 5] = [b"1.0", b"", b"", b"", b""];
        let other: [&[u8]; 6] = [b"2.0", b"", b"", b"", b"", b"NULL"];
        for frames in [&[][..], &short[..1], &short, &other] {
            assert!(Request::parse(frames).is_none());
        }
    }

    #[test]
    fn verdicts_are_written_as_the_protocol_says() {
        let mut verdict = Verdict::allowed("");
        verdict.user = b"u".to_vec();
        verdict.metadata = vec![(b"name".to_vec(), b"Bob".to_vec())];
        let frames = verdict.frames(b"9");
        assert_eq!(frames[..5], [&b"1.0"[..], b"9", b"200", b"OK", b"u"]);
        assert_eq!(frames[5], b"\x04name\0\0\0\x03Bob");
        assert_eq!(Verdict::denied("").frames(b"9")[2], b"400");
    }
}
