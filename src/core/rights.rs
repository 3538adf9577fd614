//! Who may read and write what: rules by subject and key prefix.
//!
//! A subject is what a link's peer has proved to be: a public key or the name of a certificate, which are texts without a
//! meaning here; [`OTHERS`] is everybody who has no rules of their own. Of a subject's rules the one with the longest prefix
//! of a key decides. As soon as there is one rule, what no rule allows is denied.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The subject of rules for everybody who has none of their own.
pub const OTHERS: &[u8] = b"*";
/// The longest subject, in bytes.
pub const MAX_SUBJECT: usize = 255;
/// The longest prefix, in bytes: that of a key.
const MAX_PREFIX: usize = 255;

/// What a subject may do with the keys below a prefix.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access(u8);

const WORDS: [(&str, Access); 5] = [
    ("none", Access::NONE),
    ("read", Access::READ),
    ("announce", Access::ANNOUNCE),
    ("retract", Access::RETRACT),
    ("write", Access::WRITE),
];

impl Access {
    /// Nothing.
    pub const NONE: Access = Access(0);
    /// To be sent tuples.
    pub const READ: Access = Access(1);
    /// To publish tuples with a time to live. Whoever writes may read, too: a writer has to see what its write replaces, and
    /// what replaces it, or the two could not agree.
    pub const ANNOUNCE: Access = Access(2 | Access::READ.0);
    /// To remove tuples.
    pub const RETRACT: Access = Access(4 | Access::READ.0);
    /// To publish any tuples, and to remove them.
    pub const WRITE: Access = Access(8 | Access::ANNOUNCE.0 | Access::RETRACT.0);

    /// Reads words that are separated by commas or blanks.
    pub fn parse(text: &[u8]) -> Result<Access, InvalidRule> {
        let words = text.split(|byte| *byte == b',' || byte.is_ascii_whitespace());
        let mut found: Option<Access> = None;
        let mut is_none = false;
        for word in words.filter(|word| !word.is_empty()) {
            let known = WORDS.iter().find(|(name, _)| name.as_bytes() == word);
            let &(_, access) = known.ok_or_else(|| InvalidRule::Word(word.into()))?;
            is_none |= access == Access::NONE;
            found = Some(Access(found.unwrap_or_default().0 | access.0));
        }
        match found {
            None => Err(InvalidRule::NoWord),
            Some(access) if is_none && access != Access::NONE => Err(InvalidRule::Contradiction),
            Some(access) => Ok(access),
        }
    }

    /// Returns whether all of `needed` is allowed.
    pub fn allows(self, needed: Access) -> bool {
        self.0 & needed.0 == needed.0
    }

    /// The bits, for a record.
    pub(in crate::core) fn bits(self) -> u8 {
        self.0
    }

    /// Access by its [bits](Access::bits).
    #[cfg(feature = "internals")]
    pub(in crate::core) fn from_bits(bits: u8) -> Option<Access> {
        (bits & !Access::WRITE.0 == 0).then_some(Access(bits))
    }
}

/// The reason why a rule is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidRule {
    /// No subject is named.
    NoSubject,
    /// The subject is longer than [`MAX_SUBJECT`].
    LongSubject,
    /// The prefix is longer than any key.
    LongPrefix,
    /// The prefix ends with an asterisk, which is no wildcard.
    Asterisk,
    /// This is no right.
    Word(Box<[u8]>),
    /// No right is named.
    NoWord,
    /// `none` stands beside a right.
    Contradiction,
}

impl fmt::Display for InvalidRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidRule::NoSubject => {
                f.write_str("a rule names no subject: a public key, a certificate's name, or *")
            }
            InvalidRule::LongSubject => write!(f, "a subject has {MAX_SUBJECT} bytes at most"),
            InvalidRule::LongPrefix => write!(f, "a prefix has {MAX_PREFIX} bytes at most"),
            InvalidRule::Asterisk => {
                f.write_str("a prefix stands for all keys that begin with it: it needs no *")
            }
            InvalidRule::Word(word) => {
                let word = crate::log::printable(word);
                write!(f, "'{word}' is not a right: read, announce, retract, write, or none")
            }
            InvalidRule::NoWord => {
                f.write_str("a rule names no right: read, announce, retract, write, or none")
            }
            InvalidRule::Contradiction => f.write_str("none stands beside a right"),
        }
    }
}

