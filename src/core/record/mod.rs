//! The flight recorder: what a node was told and when, so that it can be told again.
//!
//! A [`Node`](crate::core::Node) is a state machine without clocks, sockets or randomness of its own, so its seed and
//! its inputs in order decide every byte that it sends. A [`RecordedNode`] writes them down, a [`Replay`] gives them to
//! a new node and compares what comes out.
//!
//! ```text
//! record = *block                    ; in one file, or the older part in another
//! block  = "ZGR1" length checksum record number mono wall root *entry
//! entry  = [time] input output       ; see `entry`
//! ```
//!
//! A block is what was recorded between two calls of [`RecordedNode::poll_record`]. It can be read without those
//! before it: it begins with both clocks, and says what the digest of the node's tuples was at its end.
//!
//! | file | concern |
//! | --- | --- |
//! | `entry` | inputs, outputs and their bytes |
//! | `decode` | reads them, and makes a recorded call on another node |
//! | `fields` | numbers and byte strings in those |
//! | `recorder` | collects entries, closes blocks |
//! | `node` | a node whose inputs may be recorded |
//! | `reader` | finds the blocks of a record, and their entries |
//! | `replay` | gives them to a new node |
//!
//! Reading and replaying are for tools and tests: without the feature `internals` a record is only written.

#[cfg(feature = "internals")]
mod decode;
mod entry;
mod fields;
mod node;
#[cfg(feature = "internals")]
mod reader;
mod recorder;
#[cfg(feature = "internals")]
mod replay;
#[cfg(all(test, feature = "internals"))]
mod tests;

#[cfg(feature = "internals")]
pub use entry::{EventDigest, FrameDigest, Input, Output};
pub use node::RecordedNode;
#[cfg(feature = "internals")]
pub use reader::{Block, Entry, Gap, Record};
#[cfg(feature = "internals")]
pub use replay::{Difference, Replay};
