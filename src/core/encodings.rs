//! Frames of large tuples that some socket still holds: all links that send the same tuple share one.

use super::clock::Stamp;
use super::codec::{encode_announced, encode_publish};
use super::frame::{Frame, LARGE};
use super::tuple::{Tuple, key_hash};
use std::collections::HashMap;
use std::sync::Weak;

/// Number of frames from which on those that nobody holds any more are looked for.
const MANY: usize = 64;

/// A PUBLISH that was made, by what it was made of besides the key.
#[derive(Clone, Debug)]
struct Encoded {
    stamp: Stamp,
    ttl: u32,
    announced: bool,
    frame: Weak<Vec<u8>>,
}

/// The last large PUBLISH of each key, as long as anybody holds it.
#[derive(Clone, Debug)]
pub(super) struct Encodings {
    of: HashMap<u64, Encoded, ahash::RandomState>,
    /// Number of frames from which on those that are gone are dropped.
    sweep_at: usize,
}

impl Encodings {
    /// No frames. `seed` is random.
    pub(super) fn new(seed: u64) -> Encodings {
        Encodings { of: HashMap::with_hasher(ahash::RandomState::with_seeds(seed, 7, 8, 9)), sweep_at: MANY }
    }

    /// A PUBLISH with this stamp; `ttl` in milliseconds, 0 for ever. `announced`: the tuple lives as long as its writer.
    pub(super) fn publish(&mut self, tuple: &Tuple, ttl: u32, stamp: Stamp, announced: bool) -> Frame {
        let encode = || {
            Frame::new(if announced {
                encode_announced(tuple, ttl, stamp)
            } else {
                encode_publish(tuple, ttl, Some(stamp))
            })
        };
        if tuple.value().len() < LARGE {
            return encode();
        }
        let hash = key_hash(tuple.key());
        let is_same = |made: &&Encoded| (made.stamp, made.ttl, made.announced) == (stamp, ttl, announced);
        if let Some(made) = self.of.get(&hash).filter(is_same)
            && let Some(frame) = Frame::upgrade(&made.frame)
            && is_of(frame.bytes(), tuple)
        {
            return frame;
        }
        if self.of.len() >= self.sweep_at {
            self.of.retain(|_, made| made.frame.strong_count() > 0);
            self.sweep_at = MANY.max(2 * self.of.len());
        }
        let frame = encode();
        self.of.insert(hash, Encoded { stamp, ttl, announced, frame: frame.downgrade() });
        frame
    }
}

/// Returns whether a PUBLISH is one of this key and value.
fn is_of(frame: &[u8], tuple: &Tuple) -> bool {
    const HEADER: usize = 4;
    let (key, value) = (tuple.key(), tuple.value());
    let key_at = HEADER + 1;
    let value_at = key_at + key.len() + size_of::<u32>();
    frame.get(key_at..key_at + key.len()) == Some(key)
        && frame.get(value_at..value_at + value.len()) == Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_tuple_is_encoded_once_while_anybody_holds_the_frame() {
        let mut encodings = Encodings::new(1);
        let [one, two] = [1, 2].map(|time| Stamp { time, origin: 1 });
        let tuple = Tuple::new(b"key", &[b'x'; LARGE]);
        let first = encodings.publish(&tuple, 0, one, false);
        let again = encodings.publish(&tuple, 0, one, false);
        assert_eq!(first.bytes().as_ptr(), again.bytes().as_ptr());
        // Another value, stamp or time to live is another frame.
        let others = [
            encodings.publish(&Tuple::new(b"key", &[b'y'; LARGE]), 0, one, false),
            encodings.publish(&tuple, 0, two, false),
            encodings.publish(&tuple, 7, two, false),
            encodings.publish(&tuple, 7, two, true),
        ];
        for other in &others {
            assert_ne!(other.bytes().as_ptr(), first.bytes().as_ptr());
        }
        assert_eq!(others[0].bytes(), encode_publish(&Tuple::new(b"key", &[b'y'; LARGE]), 0, Some(one)));
        drop((first, again));
        let fresh = encodings.publish(&tuple, 0, one, false);
        assert_eq!(fresh.bytes(), encode_publish(&tuple, 0, Some(one)));
    }

    #[test]
    fn frames_that_are_gone_leave_nothing() {
        let mut encodings = Encodings::new(1);
        for key in 0..10_000 {
            let tuple = Tuple::new(format!("key {key}").as_bytes(), &[b'x'; LARGE]);
            drop(encodings.publish(&tuple, 0, Stamp { time: 1, origin: 1 }, false));
        }
        assert!(encodings.of.len() <= MANY, "{}", encodings.of.len());
    }
}
