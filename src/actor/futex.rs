//! Wake-ups between threads by the kernel's futexes: like a condition variable, but a signal ends the wait.
//!
//! A program may rely on that: its signal handler notes that the program is to end, and the blocking call that it is in
//! returns with EINTR. Condition variables go on waiting.

use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::sync::atomic::Ordering;
use crate::sync::{MutexGuard, futex};

/// The longest single wait: an hour. The kernel restarts a wait without a time-out after some signal handlers, and never
/// one with a time-out, so every wait has one.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// Outcome of a wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Waited {
    /// The waiting thread may have been woken by another: look whether the condition is met.
    Woken,
    /// The deadline has passed.
    TimedOut,
    /// A signal came.
    Interrupted,
}

/// A counter of wake-ups that threads wait on, together with the mutex that guards their condition.
#[derive(Default)]
pub struct Wakeup(futex::Word);

impl Wakeup {
    /// Unlocks `guard`, waits for a wake-up or until `deadline` has passed, and locks it again. A wake-up that follows a
    /// change made under the lock is not missed.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>, deadline: Option<Instant>) -> Waited {
        let count = self.0.load(Ordering::Acquire);
        let left = deadline.map_or(MAX_WAIT, |at| at.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Waited::TimedOut;
        }
        let left = left.min(MAX_WAIT);
        let left = rustix::time::Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let ended =
            MutexGuard::unlocked(guard, || futex::wait(&self.0, futex::Flags::PRIVATE, count, Some(&left)));
        match ended {
            Err(Errno::INTR) => Waited::Interrupted,
            Err(Errno::TIMEDOUT) if deadline.is_some_and(|at| Instant::now() >= at) => Waited::TimedOut,
            _ => Waited::Woken,
        }
    }

    /// Wakes one thread that waits.
    pub fn wake_one(&self) {
        self.wake(1);
    }

    /// Wakes all threads that wait.
    pub fn wake_all(&self) {
        self.wake(i32::MAX as u32);
    }

    fn wake(&self, number: u32) {
        self.0.fetch_add(1, Ordering::Release);
        // An error is impossible for an address of this process.
        let _ = futex::wake(&self.0, futex::Flags::PRIVATE, number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Mutex;
    use std::thread;

    #[test]
    fn a_wake_after_a_change_is_not_missed() {
        let (wakeup, number) = (Wakeup::default(), Mutex::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    *number.lock() += 1;
                    wakeup.wake_one();
                }
            });
            let mut guard = number.lock();
            while *guard < 10_000 {
                assert_ne!(
                    wakeup.wait(&mut guard, Some(Instant::now() + Duration::from_secs(60))),
                    Waited::TimedOut
                );
            }
        });
    }

    #[test]
    fn a_wait_ends_in_time() {
        let (wakeup, nothing) = (Wakeup::default(), Mutex::new(()));
        let begin = Instant::now();
        let deadline = begin + Duration::from_millis(20);
        let mut guard = nothing.lock();
        while wakeup.wait(&mut guard, Some(deadline)) != Waited::TimedOut {}
        assert!(begin.elapsed() >= Duration::from_millis(20));
        assert_eq!(wakeup.wait(&mut guard, Some(begin)), Waited::TimedOut);
    }
}
