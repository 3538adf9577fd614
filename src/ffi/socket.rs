//! Sockets that a C program passes: a `zsock_t` or `zactor_t` of CZMQ or of our `czmq.h`, or a socket of plain libzmq.
//!
//! Each is resolved to a libzmq socket, on which whole messages are sent and received.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use libc::{c_int, c_void};
use zmq_sys::zmq_msg_t;

use super::czmq_compat::loaded;
use super::error::Errno;

/// First word of a `zsock_t` of CZMQ.
const CZMQ_SOCK: u32 = 0xcafe_0004;
/// First word of a `zactor_t` of CZMQ.
const CZMQ_ACTOR: u32 = 0x0005_cafe;
/// First word of a `zsock_t` or `zactor_t` of CZMQ that was destroyed.
const CZMQ_DESTROYED: u32 = 0xdead_beef;
/// First word of a `zsock_t` of our `czmq.h`: "ZGOS".
const COMPAT_SOCK: u32 = 0x5a47_4f53;
/// First word of a `zactor_t` of our `czmq.h`: "ZGOA".
const COMPAT_ACTOR: u32 = 0x5a47_4f41;

/// Beginning of a `zsock_t`, or of a `zactor_t` (with the socket of its pipe), of our `czmq.h`.
#[repr(C)]
struct CompatSock {
    tag: u32,
    kind: c_int,
    handle: *mut c_void,
}

/// Beginning of a `zsock_t` (with its libzmq socket), or of a `zactor_t` (with its pipe), of CZMQ.
#[repr(C)]
struct CzmqSock {
    tag: u32,
    inner: *mut c_void,
}

/// A socket of the program, borrowed for a call.
#[derive(Clone, Copy)]
pub(super) struct Socket {
    handle: NonNull<c_void>,
    origin: Origin,
}

/// Library that made a socket, from which follows the context that it lives in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// CZMQ.
    Czmq,
    /// zgossip's own `czmq.h`.
    Compat,
    /// Plain libzmq.
    Libzmq,
}

impl Socket {
    /// Finds the libzmq socket behind `socket`; `EINVAL` for NULL, `ENOTSOCK` for anything that is no socket.
    ///
    /// # Safety
    /// `socket` is NULL, or points to a socket of one of these libraries, which stays alive as long as the result
    /// is used.
    pub(super) unsafe fn resolve(socket: *mut c_void) -> Result<Socket, Errno> {
        let found = NonNull::new(socket).ok_or(Errno::INVALID)?;
        if !socket.cast::<*mut c_void>().is_aligned() {
            return Err(Errno::NOT_A_SOCKET);
        }
        // SAFETY: every kind begins with a tag of 32 bits, except libzmq's own sockets, which begin with an aligned
        // pointer that equals no tag: aligned addresses are multiples of 8, which the tags are not.
        let (handle, origin) = match unsafe { *socket.cast::<u32>() } {
            // SAFETY: the tag is CZMQ's.
            CZMQ_SOCK | CZMQ_ACTOR => (unsafe { resolve_of_czmq(socket) }, Origin::Czmq),
            COMPAT_SOCK | COMPAT_ACTOR => {
                // SAFETY: the tag is that of our `czmq.h`.
                (unsafe { NonNull::new((*socket.cast::<CompatSock>()).handle) }, Origin::Compat)
            }
            CZMQ_DESTROYED => (None, Origin::Libzmq),
            _ => (Some(found), Origin::Libzmq),
        };
        let socket = Socket { handle: handle.ok_or(Errno::NOT_A_SOCKET)?, origin };
        socket.kind()?;
        Ok(socket)
    }

    /// Returns the libzmq socket.
    pub(super) fn handle(&self) -> *mut c_void {
        self.handle.as_ptr()
    }

