//! The engine's two clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::core::Now;

use super::raw::steady;

/// Both clocks of a node. The value is the steady time at which it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Duration);

impl Clock {
    /// Clocks of which the monotonic one begins now.
    pub(super) fn new() -> Clock {
        Clock(steady())
    }

    /// The present time on both clocks.
    pub(super) fn now(self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: self.mono(), wall: wall.as_millis() as u64 }
    }

    /// Milliseconds since the node was made, counted from 1: a 0 would read as "never".
    pub(super) fn mono(self) -> u64 {
        steady().saturating_sub(self.0).as_millis() as u64 + 1
    }
}
