//! Changes of files: how a file that was read is known to be another one now.

use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The fingerprint of a file's content: it differs where the file was written again, or replaced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fingerprint {
    /// Time of the last modification: seconds and nanoseconds.
    modified: (i64, i64),
    /// Size in bytes.
    size: u64,
    inode: u64,
}

impl Fingerprint {
    /// The fingerprint of the file that has this metadata.
    pub fn of(metadata: &Metadata) -> Fingerprint {
        Fingerprint {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            size: metadata.len(),
            inode: metadata.ino(),
        }
    }
}

/// A file that was read, to be read again when it changes.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    /// The file's fingerprint when it was read; `None` if that could not be found out.
    seen: Option<Fingerprint>,
}

impl Watch {
    /// A watch on the file at `path`, whose metadata were `read` before its content was: a change in between is seen.
    pub(super) fn new(path: &Path, read: Option<&Metadata>) -> Watch {
        Watch { path: path.to_owned(), seen: read.map(Fingerprint::of) }
    }

    /// The file's name.
    pub fn name(&self) -> &[u8] {
        self.path.as_os_str().as_bytes()
    }

    /// Returns whether the file has changed since it was read, or since the last call. A file that is gone has not
    /// changed: it may be about to be replaced.
    pub fn has_changed(&mut self) -> bool {
        let Ok(metadata) = fs::metadata(&self.path) else { return false };
        let now = Some(Fingerprint::of(&metadata));
        std::mem::replace(&mut self.seen, now) != now
    }
}
