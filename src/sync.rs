//! What threads share: locks, atomic numbers, and the kernel's futexes.
//!
//! The code whose threads wait for each other takes these from here: the queues between a program and a node, promises,
//! and the handle pool. `tests/models` builds the same files over a `sync` of its own, which goes through the orders in
//! which threads may run.

pub(crate) use std::sync::{Arc, atomic};
pub(crate) use std::thread::sleep;

pub(crate) use parking_lot::{Mutex, MutexGuard};

/// Waits for the change of a number in memory.
pub(crate) mod futex {
    /// The number that is waited on.
    pub(crate) type Word = std::sync::atomic::AtomicU32;
    pub(crate) use rustix::thread::futex::{Flags, wait, wake};
}
