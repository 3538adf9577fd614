//! Changes of files: how a file that was read is known to be another one now.

use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// The fingerprint of a file's content: it differs where the file was written again, or replaced, or where others may read
/// it than before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fingerprint {
    /// Time of the last modification: seconds and nanoseconds.
    modified: (i64, i64),
    /// Time of the last change of content, permissions or names, which programs cannot set as they can the other.
    changed: (i64, i64),
    /// Size in bytes.
    size: u64,
    inode: u64,
}

impl Fingerprint {
    /// The fingerprint of the file that has this metadata.
    pub fn of(metadata: &Metadata) -> Fingerprint {
        Fingerprint {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            size: metadata.len(),
            inode: metadata.ino(),
        }
    }
}

/// A file that was read, to be read again when it changes.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    /// The file's fingerprint when it was read.
    seen: Fingerprint,
    /// What was seen last, if that was something else.
    changed: Fingerprint,
    /// Whether the text ended with the end of a line.
    ends_line: bool,
}

impl Watch {
    /// A watch on the file at `path`, of which this was `seen` when it was read.
    pub(super) fn new(path: PathBuf, seen: Fingerprint, ends_line: bool) -> Watch {
        Watch { path, seen, changed: seen, ends_line }
    }

    /// Returns whether the text ended with the end of a line, as far as it was read.
    pub fn ends_line(&self) -> bool {
        self.ends_line
    }

    /// The file's absolute path.
    pub fn name(&self) -> &[u8] {
        self.path.as_os_str().as_bytes()
    }

    /// Returns whether the file has changed since it was read, and is the same as at the call before: a file that is being
    /// written is left until it is complete. A change is told once. A file that is gone has not changed: it may be about to
    /// be replaced.
    pub fn has_changed(&mut self) -> bool {
        let Ok(metadata) = fs::metadata(&self.path) else { return false };
        let now = Fingerprint::of(&metadata);
        let is_stable = std::mem::replace(&mut self.changed, now) == now;
        is_stable && std::mem::replace(&mut self.seen, now) != now
    }

    /// Takes the file as it is now for what was read: it was written by this node.
    pub fn skip_change(&mut self) {
        if let Ok(metadata) = fs::metadata(&self.path) {
            self.seen = Fingerprint::of(&metadata);
            (self.changed, self.ends_line) = (self.seen, true);
        }
    }
}
