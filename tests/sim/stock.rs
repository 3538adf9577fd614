//! A model of CZMQ's zgossip, which compares values and knows nothing else.
//!
//! A server sends a client that sends HELLO everything, and answers PING. It answers with INVALID, and forgets the
//! client: anything else from a client that it does not know, and a second HELLO. A client that is silent for a second
//! is forgotten, too, but is not told. A tuple that differs from what is held goes to every client and every remote,
//! also to where it came from; a client that has sent frames but no HELLO gets INVALID instead, and is forgotten. A
//! client sends HELLO and its tuples once for each connection whose predecessor it saw break, and answers INVALID with
//! HELLO alone.
//!
//! `tests/sim/stock_model.rs` compares all this with the real node.

use std::collections::BTreeMap;
use zgossip::core::Tuple;
use zgossip::core::codec::{Extension, Message, MessageId, decode, encode, encode_publish};

/// Destination of a frame.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    Remote(usize),
    Client(usize, u32),
}

#[derive(Clone, Copy, Debug)]
pub struct Client {
    connected: bool,
    heard: u64,
}

#[derive(Clone)]
pub struct Stock {
    pub tuples: BTreeMap<Vec<u8>, Vec<u8>>,
    pub output: Vec<(Target, Vec<u8>)>,
    /// Frames that wait in a DEALER without a connection.
    pub backlog: BTreeMap<usize, Vec<Vec<u8>>>,
    /// Microseconds, as all times here.
    pub timeout: u64,
    pub delivered: u64,
    /// Tuples that the node took of late, its owner's writes included.
    pub taken: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the node sees a connection break, as CZMQ does since 4.2.1. Older ones send HELLO once in their life.
    pub watches: bool,
    pub clients: BTreeMap<(usize, u32), Client>,
    /// Remotes, and whether the node sends them anything.
    pub remotes: BTreeMap<usize, bool>,
}

impl Default for Stock {
    fn default() -> Stock {
        Stock {
            tuples: BTreeMap::new(),
            output: Vec::new(),
            backlog: BTreeMap::new(),
            timeout: 1_000_000,
            delivered: 0,
            taken: Vec::new(),
            watches: true,
            clients: BTreeMap::new(),
            remotes: BTreeMap::new(),
        }
    }
}

fn bare(id: MessageId) -> Vec<u8> {
    encode(id, &Extension::default())
}

fn publish(key: &[u8], value: &[u8]) -> Vec<u8> {
    encode_publish(&Tuple::new(key, value), 0, None)
}

impl Stock {
    /// Makes the owner give CONNECT: HELLO and all tuples are sent, and wait for the connection.
    pub fn connect(&mut self, wire: usize) {
        self.remotes.insert(wire, true);
        self.output.push((Target::Remote(wire), bare(MessageId::Hello)));
        for (key, value) in &self.tuples {
            self.output.push((Target::Remote(wire), publish(key, value)));
        }
    }

    /// Notes that a connection was seen to break: nothing is sent until there is another one.
    pub fn disconnected(&mut self, wire: usize) {
        if self.watches {
            self.remotes.insert(wire, false);
        }
    }

    /// Notes that the connection was made: what waited goes out, and if it is not the first connection, HELLO and all
    /// tuples.
    pub fn connected(&mut self, wire: usize) {
        let waiting = self.backlog.remove(&wire).unwrap_or_default();
        self.output.extend(waiting.into_iter().map(|frame| (Target::Remote(wire), frame)));
        if self.remotes.get(&wire) == Some(&false) {
            self.connect(wire);
        }
    }

    fn expire(&mut self, now: u64) {
        let timeout = self.timeout;
        self.clients.retain(|_, client| now - client.heard < timeout);
    }

    /// Takes a tuple, of a peer or of the owner.
    pub fn accept(&mut self, key: &[u8], value: &[u8], now: u64) {
        if self.tuples.get(key).map(Vec::as_slice) == Some(value) {
            return;
        }
        self.tuples.insert(key.to_vec(), value.to_vec());
        self.taken.push((key.to_vec(), value.to_vec()));
        self.delivered += 1;
        self.expire(now);
        let frame = publish(key, value);
        for (&(wire, epoch), client) in &self.clients {
            let said = if client.connected { frame.clone() } else { bare(MessageId::Invalid) };
            self.output.push((Target::Client(wire, epoch), said));
        }
        self.clients.retain(|_, client| client.connected);
        let remotes = self.remotes.iter().filter(|(_, active)| **active);
        self.output.extend(remotes.map(|(&wire, _)| (Target::Remote(wire), frame.clone())));
    }

    /// Takes a frame from a client.
    pub fn hear_client(&mut self, wire: usize, epoch: u32, frame: &[u8], now: u64) {
        self.expire(now);
        let message = plain(frame);
        let client = self.clients.entry((wire, epoch)).or_insert(Client { connected: false, heard: now });
        client.heard = now;
        let target = Target::Client(wire, epoch);
        match (client.connected, message) {
            (false, Message::Hello(_)) => {
                client.connected = true;
                for (key, value) in &self.tuples {
                    self.output.push((target, publish(key, value)));
                }
            }
            (_, Message::Ping) => self.output.push((target, bare(MessageId::Pong))),
            (true, Message::Publish { key, value, .. }) => self.accept(key, value, now),
            _ => {
                self.output.push((target, bare(MessageId::Invalid)));
                self.clients.remove(&(wire, epoch));
            }
        }
    }

    /// Takes a frame from a server.
    pub fn hear_remote(&mut self, wire: usize, frame: &[u8], now: u64) {
        match plain(frame) {
            Message::Publish { key, value, .. } => self.accept(key, value, now),
            Message::Invalid => self.output.push((Target::Remote(wire), bare(MessageId::Hello))),
            Message::Pong(extension) => assert_eq!(extension, Extension::default(), "a stock client's PONG"),
            other => panic!("a stock client was sent {other:?}"),
        }
    }
}

/// Decodes messages that CZMQ can decode: it ends at anything else.
fn plain(frame: &[u8]) -> Message<'_> {
    let message = decode(frame).expect("a good frame");
    match message {
        Message::Publish { ttl, extension, .. } => {
            let stamped = Extension { stamp: extension.stamp, ..Extension::default() };
            assert_eq!(extension, stamped, "a PUBLISH to a stock node has a stamp at most");
            assert!(ttl == 0 || extension.stamp.is_some(), "only we say a time to live");
        }
        Message::Hello(_) | Message::Ping | Message::Pong(_) | Message::Invalid => {}
        _ => panic!("a stock node was sent {message:?}"),
    }
    message
}
