//! The engine's two clocks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::core::Now;

/// Reads the clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn new() -> Clock {
        Clock(Instant::now())
    }

    pub(super) fn now(self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: self.mono(), wall: wall.as_millis() as u64 }
    }

    /// Milliseconds since the node was made; never 0, which reads as "never" in too many places.
    pub(super) fn mono(self) -> u64 {
        self.0.elapsed().as_millis() as u64 + 1
    }
}
