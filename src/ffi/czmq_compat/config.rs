//! The parser behind `zconfig` of our `czmq.h`, whose tree is in C because programs hold pointers into it.

#![allow(unsafe_code)]

use libc::{c_char, c_int, c_void, size_t};
use zeroize::Zeroizing;

use super::log;
use crate::actor::file::zpl::Item;
use crate::ffi::entry::entry;
use crate::ffi::error::Errno;

type Report = unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *const c_char);

/// Reports the items below `item`; `level` is their depth.
fn walk(item: &Item, level: c_int, report: Report, arg: *mut c_void) {
    for child in item.children() {
        let name = [child.name(), b"\0"].concat();
        // The value may be a secret key.
        let value = Zeroizing::new([child.value(), b"\0"].concat());
        // SAFETY: the header's own function; both are C strings, for ZPL has no zero bytes.
        unsafe { report(arg, level, name.as_ptr().cast(), value.as_ptr().cast()) };
        walk(child, level + 1, report, arg);
    }
}

/// Parses ZPL text, and reports each item with its depth, name and value; -1 if the text is not ZPL.
///
/// # Safety
/// `text` has `size` bytes; `report` may be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_czmq_config_read(
    text: *const c_char,
    size: size_t,
    report: Option<Report>,
    arg: *mut c_void,
) -> c_int {
    entry! {
        let report = report.filter(|_| !text.is_null() || size == 0).ok_or(Errno::INVALID)?;
        // SAFETY: the header gives a text of this size.
        let text = if size == 0 { &[][..] } else { unsafe { std::slice::from_raw_parts(text.cast(), size) } };
        match Item::parse(text) {
            Ok(root) => {
                walk(&root, 0, report, arg);
                Ok(0)
            }
            Err(error) => {
                log::write(b'E', &format!("zconfig: ({}) {}", error.line, error.reason));
                Err(Errno::INVALID)
            }
        }
    }
}
