//! ZPL, the text format of CZMQ's configuration files and certificates (rfc.zeromq.org/spec/4).
//!
//! A text is a tree of items: a name, perhaps a value, and children indented by four more spaces.
//!
//! ```text
//! #   Comments begin with a hash
//! server
//!     timeout = 1000          #   so do comments at the end of a line
//! zgossip
//!     bind
//!         endpoint = "tcp://*:5670"
//!     bind
//!         endpoint = 'ipc://@/hub'
//! ```
//!
//! Names and values are bytes in any encoding. A text that CZMQ's `zconfig` reads is read alike here, with two exceptions:
//! lines may be longer than 1024 bytes, and a zero byte, at which CZMQ cuts the line, is an error. Beyond that, a comment
//! alone on its line may be indented by anything, and a byte order mark may come first. A hash outside quotes
//! begins a comment, so that `x#y` is `x`; only as the first thing behind `=` and white space it begins a value. A saved tree reads back as the same tree, here and in CZMQ: an item that no ZPL text can express is
//! refused when it is put. Comments are not kept.

use std::fmt;

use zeroize::Zeroize;

/// The number of spaces for each level of the tree.
const INDENT: usize = 4;

/// The byte order mark that some editors write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Number of levels that a tree may have: far more than any configuration, and few enough for recursion.
const MAX_DEPTH: usize = 64;

/// An item of a tree. The root has no name, and its children are the top-level items.
#[derive(Clone, Debug, Default)]
pub struct Item {
    name: Vec<u8>,
    value: Vec<u8>,
    children: Vec<Item>,
    /// The item's line in the text that it was read from, from 1; 0 for an item that was put.
    line: usize,
}

/// Items are equal if their names, values and children are, whatever their lines.
impl PartialEq for Item {
    fn eq(&self, other: &Item) -> bool {
        self.name == other.name && self.value == other.value && self.children == other.children
    }
}

impl Eq for Item {}

/// A text that is not ZPL.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SyntaxError {
    /// Line number, from 1.
    pub line: usize,
    /// The fault of that line.
    pub reason: &'static str,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl Item {
    /// An empty tree.
    pub fn root() -> Item {
        Item::default()
    }

    /// Reads a tree from a text, which is valid as a whole or not at all.
    pub fn parse(text: &[u8]) -> Result<Item, SyntaxError> {
        let mut root = Item::root();
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let placed = parse_line(line.trim_ascii_end_c()).and_then(|parsed| match parsed {
                Some((level, mut item)) => {
                    item.line = index + 1;
                    root.append_at(level, item)
                }
                None => Ok(()),
            });
            placed.map_err(|reason| SyntaxError { line: index + 1, reason })?;
        }
        Ok(root)
    }

    /// The text of the whole tree.
    pub fn save(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for child in &self.children {
            child.write(&mut text, 0);
        }
        text
    }

    /// The item's name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The item's value, empty where it has none.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The item's line in the text that it was read from, from 1; 0 for an item that was put.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The item's children, in the order of the text.
    pub fn children(&self) -> &[Item] {
        &self.children
    }

    /// The first item at `path`, whose names are separated by slashes; a leading slash is ignored.
    pub fn locate(&self, path: &[u8]) -> Option<&Item> {
        segments(path).try_fold(self, |item, name| item.children.iter().find(|child| child.name == name))
    }

    /// The value of the first item at `path`, unless it is missing or has none.
    pub fn get(&self, path: &[u8]) -> Option<&[u8]> {
        self.locate(path).map(Item::value).filter(|value| !value.is_empty())
    }

    /// Sets the value of the first item at `path`, which is made if it is missing. Nothing changes on error.
    pub fn put(&mut self, path: &[u8], value: &[u8]) -> Result<(), &'static str> {
        if segments(path).count() > MAX_DEPTH {
            return Err("path is nested too deeply");
        }
        if !segments(path).all(is_name) {
            return Err("path is not made of names");
        }
        quote(value).ok_or("value cannot be written in a configuration file")?;
        let mut item = self;
        for name in segments(path) {
            let found = item.children.iter().position(|child| child.name == name);
            let index = found.unwrap_or_else(|| {
                item.children.push(Item {
                    name: name.to_vec(),
                    value: Vec::new(),
                    children: Vec::new(),
                    line: 0,
                });
                item.children.len() - 1
            });
            item = &mut item.children[index];
        }
        item.value.zeroize();
        item.value.extend_from_slice(value);
        Ok(())
    }

    /// Appends an item to the last top-level one, under exactly this name: a slash in it separates nothing. Nothing changes
    /// on error.
    pub fn push_child(&mut self, name: &[u8], value: &[u8]) -> Result<(), &'static str> {
        if !is_name(name) || name.starts_with(b"/") || name.ends_with(b"/") {
            return Err("not a name");
        }
        quote(value).ok_or("value cannot be written in a configuration file")?;
        let item = Item { name: name.to_vec(), value: value.to_vec(), children: Vec::new(), line: 0 };
        self.append_at(1, item)
    }

    /// Appends `item` as the last child of the last item at `level`.
    fn append_at(&mut self, level: usize, item: Item) -> Result<(), &'static str> {
        if level >= MAX_DEPTH {
            return Err("nested too deeply");
        }
        let mut parent = self;
        for _ in 0..level {
            parent = parent.children.last_mut().ok_or("indented more than one level below the line above")?;
        }
        parent.children.push(item);
        Ok(())
    }

    fn write(&self, text: &mut Vec<u8>, indent: usize) {
        text.resize(text.len() + indent, b' ');
        text.extend_from_slice(&self.name);
        if !self.value.is_empty() {
            text.extend_from_slice(b" = ");
            // Every value comes from a text or through `put`, and so can be written.
            let quote = quote(&self.value).unwrap_or(Quote::Double).mark();
            text.extend_from_slice(quote);
            text.extend_from_slice(&self.value);
            text.extend_from_slice(quote);
        }
        text.push(b'\n');
        for child in &self.children {
            child.write(text, indent + INDENT);
        }
    }
}

