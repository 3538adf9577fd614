//! What threads share, as `src/sync.rs` of the library has it, made of loom's types.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

pub(crate) use loom::sync::{Arc, atomic};

/// Lets the others go on.
pub(crate) fn sleep(_: Duration) {
    loom::thread::yield_now();
}

/// A lock with the calls of `parking_lot`'s.
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Mutex<T> {
        Mutex(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, held: Some(self.0.lock().expect("no thread has panicked")) }
    }
}

/// A lock that is held.
pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// None while [`unlocked`](MutexGuard::unlocked) runs.
    held: Option<loom::sync::MutexGuard<'a, T>>,
}

impl<T> MutexGuard<'_, T> {
    /// Runs `closure` while the lock is free.
    pub(crate) fn unlocked<U>(guard: &mut Self, closure: impl FnOnce() -> U) -> U {
        guard.held = None;
        let result = closure();
        guard.held = Some(guard.mutex.0.lock().expect("no thread has panicked"));
        result
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().expect("held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect("held")
    }
}

/// The kernel's futexes: a thread falls asleep only if the number is what it expects, and nobody wakes others in
/// between.
pub(crate) mod futex {
    use std::cell::Cell;

    use loom::sync::atomic::{AtomicU32, Ordering};
    use loom::sync::{Condvar, Mutex};
    use rustix::io::Errno;
    use rustix::time::Timespec;

    pub(crate) use rustix::thread::futex::Flags;

    loom::thread_local! {
        /// Whether a signal comes in the thread's next wait.
        static SIGNAL: Cell<bool> = Cell::new(false);
    }

    /// Lets the next wait of the calling thread be ended by a signal.
    pub(crate) fn interrupt_next_wait() {
        SIGNAL.with(|signal| signal.set(true));
    }

    /// The number that is waited on, with the kernel's list of those who do.
    #[derive(Default)]
    pub(crate) struct Word {
        number: AtomicU32,
        bucket: Mutex<()>,
        sleepers: Condvar,
    }

    impl Word {
        pub(crate) fn load(&self, order: Ordering) -> u32 {
            self.number.load(order)
        }

        pub(crate) fn fetch_add(&self, by: u32, order: Ordering) -> u32 {
            self.number.fetch_add(by, order)
        }
    }

    pub(crate) fn wait(word: &Word, _: Flags, expected: u32, _: Option<&Timespec>) -> Result<(), Errno> {
        if SIGNAL.with(|signal| signal.replace(false)) {
            return Err(Errno::INTR);
        }
        let bucket = word.bucket.lock().expect("the kernel");
        if word.number.load(Ordering::SeqCst) != expected {
            return Err(Errno::AGAIN);
        }
        drop(word.sleepers.wait(bucket).expect("the kernel"));
        Ok(())
    }

    pub(crate) fn wake(word: &Word, _: Flags, number: u32) -> Result<usize, Errno> {
        let bucket = word.bucket.lock().expect("the kernel");
        match number {
            0 => {}
            1 => word.sleepers.notify_one(),
            _ => word.sleepers.notify_all(),
        }
        drop(bucket);
        Ok(0)
    }
}
