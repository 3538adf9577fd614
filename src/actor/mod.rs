//! The command language of a node, and the two ways in which a program talks to it.
//!
//! A program gives commands as short lists of frames and receives messages of the same kind. It does so over the
//! pipe of a CZMQ actor ([`run_on_pipe`]), or through queues of our own, from any thread ([`Handle`]). Both ways
//! know the same commands and have the same promises: a reply comes after all the news that preceded it, nothing is
//! sent that was not asked for, and an owner who never reads costs memory in proportion to the keys, and slows
//! nobody.
//!
//! | file | concern |
//! | --- | --- |
//! | `command` | frames that make a command, or why they do not |
//! | `interpreter` | what a command does |
//! | `config`, `zpl`, `file` | what a configuration means, how it is written, where it is kept |
//! | `names` | which names of a configuration mean something |
//! | `message`, `inbox` | messages to the owner, and how they wait |
//! | `pipe` | the owner at the other end of a CZMQ pipe |
//! | `cert`, `zap` | certificates, and who may connect |
//! | `queue`, `channel`, `batch`, `bell` | the owner with a [`Handle`] |
//! | `request`, `waits` | questions of an owner with a [`Handle`], and what its threads wait for |

pub mod batch;
mod bell;
pub mod cert;
pub mod channel;
pub mod command;
pub mod config;
pub mod file;
pub mod inbox;
mod interpreter;
pub mod message;
mod names;
mod pipe;
mod queue;
pub mod request;
pub mod waits;
pub mod zap;
pub mod zpl;

use std::sync::{Arc, OnceLock};

pub use channel::CallError;
pub use interpreter::Desk;
pub use message::Message;
pub use queue::Handle;
pub use request::Failure;
pub use waits::Condition;

use crate::engine::{Engine, EngineSettings, raw};
use crate::log::{Logger, Sink};

/// Run a node on the calling thread, its owner at the other end of `pipe`, until `$TERM`. Its sockets are made in
/// `context`, its log lines go to `sink`.
pub fn run_on_pipe(pipe: raw::Socket, prefix: &str, sink: Arc<dyn Sink>, context: raw::Context) {
    let engine = Engine::new(context, Logger::new(prefix, sink), EngineSettings::default());
    let mut owner = pipe::PipeOwner::new(pipe, &engine);
    engine.run(&mut owner);
}

static DEFAULT_IPV6: OnceLock<fn() -> bool> = OnceLock::new();

/// Tell all nodes how to find out whether IPv6 is to be used where no configuration says so: the process may have a
/// switch of its own for that, as CZMQ's `zsys_set_ipv6`. It is asked before each BIND and CONNECT. The first call
/// counts; without one, the answer is no.
pub fn set_default_ipv6(ask: fn() -> bool) {
    let _ = DEFAULT_IPV6.set(ask);
}

fn default_ipv6() -> bool {
    DEFAULT_IPV6.get().is_some_and(|ask| ask())
}
