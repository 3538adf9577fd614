//! In place of the file in which a node's content is kept, where the library is built without the feature `store`.

use std::path::{Path, PathBuf};

use crate::core::Changes;

use super::Error;

/// A file that is never open.
pub(super) enum StoreFile {}

/// What became of the file that was there.
pub(super) struct Opened {
    pub(super) file: StoreFile,
    pub(super) head: Option<Vec<u8>>,
    pub(super) set_aside: Option<PathBuf>,
}

/// A file that was closed because of an error.
pub(super) struct Closed {
    pub(super) path: PathBuf,
    pub(super) error: Error,
}

impl StoreFile {
    /// Fails.
    pub(super) fn open(_path: &Path) -> Result<Opened, Error> {
        Err(Error::with(libc::ENOTSUP, "the library was built without the feature `store`"))
    }

    /// Fails.
    pub(super) fn reopen(path: PathBuf) -> Result<StoreFile, Closed> {
        let Err(error) = StoreFile::open(&path);
        Err(Closed { path, error })
    }

    /// Cannot be called.
    pub(super) fn for_each(&self, _take: impl FnMut(&[u8], &[u8])) -> Result<(), Error> {
        match *self {}
    }

    /// Cannot be called.
    pub(super) fn write(self, _changes: &Changes) -> Result<StoreFile, Closed> {
        match self {}
    }
}
