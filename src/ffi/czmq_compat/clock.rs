//! Clocks for `zclock`, which C99 lacks.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::time::Duration;

use libc::{c_char, c_int};

use crate::actor::local_time;

/// Reads one of the system's clocks.
fn read(clock: libc::clockid_t) -> Duration {
    let mut now = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: the clocks asked for always exist; otherwise the zeroed time stands.
    let now = unsafe {
        libc::clock_gettime(clock, now.as_mut_ptr());
        now.assume_init()
    };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Returns the microseconds since 1970.
pub(super) fn usecs() -> u128 {
    read(libc::CLOCK_REALTIME).as_micros()
}

/// Reads a clock: `m` for monotonic milliseconds, `u` for monotonic microseconds, else milliseconds since 1970.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_clock(which: c_int) -> i64 {
    let count = match u8::try_from(which) {
        Ok(b'm') => read(libc::CLOCK_MONOTONIC).as_millis(),
        Ok(b'u') => read(libc::CLOCK_MONOTONIC).as_micros(),
        _ => read(libc::CLOCK_REALTIME).as_millis(),
    };
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Sleeps for some milliseconds, or until a signal comes.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_sleep(msecs: c_int) {
    let msecs = msecs.max(0);
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: a time that is valid, in a structure that was zeroed.
    unsafe {
        (*time.as_mut_ptr()).tv_sec = (msecs / 1000).into();
        (*time.as_mut_ptr()).tv_nsec = (msecs % 1000 * 1_000_000).into();
        libc::nanosleep(time.as_ptr(), std::ptr::null_mut());
    }
}

/// Writes the local time as `2026-11-22 08:55:00`.
///
/// # Safety
/// `text` has room for 20 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_czmq_timestr(text: *mut c_char) {
    let now = local_time();
    // SAFETY: the header gives room for the 19 bytes that this text always has, and a zero.
    unsafe {
        std::ptr::copy_nonoverlapping(now.as_ptr(), text.cast(), now.len());
        text.add(now.len()).write(0);
    }
}