/// Subject and prefix of a rule.
type Place = (Box<[u8]>, Box<[u8]>);

/// Rules of a node, as they were set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights(BTreeMap<Place, Access>);

impl Rights {
    /// Sets the rule of a subject for the keys below a prefix; all keys, if that is empty or `*`. `None` takes the rule
    /// back. Returns the rule that was there.
    pub fn set(
        &mut self,
        subject: &[u8],
        prefix: &[u8],
        access: Option<Access>,
    ) -> Result<Option<Access>, InvalidRule> {
        let prefix = if prefix == OTHERS { &[] } else { prefix };
        match (subject.len(), prefix.len()) {
            (0, _) => return Err(InvalidRule::NoSubject),
            (MAX_SUBJECT.., _) if subject.len() > MAX_SUBJECT => return Err(InvalidRule::LongSubject),
            (_, MAX_PREFIX..) if prefix.len() > MAX_PREFIX => return Err(InvalidRule::LongPrefix),
            _ if prefix.ends_with(OTHERS) => return Err(InvalidRule::Asterisk),
            _ => {}
        }
        let place = (subject.into(), prefix.into());
        Ok(match access {
            Some(access) => self.0.insert(place, access),
            None => self.0.remove(&place),
        })
    }

    /// Returns whether there are no rules, and therefore everything is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All rules: subject, prefix and access, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8], Access)> {
        self.0.iter().map(|((subject, prefix), &access)| (&**subject, &**prefix, access))
    }

    /// The rules, by subject and prefix, that are not among `later` ones, which allow more there than these did.
    pub fn opened_by(&self, later: &Rights) -> Vec<(&[u8], &[u8])> {
        let tables = Tables::new(later);
        let access = |(subject, prefix): &Place| match &tables {
            Some(tables) => tables.table(std::slice::from_ref(subject)).access(prefix),
            None => Access::WRITE,
        };
        let lost = self.0.iter().filter(|(place, _)| !later.0.contains_key(*place));
        let opened = lost.filter(|(place, before)| !before.allows(access(place)));
        opened.map(|((subject, prefix), _)| (&**subject, &**prefix)).collect()
    }

    /// These rules and those of `others`, which count where both have one for a subject and prefix.
    #[must_use]
    pub fn with(&self, others: &Rights) -> Rights {
        let mut all = self.clone();
        all.0.extend(others.0.iter().map(|(place, &access)| (place.clone(), access)));
        all
    }
}

/// The rules of one subject, ready to be looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::core) struct Table {
    /// Prefixes in order, each with its access and the index of the longest other one that it begins with.
    rules: Vec<(Box<[u8]>, Access, Option<usize>)>,
}

impl Table {
    /// Adds a rule whose prefix comes behind all others in order.
    fn push(&mut self, prefix: &[u8], access: Access) {
        let before = self.rules.len().checked_sub(1);
        let shorter = self.climb(before, prefix);
        self.rules.push((prefix.into(), access, shorter));
    }

    /// The longest prefix of `key` among the rule with this index and those that it begins with.
    fn climb(&self, mut index: Option<usize>, key: &[u8]) -> Option<usize> {
        while let Some(at) = index
            && !key.starts_with(&self.rules[at].0)
        {
            index = self.rules[at].2;
        }
        index
    }

    /// The rule that decides about a key: its prefix, and what is allowed.
    pub(in crate::core) fn rule(&self, key: &[u8]) -> Option<(&[u8], Access)> {
        // Every prefix of the key is one of the last rule that is not behind the key.
        let behind = self.rules.partition_point(|(prefix, ..)| **prefix <= *key);
        let (prefix, access, _) = &self.rules[self.climb(behind.checked_sub(1), key)?];
        Some((prefix, *access))
    }

