//! Log lines of a node, for the person who runs it.
//!
//! A [`Logger`] belongs to one node: every line begins with the node's name, so that several nodes of one process can
//! be told apart, and debug lines are written only while the node is verbose. Where the lines go is decided by the
//! [`Sink`] behind it: CZMQ's log where CZMQ is in the process, else [`Stderr`], which writes the same format. One call
//! makes one line: control and format characters in it (a key chosen by a stranger
//! may hold a line break, or turn the direction of writing) are shown escaped.
//! Secrets are never passed to this module.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::RwLock;

use crate::warning::{Kind, Value};

/// The beginning of the log lines of a node without a name.
const NO_NAME: &str = "zgossip";

/// Severity of a log line, in CZMQ's steps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// An error: the program asked for something impossible.
    Error,
    /// A warning: something was refused or went wrong; the node goes on.
    Warning,
    /// A notice: something normal that an operator will want to see.
    Notice,
    /// Information: something normal.
    Info,
    /// Internal steps, logged only by a verbose node.
    Debug,
}

impl Level {
    /// The letter that begins a line of this level.
    pub fn letter(self) -> char {
        match self {
            Level::Error => 'E',
            Level::Warning => 'W',
            Level::Notice => 'N',
            Level::Info => 'I',
            Level::Debug => 'D',
        }
    }
}

/// A place that log lines go to.
pub trait Sink: Send + Sync {
    /// Writes one line; `text` holds no line break.
    fn write(&self, level: Level, text: &str);

    /// The node is not configured to run in the background (`server/background`, 0 unless set). CZMQ turns its log
    /// to standard output then; elsewhere it means nothing.
    fn foreground(&self) {}
}

/// One node's log: cheap to clone, shared by its threads.
#[derive(Clone)]
pub struct Logger(Arc<Inner>);

struct Inner {
    sink: RwLock<Arc<dyn Sink>>,
    name: Box<str>,
    verbose: AtomicBool,
}

impl Logger {
    /// A log that writes to `sink` lines that begin with `name`, or with [`NO_NAME`] if that is empty; not verbose yet.
    pub fn new(name: &str, sink: Arc<dyn Sink>) -> Logger {
        Logger(Arc::new(Inner {
            sink: RwLock::new(sink),
            name: if name.is_empty() { NO_NAME } else { name }.into(),
            verbose: AtomicBool::new(false),
        }))
    }

    /// Returns whether [`debug`](Logger::debug) writes anything.
    pub fn verbose(&self) -> bool {
        self.0.verbose.load(Ordering::Relaxed)
    }

    /// Switches debug lines on or off.
    pub fn set_verbose(&self, verbose: bool) {
        self.0.verbose.store(verbose, Ordering::Relaxed);
    }

    /// Writes to another sink from now on.
    pub fn set_sink(&self, sink: Arc<dyn Sink>) {
        *self.0.sink.write() = sink;
    }

    /// A share of the sink, so that no lock is held while it writes.
    fn sink(&self) -> Arc<dyn Sink> {
        Arc::clone(&self.0.sink.read())
    }

    /// Reports to the sink that the node is not in the background.
    pub fn foreground(&self) {
        self.sink().foreground();
    }

    /// Writes an error.
    pub fn error(&self, text: impl fmt::Display) {
        self.write(Level::Error, text);
    }

    /// Writes a warning.
    pub fn warning(&self, text: impl fmt::Display) {
        self.write(Level::Warning, text);
    }

    /// Writes a warning of this kind about the running node, with `values` in its text.
    pub fn warn_of(&self, kind: Kind, values: &[Value]) {
        self.warning(kind.line(values));
    }

    /// Writes a notice.
    pub fn notice(&self, text: impl fmt::Display) {
        self.write(Level::Notice, text);
    }

    /// Writes an information line.
    pub fn info(&self, text: impl fmt::Display) {
        self.write(Level::Info, text);
    }

    /// Writes a debug line, indented as CZMQ's are, if the node is verbose; otherwise `text` is not even formatted.
    pub fn debug(&self, text: impl fmt::Display) {
        if self.verbose() {
            self.write(Level::Debug, format_args!("    {text}"));
        }
    }

    fn write(&self, level: Level, text: impl fmt::Display) {
        self.sink().write(level, &one_line(&format!("{}: {text}", self.0.name)));
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger").field("name", &self.0.name).field("verbose", &self.verbose()).finish()
    }
}

/// Characters that are not seen where they stand, and change what is seen of others: Unicode's categories Cf, Zl and Zp,
/// with whatever its later versions may add to the blocks of such characters.
const UNSEEN: [(char, char); 19] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{180e}', '\u{180e}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Returns whether a character may make a line look like another one.
fn is_unseen(c: char) -> bool {
    c.is_control() || (!c.is_ascii() && UNSEEN.iter().any(|&(first, last)| (first..=last).contains(&c)))
}

/// `text` with its control and format characters escaped.
fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unseen(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    Cow::Owned(line)
}

