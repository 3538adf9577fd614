//! libzmq contexts: the process's own, made once, or a foreign one.
//!
//! A node that CZMQ runs must live in CZMQ's context, or `inproc://` endpoints would not meet; that context is never
//! terminated here. All other nodes share one context of the library's own. It is terminated when the process exits (or
//! unloads the library) and none of its sockets is open any more. That waits at most the sockets' linger time for
//! frames still on their way; a program may thus publish, destroy its node and exit. A forked child makes a context of
//! its own: its copy of the parent's has no threads.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use super::generation;

/// The sockets that the process's own context may hold. libzmq's default of 1023 is used up by 200 nodes.
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
    generation: u32,
    /// Whether the process exits and the context is gone.
    ended: AtomicBool,
    /// The one before it, so that leak checkers find all of them.
    _before: *mut Global,
}

/// The process's own context, replaced in a forked child, and for nodes that are made after its end while the process
/// exits. A box in it is never freed, for other threads may be reading it; and there is no lock, which a child could
/// inherit locked.
static GLOBAL: AtomicPtr<Global> = AtomicPtr::new(ptr::null_mut());

/// The number of open sockets in the process's own context.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// The context of somebody else in which a socket was made last: its threads run.
static FOREIGN: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Whether the context is to be terminated when the process exits.
static REGISTERED: AtomicBool = AtomicBool::new(false);

impl Global {
    /// The context that was made last, perhaps by the process that this one was forked from.
    fn last() -> Option<&'static Global> {
        // SAFETY: NULL, or a leaked box.
        unsafe { GLOBAL.load(Ordering::Acquire).as_ref() }
    }

    /// Returns whether it was made in this process.
    fn is_ours(&self) -> bool {
        self.generation == generation()
    }

    fn is_usable(&self) -> bool {
        self.is_ours() && !self.ended.load(Ordering::Acquire)
    }

    fn make() -> Option<&'static Global> {
        let last = GLOBAL.load(Ordering::Acquire);
        // SAFETY: no arguments; the result is checked.
        let handle = unsafe { zmq_sys::zmq_ctx_new() };
        if handle.is_null() {
            return None;
        }
        // SAFETY: a context just made, options that exist in every supported libzmq. A refusal only means that
        // the default stays.
        unsafe { zmq_sys::zmq_ctx_set(handle, zmq_sys::ZMQ_MAX_SOCKETS as i32, MAX_SOCKETS) };
        let global =
            Global { handle, generation: generation(), ended: AtomicBool::new(false), _before: last };
        let global = Box::into_raw(Box::new(global));
        if GLOBAL.compare_exchange(last, global, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: nobody else has seen either; the context has no sockets, so its end does not wait.
            unsafe {
                zmq_sys::zmq_ctx_term(handle);
                drop(Box::from_raw(global));
            }
            return Global::last();
        }
        // SAFETY: NULL, or a leaked box.
        if unsafe { last.as_ref() }.is_some_and(|last| !last.is_ours()) {
            // The parent's sockets do not count here.
            OPEN.store(0, Ordering::Relaxed);
        }
        if !REGISTERED.swap(true, Ordering::AcqRel) {
            // SAFETY: a plain function without arguments, that lives as long as this library is loaded: a shared
            // library's handlers run before it is unloaded.
            unsafe { libc::atexit(at_exit) };
        }
        Global::last()
    }
}

impl Context {
    /// The process's own context, made at the first call. Where it cannot be made (no descriptors left) the result
    /// makes no sockets; a later call tries again.
    pub fn global() -> Context {
        let global = Global::last().filter(|global| global.is_usable()).or_else(Global::make);
        Context { handle: global.map_or(ptr::null_mut(), |global| global.handle), own: true }
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

    /// A context of a test's own, which stays.
    #[cfg(test)]
    pub fn fresh() -> Context {
        // SAFETY: no arguments.
        Context { handle: unsafe { zmq_sys::zmq_ctx_new() }, own: false }
    }

    /// Returns whether the context belongs to somebody else.
    pub fn is_foreign(self) -> bool {
        !self.own
    }

    /// The libzmq context, NULL if it could not be made.
    pub fn as_ptr(self) -> *mut c_void {
        self.handle
    }

    /// The same context, in which its owner has made sockets: its threads run.
    pub fn running(self) -> Context {
        if !self.own {
            FOREIGN.store(self.handle, Ordering::Relaxed);
        }
        self
    }

    /// Returns whether the context's threads may not run yet: libzmq starts them for the first socket.
    pub(super) fn is_idle(self) -> bool {
        if self.own {
            OPEN.load(Ordering::Relaxed) == 0
        } else {
            FOREIGN.load(Ordering::Relaxed) != self.handle
        }
    }

    pub(super) fn opened(self) {
        if self.own {
            OPEN.fetch_add(1, Ordering::Relaxed);
        } else {
            self.running();
        }
    }

    pub(super) fn closed(self) {
        if self.own {
            OPEN.fetch_sub(1, Ordering::Release);
        }
    }
}

/// Terminates the process's own context, so that the last frames leave. Does nothing where that could hang: with a node
/// still open, or in a forked child that has only its parent's context, which has no I/O threads there.
extern "C" fn at_exit() {
    let Some(global) = Global::last() else { return };
    if global.is_usable() && OPEN.load(Ordering::Acquire) == 0 {
        // A node that is made from now on, by a handler that runs later, has another context, which is terminated after
        // that handler.
        global.ended.store(true, Ordering::Release);
        REGISTERED.store(false, Ordering::Release);
        // SAFETY: the context was made here and is terminated only here, once, when every socket in it has been
        // closed; from now on nobody is given it.
        unsafe { zmq_sys::zmq_ctx_term(global.handle) };
    }
}