    /// The keys that the rules allow to read.
    pub(in crate::core) fn readable(&self) -> Readable {
        let mut readable = Table::default();
        for (prefix, access, _) in &self.rules {
            let access = if access.allows(Access::READ) { Access::READ } else { Access::NONE };
            if readable.access(prefix) != access {
                readable.push(prefix, access);
            }
        }
        Readable(readable)
    }

    /// What is allowed with a key.
    pub(in crate::core) fn access(&self, key: &[u8]) -> Access {
        self.rule(key).map_or(Access::NONE, |(_, access)| access)
    }
}

/// The keys that somebody may read, as the shortest table that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::core) struct Readable(Table);

impl Readable {
    /// Returns whether all keys may be read.
    pub(in crate::core) fn is_all(&self) -> bool {
        matches!(&self.0.rules[..], [(prefix, access, _)] if prefix.is_empty() && *access == Access::READ)
    }

    /// Returns whether a key may be read.
    pub(in crate::core) fn shows(&self, key: &[u8]) -> bool {
        self.0.access(key).allows(Access::READ)
    }
}

/// The rules of all subjects, ready to be looked up.
#[derive(Clone, Debug)]
pub(in crate::core) struct Tables {
    of: BTreeMap<Box<[u8]>, Arc<Table>>,
    others: Arc<Table>,
}

impl Tables {
    /// `None` where there are no rules.
    pub(in crate::core) fn new(rights: &Rights) -> Option<Tables> {
        let mut of: BTreeMap<Box<[u8]>, Table> = BTreeMap::new();
        for (subject, prefix, access) in rights.iter() {
            of.entry(subject.into()).or_default().push(prefix, access);
        }
        let others = Arc::new(of.remove(OTHERS).unwrap_or_default());
        let of = of.into_iter().map(|(subject, table)| (subject, Arc::new(table))).collect();
        (!rights.is_empty()).then_some(Tables { of, others })
    }

    /// The rules for a peer that has proved to be each of `subjects`: those of the first that has some.
    pub(in crate::core) fn table(&self, subjects: &[Box<[u8]>]) -> Arc<Table> {
        subjects.iter().find_map(|subject| self.of.get(subject)).unwrap_or(&self.others).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(rules: &[(&str, &str, &str)]) -> Rights {
        let mut rights = Rights::default();
        for (subject, prefix, access) in rules {
            let access = Access::parse(access.as_bytes()).unwrap();
            rights.set(subject.as_bytes(), prefix.as_bytes(), Some(access)).unwrap();
        }
        rights
    }

    fn access(rights: &Rights, subjects: &[&str], key: &str) -> Access {
        let subjects: Vec<Box<[u8]>> = subjects.iter().map(|subject| subject.as_bytes().into()).collect();
        Tables::new(rights).unwrap().table(&subjects).access(key.as_bytes())
    }

    #[test]
    fn the_longest_prefix_decides() {
        let rights = rights(&[
            ("w", "", "retract"),
            ("w", "a/", "write"),
            ("w", "a/b/", "none"),
            ("w", "a/b/c/d", "announce"),
            ("w", "a/b/c/e", "retract"),
            ("w", "ab", "announce, retract"),
            ("*", "open/", "write"),
        ]);
        let of_w = |key| access(&rights, &["key", "w"], key);
        for (key, expected) in [
            ("zoo", Access::RETRACT),
            ("A", Access::RETRACT),
            ("a", Access::RETRACT),
            ("a/", Access::WRITE),
            ("a/x", Access::WRITE),
            ("a/b", Access::WRITE),
            ("a/b/c", Access::NONE),
            ("a/b/c/da", Access::ANNOUNCE),
            ("a/b/c/dz/z", Access::ANNOUNCE),
            ("a/b/c/e", Access::RETRACT),
            ("a/b/c/f", Access::NONE),
            ("a/c", Access::WRITE),
            ("open/x", Access::RETRACT),
        ] {
            assert_eq!(of_w(key), expected, "{key}");
        }
        let both = of_w("abc");
        assert!(both.allows(Access::ANNOUNCE) && both.allows(Access::RETRACT) && !both.allows(Access::WRITE));
        assert_eq!(access(&rights, &["x"], "open/1"), Access::WRITE);
        assert_eq!(access(&rights, &[], "a/x"), Access::NONE, "what no rule allows is denied");
    }

    #[test]
    fn any_table_decides_as_a_search_of_all_its_rules_does() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut text = |most: usize| -> Vec<u8> {
            (0..random.usize(0..=most)).map(|_| random.u8(b'a'..=b'c')).collect()
        };
        for _ in 0..300 {
            let mut all = Rights::default();
            for number in 0..20 {
                all.set(b"*", &text(5), Some(Access([0, 1, 3, 15][number % 4]))).unwrap();
            }
            let table = Tables::new(&all).unwrap().table(&[]);
            for _ in 0..50 {
                let key = text(8);
                let matching = all.iter().filter(|(_, prefix, _)| key.starts_with(prefix));
                let expected =
                    matching.max_by_key(|(_, prefix, _)| prefix.len()).map(|(_, _, access)| access);
                assert_eq!(table.access(&key), expected.unwrap_or_default());
            }
        }
    }