/// Bytes that a program gave (an endpoint, a key, a path) as they appear in a log line.
pub fn show(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Bytes that a stranger gave, such as the name of a peer, as text of one line: what is not UTF-8 is replaced, and control
/// and format characters are escaped.
pub fn printable(bytes: &[u8]) -> String {
    one_line(&show(bytes)).into_owned()
}

/// Writes to standard error what CZMQ would write: `W: 26-11-22 08:55:00 text`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stderr;

impl Sink for Stderr {
    fn write(&self, level: Level, text: &str) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let line = format!("{}: {} {text}\n", level.letter(), timestamp(now, offset(now)));
        // One write, so that lines of several nodes do not mix. A closed standard error is nobody's fault.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

static LOCAL_OFFSET: OnceLock<fn(u64) -> i64> = OnceLock::new();

/// Sets the function by which [`Stderr`] finds local time: `offset` takes seconds since 1970 and returns how many
/// seconds local time is ahead of UTC then. The time zone is the C library's knowledge, which only the layers above
/// may call; until they do, lines carry UTC. The first call counts.
pub fn set_local_offset(offset: fn(u64) -> i64) {
    let _ = LOCAL_OFFSET.set(offset);
}

fn offset(now: u64) -> i64 {
    LOCAL_OFFSET.get().map_or(0, |offset| offset(now))
}

/// `yy-mm-dd HH:MM:SS`, as CZMQ's log lines have it.
fn timestamp(now: u64, offset: i64) -> String {
    calendar(now, offset).split_off(2)
}

/// `yyyy-mm-dd HH:MM:SS`, always 19 bytes, by the proleptic Gregorian calendar: `offset` seconds after `now` seconds
/// since 1970.
pub fn calendar(now: u64, offset: i64) -> String {
    let local = i64::try_from(now).unwrap_or(i64::MAX).saturating_add(offset).max(0);
    let (days, second) = (local / 86_400, local % 86_400);
    // Years counted from 1 March 0000 put the leap day last, and 400 of them are always 146 097 days.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) =
        if month < 10 { (era * 400 + year, month + 3) } else { (era * 400 + year + 1, month - 9) };
    format!(
        "{:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        year.clamp(0, 9999),
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[derive(Default)]
    struct Lines(Mutex<Vec<(Level, String)>>);

    impl Sink for Lines {
        fn write(&self, level: Level, text: &str) {
            self.0.lock().push((level, text.to_owned()));
        }
    }

    #[test]
    fn timestamps_are_calendar_dates() {
        assert_eq!(timestamp(0, 0), "70-01-01 00:00:00");
        assert_eq!(timestamp(951_782_399, 0), "00-02-28 23:59:59");
        assert_eq!(timestamp(951_782_400, 0), "00-02-29 00:00:00");
        assert_eq!(timestamp(1_795_337_700, 0), "26-11-22 08:55:00");
        assert_eq!(timestamp(1_795_337_700, -9 * 3600), "26-11-21 23:55:00");
        assert_eq!(timestamp(4_102_444_799, 1), "00-01-01 00:00:00");
        assert_eq!(timestamp(10, -20), "70-01-01 00:00:00");
    }

    #[test]
    fn every_line_carries_the_name_and_debug_lines_wait_for_verbose() {
        let lines = Arc::new(Lines::default());
        let logger = Logger::new("alpha", lines.clone());
        logger.error("a");
        logger.warning("b");
        logger.notice("c");
        logger.info("d");
        Logger::new("", lines.clone()).info("e");
        let texts: Vec<_> = lines.0.lock().drain(..).map(|(_, text)| text).collect();
        assert_eq!(texts, ["alpha: a", "alpha: b", "alpha: c", "alpha: d", "zgossip: e"]);
        logger.debug("API command=PORT");
        logger.set_verbose(true);
        logger.debug(format_args!("API command={}", "PORT"));
        assert_eq!(*lines.0.lock(), [(Level::Debug, "alpha:     API command=PORT".to_owned())]);
    }

    #[test]
    fn a_line_break_in_a_text_does_not_forge_a_line() {
        let lines = Arc::new(Lines::default());
        Logger::new("a\nb", lines.clone()).warning("bad key 'a\nE: 26-11-22 x\u{1b}[2J'");
        assert_eq!(
            *lines.0.lock(),
            [(Level::Warning, r"a\nb: bad key 'a\nE: 26-11-22 x\u{1b}[2J'".to_owned())]
        );
    }

    #[test]
    fn characters_that_turn_or_hide_a_text_are_escaped() {
        let turned = "key \u{202e}drowssap\u{2066} \u{200b}\u{feff}\u{2028}\u{e0041}\u{61c}\u{ad}";
        let shown = r"key \u{202e}drowssap\u{2066} \u{200b}\u{feff}\u{2028}\u{e0041}\u{61c}\u{ad}";
        assert_eq!(printable(turned.as_bytes()), shown);
        let plain = "Zoë 東京 שלום \u{1f600} e\u{301} \u{fffd}";
        assert_eq!(one_line(plain), plain, "writing of all kinds stays as it is");
    }
}
