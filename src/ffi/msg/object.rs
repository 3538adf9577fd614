//! A message of the protocol as an object: its fields, and how it is read, sent and shown.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};

use libc::{c_int, c_void};

use super::{
    ZGOSSIP_MSG_HELLO, ZGOSSIP_MSG_INVALID, ZGOSSIP_MSG_PING, ZGOSSIP_MSG_PONG, ZGOSSIP_MSG_PUBLISH,
};
use crate::core::Tuple;
use crate::core::codec::{self, Extension, Message, MessageId};
use crate::ffi::actor_fn::sink;
use crate::ffi::czmq_compat::loaded;
use crate::ffi::error::Errno;
use crate::ffi::socket::Socket;
use crate::ffi::tag::{Tag, Tagged};
use crate::log::Level;

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
    pub(in crate::ffi) fn new() -> zgossip_msg_t {
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

    pub(in crate::ffi) fn id(&self) -> c_int {
        self.id
    }

    pub(in crate::ffi) fn set_id(&mut self, id: c_int) {
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

    pub(super) fn command(&self) -> &'static CStr {
        match self.message_id() {
            Some(MessageId::Hello) => c"HELLO",
            Some(MessageId::Publish) => c"PUBLISH",
            Some(MessageId::Ping) => c"PING",
            Some(MessageId::Pong) => c"PONG",
            Some(MessageId::Invalid) => c"INVALID",
            _ => c"?",
        }
    }

    pub(in crate::ffi) fn key(&self) -> &CStr {
        &self.key
    }

    pub(in crate::ffi) fn value(&self) -> Option<&CStr> {
        self.value.as_deref()
    }

    pub(in crate::ffi) fn ttl(&self) -> u32 {
        self.ttl
    }

    pub(in crate::ffi) fn set_key(&mut self, key: CString) -> Result<(), Errno> {
        if key.as_bytes().len() > usize::from(u8::MAX) {
            return Err(Errno::INVALID);
        }
        self.key = key;
        Ok(())
    }

    pub(in crate::ffi) fn set_ttl(&mut self, ttl: u32) {
        self.ttl = ttl;
    }

    pub(in crate::ffi) fn set_value(&mut self, value: CString) {
        self.value = Some(value);
    }

    pub(super) fn set_routing_id(&mut self, routing_id: Option<Vec<u8>>) {
        if let Some(frame) = self.routing_frame.take() {
            // SAFETY: `new_frame` made it, and it is not used again.
            unsafe { loaded::destroy_frame(frame) };
        }
        self.routing_id = routing_id;
    }

    /// Returns the routing id as a frame of CZMQ, which belongs to the message; NULL without one.
    pub(super) fn routing_frame(&mut self) -> Result<*mut c_void, Errno> {
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

    pub(in crate::ffi) fn send(&self, socket: Socket) -> Result<(), Errno> {
        let frame = self.encode()?;
        if socket.is_router()? {
            let routing_id = self.routing_id.as_deref().ok_or(Errno::INVALID)?;
            socket.send(&[routing_id, &frame])
        } else {
            socket.send(&[&frame])
        }
    }

    pub(in crate::ffi) fn recv(&mut self, socket: Socket) -> Result<(), Errno> {
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

    pub(super) fn print(&self) {
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
