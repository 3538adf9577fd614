//! What the items of a configuration mean.
//!
//! The configuration of a node is a ZPL tree; LOAD replaces it, SET changes one item, SAVE writes it. This module
//! reads the tree and says what follows, and changes nothing itself.
//!
//! | item | meaning | unless set |
//! | --- | --- | --- |
//! | `server/timeout` | ms of silence after which a client that is gone is dropped; 0: never | 1000 |
//! | `server/verbose` | log commands and activity | 0 |
//! | `server/background` | 0: CZMQ's log goes to standard output | 0 |
//! | `server/ipv6` | use IPv6 | as CZMQ is set |
//! | `server/events` | also send the owner RETRACT, EXPIRE, JOIN, LEAVE, UNREACHABLE and ERROR | 0 |
//! | `server/max_tuples`, `max_value`, `max_clients` | limits (tuples, bytes, clients) | see [`Settings`] |
//! | `server/max_drift`, `tombstone` | ms | see [`Settings`] |
//! | `server/record` | file in which what the node is told is recorded | |
//! | `server/record_size` | bytes that the file may have; as many more are kept beside it | 64 MiB |
//! | `server/animate` | the old name of VERBOSE | |
//! | `zgossip/echo` | a notice to log when the file is loaded | |
//! | `zgossip/bind/endpoint` | bind here when the file is loaded; several `bind` may stand there | |
//! | `zgossip/connect/endpoint` | connect to this when the file is loaded; several `connect` may stand there | |
//! | `zgossip/connect/server-key` | that peer's CURVE public key (Z85) | |
//! | `zgossip/security/mechanism` | `null`, `plain` or `curve` | `null` |
//! | `zgossip/security/secret-key` | for `curve`: file of a CZMQ certificate with both keys | |
//! | `zgossip/security/domain` | what the ZAP handler is told | |

use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroizing;

use crate::actor::file;
use crate::actor::file::zpl::Item;
use crate::core::Settings;
use crate::log::show;

/// The settings that the `server` section makes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Values {
    /// Those that concern the core.
    pub core: Settings,
    /// `server/background`.
    pub background: bool,
    /// `server/ipv6`, where it is set.
    pub ipv6: Option<bool>,
    /// `server/events`.
    pub events: bool,
    /// `server/record`, where it is set.
    pub record: Option<Vec<u8>>,
    /// `server/record_size`, where it is set.
    pub record_size: Option<u64>,
}

/// An item whose value is not what it has to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BadValue {
    path: &'static str,
    value: Vec<u8>,
    wanted: &'static str,
}

impl BadValue {
    /// Names from the root, separated by slashes.
    pub fn path(&self) -> &'static str {
        self.path
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = '{}' is not {}", self.path, show(&self.value), self.wanted)
    }
}

/// Times and counts beyond this are mistakes, and would overflow when they are added to a clock.
const LARGEST: u64 = 1_000_000_000_000_000;

const NUMBER: &str = "a number that is allowed here";
const SWITCH: &str = "0 or 1";

const RECORD: &str = "server/record";

struct Key {
    path: &'static str,
    wanted: &'static str,
    /// Take a value over, or say that it is not one; no text means that the item is not set.
    take: fn(&mut Values, Option<&[u8]>) -> Option<()>,
}

/// The items of the `server` section.
const KEYS: &[Key] = &[
    Key {
        path: "server/timeout",
        wanted: NUMBER,
        take: |values, text| number(text, LARGEST, |s| s.timeout).map(|n| values.core.timeout = n),
    },
    Key {
        path: "server/max_tuples",
        wanted: NUMBER,
        take: |values, text| size(text, LARGEST, |s| s.max_tuples).map(|n| values.core.max_tuples = n),
    },
    Key {
        path: "server/max_value",
        wanted: NUMBER,
        // Longer ones have no place on the wire.
        take: |values, text| size(text, u32::MAX.into(), |s| s.max_value).map(|n| values.core.max_value = n),
    },
    Key {
        path: "server/max_clients",
        wanted: NUMBER,
        take: |values, text| size(text, LARGEST, |s| s.max_clients).map(|n| values.core.max_clients = n),
    },
    Key {
        path: "server/max_drift",
        wanted: NUMBER,
        take: |values, text| number(text, LARGEST, |s| s.max_drift).map(|n| values.core.max_drift = n),
    },
    Key {
        path: "server/tombstone",
        wanted: NUMBER,
        take: |values, text| number(text, LARGEST, |s| s.tombstone).map(|n| values.core.tombstone = n),
    },
    Key {
        path: "server/verbose",
        wanted: SWITCH,
        take: |values, text| switch(text).map(|on| values.core.verbose = on),
    },
    Key {
        path: "server/background",
        wanted: SWITCH,
        take: |values, text| switch(text).map(|on| values.background = on),
    },
    Key {
        path: "server/events",
        wanted: SWITCH,
        take: |values, text| switch(text).map(|on| values.events = on),
    },
    Key {
        path: "server/ipv6",
        wanted: SWITCH,
        take: |values, text| switch(text).map(|on| values.ipv6 = text.map(|_| on)),
    },
    Key {
        path: RECORD,
        wanted: "a file name",
        take: |values, text| {
            values.record = text.filter(|name| !name.is_empty()).map(<[u8]>::to_vec);
            Some(())
        },
    },
    Key {
        path: "server/record_size",
        wanted: NUMBER,
        take: |values, text| {
            number(text, LARGEST, |_| 0).map(|bytes| values.record_size = text.map(|_| bytes))
        },
    },
];

