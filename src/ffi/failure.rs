//! Failed calls: an errno and, where there is one, the reason as text.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{CStr, CString};
use std::ptr::NonNull;

use libc::{c_char, c_int};

use super::error::Errno;
use crate::actor::{self, CallError};
use crate::engine::raw;

/// Failure of a call: its errno and, where there is more to say, the reason.
#[derive(Debug)]
pub(super) struct Failure {
    errno: Errno,
    reason: Option<String>,
}

impl Failure {
    pub(super) fn new(errno: Errno, reason: impl Into<String>) -> Failure {
        Failure { errno, reason: Some(reason.into()) }
    }

    /// Failure with `EINVAL`, because of an invalid argument.
    pub(super) fn invalid(reason: impl Into<String>) -> Failure {
        Failure::new(Errno::INVALID, reason)
    }

    pub(super) fn errno(&self) -> Errno {
        self.errno
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        Failure { errno, reason: None }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Failure {
        Failure::new(error.into(), error.to_string())
    }
}

impl From<actor::Failure> for Failure {
    fn from(failure: actor::Failure) -> Failure {
        Failure::new(Errno(failure.errno), failure.reason)
    }
}

/// The last failure in a thread.
struct Last {
    failure: Option<Failure>,
    /// The text that the program was given last, which C points to.
    text: Option<CString>,
}

thread_local! {
    static LAST: RefCell<Last> = const { RefCell::new(Last { failure: None, text: None }) };
}

/// Keeps a failure as this thread's last one, for [`text`].
pub(super) fn remember(failure: Failure) {
    // Only a thread that is ending has lost its variables.
    let _ = LAST.try_with(|last| last.borrow_mut().failure = Some(failure));
}

/// Returns a text for `errnum`: the reason of this thread's last failure if that had this errno, libzmq's text otherwise.
///
/// The text is valid until the thread's next call of this function. `None` only in a thread that is ending.
pub(super) fn text(errnum: c_int) -> Option<NonNull<c_char>> {
    LAST.try_with(|last| {
        let mut last = last.borrow_mut();
        let reason = last.failure.as_ref().filter(|failure| failure.errno.0 == errnum);
        let reason = reason.and_then(|failure| failure.reason.as_deref()).map(str::as_bytes);
        // Whoever meets the limit wants to know what it is.
        let limit = (errnum == libc::EMFILE).then(|| raw::Error::TOO_MANY_FILES.to_string());
        let text = reason.or(limit.as_deref().map(str::as_bytes));
        let text = text.unwrap_or_else(|| general(errnum).to_bytes());
        let text: Vec<u8> = text.iter().copied().filter(|&byte| byte != 0).collect();
        NonNull::from(last.text.insert(CString::new(text).unwrap_or_default()).as_c_str()).cast()
    })
    .ok()
}

/// Returns libzmq's text for an errno, which is the C library's for most.
fn general(errnum: c_int) -> &'static CStr {
    // SAFETY: libzmq has a text for every number. That of the C library may be overwritten by the thread's next call:
    // it is copied before that.
    unsafe { CStr::from_ptr(zmq_sys::zmq_strerror(errnum)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(errnum: c_int) -> String {
        let text = super::text(errnum).expect("this thread is not ending");
        // SAFETY: the text is copied at once.
        unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().into_owned()
    }

    #[test]
    fn the_reason_is_given_for_the_errno_it_belongs_to() {
        remember(Failure::invalid("key is\0 empty"));
        assert_eq!(text(libc::EINVAL), "key is empty");
        assert_eq!(text(libc::ENOENT), "No such file or directory");
        assert_eq!(text(libc::EINVAL), "key is empty");
        remember(Errno::INVALID.into());
        assert_eq!(text(libc::EINVAL), "Invalid argument");
        assert!(!text(-7).is_empty() && !text(zmq_sys::errno::ETERM).is_empty());
        assert_eq!(CallError::Terminated.errno(), zmq_sys::errno::ETERM);
    }
}
