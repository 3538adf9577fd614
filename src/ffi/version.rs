//! Which library this is.

#![allow(unsafe_code)]

use libc::c_int;

use super::entry::entry;

/// The version of this header; zgossip_version tells the library's.
pub const ZGOSSIP_VERSION_MAJOR: c_int = 1;
/// See ZGOSSIP_VERSION_MAJOR.
pub const ZGOSSIP_VERSION_MINOR: c_int = 0;
/// See ZGOSSIP_VERSION_MAJOR.
pub const ZGOSSIP_VERSION_PATCH: c_int = 0;

/// Store the library's version where the arguments point; any of them may be
/// NULL. Any thread may call it at any time.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_tells_the_version_of_the_package() {
        let header = format!("{ZGOSSIP_VERSION_MAJOR}.{ZGOSSIP_VERSION_MINOR}.{ZGOSSIP_VERSION_PATCH}");
        assert_eq!(header, env!("CARGO_PKG_VERSION"));
    }
}
