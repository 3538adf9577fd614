//! `zgossip_msg_t`: one message of the protocol, as programs that speak it by themselves use it.
//!
//! CZMQ has this class as a draft. Ours has its functions, and refuses where CZMQ asserts: a NULL or a wrong handle
//! is `EINVAL`, what is no message is `EPROTO` and leaves the object as it was.

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

/// Client to server: the client is there, and wants all tuples.
pub const ZGOSSIP_MSG_HELLO: c_int = 1;
/// Either way: a tuple, with key, value and ttl.
pub const ZGOSSIP_MSG_PUBLISH: c_int = 2;
/// Client to server: is the server there?
pub const ZGOSSIP_MSG_PING: c_int = 3;
/// Server to client: the server is there.
pub const ZGOSSIP_MSG_PONG: c_int = 4;
/// Server to client: the server does not know the client, which should say HELLO.
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
    /// The routing id as the program has seen it; made when asked for.
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
            // SAFETY: made below, and forgotten here.
            unsafe { loaded::destroy_frame(frame) };
        }
        self.routing_id = routing_id;
    }

    /// The routing id as a frame of CZMQ, ours.
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
        // Some peers send a frame of identity in front: the message is the last frame.
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
            // What our own nodes say among themselves is not part of this class.
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

/// # Safety
/// As [`check`]; and no one else uses the message for as long as the result lives.
unsafe fn message<'a>(object: *mut zgossip_msg_t) -> Result<&'a mut zgossip_msg_t, Errno> {
    // SAFETY: the caller vouches for the pointer; its tag says that it is a message.
    unsafe { check(object).map(|mut found| found.as_mut()) }
}

/// # Safety
/// `text` is NULL, or a C string that lives as long as the result.
unsafe fn string<'a>(text: *const c_char) -> Result<&'a CStr, Errno> {
    if text.is_null() {
        return Err(Errno::INVALID);
    }
    // SAFETY: the caller vouches for it.
    Ok(unsafe { CStr::from_ptr(text) })
}

/// Create a message: id 0, empty key, no value, ttl 0. A message is for one
/// thread at a time. The caller destroys it with zgossip_msg_destroy.
/// Returns NULL, with errno set, if that was not possible.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_new() -> *mut zgossip_msg_t {
    entry! { Ok(Box::into_raw(Box::new(zgossip_msg_t::new()))) }
}

/// Destroy a message, and set the caller's pointer to NULL. Nothing happens
/// if either pointer is NULL already. If it does not point to a message,
/// it is left alone, and errno is EINVAL.
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

/// Receive a message from a socket: a zsock_t, a zactor_t, or a socket of
/// plain libzmq, cast. It waits as long as the socket's receive time-out says.
/// From a ROUTER, the sender's routing id is kept with the message, and
/// zgossip_msg_send gives it back. Returns 0; or -1, the message being
/// unchanged, with errno
/// EPROTO if what came is not a message of this protocol (it is gone then),
/// EAGAIN if nothing came in time, EINTR if a signal came first, EINVAL if an
/// argument is NULL or wrong, ENOTSOCK if it is no socket, or what else
/// libzmq says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_recv(self_: *mut zgossip_msg_t, input: *mut zsock_t) -> c_int {
    entry! {
        // SAFETY: the program gives its own message, and a live socket.
        let (message, socket) = unsafe { (message(self_)?, Socket::resolve(input.cast())?) };
        message.recv(socket)?;
        Ok(0)
    }
}

/// Send a message to a socket: a zsock_t, a zactor_t, or a socket of plain
/// libzmq, cast. The message stays the caller's. To a ROUTER, the message's
/// routing id goes in front. Returns 0; or -1 with errno EINVAL if an argument
/// is NULL or wrong, if the message's id is none of ZGOSSIP_MSG_*, if it is a
/// PUBLISH without a key, or if a ROUTER is to send it and it has no routing
/// id; EAGAIN if the socket did not take it in time, EINTR if a signal came
/// first, ENOTSOCK if it is no socket, or what else libzmq says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_send(self_: *mut zgossip_msg_t, output: *mut zsock_t) -> c_int {
    entry! {
        // SAFETY: the program gives its own message, and a live socket.
        let (message, socket) = unsafe { (message(self_)?, Socket::resolve(output.cast())?) };
        message.send(socket)?;
        Ok(0)
    }
}

