//! The handle pool: the memory behind every `zgossip_t`, which outlives the node in it.
//!
//! Any thread may call any function on a node at any time, even while another thread destroys that node. The memory
//! that C points to is therefore never freed: a slot holds a tag, the number of calls in progress, and the node.
//! Destroying a node wipes the tag, ends the node (waiting calls return), waits until the last call has left, and
//! puts the slot into the pool. A slot stays there for long before it serves a new node, so that a stale pointer is
//! refused rather than followed.

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

/// A node as C holds it: one slot of the handle pool.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_t {
    tag: Tag,
    /// Number of calls in progress on this node.
    users: AtomicUsize,
    /// The node; written only while no call is in progress.
    node: UnsafeCell<Option<Handle>>,
}

// SAFETY: `repr(C)`, and the tag is the first field.
unsafe impl Tagged for zgossip_t {
    const TAG: u32 = 0x5a47_4e53;
}

/// A slot without a node and without a user.
struct FreeSlot(NonNull<zgossip_t>);

// SAFETY: the right to use the slot moves to the other thread with it.
unsafe impl Send for FreeSlot {}

/// Free slots, the one that has been free longest first.
static POOL: Mutex<VecDeque<FreeSlot>> = Mutex::new(VecDeque::new());

/// Least number of free slots before one is used again. A program that destroys a node and makes another must go
/// through 1024 others before a stale pointer finds a live node; the memory for that is under 100 KiB.
const MIN_FREE: usize = 1024;

/// Sleep between two looks at the number of calls in progress on a node that is being destroyed. Those calls have
/// been woken and leave as soon as they are scheduled.
const LEAVE_POLL: Duration = Duration::from_micros(50);

/// A call in progress on a live node, counted until the guard is dropped.
pub(super) struct CallGuard(NonNull<zgossip_t>);

impl CallGuard {
    /// Begins a call on the node that C points to.
    ///
    /// Fails with `EINVAL` where `node` is NULL, destroyed or of another kind, and with `EPIPE` in a child process
    /// of the one that made the node.
    ///
    /// # Safety
    /// `node` is NULL, or came from [`insert`], or points to four readable bytes that are not our tag by chance.
    pub(super) unsafe fn enter(node: *const zgossip_t) -> Result<CallGuard, Errno> {
        // SAFETY: the caller vouches for the pointer.
        let slot = unsafe { check(node) }?;
        // SAFETY: it carries the tag, so it is one of our slots, which are never freed.
        unsafe { slot.as_ref() }.users.fetch_add(1, Ordering::SeqCst);
        let guard = CallGuard(slot);
        // `remove` wipes the tag and then reads the count; this call counts itself and then reads the tag. In the
        // total order of these operations one of the two sees the other.
        // SAFETY: as above.
        if !unsafe { slot.as_ref() }.tag.is(zgossip_t::TAG) {
            return Err(Errno::INVALID);
        }
        if guard.is_orphan() { Err(Errno::CLOSED) } else { Ok(guard) }
    }
}

impl Deref for CallGuard {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        // SAFETY: a slot is never freed, and its node is not written while a call is in progress.
        let node = unsafe { &*self.0.as_ref().node.get() };
        node.as_ref().expect("a slot with a live tag has a node")
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        // SAFETY: a slot is never freed.
        unsafe { self.0.as_ref() }.users.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Puts a node into a slot, for C to point to.
pub(super) fn insert(node: Handle) -> NonNull<zgossip_t> {
    let free = {
        let mut pool = POOL.lock();
        if pool.len() > MIN_FREE { pool.pop_front() } else { None }
    };
    let Some(FreeSlot(slot)) = free else {
        return NonNull::from(Box::leak(Box::new(zgossip_t {
            tag: Tag::new(zgossip_t::TAG),
            users: AtomicUsize::new(0),
            node: UnsafeCell::new(Some(node)),
        })));
    };
    // SAFETY: the slot was in the pool, so no call is in progress. A call that now comes with a stale pointer counts
    // itself, finds the tag wiped, and does not look at the node.
    unsafe { *slot.as_ref().node.get() = Some(node) };
    // SAFETY: a slot is never freed.
    unsafe { slot.as_ref() }.tag.restore(zgossip_t::TAG);
    slot
}

/// Ends a node and returns its slot to the pool. Fails with `EINVAL` where the node is gone already.
///
/// In a child process of the one that made the node, the slot keeps the node, for its thread is not in this process.
///
/// # Safety
/// As for [`CallGuard::enter`].
pub(super) unsafe fn remove(node: *const zgossip_t) -> Result<(), Errno> {
    // SAFETY: the caller vouches for the pointer.
    let pointer = unsafe { check(node) }?;
    // SAFETY: it carries the tag, so it is one of our slots, which are never freed.
    let slot = unsafe { pointer.as_ref() };
    if !slot.tag.wipe() {
        return Err(Errno::INVALID);
    }
    // SAFETY: only the call that wiped the tag empties the slot, further down: until then the node is only read.
    if let Some(node) = unsafe { &*slot.node.get() } {
        if node.is_orphan() {
            return Ok(());
        }
        node.close();
    }
    while slot.users.load(Ordering::SeqCst) > 0 {
        std::thread::sleep(LEAVE_POLL);
    }
    // SAFETY: the tag is wiped and no call is in progress; a call that comes now does not look at the node.
    drop(unsafe { (*slot.node.get()).take() });
    POOL.lock().push_back(FreeSlot(pointer));
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
            unsafe { CallGuard::enter(self.0.as_ptr()) }
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
            while unsafe { pointer.0.as_ref() }.users.load(Ordering::SeqCst) < 2 {
                thread::yield_now();
            }
            assert_eq!(pointer.remove(), Ok(()));
        });
        // SAFETY: as above.
        assert_eq!(unsafe { pointer.0.as_ref() }.users.load(Ordering::SeqCst), 0);
    }
}
