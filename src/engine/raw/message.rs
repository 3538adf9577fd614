//! A message frame of libzmq.

use std::ffi::{CStr, c_int, c_void};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fmt, ptr, slice};

use zmq_sys::zmq_msg_t;

use super::Error;

/// `ZMQ_SRCFD` of zmq.h, which zmq-sys leaves out on some systems.
const SRCFD: c_int = 2;

/// Bytes of shared frames that libzmq holds for one peer: given to it and not yet handed to the kernel.
#[derive(Debug, Default)]
pub struct Load {
    bytes: AtomicUsize,
    /// Those for all peers of a node.
    all: Arc<AtomicUsize>,
}

impl Load {
    /// No bytes for one peer; `all` counts those of all peers together.
    pub fn new(all: &Arc<AtomicUsize>) -> Arc<Load> {
        Arc::new(Load { bytes: AtomicUsize::new(0), all: all.clone() })
    }

    /// The number of bytes that libzmq holds for the peer, and for all peers together.
    pub fn bytes(&self) -> (usize, usize) {
        (self.bytes.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed))
    }
}

/// What a shared frame keeps until libzmq is done with it.
struct Shared {
    bytes: Arc<Vec<u8>>,
    load: Arc<Load>,
}

impl Shared {
    fn new(bytes: Arc<Vec<u8>>, load: &Arc<Load>) -> Box<Shared> {
        load.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        load.all.fetch_add(bytes.len(), Ordering::Relaxed);
        Box::new(Shared { bytes, load: load.clone() })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.load.bytes.fetch_sub(self.bytes.len(), Ordering::Relaxed);
        self.load.all.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// A libzmq message frame: the bytes, and whether more frames follow in the same message.
pub struct Msg {
    pub(super) raw: zmq_msg_t,
}

// SAFETY: a message may be used by any one thread at a time; its reference counts are atomic.
unsafe impl Send for Msg {}

impl Msg {
    /// An empty frame, to receive into.
    #[inline]
    pub fn new() -> Msg {
        let mut raw = zmq_msg_t::default();
        // SAFETY: initialises the frame; documented to succeed always.
        unsafe { zmq_sys::zmq_msg_init(&raw mut raw) };
        Msg { raw }
    }

    /// A frame with a copy of `bytes`. Fails when there is no memory.
    #[inline]
    pub fn from_slice(bytes: &[u8]) -> Result<Msg, Error> {
        let mut raw = zmq_msg_t::default();
        // SAFETY: initialises the frame; checked.
        if unsafe { zmq_sys::zmq_msg_init_size(&raw mut raw, bytes.len()) } != 0 {
            return Err(Error::last());
        }
        // SAFETY: the frame has exactly `bytes.len ()` writable bytes, and is new, thus does not overlap `bytes`.
        unsafe {
            ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                zmq_sys::zmq_msg_data(&raw mut raw).cast::<u8>(),
                bytes.len(),
            );
        };
        Ok(Msg { raw })
    }

    /// A frame that shares `bytes`: nothing is copied, however many peers it goes to. They count in `load` until libzmq
    /// is done with them. Fails when there is no memory.
    pub fn from_arc(bytes: Arc<Vec<u8>>, load: &Arc<Load>) -> Result<Msg, Error> {
        let len = bytes.len();
        if len == 0 {
            return Ok(Msg::new());
        }
        let mut raw = zmq_msg_t::default();
        let data = bytes.as_ptr().cast_mut();
        // The shared bytes travel as the hint, for `release`.
        let hint = Box::into_raw(Shared::new(bytes, load)).cast::<c_void>();
        // SAFETY: libzmq only reads the bytes (a received copy that is written to would be another message), and
        // calls `release` once, when the last message that refers to them is closed.
        if unsafe { zmq_sys::zmq_msg_init_data(&raw mut raw, data.cast(), len, Some(release), hint) } != 0 {
            let error = Error::last();
            // SAFETY: on failure libzmq has not taken the bytes over.
            unsafe { release(data.cast(), hint) };
            return Err(error);
        }
        Ok(Msg { raw })
    }

    /// The bytes.
    #[inline]
    pub fn data(&self) -> &[u8] {
        let raw = ptr::from_ref(&self.raw).cast_mut();
        // SAFETY: an initialised frame; `zmq_msg_data` takes a mutable pointer but changes nothing. The bytes live as
        // long as the frame is neither closed nor received into, and both need it mutably.
        unsafe {
            let len = zmq_sys::zmq_msg_size(raw);
            if len == 0 {
                return &[];
            }
            slice::from_raw_parts(zmq_sys::zmq_msg_data(raw).cast::<u8>(), len)
        }
    }

    /// Returns whether another frame of the same message follows.
    #[inline]
    pub fn more(&self) -> bool {
        // SAFETY: an initialised frame.
        unsafe { zmq_sys::zmq_msg_more(&raw const self.raw) != 0 }
    }

    /// A property of the connection that the frame came by: `Peer-Address`, `User-Id`, …; `None` if it is not known.
    pub fn property(&self, name: &CStr) -> Option<String> {
        let raw = ptr::from_ref(&self.raw).cast_mut();
        // SAFETY: an initialised frame and a terminated name; the text belongs to the frame and is copied at once.
        unsafe {
            let text = zmq_sys::zmq_msg_gets(raw, name.as_ptr());
            (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    }

    /// The descriptor of the connection that the frame came by; -1 within the process. It may be closed by now.
    pub fn source(&self) -> RawFd {
        // SAFETY: an initialised frame.
        unsafe { zmq_sys::zmq_msg_get(ptr::from_ref(&self.raw).cast_mut(), SRCFD) }
    }
}

impl Default for Msg {
    fn default() -> Msg {
        Msg::new()
    }
}

impl Drop for Msg {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: an initialised frame, closed once.
        unsafe { zmq_sys::zmq_msg_close(&raw mut self.raw) };
    }
}

impl fmt::Debug for Msg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Msg").field("len", &self.data().len()).field("more", &self.more()).finish()
    }
}

/// Releases bytes of [`Msg::from_arc`]. libzmq calls it when it is done with them, on any thread.
unsafe extern "C" fn release(_data: *mut c_void, hint: *mut c_void) {
    // SAFETY: the pointer is that of `Box::into_raw` in `from_arc`; called once for each.
    drop(unsafe { Box::from_raw(hint.cast::<Shared>()) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_of_every_size_come_back() {
        for len in [0, 1, 28, 29, 33, 34, 100, 10_000] {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
            assert_eq!(Msg::from_slice(&bytes).unwrap().data(), bytes);
        }
    }

    #[test]
    fn shared_bytes_are_not_copied_and_are_released() {
        let bytes = Arc::new(vec![7u8; 5000]);
        let all = Arc::default();
        let (load, other) = (Load::new(&all), Load::new(&all));
        let msg = Msg::from_arc(bytes.clone(), &load).unwrap();
        let second = Msg::from_arc(bytes.clone(), &other).unwrap();
        assert_eq!((load.bytes(), other.bytes()), ((5000, 10_000), (5000, 10_000)));
        drop(second);
        assert_eq!((load.bytes(), other.bytes()), ((5000, 5000), (0, 5000)));
        assert_eq!(msg.data().as_ptr(), bytes.as_ptr());
        assert_eq!(Arc::strong_count(&bytes), 2);
        drop(msg);
        assert_eq!(Arc::strong_count(&bytes), 1);
        assert_eq!(load.bytes(), (0, 0));
        assert!(Msg::from_arc(Arc::default(), &load).unwrap().data().is_empty());
    }
}
