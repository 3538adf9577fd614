//! The actor: a node's command language, and the two ways in which a program talks to the node.
//!
//! A program, the node's owner, sends commands as short lists of frames, and receives messages of the same kind: over the
//! pipe of a CZMQ actor ([`run_on_pipe`]), or through a [`Handle`], from any thread. Both ways have the same commands and
//! the same guarantees: a reply comes behind all events that preceded it, and an owner who never reads costs memory in
//! proportion to the keys, and slows nobody down.
//!
//! | folder | concern |
//! | --- | --- |
//! | `command` | the command language, the configuration, messages and how they wait |
//! | `owner` | the owner at the other end of a pipe, or with a [`Handle`] |
//! | `auth` | certificates, and who may connect |
//! | `file` | ZPL, the text of configurations and certificates, and the files that hold it |
//! | `host` | what all nodes of a process share: local time, the IPv6 switch, the form of a signal |
//! | `error`, `promise`, `futex` | errors of calls, and how threads wait for each other |

pub mod auth;
mod command;
mod error;
pub mod file;
mod futex;
mod host;
mod owner;
mod promise;

use std::sync::Arc;

#[cfg(feature = "internals")]
pub use command::{COMMANDS, CONFIGURATION, Event, Key, Syntax};
pub use command::{Changed, Condition, EVENTS, Message, NodeCalls, check_file};
#[cfg(feature = "internals")]
pub use command::{Interpreter, Outbox, Outgoing, Turn, is_term, parse};
pub use error::{CallError, Failure};
pub use host::{IPV6_VARIABLE, local_time, set_default_ipv6, signal};
pub use owner::{Handle, Watcher};

use crate::engine::{Engine, EngineSettings, raw};
use crate::log::Sink;

/// Runs a node on the calling thread, with its owner at the other end of `pipe`, until `$TERM`. The node's sockets are
/// made in `context`, and its log lines go to `sink`, beginning with `prefix`.
///
/// The function does not return if somebody has closed the pipe meanwhile (see `host::outlast`).
pub fn run_on_pipe(pipe: raw::Socket, prefix: &str, sink: Arc<dyn Sink>, context: raw::Context) {
    let settings = EngineSettings { name: prefix.to_owned(), ..EngineSettings::default() };
    let engine = Engine::new(context, host::local_logger(prefix, sink), settings);
    let mut owner = owner::PipeOwner::new(pipe, &engine);
    engine.run(&mut owner);
}
