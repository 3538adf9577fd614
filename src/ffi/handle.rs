//! The native interface: a node without CZMQ.
//!
//! A [`zgossip_t`] is a node with a thread of its own. Commands go in and messages come out as arrays of strings; a
//! descriptor tells when there is something to receive. All that a node does is done below, in `actor`: here C's
//! arguments become its arguments.

#![allow(unsafe_code)]

use std::ptr;
use std::time::Duration;

use libc::{c_char, c_int, c_void, size_t};

use super::actor_fn::{lossy, sink};
use super::entry::entry;
use super::error::Errno;
use super::frames;
use super::shell::{Inside, hold, release, zgossip_t};
use super::signals::blocked;
use super::surroundings::prepare;
use crate::actor::Handle;
use crate::engine::raw;

/// A command has a handful of frames; a count beyond this is a mistake, and reading that far would crash.
const MAX_FRAMES: usize = 1 << 16;

/// Create a node. The name is a prefix for its log lines, in any encoding, or
/// NULL. The node has one thread of its own, in which it takes commands from
/// now on, and which takes none of the process's signals. Any thread may call the functions below on it at any time, several
/// threads at the same time too. inproc endpoints are shared by all nodes made
/// here, and by them alone. The caller destroys the node with zgossip_destroy.
/// A child that the process forks can make nodes of its own, but not use those
/// of its parent: they fail with errno EPIPE there, except zgossip_destroy.
/// Returns NULL with errno set if there is no memory, thread or descriptor
/// for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_new(name: *const c_char) -> *mut zgossip_t {
    entry! {
        prepare();
        // SAFETY: the program gives a C string or NULL.
        let name = unsafe { lossy(name) };
        let node = blocked(|| Handle::new(&name, sink(), raw::Context::global()))?;
        Ok(hold(node).as_ptr())
    }
}

/// Destroy a node, and set the caller's pointer to NULL. It returns soon,
/// whatever the node's peers do; what was published just before still reaches
/// the peers that are connected. Messages that were not received are lost.
/// Calls that wait inside zgossip_recv or zgossip_send in other threads return
/// with errno EPIPE. The node's descriptor is closed. Nothing happens if either
/// pointer is NULL already. If it does not point to a node, or to one that is
/// destroyed, it is left alone, and errno is EINVAL; it is also left alone, with
/// EDEADLK, in a function that was given to zgossip_set_log.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_destroy(self_p: *mut *mut zgossip_t) {
    entry! {
        // SAFETY: the program gives NULL or a pointer to its pointer, that to a node.
        unsafe {
            if self_p.is_null() || (*self_p).is_null() {
                return Ok(());
            }
            if Inside::enter(*self_p).is_ok_and(|node| node.is_own_thread()) {
                return Err(Errno(libc::EDEADLK));
            }
            release(*self_p)?;
            *self_p = ptr::null_mut();
        }
        Ok(())
    }
}

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
            let node = Inside::enter(self_)?;
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
            let node = Inside::enter(self_)?;
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
        let node = unsafe { Inside::enter(self_) }?;
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
    entry! {
        // SAFETY: the program gives a node.
        unsafe { Inside::enter(self_) }?.set_send_timeout(timeout(msecs)?);
        Ok(0)
    }
}

/// Set how many milliseconds zgossip_recv waits for a message: 0 not at all,
/// -1 (as at first) as long as it takes. Returns 0; or -1 with errno EINVAL if
/// it is no node or the number less than -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_rcvtimeo(self_: *mut zgossip_t, msecs: c_int) -> c_int {
    entry! {
        // SAFETY: the program gives a node.
        unsafe { Inside::enter(self_) }?.set_recv_timeout(timeout(msecs)?);
        Ok(0)
    }
}

/// A descriptor for poll, epoll and event loops, that is readable exactly
/// while a message waits to be received, and once the node has ended, by
/// $TERM. It is level-triggered: receiving is all that is needed. It stays the
/// node's: do not read from it or close it.
/// Returns -1 with errno EINVAL if it is no node, EMFILE or ENFILE if there
/// are no more descriptors.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_fd(self_: *mut zgossip_t) -> c_int {
    entry! {
        // SAFETY: the program gives a node.
        Ok(unsafe { Inside::enter(self_) }?.fd()?)
    }
}

fn timeout(msecs: c_int) -> Result<Option<Duration>, Errno> {
    match msecs {
        -1 => Ok(None),
        _ => u64::try_from(msecs).map(|msecs| Some(Duration::from_millis(msecs))).map_err(|_| Errno::INVALID),
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