impl Values {
    /// What `tree` says. Where it says what cannot be, that setting stays as it was in `self`.
    pub fn read(&self, tree: &Item) -> (Values, Vec<BadValue>) {
        let mut values = self.clone();
        let mut bad = Vec::new();
        for key in KEYS {
            let text = tree.get(key.path.as_bytes());
            if (key.take)(&mut values, text).is_none() {
                bad.push(key.bad(text));
            }
        }
        (values, bad)
    }
}

/// Whether the item at `path` may have this value.
pub fn check(path: &[u8], value: &[u8]) -> Result<(), BadValue> {
    let Some(key) = KEYS.iter().find(|key| key.path.as_bytes() == relative(path)) else { return Ok(()) };
    let text = Some(value).filter(|value| !value.is_empty());
    (key.take)(&mut Values::default(), text).ok_or_else(|| key.bad(text))
}

impl Key {
    fn bad(&self, text: Option<&[u8]>) -> BadValue {
        BadValue { path: self.path, value: text.unwrap_or_default().to_vec(), wanted: self.wanted }
    }
}

fn number(text: Option<&[u8]>, largest: u64, unset: fn(&Settings) -> u64) -> Option<u64> {
    let Some(text) = text else { return Some(unset(&Settings::default())) };
    let text = text.trim_ascii();
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok().filter(|&number| number <= largest)
}

fn size(text: Option<&[u8]>, largest: u64, unset: fn(&Settings) -> usize) -> Option<usize> {
    match text {
        None => Some(unset(&Settings::default())),
        Some(_) => usize::try_from(number(text, largest, |_| 0)?).ok(),
    }
}

fn switch(text: Option<&[u8]>) -> Option<bool> {
    let Some(text) = text else { return Some(false) };
    match &*text.trim_ascii().to_ascii_lowercase() {
        b"true" | b"yes" | b"on" => Some(true),
        b"false" | b"no" | b"off" => Some(false),
        _ => number(Some(text), LARGEST, |_| 0).map(|number| number != 0),
    }
}

/// Whether `server/animate`, the old name of VERBOSE, is set to a value that means yes.
pub fn animate(value: &[u8]) -> bool {
    switch(Some(value)).unwrap_or(false)
}

/// One thing to do when a configuration is loaded, in the order of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Service<'a> {
    /// Log this.
    Echo(&'a [u8]),
    /// Bind here.
    Bind(&'a [u8]),
    /// Connect to this.
    Connect {
        /// Where the peer is bound.
        endpoint: &'a [u8],
        /// Its CURVE public key.
        server_key: Option<&'a [u8]>,
    },
}

/// What the `zgossip` section asks to do.
pub fn services(tree: &Item) -> impl Iterator<Item = Service<'_>> {
    let section = tree.locate(b"zgossip").map_or(&[][..], Item::children);
    section.iter().filter_map(|item| match item.name() {
        b"echo" => Some(Service::Echo(item.value())),
        // CZMQ binds to "?" where a `bind` names no endpoint, which fails.
        b"bind" => Some(Service::Bind(item.get(b"endpoint").unwrap_or(b"?"))),
        b"connect" => Some(Service::Connect {
            endpoint: item.get(b"endpoint").unwrap_or(b"?"),
            server_key: item.get(b"server-key"),
        }),
        _ => None,
    })
}

/// Whether the item at `path` asks for something that is done when a file is loaded, and only then.
pub fn is_for_files(path: &[u8]) -> bool {
    let name = relative(path).strip_prefix(b"zgossip/").unwrap_or_default();
    name == b"echo" || name.starts_with(b"bind") || name.starts_with(b"connect")
}

/// The names of all settings of the `server` section.
pub(super) fn paths() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.path)
}

