//! The file in which a node's content is kept over restarts: a redb database.
//!
//! redb writes copies of pages and one header, so that the file is whole whenever the process or the machine stops; what
//! a disk garbles is found by the checksums of redb and of the records. A file that cannot be read is set aside under
//! another name, and nothing is ever deleted.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{
    CommitError, Database, DatabaseError, ReadableTable, StorageError, TableDefinition, TableError,
    TransactionError,
};

use crate::core::Changes;

use super::Error;

/// Keys and their records.
const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
/// What there is once.
const NODE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("node");
const HEAD: &str = "head";
const FORMAT_KEY: &str = "format";
/// The version of the format of records and head.
const FORMAT: u8 = 1;
/// The first bytes of a redb database.
const MAGIC: &[u8] = b"redb";
/// Bytes of pages that are kept in memory.
const CACHE: usize = 4 << 20;
/// Files that are set aside beside one.
const MOST_ASIDE: u32 = 99;

/// The open file.
pub(super) struct StoreFile {
    database: Database,
    path: PathBuf,
}

/// What became of the file that was there.
pub(super) struct Opened {
    /// The open file.
    pub(super) file: StoreFile,
    /// The record of the node itself, if the file has one.
    pub(super) head: Option<Vec<u8>>,
    /// The name under which a damaged file was set aside.
    pub(super) set_aside: Option<PathBuf>,
}

/// A file that was closed because of an error.
pub(super) struct Closed {
    pub(super) path: PathBuf,
    pub(super) error: Error,
}

/// Why a file cannot be used.
enum Failure {
    /// It is damaged.
    Damaged,
    /// The system refuses.
    Io(io::Error),
    /// Something else, which stays as it is.
    Other(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}

impl Failure {
    fn of(error: redb::Error) -> Failure {
        match error {
            redb::Error::Io(error) if error.raw_os_error().is_some() => Failure::Io(error),
            redb::Error::DatabaseAlreadyOpen => {
                Failure::Other(Error::with(libc::EBUSY, "another node keeps its tuples there"))
            }
            _ => Failure::Damaged,
        }
    }
}

macro_rules! failures {
    ($($error:ident)*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Failure {
                Failure::of(error.into())
            }
        })*
    };
}
failures! { CommitError DatabaseError StorageError TableError TransactionError }

/// Runs what may panic over a damaged file.
fn guarded<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(Failure::Damaged))
}

impl StoreFile {
    /// Opens the file at `path`, or makes it. A damaged one is set aside.
    pub(super) fn open(path: &Path) -> Result<Opened, Error> {
        let refused = |failure| match failure {
            Failure::Io(error) => {
                Error::io(format_args!("cannot keep tuples in '{}'", path.display()), &error)
            }
            Failure::Other(error) => error,
            Failure::Damaged => {
                Error::with(libc::EIO, format!("'{}' cannot be used as a store", path.display()))
            }
        };
        match StoreFile::read(path) {
            Ok((file, head)) => Ok(Opened { file, head, set_aside: None }),
            Err(Failure::Damaged) => {
                let aside = set_aside(path).map_err(|error| refused(error.into()))?;
                let (file, head) = StoreFile::read(path).map_err(refused)?;
                Ok(Opened { file, head, set_aside: Some(aside) })
            }
            Err(failure) => Err(refused(failure)),
        }
    }

    fn read(path: &Path) -> Result<(StoreFile, Option<Vec<u8>>), Failure> {
        let file = open_file(path)?;
        let (database, format, head) = guarded(|| {
            let mut builder = Database::builder();
            let database =
                builder.set_cache_size(CACHE).create_with_file_format_v3(true).create_file(file)?;
            let transaction = database.begin_read()?;
            let (format, head) = match transaction.open_table(NODE) {
                Ok(table) => {
                    let get =
                        |key| Ok::<_, StorageError>(table.get(key)?.map(|bytes| bytes.value().to_vec()));
                    (get(FORMAT_KEY)?, get(HEAD)?)
                }
                Err(TableError::TableDoesNotExist(_)) => (None, None),
                Err(error) => return Err(error.into()),
            };
            Ok((database, format, head))
        })?;
        match format.as_deref() {
            None | Some([..=FORMAT]) => Ok((StoreFile { database, path: path.to_owned() }, head)),
            Some(_) => {
                let text = format!("'{}' was written by a newer version of this library", path.display());
                Err(Failure::Other(Error::with(libc::ENOTSUP, text)))
            }
        }
    }

