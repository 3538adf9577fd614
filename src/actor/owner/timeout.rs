//! Time-outs of calls, which any thread may change.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::actor::error::CallError;
use crate::actor::futex::Waited;

/// The end of a wait, `None` for never; or the reason why the calling thread must not wait at all.
pub(super) type Deadline = Result<Option<Instant>, CallError>;

/// Returns the failure of a call after a wait, unless the call's condition is met.
pub(super) fn failure(waited: Waited) -> Option<CallError> {
    match waited {
        Waited::Woken => None,
        Waited::TimedOut => Some(CallError::TimedOut),
        Waited::Interrupted => Some(CallError::Interrupted),
    }
}

/// Longest wait of a call; without a limit unless set.
pub(super) struct Timeout(
    /// Milliseconds; `u64::MAX` for no limit.
    AtomicU64,
);

impl Default for Timeout {
    fn default() -> Timeout {
        Timeout(AtomicU64::new(u64::MAX))
    }
}

impl Timeout {
    /// Sets how long to wait; `None` for no limit.
    pub(super) fn set(&self, timeout: Option<Duration>) {
        let millis = timeout.map_or(u64::MAX, |t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX));
        self.0.store(millis, Ordering::Relaxed);
    }

    /// The end of a wait that begins now.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline_of_at_least(Duration::ZERO)
    }

    /// The end of a wait that begins now and lasts for `least` even where the time-out is shorter.
    pub(super) fn deadline_of_at_least(&self, least: Duration) -> Option<Instant> {
        match self.0.load(Ordering::Relaxed) {
            u64::MAX => None,
            millis => Instant::now().checked_add(Duration::from_millis(millis).max(least)),
        }
    }
}
