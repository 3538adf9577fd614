//! The two ways between a node and its owner: the pipe of a CZMQ actor, and a [`Handle`] for any thread.
//!
//! | file | concern |
//! | --- | --- |
//! | `pipe` | the owner at the other end of a CZMQ pipe |
//! | `queue` | the owner with a [`Handle`] |
//! | `router` | commands from the program's threads to the node's, messages back |
//! | `batch` | commands one behind the other in one buffer |
//! | `calls` | typed calls, for C and for Rust |
//! | `request` | typed calls as entries of the same queue |

mod batch;
mod calls;
mod pipe;
mod queue;
mod request;
mod router;

pub use pipe::PipeOwner;
pub use queue::Handle;
