//! Tuples: a key and its value, shared between the store, the links and the owner's queue.

use std::fmt;
use std::hash::{Hash, Hasher};
use triomphe::ThinArc;

/// Immutable key and value in one allocation. A clone has the size of a pointer, and shares the allocation.
#[derive(Clone)]
pub struct Tuple {
    /// Length of the key (one byte), key, value.
    data: ThinArc<(), u8>,
}

/// Bytes of a tuple up to which it is assembled on the stack: most tuples are smaller.
const SMALL: usize = 256;

impl Tuple {
    /// Longest key that the wire can carry, in bytes.
    pub const MAX_KEY: usize = 255;

    /// A tuple of `key` (1 to 255 bytes) and `value`.
    ///
    /// # Panics
    /// When the key is longer than [`Tuple::MAX_KEY`]; callers check it where it comes in.
    pub fn new(key: &[u8], value: &[u8]) -> Tuple {
        let length = u8::try_from(key.len()).expect("key length is checked where a key comes in");
        let (begin, size) = (1 + key.len(), 1 + key.len() + value.len());
        let (mut small, mut large) = ([0; SMALL], Vec::new());
        let data = if size <= SMALL {
            &mut small[..size]
        } else {
            large.resize(size, 0);
            &mut large[..]
        };
        data[0] = length;
        data[1..begin].copy_from_slice(key);
        data[begin..].copy_from_slice(value);
        Tuple { data: ThinArc::from_header_and_slice((), data) }
    }

    fn bytes(&self) -> &[u8] {
        &self.data.slice
    }

    /// The key.
    pub fn key(&self) -> &[u8] {
        let bytes = self.bytes();
        &bytes[1..=usize::from(bytes[0])]
    }

    /// The value.
    pub fn value(&self) -> &[u8] {
        let bytes = self.bytes();
        &bytes[1 + usize::from(bytes[0])..]
    }
}

impl PartialEq for Tuple {
    fn eq(&self, other: &Tuple) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Tuple {}

impl Hash for Tuple {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

impl fmt::Debug for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.key().escape_ascii(), self.value().escape_ascii())
    }
}

/// Hash of a key, which is its place in the digest's trie: XXH3, 64 bits, seed 0.
pub(super) fn key_hash(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

/// Hash that stands for a value where the value itself is not kept: XXH3, 64 bits, seed 0.
pub(super) fn value_hash(value: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(value)
}
