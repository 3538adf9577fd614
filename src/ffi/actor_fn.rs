//! The actor: a node for CZMQ's zactor_new.
//!
//! The actor takes the commands above over its pipe, and sends the replies and events there. Programs that include
//! <czmq.h> have its declaration from there, and need not include this file; if they do, either may come first.

// Whatever happens to the node, the actor function returns: a panic ends the node, and the process lives on.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use libc::{c_char, c_void};

use super::czmq_compat::{self, loaded};
use super::entry::{entry, outside, panic_text};
use super::error::Errno;
use super::host::prepare;
use super::socket::{Origin, Socket};
use super::types::zsock_t;
use crate::actor;
use crate::engine::raw;
use crate::log::{Logger, Sink, Stderr};

/// Runs a node as an actor of CZMQ: pass it to zactor_new.
///
///     zactor_t *node = zactor_new (zgossip, "myname");
///     zstr_sendx (node, "BIND", "tcp://*:5670", NULL);
///     zstr_sendx (node, "PUBLISH", "key", "value", NULL);
///     zactor_destroy (&node);
///
/// `args` prefixes the node's log lines, and peers that use this library are
/// told its first 64 bytes: a string in any encoding, or NULL. It is copied
/// before the actor signals, so it may be on the caller's stack.
///
/// `pipe` may also be a PAIR socket of plain libzmq, cast, in programs that run
/// actors without CZMQ; the node's inproc endpoints then live in a context of
/// the library. In either case the function sends the eight-byte signal of
/// zsock_signal to the pipe as soon as the node takes commands, and returns
/// once $TERM has come. It does not close the pipe.
///
/// Errors: EINVAL or ENOTSOCK if the pipe is NULL or no socket; the function
///     returns at once then.
/// Threads: it blocks until $TERM comes, and is therefore called in a thread of
///     its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip(pipe: *mut zsock_t, args: *mut c_void) {
    entry! {
        // SAFETY: the program passes a live socket, which no other code uses until this function returns.
        let socket = unsafe { Socket::resolve(pipe.cast()) }?;
        // SAFETY: the program gives a C string or NULL.
        let prefix = unsafe { lossy(args.cast()) };
        // SAFETY: as above; `pipe` is a socket of CZMQ where `socket` says so.
        if !(socket.origin() == Origin::Czmq && unsafe { loaded::signal(pipe.cast()) }) {
            signal(socket)?;
        }
        outside(|| run(socket, &prefix, context_of(socket)));
        Ok(())
    }
}

/// Returns the context in which an actor with this pipe makes its sockets: that of the program's own sockets, because
/// inproc endpoints are shared only within a context.
pub(super) fn context_of(pipe: Socket) -> raw::Context {
    let context = match pipe.origin() {
        Origin::Czmq => loaded::context(),
        Origin::Compat => czmq_compat::context(),
        Origin::Libzmq => None,
    };
    match context {
        // SAFETY: CZMQ's context lives until the process ends, that of our czmq.h at least as long as the pipe.
        Some(context) => unsafe { raw::Context::foreign(context.as_ptr()).running() },
        None => raw::Context::global(),
    }
}

/// Signals to the owner that the node takes commands.
pub(super) fn signal(pipe: Socket) -> Result<(), Errno> {
    pipe.send(&[&actor::signal(0)])
}

/// Runs a node on `pipe` until it ends.
pub(super) fn run(pipe: Socket, prefix: &str, context: raw::Context) {
    prepare();
    let sink = sink_of(pipe);
    let logger = Logger::new(prefix, Arc::clone(&sink));
    let node = AssertUnwindSafe(|| {
        // SAFETY: the pipe is a live socket, and no one else uses it until we return.
        let pipe = unsafe { raw::Socket::borrowed(pipe.handle()) };
        actor::run_on_pipe(pipe, prefix, sink, context);
    });
    if let Err(payload) = catch_unwind(node) {
        logger.error(format_args!("the node has failed, and ends: {}", panic_text(&*payload)));
        // Dropping a foreign panic payload could panic again.
        std::mem::forget(payload);
    }
}

/// Returns the log of an actor with this pipe: that of the library that made the pipe.
pub(super) fn sink_of(pipe: Socket) -> Arc<dyn Sink> {
    if pipe.origin() == Origin::Compat { Arc::new(czmq_compat::Log) } else { sink() }
}

/// Returns the log of a new node: CZMQ's if the process has CZMQ, that of our `czmq.h` if it uses that, else stderr.
pub(super) fn sink() -> Arc<dyn Sink> {
    if loaded::present() {
        Arc::new(loaded::Log)
    } else if czmq_compat::in_use() {
        Arc::new(czmq_compat::Log)
    } else {
        Arc::new(Stderr)
    }
}

/// Converts a C string to a log prefix; bytes that are not UTF-8 are replaced.
///
/// # Safety
/// `text` is NULL or a C string.
pub(super) unsafe fn lossy(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller vouches for it.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