/// A path without the slash that may stand before it.
pub(super) fn relative(path: &[u8]) -> &[u8] {
    path.strip_prefix(b"/").unwrap_or(path)
}

/// Whether `path` is that of `server/record`.
pub fn is_record(path: &[u8]) -> bool {
    relative(path) == RECORD.as_bytes()
}

/// Whether `path` belongs to the security section.
pub fn is_security(path: &[u8]) -> bool {
    let path = relative(path);
    path == b"zgossip/security" || path.starts_with(b"zgossip/security/")
}

/// How connections are to be secured.
#[derive(Debug, Eq, PartialEq)]
pub enum Security {
    /// In clear text.
    Null,
    /// By names and passwords, which the ZAP handler checks.
    Plain,
    /// Encrypted, with these keys (in Z85).
    Curve(Certificate),
}

/// The key pair of a CZMQ certificate.
#[derive(Debug, Eq, PartialEq)]
pub struct Certificate {
    /// The public key, in Z85.
    pub public: Vec<u8>,
    /// The secret key, in Z85.
    pub secret: Secret,
}

/// Bytes that are wiped when they are dropped, and never shown.
#[derive(Eq, PartialEq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The bytes.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What the `zgossip/security` section asks for; nothing where there is no such section. An error means that what
/// it asks for cannot be had, and so that nothing may be bound or connected.
pub fn security(tree: &Item) -> Option<Result<Security, String>> {
    let section = tree.locate(b"zgossip/security")?;
    Some(match section.get(b"mechanism").unwrap_or(b"null") {
        b"null" => Ok(Security::Null),
        b"plain" => Ok(Security::Plain),
        b"curve" => match section.get(b"secret-key") {
            Some(name) => certificate(name).map(Security::Curve),
            None => Err("zgossip/security/secret-key is not set".to_owned()),
        },
        other => Err(format!("mechanism={} is not supported", show(other))),
    })
}

/// The ZAP domain that the `zgossip/security` section sets.
pub fn domain(tree: &Item) -> Option<&[u8]> {
    tree.get(b"zgossip/security/domain")
}

