//! A clock that counts on while the machine is suspended, and the local time.

use std::mem::MaybeUninit;
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

/// Returns the number of seconds by which local time is ahead of UTC at `seconds` since 1970.
pub fn local_offset(seconds: u64) -> i64 {
    let Ok(time) = libc::time_t::try_from(seconds) else { return 0 };
    let mut broken_down = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both point to variables of ours; where the call fails, the zeroed structure stands.
    unsafe {
        libc::localtime_r(&raw const time, broken_down.as_mut_ptr());
        broken_down.assume_init().tm_gmtoff
    }
}
