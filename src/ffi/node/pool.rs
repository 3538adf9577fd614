//! The handle pool: the slots behind every `zgossip_t`.

#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::ptr::NonNull;

use super::slot::{Guard, Pool, Resident, Slot};
use crate::actor::Handle;
use crate::ffi::error::Errno;
use crate::sync::Mutex;

/// A node as C holds it: one slot of the handle pool.
#[allow(non_camel_case_types)]
#[repr(transparent)]
pub struct zgossip_t(Slot<Handle>);

impl Resident for Handle {
    const TAG: u32 = 0x5a47_4e53;

    fn is_orphan(&self) -> bool {
        Handle::is_orphan(self)
    }

    fn close(&self) {
        Handle::close(self);
    }
}

/// Least number of free slots before one is used again. A program that destroys a node and makes another must go
/// through 1024 others before a stale pointer finds a live node; the memory for that is under 100 KiB.
const MIN_FREE: usize = 1024;

static POOL: Pool<Handle> = Pool::new(Mutex::new(VecDeque::new()), MIN_FREE);

/// A call in progress on a live node, counted until the guard is dropped.
pub(super) type CallGuard = Guard<Handle>;

/// Begins a call on the node that C points to, as [`Guard::enter`] does.
///
/// # Safety
/// As there: `node` is NULL, or came from [`insert`], or points to four readable bytes that are not our tag by chance.
pub(super) unsafe fn enter(node: *const zgossip_t) -> Result<CallGuard, Errno> {
    // SAFETY: the caller vouches for the pointer, and a `zgossip_t` is a slot.
    unsafe { Guard::enter(node.cast()) }
}

/// Puts a node into a slot, for C to point to.
pub(super) fn insert(node: Handle) -> NonNull<zgossip_t> {
    POOL.insert(node).cast()
}

/// Ends a node and returns its slot to the pool, as [`Pool::remove`] does.
///
/// # Safety
/// As for [`enter`].
pub(super) unsafe fn remove(node: *const zgossip_t) -> Result<(), Errno> {
    // SAFETY: as in `enter`.
    unsafe { POOL.remove(node.cast()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::raw;
    use crate::log::Stderr;
    use std::sync::Arc;
    use std::thread;

    fn node() -> NonNull<zgossip_t> {
        insert(Handle::new("slot", Arc::new(Stderr), raw::Context::global()).expect("a node"))
    }

    /// A pointer as C passes it from thread to thread.
    #[derive(Clone, Copy)]
    struct Pointer(NonNull<zgossip_t>);

    // SAFETY: what it points to may be used by any thread.
    unsafe impl Send for Pointer {}

    impl Pointer {
        fn enter(self) -> Result<CallGuard, Errno> {
            // SAFETY: it came from `insert`.
            unsafe { enter(self.0.as_ptr()) }
        }

        fn remove(self) -> Result<(), Errno> {
            // SAFETY: it came from `insert`.
            unsafe { remove(self.0.as_ptr()) }
        }
    }

    #[test]
    fn a_destroyed_node_is_refused() {
        let pointer = Pointer(node());
        assert!(pointer.enter().is_ok());
        assert_eq!(pointer.remove(), Ok(()));
        assert_eq!(pointer.enter().err(), Some(Errno::INVALID));
        assert_eq!(pointer.remove(), Err(Errno::INVALID));
        // SAFETY: NULL may be given.
        assert_eq!(unsafe { remove(std::ptr::null()) }, Err(Errno::INVALID));
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
            // SAFETY: a slot is never freed.
            while unsafe { pointer.0.as_ref() }.0.users() < 2 {
                thread::yield_now();
            }
            assert_eq!(pointer.remove(), Ok(()));
        });
        // SAFETY: as above.
        assert_eq!(unsafe { pointer.0.as_ref() }.0.users(), 0);
    }
}