/// Wipes the value: a tree may be a certificate, whose secret key must not stay in freed memory.
impl Drop for Item {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

/// The names along a path; a leading slash is ignored.
fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.strip_prefix(b"/").unwrap_or(path).split(|&byte| byte == b'/')
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().copied().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"$-_@.&+/".contains(&byte)
}

/// Trimming of the white space of C's `isspace`, which has the vertical tab; Rust's trimming leaves that.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

trait TrimC {
    fn trim_ascii_start_c(&self) -> &Self;
    fn trim_ascii_end_c(&self) -> &Self;
}

impl TrimC for [u8] {
    fn trim_ascii_start_c(&self) -> &[u8] {
        let start = self.iter().position(|&byte| !is_space(byte)).unwrap_or(self.len());
        &self[start..]
    }

    fn trim_ascii_end_c(&self) -> &[u8] {
        let end = self.iter().rposition(|&byte| !is_space(byte)).map_or(0, |last| last + 1);
        &self[..end]
    }
}

#[derive(Clone, Copy)]
enum Quote {
    Double,
    Single,
    Bare,
}

impl Quote {
    fn mark(self) -> &'static [u8] {
        match self {
            Quote::Double => b"\"",
            Quote::Single => b"'",
            Quote::Bare => b"",
        }
    }
}

/// Finds the way to write `value` so that it reads back, if there is one: ZPL knows no escapes.
fn quote(value: &[u8]) -> Option<Quote> {
    if value.contains(&b'\n') || value.contains(&0) {
        None
    } else if !value.contains(&b'"') {
        Some(Quote::Double)
    } else if !value.contains(&b'\'') {
        Some(Quote::Single)
    } else if (!value.contains(&b'#') || value[0] == b'#')
        && !matches!(value.first(), Some(b'"' | b'\''))
        && value.trim_ascii_start_c().trim_ascii_end_c() == value
    {
        Some(Quote::Bare)
    } else {
        None
    }
}

