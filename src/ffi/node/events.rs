//! Received messages as structures.

#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use libc::{c_char, c_int, size_t};

use super::arguments::{enter, timeout};
use super::pool::zgossip_t;
use super::settings::set;
use crate::actor::Message;
use crate::ffi::entry::entry_with_reason;
use crate::ffi::error::Errno;

/// A key has a new value.
pub const ZGOSSIP_EVENT_DELIVER: c_int = 1;
/// A key was withdrawn from the network.
pub const ZGOSSIP_EVENT_RETRACT: c_int = 2;
/// A key's time to live ran out.
pub const ZGOSSIP_EVENT_EXPIRE: c_int = 3;
/// A peer has come; key: its endpoint or address.
pub const ZGOSSIP_EVENT_JOIN: c_int = 4;
/// A peer has gone; key: its endpoint or address.
pub const ZGOSSIP_EVENT_LEAVE: c_int = 5;
/// A command was refused; key: its name, value: the reason.
pub const ZGOSSIP_EVENT_ERROR: c_int = 6;
/// There is no connection to a peer; key: its endpoint, value: why, as far as
/// is known. Said after 3 seconds, and rarely again.
pub const ZGOSSIP_EVENT_UNREACHABLE: c_int = 8;
/// A reply to a command of frames, which only those get that send some.
pub const ZGOSSIP_EVENT_REPLY: c_int = 7;

/// A received message. Later versions may have more, at the end.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_event_t {
    /// One of ZGOSSIP_EVENT_*, or a number that this version does not know.
    pub kind: c_int,
    /// How many frames there are.
    pub count: size_t,
    /// The frames as zgossip_recv returns them; a NULL after the last.
    pub frames: *const *const c_char,
    /// Their sizes without the NUL that ends each.
    pub sizes: *const size_t,
    /// The second frame, NULL if there is none.
    pub key: *const c_char,
    /// Its size.
    pub key_size: size_t,
    /// The third frame, NULL if there is none.
    pub value: *const c_char,
    /// Its size.
    pub value_size: size_t,
}

fn kind(name: &[u8]) -> c_int {
    match name {
        b"DELIVER" => ZGOSSIP_EVENT_DELIVER,
        b"RETRACT" => ZGOSSIP_EVENT_RETRACT,
        b"EXPIRE" => ZGOSSIP_EVENT_EXPIRE,
        b"JOIN" => ZGOSSIP_EVENT_JOIN,
        b"LEAVE" => ZGOSSIP_EVENT_LEAVE,
        b"ERROR" => ZGOSSIP_EVENT_ERROR,
        b"UNREACHABLE" => ZGOSSIP_EVENT_UNREACHABLE,
        _ => ZGOSSIP_EVENT_REPLY,
    }
}

/// Lay a message out in one piece of memory of the C library: the structure, the pointers, the sizes, the strings.
fn to_c(message: &Message) -> Result<NonNull<zgossip_event_t>, Errno> {
    let count = message.len();
    let pointers = (count + 1) * size_of::<*const c_char>();
    let strings: usize = message.frames().map(|frame| frame.len() + 1).sum();
    let size = size_of::<zgossip_event_t>() + pointers + count * size_of::<size_t>() + strings;
    // SAFETY: any size may be asked for.
    let block = unsafe { libc::malloc(size) }.cast::<zgossip_event_t>();
    let event = NonNull::new(block).ok_or(Errno::NO_MEMORY)?;
    // SAFETY: the block has room for all of it; structure, pointers and sizes are aligned alike, strings need not be.
    unsafe {
        let frames = block.add(1).cast::<*const c_char>();
        let sizes = frames.add(count + 1).cast::<size_t>();
        let mut string = sizes.add(count).cast::<u8>();
        for (index, frame) in message.frames().enumerate() {
            frames.add(index).write(string.cast());
            sizes.add(index).write(frame.len());
            ptr::copy_nonoverlapping(frame.as_ptr(), string, frame.len());
            string.add(frame.len()).write(0);
            string = string.add(frame.len() + 1);
        }
        frames.add(count).write(ptr::null());
        let part = |index| {
            if index < count { (*frames.add(index), *sizes.add(index)) } else { (ptr::null(), 0) }
        };
        let ((key, key_size), (value, value_size)) = (part(1), part(2));
        let kind = kind(message.frame(0));
        block.write(zgossip_event_t { kind, count, frames, sizes, key, key_size, value, value_size });
    }
    Ok(event)
}

/// Receive the next message as a structure, which the caller destroys with
/// zgossip_event_destroy. Otherwise as zgossip_recv; both may be used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_recv_event(self_: *mut zgossip_t) -> *mut zgossip_event_t {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        Ok(to_c(&node.recv()?)?.as_ptr())
    }
}

/// Destroy an event, and set the caller's pointer to NULL. Nothing happens if
/// either pointer is NULL already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_event_destroy(self_p: *mut *mut zgossip_event_t) {
    if !self_p.is_null() {
        // SAFETY: the program gives a pointer to its pointer, that to what it was given, or NULL.
        unsafe { libc::free(self_p.replace(ptr::null_mut()).cast()) };
    }
}

/// Let the node also tell of what was removed, who comes and goes, who cannot
/// be reached, and which commands were refused: RETRACT, EXPIRE, JOIN, LEAVE,
/// UNREACHABLE and ERROR can be received from then on, or no more. The same as zgossip_set (self,
/// "server/events", on? "1": "0"); zgossip_load sets it as the file says.
/// Returns 0; or -1 with errno EINVAL if it is no node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_events(self_: *mut zgossip_t, on: bool) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        set(&node, b"server/events", if on { b"1" } else { b"0" })
    }
}

/// Set how many milliseconds zgossip_recv waits for a message: 0 not at all,
/// -1 (as at first) as long as it takes. Returns 0; or -1 with errno EINVAL if
/// it is no node or the number less than -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_rcvtimeo(self_: *mut zgossip_t, msecs: c_int) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        unsafe { enter(self_) }?.set_recv_timeout(timeout(msecs)?);
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
    entry_with_reason! {
        // SAFETY: the program gives a node.
        Ok(unsafe { enter(self_) }?.fd().map_err(Errno::from)?)
    }
}
