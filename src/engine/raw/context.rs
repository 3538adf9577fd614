//! libzmq contexts: the process's own, made once, or a foreign one.
//!
//! A node that CZMQ runs must live in CZMQ's context, or `inproc://` endpoints would not meet; that context is
//! never terminated here. All other nodes share one context of ours. Nobody is asked to end it: when the process
//! exits (or unloads the library) with no socket of ours open any more, it is terminated, which waits at most the
//! sockets' linger time for frames still on their way; a program may thus publish, destroy its node and exit.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use once_cell::sync::OnceCell;

/// How many sockets the process's own context may hold; libzmq's default of 1023 is used up by 200 nodes.
const MAX_SOCKETS: i32 = 20_000;

/// A libzmq context, to make sockets in. Cheap to copy; never terminates anything when dropped.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    pub(super) handle: *mut c_void,
    pub(super) own: bool,
}

// SAFETY: libzmq contexts are documented as thread-safe; the handle is only passed to libzmq.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

/// The process's own context.
struct Global {
    handle: *mut c_void,
    pid: u32,
}

// SAFETY: see `Context`.
unsafe impl Send for Global {}
// SAFETY: see `Context`.
unsafe impl Sync for Global {}

static GLOBAL: OnceCell<Global> = OnceCell::new();

/// Sockets of ours that are open in the process's own context.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// The process is exiting and the context is gone.
static ENDED: AtomicBool = AtomicBool::new(false);

impl Context {
    /// The process's own context, made at the first call. Where it cannot be made (no descriptors left) the result
    /// makes no sockets; a later call tries again.
    pub fn global() -> Context {
        if ENDED.load(Ordering::Acquire) {
            return Context { handle: ptr::null_mut(), own: true };
        }
        let made = GLOBAL.get_or_try_init(|| {
            // SAFETY: no arguments; the result is checked.
            let handle = unsafe { zmq_sys::zmq_ctx_new() };
            if handle.is_null() {
                return Err(());
            }
            // SAFETY: a context just made, options that exist in every supported libzmq. A refusal only means that
            // the default stays.
            unsafe { zmq_sys::zmq_ctx_set(handle, zmq_sys::ZMQ_MAX_SOCKETS as i32, MAX_SOCKETS) };
            // SAFETY: a plain function without arguments, that lives as long as this library is loaded: a shared
            // library's handlers run before it is unloaded.
            unsafe { libc::atexit(at_exit) };
            Ok(Global { handle, pid: std::process::id() })
        });
        Context { handle: made.map_or(ptr::null_mut(), |global| global.handle), own: true }
    }

    /// A context that belongs to somebody else.
    ///
    /// # Safety
    ///
    /// `handle` is a libzmq context (not a `zctx_t`), and its owner terminates it no earlier than libzmq demands:
    /// after the sockets made here are closed (`zmq_ctx_term` waits for them).
    pub unsafe fn foreign(handle: *mut c_void) -> Context {
        Context { handle, own: false }
    }

    /// The context itself, NULL where there is none.
    pub fn as_ptr(self) -> *mut c_void {
        self.handle
    }

    pub(super) fn opened(self) {
        if self.own {
            OPEN.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn closed(self) {
        if self.own {
            OPEN.fetch_sub(1, Ordering::Release);
        }
    }
}

/// Let the last frames leave. Nothing is done where that could hang: with a node still open, or in a forked child,
/// which has no I/O threads.
extern "C" fn at_exit() {
    let Some(global) = GLOBAL.get() else { return };
    if global.pid == std::process::id() && OPEN.load(Ordering::Acquire) == 0 {
        ENDED.store(true, Ordering::Release);
        // SAFETY: the context was made here and is terminated only here, once, when every socket in it has been
        // closed; from now on nobody is given it.
        unsafe { zmq_sys::zmq_ctx_term(global.handle) };
    }
}
