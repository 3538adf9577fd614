//! The configuration of a node: its keys, and the values of the `server` section.
//!
//! A configuration is a ZPL tree; LOAD replaces it, SET changes one item, SAVE writes it. All keys are rows of
//! [`CONFIGURATION`]. This module reads the tree and changes nothing; the `zgossip` section is read by `services` and
//! `security`.

use std::fmt;

use crate::actor::file::zpl::Item;
use crate::core::{MOST_DRIFT, Network, Settings};
use crate::engine::memory;
use crate::log::show;

/// The values that are in force as soon as they are set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Values {
    /// Settings of the core.
    pub core: Settings,
    /// `server/background`.
    pub background: bool,
    /// `server/ipv6`, where it is set.
    pub ipv6: Option<bool>,
    /// `server/events`.
    pub events: Events,
    /// `server/record`, where it is set.
    pub record: Option<Vec<u8>>,
    /// `server/store`, where it is set.
    pub store: Option<Vec<u8>>,
    /// `server/record_size` in bytes, where it is set.
    pub record_size: Option<u64>,
    /// `zgossip/security/revocation`, where it is set.
    pub revocation: Option<bool>,
    /// `zgossip/network`; empty where it is not set.
    pub network: Vec<u8>,
    /// `zgossip/network/plain`.
    pub takes_plain: bool,
    /// `zgossip/members`.
    pub is_member: bool,
}

impl Default for Values {
    fn default() -> Values {
        let (background, ipv6, events, network, takes_plain, is_member) = Default::default();
        let (record, store, record_size, revocation) = Default::default();
        Values {
            core: unset(),
            background,
            ipv6,
            events,
            record,
            store,
            record_size,
            revocation,
            network,
            takes_plain,
            is_member,
        }
    }
}

/// The events that the owner is sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Events {
    /// DELIVER alone.
    #[default]
    Deliver,
    /// All events, as version 1.0 sent them.
    All,
    /// All events, and who the peers of JOIN and LEAVE are.
    Detailed,
    /// The same, what changed in those about keys, and who is a member.
    Changes,
}

/// An item of a configuration whose value is not of the kind that its key asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BadValue {
    path: &'static str,
    value: Vec<u8>,
    wanted: String,
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

const RECORD: &str = "server/record";
const STORE: &str = "server/store";

/// A key of the configuration: a row of [`CONFIGURATION`].
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
    take: Take,
}

/// The kind of value that a key accepts, and what takes it over into [`Values`]; `None` is a value that is not set.
enum Take {
    /// A number from 0 to this one.
    Number(u64, fn(&mut Values, Option<u64>)),
    /// 0 or 1, or a word for them.
    Switch(fn(&mut Values, Option<bool>)),
    /// 0, 1 or 2, or a word for one of the first two; a larger number means 2.
    Level(fn(&mut Values, u64)),
    /// A name of at most 64 bytes.
    Name(fn(&mut Values, &[u8])),
    /// Any text but the empty one, which is a value that is not set.
    Text(fn(&mut Values, Option<&[u8]>)),
    /// Any text, read elsewhere.
    Elsewhere,
}

/// The settings in force where none are set.
fn unset() -> Settings {
    Settings { max_bytes: memory::default_budget(), ..Settings::default() }
}

