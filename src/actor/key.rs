//! The rule for keys, for commands and typed calls alike.

use crate::core::Tuple;

/// Checks that `key` can be the key of a tuple: 1 to 255 bytes, none of them NUL. The error says what is wrong, to stand
/// behind the word "key".
pub fn check_key(key: &[u8]) -> Result<(), &'static str> {
    match key.len() {
        0 => Err("is empty"),
        1..=Tuple::MAX_KEY if key.contains(&0) => Err("holds a NUL byte"),
        1..=Tuple::MAX_KEY => Ok(()),
        _ => Err("is longer than 255 bytes"),
    }
}
