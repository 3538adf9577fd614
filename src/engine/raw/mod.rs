//! libzmq, and what Rust does not offer of the C library, behind safe types: the only `unsafe` code below the C ABI.
//!
//! The rest of the engine uses libzmq through these types only, and none of them can leak a descriptor or touch freed
//! memory:
//!
//! | type | what it is |
//! | --- | --- |
//! | [`Context`] | the process's own context, or one that belongs to somebody else |
//! | [`PerContext`] | a value for each context |
//! | [`Socket`] | a socket of ours (closed when dropped) or a borrowed one (never closed) |
//! | [`Msg`] | one message frame |
//! | [`Monitored`] | a socket with its monitor, taken down in the order that libzmq needs |
//! | [`Connection`] | what the kernel knows of a connection, and its end |
//! | [`Listener`], [`is_accepted_at`] | a listening socket of libzmq's; whether a connection was accepted there |
//! | [`steady`], [`local_offset`] | a clock; how far local time is ahead of UTC |
//! | [`with_signals_blocked`] | how threads that take no signals are started |
//! | [`require_descriptors`], [`descriptors_in_use`], [`Spare`] | whether descriptors are left; one in reserve |
//! | [`require_threads`] | whether threads can be started |
//! | [`Poller`] | waits for descriptors, a socket's ([`Socket::fd`]) or any other |
//! | [`Error`] | libzmq's errno |
//!
//! Calls that a signal interrupts are repeated.

#![allow(unsafe_code)]

mod context;
pub mod curve;
mod descriptors;
mod error;
mod fork;
mod listening;
mod message;
mod monitor;
mod peer_name;
mod per_context;
mod poller;
mod signals;
mod socket;
mod tcp;
#[cfg(test)]
mod tests;
mod threads;
mod time;

pub use context::Context;
pub use descriptors::{descriptors_in_use, require_descriptors};
pub use error::Error;
pub use fork::generation;
pub use listening::{Listener, Refused, Spare, is_accepted_at};
pub use message::{Load, Msg};
pub use monitor::{Change, MonitorEvent, Monitored, Watched};
pub use peer_name::{tcp_own, tcp_peer};
pub use per_context::PerContext;
pub use poller::Poller;
pub use signals::with_signals_blocked;
pub use socket::{Events, Socket};
pub use tcp::{Connection, Traffic};
pub use threads::require_threads;
pub use time::{local_offset, steady};
