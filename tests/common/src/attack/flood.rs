//! TCP connections that speak ZMTP 3.0 as far as they are told to, and no further.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::LONG;

/// Time after which a write that is stuck is given up: the other end reads no more.
const STUCK: Duration = Duration::from_millis(500);

/// Greeting of ZMTP 3.0 with the mechanism NULL, 64 bytes.
pub fn greeting() -> [u8; 64] {
    let mut greeting = [0; 64];
    greeting[0] = 0xFF;
    greeting[9] = 0x7F;
    greeting[10] = 3;
    greeting[12..16].copy_from_slice(b"NULL");
    greeting
}

/// READY of a DEALER, as a ZMTP command.
pub fn ready() -> Vec<u8> {
    let body = b"\x05READY\x0BSocket-Type\0\0\0\x06DEALER";
    [&[4, body.len() as u8], &body[..]].concat()
}

/// A TCP connection. Nothing is sent on it unasked.
pub struct RawLink(pub TcpStream);

impl RawLink {
    /// Connects to an endpoint `tcp://ADDRESS:PORT`.
    ///
    /// # Errors
    ///
    /// Those of `connect(2)`: what the attacked system does not accept is an outcome.
    pub fn connect(endpoint: &str) -> Result<RawLink> {
        let stream = TcpStream::connect(endpoint.trim_start_matches("tcp://"))?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(STUCK))?;
        stream.set_read_timeout(Some(LONG))?;
        Ok(RawLink(stream))
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// Those of `write(2)`: the other end has hung up, or does not read.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes)
    }

    /// Does the whole handshake of ZMTP, as a DEALER without keys; both ends have sent READY then.
    ///
    /// # Errors
    ///
    /// Those of the connection, or that the other end hung up.
    pub fn handshake(&mut self) -> Result<()> {
        self.write(&greeting())?;
        self.0.read_exact(&mut [0; 64])?;
        self.write(&ready())?;
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        self.0.read_exact(&mut vec![0; head[1].into()])
    }

    /// Sends a part of a message; `more` says that another part follows.
    ///
    /// # Errors
    ///
    /// As for `write`.
    pub fn part(&mut self, content: &[u8], more: bool) -> Result<()> {
        self.head(content.len() as u64, more)?;
        self.write(content)
    }

    /// Sends the head of a part alone, which claims any length.
    ///
    /// # Errors
    ///
    /// As for `write`.
    pub fn head(&mut self, length: u64, more: bool) -> Result<()> {
        self.write(&[2 | u8::from(more)])?;
        self.write(&length.to_be_bytes())
    }

    /// Sends parts of a message that never ends, up to a number of bytes; returns how many the other end took.
    pub fn endless(&mut self, part: usize, bytes: usize) -> usize {
        let content = vec![b'x'; part];
        let mut taken = 0;
        while taken < bytes && self.part(&content, true).is_ok() {
            taken += part;
        }
        taken
    }

    /// Waits until the other end has hung up; returns whether it did in time.
    pub fn is_cut_within(&mut self, limit: Duration) -> bool {
        self.0.set_read_timeout(Some(limit)).expect("a time-out");
        loop {
            match self.0.read(&mut [0; 4096]) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(why) => return !matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            }
        }
    }
}

/// Opens a number of connections that say nothing; stops where the system has no more to give.
pub fn mute(endpoint: &str, number: usize) -> Vec<RawLink> {
    (0..number).map_while(|_| RawLink::connect(endpoint).ok()).collect()
}

/// Opens a number of connections that say a part of the greeting, and then nothing.
pub fn half_greeted(endpoint: &str, number: usize, bytes: usize) -> Vec<RawLink> {
    let mut links = mute(endpoint, number);
    links.iter_mut().for_each(|link| drop(link.write(&greeting()[..bytes])));
    links
}
