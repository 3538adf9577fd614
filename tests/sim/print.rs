//! A fingerprint of each run: a change that is to leave behaviour as it is leaves all fingerprints as they are.
//!
//! With `ZGOSSIP_SIM_PRINTS=FILE` each run adds a line to the file: the test, the seed, frames and bytes sent, and a
//! hash of every frame with its time and connection and of what the nodes hold at the end. The lines of two builds are
//! compared after sorting, because tests run at the same time.

use super::net::{Body, Sim};
use std::fs::OpenOptions;
use std::io::Write;
use xxhash_rust::xxh3::Xxh3;

pub struct Print {
    seed: u64,
    /// `None` unless fingerprints are wanted.
    hash: Option<Box<Xxh3>>,
}

impl Print {
    pub fn new(seed: u64) -> Print {
        let wanted = std::env::var_os("ZGOSSIP_SIM_PRINTS").is_some();
        Print { seed, hash: wanted.then(|| Box::new(Xxh3::new())) }
    }

    /// Adds a frame that is sent.
    pub fn frame(&mut self, now: u64, wire: usize, way: u8, frame: &[u8]) {
        if let Some(hash) = &mut self.hash {
            hash.update(&now.to_le_bytes());
            hash.update(&wire.to_le_bytes());
            hash.update(&[way]);
            hash.update(frame);
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let (Some(mut hash), Some(file)) = (self.print.hash.take(), std::env::var_os("ZGOSSIP_SIM_PRINTS"))
        else {
            return;
        };
        for member in &self.nodes {
            match &member.body {
                Body::Ours(ours) => hash.update(&ours.node.root().to_le_bytes()),
                Body::Stock(stock) => {
                    for (key, value) in &stock.tuples {
                        hash.update(key);
                        hash.update(value);
                    }
                }
            }
        }
        let thread = std::thread::current();
        let line = format!(
            "{} seed {}: {} frames, {} bytes, {:016x}\n",
            thread.name().unwrap_or("a part of a test"),
            self.print.seed,
            self.tally.frames,
            self.tally.bytes,
            hash.digest()
        );
        let opened = OpenOptions::new().create(true).append(true).open(file);
        opened.and_then(|mut file| file.write_all(line.as_bytes())).expect("fingerprints can be written");
    }
}