/// Read a certificate as CZMQ's `zcert_load` does: the secret file that `zcert_save` wrote beside the public one,
/// else the file itself.
fn certificate(name: &[u8]) -> Result<Certificate, String> {
    let secret_name = [name, b"_secret"].concat();
    let loaded = file::load(&secret_name).or_else(|_| file::load(name));
    let tree = match loaded {
        Ok((tree, _)) => tree,
        Err(error) => return Err(format!("cannot load certificate '{}' ({error})", show(name))),
    };
    let key = |path: &str| {
        let text = tree.get(path.as_bytes());
        text.filter(|text| text.len() == 40).ok_or_else(|| {
            let wrong: Cow<'_, str> = if text.is_some() { "not a key".into() } else { "missing".into() };
            format!("certificate '{}': {path} is {wrong}", show(name))
        })
    };
    let (public, secret) = (key("curve/public-key")?, key("curve/secret-key")?);
    Ok(Certificate { public: public.to_vec(), secret: Secret(Zeroizing::new(secret.to_vec())) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    fn tree(text: &str) -> Item {
        Item::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_empty_configuration_means_the_defaults() {
        let (values, bad) = Values::default().read(&Item::root());
        assert_eq!((values, bad), (Values::default(), vec![]));
        assert_eq!(Values::default().core.timeout, 1000);
        assert_eq!(security(&Item::root()), None);
        assert_eq!(services(&Item::root()).count(), 0);
    }

    #[test]
    fn every_key_is_read() {
        let text = "server\n    timeout = 0\n    max_tuples = 1\n    max_value = 2\n    max_clients = 3\n\
                    \x20   max_drift = 4\n    tombstone = 5\n    verbose = 1\n    background = true\n\
                    \x20   events = yes\n    ipv6 = 0\n    record = r\n    record_size = 6\n";
        let (values, bad) = Values::default().read(&tree(text));
        assert_eq!(bad, []);
        let core = Settings {
            timeout: 0,
            max_tuples: 1,
            max_value: 2,
            max_clients: 3,
            max_drift: 4,
            tombstone: 5,
            verbose: true,
        };
        let record = Some(b"r".to_vec());
        let expected =
            Values { core, background: true, events: true, ipv6: Some(false), record, record_size: Some(6) };
        assert_eq!(values, expected);
        assert_eq!(
            values.read(&Item::root()).0,
            Values::default(),
            "what is not set any more is as if never set"
        );
    }

    #[test]
    fn bad_values_are_named_and_change_nothing() {
        let before = Values::default().read(&tree("server\n    timeout = 7\n    verbose = 1\n")).0;
        let text =
            "server\n    timeout = 1s\n    verbose = maybe\n    max_value = 4294967296\n    tombstone = 9\n";
        let (values, bad) = before.read(&tree(text));
        assert_eq!((values.core.timeout, values.core.verbose, values.core.tombstone), (7, true, 9));
        let bad: Vec<_> = bad.iter().map(ToString::to_string).collect();
        assert_eq!(
            bad,
            [
                "server/timeout = '1s' is not a number that is allowed here",
                "server/max_value = '4294967296' is not a number that is allowed here",
                "server/verbose = 'maybe' is not 0 or 1",
            ]
        );
    }

    #[test]
    fn single_values_are_checked() {
        for (path, value) in [
            ("server/timeout", "100"),
            ("/server/timeout", " 100 "),
            ("server/timeout", ""),
            ("server/verbose", "2"),
            ("server/max_drift", "1000000000000000"),
            ("server/other", "any"),
            ("zgossip/echo", "-1"),
        ] {
            assert_eq!(check(path.as_bytes(), value.as_bytes()), Ok(()), "{path} {value}");
        }
        for (path, value) in [
            ("server/timeout", "-1"),
            ("/server/timeout", "x"),
            ("server/timeout", "1.5"),
            ("server/timeout", "99999999999999999999999"),
            ("server/max_drift", "1000000000000001"),
            ("server/events", "perhaps"),
        ] {
            assert!(check(path.as_bytes(), value.as_bytes()).is_err(), "{path} {value}");
        }
    }

    #[test]
    fn services_come_in_the_order_of_the_file() {
        let tree = tree(
            "zgossip\n    bind\n        endpoint = tcp://*:1\n    echo = two binds\n    other\n    bind\n\
             \x20       endpoint = ipc://x\n    bind\n    connect\n        endpoint = ipc://y\n\
             \x20       server-key = k\nzgossip\n    echo = second sections are not read\n",
        );
        let services: Vec<_> = services(&tree).collect();
        use Service::{Bind, Connect, Echo};
        let connect = Connect { endpoint: b"ipc://y", server_key: Some(b"k") };
        let binds = [Bind(b"tcp://*:1"), Echo(b"two binds"), Bind(b"ipc://x"), Bind(b"?")];
        assert_eq!(services, [binds.as_slice(), &[connect]].concat());
    }

    #[test]
    fn security_is_what_was_asked_for_or_an_error() {
        let of = |lines: &str| security(&tree(&format!("zgossip\n    security\n{lines}"))).unwrap();
        assert_eq!(of(""), Ok(Security::Null));
        assert_eq!(of("        mechanism = null\n"), Ok(Security::Null));
        assert_eq!(of("        mechanism = plain\n"), Ok(Security::Plain));
        assert_eq!(of("        mechanism = gssapi\n"), Err("mechanism=gssapi is not supported".to_owned()));
        assert!(of("        mechanism = curve\n").is_err());
        assert!(of("        mechanism = curve\n        secret-key = /nonexistent\n").is_err());
        assert!(is_security(b"zgossip/security/mechanism") && is_security(b"/zgossip/security"));
        assert!(!is_security(b"zgossip/securityx") && !is_security(b"zgossip/bind"));
    }

    #[test]
    fn certificates_are_found_as_czmq_finds_them() {
        let public = "u".repeat(40);
        let base = std::env::temp_dir().join(format!("zgossip-cert-{}", std::process::id()));
        let name = base.as_os_str().as_bytes().to_vec();
        let secret_file = [&name[..], b"_secret"].concat();
        let save = |name: &[u8], text: &str| std::fs::write(file::path(name), text).unwrap();

        save(&name, &format!("curve\n    public-key = \"{public}\"\n"));
        let missing = certificate(&name).unwrap_err();
        assert!(missing.ends_with("curve/secret-key is missing"), "{missing}");

        save(&secret_file, &format!("curve\n    public-key = \"{public}\"\n    secret-key = \"short\"\n"));
        let short = certificate(&name).unwrap_err();
        assert!(short.ends_with("curve/secret-key is not a key") && !short.contains("short"), "{short}");

        let secret = "s".repeat(40);
        save(&secret_file, &format!("curve\n    public-key = \"{public}\"\n    secret-key = '{secret}'\n"));
        let found = certificate(&name).unwrap();
        assert_eq!((&found.public[..], found.secret.reveal()), (public.as_bytes(), secret.as_bytes()));
        assert!(!format!("{found:?}").contains(&secret));
        for name in [name, secret_file] {
            std::fs::remove_file(file::path(&name)).unwrap();
        }
    }
}
