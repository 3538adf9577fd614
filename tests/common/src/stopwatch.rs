//! Promises in time, measured so that a machine with other things to do does not break them.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The kernel adds up the time of waiting every two seconds, or when it is asked after that.
const KERNEL_ADDS_UP: Duration = Duration::from_millis(2100);

/// Measures a promise in time without the time for which tasks of this machine waited for a processor.
///
/// The kernel counts that time in `/proc/pressure/cpu`. Beside busy loops some task waits all the time, and nothing is
/// left to fail; on a quiet machine it is nearly nothing. Where the kernel does not count it, all time is measured.
pub struct Stopwatch {
    start: Instant,
    waited: Duration,
}

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch { start: Instant::now(), waited: waited_for_processors() }
    }

    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Panics where a thing that has ended just now, and took `took`, took longer than `limit` of a quiet machine.
    #[track_caller]
    pub fn check(&self, took: Duration, limit: Duration, what: &str) {
        if took < limit {
            return;
        }
        sleep(KERNEL_ADDS_UP);
        let waited = waited_for_processors().saturating_sub(self.waited);
        assert!(
            took.saturating_sub(waited) < limit,
            "{what} took {took:?} and may take {limit:?}; tasks waited {waited:?} for processors"
        );
    }
}

/// The time since the start of the machine for which some task was ready to run and had no processor.
fn waited_for_processors() -> Duration {
    let text = fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
    let some = text.lines().find(|line| line.starts_with("some ")).unwrap_or_default();
    let total = some.rsplit_once("total=").and_then(|(_, micros)| micros.parse().ok());
    Duration::from_micros(total.unwrap_or(0))
}

/// Number of times that a thing may take too long before it is to blame for that.
const TRIES: usize = 10;

/// Panics unless a thing that is done again and again, at most ten times, takes less than `limit` once.
///
/// What is slow because of a fault is slow each time; a machine with other things to do is not.
#[track_caller]
pub fn one_is_within(limit: Duration, what: &str, mut once: impl FnMut() -> Duration) {
    let mut all = Vec::new();
    while all.len() < TRIES {
        let took = once();
        if took < limit {
            return;
        }
        all.push(took);
    }
    panic!("{what} took {all:?} and may take {limit:?}");
}
