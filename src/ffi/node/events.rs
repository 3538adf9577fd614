//! Events: what a node reports, as structures.
//!
//! Replies to commands and events come from one queue. While a program does not receive, the queue holds one DELIVER
//! for each key, with its newest value.

#![allow(unsafe_code)]

use std::os::fd::AsRawFd;
use std::ptr::{self, NonNull};

use libc::{c_char, c_int, size_t};

use super::arguments::{enter, timeout};
use super::pool::zgossip_t;
use crate::actor::{Changed, EVENTS, Message};
use crate::ffi::entry::entry_with_reason;
use crate::ffi::error::Errno;

/// Event: The reply to a command that was sent by zgossip_send or
/// zgossip_sendx.
pub const ZGOSSIP_EVENT_REPLY: c_int = 7;

/// A received message. Later versions may add members at the end.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_event_t {
    /// One of ZGOSSIP_EVENT_*, or a number that this version does not know.
    pub kind: c_int,
    /// Number of frames.
    pub count: size_t,
    /// The frames, each a string, with a NULL after the last; as from zgossip_recv.
    pub frames: *const *const c_char,
    /// Size of each frame in bytes, without its NUL.
    pub sizes: *const size_t,
    /// The second frame; NULL if there is none.
    pub key: *const c_char,
    /// Size of the second frame in bytes, without its NUL.
    pub key_size: size_t,
    /// The third frame; NULL if there is none.
    pub value: *const c_char,
    /// Size of the third frame in bytes, without its NUL.
    pub value_size: size_t,
    /// While server/events is 3, for DELIVER, RETRACT and EXPIRE: the value that
    /// the key had before, by the events that were received; NULL if it had
    /// none.
    pub before: *const c_char,
    /// Size of the value before in bytes, without its NUL.
    pub before_size: size_t,
    /// While server/events is 3: the id of the node that wrote this; 0 if it is
    /// not known, as of a value that comes from a node of CZMQ.
    pub writer: u64,
    /// While server/events is 3: the name of that node, "" if it is not known;
    /// else NULL.
    pub writer_name: *const c_char,
    /// While server/events is 3: the version, 32 digits for
    /// zgossip_publish_if; of two versions of a key, strcmp finds the later
    /// write. Else NULL.
    pub version: *const c_char,
}

/// Number of the message whose first frame is `name`, as in the header, which is made from [`EVENTS`].
fn kind(name: &[u8]) -> c_int {
    let event = EVENTS.iter().find(|event| event.name.as_bytes() == name);
    event.map_or(ZGOSSIP_EVENT_REPLY, |event| event.number)
}

/// Copies a message to one block of memory of the C library: the structure, the pointers, the sizes, the strings.
pub(super) fn to_c(message: &Message) -> Result<NonNull<zgossip_event_t>, Errno> {
    let count = message.frame_count();
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
        let changed = message.changed();
        let text = |index| if changed.is_some() { part(index).0 } else { ptr::null() };
        let is_known = changed.is_some_and(|changed| changed.before().is_some());
        let (before, before_size) = if is_known { part(3) } else { (ptr::null(), 0) };
        let writer = changed.and_then(Changed::writer).unwrap_or(0);
        let (writer_name, version) = (text(5), text(6));
        let read = zgossip_event_t {
            kind,
            count,
            frames,
            sizes,
            key,
            key_size,
            value,
            value_size,
            before,
            before_size,
            writer,
            writer_name,
            version,
        };
        block.write(read);
    }
    Ok(event)
}

/// Receives the next message, as a structure.
///
///     zgossip_event_t *event = zgossip_recv_event (node);
///     if (event && event->kind == ZGOSSIP_EVENT_DELIVER)
///         printf ("%s=%s\n", event->key, event->value);
///     zgossip_event_destroy (&event);
///
/// It waits as long as zgossip_set_rcvtimeo says. It may be mixed with
/// zgossip_recv and zgossip_recvx, which take messages from the same queue.
///
/// Returns: the event, which the caller destroys with zgossip_event_destroy; or
///     NULL.
/// Errors: EAGAIN if no message came in time; EINTR if a signal came first;
///     EPIPE if the node has ended ($TERM or zgossip_destroy) and no message is
///     left; ENOMEM; EINVAL if `self` is no node.
/// Threads: each message is received by one caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_recv_event(self_: *mut zgossip_t) -> *mut zgossip_event_t {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        Ok(to_c(&node.recv()?)?.as_ptr())
    }
}

