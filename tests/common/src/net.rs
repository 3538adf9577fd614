//! Ports for endpoints that have to come back after a restart.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// A TCP port that is free now, below those that the system gives out by
/// itself, and not given to another test of this process.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..2000 {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let spread = std::process::id().wrapping_mul(97).wrapping_add(step * 7);
        let port = 20_000 + (spread % 12_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port");
}

use zmq::{Context, DEALER, ROUTER, Socket};

use super::LONG;

fn limits(socket: &Socket) {
    let limit = LONG.as_millis() as i32;
    socket.set_rcvtimeo(limit).expect("receive time-out");
    socket.set_sndtimeo(limit).expect("send time-out");
    socket.set_linger(0).expect("linger");
}

/// HELLO as CZMQ writes it.
pub const HELLO: &[u8] = &[0xAA, 0xA0, 1, 1];
/// PING as CZMQ writes it.
pub const PING: &[u8] = &[0xAA, 0xA0, 3, 1];
/// PONG as CZMQ writes it.
pub const PONG: &[u8] = &[0xAA, 0xA0, 4, 1];
/// INVALID as CZMQ writes it.
pub const INVALID: &[u8] = &[0xAA, 0xA0, 5, 1];

/// PUBLISH as CZMQ writes it, with no time to live. Ours carries its stamp behind that.
pub fn publish(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xAA, 0xA0, 2, 1, key.len() as u8];
    frame.extend(key);
    frame.extend((value.len() as u32).to_be_bytes());
    frame.extend(value);
    frame.extend([0; 4]);
    frame
}

/// A DEALER that sends what a test asks for: a client of any manners.
pub struct RawClient {
    pub endpoint: String,
    socket: Socket,
}

impl RawClient {
    pub fn connect(endpoint: &str) -> RawClient {
        let socket = Context::new().socket(DEALER).expect("a DEALER");
        limits(&socket);
        socket.connect(endpoint).expect("connect");
        RawClient { endpoint: endpoint.to_owned(), socket }
    }

    pub fn send(&self, frames: &[&[u8]]) {
        self.socket.send_multipart(frames, 0).expect("a client sends");
    }

    pub fn receive(&self) -> Option<Vec<u8>> {
        self.socket.recv_multipart(0).ok()?.pop()
    }

    pub fn receive_within(&self, limit: std::time::Duration) -> Option<Vec<u8>> {
        let ready = self.socket.poll(zmq::POLLIN, limit.as_millis() as i64).expect("poll");
        if ready > 0 { self.receive() } else { None }
    }
}

/// A ROUTER that sends what a test asks for: a hub of any manners.
pub struct RawServer {
    pub endpoint: String,
    socket: Socket,
}

impl RawServer {
    pub fn bind() -> RawServer {
        let socket = Context::new().socket(ROUTER).expect("a ROUTER");
        limits(&socket);
        socket.bind("tcp://127.0.0.1:*").expect("bind");
        let endpoint = socket.get_last_endpoint().expect("endpoint").expect("text");
        RawServer { endpoint, socket }
    }

    /// The sender of the next message, and its last frame.
    pub fn receive(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut frames = self.socket.recv_multipart(0).ok()?;
        let last = frames.pop()?;
        Some((frames.swap_remove(0), last))
    }

    pub fn receive_within(&self, limit: std::time::Duration) -> Option<(Vec<u8>, Vec<u8>)> {
        let ready = self.socket.poll(zmq::POLLIN, limit.as_millis() as i64).expect("poll");
        if ready > 0 { self.receive() } else { None }
    }

    /// Takes the HELLO of a client and answers PING before and behind it, as CZMQ's hub does: what the client has to
    /// say waits for that answer, for some seconds. Returns who it is.
    #[track_caller]
    pub fn greet(&self) -> Vec<u8> {
        let mut greeted = false;
        loop {
            let (peer, frame) = self.receive().expect("HELLO");
            greeted |= frame.starts_with(HELLO);
            if frame == PING {
                self.send(&peer, &[PONG]);
                if greeted {
                    return peer;
                }
            }
        }
    }

    pub fn send(&self, peer: &[u8], frames: &[&[u8]]) {
        let all: Vec<&[u8]> = std::iter::once(peer).chain(frames.iter().copied()).collect();
        self.socket.send_multipart(all, 0).expect("a server sends");
    }
}
