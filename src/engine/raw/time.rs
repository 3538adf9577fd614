//! A clock that counts on while the machine is suspended.

use std::time::Duration;

#[cfg(any(target_os = "linux", target_os = "android"))]
const STEADY: libc::clockid_t = libc::CLOCK_BOOTTIME;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const STEADY: libc::clockid_t = libc::CLOCK_MONOTONIC;

/// The time since some fixed moment. It goes on while the machine is suspended, unlike that of `Instant`, as times to
/// live do.
pub fn steady() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable, and the clock is one that every supported system has.
    let done = unsafe { libc::clock_gettime(STEADY, &raw mut time) };
    if done != 0 {
        return Duration::ZERO;
    }
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
