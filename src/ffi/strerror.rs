//! What an errno means, for the program.

#![allow(unsafe_code)]

use libc::{c_char, c_int};

use super::entry::entry;
use super::failure;

/// What an errno means, as a text for people. If it is the errno of this
/// thread's last call to this library that failed, the text says what exactly
/// was wrong:
///
///     if (zgossip_connect (node, endpoint, NULL) == -1)
///         fprintf (stderr, "%s\n", zgossip_strerror (errno));
///
/// The text is the library's, and valid until the same thread calls this
/// function again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_strerror(errnum: c_int) -> *const c_char {
    entry! {
        Ok(failure::text(errnum).map_or(c"unknown error".as_ptr(), |text| text.as_ptr().cast_const()))
    }
}
