//! Models of the life of handles: any thread may call, or destroy, at any time.

use std::collections::VecDeque;
use std::ptr::NonNull;

use loom::cell::UnsafeCell;
use loom::thread;

use super::slot::{Guard, Pool, Resident, Slot};
use crate::actor::owner::running::Running;
use crate::explore;
use crate::ffi::error::Errno;
use crate::sync::{Arc, Mutex};

/// A node of which loom sees when it is used, and when it goes: one beside the other, without an order between them, is
/// reported.
struct Watched {
    alive: UnsafeCell<bool>,
    number: u8,
}

impl Watched {
    fn new(number: u8) -> Watched {
        Watched { alive: UnsafeCell::new(true), number }
    }

    fn call(&self) -> u8 {
        // SAFETY: loom reports a write beside it.
        assert!(self.alive.with(|alive| unsafe { *alive }), "a call on a node that is gone");
        self.number
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // SAFETY: loom reports a read beside it.
        self.alive.with_mut(|alive| unsafe { *alive = false });
    }
}

impl Resident for Watched {
    const TAG: u32 = 0x1111;

    fn is_orphan(&self) -> bool {
        self.call();
        false
    }

    fn close(&self) {
        self.call();
    }
}

impl Resident for Running {
    const TAG: u32 = 0x2222;

    fn is_orphan(&self) -> bool {
        false
    }

    fn close(&self) {
        Running::close(self);
    }
}

/// A pointer as C passes it from thread to thread.
struct Pointer<N>(NonNull<Slot<N>>);

impl<N> Clone for Pointer<N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N> Copy for Pointer<N> {}

// SAFETY: what it points to may be used by any thread.
unsafe impl<N> Send for Pointer<N> {}

impl<N: Resident> Pointer<N> {
    fn enter(self) -> Result<Guard<N>, Errno> {
        // SAFETY: it came from `insert`, and slots are never freed.
        unsafe { Guard::enter(self.0.as_ptr()) }
    }

    fn remove(self, pool: &Pool<N>) -> Result<(), Errno> {
        // SAFETY: as above.
        unsafe { pool.remove(self.0.as_ptr()) }
    }
}

/// A pool that uses a slot again at once.
fn pool<N: Resident>() -> Arc<Pool<N>> {
    Arc::new(Pool::new(Mutex::new(VecDeque::new()), 0))
}

/// Calls beside the end of a node use it while it is there, or are refused.
pub fn no_call_uses_a_node_that_is_gone() {
    explore(|| {
        let pool = pool();
        let pointer = Pointer(pool.insert(Watched::new(1)));
        let callers = [(); 2].map(|()| {
            thread::spawn(move || match { pointer }.enter() {
                Ok(node) => assert_eq!(node.call(), 1),
                Err(errno) => assert_eq!(errno, Errno::INVALID),
            })
        });
        assert_eq!(pointer.remove(&pool), Ok(()));
        assert_eq!(pointer.enter().err(), Some(Errno::INVALID));
        callers.into_iter().for_each(|caller| caller.join().expect("a caller"));
    });
}

/// Of two threads that destroy a node one does, and the other is told so.
pub fn a_node_is_destroyed_once() {
    explore(|| {
        let pool = pool();
        let pointer = Pointer(pool.insert(Watched::new(1)));
        let other = thread::spawn({
            let pool = Arc::clone(&pool);
            move || { pointer }.remove(&pool)
        });
        let here = pointer.remove(&pool);
        let there = other.join().expect("the other");
        assert!(here.is_ok() != there.is_ok(), "{here:?} {there:?}");
    });
}

/// A call with a stale pointer, beside a new node in the same slot: it uses one of the two while that is there, or is
/// refused; and both nodes can be destroyed.
pub fn a_stale_call_uses_a_node_that_is_there() {
    explore(|| {
        let pool = pool();
        let pointer = Pointer(pool.insert(Watched::new(1)));
        let caller = thread::spawn(move || {
            if let Ok(node) = { pointer }.enter() {
                assert!(matches!(node.call(), 1 | 2));
            }
        });
        assert_eq!(pointer.remove(&pool), Ok(()));
        let second = Pointer(pool.insert(Watched::new(2)));
        assert_eq!(second.0, pointer.0, "the slot is used again");
        assert_eq!(second.enter().map(|node| node.call()), Ok(2));
        assert_eq!(second.remove(&pool), Ok(()));
        caller.join().expect("the caller");
    });
}

/// Destroying a node wakes a thread that waits in a call on it, and returns in every order.
pub fn destroying_ends_a_call_that_waits() {
    explore(|| {
        let pool = pool();
        let pointer = Pointer(pool.insert(Running::new()));
        let receiver = thread::spawn(move || {
            if let Ok(node) = { pointer }.enter() {
                assert!(node.recv().is_err(), "no message was sent");
            }
        });
        assert_eq!(pointer.remove(&pool), Ok(()));
        receiver.join().expect("the receiver");
    });
}
