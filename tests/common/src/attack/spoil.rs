//! Honest frames made wrong at random.

use crate::net::publish;

/// Honest messages, some with more after them as newer nodes have it, to be
/// spoilt in many ways.
pub struct Spoiler {
    pub random: fastrand::Rng,
    honest: Vec<Vec<u8>>,
}

impl Spoiler {
    /// Makes one whose seed is `ZGOSSIP_SEED`, or is drawn and printed.
    pub fn new(name: &str) -> Spoiler {
        let seed = std::env::var("ZGOSSIP_SEED").ok().and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        eprintln!("{name}: ZGOSSIP_SEED={seed}");
        let mut honest: Vec<Vec<u8>> = (1..=5).map(|id| vec![0xAA, 0xA0, id, 1]).collect();
        honest.push(publish(b"k", b"v"));
        honest.push(publish(b"a longer key", &[b'x'; 300]));
        honest.push(publish(b"empty", b""));
        Spoiler { random: fastrand::Rng::with_seed(seed), honest }
    }

    /// Takes a message that was overheard for a model, too.
    pub fn learn(&mut self, frame: &[u8]) {
        if self.honest.len() < 200 {
            self.honest.push(frame.to_vec());
        }
    }

    /// Spoils one of the honest messages.
    pub fn spoil(&mut self) -> Vec<u8> {
        let frame = self.honest[self.random.usize(..self.honest.len())].clone();
        self.spoil_this(frame)
    }

    /// Spoils a message in one to four places.
    pub fn spoil_this(&mut self, mut frame: Vec<u8>) -> Vec<u8> {
        let random = &mut self.random;
        // Messages of ids to come look as if they were honest otherwise
        if frame.len() > 2 && random.u8(..) < 40 {
            frame[2] = random.u8(..16);
        }
        for _ in 0..random.usize(1..5) {
            let at = random.usize(..=frame.len());
            match random.u8(..7) {
                0 => frame.truncate(at),
                1 => frame.extend((0..random.usize(..40)).map(|_| random.u8(..))),
                2 => frame.insert(at, random.u8(..)),
                3 if at < frame.len() => drop(frame.remove(at)),
                4 if at < frame.len() => frame[at] ^= 1 << random.u8(..8),
                5 if at < frame.len() => frame[at] = [0, 1, 0x7F, 0x80, 0xFF][random.usize(..5)],
                _ => {
                    let other = &self.honest[random.usize(..self.honest.len())];
                    let from = random.usize(..=other.len());
                    frame.extend_from_slice(&other[from..]);
                }
            }
        }
        frame
    }
}
