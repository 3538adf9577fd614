//! Models of how threads wait for each other: the queues between a program and a node, promises, and the handle pool.
//!
//! The files under test are the library's own, built once more over locks, atomic numbers, futexes and descriptors
//! (`sync`, `engine::event_fd`) of loom, which runs a model again and again, each time with another order of what the
//! threads do and, for atomic numbers, with each value that the memory model lets them read. An order in which nobody
//! can go on is reported: so a wake-up that is lost is found, and a wait that never ends.
//!
//! What surrounds those files is stood in for by as little as they need: an engine that waits for its owner alone, an
//! interpreter of three commands, and queues that are full with one command or reply ([`actor`], `engine`). A signal is
//! an error of a wait that comes at once; as the thread may be anywhere then, this is each time at which it can come.
//!
//! | module | properties |
//! | --- | --- |
//! | [`queues`] | nothing is lost, nothing comes twice, nobody waits for ever |
//! | [`promises`] | what was cancelled is not done, and what was done is answered |
//! | [`handles`] | no call on a node that is gone, and destroying never waits for ever |

// Built for tests, the files would bring theirs, which need the rest of the library.
#![cfg(not(test))]
#![allow(dead_code, reason = "the library uses more of its files")]

mod actor;
mod engine;
mod ffi;
mod sync;

pub use actor::owner::{promises, queues};
pub use ffi::node::handles;

/// The node's time and log, which no model looks at.
mod core {
    #[derive(Clone, Copy, Default)]
    pub struct Now;
}

mod log {
    use crate::warning::Kind;

    #[derive(Clone, Default)]
    pub struct Logger;

    impl Logger {
        pub fn warn_of(&self, _: Kind, _: &[u8]) {}
    }
}

mod warning {
    pub enum Kind {
        Unread,
    }
}

/// Goes through all orders of a model with at most as many forced changes of thread as `ZGOSSIP_PREEMPTIONS` says, 2 by
/// default: two threads that each wait for the other at the right moment are the usual fault.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    let preemptions = std::env::var("ZGOSSIP_PREEMPTIONS").ok().and_then(|text| text.parse().ok());
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions.unwrap_or(2));
    builder.max_branches = 10_000;
    builder.check(model);
}
