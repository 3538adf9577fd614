//! Messages of the protocol, for tests and for servers of other kinds.
//!
//! The functions are those of CZMQ's zgossip_msg, and report an error where CZMQ's abort. A message may be used by one
//! thread at a time.

#![allow(unsafe_code)]

mod object;

use std::ffi::CStr;
use std::ptr;

use libc::{c_char, c_int};

use super::czmq_compat::loaded;
use super::entry::entry;
use super::error::Errno;
use super::socket::Socket;
use super::tag::check;
use super::types::{zframe_t, zsock_t};

pub use object::zgossip_msg_t;

/// Message id, client to server: announces the client, and asks for all tuples.
pub const ZGOSSIP_MSG_HELLO: c_int = 1;
/// Message id, either way: a tuple, with key, value and time to live.
pub const ZGOSSIP_MSG_PUBLISH: c_int = 2;
/// Message id, client to server: asks for a ZGOSSIP_MSG_PONG.
pub const ZGOSSIP_MSG_PING: c_int = 3;
/// Message id, server to client: the answer to ZGOSSIP_MSG_PING.
pub const ZGOSSIP_MSG_PONG: c_int = 4;
/// Message id, server to client: the server does not know the client, which
/// should send ZGOSSIP_MSG_HELLO.
pub const ZGOSSIP_MSG_INVALID: c_int = 5;

/// Returns the message that C points to.
///
/// # Safety
/// As for [`check`]; and no other code uses the message while the result lives.
unsafe fn message<'a>(object: *mut zgossip_msg_t) -> Result<&'a mut zgossip_msg_t, Errno> {
    // SAFETY: the caller vouches for the pointer; its tag says that it is a message.
    unsafe { check(object).map(|mut found| found.as_mut()) }
}

/// Returns a C string as Rust has it; `EINVAL` for NULL.
///
/// # Safety
/// `text` is NULL, or a C string that lives as long as the result.
unsafe fn string<'a>(text: *const c_char) -> Result<&'a CStr, Errno> {
    if text.is_null() {
        return Err(Errno::INVALID);
    }
    // SAFETY: the caller vouches for it.
    Ok(unsafe { CStr::from_ptr(text) })
}

/// Creates a message with id 0, an empty key, no value and no time to live.
///
/// Returns: the message, which the caller destroys with zgossip_msg_destroy; or
///     NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_new() -> *mut zgossip_msg_t {
    entry! { Ok(Box::into_raw(Box::new(zgossip_msg_t::new()))) }
}

/// Destroys a message, and sets the caller's pointer to NULL.
///
/// NULL, or a pointer to NULL, does nothing.
///
/// Errors: EINVAL if it is no message; the pointer stays as it was then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_destroy(self_p: *mut *mut zgossip_msg_t) {
    entry! {
        // SAFETY: the program gives NULL or a pointer to its pointer.
        unsafe {
            if self_p.is_null() || (*self_p).is_null() {
                return Ok(());
            }
            let found = check(*self_p)?;
            *self_p = ptr::null_mut();
            drop(Box::from_raw(found.as_ptr()));
        }
        Ok(())
    }
}

/// Receives a message from a socket.
///
/// `input` is a zsock_t, a zactor_t, or a socket of plain libzmq, cast. The
/// call waits as long as the socket's own receive time-out says. A message from
/// a ROUTER socket keeps the routing id of its sender, so that zgossip_msg_send
/// can answer it.
///
/// Returns: 0; or -1, with the message unchanged.
/// Errors: EPROTO if what came is no message of this protocol (it is dropped
///     then); EAGAIN if nothing came in time; EINTR if a signal came first;
///     ENOTSOCK if `input` is no socket; EINVAL if an argument is NULL or
///     wrong; other errors of libzmq.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_recv(self_: *mut zgossip_msg_t, input: *mut zsock_t) -> c_int {
    entry! {
        // SAFETY: the program gives its own message, and a live socket.
        let (message, socket) = unsafe { (message(self_)?, Socket::resolve(input.cast())?) };
        message.recv(socket)?;
        Ok(0)
    }
}

/// Sends a message to a socket.
///
/// `output` is a zsock_t, a zactor_t, or a socket of plain libzmq, cast. The
/// message stays the caller's. On a ROUTER socket it is sent to the peer with
/// the message's routing id.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if an argument is NULL or wrong, the id is none of
///     ZGOSSIP_MSG_*, a ZGOSSIP_MSG_PUBLISH has no key, or a message for a
///     ROUTER has no routing id; EAGAIN if the socket did not take it in time;
///     EINTR if a signal came first; ENOTSOCK if `output` is no socket; other
///     errors of libzmq.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_send(self_: *mut zgossip_msg_t, output: *mut zsock_t) -> c_int {
    entry! {
        // SAFETY: the program gives its own message, and a live socket.
        let (message, socket) = unsafe { (message(self_)?, Socket::resolve(output.cast())?) };
        message.send(socket)?;
        Ok(0)
    }
}

/// Writes a message to the log, line by line, at the level ZGOSSIP_LOG_DEBUG.
///
/// It is the log that a new node begins with: see zgossip_set_log.
///
/// Errors: EINVAL if `self` is no message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_print(self_: *mut zgossip_msg_t) {
    entry! {
        // SAFETY: the program gives its own message.
        unsafe { message(self_) }?.print();
        Ok(())
    }
}

