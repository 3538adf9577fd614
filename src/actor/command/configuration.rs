//! The configuration of a node: its keys, and the values of the `server` section.
//!
//! A configuration is a ZPL tree; LOAD replaces it, SET changes one item, SAVE writes it. All keys are rows of
//! [`CONFIGURATION`]. This module reads the tree and changes nothing; the `zgossip` section is read by `services` and
//! `security`.

use std::fmt;

use crate::actor::file::zpl::Item;
use crate::core::Settings;
use crate::log::show;

/// The values of the `server` section.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Values {
    /// Settings of the core.
    pub core: Settings,
    /// `server/background`.
    pub background: bool,
    /// `server/ipv6`, where it is set.
    pub ipv6: Option<bool>,
    /// `server/events`.
    pub events: bool,
    /// `server/record`, where it is set.
    pub record: Option<Vec<u8>>,
    /// `server/record_size` in bytes, where it is set.
    pub record_size: Option<u64>,
}

/// An item whose value is not of the kind that its key asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BadValue {
    path: &'static str,
    value: Vec<u8>,
    wanted: &'static str,
}

impl BadValue {
    /// The item's path: names from the root, separated by slashes.
    pub fn path(&self) -> &'static str {
        self.path
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = '{}' is not {}", self.path, show(&self.value), self.wanted)
    }
}

/// The largest time or count that is accepted: 10^15 ms are 31 000 years, and can be added to a clock without overflow.
const LARGEST: u64 = 1_000_000_000_000_000;

const NUMBER: &str = "a number that is allowed here";
const SWITCH: &str = "0 or 1";
const ANY: &str = "a text";

const RECORD: &str = "server/record";

/// One key of the configuration: a row of [`CONFIGURATION`].
#[cfg_attr(
    not(feature = "internals"),
    expect(dead_code, reason = "tests compare these columns with the documents")
)]
pub struct Key {
    /// Names from the root, separated by slashes.
    pub path: &'static str,
    /// The value in force where the item is not set; empty where there is none.
    pub default: &'static str,
    /// The unit of the value; empty for switches and texts.
    pub unit: &'static str,
    /// The meaning of the value, in one line.
    pub meaning: &'static str,
    /// The kind of value that is accepted, for error messages.
    wanted: &'static str,
    /// Takes a value over into [`Values`], or returns `None` if it is not of that kind. Without a text the item is
    /// not set. Keys that are read elsewhere take nothing.
    take: fn(&mut Values, Option<&[u8]>) -> Option<()>,
}

