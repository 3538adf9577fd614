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
//! repeat the run from a seed. Nothing is queued for a peer: a link is owed *offsets in the
//! change log*, and the frame is made from the tuple's current value at the moment that the socket
//! takes it. A stopped peer therefore costs a number, not a queue.
//!
//! | file | concern |
//! | --- | --- |
//! | `id`, `clock`, `tuple`, `frame`, `event`, `settings`, `stats` | the types that all other files use |
//! | `timers` | deadlines |
//! | `visits` | how much work a call is |
//! | `encodings` | frames of large tuples, shared by all links that send them |
//! | `ledger` | how many bytes are held, and for what |
//! | `codec` | the bytes on the wire |
//! | `network` | which peers are of the node's network |
//! | `rights` | who may read and write what |
//! | `saved` | the form in which a node's content is kept over restarts |
//! | `store` | the tuples, their change log, the digest |
//! | `plumtree` | broadcast trees |
//! | `anti_entropy` | finding the tuples in which two nodes differ |
//! | `plain` | peers that speak plain ZGP/1 |
//! | `link` | what a node knows of one peer |
//! | `ack` | which barriers of the node a peer has acknowledged |
//! | `bulk` | tuples that a peer is owed beside the changes of the moment |
//! | `members` | which nodes take part, and which are gone |
//! | `announcements` | what the node itself keeps announced |
//! | `transit` | how long frames are under way |
//! | `watch` | what a node warns of, and how rarely |
//! | `node` | how inputs become outputs |
//! | [`record`] | the inputs of a node, written down and replayed |

mod ack;
mod announcements;
mod anti_entropy;
mod bulk;
mod clock;
pub mod codec;
mod encodings;
mod event;
mod frame;
mod id;
mod ledger;
mod link;
mod members;
mod network;
mod node;
mod plain;
mod plumtree;
pub mod record;
mod rights;
mod saved;
mod settings;
mod stats;
mod store;
mod timers;
mod transit;
mod tuple;
mod version;
mod visits;
mod watch;

pub use clock::{MOST_DRIFT, Now};
pub use event::{Change, ChangeKind, Event, Identity, MemberChange, MemberState, Warning};
pub use frame::Frame;
pub use id::{LinkId, Role};
pub use network::Network;
pub use node::{Barrier, Changes, MemberInfo, Node, Origin, PeerKind, PeerState};
pub use rights::{Access, MAX_SUBJECT, OTHERS, Rights};
pub use settings::{Refusal, Settings};
pub use stats::Stats;
pub use tuple::{Tuple, check_key};
pub use version::Version;
#[cfg(feature = "internals")]
pub use {
    clock::Stamp,
    codec::{Invalid, Message, MessageId},
    node::Agreement,
    tuple::keys_of_hash,
    visits::take_visits,
};
