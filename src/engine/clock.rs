//! The engine's two clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::core::Now;

/// Counts on while the machine is suspended, unlike that of `Instant`: times to live go on, too.
#[cfg(any(target_os = "linux", target_os = "android"))]
const STEADY: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const STEADY: ClockId = ClockId::Monotonic;

/// Reads the clocks. Holds when it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Duration);

impl Clock {
    pub(super) fn new() -> Clock {
        Clock(steady())
    }

    pub(super) fn now(self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: self.mono(), wall: wall.as_millis() as u64 }
    }

    /// Milliseconds since the node was made; never 0, which reads as "never" in too many places.
    pub(super) fn mono(self) -> u64 {
        steady().saturating_sub(self.0).as_millis() as u64 + 1
    }
}

fn steady() -> Duration {
    let time = clock_gettime(STEADY);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
