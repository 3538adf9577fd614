//! A line between a client and a server with the faults that a test gives it.
//!
//! Each direction has a delay, with jitter, and a bandwidth. The whole line can be frozen (nothing is lost, nothing
//! passes) or cut (both ends learn it, and new connections end at once). Nothing is read ahead of what the line
//! can carry, and the sockets' buffers are small, so that a sender feels the bandwidth.

#![expect(
    unsafe_code,
    reason = "TCP_MAXSEG is set before a socket connects, for which there is no safe call"
)]

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that are read at once: 4 ms of a line of 8 Mbit/s.
const PIECE: usize = 4096;
/// Pieces under way in one direction: a line without a bandwidth holds 4 MiB at most.
const UNDER_WAY: usize = 1024;
/// Time by which a sender may be ahead of what the line has carried.
const AHEAD: Duration = Duration::from_millis(20);
/// Bytes of each socket's buffers; the kernel doubles it.
const BUFFER: libc::c_int = 16 << 10;
/// Bytes of a segment, as on Ethernet.
const SEGMENT: libc::c_int = 1448;

/// Properties of one direction of a line.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Line {
    pub delay: Duration,
    /// Up to so much more, anew for each piece; pieces stay in order.
    pub jitter: Duration,
    /// Bandwidth of the line; `None` for no limit.
    pub bytes_per_second: Option<u64>,
}

impl Line {
    pub fn delay(ms: u64) -> Line {
        Line { delay: Duration::from_millis(ms), ..Line::default() }
    }

    pub fn megabits(mut self, megabits: f64) -> Line {
        self.bytes_per_second = Some((megabits * 125_000.0) as u64);
        self
    }
}

#[derive(Copy, Clone, Default, Eq, PartialEq)]
enum Mode {
    #[default]
    Open,
    Cut,
    Frozen,
    Ended,
}

#[derive(Default)]
struct State {
    target: String,
    mode: Mode,
    /// The ways from the client to the server, and back.
    lines: [Line; 2],
    bytes: [u64; 2],
    accepted: usize,
    connections: Vec<TcpStream>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A piece of the stream and when it comes out of the line; nothing: the stream ends.
type Piece = (Instant, Vec<u8>);

/// Small buffers, and segments as short as a network's: the loopback's are longer than these buffers, and a window that
/// is shorter than a segment opens by a timer of 200 ms only. Both ends learn it when they connect.
fn shape(socket: RawFd) {
    set(socket, libc::SOL_SOCKET, libc::SO_SNDBUF, BUFFER);
    set(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, BUFFER);
    set(socket, libc::IPPROTO_TCP, libc::TCP_MAXSEG, SEGMENT);
}

fn set(socket: RawFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) {
    let size = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the value is an int that outlives the call, and its size is said
    let done = unsafe { libc::setsockopt(socket, level, option, (&raw const value).cast(), size) };
    assert_eq!(done, 0, "option {option} of a socket");
}

/// A socket of its own making: its buffers and segments have to be known before it connects.
fn connect(target: &str) -> io::Result<TcpStream> {
    let SocketAddr::V4(target) = target.parse().map_err(io::Error::other)? else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    // SAFETY: plain numbers
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the socket was made above and belongs to nobody else
    let stream = unsafe { TcpStream::from_raw_fd(socket) };
    shape(socket);
    // SAFETY: all bytes zero are a valid address
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as libc::sa_family_t;
    address.sin_port = target.port().to_be();
    address.sin_addr.s_addr = u32::from_ne_bytes(target.ip().octets());
    let size = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address outlives the call, and its size is said
    match unsafe { libc::connect(socket, (&raw const address).cast(), size) } {
        0 => Ok(stream),
        _ => Err(io::Error::last_os_error()),
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poison| poison.into_inner())
    }

    fn thawed(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while state.mode == Mode::Frozen {
            state = self.changed.wait(state).unwrap_or_else(|poison| poison.into_inner());
        }
        state
    }

