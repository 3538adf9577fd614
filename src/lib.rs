#![doc = include_str!("../README.md")]
// A build for a Rust program with zmq-sys's own libzmq leaves the C layer out, and with it what only that uses.
#![cfg_attr(not(c_abi), allow(dead_code, unused_imports))]

// | layer | what it is | what it may import |
// | --- | --- | --- |
// | `ffi` | the C interface: pointer checks, panic boundary, errno | all below, `api` apart |
// | `api` | the Rust interface | all below |
// | `actor` | the command language, configuration, the two ways to talk to the owner | engine, core, log |
// | `engine` | one thread a node: sockets, polling, timers | core, log |
// | `core` | the gossip protocol as a state machine without I/O | nothing |
// | `log` | where a node's log lines go | nothing |
// | `sync` | locks and atomic numbers | nothing |
//
// The feature `internals` makes the layers below public, for this repository's own tests, benchmarks and tools. It is
// no part of the interface: anything in it may change with any version.

#[cfg(not(feature = "internals"))]
mod actor;
#[cfg(not(feature = "internals"))]
mod core;
#[cfg(not(feature = "internals"))]
mod engine;
#[cfg(not(feature = "internals"))]
mod log;
#[cfg(not(feature = "internals"))]
mod warning;

#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod actor;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod core;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod engine;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod log;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod warning;

mod api;
mod sync;

pub use api::{
    Auth, Builder, Cert, Change, Error, ErrorKind, Event, Events, Node, Origin, Peer, Watcher, check,
};
pub use core::{PeerKind, Stats, Tuple, Version};
pub use log::Level;

// Code in the comments of exported functions is C, and no doctest.
#[cfg(all(c_abi, not(doctest)))]
mod ffi;
