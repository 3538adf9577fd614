//! Limits and times of a node, and the commands that they refuse.

use super::tuple::InvalidKey;
use std::fmt;

/// Limits and times of one node; `server/…` in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The largest number of tuples held. As many removed keys are remembered besides.
    pub max_tuples: usize,
    /// The longest value, in bytes.
    pub max_value: usize,
    /// The largest number of bytes held: tuples, removed keys, what is remembered of peers and waits for them.
    pub max_bytes: usize,
    /// The largest number of clients: links that the peer made.
    pub max_clients: usize,
    /// Milliseconds by which a stamp may be ahead of this node's clock and still be trusted; at most
    /// [`MOST_DRIFT`](super::MOST_DRIFT) count.
    pub max_drift: u64,
    /// Milliseconds for which a removed key is remembered.
    pub tombstone: u64,
    /// Silence in milliseconds after which a client is probed, to drop it if it is gone; 0 for never.
    pub timeout: u64,
    /// Milliseconds that a peer whose connection is lost has to come back before it counts as gone.
    pub grace: u64,
    /// Whether to report each message by [`Event::Debug`](super::Event::Debug).
    pub verbose: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_tuples: 2_000_000,
            max_value: 16 << 20,
            max_bytes: 1 << 30,
            max_clients: 16_384,
            max_drift: 3_600_000,
            tombstone: 3_600_000,
            timeout: 1000,
            grace: 200,
            verbose: false,
        }
    }
}

/// The reason why a command was refused. A refused command changes nothing.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The key is empty.
    EmptyKey,
    /// The key is longer than 255 bytes.
    KeyTooLong,
    /// The value is longer than `max_value` bytes.
    ValueTooLong,
    /// The key or value holds a NUL byte, which no C string can hold.
    NulByte,
    /// `max_tuples` keys are held already.
    TooManyTuples,
    /// `max_bytes` bytes are held already, or would be.
    TooManyBytes,
    /// `max_clients` clients are connected already.
    TooManyClients,
}

impl From<InvalidKey> for Refusal {
    fn from(invalid: InvalidKey) -> Refusal {
        match invalid {
            InvalidKey::Empty => Refusal::EmptyKey,
            InvalidKey::TooLong => Refusal::KeyTooLong,
            InvalidKey::NulByte => Refusal::NulByte,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::EmptyKey => "key is empty",
            Refusal::KeyTooLong => "key is longer than 255 bytes",
            Refusal::ValueTooLong => "value is longer than server/max_value",
            Refusal::NulByte => "key or value holds a NUL byte",
            Refusal::TooManyTuples => "server/max_tuples reached",
            Refusal::TooManyBytes => "server/max_bytes reached",
            Refusal::TooManyClients => "server/max_clients reached",
        })
    }
}

impl std::error::Error for Refusal {}