/// A number of things in memory. A machine whose memory has no room for so many has none for more.
fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// All keys of the configuration.
pub const CONFIGURATION: &[Key] = &[
    Key {
        path: "server/timeout",
        default: "1000",
        unit: "ms",
        meaning: "Silence after which a client is probed, and dropped if it is gone; 0 for never.",
        take: Take::Number(LARGEST, |values, n| values.core.timeout = n.unwrap_or(unset().timeout)),
    },
    Key {
        path: "server/grace",
        default: "200",
        unit: "ms",
        meaning: "A peer whose connection is lost has this long to come back before it counts as gone.",
        take: Take::Number(LARGEST, |values, n| values.core.grace = n.unwrap_or(unset().grace)),
    },
    Key {
        path: "server/verbose",
        default: "0",
        unit: "",
        meaning: "1: log commands and activity, as VERBOSE does.",
        take: Take::Switch(|values, on| values.core.verbose = on.unwrap_or_default()),
    },
    Key {
        path: "server/background",
        default: "0",
        unit: "",
        meaning: "0: CZMQ's log goes to standard output; 1: it does not.",
        take: Take::Switch(|values, on| values.background = on.unwrap_or_default()),
    },
    Key {
        path: "server/ipv6",
        default: "0",
        unit: "",
        meaning: "1: use IPv6 for endpoints without brackets too, and the IPv6 addresses of host names. CZMQ's \
                  zsys_set_ipv6 changes the default.",
        take: Take::Switch(|values, on| values.ipv6 = on),
    },
    Key {
        path: "server/events",
        default: "0",
        unit: "",
        meaning: "1: send the owner all events, and not DELIVER alone; 2: JOIN and LEAVE with name and id, too; \
                  3: DELIVER, RETRACT and EXPIRE with value before, writer, name and version, and MEMBER and GONE, too.",
        take: Take::Level(|values, level| {
            values.events = match level {
                0 => Events::Deliver,
                1 => Events::All,
                2 => Events::Detailed,
                _ => Events::Changes,
            };
        }),
    },
    Key {
        path: "server/max_tuples",
        default: "2000000",
        unit: "tuples",
        meaning: "Most tuples held; as many removed keys are remembered besides.",
        take: Take::Number(LARGEST, |values, n| values.core.max_tuples = n.map_or(unset().max_tuples, size)),
    },
    Key {
        path: "server/max_value",
        default: "16777216",
        unit: "bytes",
        meaning: "Longest value.",
        // The wire has 32 bits for the size of a value.
        take: Take::Number(u32::MAX as u64, |values, n| {
            values.core.max_value = n.map_or(unset().max_value, size);
        }),
    },
    Key {
        path: "server/max_bytes",
        default: "1073741824",
        unit: "bytes",
        meaning: "Most bytes held: tuples, removed keys, what is remembered of peers and waits for them. The default is \
                  a quarter of the memory that the process can have, and this number at most.",
        take: Take::Number(LARGEST, |values, n| values.core.max_bytes = n.map_or(unset().max_bytes, size)),
    },
    Key {
        path: "server/max_clients",
        default: "16384",
        unit: "clients",
        meaning: "Most clients of the node's BINDs.",
        take: Take::Number(LARGEST, |values, n| {
            values.core.max_clients = n.map_or(unset().max_clients, size);
        }),
    },
    Key {
        path: "server/max_drift",
        default: "3600000",
        unit: "ms",
        meaning: "How far a stamp may be ahead of the node's clock, or of most direct peers' clocks.",
        take: Take::Number(MOST_DRIFT, |values, n| values.core.max_drift = n.unwrap_or(unset().max_drift)),
    },
    Key {
        path: "server/tombstone",
        default: "3600000",
        unit: "ms",
        meaning: "How long a removed key is remembered.",
        take: Take::Number(LARGEST, |values, n| values.core.tombstone = n.unwrap_or(unset().tombstone)),
    },
    Key {
        path: RECORD,
        default: "",
        unit: "",
        meaning: "File in which the node's inputs are recorded.",
        take: Take::Text(|values, name| values.record = name.map(<[u8]>::to_vec)),
    },
    Key {
        path: "server/record_size",
        default: "67108864",
        unit: "bytes",
        meaning: "Size of that file; as many bytes more are kept in the one before it.",
        take: Take::Number(LARGEST, |values, n| values.record_size = n),
    },
    Key {
        path: STORE,
        default: "",
        unit: "",
        meaning: "File in which the node keeps its tuples, its identity and its clock over restarts. Set before BIND and \
                  CONNECT.",
        take: Take::Text(|values, name| values.store = name.map(<[u8]>::to_vec)),
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
    elsewhere(
        "zgossip/publish/key",
        "",
        "PUBLISH this key when the file is loaded; several `publish` sections may stand there.",
    ),
    elsewhere("zgossip/publish/value", "", "The value of that key."),
    elsewhere("zgossip/publish/ttl", "0", "The time to live of that tuple (ms); 0 for none."),
    elsewhere(
        "zgossip/rights/subject",
        "",
        "Whom a rule is for: a public key (Z85), the name of a certificate, or `*` for all others; several `rights` \
         sections may stand there.",
    ),
    elsewhere(
        "zgossip/rights/prefix",
        "*",
        "The keys that the rule is about: all that begin with this; `*` for all.",
    ),
    elsewhere(
        "zgossip/rights/allow",
        "",
        "What is allowed there: words of `read`, `announce`, `retract`, `write`, or `none`.",
    ),
    Key {
        path: "zgossip/network",
        default: "",
        unit: "",
        meaning: "The network's name (64 bytes at most): nodes of different networks exchange nothing, and say so.",
        take: Take::Name(|values, name| values.network = name.to_vec()),
    },
    Key {
        path: "zgossip/network/plain",
        default: "0",
        unit: "",
        meaning: "1: CZMQ nodes belong to a network that has a name, too. To one without a name they belong in any case.",
        take: Take::Switch(|values, on| values.takes_plain = on.unwrap_or(false)),
    },
    Key {
        path: "zgossip/members",
        default: "0",
        unit: "",
        meaning: "1: the node is a member that others are told of, though it announces nothing. 0 again: it leaves, unless it announces something or was asked for the members.",
        take: Take::Switch(|values, on| values.is_member = on.unwrap_or(false)),
    },
    elsewhere("zgossip/security/mechanism", "null", "`null`, `plain` or `curve`."),
    elsewhere("zgossip/security/secret-key", "", "For `curve`: name of a certificate with both keys."),
    elsewhere("zgossip/security/username", "", "For `plain`: the username that CONNECT gives."),
    elsewhere("zgossip/security/password", "", "For `plain`: the password that CONNECT gives."),
    elsewhere("zgossip/security/domain", "global", "The domain that ZAP requests carry."),
    Key {
        path: "zgossip/security/revocation",
        default: "",
        unit: "",
        meaning: "1: connections of clients are ended that the ZAP handler of this library would not admit any more; 0: they \
                  stand. Not set: 1 for native nodes, 0 for CZMQ's actor.",
        take: Take::Switch(|values, on| values.revocation = on),
    },
    elsewhere(
        "zgossip/security/require-handler",
        "",
        "1: where keys or a domain are set, nobody is admitted while there is no ZAP handler; 0: everybody is, who has \
         the server's key. Not set: 1 for native nodes, 0 for CZMQ's actor.",
    ),
];

/// A key whose value is any text, and not one of [`Values`].
const fn elsewhere(path: &'static str, default: &'static str, meaning: &'static str) -> Key {
    Key { path, default, unit: "", meaning, take: Take::Elsewhere }
}

impl Values {
    /// The network that the node is to belong to.
    pub fn network(&self) -> Network {
        Network::new(&self.network, self.takes_plain).unwrap_or_default()
    }

    /// Reads the values of `tree`. Where a value is bad, that setting stays as it is in `self`.
    pub fn read(&self, tree: &Item) -> (Values, Vec<BadValue>) {
        let mut values = self.clone();
        let mut bad = Vec::new();
        for key in CONFIGURATION {
            bad.extend(key.take(&mut values, tree.get(key.path.as_bytes())).err());
        }
        (values, bad)
    }
}

/// Returns whether the item at `path` may have this value.
pub fn check(path: &[u8], value: &[u8]) -> Result<(), BadValue> {
    let Some(key) = CONFIGURATION.iter().find(|key| key.path.as_bytes() == relative(path)) else {
        return Ok(());
    };
    key.take(&mut Values::default(), Some(value).filter(|value| !value.is_empty()))
}

impl Key {
    /// Takes the value over, which changes nothing if it is bad.
    fn take(&self, values: &mut Values, text: Option<&[u8]>) -> Result<(), BadValue> {
        let bad =
            || BadValue { path: self.path, value: text.unwrap_or_default().to_vec(), wanted: self.wanted() };
        match &self.take {
            Take::Number(most, set) => {
                let number = text.map(|text| number(text, *most).ok_or_else(bad)).transpose()?;
                set(values, number);
            }
            Take::Switch(set) => {
                let on = text.map(|text| switch(text).ok_or_else(bad)).transpose()?;
                set(values, on);
            }
            Take::Level(set) => set(values, text.map_or(Ok(0), |text| level(text).ok_or_else(bad))?),
            Take::Name(set) => match text.unwrap_or_default() {
                name if Network::new(name, false).is_some() => set(values, name),
                _ => return Err(bad()),
            },
            Take::Text(set) => set(values, text),
            Take::Elsewhere => {}
        }
        Ok(())
    }

    /// The values that are accepted, in words that stand behind "is not".
    fn wanted(&self) -> String {
        match &self.take {
            Take::Number(most, _) if self.unit.is_empty() => format!("a number from 0 to {most}"),
            Take::Number(most, _) => format!("a number of {} from 0 to {most}", self.unit),
            Take::Switch(_) => "0 or 1, no or yes, off or on, false or true".to_owned(),
            Take::Level(_) => "0, 1 or 2, no or yes, off or on, false or true".to_owned(),
            Take::Name(_) => "a name of at most 64 bytes".to_owned(),
            Take::Text(_) | Take::Elsewhere => "a text".to_owned(),
        }
    }
}

/// The number that a text means, if it is at most `most`.
pub(super) fn number(text: &[u8], most: u64) -> Option<u64> {
    let text = text.trim_ascii();
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok().filter(|&number| number <= most)
}

pub(super) fn switch(text: &[u8]) -> Option<bool> {
    level(text).map(|level| level != 0)
}

/// The number that a text means, which may be a word for 0 or 1.
fn level(text: &[u8]) -> Option<u64> {
    match &*text.trim_ascii().to_ascii_lowercase() {
        b"true" | b"yes" | b"on" => Some(1),
        b"false" | b"no" | b"off" => Some(0),
        _ => number(text, LARGEST),
    }
}

/// Returns whether `server/animate`, the old name of VERBOSE, is set to a value that means yes.
pub fn animate(value: &[u8]) -> bool {
    switch(value).unwrap_or(false)
}

/// `path` without the slash that may stand before it.
pub(super) fn relative(path: &[u8]) -> &[u8] {
    path.strip_prefix(b"/").unwrap_or(path)
}

/// Returns whether `path` is that of `server/record`.
pub fn is_record(path: &[u8]) -> bool {
    relative(path) == RECORD.as_bytes()
}

/// Returns whether `path` is that of `server/store`.
pub fn is_store(path: &[u8]) -> bool {
    relative(path) == STORE.as_bytes()
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
        let text = "server\n    timeout = 0\n    grace = 8\n    max_tuples = 1\n    max_value = 2\n    max_clients = 3\n    max_bytes = 7\n\
                    \x20   max_drift = 4\n    tombstone = 5\n    verbose = 1\n    background = true\n\
                    \x20   events = yes\n    ipv6 = 0\n    record = r\n    store = s\n    record_size = 6\n\
                    zgossip\n    network = name\n        plain = 1\n    members = 1\n    security\n        revocation = 0\n";
        let (values, bad) = Values::default().read(&tree(text));
        assert_eq!(bad, []);
        let core = Settings {
            timeout: 0,
            grace: 8,
            max_tuples: 1,
            max_value: 2,
            max_bytes: 7,
            max_clients: 3,
            max_drift: 4,
            tombstone: 5,
            verbose: true,
        };
        let record = Some(b"r".to_vec());
        let expected = Values {
            core,
            background: true,
            events: Events::All,
            ipv6: Some(false),
            record,
            store: Some(b"s".to_vec()),
            record_size: Some(6),
            revocation: Some(false),
            network: b"name".to_vec(),
            takes_plain: true,
            is_member: true,
        };
        assert_eq!(values, expected);
        assert_eq!(
            values.read(&Item::root()).0,
            Values::default(),
            "what is not set any more is as if never set"
        );
    }

    #[test]
    fn events_are_a_level_and_any_larger_number_is_the_highest() {
        let events =
            |text: &str| Values::default().read(&tree(&format!("server\n    events = {text}\n"))).0.events;
        assert_eq!(["0", "no", "off"].map(events), [Events::Deliver; 3]);
        assert_eq!(["1", "yes", "on", "true"].map(events), [Events::All; 4]);
        assert_eq!(["2", "3", "4"].map(events), [Events::Detailed, Events::Changes, Events::Changes]);
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
                "server/timeout = '1s' is not a number of ms from 0 to 1000000000000000",
                "server/verbose = 'maybe' is not 0 or 1, no or yes, off or on, false or true",
                "server/max_value = '4294967296' is not a number of bytes from 0 to 4294967295",
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
            ("server/max_drift", "3153600000000"),
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
            ("server/max_drift", "3153600000001"),
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
            assert_eq!(key.take(&mut values, default), Ok(()), "{}", key.path);
            // Set to its default, an optional value is present, and means the same.
            values.ipv6 = values.ipv6.filter(|&on| on);
            values.record_size = values.record_size.filter(|&size| size != 64 << 20);
            values.core.max_bytes = values.core.max_bytes.min(memory::default_budget());
            assert_eq!(values, Values::default(), "{}", key.path);
        }
    }
}
