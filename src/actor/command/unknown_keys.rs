//! Items of a configuration that have no meaning, and the keys that they may be misspelt from.

use std::fmt;

use super::configuration::{CONFIGURATION, relative};
use crate::actor::file::zpl::Item;
use crate::log::show;

/// Similarity (0 to 1) to a known path from which on a path is taken for a misspelling of it. One wrong letter in
/// five: `timeuot` is found, and another word is not.
const SIMILAR: f64 = 0.8;
/// The longest path, in bytes, that is compared: no longer one is similar enough to a known path, and comparing takes
/// time and memory in proportion to the length.
const LONGEST: usize = 64;

/// An item of the `server` or `zgossip` section that has no meaning. Other sections may be the program's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unknown {
    /// The item's path: names from the root, separated by slashes.
    pub path: String,
    /// The line of the file that the item stands on; 0 if it comes from no file.
    pub line: usize,
    nearest: Option<&'static str>,
}

impl Unknown {
    /// Returns whether the item may be a misspelling of the section or item at `path`, or of one in it.
    pub fn is_near(&self, path: &str) -> bool {
        self.nearest.is_some_and(|nearest| nearest.starts_with(path))
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a known setting", self.path)?;
        self.nearest.map_or(Ok(()), |nearest| write!(f, "; did you mean '{nearest}'?"))
    }
}

/// The paths that have a meaning: all keys, and the sections below the first level that keys are in.
fn paths() -> impl Iterator<Item = &'static str> {
    let sections = CONFIGURATION.iter().filter_map(|key| key.path.rsplit_once('/'));
    CONFIGURATION.iter().map(|key| key.path).chain(sections.map(|(section, _)| section))
}

/// The item at `path` as an [`Unknown`], if it is in the `server` or `zgossip` section and has no meaning.
pub fn unknown(path: &[u8]) -> Option<Unknown> {
    let path = show(relative(path)).into_owned();
    if !(path.starts_with("server/") || path.starts_with("zgossip/")) || paths().any(|known| known == path) {
        return None;
    }
    let comparable = || paths().filter(|_| path.len() <= LONGEST);
    let similarity = comparable().map(|known| (strsim::normalized_damerau_levenshtein(known, &path), known));
    let nearest = similarity
        .max_by(|one, two| one.0.total_cmp(&two.0))
        .filter(|&(similarity, _)| similarity >= SIMILAR);
    Some(Unknown { path, line: 0, nearest: nearest.map(|(_, known)| known) })
}

/// All items of the `server` and `zgossip` sections of `tree` that have no meaning.
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
    for item in tree.children().iter().filter(|item| !matches!(item.name(), b"server" | b"zgossip")) {
        // Another name is the program's own, unless it is almost one of these.
        let name = show(item.name()).into_owned();
        let similar = |known: &str| {
            name.len() <= LONGEST
                && !name.starts_with(known)
                && strsim::normalized_damerau_levenshtein(known, &name) >= SIMILAR
        };
        if let Some(nearest) = ["server", "zgossip"].into_iter().find(|known| similar(known)) {
            found.push(Unknown { path: name, line: item.line(), nearest: Some(nearest) });
        }
    }
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
            "2: 'server/timeuot' is not a known setting; did you mean 'server/timeout'?",
            "3: 'server/colour' is not a known setting",
            "6: 'zgossip/bind/endpiont' is not a known setting; did you mean 'zgossip/bind/endpoint'?",
        ];
        assert_eq!(found, expected);
        let misspelt = all_unknown(&Item::parse(b"sever\n    timeout = 5\nservice\n").unwrap());
        let misspelt: Vec<_> = misspelt.iter().map(ToString::to_string).collect();
        assert_eq!(misspelt, ["'sever' is not a known setting; did you mean 'server'?"]);
        for known in paths() {
            assert_eq!(unknown(known.as_bytes()), None);
        }
        assert!(
            unknown(&[b"server/", &vec![b'x'; 10 << 20][..]].concat())
                .is_some_and(|unknown| unknown.nearest.is_none())
        );
        assert!(paths().all(|known| (known.len() as f64) < SIMILAR * LONGEST as f64));
        assert!(unknown(b"/server/verbos").is_some() && unknown(b"mine/anything").is_none());
    }
}
