//! Messages of the protocol, for tests and for servers of other kinds.
//!
//! The functions are those of CZMQ's zgossip_msg, and report an error where CZMQ's abort. A message may be used by one
//! thread at a time.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};

use libc::{c_char, c_int, c_void};

use super::actor_fn::sink;
use super::czmq_compat::loaded;
use super::entry::entry;
use super::error::Errno;
use super::socket::Socket;
use super::tag::{Tag, Tagged, check};
use super::types::{zframe_t, zsock_t};
use crate::core::Tuple;
use crate::core::codec::{self, Extension, Message, MessageId};
use crate::log::Level;

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

/// A message, as C holds it.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_msg_t {
    tag: Tag,
    id: c_int,
    key: CString,
    value: Option<CString>,
    ttl: u32,
    routing_id: Option<Vec<u8>>,
    /// The routing id as a frame of CZMQ, made when the program asks for it.
    routing_frame: Option<NonNull<c_void>>,
}

// SAFETY: `repr(C)`, and the tag comes first.
unsafe impl Tagged for zgossip_msg_t {
    const TAG: u32 = 0x5a47_4d53;
}

impl zgossip_msg_t {
    pub(super) fn new() -> zgossip_msg_t {
        zgossip_msg_t {
            tag: Tag::new(Self::TAG),
            id: 0,
            key: CString::default(),
            value: None,
            ttl: 0,
            routing_id: None,
            routing_frame: None,
        }
    }

    pub(super) fn id(&self) -> c_int {
        self.id
    }

    pub(super) fn set_id(&mut self, id: c_int) {
        self.id = id;
    }

    fn message_id(&self) -> Option<MessageId> {
        match self.id {
            ZGOSSIP_MSG_HELLO => Some(MessageId::Hello),
            ZGOSSIP_MSG_PUBLISH => Some(MessageId::Publish),
            ZGOSSIP_MSG_PING => Some(MessageId::Ping),
            ZGOSSIP_MSG_PONG => Some(MessageId::Pong),
            ZGOSSIP_MSG_INVALID => Some(MessageId::Invalid),
            _ => None,
        }
    }

    fn command(&self) -> &'static CStr {
        match self.message_id() {
            Some(MessageId::Hello) => c"HELLO",
            Some(MessageId::Publish) => c"PUBLISH",
            Some(MessageId::Ping) => c"PING",
            Some(MessageId::Pong) => c"PONG",
            Some(MessageId::Invalid) => c"INVALID",
            _ => c"?",
        }
    }

    pub(super) fn key(&self) -> &CStr {
        &self.key
    }

    pub(super) fn value(&self) -> Option<&CStr> {
        self.value.as_deref()
    }

    pub(super) fn ttl(&self) -> u32 {
        self.ttl
    }

    pub(super) fn set_key(&mut self, key: &CStr) -> Result<(), Errno> {
        if key.count_bytes() > usize::from(u8::MAX) {
            return Err(Errno::INVALID);
        }
        self.key = key.to_owned();
        Ok(())
    }

    pub(super) fn set_ttl(&mut self, ttl: u32) {
        self.ttl = ttl;
    }

    pub(super) fn set_value(&mut self, value: &CStr) {
        self.value = Some(value.to_owned());
    }

    fn set_routing_id(&mut self, routing_id: Option<Vec<u8>>) {
        if let Some(frame) = self.routing_frame.take() {
            // SAFETY: `new_frame` made it, and it is not used again.
            unsafe { loaded::destroy_frame(frame) };
        }
        self.routing_id = routing_id;
    }

    /// Returns the routing id as a frame of CZMQ, which belongs to the message; NULL without one.
    fn routing_frame(&mut self) -> Result<*mut c_void, Errno> {
        let Some(routing_id) = &self.routing_id else { return Ok(ptr::null_mut()) };
        if self.routing_frame.is_none() {
            self.routing_frame = loaded::new_frame(routing_id);
        }
        self.routing_frame.map(NonNull::as_ptr).ok_or(Errno::UNSUPPORTED)
    }

    fn encode(&self) -> Result<Vec<u8>, Errno> {
        match self.message_id().ok_or(Errno::INVALID)? {
            MessageId::Publish if self.key.is_empty() => Err(Errno::INVALID),
            MessageId::Publish => {
                let value = self.value.as_deref().unwrap_or_default();
                Ok(codec::encode_publish(&Tuple::new(self.key.to_bytes(), value.to_bytes()), self.ttl, None))
            }
            id => Ok(codec::encode(id, &Extension::default())),
        }
    }

    pub(super) fn send(&self, socket: Socket) -> Result<(), Errno> {
        let frame = self.encode()?;
        if socket.is_router()? {
            let routing_id = self.routing_id.as_deref().ok_or(Errno::INVALID)?;
            socket.send(&[routing_id, &frame])
        } else {
            socket.send(&[&frame])
        }
    }

    pub(super) fn recv(&mut self, socket: Socket) -> Result<(), Errno> {
        let from_router = socket.is_router()?;
        let mut frames = socket.recv()?;
        // Some peers send an identity frame first; the message is the last frame.
        let frame = frames.pop().ok_or(Errno::PROTOCOL)?;
        let routing_id =
            if from_router { Some(frames.into_iter().next().ok_or(Errno::PROTOCOL)?) } else { None };
        self.decode(&frame)?;
        if from_router {
            self.set_routing_id(routing_id);
        }
        Ok(())
    }

    fn decode(&mut self, frame: &[u8]) -> Result<(), Errno> {
        let id = match codec::decode(frame).map_err(|_| Errno::PROTOCOL)? {
            Message::Hello(_) => ZGOSSIP_MSG_HELLO,
            Message::Publish { key, value, ttl, .. } => {
                let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| Errno::PROTOCOL);
                let (key, value) = (text(key)?, text(value)?);
                (self.key, self.value, self.ttl) = (key, Some(value), ttl);
                ZGOSSIP_MSG_PUBLISH
            }
            Message::Ping => ZGOSSIP_MSG_PING,
            Message::Pong(_) => ZGOSSIP_MSG_PONG,
            Message::Invalid => ZGOSSIP_MSG_INVALID,
            // Messages of the extended protocol are not part of this class.
            _ => return Err(Errno::PROTOCOL),
        };
        self.id = id;
        Ok(())
    }

    fn print(&self) {
        let sink = sink();
        let line = |text: &str| sink.write(Level::Debug, text);
        line(&format!("ZGOSSIP_MSG_{}:", self.command().to_string_lossy()));
        if self.message_id().is_some() {
            line("    version=1");
        }
        if self.id == ZGOSSIP_MSG_PUBLISH {
            line(&format!("    key='{}'", self.key.to_string_lossy().escape_debug()));
            match &self.value {
                Some(value) => line(&format!("    value='{}'", value.to_string_lossy().escape_debug())),
                None => line("    value="),
            }
            line(&format!("    ttl={}", self.ttl));
        }
    }
}

impl Drop for zgossip_msg_t {
    fn drop(&mut self) {
        self.set_routing_id(None);
        self.tag.wipe();
    }
}

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
        // SAFETY: the program gives its own message, and a C string.
        let (message, key) = unsafe { (message(self_)?, string(key)?) };
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
        // SAFETY: the program gives its own message, and a C string.
        let (message, value) = unsafe { (message(self_)?, string(value)?) };
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
