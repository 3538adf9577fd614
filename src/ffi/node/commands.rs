//! Commands and messages as arrays of strings.

#![allow(unsafe_code)]

use std::ptr;

use libc::{c_char, c_int, c_void, size_t};

use super::arguments::{enter, timeout};
use super::frames;
use super::pool::{CallGuard, zgossip_t};
use crate::ffi::entry::{entry, entry_with_reason};
use crate::ffi::error::Errno;

/// A command has a handful of frames; a count beyond this is a mistake, and reading that far would crash.
const MAX_FRAMES: usize = 1 << 16;

/// Send a command of count frames, each a string:
///
///     const char *command [] = { "PUBLISH", "key", "value" };
///     zgossip_send (node, command, 3);
///
/// Commands are taken in the order in which they are sent, and are never
/// lost; if very many of them wait, the call waits for room as long as
/// zgossip_set_sndtimeo says. Whether a command made sense the node says in
/// its log. Returns 0; or -1 with errno EINVAL if an argument or one of the
/// frames is NULL or there are no frames; EAGAIN if there was no room in time;
/// EINTR if a signal came first; EMSGSIZE if a frame has 4 GiB or more; EPIPE
/// if the node has ended, by $TERM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_send(
    self_: *mut zgossip_t,
    frames: *const *const c_char,
    count: size_t,
) -> c_int {
    entry! {
        // SAFETY: the program gives a node, and an array of `count` C strings.
        unsafe {
            let node = CallGuard::enter(self_)?;
            let command = array(frames, count)?
                .iter()
                .map(|&frame| bytes(frame.cast(), if frame.is_null() { 0 } else { libc::strlen(frame) }))
                .collect::<Result<Vec<&[u8]>, Errno>>()?;
            node.send(&command)?;
        }
        Ok(0)
    }
}

/// Send a command of count frames that are not NUL-terminated: frame i begins
/// at frames [i] and has sizes [i] bytes; it may be NULL if it has none.
/// Otherwise as zgossip_send.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_send_sized(
    self_: *mut zgossip_t,
    frames: *const *const c_void,
    sizes: *const size_t,
    count: size_t,
) -> c_int {
    entry! {
        // SAFETY: the program gives a node, an array of `count` pointers, and one of the sizes of what they point to.
        unsafe {
            let node = CallGuard::enter(self_)?;
            let command = array(frames, count)?
                .iter()
                .zip(array(sizes, count)?)
                .map(|(&frame, &size)| if size == 0 { Ok(&[][..]) } else { bytes(frame, size) })
                .collect::<Result<Vec<&[u8]>, Errno>>()?;
            node.send(&command)?;
        }
        Ok(0)
    }
}

/// Receive the next message: an array of strings with a NULL after the last.
/// Their number is stored where count_p points, unless that is NULL. The
/// caller frees the whole with zgossip_frames_destroy:
///
///     char **frames = zgossip_recv (node, NULL);
///     if (frames)
///         printf ("%s\n", frames [0]);
///     zgossip_frames_destroy (&frames);
///
/// It waits as long as zgossip_set_rcvtimeo says. Each message is received by
/// one caller. Returns NULL, with errno EINVAL if it is no node; EAGAIN if
/// nothing came in time; EINTR if a signal came first; EPIPE if the node has
/// ended, by $TERM, and no message is left; ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_recv(self_: *mut zgossip_t, count_p: *mut size_t) -> *mut *mut c_char {
    entry! {
        // SAFETY: the program gives a node.
        let node = unsafe { CallGuard::enter(self_) }?;
        let message = node.recv()?;
        let array = frames::to_c(message.len(), |index| message.frame(index))?;
        if !count_p.is_null() {
            // SAFETY: the program gives NULL or the address of a size_t.
            unsafe { count_p.write(message.len()) };
        }
        Ok(array.as_ptr())
    }
}

/// Free what zgossip_recv returned, and set the caller's pointer to NULL.
/// Nothing happens if either pointer is NULL already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_frames_destroy(frames_p: *mut *mut *mut c_char) {
    entry! {
        if !frames_p.is_null() {
            // SAFETY: the program gives a pointer to its pointer, that to what zgossip_recv gave it, or NULL.
            unsafe { frames::free(frames_p.replace(ptr::null_mut())) };
        }
        Ok(())
    }
}

/// Set how many milliseconds zgossip_send waits for room: 0 not at all, -1 (as
/// at first) as long as it takes. Calls that have an answer wait for that, too,
/// and for a second at least. Returns 0; or -1 with errno EINVAL if it is no
/// node or the number less than -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_sndtimeo(self_: *mut zgossip_t, msecs: c_int) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        unsafe { enter(self_) }?.set_send_timeout(timeout(msecs)?);
        Ok(0)
    }
}

/// # Safety
/// `first` is NULL or points to `count` values, which live as long as the result.
unsafe fn array<'a, T>(first: *const T, count: usize) -> Result<&'a [T], Errno> {
    if first.is_null() || !first.is_aligned() || count == 0 || count > MAX_FRAMES {
        return Err(Errno::INVALID);
    }
    // SAFETY: the caller vouches for it.
    Ok(unsafe { std::slice::from_raw_parts(first, count) })
}

/// # Safety
/// `first` is NULL or points to `size` bytes, which live as long as the result.
unsafe fn bytes<'a>(first: *const c_void, size: usize) -> Result<&'a [u8], Errno> {
    if first.is_null() || isize::try_from(size).is_err() {
        return Err(Errno::INVALID);
    }
    // SAFETY: the caller vouches for it.
    Ok(unsafe { std::slice::from_raw_parts(first.cast(), size) })
}
