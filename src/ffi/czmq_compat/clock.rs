//! Clocks, which plain C has not.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libc::{c_char, c_int};

/// Time on one of the system's clocks.
fn read(clock: libc::clockid_t) -> Duration {
    let mut now = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: the clocks asked for always exist; otherwise the zeroed time stands.
    let now = unsafe {
        libc::clock_gettime(clock, now.as_mut_ptr());
        now.assume_init()
    };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Microseconds since 1970.
pub(super) fn usecs() -> u128 {
    read(libc::CLOCK_REALTIME).as_micros()
}

/// Local time as `2026-11-22 08:55:00`.
pub(in crate::ffi) fn timestr() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let seconds = seconds as libc::time_t;
    let mut broken_down = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both point to variables of ours; where the call fails, the zeroed structure stands.
    let now = unsafe {
        libc::localtime_r(&raw const seconds, broken_down.as_mut_ptr());
        broken_down.assume_init()
    };
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        (now.tm_year + 1900).clamp(0, 9999),
        now.tm_mon + 1,
        now.tm_mday,
        now.tm_hour,
        now.tm_min,
        now.tm_sec
    )
}

/// See `library.h`.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_clock(which: c_int) -> i64 {
    let count = match u8::try_from(which) {
        Ok(b'm') => read(libc::CLOCK_MONOTONIC).as_millis(),
        Ok(b'u') => read(libc::CLOCK_MONOTONIC).as_micros(),
        _ => read(libc::CLOCK_REALTIME).as_millis(),
    };
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// See `library.h`. A signal ends the sleep.
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

/// See `library.h`.
///
/// # Safety
/// `text` has room for 20 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_czmq_timestr(text: *mut c_char) {
    let now = timestr();
    // SAFETY: the header gives room for the 19 bytes that this text always has, and a zero.
    unsafe {
        std::ptr::copy_nonoverlapping(now.as_ptr(), text.cast(), now.len());
        text.add(now.len()).write(0);
    }
}
