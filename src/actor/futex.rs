//! What threads of a program wait on: like a condition variable, but a signal ends the wait.
//!
//! A program may rely on that: its signal handler notes that it is to end, and the blocking call that it is in comes
//! back to let it look. Condition variables do not allow for it, the kernel's futexes do.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::MutexGuard;
use rustix::io::Errno;
use rustix::thread::futex;

/// The kernel starts a wait without time-out again after some signal handlers; one with a time-out never. So none
/// is without: this is how long the longest lasts.
const LONGEST: Duration = Duration::from_secs(3600);

/// How a wait ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Waited {
    /// The bell may have rung: look whether what was waited for is there.
    Rung,
    /// The time is over.
    TimedOut,
    /// A signal came.
    Interrupted,
}

/// Counts how often it has rung.
#[derive(Default)]
pub struct Bell(AtomicU32);

impl Bell {
    /// Unlock `guard`, wait until the bell rings or `deadline` has passed, and lock it again. Who changes what is
    /// under the lock and rings afterwards is not missed.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>, deadline: Option<Instant>) -> Waited {
        let count = self.0.load(Ordering::Acquire);
        let left = deadline.map_or(LONGEST, |at| at.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Waited::TimedOut;
        }
        let left = left.min(LONGEST);
        let left = rustix::time::Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let ended =
            MutexGuard::unlocked(guard, || futex::wait(&self.0, futex::Flags::PRIVATE, count, Some(&left)));
        match ended {
            Err(Errno::INTR) => Waited::Interrupted,
            Err(Errno::TIMEDOUT) if deadline.is_some_and(|at| Instant::now() >= at) => Waited::TimedOut,
            _ => Waited::Rung,
        }
    }

    /// Wake one that waits.
    pub fn ring(&self) {
        self.wake(1);
    }

    /// Wake all that wait.
    pub fn ring_for_all(&self) {
        self.wake(i32::MAX as u32);
    }

    fn wake(&self, number: u32) {
        self.0.fetch_add(1, Ordering::Release);
        // Fails for no address that is ours.
        let _ = futex::wake(&self.0, futex::Flags::PRIVATE, number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::thread;

    #[test]
    fn a_ring_after_a_change_is_not_missed() {
        let (bell, number) = (Bell::default(), Mutex::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    *number.lock() += 1;
                    bell.ring();
                }
            });
            let mut guard = number.lock();
            while *guard < 10_000 {
                assert_ne!(
                    bell.wait(&mut guard, Some(Instant::now() + Duration::from_secs(60))),
                    Waited::TimedOut
                );
            }
        });
    }

    #[test]
    fn a_wait_ends_in_time() {
        let (bell, nothing) = (Bell::default(), Mutex::new(()));
        let begin = Instant::now();
        let deadline = begin + Duration::from_millis(20);
        let mut guard = nothing.lock();
        while bell.wait(&mut guard, Some(deadline)) != Waited::TimedOut {}
        assert!(begin.elapsed() >= Duration::from_millis(20));
        assert_eq!(bell.wait(&mut guard, Some(begin)), Waited::TimedOut);
    }
}
