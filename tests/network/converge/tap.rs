//! A TCP connection with somebody in the middle.
//!
//! A tap passes on what comes and reads along: every message with its time and direction, or only how many bytes.
//! It can cut its connections, and refuse new ones, or freeze them: then nothing comes through and nobody is told.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

/// A message that came through: its last frame.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Instant,
    /// Whether the message goes from the node that connected to the one that is bound.
    pub to_server: bool,
    pub frame: Vec<u8>,
}

pub const HELLO: u8 = 1;
pub const PUBLISH: u8 = 2;
pub const BATCH: u8 = 0x10;

impl Seen {
    pub fn kind(&self) -> u8 {
        self.frame.get(2).copied().unwrap_or(0)
    }

    /// The key of a PUBLISH.
    pub fn key(&self) -> Option<&[u8]> {
        let size = usize::from(*self.frame.get(4)?);
        (self.kind() == PUBLISH).then(|| self.frame.get(5..5 + size))?
    }

    /// Returns whether the message carries tuples. A plain client shows by a tuple of its own that it is still there;
    /// such keys begin with a tilde here.
    pub fn is_news(&self) -> bool {
        self.kind() == BATCH || self.key().is_some_and(|key| !key.starts_with(b"~"))
    }
}

#[derive(Copy, Clone, Default, Eq, PartialEq)]
enum Mode {
    #[default]
    Open,
    Cut,
    Frozen,
}

#[derive(Default)]
struct State {
    mode: Mode,
    ended: bool,
    seen: Vec<Seen>,
    last_news: Option<Instant>,
    bytes: u64,
    connections: Vec<TcpStream>,
}

struct Shared {
    target: String,
    recording: bool,
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poison| poison.into_inner())
    }

    fn accept(self: Arc<Self>, listener: TcpListener) {
        for stream in listener.incoming() {
            let mut state = self.lock();
            if state.ended {
                return;
            }
            let Ok(client) = stream else { continue };
            let server = if state.mode == Mode::Cut { None } else { TcpStream::connect(&self.target).ok() };
            let Some(server) = server else { continue };
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let copy = |stream: &TcpStream| stream.try_clone().expect("one more descriptor");
            state.connections.extend([copy(&client), copy(&server)]);
            drop(state);
            for (from, to, to_server) in [(copy(&client), copy(&server), true), (server, client, false)] {
                let shared = self.clone();
                thread::spawn(move || shared.pump(from, to, to_server));
            }
        }
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream, to_server: bool) {
        let mut buffer = vec![0; 64 << 10];
        let mut reader = Reader::default();
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let mut state = self.lock();
            while state.mode == Mode::Frozen && !state.ended {
                state = self.changed.wait(state).unwrap_or_else(|poison| poison.into_inner());
            }
            state.bytes += count as u64;
            if self.recording {
                let at = Instant::now();
                reader.read(&buffer[..count], |frame| {
                    let seen = Seen { at, to_server, frame };
                    if seen.is_news() {
                        state.last_news = Some(at);
                    }
                    state.seen.push(seen);
                });
            }
            drop(state);
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
    }
}

/// Finds the messages in what one side of a ZMTP 3 connection sends.
#[derive(Default)]
struct Reader {
    greeted: bool,
    waiting: Vec<u8>,
}

impl Reader {
    fn read(&mut self, bytes: &[u8], mut message: impl FnMut(Vec<u8>)) {
        self.waiting.extend(bytes);
        let mut used = 0;
        if !self.greeted {
            if self.waiting.len() < 64 {
                return;
            }
            self.greeted = true;
            used = 64;
        }
        loop {
            let rest = &self.waiting[used..];
            let Some(&flags) = rest.first() else { break };
            let (head, size) = match flags & 2 {
                0 if rest.len() >= 2 => (2, usize::from(rest[1])),
                2 if rest.len() >= 9 => {
                    (9, u64::from_be_bytes(rest[1..9].try_into().expect("eight bytes")) as usize)
                }
                _ => break,
            };
            let Some(frame) = rest.get(head..head + size) else { break };
            // Neither a command nor a frame that others follow
            if flags & 5 == 0 {
                message(frame.to_vec());
            }
            used += head + size;
        }
        self.waiting.drain(..used);
    }
}

pub struct Tap {
    /// The endpoint to connect to instead of the real one.
    pub endpoint: String,
    shared: Arc<Shared>,
}

impl Tap {
    /// Records each message.
    pub fn recording(target: &str) -> Tap {
        Tap::new(target, true)
    }

    /// Counts bytes only: for many of them.
    pub fn counting(target: &str) -> Tap {
        Tap::new(target, false)
    }

    fn new(target: &str, recording: bool) -> Tap {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for a tap");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            target: target.trim_start_matches("tcp://").to_owned(),
            recording,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let acceptor = shared.clone();
        thread::spawn(move || acceptor.accept(listener));
        Tap { endpoint: format!("tcp://127.0.0.1:{port}"), shared }
    }

    /// Ends all connections; new ones end at once.
    pub fn cut(&self) {
        let mut state = self.shared.lock();
        state.mode = Mode::Cut;
        for stream in state.connections.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets nothing through, as a broken wire does.
    pub fn freeze(&self) {
        self.shared.lock().mode = Mode::Frozen;
    }

    /// Undoes both.
    pub fn restore(&self) {
        self.shared.lock().mode = Mode::Open;
        self.shared.changed.notify_all();
    }

    /// Bytes that came through so far, both ways.
    pub fn bytes(&self) -> u64 {
        self.shared.lock().bytes
    }

    /// All messages so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.lock().seen.clone()
    }

    pub fn last_news(&self) -> Option<Instant> {
        self.shared.lock().last_news
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.cut();
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
        // So that the listener is looked at once more
        let _ = TcpStream::connect(self.endpoint.trim_start_matches("tcp://"));
    }
}