/// The level and the item of one line, or none for a line without an item. The line's end is trimmed.
fn parse_line(line: &[u8]) -> Result<Option<(usize, Item)>, &'static str> {
    if line.contains(&0) {
        return Err("zero byte");
    }
    let indent = line.iter().take_while(|&&byte| byte == b' ').count();
    let line = &line[indent..];
    // Before a comment any white space is accepted; CZMQ accepts multiples of four spaces, and tabs.
    if matches!(line.trim_ascii_start_c().first(), None | Some(b'#')) {
        return Ok(None);
    }
    if indent % INDENT != 0 {
        return Err("indent 4 spaces at once");
    }
    let (name, rest) = line.split_at(line.iter().take_while(|&&byte| is_name_byte(byte)).count());
    if name.is_empty() {
        return Err("name expected");
    }
    if name[0] == b'/' || name.ends_with(b"/") {
        return Err("'/' not valid at name start or end");
    }
    let rest = rest.trim_ascii_start_c();
    let value = match rest.strip_prefix(b"=") {
        Some(value) => parse_value(value)?,
        None => end_of_line(rest).map(|()| &rest[..0])?,
    };
    let item = Item { name: name.to_vec(), value: value.to_vec(), children: Vec::new(), line: 0 };
    Ok(Some((indent / INDENT, item)))
}

/// The value in the text behind an equals sign.
fn parse_value(behind: &[u8]) -> Result<&[u8], &'static str> {
    let text = behind.trim_ascii_start_c();
    match text.first() {
        // CZMQ takes a hash for the beginning of a value if it is the first thing behind white space.
        Some(b'#') if text.len() < behind.len() => Ok(text),
        Some(&mark @ (b'"' | b'\'')) => {
            let text = &text[1..];
            let end = text.iter().position(|&byte| byte == mark).ok_or("missing closing quote")?;
            end_of_line(&text[end + 1..])?;
            Ok(&text[..end])
        }
        _ => {
            let end = text.iter().position(|&byte| byte == b'#').unwrap_or(text.len());
            Ok(text[..end].trim_ascii_end_c())
        }
    }
}

