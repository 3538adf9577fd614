//! Fixtures of the self tests: a libzmq context of their own, its sockets, and actors whose owner is the test.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::CString;
use std::ptr::NonNull;
use std::thread::{self, JoinHandle};

use libc::{c_char, c_int, c_uint, c_void};

use super::actor_fn::{run, signal};
use super::error::Errno;
use super::socket::Socket;
use crate::engine::raw;

/// Milliseconds that a test waits for a message: long enough for a busy machine.
const TIMEOUT: c_int = 20_000;

/// A libzmq context, with all the sockets and actors of one test in it.
pub(super) struct Network {
    context: NonNull<c_void>,
    pipes: Cell<u32>,
}

impl Network {
    pub(super) fn new() -> Network {
        // SAFETY: takes nothing.
        let context = NonNull::new(unsafe { zmq_sys::zmq_ctx_new() }).expect("a context of libzmq");
        Network { context, pipes: Cell::new(0) }
    }

    /// Makes a socket whose calls fail after a time instead of waiting for ever.
    pub(super) fn socket(&self, kind: c_uint) -> Plug<'_> {
        // SAFETY: the context is alive as long as this network, which the result borrows.
        let handle = unsafe { zmq_sys::zmq_socket(self.context.as_ptr(), kind as c_int) };
        // SAFETY: NULL, or a live socket, closed when the result is dropped.
        let socket = unsafe { Socket::resolve(handle) }.expect("a socket of libzmq");
        let plug = Plug { socket, _network: self };
        plug.set(zmq_sys::ZMQ_LINGER, 0);
        plug.set(zmq_sys::ZMQ_RCVTIMEO, TIMEOUT);
        plug.set(zmq_sys::ZMQ_SNDTIMEO, TIMEOUT);
        plug
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // SAFETY: all its sockets are closed, the actors' too, for they borrow the network; so it does not wait.
        unsafe { zmq_sys::zmq_ctx_term(self.context.as_ptr()) };
    }
}

/// A socket of the test.
pub(super) struct Plug<'a> {
    socket: Socket,
    _network: &'a Network,
}

impl Plug<'_> {
    pub(super) fn get(&self) -> Socket {
        self.socket
    }

    pub(super) fn bind(&self, endpoint: &str) {
        let endpoint = CString::new(endpoint).expect("no NUL");
        // SAFETY: a live socket and a C string.
        assert_eq!(unsafe { zmq_sys::zmq_bind(self.socket.handle(), endpoint.as_ptr()) }, 0);
    }

    pub(super) fn connect(&self, endpoint: &str) {
        let endpoint = CString::new(endpoint).expect("no NUL");
        // SAFETY: a live socket and a C string.
        assert_eq!(unsafe { zmq_sys::zmq_connect(self.socket.handle(), endpoint.as_ptr()) }, 0);
    }

    fn set(&self, option: c_uint, value: c_int) {
        let size = size_of::<c_int>();
        // SAFETY: a live socket, and an option that is an int.
        let rc = unsafe {
            let handle = self.socket.handle();
            zmq_sys::zmq_setsockopt(handle, option as c_int, (&raw const value).cast(), size)
        };
        assert_eq!(rc, 0);
    }
}

impl Drop for Plug<'_> {
    fn drop(&mut self) {
        // SAFETY: a live socket, not used again.
        unsafe { zmq_sys::zmq_close(self.socket.handle()) };
    }
}

/// A node at the other end of a pipe, as `zactor_new` makes one.
pub(super) struct Actor<'a> {
    pipe: Plug<'a>,
    thread: Option<JoinHandle<()>>,
}

/// Arguments of an actor's thread.
struct Start {
    context: NonNull<c_void>,
    pipe: Socket,
}

// SAFETY: a context may be used by any thread; the socket moves to the thread, which alone uses it from then on.
unsafe impl Send for Start {}

impl Start {
    fn run(self, name: &str) {
        if signal(self.pipe).is_ok() {
            // SAFETY: the network outlives the actor, which waits for this thread.
            let context = unsafe { raw::Context::foreign(self.context.as_ptr()) };
            run(self.pipe, name, context);
        }
        // SAFETY: a live socket, not used again.
        unsafe { zmq_sys::zmq_close(self.pipe.handle()) };
    }
}

impl<'a> Actor<'a> {
    pub(super) fn start(network: &'a Network, name: &'static str, verbose: bool) -> Actor<'a> {
        let endpoint = format!("inproc://pipe-{}", network.pipes.replace(network.pipes.get() + 1));
        let (ours, theirs) = (network.socket(zmq_sys::ZMQ_PAIR), network.socket(zmq_sys::ZMQ_PAIR));
        ours.bind(&endpoint);
        theirs.connect(&endpoint);
        let start = Start { context: network.context, pipe: theirs.get() };
        // The thread closes the socket.
        std::mem::forget(theirs);
        let thread = thread::spawn(move || start.run(name));
        let actor = Actor { pipe: ours, thread: Some(thread) };
        let ready = actor.pipe.get().recv().expect("the actor says that it is there");
        assert_eq!(ready, [0x7766_5544_3322_1100_u64.to_ne_bytes()]);
        if verbose {
            actor.say(&["VERBOSE"]);
        }
        actor
    }

    /// Sends the node a command.
    pub(super) fn say(&self, command: &[&str]) {
        let frames: Vec<&[u8]> = command.iter().map(|frame| frame.as_bytes()).collect();
        self.pipe.get().send(&frames).expect("the node takes commands");
    }

    /// Receives the next message from the node.
    pub(super) fn listen(&self) -> Vec<String> {
        let frames = self.pipe.get().recv().expect("the node has something to say");
        frames.into_iter().map(|frame| String::from_utf8_lossy(&frame).into_owned()).collect()
    }

    /// Fails unless the next message from the node is this one.
    #[track_caller]
    pub(super) fn hears(&self, message: &[&str]) {
        assert_eq!(self.listen(), message);
    }
}

impl Drop for Actor<'_> {
    fn drop(&mut self) {
        // The command fails if the node has ended by itself; it must not wait then, for no one will receive it.
        self.pipe.set(zmq_sys::ZMQ_SNDTIMEO, 0);
        let _: Result<(), Errno> = self.pipe.get().send(&[b"$TERM"]);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A pair of CURVE keys, as text.
pub(super) struct Keys {
    pub(super) public: String,
    pub(super) secret: String,
}

/// Makes a pair of CURVE keys; `None` if libzmq has no CURVE.
pub(super) fn curve_keys() -> Option<Keys> {
    let (mut public, mut secret) = ([0_u8; 41], [0_u8; 41]);
    // SAFETY: libzmq writes 40 characters and a NUL to each.
    let rc = unsafe {
        zmq_sys::zmq_curve_keypair(public.as_mut_ptr().cast::<c_char>(), secret.as_mut_ptr().cast::<c_char>())
    };
    let text = |key: [u8; 41]| String::from_utf8_lossy(&key[..40]).into_owned();
    (rc == 0).then(|| Keys { public: text(public), secret: text(secret) })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn an_actor_that_has_ended_is_not_waited_for() {
        let network = Network::new();
        let actor = Actor::start(&network, "actor", false);
        actor.say(&["$TERM"]);
        while !actor.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(1));
        }
        let start = Instant::now();
        drop(actor);
        assert!(start.elapsed() < Duration::from_secs(10), "gone after {:?}", start.elapsed());
    }
}
