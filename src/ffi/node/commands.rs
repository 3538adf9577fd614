//! Commands and messages as strings.
//!
//! A command, and a message that a node sends, consists of frames, each a string. Messages are replies to commands, or
//! events. DELIVER is always reported, the other events after zgossip_set_events or SET server/events 1.

#![allow(unsafe_code)]

use std::ptr;

use libc::{c_char, c_int, c_void, size_t};

use super::arguments::{enter, timeout};
use super::frames;
use super::pool::{self, zgossip_t};
use crate::ffi::entry::{entry, entry_with_reason};
use crate::ffi::error::Errno;

/// Most frames of a command in one call. Commands have at most four; a larger count is a mistake in the program, and
/// reading the array that far would crash.
const MAX_FRAMES: usize = 1 << 16;

/// Sends a command of `count` frames, each a string.
///
///     const char *command [] = { "PUBLISH", "key", "value" };
///     zgossip_send (node, command, 3);
///
/// Commands are carried out in the order in which they were sent, and none is
/// lost. If very many of them wait, the call waits for room, as long as
/// zgossip_set_sndtimeo says. A command that cannot be carried out is reported
/// in the node's log, and as an event of kind ZGOSSIP_EVENT_ERROR if
/// zgossip_set_events is on.
///
/// Returns: 0 once the command is queued, or -1.
/// Errors: EINVAL if a frame is NULL or there are no frames, and if the command
///     is malformed: unknown, or with arguments that are missing, too many or
///     not of their kind, which is reported as well; EAGAIN if there
///     was no room in time; EINTR if a signal came first; EMSGSIZE if a frame
///     has 4 GiB or more; EPIPE if the node has ended by $TERM,
///     ETERM (zmq.h) if its libzmq context was terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_send(
    self_: *mut zgossip_t,
    frames: *const *const c_char,
    count: size_t,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node, and an array of `count` C strings.
        unsafe {
            let node = pool::enter(self_)?;
            let command = array(frames, count)?
                .iter()
                .map(|&frame| bytes(frame.cast(), if frame.is_null() { 0 } else { libc::strlen(frame) }))
                .collect::<Result<Vec<&[u8]>, Errno>>()?;
            node.send_checked(&command)?;
        }
        Ok(0)
    }
}

/// Sends a command of `count` frames that are given with their sizes in bytes.
///
/// Frame i begins at frames [i] and has sizes [i] bytes; frames [i] may be NULL
/// if that is 0. The rest is as for zgossip_send.
///
/// Returns: 0 once the command is queued, or -1.
/// Errors: those of zgossip_send.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_send_sized(
    self_: *mut zgossip_t,
    frames: *const *const c_void,
    sizes: *const size_t,
    count: size_t,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node, an array of `count` pointers, and one of the sizes of what they point to.
        unsafe {
            let node = pool::enter(self_)?;
            let command = array(frames, count)?
                .iter()
                .zip(array(sizes, count)?)
                .map(|(&frame, &size)| if size == 0 { Ok(&[][..]) } else { bytes(frame, size) })
                .collect::<Result<Vec<&[u8]>, Errno>>()?;
            node.send_checked(&command)?;
        }
        Ok(0)
    }
}

/// Receives the next message, as an array of strings.
///
///     char **frames = zgossip_recv (node, NULL);
///     if (frames)
///         printf ("%s\n", frames [0]);
///     zgossip_frames_destroy (&frames);
///
/// A NULL follows the last string. The number of strings is stored where
/// `count_p` points, unless that is NULL. The call waits as long as
/// zgossip_set_rcvtimeo says.
///
/// Returns: the array, which the caller frees with zgossip_frames_destroy; or
///     NULL.
/// Errors: those of zgossip_recv_event.
/// Threads: each message is received by one caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_recv(self_: *mut zgossip_t, count_p: *mut size_t) -> *mut *mut c_char {
    entry! {
        // SAFETY: the program gives a node.
        let node = unsafe { pool::enter(self_) }?;
        let message = node.recv()?;
        let array = frames::to_c(message.frame_count(), |index| message.frame(index))?;
        if !count_p.is_null() {
            // SAFETY: the program gives NULL or the address of a size_t.
            unsafe { count_p.write(message.frame_count()) };
        }
        Ok(array.as_ptr())
    }
}

/// Frees what zgossip_recv returned, and sets the caller's pointer to NULL.
///
/// NULL, or a pointer to NULL, does nothing.
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

/// Sets how long calls wait for the node.
///
/// `msecs` is in milliseconds; 0 means not to wait, -1, the default, to wait
/// for ever. It limits how long zgossip_send waits for room, and how long an
/// answered call waits for its answer, the latter being at least one second.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if `self` is no node or `msecs` is less than -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_sndtimeo(self_: *mut zgossip_t, msecs: c_int) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        unsafe { enter(self_) }?.set_send_timeout(timeout(msecs)?);
        Ok(0)
    }
}

/// Returns the `count` values of an array; `EINVAL` for none, or for too many.
///
/// # Safety
/// `first` is NULL or points to `count` values, which live as long as the result.
unsafe fn array<'a, T>(first: *const T, count: usize) -> Result<&'a [T], Errno> {
    if first.is_null() || !first.is_aligned() || count == 0 || count > MAX_FRAMES {
        return Err(Errno::INVALID);
    }
    // SAFETY: the caller vouches for it.
    Ok(unsafe { std::slice::from_raw_parts(first, count) })
}

/// Returns the bytes of a frame; `EINVAL` for NULL.
///
/// # Safety
/// `first` is NULL or points to `size` bytes, which live as long as the result.
unsafe fn bytes<'a>(first: *const c_void, size: usize) -> Result<&'a [u8], Errno> {
    if first.is_null() || isize::try_from(size).is_err() {
        return Err(Errno::INVALID);
    }
    // SAFETY: the caller vouches for it.
    Ok(unsafe { std::slice::from_raw_parts(first.cast(), size) })
}
