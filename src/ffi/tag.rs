//! Handles that know what they are.
//!
//! A pointer from C may be NULL, of another kind, or destroyed. Every object that we hand out begins with a tag of
//! its kind, which is looked at before anything else and wiped when the object goes.

#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use super::error::Errno;

/// The first word of an object that C holds.
#[repr(transparent)]
pub(super) struct Tag(AtomicU32);

impl Tag {
    /// The tag of a live object.
    pub(super) const fn new(value: u32) -> Tag {
        Tag(AtomicU32::new(value))
    }

    /// Barrier the object as gone. True for the one caller that did it.
    pub(super) fn wipe(&self) -> bool {
        self.0.swap(0xdead_beef, Ordering::SeqCst) != 0xdead_beef
    }

    /// Barrier it as alive again.
    pub(super) fn restore(&self, value: u32) {
        self.0.store(value, Ordering::SeqCst);
    }

    /// Whether it is alive, and of the kind `value`.
    pub(super) fn is(&self, value: u32) -> bool {
        self.0.load(Ordering::SeqCst) == value
    }
}

/// A type whose values begin with a [`Tag`].
///
/// # Safety
/// The type is `repr(C)` and its first field is a `Tag`.
pub(super) unsafe trait Tagged {
    /// The tag of its live values.
    const TAG: u32;
}

/// Refuse what is plainly not a live `T`.
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