    /// Returns the library that made the socket.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns the type of the socket, such as `ZMQ_ROUTER`.
    fn kind(&self) -> Result<c_int, Errno> {
        let mut kind: c_int = 0;
        let mut size = size_of::<c_int>();
        // SAFETY: the option is an int; libzmq looks for its own mark in what is no socket, and refuses it.
        let rc = unsafe {
            let option = zmq_sys::ZMQ_TYPE as c_int;
            zmq_sys::zmq_getsockopt(self.handle(), option, (&raw mut kind).cast(), &raw mut size)
        };
        if rc == 0 { Ok(kind) } else { Err(Errno::last()) }
    }

    /// Returns whether the socket is a ROUTER, whose messages begin with a routing id.
    pub(super) fn is_router(&self) -> Result<bool, Errno> {
        Ok(self.kind()? == zmq_sys::ZMQ_ROUTER as c_int)
    }

    /// Sends a message of these frames, waiting as long as the socket's own time-out says.
    pub(super) fn send(&self, frames: &[&[u8]]) -> Result<(), Errno> {
        for (index, frame) in frames.iter().enumerate() {
            let more = if index + 1 < frames.len() { zmq_sys::ZMQ_SNDMORE } else { 0 };
            // SAFETY: libzmq copies the bytes.
            let rc = unsafe {
                zmq_sys::zmq_send(self.handle(), frame.as_ptr().cast(), frame.len(), more as c_int)
            };
            if rc < 0 {
                return Err(Errno::last());
            }
        }
        Ok(())
    }

    /// Receives all frames of a message, waiting as long as the socket's own time-out says.
    pub(super) fn recv(&self) -> Result<Vec<Vec<u8>>, Errno> {
        let mut frames = Vec::with_capacity(2);
        loop {
            match self.recv_frame() {
                Ok((frame, more)) => {
                    frames.push(frame);
                    if !more {
                        return Ok(frames);
                    }
                }
                // The rest of the message has arrived with its first frame, and must not be lost.
                Err(Errno(libc::EINTR)) if !frames.is_empty() => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    fn recv_frame(&self) -> Result<(Vec<u8>, bool), Errno> {
        let mut message = MaybeUninit::<zmq_msg_t>::uninit();
        let message = message.as_mut_ptr();
        // SAFETY: the message is initialised before anything else and closed at the end; its data are `size` bytes
        // until then.
        unsafe {
            zmq_sys::zmq_msg_init(message);
            let size = zmq_sys::zmq_msg_recv(message, self.handle(), 0);
            let result = if size < 0 {
                Err(Errno::last())
            } else {
                let size = zmq_sys::zmq_msg_size(message);
                let data = zmq_sys::zmq_msg_data(message).cast::<u8>();
                let bytes =
                    if size == 0 { Vec::new() } else { std::slice::from_raw_parts(data, size).to_vec() };
                Ok((bytes, zmq_sys::zmq_msg_more(message) != 0))
            };
            zmq_sys::zmq_msg_close(message);
            result
        }
    }
}

/// Finds the libzmq socket in a socket or actor of CZMQ.
///
/// # Safety
/// `socket` is a live `zsock_t` or `zactor_t` of CZMQ.
unsafe fn resolve_of_czmq(socket: *mut c_void) -> Option<NonNull<c_void>> {
    // SAFETY: the caller vouches for it.
    if let Some(handle) = unsafe { loaded::resolve(socket) } {
        return NonNull::new(handle);
    }
    // This CZMQ hides its functions, as a static one inside a plug-in does. The fields before the socket are the same in
    // every version of CZMQ that has tags. Without them, a program that waits for the actor's signal would hang.
    // SAFETY: the caller vouches for it.
    let CzmqSock { tag, inner } = unsafe { socket.cast::<CzmqSock>().read() };
    if tag == CZMQ_SOCK || inner.is_null() {
        return NonNull::new(inner);
    }
    // SAFETY: an actor of CZMQ holds its pipe, a `zsock_t`.
    unsafe { resolve_of_czmq(inner) }
}
