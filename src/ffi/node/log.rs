//! The node's log.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::sync::Arc;

use libc::{c_char, c_int, c_void};

use super::arguments::enter;
use super::pool::zgossip_t;
use crate::ffi::actor_fn::sink;
use crate::ffi::entry::entry_with_reason;
use crate::log::{Level, Sink};

/// Log level: something that was asked for is impossible.
pub const ZGOSSIP_LOG_ERROR: c_int = 1;
/// Log level: something was refused or failed; the node goes on.
pub const ZGOSSIP_LOG_WARNING: c_int = 2;
/// Log level: something normal that an operator will want to see.
pub const ZGOSSIP_LOG_NOTICE: c_int = 3;
/// Log level: something normal.
pub const ZGOSSIP_LOG_INFO: c_int = 4;
/// Log level: internal steps, logged only while server/verbose is 1.
pub const ZGOSSIP_LOG_DEBUG: c_int = 5;

/// A function that takes log lines.
///
/// Its arguments are the pointer that was given with it, one of ZGOSSIP_LOG_*,
/// and the line, without a newline, valid during the call only.
#[allow(non_camel_case_types)]
pub type zgossip_log_fn = Option<unsafe extern "C" fn(arg: *mut c_void, level: c_int, text: *const c_char)>;

struct Callback {
    function: unsafe extern "C" fn(*mut c_void, c_int, *const c_char),
    arg: *mut c_void,
}

// SAFETY: the program says by setting it that the function may be called in the node's thread with this argument.
unsafe impl Send for Callback {}
// SAFETY: as above; all lines of a node are written by its thread, one after the other.
unsafe impl Sync for Callback {}

impl Sink for Callback {
    fn write(&self, level: Level, text: &str) {
        let level = match level {
            Level::Error => ZGOSSIP_LOG_ERROR,
            Level::Warning => ZGOSSIP_LOG_WARNING,
            Level::Notice => ZGOSSIP_LOG_NOTICE,
            Level::Info => ZGOSSIP_LOG_INFO,
            Level::Debug => ZGOSSIP_LOG_DEBUG,
        };
        // Control characters have been escaped, so there is no NUL.
        let text = CString::new(text).unwrap_or_default();
        // SAFETY: the program vouches for its function and argument.
        unsafe { (self.function)(self.arg, level, text.as_ptr()) };
    }
}

/// Sets the function that takes the node's log lines.
///
/// `arg` is passed to each call of `function`. NULL for `function` restores the
/// default: CZMQ's log where the process has CZMQ or uses this library's
/// czmq.h, the standard error stream otherwise. `function` should return soon,
/// for the node waits for it.
///
/// Returns: 0, or -1.
/// Errors: those of an answered call.
/// Threads: `function` runs in the node's thread, one line at a time. It may
///     call functions that do not wait for the node; those that do fail with
///     EDEADLK there. Once this call has returned, the function that was set
///     before is no longer running and is not called again; the last one may be
///     called until zgossip_destroy has returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_log(
    self_: *mut zgossip_t,
    function: zgossip_log_fn,
    arg: *mut c_void,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        let sink: Arc<dyn Sink> = match function {
            Some(function) => Arc::new(Callback { function, arg }),
            None => sink(),
        };
        // The node's thread writes all lines. It also replaces the sink, so no line is being written meanwhile.
        node.call(move |node| node.set_sink(sink))?;
        Ok(0)
    }
}
