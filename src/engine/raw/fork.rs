//! Recognises a process that was forked.
//!
//! A child has a copy of everything but the threads: in it, its parent's nodes and libzmq contexts do nothing any more,
//! and nothing may wait for them.

use std::ffi::c_int;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

// Missing from libc on Linux.
unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> c_int;
}

static GENERATION: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" fn child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// Returns a number that differs between a process and its forked children. Reading it is cheap.
pub fn generation() -> u32 {
    static ONCE: Once = Once::new();
    // SAFETY: the handler stores to an atomic and no more, and the library stays loaded.
    ONCE.call_once(|| unsafe {
        pthread_atfork(None, None, Some(child));
    });
    GENERATION.load(Ordering::Relaxed)
}
