//! Clients that say what they are told, over libzmq.

use std::time::{Duration, Instant};

use zmq::{Context, DEALER, DONTWAIT, Socket};

use super::frames::{self, Fields, HELLO, PING, PONG};
use crate::LONG;

/// A DEALER that is connected to a hub. It says nothing by itself.
pub struct Attacker {
    pub endpoint: String,
    pub socket: Socket,
    _context: Context,
}

impl Attacker {
    pub fn connect(endpoint: &str) -> Attacker {
        Attacker::with(endpoint, |_| {})
    }

    /// Connects with options of its own: keys of CURVE, an identity, small buffers.
    pub fn with(endpoint: &str, set: impl FnOnce(&Socket)) -> Attacker {
        Attacker::within(&Context::new(), endpoint, set)
    }

    /// Connects to never read: the kernel's buffers and libzmq's queue are as small as they can be.
    pub fn deaf(endpoint: &str) -> Attacker {
        Attacker::with(endpoint, set_deaf)
    }

    /// Connects in a context that others share: its thread serves them all.
    pub fn within(context: &Context, endpoint: &str, set: impl FnOnce(&Socket)) -> Attacker {
        let socket = context.socket(DEALER).expect("a DEALER");
        let limit = LONG.as_millis() as i32;
        socket.set_rcvtimeo(limit).expect("receive time-out");
        socket.set_sndtimeo(limit).expect("send time-out");
        socket.set_linger(0).expect("linger");
        set(&socket);
        socket.connect(endpoint).expect("connect");
        Attacker { endpoint: endpoint.to_owned(), socket, _context: context.clone() }
    }

    /// Sends a message, and waits for room.
    pub fn say(&self, frame: &[u8]) {
        self.say_parts(&[frame]);
    }

    pub fn say_parts(&self, parts: &[&[u8]]) {
        self.socket.send_multipart(parts, 0).expect("an attacker sends");
    }

    /// Sends a message if there is room; returns whether there was.
    pub fn try_say(&self, frame: &[u8]) -> bool {
        self.socket.send(frame, DONTWAIT).is_ok()
    }

    /// Waits for a message; returns its last part.
    pub fn hear(&self, limit: Duration) -> Option<Vec<u8>> {
        let ready = self.socket.poll(zmq::POLLIN, limit.as_millis() as i64).expect("poll");
        if ready > 0 { self.socket.recv_multipart(DONTWAIT).ok()?.pop() } else { None }
    }

    /// Waits for a message that `wanted` accepts, and passes over others.
    pub fn hear_until(&self, limit: Duration, wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        let deadline = Instant::now() + limit;
        loop {
            let frame = self.hear(deadline.saturating_duration_since(Instant::now()))?;
            if wanted(&frame) {
                return Some(frame);
            }
        }
    }

    /// Takes what has come; returns the number of messages.
    pub fn drain(&self) -> usize {
        std::iter::from_fn(|| self.socket.recv_multipart(DONTWAIT).ok()).count()
    }

    /// Says HELLO as a plain client does.
    pub fn hello(&self) {
        self.say(HELLO);
    }

    /// Introduces itself as a node of this version, without waiting for the answer.
    pub fn introduce(&self, id: u64) {
        self.introduce_as(&frames::introduction(id));
    }

    /// Introduces itself by any fields.
    pub fn introduce_as(&self, fields: &Fields) {
        self.say(&frames::hello(fields));
    }

    /// Introduces itself, and waits until the hub has done so, too: the link is extended at both ends.
    #[track_caller]
    pub fn meet(&self, id: u64) {
        self.introduce(id);
        let answer = self.hear_until(LONG, |frame| frame.starts_with(PONG) && frame.len() > PONG.len());
        assert!(answer.is_some(), "the hub introduces itself to {id:x}");
    }

    /// Checks that the link works: PING is answered, whatever else comes before.
    #[track_caller]
    pub fn must_pong(&self, what: &str) {
        self.say(PING);
        assert!(self.hear_until(LONG, |frame| frame.starts_with(PONG)).is_some(), "no PONG after {what}");
    }
}

/// Makes a socket hold as little as it can of what comes.
pub fn set_deaf(socket: &Socket) {
    socket.set_rcvhwm(1).expect("high water mark");
    socket.set_rcvbuf(4096).expect("buffer");
}

/// Connects a number of attackers, which share one thread of libzmq.
pub fn crowd(endpoint: &str, links: usize) -> Vec<Attacker> {
    crowd_with(endpoint, links, |_| {})
}

/// Connects a number of attackers with options of their own.
pub fn crowd_with(endpoint: &str, links: usize, set: impl Fn(&Socket)) -> Vec<Attacker> {
    let context = Context::new();
    (0..links).map(|_| Attacker::within(&context, endpoint, &set)).collect()
}
