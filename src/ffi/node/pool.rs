//! What a `zgossip_t` is: a place that outlives its node.
//!
//! Any thread may call any function on a node at any time, also while another thread destroys it. So the memory that
//! C points to is never freed: it holds a tag, the number of calls that are inside, and the node. Destroying wipes
//! the tag, ends the node (calls that wait return), waits for the last call to leave, and puts the place into a pool,
//! where it rests long before it serves a new node: a pointer to a destroyed node is refused, not followed.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::actor::Handle;
use crate::ffi::error::Errno;
use crate::ffi::tag::{Tag, Tagged, check};

/// A node, as C holds it.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_t {
    tag: Tag,
    /// How many calls are inside.
    users: AtomicUsize,
    /// Written only where nobody is inside.
    node: UnsafeCell<Option<Handle>>,
}

// SAFETY: `repr(C)`, and the tag comes first.
unsafe impl Tagged for zgossip_t {
    const TAG: u32 = 0x5a47_4e53;
}

/// A place in the pool; nobody uses it.
struct Free(NonNull<zgossip_t>);

// SAFETY: it moves to another thread together with the right to use it.
unsafe impl Send for Free {}

/// Places that wait for a new node, the one that has waited longest first.
static POOL: Mutex<VecDeque<Free>> = Mutex::new(VecDeque::new());

/// How many places rest before the first of them is used again.
const RESTING: usize = 1024;

/// A call that is inside a node.
pub(super) struct Inside(NonNull<zgossip_t>);

impl Inside {
    /// Enter the node that C points to.
    ///
    /// # Safety
    /// `node` is NULL, or came from [`hold`], or points to four readable bytes that are not our tag by chance.
    pub(super) unsafe fn enter(node: *const zgossip_t) -> Result<Inside, Errno> {
        // SAFETY: the caller vouches for the pointer.
        let shell = unsafe { check(node) }?;
        // SAFETY: it carries the tag, so it is one of our places, which are never freed.
        unsafe { shell.as_ref() }.users.fetch_add(1, Ordering::SeqCst);
        let inside = Inside(shell);
        // Whoever destroys wipes the tag first and counts then; we count first and look then: one sees the other.
        // SAFETY: as above.
        if !unsafe { shell.as_ref() }.tag.is(zgossip_t::TAG) {
            return Err(Errno::INVALID);
        }
        if inside.is_orphan() { Err(Errno::CLOSED) } else { Ok(inside) }
    }
}

impl Deref for Inside {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        // SAFETY: a place is never freed, and its node is not written while somebody is inside.
        let node = unsafe { &*self.0.as_ref().node.get() };
        node.as_ref().expect("a live place has a node")
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        // SAFETY: a place is never freed.
        unsafe { self.0.as_ref() }.users.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Give a node a place, for C to point to.
pub(super) fn hold(node: Handle) -> NonNull<zgossip_t> {
    let rested = {
        let mut pool = POOL.lock();
        if pool.len() > RESTING { pool.pop_front() } else { None }
    };
    let Some(Free(shell)) = rested else {
        return NonNull::from(Box::leak(Box::new(zgossip_t {
            tag: Tag::new(zgossip_t::TAG),
            users: AtomicUsize::new(0),
            node: UnsafeCell::new(Some(node)),
        })));
    };
    // SAFETY: it was in the pool, so nobody is inside. A call with an old pointer that comes now counts itself in,
    // finds the tag wiped, and does not look at the node.
    unsafe { *shell.as_ref().node.get() = Some(node) };
    // SAFETY: a place is never freed.
    unsafe { shell.as_ref() }.tag.restore(zgossip_t::TAG);
    shell
}

/// End a node, and take its place away. `EINVAL` if it is gone already.
///
/// # Safety
/// As for [`Inside::enter`].
pub(super) unsafe fn release(node: *const zgossip_t) -> Result<(), Errno> {
    // SAFETY: the caller vouches for the pointer.
    let pointer = unsafe { check(node) }?;
    // SAFETY: it carries the tag, so it is one of our places, which are never freed.
    let shell = unsafe { pointer.as_ref() };
    if !shell.tag.wipe() {
        return Err(Errno::INVALID);
    }
    // SAFETY: we alone may empty the place, and have not yet: the node is there, and others only read it.
    if let Some(node) = unsafe { &*shell.node.get() } {
        if node.is_orphan() {
            // Its thread is not in this process, nor may be those that were inside: it stays as it is.
            return Ok(());
        }
        node.close();
    }
    while shell.users.load(Ordering::SeqCst) > 0 {
        // Only where another thread is in a call just now; it leaves as soon as it is scheduled.
        std::thread::sleep(Duration::from_micros(50));
    }
    // SAFETY: the tag is wiped and nobody is inside; who comes now does not look at the node.
    drop(unsafe { (*shell.node.get()).take() });
    POOL.lock().push_back(Free(pointer));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::raw;
    use crate::log::Stderr;
    use std::sync::Arc;
    use std::thread;

    fn node() -> NonNull<zgossip_t> {
        hold(Handle::new("shell", Arc::new(Stderr), raw::Context::global()).expect("a node"))
    }

    /// A pointer as C passes it from thread to thread.
    #[derive(Clone, Copy)]
    struct Pointer(NonNull<zgossip_t>);

    // SAFETY: what it points to may be used by any thread.
    unsafe impl Send for Pointer {}

    impl Pointer {
        fn enter(self) -> Result<Inside, Errno> {
            // SAFETY: it came from `hold`.
            unsafe { Inside::enter(self.0.as_ptr()) }
        }

        fn release(self) -> Result<(), Errno> {
            // SAFETY: it came from `hold`.
            unsafe { release(self.0.as_ptr()) }
        }
    }

    #[test]
    fn a_destroyed_node_is_refused() {
        let pointer = Pointer(node());
        assert!(pointer.enter().is_ok());
        assert_eq!(pointer.release(), Ok(()));
        assert_eq!(pointer.enter().err(), Some(Errno::INVALID));
        assert_eq!(pointer.release(), Err(Errno::INVALID));
        // SAFETY: NULL may be given.
        assert_eq!(unsafe { release(std::ptr::null()) }, Err(Errno::INVALID));
    }

    #[test]
    fn calls_in_other_threads_leave_a_node_that_is_destroyed() {
        let pointer = Pointer(node());
        thread::scope(|scope| {
            for _ in 0..2 {
                // One waits in a call, one makes many short ones.
                scope.spawn(move || {
                    while let Ok(node) = { pointer }.enter() {
                        let _ = node.recv();
                    }
                });
                scope.spawn(move || {
                    while let Ok(node) = { pointer }.enter() {
                        let _ = node.send(&[b"PUBLISH", b"key", b"value"]);
                    }
                });
            }
            // SAFETY: a place is never freed.
            while unsafe { pointer.0.as_ref() }.users.load(Ordering::SeqCst) < 2 {
                thread::yield_now();
            }
            assert_eq!(pointer.release(), Ok(()));
        });
        // SAFETY: as above.
        assert_eq!(unsafe { pointer.0.as_ref() }.users.load(Ordering::SeqCst), 0);
    }
}
