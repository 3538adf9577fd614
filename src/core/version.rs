//! Versions of tuples: stamps, as programs see them.

use std::fmt;

use crate::core::clock::Stamp;

/// Version of a tuple: it differs for each write, and is the same on all nodes. Of two versions of a key, the later
/// write has the greater one. What else is in it is nobody's business.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Version(Stamp);

impl Version {
    pub(in crate::core) fn of(stamp: Stamp) -> Version {
        Version(stamp)
    }

    /// Number of digits that a version is written in.
    pub const DIGITS: usize = 32;

    /// The version that is written in these bytes, as [`Display`](fmt::Display) writes it: 32 hexadecimal digits. `None`
    /// if they are none.
    pub fn parse(text: impl AsRef<[u8]>) -> Option<Version> {
        let text = std::str::from_utf8(text.as_ref()).ok().filter(|text| text.len() == Version::DIGITS)?;
        let half = |digits: &str| {
            let is_written = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
            u64::from_str_radix(digits, 16).ok().filter(|_| is_written)
        };
        Some(Version(Stamp { time: half(&text[..16])?, origin: half(&text[16..])? }))
    }
}

/// 32 hexadecimal digits, which compare as the versions do.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0.time, self.0.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_their_texts_and_come_back_from_them() {
        let stamps =
            [(0, 0), (0, 1), (9, 1 << 63), (10, 1), (1 << 40, 0), (u64::MAX, 3), (u64::MAX, u64::MAX)];
        let versions = stamps.map(|(time, origin)| Version::of(Stamp { time, origin }));
        for pair in versions.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].to_string() < pair[1].to_string());
        }
        for version in versions {
            assert_eq!(Version::parse(version.to_string()), Some(version));
        }
        let text = versions[4].to_string();
        for wrong in
            ["", &text[1..], &format!("{text}0"), &text.replace('0', "+"), &"A".repeat(32), &"é".repeat(16)]
        {
            assert_eq!(Version::parse(wrong), None, "{wrong}");
        }
    }
}