/// Returns the routing id of a message, as a frame of CZMQ.
///
/// It is the id with which the message came from a ROUTER socket, or the one
/// that was set.
///
/// Returns: a frame that belongs to the message, valid until the message is
///     received into, gets another routing id or is destroyed; NULL if there is
///     none.
/// Errors: ENOTSUP if CZMQ is not in the process; EINVAL if `self` is no
///     message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_routing_id(self_: *mut zgossip_msg_t) -> *mut zframe_t {
    entry! {
        // SAFETY: the program gives its own message.
        Ok(unsafe { message(self_) }?.routing_frame()?.cast())
    }
}

/// Sets the routing id of a message to a copy of a frame of CZMQ, or removes it
/// if that is NULL.
///
/// Errors: ENOTSUP if CZMQ is not in the process; EINVAL if `self` is no
///     message. Nothing changes then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_set_routing_id(self_: *mut zgossip_msg_t, routing_id: *mut zframe_t) {
    entry! {
        // SAFETY: the program gives its own message.
        let message = unsafe { message(self_) }?;
        let bytes = if routing_id.is_null() {
            None
        } else {
            // SAFETY: the program gives a live frame. It may be this message's own: its bytes are copied first.
            Some(unsafe { loaded::frame_bytes(routing_id.cast()) }.ok_or(Errno::UNSUPPORTED)?)
        };
        message.set_routing_id(bytes);
        Ok(())
    }
}

/// Returns the id of a message.
///
/// Returns: one of ZGOSSIP_MSG_*, 0 if it was never set; or -1.
/// Errors: EINVAL if `self` is no message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_id(self_: *mut zgossip_msg_t) -> c_int {
    entry! {
        // SAFETY: the program gives its own message.
        Ok(unsafe { message(self_) }?.id())
    }
}

/// Sets the id of a message to one of ZGOSSIP_MSG_*.
///
/// Errors: EINVAL if `self` is no message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_set_id(self_: *mut zgossip_msg_t, id: c_int) {
    entry! {
        // SAFETY: the program gives its own message.
        unsafe { message(self_) }?.set_id(id);
        Ok(())
    }
}

/// Returns the id of a message as text.
///
/// Returns: "HELLO", "PUBLISH", "PING", "PONG", "INVALID", or "?" for any other
///     id, each a constant; or NULL.
/// Errors: EINVAL if `self` is no message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_command(self_: *mut zgossip_msg_t) -> *const c_char {
    entry! {
        // SAFETY: the program gives its own message.
        Ok(unsafe { message(self_) }?.command().as_ptr())
    }
}

/// Returns the key of a message, "" if it was never set.
///
/// Returns: a string that belongs to the message, valid until the key is set,
///     or the message is received into or destroyed; or NULL.
/// Errors: EINVAL if `self` is no message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_key(self_: *mut zgossip_msg_t) -> *const c_char {
    entry! {
        // SAFETY: the program gives its own message.
        Ok(unsafe { message(self_) }?.key().as_ptr())
    }
}

/// Sets the key of a message to a copy of a string of at most 255 bytes.
///
/// Errors: EINVAL if the string is longer, or an argument is NULL or wrong.
///     Nothing changes then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_set_key(self_: *mut zgossip_msg_t, key: *const c_char) {
    entry! {
        // SAFETY: the program gives its own message, and a C string. It may be this message's own: it is copied first.
        let (message, key) = unsafe { (message(self_)?, string(key)?.to_owned()) };
        message.set_key(key)
    }
}

/// Returns the value of a message, NULL if it was never set.
///
/// Returns: a string that belongs to the message, valid until the value is set,
///     or the message is received into or destroyed; or NULL.
/// Errors: EINVAL if `self` is no message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_value(self_: *mut zgossip_msg_t) -> *const c_char {
    entry! {
        // SAFETY: the program gives its own message.
        Ok(unsafe { message(self_) }?.value().map_or(ptr::null(), CStr::as_ptr))
    }
}

/// Sets the value of a message to a copy of a string.
///
/// Errors: EINVAL if an argument is NULL or wrong. Nothing changes then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_set_value(self_: *mut zgossip_msg_t, value: *const c_char) {
    entry! {
        // SAFETY: as in `zgossip_msg_set_key`.
        let (message, value) = unsafe { (message(self_)?, string(value)?.to_owned()) };
        message.set_value(value);
        Ok(())
    }
}

/// Returns the time to live of a message, in milliseconds; 0 means for ever.
///
/// Returns: the milliseconds, or 0.
/// Errors: EINVAL if `self` is no message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_ttl(self_: *mut zgossip_msg_t) -> u32 {
    entry! {
        // SAFETY: the program gives its own message.
        Ok(unsafe { message(self_) }?.ttl())
    }
}

/// Sets the time to live of a message, in milliseconds; 0 means for ever.
///
/// Errors: EINVAL if `self` is no message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_set_ttl(self_: *mut zgossip_msg_t, ttl: u32) {
    entry! {
        // SAFETY: the program gives its own message.
        unsafe { message(self_) }?.set_ttl(ttl);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
