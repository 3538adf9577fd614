//! Versions: publishing what is based on a value that was read.

#![allow(unsafe_code)]

use std::ptr;

use libc::{c_char, c_int, c_void, size_t};

use super::arguments::{enter, sized, string};
use super::pool::zgossip_t;
use super::tuples::copied;
use crate::core::Version;
use crate::ffi::entry::entry_with_reason;
use crate::ffi::error::Errno;
use crate::ffi::failure::Failure;

/// Publishes a tuple if the node holds a certain version of its key.
///
/// `version` is that of zgossip_event_t or zgossip_get_versioned; NULL, or an
/// empty one, stands for a key without a value. What is checked is what this
/// node holds: no lock. Another node may write the same key at the same time,
/// or have written it already; then the later write wins, as always, and both
/// calls have succeeded. A version may also differ although nobody wrote, for a
/// node that meets its first peer or sets its clock right stamps anew what it
/// wrote before. The tuple never expires.
///
///     char version [33];
///     char *value = zgossip_get_versioned (node, "jobs", 4, NULL, version);
///     ...
///     if (zgossip_publish_if (node, "jobs", next, version) == -1)
///         ...     // read it again
///
/// Returns: 0, or -1.
/// Errors: EEXIST if the key has another version, or a value where none was
///     expected; ENOENT if the key has no value; EINVAL if the key is empty or
///     too long, or `version` is none; EMSGSIZE if the value is too long;
///     ENOBUFS or ENOMEM if the node has no room for the tuple; and those of an
///     answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_publish_if(
    self_: *mut zgossip_t,
    key: *const c_char,
    value: *const c_char,
    version: *const c_char,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node, two C strings, and one that may be NULL.
        let (node, key, value, version) = unsafe {
            let version = if version.is_null() { &[] } else { string(version, "version")? };
            (enter(self_)?, string(key, "key")?, string(value, "value")?, version)
        };
        let version = match version {
            [] => None,
            digits => Some(Version::parse(digits).ok_or_else(|| Failure::invalid("version is not 32 digits"))?),
        };
        node.publish_if(key, value, version)?;
        Ok(0)
    }
}

/// Returns the value of a key, and its version.
///
/// The key is given with its size in bytes. The size of the value is stored
/// where `size_p` points, unless that is NULL, and the version, 32 digits and a
/// NUL, in the 33 bytes from `version` on.
///
/// Returns: a string, which the caller frees with free or zgossip_free; or
///     NULL.
/// Errors: those of zgossip_get_sized.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_get_versioned(
    self_: *mut zgossip_t,
    key: *const c_void,
    key_size: size_t,
    size_p: *mut size_t,
    version: *mut c_char,
) -> *mut c_char {
    entry_with_reason! {
        // SAFETY: the program gives a node, and the address of the key with its size.
        let (node, key) = unsafe { (enter(self_)?, sized(key, key_size, "key")?) };
        if version.is_null() {
            return Err(Failure::invalid("version is NULL"));
        }
        let found = node.get_versioned(key)?;
        let (tuple, held) =
            found.ok_or_else(|| Failure::new(Errno(libc::ENOENT), "the key has no value"))?;
        let digits = held.to_string();
        // SAFETY: the program gives NULL or the address of a size_t, and the address of 33 bytes.
        unsafe {
            let text = copied(tuple.value(), size_p)?;
            ptr::copy_nonoverlapping(digits.as_ptr(), version.cast(), Version::DIGITS);
            version.add(Version::DIGITS).write(0);
            Ok(text)
        }
    }
}
