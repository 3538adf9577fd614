//! The boundary between C and Rust, inside which the body of an exported function runs.
//!
//! A panic must not unwind into C, and C expects an error value and `errno`. The body in [`entry!`] is a `Result`: a
//! failure becomes the error value of the function's type with `errno` set, and a panic becomes `ENOTRECOVERABLE`.
//! [`entry_with_reason!`] also keeps the reason of a failure as text, for `zgossip_strerror`.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libc::c_int;

use super::error::Errno;
use super::failure::{Failure, remember};

/// Types that a C function returns, with the value that stands for failure.
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

/// Runs the body of an exported function: `entry! { ... Ok(value) }`.
///
/// In the body, `?` on an [`Errno`], or on an error that converts to one, returns the function's error value.
macro_rules! entry {
    ($($body:tt)*) => {
        $crate::ffi::entry::run(move || { $($body)* })
    };
}

/// Runs the body of an exported function whose failures have a reason: errors that convert to a [`Failure`].
macro_rules! entry_with_reason {
    ($($body:tt)*) => {
        $crate::ffi::entry::run_with_reason(move || { $($body)* })
    };
}

pub(super) use {entry, entry_with_reason};

thread_local! {
    /// Whether the thread is inside an exported function.
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Puts back what a thread was before.
struct Before<'a> {
    is_inside: &'a Cell<bool>,
    before: bool,
}

impl Drop for Before<'_> {
    fn drop(&mut self) {
        self.is_inside.set(self.before);
    }
}

/// Runs some work in which the thread counts as inside an exported function, or as outside. The work is told what it was
/// before.
fn count_as<T>(inside: bool, work: impl FnOnce(bool) -> T) -> T {
    // The variable is looked up once: in a shared library that is a call.
    IS_INSIDE.with(|is_inside| {
        let before = is_inside.replace(inside);
        let _before = Before { is_inside, before };
        work(before)
    })
}

/// Runs what may call functions of the program, which may call exported functions again, in a thread of its own.
pub(super) fn outside<T>(work: impl FnOnce() -> T) -> T {
    count_as(false, |_| work())
}

/// Runs the body of [`entry!`].
pub(super) fn run<T: OnFailure>(body: impl FnOnce() -> Result<T, Errno>) -> T {
    run_with_reason(|| body().map_err(Failure::from))
}

/// Runs the body of [`entry_with_reason!`].
///
/// A signal handler may have interrupted this thread inside another function, which may hold locks: it would wait for itself.
/// Nothing is touched then but `errno`.
pub(super) fn run_with_reason<T: OnFailure>(body: impl FnOnce() -> Result<T, Failure>) -> T {
    count_as(true, |was_inside| {
        if was_inside {
            Errno(libc::EDEADLK).set();
            return T::VALUE;
        }
        let failure = match catch_unwind(AssertUnwindSafe(body)) {
            Ok(Ok(value)) => return value,
            Ok(Err(failure)) => failure,
            Err(payload) => {
                let failure = Failure::new(Errno(libc::ENOTRECOVERABLE), panic_text(&*payload));
                // Dropping a foreign panic payload could panic again.
                std::mem::forget(payload);
                failure
            }
        };
        let errno = failure.errno();
        remember(failure);
        errno.set();
        T::VALUE
    })
}

/// Returns the message of a caught panic.
pub(super) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic")
}