    /// Opens a file again, after writing has failed.
    pub(super) fn reopen(path: PathBuf) -> Result<StoreFile, Closed> {
        match StoreFile::open(&path) {
            Ok(opened) => Ok(opened.file),
            Err(error) => Err(Closed { path, error }),
        }
    }

    /// Hands over all keys with their records. An error if not all of them can be read.
    pub(super) fn for_each(&self, mut take: impl FnMut(&[u8], &[u8])) -> Result<(), Error> {
        let all = guarded(|| {
            let transaction = self.database.begin_read()?;
            let table = match transaction.open_table(RECORDS) {
                Ok(table) => table,
                Err(TableError::TableDoesNotExist(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            for entry in table.iter()? {
                let (key, record) = entry?;
                take(key.value(), record.value());
            }
            Ok(())
        });
        all.map_err(|failure| self.error("read", failure))
    }

    /// Writes changes. When it returns, they are on the disk, or the file is closed: redb takes no more after a failure.
    pub(super) fn write(self, changes: &Changes) -> Result<StoreFile, Closed> {
        let written = guarded(|| {
            let transaction = self.database.begin_write()?;
            if changes.clear {
                transaction.delete_table(RECORDS)?;
            }
            {
                let mut table = transaction.open_table(RECORDS)?;
                for (key, record) in &changes.records {
                    if record.is_empty() {
                        table.remove(&key[..])?;
                    } else {
                        table.insert(&key[..], &record[..])?;
                    }
                }
                let mut node = transaction.open_table(NODE)?;
                node.insert(HEAD, &changes.head[..])?;
                node.insert(FORMAT_KEY, &[FORMAT][..])?;
            }
            transaction.commit()?;
            Ok(())
        });
        match written {
            Ok(()) => Ok(self),
            Err(failure) => Err(Closed { error: self.error("write", failure), path: self.path }),
        }
    }

    fn error(&self, doing: &str, failure: Failure) -> Error {
        let path = self.path.display();
        match failure {
            Failure::Io(error) => Error::io(format_args!("cannot {doing} '{path}'"), &error),
            Failure::Other(error) => error,
            Failure::Damaged => Error::with(libc::EIO, format!("cannot {doing} '{path}': it is damaged")),
        }
    }
}

/// Opens or creates a file that only its owner can read. Whatever else is there is refused.
fn open_file(path: &Path) -> Result<File, Failure> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)?;
    let mut start = Vec::new();
    if file.metadata()?.is_file() {
        Read::by_ref(&mut file).take(MAGIC.len() as u64).read_to_end(&mut start)?;
        file.rewind()?;
        // What was being made when the process was killed has no first bytes yet.
        if start.is_empty() || start == MAGIC || start.iter().all(|&byte| byte == 0) {
            return Ok(file);
        }
    }
    Err(Failure::Other(Error::with(
        libc::EEXIST,
        format!("'{}' is something else than a store", path.display()),
    )))
}

/// Renames a file to a name that nothing has.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    for number in 1..=MOST_ASIDE {
        let mut name = OsString::from(path);
        name.push(format!(".damaged-{number}"));
        let name = PathBuf::from(name);
        if fs::symlink_metadata(&name).is_err() {
            fs::rename(path, &name)?;
            return Ok(name);
        }
    }
    Err(io::Error::from_raw_os_error(libc::EEXIST))
}
