//! Limits and times of a node, and the commands that they refuse.

use std::fmt;

/// What can be set on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Most keys held, those of removed tuples included.
    pub max_tuples: usize,
    /// Longest value, in bytes.
    pub max_value: usize,
    /// Most clients (links that the peer made).
    pub max_clients: usize,
    /// How far ahead of the own clock a stamp may be and still be trusted, in milliseconds.
    pub max_drift: u64,
    /// How long a removed key is remembered, in milliseconds.
    pub tombstone: u64,
    /// Silence in milliseconds after which a client is probed, to drop it if it is gone; 0 for never.
    pub timeout: u64,
    /// Whether to report each message at [`Severity::Debug`](super::Severity::Debug).
    pub verbose: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_tuples: 2_000_000,
            max_value: 16 << 20,
            max_clients: 16_384,
            max_drift: 3_600_000,
            tombstone: 3_600_000,
            timeout: 1000,
            verbose: false,
        }
    }
}

/// Why a command was refused; nothing has changed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A key has at least one byte.
    EmptyKey,
    /// A key has at most 255 bytes.
    KeyTooLong,
    /// A value has at most `max_value` bytes.
    ValueTooLong,
    /// No C string can hold a NUL byte.
    NulByte,
    /// `max_tuples` are held.
    TooManyTuples,
    /// `max_clients` are connected.
    TooManyClients,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::EmptyKey => "key is empty",
            Refusal::KeyTooLong => "key is longer than 255 bytes",
            Refusal::ValueTooLong => "value is longer than server/max_value",
            Refusal::NulByte => "key or value holds a NUL byte",
            Refusal::TooManyTuples => "server/max_tuples reached",
            Refusal::TooManyClients => "server/max_clients reached",
        })
    }
}

impl std::error::Error for Refusal {}