/// Checks that nothing but a comment follows an item.
fn end_of_line(rest: &[u8]) -> Result<(), &'static str> {
    match rest.trim_ascii_start_c().first() {
        None | Some(b'#') => Ok(()),
        Some(_) => Err("invalid syntax"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Item {
        Item::parse(text.as_bytes()).unwrap()
    }

    fn refused(text: &str) -> SyntaxError {
        Item::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn reads_what_the_specification_shows() {
        let root = parse(
            "#   ZPL configuration\n\ncontext\n    iothreads = 1\n    verbose = 1      #   Ask for a trace\n\n\
             main\n    type = zqueue    #  ZMQ_DEVICE type\n    frontend\n        option\n            hwm = 1000\n\
             \x20           swap = 25000000     #  25MB\n        bind = 'inproc://addr1'\n        bind = 'ipc://addr2'\n\
             \x20   backend\n        bind = inproc://addr3",
        );
        assert_eq!(root.get(b"context/iothreads"), Some(&b"1"[..]));
        assert_eq!(root.get(b"/context/verbose"), Some(&b"1"[..]));
        assert_eq!(root.get(b"main/frontend/option/swap"), Some(&b"25000000"[..]));
        assert_eq!(root.get(b"main/backend/bind"), Some(&b"inproc://addr3"[..]));
        let binds: Vec<_> =
            root.locate(b"main/frontend").unwrap().children()[1..].iter().map(Item::value).collect();
        assert_eq!(binds, [&b"inproc://addr1"[..], b"ipc://addr2"]);
        assert_eq!(root.get(b"main"), None);
        assert_eq!(root.locate(b"main/nothing"), None);
        assert_eq!(root.locate(b""), None);
    }

    #[test]
    fn values_keep_what_quotes_hold() {
        let root = parse(
            "a = \"# 'x' \"  # y\nb = '\"'\nc =  plain words  # y\nd =# y\ne = ''\nf # y\ng=x\th\r\nh = \"\u{e9}\"",
        );
        let values: Vec<_> = root.children().iter().map(|item| item.value().to_vec()).collect();
        assert_eq!(
            values,
            [&b"# 'x' "[..], b"\"", b"plain words", b"", b"", b"", b"x\th", "\u{e9}".as_bytes()]
        );
        assert_eq!(parse("a = # x # y").get(b"a"), Some(&b"# x # y"[..]), "as in CZMQ");
        let hash = parse("a = # x 'y' \"z\" # 1");
        assert_eq!(Item::parse(&hash.save()).unwrap(), hash);
        assert_eq!(Item::parse(b"a = \xff\xfe").unwrap().get(b"a"), Some(&b"\xff\xfe"[..]));
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(refused("a\n   b = 1"), SyntaxError { line: 2, reason: "indent 4 spaces at once" });
        assert_eq!(refused("a\n\n        b = 1").line, 3);
        assert_eq!(refused("    b = 1").line, 1);
        assert_eq!(refused("a = \"1").reason, "missing closing quote");
        assert_eq!(refused("a = \"1\" 2").reason, "invalid syntax");
        assert_eq!(refused("a b").reason, "invalid syntax");
        assert_eq!(refused("= 1").reason, "name expected");
        assert_eq!(refused("\ta = 1").reason, "name expected");
        assert_eq!(refused("a/ = 1").reason, "'/' not valid at name start or end");
        assert_eq!(refused("a = \0").reason, "zero byte");
        let deep: String = (0..100).map(|level| format!("{}a\n", " ".repeat(4 * level))).collect();
        assert_eq!(refused(&deep), SyntaxError { line: 65, reason: "nested too deeply" });
    }

    #[test]
    fn comment_lines_may_stand_anywhere() {
        assert_eq!(parse("  # one\na = 1\n      # two\n    b = 2\n \t \n"), parse("a = 1\n    b = 2"));
    }

    #[test]
    fn put_makes_the_path_and_replaces_the_first() {
        let mut root = parse("a\n    b = 1\n    b = 2\n");
        root.put(b"a/b", b"3").unwrap();
        root.put(b"/a/c/d", b"4").unwrap();
        root.put(b"e", b"").unwrap();
        assert_eq!(root.save(), b"a\n    b = \"3\"\n    b = \"2\"\n    c\n        d = \"4\"\ne\n");
    }

    #[test]
    fn put_refuses_what_cannot_be_saved() {
        let mut root = Item::root();
        for path in [&b""[..], b"/", b"a//b", b"a/", b"a b", b"a\n", b"\xe9"] {
            assert!(root.put(path, b"1").is_err(), "{path:?}");
        }
        assert!(root.put(&b"a/".repeat(100)[..199], b"1").is_err());
        for value in [&b"a\nb"[..], b"a\0", b"'\"", b"x'\"#", b"x'\" "] {
            assert!(root.put(b"a", value).is_err(), "{value:?}");
        }
        assert_eq!(root, Item::root());
        root.put(b"a", b"x'\"y").unwrap();
        assert_eq!(Item::parse(&root.save()).unwrap(), root);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in prop::collection::vec(
            prop_oneof![
                prop::sample::select(&b"    \n\n==\"'#ab/\t\r"[..]),
                any::<u8>()
            ], 0..200)) {
            if let Ok(root) = Item::parse(&text) {
                prop_assert_eq!(Item::parse(&root.save()).unwrap(), root);
            }
        }

        #[test]
        fn what_was_put_reads_back(items in prop::collection::vec(
            ("[a-c]{1,2}(/[a-c$_.@&+-]{1,2}){0,3}", "[ -~]{0,8}"), 0..20)) {
            let mut root = Item::root();
            for (path, value) in &items {
                if root.put(path.as_bytes(), value.as_bytes()).is_ok() {
                    let got = root.get(path.as_bytes()).unwrap_or_default();
                    prop_assert_eq!(got, value.as_bytes());
                }
            }
            prop_assert_eq!(Item::parse(&root.save()).unwrap(), root);
        }
    }
}
