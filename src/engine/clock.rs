//! The engine's two clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::core::Now;

use super::raw::steady;

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
