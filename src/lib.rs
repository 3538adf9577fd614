//! CZMQ's zgossip, rebuilt: the same interface and the same wire, in a network that really converges.
//!
//! The product is a C library, `libzgossip`: its interface is `include/zgossip.h`, made from `src/ffi`.
//!
//! | layer | what it is | what it may import |
//! | --- | --- | --- |
//! | `ffi` | the C ABI: pointer checks, panic boundary, errno | all below |
//! | `actor` | the command language, configuration, the two ways to talk to the owner | engine, core, log |
//! | `engine` | one thread a node: sockets, polling, timers | core, log |
//! | `core` | the gossip protocol as a state machine without I/O | nothing |
//! | `log` | where a node's log lines go | nothing |
//!
//! The feature `internals` makes the layers below `ffi` public, for this repository's own tests, benchmarks and
//! tools. It is no part of the interface: anything in it may change with any version.

#[cfg(not(feature = "internals"))]
mod actor;
#[cfg(not(feature = "internals"))]
mod core;
#[cfg(not(feature = "internals"))]
mod engine;
#[cfg(not(feature = "internals"))]
mod log;

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

mod api;

pub use api::{Auth, Builder, Cert, Error, ErrorKind, Event, Events, Node};
pub use core::{Stats, Tuple};
pub use log::Level;

// Code in the comments of exported functions is C, and no doctest.
#[cfg(not(doctest))]
mod ffi;
