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

/// Reason why bytes cannot be a key.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum InvalidKey {
    /// The key has no byte.
    Empty,
    /// The key has more than [`Tuple::MAX_KEY`] bytes.
    TooLong,
    /// A byte is NUL, which no C string can hold.
    NulByte,
}

impl InvalidKey {
    /// The reason, in words that stand behind the word "key".
    pub fn text(self) -> &'static str {
        match self {
            InvalidKey::Empty => "is empty",
            InvalidKey::TooLong => "is longer than 255 bytes",
            InvalidKey::NulByte => "holds a NUL byte",
        }
    }
}

/// Checks that `key` can be the key of a tuple: 1 to 255 bytes, none of them NUL. The one rule for keys, whether they
/// come from a program or a peer.
pub fn check_key(key: &[u8]) -> Result<(), InvalidKey> {
    match key.len() {
        0 => Err(InvalidKey::Empty),
        1..=Tuple::MAX_KEY if !is_text(key) => Err(InvalidKey::NulByte),
        1..=Tuple::MAX_KEY => Ok(()),
        _ => Err(InvalidKey::TooLong),
    }
}

/// Returns whether there is no NUL byte. All bytes are examined, even behind a NUL, in pieces of 16 that compile to a
/// few vector instructions; the last two pieces may overlap.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    const PIECE: usize = 16;
    let has_nul = |piece: &[u8]| piece.iter().fold(false, |found, &byte| found | (byte == 0));
    match bytes.last_chunk::<PIECE>() {
        Some(last) => !bytes.chunks_exact(PIECE).any(has_nul) && !has_nul(last),
        None => !has_nul(bytes),
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

/// The first keys, of any number, of 32 bytes that have this hash: XXH3 combines two halves, of which one can make up
/// for the other.
#[cfg(any(test, feature = "internals"))]
pub fn keys_of_hash(hash: u64) -> impl Iterator<Item = Vec<u8>> {
    const SECRETS: [u64; 4] =
        [0xBE4B_A423_396C_FEB8, 0x1CAD_21F7_2C81_017C, 0xDB97_9083_E96D_D4DE, 0x1F67_B3B7_A4A4_4072];
    const FACTOR: u64 = 0x1656_6791_9E37_79F9;
    const LENGTH: u64 = 32u64.wrapping_mul(0x9E37_79B1_85EB_CA87);
    let inverse = (0..6).fold(FACTOR, |x, _| x.wrapping_mul(2u64.wrapping_sub(FACTOR.wrapping_mul(x))));
    let mixed = (hash ^ hash >> 32).wrapping_mul(inverse);
    let sum = (mixed ^ mixed >> 37).wrapping_sub(LENGTH);
    let keys = (0u64..).map(move |number| {
        let first = number | 1 << 60;
        let product = u128::from(first) << 1;
        let rest = sum.wrapping_sub(product as u64 ^ (product >> 64) as u64);
        let words = [first ^ SECRETS[0], 2 ^ SECRETS[1], rest ^ SECRETS[2], 1 ^ SECRETS[3]];
        words.map(u64::to_le_bytes).concat()
    });
    keys.filter(|key| is_text(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_wherever_it_is() {
        for length in 0..70 {
            let mut bytes = vec![0xFF; length];
            assert!(is_text(&bytes), "{length} bytes");
            for place in 0..length {
                bytes[place] = 0;
                assert!(!is_text(&bytes), "{length} bytes, a NUL at {place}");
                bytes[place] = 0xFF;
            }
        }
    }

    #[test]
    fn any_number_of_keys_has_one_hash() {
        let honest = key_hash(b"honest");
        let keys: std::collections::HashSet<Vec<u8>> = keys_of_hash(honest).take(10_000).collect();
        assert!(keys.len() == 10_000 && keys.iter().all(|key| key_hash(key) == honest));
    }

    #[test]
    fn a_key_has_1_to_255_bytes_and_no_nul() {
        assert_eq!(check_key(b""), Err(InvalidKey::Empty));
        assert_eq!([1, 255].map(|length| check_key(&vec![b'k'; length])), [Ok(()); 2]);
        assert_eq!(check_key(&[b'k'; 256]), Err(InvalidKey::TooLong));
        assert_eq!(check_key(&[0; 256]), Err(InvalidKey::TooLong));
        assert_eq!(check_key(b"k\0"), Err(InvalidKey::NulByte));
    }
}
