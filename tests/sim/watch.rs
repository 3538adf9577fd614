//! Views of a run: what was sent, what is held, and in a traced run everything.

use super::net::{Body, MS, Sim};
use super::ours::Ours;
use super::wire::Way;
use std::collections::BTreeMap;
use zgossip::core::Now;
use zgossip::core::codec::{Message, MessageId, decode};

/// Counts of what was sent, and when it was sent last.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub frames: u64,
    pub bytes: u64,
    /// Number of messages with tuples that may change something: PUBLISH and BATCH, without signs of life.
    pub tuples: u64,
    /// Number of tuples in these: one in a PUBLISH, any number in a BATCH.
    pub sent: u64,
    /// Number of values that owners were told, their own included.
    pub told: u64,
    pub last_tuples: u64,
    /// Number of DIGEST, ENTRIES, OFFER and REQUEST.
    pub syncs: u64,
    pub last_syncs: u64,
    /// Number of PUBLISHes of what a CZMQ hub holds already, which show whether it still knows the client.
    pub signs: u64,
    pub publishes: u64,
    /// Frames and bytes that keep links alive, of `frames` and `bytes`: HELLO, PING, PONG and HEARTBEAT.
    pub idle_frames: u64,
    pub idle_bytes: u64,
}

impl Sim {
    /// Prints the network, in a traced run.
    pub fn describe(&self) {
        if self.trace {
            let stock: Vec<usize> = (0..self.nodes.len()).filter(|&node| !self.is_ours(node)).collect();
            println!("stock nodes: {stock:?}");
            let wires = self.wires.iter().enumerate();
            wires.for_each(|(number, wire)| {
                println!("wire {number}: {} connects to {}", wire.client, wire.server);
            });
        }
    }

    pub(super) fn note(&self, text: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>12.3} {}", self.now as f64 / MS as f64, text());
        }
    }

    pub(super) fn count(&mut self, wire: usize, way: Way, frame: &[u8]) {
        let (w, now) = (&self.wires[wire], self.now);
        let (from, to) = match way {
            Way::ToServer => (w.client, w.server),
            Way::ToClient => (w.server, w.client),
        };
        let message = decode(frame).unwrap_or_else(|error| panic!("node {from} sent a bad frame: {error}"));
        self.note(|| format!("{from} -> {to} {message:?}"));
        self.print.frame(now, wire, way as u8, frame);
        let tally = &mut self.tally;
        tally.frames += 1;
        tally.bytes += frame.len() as u64;
        match message {
            Message::Publish { key, value, .. } => {
                let ours = matches!(self.nodes[from].body, Body::Ours(_));
                let held = match &self.nodes[to].body {
                    Body::Stock(stock) => stock.tuples.get(key).map(Vec::as_slice) == Some(value),
                    Body::Ours(_) => false,
                };
                tally.publishes += 1;
                if ours && held && way == Way::ToServer {
                    tally.signs += 1;
                } else {
                    (tally.tuples, tally.last_tuples) = (tally.tuples + 1, now);
                    tally.sent += 1;
                }
            }
            Message::Batch(batch) => {
                (tally.tuples, tally.last_tuples) = (tally.tuples + 1, now);
                tally.sent += batch.iter().count() as u64;
            }
            Message::Digest(_) | Message::Entries(_) | Message::Request(_) | Message::Offer(_) => {
                (tally.syncs, tally.last_syncs) = (tally.syncs + 1, now);
            }
            Message::Hello(_) | Message::Ping | Message::Pong(_) | Message::Heartbeat(_) => {
                tally.idle_frames += 1;
                tally.idle_bytes += frame.len() as u64;
            }
            _ => {}
        }
    }

    /// The tuples that a node's owner knows.
    pub fn view(&self, node: usize) -> &BTreeMap<Vec<u8>, Vec<u8>> {
        match &self.nodes[node].body {
            Body::Ours(ours) => &ours.view,
            Body::Stock(stock) => &stock.tuples,
        }
    }

    /// The value that a node holds of a key.
    pub fn value(&self, node: usize, key: &str) -> Option<String> {
        self.view(node).get(key.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    pub fn check_all(&mut self, node: usize, now: Now) {
        if let Body::Ours(ours) = &mut self.nodes[node].body {
            ours.check_all(node, now);
        }
    }

    pub fn our(&self, node: usize) -> &Ours {
        match &self.nodes[node].body {
            Body::Ours(ours) => ours,
            Body::Stock(_) => panic!("node {node} is not ours"),
        }
    }

    pub fn is_ours(&self, node: usize) -> bool {
        matches!(self.nodes[node].body, Body::Ours(_))
    }

    pub fn is_old_stock(&self, node: usize) -> bool {
        matches!(&self.nodes[node].body, Body::Stock(stock) if !stock.watches)
    }
}

/// Kind of a frame that is known to be valid.
pub fn kind(frame: &[u8]) -> MessageId {
    match decode(frame).expect("a good frame") {
        Message::Hello(_) => MessageId::Hello,
        Message::Publish { .. } => MessageId::Publish,
        Message::Ping => MessageId::Ping,
        Message::Pong(_) => MessageId::Pong,
        Message::Invalid => MessageId::Invalid,
        Message::Batch(_) => MessageId::Batch,
        Message::Heartbeat(_) => MessageId::Heartbeat,
        Message::Digest(_) => MessageId::Digest,
        Message::Entries(_) => MessageId::Entries,
        Message::Request(_) => MessageId::Request,
        Message::Announce(_) => MessageId::Announce,
        Message::Prune(_) => MessageId::Prune,
        Message::Graft(_) => MessageId::Graft,
        Message::Offer(_) => MessageId::Offer,
        Message::Members(_) => MessageId::Members,
    }
}
