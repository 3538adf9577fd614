//! A received message for C: an array of strings in one block of memory.

#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use libc::c_char;

use crate::ffi::error::Errno;

/// Copies `count` frames to one block of memory of the C library: the pointers, a NULL, then the strings.
pub(super) fn to_c<'a>(
    count: usize,
    frame: impl Fn(usize) -> &'a [u8],
) -> Result<NonNull<*mut c_char>, Errno> {
    let pointers = (count + 1) * size_of::<*mut c_char>();
    let strings: usize = (0..count).map(|index| frame(index).len() + 1).sum();
    // SAFETY: any size may be asked for.
    let block = unsafe { libc::malloc(pointers + strings) }.cast::<*mut c_char>();
    let array = NonNull::new(block).ok_or(Errno::NO_MEMORY)?;
    // SAFETY: `block` has room for all the pointers, aligned as malloc aligns, and for all the strings behind them.
    unsafe {
        let mut string = block.cast::<u8>().add(pointers);
        for index in 0..count {
            let frame = frame(index);
            block.add(index).write(string.cast());
            ptr::copy_nonoverlapping(frame.as_ptr(), string, frame.len());
            string.add(frame.len()).write(0);
            string = string.add(frame.len() + 1);
        }
        block.add(count).write(ptr::null_mut());
    }
    Ok(array)
}

/// Copies a text to memory of the C library, with a NUL behind it.
pub(super) fn text_to_c(text: &[u8]) -> Result<NonNull<c_char>, Errno> {
    // SAFETY: any size may be asked for.
    let block = unsafe { libc::malloc(text.len() + 1) }.cast::<u8>();
    let string = NonNull::new(block).ok_or(Errno::NO_MEMORY)?;
    // SAFETY: `block` has room for the text and the NUL.
    unsafe {
        ptr::copy_nonoverlapping(text.as_ptr(), block, text.len());
        block.add(text.len()).write(0);
    }
    Ok(string.cast())
}

/// Frees what [`to_c`] returned.
///
/// # Safety
/// `frames` is NULL or came from [`to_c`], and has not been freed.
pub(super) unsafe fn free(frames: *mut *mut c_char) {
    // SAFETY: the caller vouches for it; it is memory of the C library.
    unsafe { libc::free(frames.cast()) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let frames: [&[u8]; 4] = [b"DELIVER", b"", b"k\xff", b"v"];
        let array = to_c(frames.len(), |index| frames[index]).expect("memory").as_ptr();
        // SAFETY: four strings and a NULL, read before they are freed.
        unsafe {
            for (index, frame) in frames.iter().enumerate() {
                assert_eq!(CStr::from_ptr(*array.add(index)).to_bytes(), *frame);
            }
            assert!((*array.add(4)).is_null());
            free(array);
        }
    }
}
