//! Tags: the first word of each object that C holds, by which a wrong pointer is recognized.
//!
//! A pointer from C may be NULL, of another kind, or destroyed. The tag names the kind of the object; it is checked
//! before anything else is read, and wiped when the object is destroyed.

#![allow(unsafe_code)]

use std::ptr::NonNull;

use super::error::Errno;
use crate::sync::atomic::{AtomicU32, Ordering};

/// The first word of an object that C holds.
#[repr(transparent)]
pub(super) struct Tag(AtomicU32);

impl Tag {
    /// The tag of a live object.
    pub(super) fn new(value: u32) -> Tag {
        Tag(AtomicU32::new(value))
    }

    /// Marks the object as destroyed; true for the one caller that did it.
    pub(super) fn wipe(&self) -> bool {
        self.0.swap(0xdead_beef, Ordering::SeqCst) != 0xdead_beef
    }

    /// Marks the object as alive again.
    pub(super) fn restore(&self, value: u32) {
        self.0.store(value, Ordering::SeqCst);
    }

    /// Returns whether the object is alive and of the kind `value`.
    pub(super) fn is(&self, value: u32) -> bool {
        self.0.load(Ordering::SeqCst) == value
    }
}

/// A type whose values begin with a [`Tag`].
///
/// # Safety
/// The type is `repr(C)` and its first field is a `Tag`.
pub(super) unsafe trait Tagged {
    /// Tag of the live values of the type.
    const TAG: u32;
}

/// Checks that a pointer from C points to a live `T`; `EINVAL` otherwise.
///
/// # Safety
/// `object` is NULL or points to at least four readable bytes.
pub(super) unsafe fn check<T: Tagged>(object: *const T) -> Result<NonNull<T>, Errno> {
    let found = NonNull::new(object.cast_mut()).ok_or(Errno::INVALID)?;
    // SAFETY: aligned; the bytes are readable, says the caller, and any value of them is a valid `AtomicU32`.
    if object.is_aligned() && unsafe { found.cast::<Tag>().as_ref() }.is(T::TAG) {
        Ok(found)
    } else {
        Err(Errno::INVALID)
    }
}