    #[test]
    fn tables_that_allow_to_read_the_same_are_alike() {
        let readable = |rules: &[(&str, &str)]| {
            let rules: Vec<_> = rules.iter().map(|&(prefix, access)| ("*", prefix, access)).collect();
            Tables::new(&rights(&rules)).unwrap().table(&[]).readable()
        };
        assert!(readable(&[("", "read"), ("a/", "write"), ("b/", "announce")]).is_all());
        assert!(!readable(&[("a/", "write")]).is_all() && !readable(&[("", "none")]).is_all());
        let some = readable(&[
            ("", "retract"),
            ("a/", "none"),
            ("a/b/", "none"),
            ("a/b/c/", "read"),
            ("d", "write"),
        ]);
        assert_eq!(some, readable(&[("", "read"), ("a/", "none"), ("a/b/c/", "write")]));
        let shown = ["", "a", "a/", "a/b/x", "a/b/c/", "a/b/c/x", "d"].map(|key| some.shows(key.as_bytes()));
        assert_eq!(shown, [true, true, false, false, true, true, true]);
        assert_eq!(readable(&[("", "none"), ("x", "none")]), readable(&[("y", "none")]));
    }

    #[test]
    fn what_could_mean_something_else_is_no_rule() {
        let text = |error: InvalidRule| error.to_string();
        let parse = |rights: &str| Access::parse(rights.as_bytes()).map_err(text);
        assert_eq!(parse(" retract,write "), Ok(Access::WRITE));
        assert_eq!(parse("none"), Ok(Access::NONE));
        for (bad, reason) in [
            ("", "a rule names no right"),
            (" , ", "a rule names no right"),
            ("wirte", "'wirte' is not a right"),
            ("retract write, Write", "'Write' is not a right"),
            ("none, retract", "none stands beside a right"),
        ] {
            assert!(parse(bad).is_err_and(|error| error.starts_with(reason)), "{bad}");
        }
        let mut rights = Rights::default();
        let mut set = |subject: &[u8], prefix: &[u8]| rights.set(subject, prefix, Some(Access::WRITE));
        assert_eq!(set(b"", b"a"), Err(InvalidRule::NoSubject));
        assert_eq!(set(&[b'x'; 256], b"a"), Err(InvalidRule::LongSubject));
        assert_eq!(set(b"x", &[b'x'; 256]), Err(InvalidRule::LongPrefix));
        assert_eq!(set(b"x", b"service/*"), Err(InvalidRule::Asterisk));
        assert_eq!((set(b"x", b"*"), set(b"x", b"")), (Ok(None), Ok(Some(Access::WRITE))));
        assert_eq!(rights.set(b"x", b"", None), Ok(Some(Access::WRITE)));
        assert!(rights.is_empty() && Tables::new(&rights).is_none());
    }
}
