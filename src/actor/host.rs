//! Parts that all nodes of a process share: local time, the switch for IPv6, and the form of CZMQ's signals.

use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::engine::raw::{self, Socket};
use crate::log::{self, Logger, Sink};

/// The message by which a CZMQ actor tells its owner that it is ready, or how a command ended: CZMQ's `zsock_signal`
/// sends these eight bytes, whose lowest byte is the status.
pub fn signal(status: u8) -> [u8; 8] {
    (0x7766_5544_3322_1100 | u64::from(status)).to_ne_bytes()
}

/// Returns at once, unless somebody has closed `pipe` under the actor: then never.
///
/// CZMQ closes the pipes of actors that the program has not destroyed when the process exits, and terminates their
/// context afterwards. Who called the actor's function would use the pipe, find it closed, and abort the process, whose
/// end is all that the thread can wait for. The pipe itself has to be asked: that the context ends may show first at
/// another of the actor's sockets.
pub(super) fn outlast(pipe: &Socket) {
    while pipe.events().is_err_and(raw::Error::is_closed) {
        rustix::event::pause();
    }
}

/// A logger whose lines carry the local time, if they go to standard error.
pub(super) fn local_logger(prefix: &str, sink: Arc<dyn Sink>) -> Logger {
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

/// Sets the function that decides whether nodes without `server/ipv6` use IPv6: the process may have a switch for
/// that, as CZMQ's `zsys_set_ipv6`. The function is called before each BIND and CONNECT. Only the first call of this
/// counts; without any, [`IPV6_VARIABLE`] decides.
pub fn set_default_ipv6(ask: fn() -> bool) {
    let _ = DEFAULT_IPV6.set(ask);
}

pub(super) fn default_ipv6() -> bool {
    let from_environment = || {
        let said = std::env::var(IPV6_VARIABLE).ok();
        said.and_then(|text| text.trim().parse().ok()).is_some_and(|value: i32| value != 0)
    };
    DEFAULT_IPV6.get().map_or_else(from_environment, |ask| ask())
}
