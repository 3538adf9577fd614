//! Checks of the arguments that C passes; the reason of a failure names the argument.

#![allow(unsafe_code)]

use std::time::Duration;

use libc::{c_char, c_int, c_void, size_t, strlen};

use super::pool::{self, CallGuard, zgossip_t};
use crate::ffi::failure::Failure;

/// Begins a call on the node that C points to.
///
/// # Safety
/// As for [`pool::enter`].
pub(super) unsafe fn enter(node: *const zgossip_t) -> Result<CallGuard, Failure> {
    // SAFETY: the caller vouches for it.
    unsafe { pool::enter(node) }.map_err(|errno| Failure::new(errno, "not a node, or one that is destroyed"))
}

/// Returns the bytes of a C string.
///
/// # Safety
/// `text` is NULL or a C string, which lives as long as the result.
pub(super) unsafe fn string<'a>(text: *const c_char, what: &str) -> Result<&'a [u8], Failure> {
    // SAFETY: the caller vouches for it.
    let size = if text.is_null() { 0 } else { unsafe { strlen(text) } };
    // SAFETY: as above.
    unsafe { sized(text.cast(), size, what) }
}

/// Returns the bytes of a string that is given with its size.
///
/// # Safety
/// `first` is NULL or points to `size` bytes, which live as long as the result.
pub(super) unsafe fn sized<'a>(first: *const c_void, size: size_t, what: &str) -> Result<&'a [u8], Failure> {
    if first.is_null() {
        return Err(Failure::invalid(format!("{what} is NULL")));
    }
    if isize::try_from(size).is_err() {
        return Err(Failure::invalid(format!("{what} is longer than the memory")));
    }
    // SAFETY: the caller vouches for it.
    Ok(unsafe { std::slice::from_raw_parts(first.cast(), size) })
}

/// Converts milliseconds to a time-out; -1 is none: to wait for ever.
pub(super) fn timeout(msecs: c_int) -> Result<Option<Duration>, Failure> {
    match msecs {
        -1 => Ok(None),
        _ => u64::try_from(msecs)
            .map(|msecs| Some(Duration::from_millis(msecs)))
            .map_err(|_| Failure::invalid("time-out is less than -1")),
    }
}
