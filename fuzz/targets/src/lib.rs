//! What the fuzzers do with an input: each target is a function of bytes that panics where a promise does not hold.
//!
//! | target | what the bytes are |
//! | --- | --- |
//! | [`codec`] | a frame |
//! | [`node`] | what owners, an attacker and time do to a small network |
//! | [`zpl`] | a configuration, or a certificate |
//! | [`commands`] | commands of an owner |
//! | [`zap`] | a request to the ZAP server |
//!
//! The programs of the fuzzers are in `fuzz/fuzz_targets`. `tests/sim/fuzz.rs` runs all inputs that are kept.

pub mod codec;
pub mod commands;
pub mod node;
pub mod zap;
pub mod zpl;

mod bytes;
mod network;

// The simulator's checks of a node are those of this network.
#[path = "../../../tests/sim/ours.rs"]
#[expect(dead_code, unreachable_pub, reason = "the simulator uses more of it")]
mod ours;

/// A target: its name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const ALL: [Target; 5] = [
    ("codec", codec::run),
    ("commands", commands::run),
    ("node", node::run),
    ("zap", zap::run),
    ("zpl", zpl::run),
];
