//! Sockets: owned ones, closed when dropped, and borrowed ones.

use std::ffi::{CString, c_void};
use std::mem::ManuallyDrop;
use std::os::fd::RawFd;
use std::{fmt, ptr};

use super::{Context, Error, Msg, require_descriptors, require_threads};

/// A libzmq socket. It may move between threads, but is used by one at a time.
pub struct Socket {
    handle: *mut c_void,
    /// The socket's handle again, for the crate's typed options. Never dropped: its `Drop` panics where closing fails.
    options: ManuallyDrop<zmq::Socket>,
    /// The context in which the socket is closed; `None` for a borrowed socket.
    context: Option<Context>,
}

/// The operations that were possible on a socket when it was asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Events {
    /// A message waits.
    pub readable: bool,
    /// The socket has room for a message.
    pub writable: bool,
}

/// Descriptors that a socket needs: for its own mailbox, and one in reserve.
const SOCKET: usize = 2;

/// Descriptors that the first socket of a context needs: its own, two for each of libzmq's two threads, one for the
/// context, and about as many in reserve.
const FIRST_SOCKET: usize = 12;

/// Threads that libzmq starts for the first socket of a context.
const THREADS: usize = 2;

impl Socket {
    /// Makes a socket.
    pub fn new(context: Context, kind: zmq::SocketType) -> Result<Socket, Error> {
        if context.handle.is_null() {
            return Err(Error::TOO_MANY_FILES);
        }
        if context.is_idle() {
            require_descriptors(FIRST_SOCKET)?;
            require_threads(THREADS)?;
        } else {
            require_descriptors(SOCKET)?;
        }
        // SAFETY: a context; a wrong type is answered with an error.
        let handle = unsafe { zmq_sys::zmq_socket(context.handle, kind as i32) };
        if handle.is_null() {
            return Err(Error::last());
        }
        context.opened();
        // SAFETY: made just now; see `wrap`.
        Ok(unsafe { Socket::wrap(handle, Some(context)) })
    }

    /// Wraps a socket that belongs to somebody else. It is used and never closed.
    ///
    /// # Safety
    ///
    /// `handle` is a libzmq socket, stays open as long as the result lives, and is used by no other thread meanwhile.
    pub unsafe fn borrowed(handle: *mut c_void) -> Socket {
        // SAFETY: by the caller.
        unsafe { Socket::wrap(handle, None) }
    }

    unsafe fn wrap(handle: *mut c_void, context: Option<Context>) -> Socket {
        // SAFETY: the crate only keeps the pointer, and is never let drop it.
        let options = ManuallyDrop::new(unsafe { zmq::Socket::from_raw(handle) });
        Socket { handle, options, context }
    }

    /// The socket's options, as the `zmq` crate types them.
    pub fn options(&self) -> &zmq::Socket {
        &self.options
    }

    /// Sets an integer option that the `zmq` crate does not know.
    pub fn set_int(&self, option: u32, value: i32) -> Result<(), Error> {
        // SAFETY: an open socket; the pointer and size are those of `value`.
        let rc = unsafe {
            zmq_sys::zmq_setsockopt(
                self.handle,
                option as i32,
                ptr::from_ref(&value).cast(),
                size_of::<i32>(),
            )
        };
        check(rc)
    }

    /// Sets an option that is a byte string.
    pub fn set_bytes(&self, option: u32, value: &[u8]) -> Result<(), Error> {
        // SAFETY: an open socket; the pointer and size are those of `value`.
        let rc = unsafe {
            zmq_sys::zmq_setsockopt(self.handle, option as i32, value.as_ptr().cast(), value.len())
        };
        check(rc)
    }

    /// Receives one frame if one waits; else the error is [`Error::is_again`].
    #[inline]
    pub fn try_recv(&self, msg: &mut Msg) -> Result<(), Error> {
        self.recv_flags(msg, zmq_sys::ZMQ_DONTWAIT as i32)
    }

    /// Receives one frame. Waits for as long as the socket's receive time-out.
    #[cfg(test)]
    pub fn recv(&self, msg: &mut Msg) -> Result<(), Error> {
        self.recv_flags(msg, 0)
    }

    #[inline]
    fn recv_flags(&self, msg: &mut Msg, flags: i32) -> Result<(), Error> {
        loop {
            // SAFETY: an open socket and an initialised frame, whose old content libzmq releases.
            if unsafe { zmq_sys::zmq_msg_recv(&raw mut msg.raw, self.handle, flags) } >= 0 {
                return Ok(());
            }
            let error = Error::last();
            if !error.is_interrupted() {
                return Err(error);
            }
        }
    }

    /// Sends one frame, after which `msg` is empty. If there is no room the error is [`Error::is_again`], and `msg`
    /// keeps its content.
    #[inline]
    pub fn try_send(&self, msg: &mut Msg, more: bool) -> Result<(), Error> {
        self.send_flags(msg, flags(more) | zmq_sys::ZMQ_DONTWAIT as i32)
    }

    /// Sends one frame. Waits for as long as the socket's send time-out.
    pub fn send(&self, msg: &mut Msg, more: bool) -> Result<(), Error> {
        self.send_flags(msg, flags(more))
    }

