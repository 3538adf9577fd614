//! A relay between two nodes, with a line of a given bandwidth; or a line that is frozen: nothing passes, and no
//! connection is lost.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// Bytes that are read and written at once.
const PIECE: usize = 16 << 10;

#[derive(Default)]
struct Line {
    came: AtomicUsize,
    frozen: AtomicBool,
    ends: AtomicBool,
}

pub struct Relay {
    address: SocketAddr,
    line: Arc<Line>,
}

impl Relay {
    /// A relay to this port, through which so many bytes pass in a second, each way.
    pub fn new(port: u16, bandwidth: usize) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let line = Arc::new(Line::default());
        let shared = line.clone();
        spawn(move || {
            for near in listener.incoming() {
                if shared.ends.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(near) = near else { continue };
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                shared.came.fetch_add(1, Ordering::Relaxed);
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let line = shared.clone();
                    spawn(move || carry(from, to, bandwidth, &line));
                }
            }
        });
        Relay { address, line }
    }

    pub fn endpoint(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// Number of connections that were made.
    pub fn came(&self) -> usize {
        self.line.came.load(Ordering::Relaxed)
    }

    pub fn freeze(&self) {
        self.line.frozen.store(true, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.line.ends.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, bandwidth: usize, line: &Line) {
    let mut piece = [0; PIECE];
    let mut free_at = Instant::now();
    while let Ok(size @ 1..) = from.read(&mut piece) {
        free_at = free_at.max(Instant::now()) + Duration::from_secs(1) * size as u32 / bandwidth as u32;
        sleep(free_at.saturating_duration_since(Instant::now()));
        while line.frozen.load(Ordering::Relaxed) && !line.ends.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(10));
        }
        if to.write_all(&piece[..size]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
