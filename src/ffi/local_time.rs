//! Local time for the log lines that we write ourselves: the time zone is the C library's knowledge.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use crate::log;

/// Let the log show local time; cheap, and may be called often.
pub(super) fn provide() {
    log::set_local_offset(offset);
}

/// How many seconds local time is ahead of UTC at `seconds` since 1970.
fn offset(seconds: u64) -> i64 {
    let Ok(time) = libc::time_t::try_from(seconds) else { return 0 };
    let mut broken_down = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both point to variables of ours; where the call fails, the zeroed structure stands.
    unsafe {
        libc::localtime_r(&raw const time, broken_down.as_mut_ptr());
        broken_down.assume_init().tm_gmtoff
    }
}