/// Frees an event, and sets the caller's pointer to NULL.
///
/// NULL, or a pointer to NULL, does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_event_destroy(self_p: *mut *mut zgossip_event_t) {
    if !self_p.is_null() {
        // SAFETY: the program gives a pointer to its pointer, that to what it was given, or NULL.
        unsafe { libc::free(self_p.replace(ptr::null_mut()).cast()) };
    }
}

/// Turns events other than DELIVER on or off; they are off by default.
///
/// While they are on, the node also reports what was removed (RETRACT, EXPIRE),
/// which peers come and go (JOIN, LEAVE), which cannot be reached
/// (UNREACHABLE), and which commands were refused (ERROR). The call is the same
/// as zgossip_set (self, "server/events", on? "1": "0"); a file that
/// zgossip_load reads sets it again. With "2", JOIN and LEAVE also carry the
/// name and the id of the peer; with "3", those about keys also tell what
/// changed: see zgossip_event_t.
///
/// Returns: 0, or -1.
/// Errors: those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_events(self_: *mut zgossip_t, on: bool) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        node.set(b"server/events", if on { b"1" } else { b"0" })?;
        Ok(0)
    }
}

/// Sets how long calls that receive wait for a message.
///
/// `msecs` is in milliseconds; 0 means not to wait, -1, the default, to wait
/// for ever.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if `self` is no node or `msecs` is less than -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_rcvtimeo(self_: *mut zgossip_t, msecs: c_int) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        unsafe { enter(self_) }?.set_recv_timeout(timeout(msecs)?);
        Ok(0)
    }
}

/// Returns a descriptor for poll, epoll and event loops that is readable while
/// a message waits.
///
/// It is readable exactly while there is a message to receive, and for ever
/// once the node has ended by $TERM. It is level-triggered: receiving is all
/// that is needed. It belongs to the node: the program must not read from it or
/// close it.
///
/// Returns: the descriptor, or -1.
/// Errors: EMFILE or ENFILE if there is no descriptor left; EINVAL if `self` is
///     no node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_fd(self_: *mut zgossip_t) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        Ok(unsafe { enter(self_) }?.fd().map_err(Errno::from)?.as_raw_fd())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn a_message_is_one_block_with_its_frames() {
        for frames in [&[&b"DELIVER"[..], b"a\xff", b""][..], &[b"STATUS", b"7"], &[b"ERROR"]] {
            let message = Message::text(frames);
            let mut event = to_c(&message).expect("memory").as_ptr();
            // SAFETY: the block is read before it is freed.
            unsafe {
                assert_eq!((*event).count, frames.len());
                for (index, frame) in frames.iter().enumerate() {
                    assert_eq!(CStr::from_ptr(*(*event).frames.add(index)).to_bytes(), *frame);
                    assert_eq!(*(*event).sizes.add(index), frame.len());
                }
                assert!((*(*event).frames.add(frames.len())).is_null());
                assert_eq!((*event).key.is_null(), frames.len() < 2);
                assert_eq!((*event).value.is_null(), frames.len() < 3);
                zgossip_event_destroy(&raw mut event);
            }
            assert!(event.is_null());
        }
    }

    #[test]
    fn every_event_has_a_kind_of_its_own() {
        let kinds: BTreeSet<_> = EVENTS.iter().map(|event| kind(event.name.as_bytes())).collect();
        assert!(!kinds.contains(&ZGOSSIP_EVENT_REPLY), "an event has the number of replies");
        assert_eq!(kinds.len(), EVENTS.len());
    }
}
