//! Slots of a pool: memory that C points to, which outlives what is in it.
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
use std::time::Duration;

use crate::ffi::error::Errno;
use crate::ffi::tag::{Tag, Tagged, check};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, sleep};

/// Sleep between two looks at the number of calls in progress on a node that is being destroyed. Those calls have
/// been woken and leave as soon as they are scheduled.
const LEAVE_POLL: Duration = Duration::from_micros(50);

/// What a slot holds: something with calls that wait.
pub(super) trait Resident {
    /// The tag of a slot that holds one.
    const TAG: u32;

    /// Returns whether this process was forked from the one that made it, so that nothing would ever answer a call.
    fn is_orphan(&self) -> bool;

    /// Ends it: calls that wait return.
    fn close(&self);
}

/// The memory behind what C holds.
#[repr(C)]
pub(super) struct Slot<N> {
    tag: Tag,
    /// Number of calls in progress on this node.
    users: AtomicUsize,
    /// The node; written only while no call is in progress.
    node: UnsafeCell<Option<N>>,
}

// SAFETY: `repr(C)`, and the tag is the first field.
unsafe impl<N: Resident> Tagged for Slot<N> {
    const TAG: u32 = N::TAG;
}

impl<N> Slot<N> {
    /// The number of calls in progress.
    #[cfg(test)]
    pub(super) fn users(&self) -> usize {
        self.users.load(Ordering::SeqCst)
    }
}

/// A slot without a node and without a user.
pub(super) struct FreeSlot<N>(NonNull<Slot<N>>);

// SAFETY: the right to use the slot moves to the other thread with it.
unsafe impl<N: Send> Send for FreeSlot<N> {}

/// A call in progress on a live node, counted until the guard is dropped.
pub(super) struct Guard<N>(NonNull<Slot<N>>);

impl<N: Resident> Guard<N> {
    /// Begins a call on the node that C points to.
    ///
    /// Fails with `EINVAL` where `node` is NULL, destroyed or of another kind, and with `EPIPE` in a child process
    /// of the one that made the node.
    ///
    /// # Safety
    /// `node` is NULL, or came from [`Pool::insert`], or points to four readable bytes that are not our tag by chance.
    pub(super) unsafe fn enter(node: *const Slot<N>) -> Result<Guard<N>, Errno> {
        // SAFETY: the caller vouches for the pointer.
        let slot = unsafe { check(node) }?;
        // SAFETY: it carries the tag, so it is one of our slots, which are never freed.
        unsafe { slot.as_ref() }.users.fetch_add(1, Ordering::SeqCst);
        let guard = Guard(slot);
        // `remove` wipes the tag and then reads the count; this call counts itself and then reads the tag. In the
        // total order of these operations one of the two sees the other.
        // SAFETY: as above.
        if !unsafe { slot.as_ref() }.tag.is(N::TAG) {
            return Err(Errno::INVALID);
        }
        if guard.is_orphan() { Err(Errno::CLOSED) } else { Ok(guard) }
    }
}

impl<N> Deref for Guard<N> {
    type Target = N;

    fn deref(&self) -> &N {
        // SAFETY: a slot is never freed, and its node is not written while a call is in progress.
        let node = unsafe { &*self.0.as_ref().node.get() };
        node.as_ref().expect("a slot with a live tag has a node")
    }
}

impl<N> Drop for Guard<N> {
    fn drop(&mut self) {
        // SAFETY: a slot is never freed.
        unsafe { self.0.as_ref() }.users.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Free slots.
pub(super) struct Pool<N> {
    /// The slots, the one that has been free longest first.
    free: Mutex<VecDeque<FreeSlot<N>>>,
    /// Least number of free slots before one is used again.
    min_free: usize,
}

impl<N: Resident> Pool<N> {
    /// A pool around a list of free slots, none of which is used again before there are more than `min_free`.
    pub(super) const fn new(free: Mutex<VecDeque<FreeSlot<N>>>, min_free: usize) -> Pool<N> {
        Pool { free, min_free }
    }

    /// Puts a node into a slot, for C to point to.
    pub(super) fn insert(&self, node: N) -> NonNull<Slot<N>> {
        let free = {
            let mut free = self.free.lock();
            if free.len() > self.min_free { free.pop_front() } else { None }
        };
        let Some(FreeSlot(slot)) = free else {
            return NonNull::from(Box::leak(Box::new(Slot {
                tag: Tag::new(N::TAG),
                users: AtomicUsize::new(0),
                node: UnsafeCell::new(Some(node)),
            })));
        };
        // SAFETY: the slot was in the pool, so no call is in progress. A call that now comes with a stale pointer counts
        // itself, finds the tag wiped, and does not look at the node.
        unsafe { *slot.as_ref().node.get() = Some(node) };
        // SAFETY: a slot is never freed.
        unsafe { slot.as_ref() }.tag.restore(N::TAG);
        slot
    }

    /// Ends a node and returns its slot to the pool. Fails with `EINVAL` where the node is gone already.
    ///
    /// In a child process of the one that made the node, the slot keeps the node, for its thread is not in this process.
    ///
    /// # Safety
    /// As for [`Guard::enter`].
    pub(super) unsafe fn remove(&self, node: *const Slot<N>) -> Result<(), Errno> {
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
        // Reads the count as a change of it: what a call does that enters later than this is behind the wiping, for any
        // strength of the other operations.
        while slot.users.fetch_add(0, Ordering::SeqCst) > 0 {
            sleep(LEAVE_POLL);
        }
        // SAFETY: the tag is wiped and no call is in progress; a call that comes now does not look at the node.
        drop(unsafe { (*slot.node.get()).take() });
        self.free.lock().push_back(FreeSlot(pointer));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// A node in memory of its own, so that Miri and valgrind see a use of one that is gone.
    struct Number {
        value: Box<u32>,
    }

    impl Resident for Number {
        const TAG: u32 = 0x1111;

        fn is_orphan(&self) -> bool {
            false
        }

        fn close(&self) {
            assert_ne!(*self.value, 0, "closed");
        }
    }

    /// A pointer as C passes it from thread to thread.
    #[derive(Clone, Copy)]
    struct Pointer(NonNull<Slot<Number>>);

    // SAFETY: what it points to may be used by any thread.
    unsafe impl Send for Pointer {}

    impl Pointer {
        fn enter(self) -> Result<Guard<Number>, Errno> {
            // SAFETY: it came from `insert`.
            unsafe { Guard::enter(self.0.as_ptr()) }
        }
    }

    #[test]
    fn calls_find_the_nodes_of_a_slot_one_after_the_other_or_none() {
        const NODES: u32 = 30;
        static POOL: Pool<Number> = Pool::new(Mutex::new(VecDeque::new()), 0);
        let pointer = Pointer(POOL.insert(Number { value: Box::new(1) }));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(move || {
                    let mut last = 1;
                    while last < NODES {
                        if let Ok(node) = { pointer }.enter() {
                            assert!(*node.value >= last, "{} behind {last}", node.value);
                            last = *node.value;
                        }
                        thread::yield_now();
                    }
                });
            }
            for number in 2..=NODES {
                // SAFETY: it came from `insert`.
                assert_eq!(unsafe { POOL.remove(pointer.0.as_ptr()) }, Ok(()));
                assert_eq!(
                    POOL.insert(Number { value: Box::new(number) }),
                    pointer.0,
                    "the slot is used again"
                );
            }
        });
        // SAFETY: as above.
        assert_eq!(unsafe { POOL.remove(pointer.0.as_ptr()) }, Ok(()));
    }
}