    fn accept(self: Arc<Self>, listener: TcpListener) {
        for stream in listener.incoming() {
            let (mode, target) = {
                let state = self.lock();
                (state.mode, state.target.clone())
            };
            let Ok(client) = stream else { continue };
            match mode {
                Mode::Ended => return,
                Mode::Cut => continue,
                Mode::Open | Mode::Frozen => {}
            }
            let Ok(server) = connect(&target) else { continue };
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let copy = |stream: &TcpStream| stream.try_clone().expect("one more descriptor");
            let mut state = self.lock();
            if state.mode == Mode::Cut {
                continue;
            }
            state.accepted += 1;
            state.connections.retain(|stream| stream.peer_addr().is_ok());
            state.connections.extend([copy(&client), copy(&server)]);
            drop(state);
            let ways = [(copy(&client), copy(&server)), (server, client)];
            for (way, (from, to)) in ways.into_iter().enumerate() {
                let (pieces, under_way) = sync_channel(UNDER_WAY);
                let shared = self.clone();
                thread::spawn(move || shared.take(from, way, pieces));
                let shared = self.clone();
                thread::spawn(move || shared.give(to, under_way));
            }
        }
    }

    /// Reads at the pace of the line.
    fn take(&self, mut from: TcpStream, way: usize, pieces: SyncSender<Piece>) {
        let mut buffer = vec![0; PIECE];
        let mut free = Instant::now();
        let mut last = free;
        loop {
            let count = from.read(&mut buffer).unwrap_or(0);
            let now = Instant::now();
            let line = {
                let mut state = self.thawed();
                state.bytes[way] += count as u64;
                state.lines[way]
            };
            free = free.max(now);
            if let Some(rate) = line.bytes_per_second {
                free += Duration::from_nanos(count as u64 * 1_000_000_000 / rate.max(1));
            }
            let jitter = line.jitter.mul_f64(fastrand::f64());
            last = last.max(free + line.delay + jitter);
            if pieces.send((last, buffer[..count].to_vec())).is_err() || count == 0 {
                return;
            }
            thread::sleep((free - AHEAD).saturating_duration_since(Instant::now()));
        }
    }

    /// Lets come out what has been under way for long enough.
    fn give(&self, mut to: TcpStream, under_way: Receiver<Piece>) {
        while let Ok((when, piece)) = under_way.recv() {
            thread::sleep(when.saturating_duration_since(Instant::now()));
            drop(self.thawed());
            if piece.is_empty() || to.write_all(&piece).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }
}

/// A line to one server.
pub struct Relay {
    /// The endpoint to connect to instead of the real one.
    pub endpoint: String,
    shared: Arc<Shared>,
}

impl Relay {
    pub fn new(target: &str) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for a relay");
        shape(listener.as_raw_fd());
        let port = listener.local_addr().expect("an address").port();
        let relay =
            Relay { endpoint: format!("tcp://127.0.0.1:{port}"), shared: Arc::new(Shared::default()) };
        relay.retarget(target);
        let acceptor = relay.shared.clone();
        thread::spawn(move || acceptor.accept(listener));
        relay
    }

    /// A relay both of whose directions are alike.
    pub fn slow(target: &str, line: Line) -> Relay {
        let relay = Relay::new(target);
        relay.set(line, line);
        relay
    }

    /// The server is at another place now. Connections stay where they are.
    pub fn retarget(&self, target: &str) {
        target.trim_start_matches("tcp://").clone_into(&mut self.shared.lock().target);
    }

    pub fn set(&self, to_server: Line, to_client: Line) {
        self.shared.lock().lines = [to_server, to_client];
    }

    fn close_all(&self, mode: Mode) {
        let mut state = self.shared.lock();
        if state.mode != Mode::Ended {
            state.mode = mode;
        }
        for stream in state.connections.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Ends all connections, and each new one at once.
    pub fn cut(&self) {
        self.close_all(Mode::Cut);
    }

    /// Ends all connections; new ones are welcome.
    pub fn reset(&self) {
        self.close_all(Mode::Open);
    }

    pub fn freeze(&self) {
        let mut state = self.shared.lock();
        if state.mode == Mode::Open {
            state.mode = Mode::Frozen;
        }
    }

    /// Undoes `cut` and `freeze`.
    pub fn restore(&self) {
        self.shared.lock().mode = Mode::Open;
        self.shared.changed.notify_all();
    }

    /// Bytes that entered the line so far: from the client, from the server.
    pub fn bytes(&self) -> [u64; 2] {
        self.shared.lock().bytes
    }

    /// Connections made so far.
    pub fn accepted(&self) -> usize {
        self.shared.lock().accepted
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.close_all(Mode::Ended);
        // So that the listener is looked at once more
        let _ = TcpStream::connect(self.endpoint.trim_start_matches("tcp://"));
    }
}
