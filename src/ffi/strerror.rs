//! Errors as text.

#![allow(unsafe_code)]

use libc::{c_char, c_int};

use super::entry::entry;
use super::failure;

/// Returns a text that says what an errno means.
///
/// If `errnum` is the errno of the last call to this library that failed in
/// this thread, the text gives the exact reason:
///
///     if (zgossip_connect (node, endpoint, NULL) == -1)
///         fprintf (stderr, "%s\n", zgossip_strerror (errno));
///
/// Returns: a string of the library, valid until the same thread calls this
///     function again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_strerror(errnum: c_int) -> *const c_char {
    entry! {
        Ok(failure::text(errnum).map_or(c"unknown error".as_ptr(), |text| text.as_ptr().cast_const()))
    }
}
