//! Which names of a configuration mean something, and which one is meant by one that does not.

use std::fmt;

use super::config;
use crate::actor::file::zpl::Item;
use crate::log::show;

/// Names that mean something, beside those of the settings.
const OTHERS: &[&str] = &[
    "server/animate",
    "zgossip/echo",
    "zgossip/bind",
    "zgossip/bind/endpoint",
    "zgossip/connect",
    "zgossip/connect/endpoint",
    "zgossip/connect/server-key",
    "zgossip/security",
    "zgossip/security/mechanism",
    "zgossip/security/secret-key",
    "zgossip/security/domain",
];

/// How alike (0 to 1) a name has to be to one that is known, for it to be meant.
const ALIKE: f64 = 0.8;
/// No longer name (bytes) is as alike to any that is known; comparing takes time and memory by the length.
const LONGEST: usize = 64;

/// An item of the `server` or `zgossip` section that means nothing: other sections may be the program's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unknown {
    /// Names from the root, separated by slashes.
    pub path: String,
    /// The line that it stands on; 0 if it stands in no file.
    pub line: usize,
    nearest: Option<&'static str>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' means nothing", self.path)?;
        self.nearest.map_or(Ok(()), |nearest| write!(f, "; is '{nearest}' meant?"))
    }
}

fn paths() -> impl Iterator<Item = &'static str> {
    config::paths().chain(OTHERS.iter().copied())
}

/// Whether the item at `path`, of the `server` or `zgossip` section, means nothing.
pub fn unknown(path: &[u8]) -> Option<Unknown> {
    let path = show(config::relative(path)).into_owned();
    if !(path.starts_with("server/") || path.starts_with("zgossip/")) || paths().any(|known| known == path) {
        return None;
    }
    let short = || paths().filter(|_| path.len() <= LONGEST);
    let alike = short().map(|known| (strsim::normalized_damerau_levenshtein(known, &path), known));
    let nearest = alike.max_by(|one, two| one.0.total_cmp(&two.0)).filter(|&(alike, _)| alike >= ALIKE);
    Some(Unknown { path, line: 0, nearest: nearest.map(|(_, known)| known) })
}

/// All items of the `server` and `zgossip` sections that mean nothing.
pub fn all_unknown(tree: &Item) -> Vec<Unknown> {
    fn add(item: &Item, path: &[u8], found: &mut Vec<Unknown>) {
        for child in item.children() {
            let path = [path, b"/", child.name()].concat();
            match unknown(&path) {
                Some(unknown) => found.push(Unknown { line: child.line(), ..unknown }),
                None => add(child, &path, found),
            }
        }
    }
    let mut found = Vec::new();
    for section in tree.children().iter().filter(|item| matches!(item.name(), b"server" | b"zgossip")) {
        add(section, section.name(), &mut found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_is_named_with_what_may_be_meant() {
        let text = "server\n    timeuot = 5\n    colour = red\nzgossip\n    bind\n        endpiont = x\n\
                    \x20   security\n        mechanism = null\nmine\n    anything = 1\n";
        let found: Vec<_> = all_unknown(&Item::parse(text.as_bytes()).unwrap())
            .iter()
            .map(|unknown| format!("{}: {unknown}", unknown.line))
            .collect();
        let expected = [
            "2: 'server/timeuot' means nothing; is 'server/timeout' meant?",
            "3: 'server/colour' means nothing",
            "6: 'zgossip/bind/endpiont' means nothing; is 'zgossip/bind/endpoint' meant?",
        ];
        assert_eq!(found, expected);
        for known in paths() {
            assert_eq!(unknown(known.as_bytes()), None);
        }
        assert!(
            unknown(&[b"server/", &vec![b'x'; 10 << 20][..]].concat())
                .is_some_and(|unknown| unknown.nearest.is_none())
        );
        assert!(paths().all(|known| (known.len() as f64) < ALIKE * LONGEST as f64));
        assert!(unknown(b"/server/verbos").is_some() && unknown(b"mine/anything").is_none());
    }
}