    #[inline]
    fn send_flags(&self, msg: &mut Msg, flags: i32) -> Result<(), Error> {
        loop {
            // SAFETY: an open socket and an initialised frame, which libzmq takes over only on success.
            if unsafe { zmq_sys::zmq_msg_send(&raw mut msg.raw, self.handle, flags) } >= 0 {
                return Ok(());
            }
            let error = Error::last();
            if !error.is_interrupted() {
                return Err(error);
            }
        }
    }

    /// Sends a copy of `bytes` as one frame if there is room; else the error is [`Error::is_again`].
    #[inline]
    pub fn try_send_slice(&self, bytes: &[u8], more: bool) -> Result<(), Error> {
        loop {
            let flags = flags(more) | zmq_sys::ZMQ_DONTWAIT as i32;
            // SAFETY: an open socket; the pointer and length are those of `bytes`, which libzmq copies.
            if unsafe { zmq_sys::zmq_send(self.handle, bytes.as_ptr().cast(), bytes.len(), flags) } >= 0 {
                return Ok(());
            }
            let error = Error::last();
            if !error.is_interrupted() {
                return Err(error);
            }
        }
    }

    /// The operations that are possible now. The call also lets libzmq take notice of what happened since the last one,
    /// without which [`fd`](Socket::fd) stays readable.
    pub fn events(&self) -> Result<Events, Error> {
        let mut bits = 0i32;
        let mut size = size_of::<i32>();
        loop {
            // SAFETY: an open socket; the option is an `int`, as are pointer and size.
            let rc = unsafe {
                let bits = ptr::from_mut(&mut bits).cast();
                zmq_sys::zmq_getsockopt(self.handle, zmq_sys::ZMQ_EVENTS as i32, bits, &raw mut size)
            };
            if rc == 0 {
                break;
            }
            let error = Error::last();
            if !error.is_interrupted() {
                return Err(error);
            }
        }
        let has = |bit: u32| bits & bit as i32 != 0;
        Ok(Events { readable: has(zmq_sys::ZMQ_POLLIN), writable: has(zmq_sys::ZMQ_POLLOUT) })
    }

    /// The descriptor that becomes readable when something happened to the socket. It is edge-triggered: after it
    /// fired, and after every send or receive, ask [`events`](Socket::events).
    pub fn fd(&self) -> Result<RawFd, Error> {
        Ok(self.options.get_fd()?)
    }

    /// Accepts connections on `endpoint`.
    pub fn bind(&self, endpoint: &str) -> Result<(), Error> {
        // SAFETY: an open socket and a terminated text.
        self.with_endpoint(endpoint, |handle, text| unsafe { zmq_sys::zmq_bind(handle, text) })
    }

    /// Accepts no more connections on `endpoint`, and closes those that it accepted.
    pub fn unbind(&self, endpoint: &str) -> Result<(), Error> {
        // SAFETY: an open socket and a terminated text.
        self.with_endpoint(endpoint, |handle, text| unsafe { zmq_sys::zmq_unbind(handle, text) })
    }

    /// Connects to `endpoint`, now and whenever the connection breaks.
    pub fn connect(&self, endpoint: &str) -> Result<(), Error> {
        // SAFETY: an open socket and a terminated text.
        self.with_endpoint(endpoint, |handle, text| unsafe { zmq_sys::zmq_connect(handle, text) })
    }

    /// Ends the connection to `endpoint`, and libzmq's attempts to make it.
    pub fn disconnect(&self, endpoint: &str) -> Result<(), Error> {
        // SAFETY: an open socket and a terminated text.
        self.with_endpoint(endpoint, |handle, text| unsafe { zmq_sys::zmq_disconnect(handle, text) })
    }

    fn with_endpoint(
        &self,
        endpoint: &str,
        call: impl Fn(*mut c_void, *const std::ffi::c_char) -> i32,
    ) -> Result<(), Error> {
        let text = CString::new(endpoint).map_err(|_| Error::INVALID)?;
        loop {
            match check(call(self.handle, text.as_ptr())) {
                Err(error) if error.is_interrupted() => {}
                done => return done,
            }
        }
    }

    /// The endpoint of the last bind, with the port that the system chose.
    pub fn last_endpoint(&self) -> Result<String, Error> {
        let mut text = vec![0u8; 1024];
        let mut size = text.len();
        // SAFETY: an open socket; the pointer and size are those of `text`, and libzmq writes no more than that.
        let rc = unsafe {
            let text = text.as_mut_ptr().cast();
            zmq_sys::zmq_getsockopt(self.handle, zmq_sys::ZMQ_LAST_ENDPOINT as i32, text, &raw mut size)
        };
        check(rc)?;
        text.truncate(size.saturating_sub(1)); // the terminating zero
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    pub(super) fn handle(&self) -> *mut c_void {
        self.handle
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(context) = self.context {
            // SAFETY: our own open socket, closed once. Does not wait: frames linger in the background.
            unsafe { zmq_sys::zmq_close(self.handle) };
            context.closed();
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("handle", &self.handle)
            .field("borrowed", &self.context.is_none())
            .finish()
    }
}

// SAFETY: libzmq allows a socket to move to another thread with a full memory barrier between, which Rust's ways of
// handing a value over give.
unsafe impl Send for Socket {}

#[inline]
fn flags(more: bool) -> i32 {
    if more { zmq_sys::ZMQ_SNDMORE as i32 } else { 0 }
}

fn check(rc: i32) -> Result<(), Error> {
    if rc == 0 { Ok(()) } else { Err(Error::last()) }
}
