//! The library: its version and its memory.

#![allow(unsafe_code)]

use libc::{c_int, c_void};

use super::entry::entry;

/// Version of this header; zgossip_version returns the library's.
pub const ZGOSSIP_VERSION_MAJOR: c_int = 1;
/// Second number of the version of this header.
pub const ZGOSSIP_VERSION_MINOR: c_int = 0;
/// Third number of the version of this header.
pub const ZGOSSIP_VERSION_PATCH: c_int = 0;

/// Stores the version of the library in three numbers; each argument may be
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_version(major: *mut c_int, minor: *mut c_int, patch: *mut c_int) {
    entry! {
        let numbers = [
            (major, ZGOSSIP_VERSION_MAJOR),
            (minor, ZGOSSIP_VERSION_MINOR),
            (patch, ZGOSSIP_VERSION_PATCH),
        ];
        for (place, number) in numbers {
            if !place.is_null() {
                // SAFETY: the program gives NULL or the address of an int.
                unsafe { place.write(number) };
            }
        }
        Ok(())
    }
}

/// Frees a string that the library returned.
///
/// It is the C library's free, for programs in other languages. NULL does
/// nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_free(memory: *mut c_void) {
    // SAFETY: the program gives what it was given, or NULL.
    unsafe { libc::free(memory) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_tells_the_version_of_the_package() {
        let header = format!("{ZGOSSIP_VERSION_MAJOR}.{ZGOSSIP_VERSION_MINOR}.{ZGOSSIP_VERSION_PATCH}");
        assert_eq!(header, env!("CARGO_PKG_VERSION"));
    }
}
