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
//! | `key` | the rule for keys |
//! | `error`, `promise`, `futex` | errors of calls, and how threads wait for each other |

pub mod auth;
mod command;
mod error;
pub mod file;
mod futex;
mod key;
mod owner;
mod promise;

use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

#[cfg(feature = "internals")]
pub use command::{COMMANDS, CONFIGURATION, Event, Key, Syntax};
pub use command::{Condition, EVENTS, Message, NodeCalls};
pub use error::{CallError, Failure};
pub use owner::Handle;

use crate::engine::{Engine, EngineSettings, raw};
use crate::log::{self, Logger, Sink};

/// Runs a node on the calling thread, with its owner at the other end of `pipe`, until `$TERM`. The node's sockets are
/// made in `context`, and its log lines go to `sink`, beginning with `prefix`.
pub fn run_on_pipe(pipe: raw::Socket, prefix: &str, sink: Arc<dyn Sink>, context: raw::Context) {
    let engine = Engine::new(context, local_logger(prefix, sink), EngineSettings::default());
    let mut owner = owner::PipeOwner::new(pipe, &engine);
    engine.run(&mut owner);
}

/// The message by which a CZMQ actor tells its owner that it is ready, or how a command ended: CZMQ's `zsock_signal`
/// sends these eight bytes, whose lowest byte is the status.
pub fn signal(status: u8) -> [u8; 8] {
    (0x7766_5544_3322_1100 | u64::from(status)).to_ne_bytes()
}

/// A logger whose lines carry the local time, if they go to standard error.
fn local_logger(prefix: &str, sink: Arc<dyn Sink>) -> Logger {
    log::set_local_offset(raw::local_offset);
    Logger::new(prefix, sink)
}

/// The local time as a text: `2026-11-22 08:55:00`.
pub fn local_time() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    log::calendar(now, raw::local_offset(now))
}

/// The environment variable that switches IPv6 on for a process, as in CZMQ.
pub const IPV6_VARIABLE: &str = "ZSYS_IPV6";

static DEFAULT_IPV6: OnceLock<fn() -> bool> = OnceLock::new();

/// Sets the function that tells whether nodes without `server/ipv6` use IPv6: the process may have a switch for that, as
/// CZMQ's `zsys_set_ipv6`. The function is called before each BIND and CONNECT. Only the first call of this counts;
/// without any, [`IPV6_VARIABLE`] decides.
pub fn set_default_ipv6(ask: fn() -> bool) {
    let _ = DEFAULT_IPV6.set(ask);
}

fn default_ipv6() -> bool {
    let from_environment = || {
        let said = std::env::var(IPV6_VARIABLE).ok();
        said.and_then(|text| text.trim().parse().ok()).is_some_and(|value: i32| value != 0)
    };
    DEFAULT_IPV6.get().map_or_else(from_environment, |ask| ask())
}