/// All keys of the configuration.
pub const CONFIGURATION: &[Key] = &[
    Key {
        path: "server/timeout",
        default: "1000",
        unit: "ms",
        meaning: "Silence after which a client is probed, and dropped if it is gone; 0 for never.",
        wanted: NUMBER,
        take: |values, text| number(text, LARGEST, |s| s.timeout).map(|n| values.core.timeout = n),
    },
    Key {
        path: "server/verbose",
        default: "0",
        unit: "",
        meaning: "1: log commands and activity, as VERBOSE does.",
        wanted: SWITCH,
        take: |values, text| switch(text).map(|on| values.core.verbose = on),
    },
    Key {
        path: "server/background",
        default: "0",
        unit: "",
        meaning: "0: CZMQ's log goes to standard output; 1: it does not.",
        wanted: SWITCH,
        take: |values, text| switch(text).map(|on| values.background = on),
    },
    Key {
        path: "server/ipv6",
        default: "0",
        unit: "",
        meaning: "1: use IPv6 for endpoints without brackets too. CZMQ's zsys_set_ipv6 changes the default.",
        wanted: SWITCH,
        take: |values, text| switch(text).map(|on| values.ipv6 = text.map(|_| on)),
    },
    Key {
        path: "server/events",
        default: "0",
        unit: "",
        meaning: "1: send the owner all events, and not DELIVER alone.",
        wanted: SWITCH,
        take: |values, text| switch(text).map(|on| values.events = on),
    },
    Key {
        path: "server/max_tuples",
        default: "2000000",
        unit: "tuples",
        meaning: "Most keys held, those of removed tuples included.",
        wanted: NUMBER,
        take: |values, text| size(text, LARGEST, |s| s.max_tuples).map(|n| values.core.max_tuples = n),
    },
    Key {
        path: "server/max_value",
        default: "16777216",
        unit: "bytes",
        meaning: "Longest value.",
        wanted: NUMBER,
        // The wire has 32 bits for the size of a value.
        take: |values, text| size(text, u32::MAX.into(), |s| s.max_value).map(|n| values.core.max_value = n),
    },
    Key {
        path: "server/max_clients",
        default: "16384",
        unit: "clients",
        meaning: "Most clients of the node's BINDs.",
        wanted: NUMBER,
        take: |values, text| size(text, LARGEST, |s| s.max_clients).map(|n| values.core.max_clients = n),
    },
    Key {
        path: "server/max_drift",
        default: "3600000",
        unit: "ms",
        meaning: "How far a stamp may be ahead of the node's clock, or of most direct peers' clocks.",
        wanted: NUMBER,
        take: |values, text| number(text, LARGEST, |s| s.max_drift).map(|n| values.core.max_drift = n),
    },
    Key {
        path: "server/tombstone",
        default: "3600000",
        unit: "ms",
        meaning: "How long a removed key is remembered.",
        wanted: NUMBER,
        take: |values, text| number(text, LARGEST, |s| s.tombstone).map(|n| values.core.tombstone = n),
    },
    Key {
        path: RECORD,
        default: "",
        unit: "",
        meaning: "File in which the node's inputs are recorded.",
        wanted: "a file name",
        take: |values, text| {
            values.record = text.filter(|name| !name.is_empty()).map(<[u8]>::to_vec);
            Some(())
        },
    },
    Key {
        path: "server/record_size",
        default: "67108864",
        unit: "bytes",
        meaning: "Size of that file; as many bytes more are kept in the one before it.",
        wanted: NUMBER,
        take: |values, text| {
            number(text, LARGEST, |_| 0).map(|bytes| values.record_size = text.map(|_| bytes))
        },
    },
    elsewhere("server/animate", "0", "Old name of VERBOSE, as a setting."),
    elsewhere("zgossip/echo", "", "A line for the log, written when the file is loaded."),
    elsewhere(
        "zgossip/bind/endpoint",
        "",
        "BIND to this endpoint when the file is loaded; several `bind` sections may stand there.",
    ),
    elsewhere(
        "zgossip/connect/endpoint",
        "",
        "CONNECT to this endpoint when the file is loaded; several `connect` sections may stand there.",
    ),
    elsewhere("zgossip/connect/server-key", "", "The CURVE public key (Z85) of that peer."),
    elsewhere("zgossip/security/mechanism", "null", "`null`, `plain` or `curve`."),
    elsewhere("zgossip/security/secret-key", "", "For `curve`: name of a certificate with both keys."),
    elsewhere("zgossip/security/domain", "global", "The domain that ZAP requests carry."),
];

/// A key whose value is not one of [`Values`].
const fn elsewhere(path: &'static str, default: &'static str, meaning: &'static str) -> Key {
    Key { path, default, unit: "", meaning, wanted: ANY, take: |_, _| Some(()) }
}

impl Values {
    /// Reads the values of `tree`. Where a value is bad, that setting stays as it is in `self`.
    pub fn read(&self, tree: &Item) -> (Values, Vec<BadValue>) {
        let mut values = self.clone();
        let mut bad = Vec::new();
        for key in CONFIGURATION {
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
    let Some(key) = CONFIGURATION.iter().find(|key| key.path.as_bytes() == relative(path)) else {
        return Ok(());
    };
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

/// `path` without the slash that may stand before it.
pub(super) fn relative(path: &[u8]) -> &[u8] {
    path.strip_prefix(b"/").unwrap_or(path)
}

/// Whether `path` is that of `server/record`.
pub fn is_record(path: &[u8]) -> bool {
    relative(path) == RECORD.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Item {
        Item::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_empty_configuration_means_the_defaults() {
        let (values, bad) = Values::default().read(&Item::root());
        assert_eq!((values, bad), (Values::default(), vec![]));
        assert_eq!(Values::default().core.timeout, 1000);
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
                "server/verbose = 'maybe' is not 0 or 1",
                "server/max_value = '4294967296' is not a number that is allowed here",
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
    fn the_table_names_the_defaults_in_force() {
        for key in CONFIGURATION {
            let mut values = Values::default();
            let default = Some(key.default.as_bytes()).filter(|text| !text.is_empty());
            (key.take)(&mut values, default).expect(key.path);
            // Set to its default, an optional value is present, and means the same.
            values.ipv6 = values.ipv6.filter(|&on| on);
            values.record_size = values.record_size.filter(|&size| size != 64 << 20);
            assert_eq!(values, Values::default(), "{}", key.path);
        }
    }
}
