//! An input, taken apart: each part decides something, and where the input ends, so does the run.

/// The rest of an input.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> Option<usize> {
        self.byte().map(|byte| usize::from(byte) % limit)
    }

    /// A piece that says its length in its first byte; a shorter one at the end of the input.
    pub fn piece(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.byte()?).min(self.0.len());
        let (piece, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(piece)
    }
}
