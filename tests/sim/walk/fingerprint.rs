//! The fingerprint of a state: 128 bits of everything that decides what follows.
//!
//! The debug form of a node is its whole state. Its counters, its caches and the state of its random numbers, which
//! decide only the length of pauses, are left out.

use std::fmt::{Debug, Write};
use xxhash_rust::xxh3::xxh3_128;

/// Fields of a node that do not decide what follows.
const LEFT_OUT: [&str; 6] = ["settings", "random", "counters", "watch", "batches", "backlogs"];

/// Takes what a derived `Debug` writes, piece by piece, and leaves some of the outermost fields out.
#[derive(Default)]
struct Text {
    text: String,
    depth: usize,
    skips: bool,
}

impl Write for Text {
    fn write_str(&mut self, piece: &str) -> std::fmt::Result {
        if self.depth == 1 {
            if piece == ", " || piece == " }" {
                self.skips = false;
            } else if LEFT_OUT.contains(&piece) {
                self.skips = true;
            }
        }
        for byte in piece.bytes() {
            match byte {
                b'{' | b'[' | b'(' => self.depth += 1,
                b'}' | b']' | b')' => self.depth -= 1,
                _ => {}
            }
        }
        if !self.skips {
            self.text.push_str(piece);
        }
        Ok(())
    }
}

/// Fingerprint of a node.
pub fn of(node: &dyn Debug) -> u128 {
    let mut text = Text { text: String::with_capacity(8 << 10), ..Text::default() };
    write!(text, "{node:?}").expect("it takes all that there is");
    xxh3_128(text.text.as_bytes())
}

/// Fingerprint of these bytes.
pub fn of_bytes(bytes: &[u8]) -> u128 {
    xxh3_128(bytes)
}
