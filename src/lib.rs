//! CZMQ's zgossip, rebuilt: the same interface and the same wire, in a network that really converges.
//!
//! The product is a C library, `libzgossip`: its interface is `include/zgossip.h`, made from [`ffi`](self). The
//! Rust modules are public so that tests, benchmarks and fuzzers reach each layer by itself; they are not a
//! stable Rust interface.
//!
//! | layer | what it is | what it may import |
//! | --- | --- | --- |
//! | `ffi` | the C ABI: pointer checks, panic boundary, errno | all below |
//! | [`actor`] | the command language, configuration, the two ways to talk to the owner | engine, core, log |
//! | [`engine`] | one thread a node: sockets, polling, timers | core, log |
//! | [`core`] | the gossip protocol as a state machine without I/O | nothing |
//! | [`log`] | where a node's log lines go | nothing |

pub mod actor;
pub mod core;
pub mod engine;
mod ffi;
pub mod log;
