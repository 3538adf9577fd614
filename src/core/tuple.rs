//! A key and its value, shared between the store, the links and the owner's inbox.

use std::fmt;
use std::sync::Arc;

/// An immutable key and value in one allocation; a clone shares it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// One byte of key length, the key, the value.
    data: Arc<[u8]>,
}

impl Tuple {
    /// Longest key that the wire can carry, in bytes.
    pub const MAX_KEY: usize = 255;

    /// A tuple of `key` (1 to 255 bytes) and `value`.
    ///
    /// # Panics
    /// When the key is longer than [`Tuple::MAX_KEY`]; callers check it where it comes in.
    pub fn new(key: &[u8], value: &[u8]) -> Tuple {
        let length = u8::try_from(key.len()).expect("key length is checked where a key comes in");
        let mut data = Vec::with_capacity(1 + key.len() + value.len());
        data.push(length);
        data.extend_from_slice(key);
        data.extend_from_slice(value);
        Tuple { data: data.into() }
    }

    /// The key.
    pub fn key(&self) -> &[u8] {
        &self.data[1..1 + usize::from(self.data[0])]
    }

    /// The value.
    pub fn value(&self) -> &[u8] {
        &self.data[1 + usize::from(self.data[0])..]
    }
}

impl fmt::Debug for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.key().escape_ascii(), self.value().escape_ascii())
    }
}

/// The hash by which a key finds its place in the digest: XXH3, 64 bits, seed 0.
pub(super) fn key_hash(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

/// The hash that stands for a value where the value itself is not kept.
pub(super) fn value_hash(value: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(value)
}
