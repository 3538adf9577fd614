//! The door that every exported function goes through.
//!
//! A panic must not cross into C, and a C function has its own way to say that it failed. [`entry!`] gives each
//! export both: its body is a `Result`, a failure becomes the function's error value with `errno` set, and so does
//! a panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libc::c_int;

use super::error::Errno;
use super::failure::{Failure, remember};

/// What a C function returns when it failed, by its return type.
pub(super) trait OnFailure {
    const VALUE: Self;
}

impl OnFailure for () {
    const VALUE: () = ();
}

impl OnFailure for c_int {
    const VALUE: c_int = -1;
}

impl OnFailure for i64 {
    const VALUE: i64 = -1;
}

impl OnFailure for u32 {
    const VALUE: u32 = 0;
}

impl<T> OnFailure for *const T {
    const VALUE: *const T = std::ptr::null();
}

impl<T> OnFailure for *mut T {
    const VALUE: *mut T = std::ptr::null_mut();
}

/// The body of an exported function: `entry! { ... Ok(value) }`, in which `?` on an [`Errno`], or on an error that
/// converts to one, leaves with the function's error value.
macro_rules! entry {
    ($($body:tt)*) => {
        $crate::ffi::entry::run(move || { $($body)* })
    };
}

/// The same for a body whose failures have words: any error that converts to a [`Failure`].
macro_rules! entry_with_reason {
    ($($body:tt)*) => {
        $crate::ffi::entry::run_with_reason(move || { $($body)* })
    };
}

pub(super) use {entry, entry_with_reason};

/// Run `body` for C: see [`entry!`].
pub(super) fn run<T: OnFailure>(body: impl FnOnce() -> Result<T, Errno>) -> T {
    run_with_reason(|| body().map_err(Failure::from))
}

/// Run `body` for C: see [`entry_with_reason!`]. `zgossip_strerror` gives the words to the program.
pub(super) fn run_with_reason<T: OnFailure>(body: impl FnOnce() -> Result<T, Failure>) -> T {
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => return value,
        Ok(Err(failure)) => failure,
        Err(payload) => {
            let failure = Failure::new(Errno(libc::ENOTRECOVERABLE), panic_text(&*payload));
            // Dropping a stranger's payload could panic again.
            std::mem::forget(payload);
            failure
        }
    };
    let errno = failure.errno();
    remember(failure);
    errno.set();
    T::VALUE
}

/// The text of a caught panic.
pub(super) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic")
}