/// Write the message to CZMQ's log, or to stderr where there is no CZMQ, line
/// by line, at the level of debugging. NULL: nothing, errno EINVAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_print(self_: *mut zgossip_msg_t) {
    entry! {
        // SAFETY: the program gives its own message.
        unsafe { message(self_) }?.print();
        Ok(())
    }
}

/// The routing id with which the message came from a ROUTER, or which was
/// set; it stays the message's, and valid until the message is received into,
/// gets another routing id or is destroyed. Returns NULL if there is none;
/// also, with errno ENOTSUP, if CZMQ is not in the process, and, with errno
/// EINVAL, if the message is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_routing_id(self_: *mut zgossip_msg_t) -> *mut zframe_t {
    entry! {
        // SAFETY: the program gives its own message.
        Ok(unsafe { message(self_) }?.routing_frame()?.cast())
    }
}

/// Set the message's routing id to a copy of a frame of CZMQ; NULL removes it.
/// If that is not possible, nothing changes, and errno is ENOTSUP if CZMQ is
/// not in the process, EINVAL if the message is NULL.
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

/// The message's id: one of ZGOSSIP_MSG_*, or 0 if it was never set. Returns
/// -1 with errno EINVAL if the message is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_id(self_: *mut zgossip_msg_t) -> c_int {
    entry! {
        // SAFETY: the program gives its own message.
        Ok(unsafe { message(self_) }?.id())
    }
}

/// Set the message's id: one of ZGOSSIP_MSG_*. NULL: nothing, errno EINVAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_set_id(self_: *mut zgossip_msg_t, id: c_int) {
    entry! {
        // SAFETY: the program gives its own message.
        unsafe { message(self_) }?.set_id(id);
        Ok(())
    }
}

/// The message's id as text: "HELLO", "PUBLISH", "PING", "PONG", "INVALID", or
/// "?" for any other; a constant. Returns NULL with errno EINVAL if the message
/// is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_command(self_: *mut zgossip_msg_t) -> *const c_char {
    entry! {
        // SAFETY: the program gives its own message.
        Ok(unsafe { message(self_) }?.command().as_ptr())
    }
}

/// The key, "" if it was never set; it stays the message's, and valid until
/// the key is set, the message is received into, or destroyed. Returns NULL
/// with errno EINVAL if the message is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_key(self_: *mut zgossip_msg_t) -> *const c_char {
    entry! {
        // SAFETY: the program gives its own message.
        Ok(unsafe { message(self_) }?.key().as_ptr())
    }
}

/// Set the key to a copy of a string of at most 255 bytes, in any encoding. If
/// it is longer, or an argument NULL, nothing changes, and errno is EINVAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_set_key(self_: *mut zgossip_msg_t, key: *const c_char) {
    entry! {
        // SAFETY: the program gives its own message, and a C string.
        let (message, key) = unsafe { (message(self_)?, string(key)?) };
        message.set_key(key)
    }
}

/// The value, NULL if there was never one; it stays the message's, and valid
/// until the value is set, the message is received into, or destroyed. Returns
/// NULL, with errno EINVAL, if the message is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_value(self_: *mut zgossip_msg_t) -> *const c_char {
    entry! {
        // SAFETY: the program gives its own message.
        Ok(unsafe { message(self_) }?.value().map_or(ptr::null(), CStr::as_ptr))
    }
}

/// Set the value to a copy of a string, in any encoding. If an argument is
/// NULL, nothing changes, and errno is EINVAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_set_value(self_: *mut zgossip_msg_t, value: *const c_char) {
    entry! {
        // SAFETY: the program gives its own message, and a C string.
        let (message, value) = unsafe { (message(self_)?, string(value)?) };
        message.set_value(value);
        Ok(())
    }
}

/// The time to live in milliseconds, 0 for ever. Returns 0, with errno EINVAL,
/// if the message is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_ttl(self_: *mut zgossip_msg_t) -> u32 {
    entry! {
        // SAFETY: the program gives its own message.
        Ok(unsafe { message(self_) }?.ttl())
    }
}

/// Set the time to live in milliseconds, 0 for ever. NULL: nothing, errno
/// EINVAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_set_ttl(self_: *mut zgossip_msg_t, ttl: u32) {
    entry! {
        // SAFETY: the program gives its own message.
        unsafe { message(self_) }?.set_ttl(ttl);
        Ok(())
    }
}
