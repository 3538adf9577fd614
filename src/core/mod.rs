//! The gossip protocol as a pure state machine: no sockets, no clock, no threads.
//!
//! A [`Node`] holds the tuples and one [`LinkId`] for each peer. Every method is one of four kinds:
//!
//! * a getter;
//! * a command of the owner (`publish`, `retract`, …);
//! * `handle_*`, `open_link`, `link_up` …: an input from the network or from time;
//! * `poll_*`: drains an output.
//!
//! Time and randomness come in as values, so a test can run a thousand nodes in virtual time and
//! repeat the run from a seed. Nothing is queued for a peer: a link is owed *positions in the log of
//! changes* ([`feed`](self)), and the frame is made from the tuple's current value at the moment
//! that the socket takes it. A stopped peer therefore costs a number, not a queue.
//!
//! | file | concern |
//! | --- | --- |
//! | `clock` | stamps and the hybrid logical clock |
//! | `tuple` | the shared key and value |
//! | `wire`, `extension`, `records` | the bytes |
//! | `store`, `feed`, `digest` | what is held, what changed when, what it sums up to |
//! | `oldest` | what makes room first |
//! | `origins`, `branches` | by which link an origin's tuples come, and which travel over a link |
//! | `link`, `passage`, `plain` | what is known of a peer, of what it has taken, and of one that knows no stamps |
//! | `transit` | how long frames are under way |
//! | `bulk` | what is owed to a peer beside the changes of the moment |
//! | `departures` | when plain peers left |
//! | `disbelieved` | what plain peers said and was taken for old |
//! | `effort` | what a peer may cost |
//! | `node` and its parts | how inputs become outputs |
//! | [`record`] | what a node was told, to tell it again |

mod branches;
mod bulk;
mod clock;
mod departures;
mod digest;
mod disbelieved;
mod effort;
mod extension;
mod feed;
mod history;
mod link;
mod node;
mod oldest;
mod origins;
mod passage;
mod plain;
mod receipts;
pub mod record;
mod records;
mod store;
mod timers;
mod transit;
mod tuple;
mod wire;

pub use clock::Now;
pub use link::{LinkId, Role};
pub use node::{Event, Frame, Mark, Node, Refusal, Settings, Severity, Stats};
pub use tuple::Tuple;
#[cfg(feature = "internals")]
pub use {
    clock::Stamp,
    node::Agreement,
    wire::{Invalid, Message, MessageId},
};

/// The codec by itself, for the C class `zgossip_msg` and for tests.
pub mod codec {
    pub use super::extension::{Answer, Extension, OFFERS, Summary};
    pub use super::records::{Digests, Entries, Entry, Hashes, PartEntries, Prefix, Record, RecordKind};
    pub use super::wire::*;
}
