//! The native interface: a node without CZMQ.
//!
//! A `zgossip_t` is a node with a thread of its own. All that it does is done below, in `actor`: here C's arguments
//! become its arguments, and its answers C's.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `pool`, `slot` | what a `zgossip_t` points to, and the count of calls that are inside |
//! | `arguments` | checks of what C gives |
//! | `lifecycle` | making and ending a node |
//! | `endpoints` | bind, connect, keys |
//! | `tuples` | publish, get, walk |
//! | `origins` | who wrote a tuple |
//! | `versions` | publish what is based on a value that was read |
//! | `events` | messages as structures, and how to wait for them |
//! | `waiting` | wait for the network, flush |
//! | `watching` | which keys are delivered |
//! | `watchers` | parts of a program that watch keys for themselves |
//! | `rights` | who may read and write what |
//! | `settings` | configuration |
//! | `statistics` | counters |
//! | `peers` | what is known of each peer |
//! | `members` | which nodes take part in the network |
//! | `log` | the node's log |
//! | `commands` | commands and messages as arrays of strings (`frames`) |

mod arguments;
mod commands;
mod endpoints;
mod events;
mod frames;
mod lifecycle;
mod log;
mod members;
mod origins;
mod peers;
mod pool;
mod rights;
mod settings;
mod slot;
mod statistics;
mod tuples;
mod versions;
mod waiting;
mod watchers;
mod watching;
