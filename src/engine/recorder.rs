//! The flight recorder's files.
//!
//! The node collects its inputs (see [`core::record`](crate::core::record)); at the end of each turn they are handed to
//! a thread, which writes them. So a disk that stalls does not stall the node; one that is too slow, or full, ends the
//! record. A file that has become too long is renamed to `FILE.1`, in place of the one before, and `FILE` is begun
//! again: a record takes twice `server/record_size` at most.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::process::{getegid, geteuid, getgid, getuid};

use super::{Engine, Error, entropy};

/// The default size of a file (bytes). Two files of this size hold some millions of small messages.
const RECORD_SIZE: u64 = 64 << 20;
/// The most bytes that may wait to be written; with more of them the disk is too slow, and the record ends.
const MOST_WAITING: u64 = 128 << 20;
/// The time that the end of a record may take until all is written. The end of a node waits for it.
const FINISH: Duration = Duration::from_millis(50);
/// The first bytes of a record, in any version of its format.
const MAGIC: &[u8] = b"ZGR";
/// The environment variable that names a directory in which every node of the process is recorded from its beginning.
const DIRECTORY: &str = "ZGOSSIP_RECORD";

/// The engine's flight recorder, running or not.
pub(super) struct Recorder {
    /// The size that a file may have (bytes).
    size: Arc<AtomicU64>,
    output: Option<Output>,
}

/// A record that is being written.
struct Output {
    path: PathBuf,
    blocks: Sender<Vec<u8>>,
    /// Bytes that wait to be written.
    waiting: Arc<AtomicU64>,
    /// The outcome, sent when no more is written.
    end: Receiver<io::Result<()>>,
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder { size: Arc::new(AtomicU64::new(RECORD_SIZE)), output: None }
    }
}

impl Engine {
    /// Records the node's inputs in a new file; `None` ends the record.
    pub fn record(&mut self, path: Option<&Path>) -> Result<(), Error> {
        let recording = self.recorder.output.as_ref().map(|output| output.path.as_path());
        if recording == path {
            return Ok(());
        }
        // If the new record cannot begin, the present one goes on.
        let output =
            match path {
                None => None,
                Some(path) => Some(Output::new(path, Arc::clone(&self.recorder.size)).map_err(|error| {
                    Error::io(format_args!("cannot record to '{}'", path.display()), &error)
                })?),
            };
        self.end_record();
        if output.is_some() {
            let now = self.now();
            self.node.start_record(entropy::random::<1>()[0] as u32, now);
            self.recorder.output = output;
        }
        Ok(())
    }

    /// Sets the size that each of a record's two files may have (bytes); `None` for 64 MiB.
    pub fn set_record_size(&mut self, size: Option<u64>) {
        self.recorder.size.store(size.unwrap_or(RECORD_SIZE), Ordering::Relaxed);
    }

    /// Records from the beginning if the environment asks for it, for programs that cannot be changed.
    pub(super) fn record_if_environment_asks(&mut self) {
        let Some(directory) = std::env::var_os(DIRECTORY).filter(|directory| !directory.is_empty()) else {
            return;
        };
        // In a set-user-ID program the environment is another user's, who may not decide where this one writes.
        if getuid() != geteuid() || getgid() != getegid() {
            return;
        }
        let name = format!("zgossip-{}-{:016x}.record", std::process::id(), self.node.id());
        if let Err(error) = self.record(Some(&Path::new(&directory).join(name))) {
            self.logger.warning(format_args!("{DIRECTORY}: {error}"));
        }
    }

    /// Hands the inputs of this turn to the writing thread.
    pub(super) fn write_record(&mut self) {
        let Some(output) = &self.recorder.output else { return };
        let end = match self.node.poll_record() {
            Some(block) => output.write(block),
            None if !self.node.is_recorded() => Err(too_slow()),
            None => Ok(()),
        };
        if let Err(error) = end {
            let text = Error::io(format_args!("recording to '{}' has ended", output.path.display()), &error);
            self.logger.warning(text);
            self.node.end_record();
            self.recorder.output = None;
        }
    }

    /// Writes the rest of the record and ends it.
    pub(super) fn end_record(&mut self) {
        self.write_record();
        if let Some(output) = self.recorder.output.take() {
            self.node.end_record();
            drop(output.blocks);
            let _ = output.end.recv_timeout(FINISH);
        }
    }

    /// Notes in the record which peer a link leads to.
    pub(super) fn note_link(&mut self, link: crate::core::LinkId, endpoint: &str) {
        if self.recorder.output.is_some() {
            let now = self.now();
            self.node.note(format!("link {} is {endpoint}", link.get()).as_bytes(), now);
        }
    }
}

impl Drop for Engine {
    /// Ends the record, also after a panic: then the inputs that led to it are wanted most. What was changed before is saved.
    fn drop(&mut self) {
        self.end_saving();
        self.end_record();
    }
}

fn too_slow() -> io::Error {
    io::Error::other("more was recorded than could be written")
}

impl Output {
    fn new(path: &Path, size: Arc<AtomicU64>) -> io::Result<Output> {
        let mut files = Files::new(path.to_owned(), size)?;
        let (blocks, written) = mpsc::channel::<Vec<u8>>();
        let (finish, end) = mpsc::channel();
        let waiting = Arc::new(AtomicU64::new(0));
        let left = Arc::clone(&waiting);
        let write = move || {
            let result = written.iter().try_for_each(|block| {
                files.write(&block)?;
                left.fetch_sub(block.len() as u64, Ordering::Relaxed);
                Ok(())
            });
            // This fails if the engine does not wait any more.
            let _ = finish.send(result);
        };
        thread::Builder::new().name("zgossip record".to_owned()).spawn(write)?;
        Ok(Output { path: path.to_owned(), blocks, waiting, end })
    }

    fn write(&self, block: Vec<u8>) -> io::Result<()> {
        let length = block.len() as u64;
        if self.waiting.fetch_add(length, Ordering::Relaxed) + length > MOST_WAITING {
            return Err(too_slow());
        }
        self.blocks
            .send(block)
            .or_else(|_| self.end.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into())))
    }
}

/// The two files of a record.
struct Files {
    path: PathBuf,
    size: Arc<AtomicU64>,
    file: File,
    length: u64,
}

impl Files {
    fn new(path: PathBuf, size: Arc<AtomicU64>) -> io::Result<Files> {
        if let Some(earlier) = find_record(&path)? {
            // The lock fails if another node writes there.
            flock(&earlier, FlockOperation::NonBlockingLockExclusive)?;
            if earlier.metadata()?.size() > 0 { set_aside(&path)? } else { fs::remove_file(&path)? }
        }
        Ok(Files { file: create(&path)?, path, size, length: 0 })
    }

    fn write(&mut self, block: &[u8]) -> io::Result<()> {
        let length = block.len() as u64;
        if self.length > 0 && self.length + length > self.size.load(Ordering::Relaxed) {
            set_aside(&self.path)?;
            self.file = create(&self.path)?;
            self.length = 0;
        }
        self.file.write_all(block)?;
        self.length += length;
        Ok(())
    }
}

/// Creates a file that only its owner can read. Fails if anything is there already.
fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

/// Renames a record to `FILE.1`.
fn set_aside(path: &Path) -> io::Result<()> {
    let mut name = OsString::from(path);
    name.push(".1");
    find_record(Path::new(&name))?;
    fs::rename(path, name)
}

/// Opens the record at `path`, if anything is there. An error if that is something else, which must not be lost.
fn find_record(path: &Path) -> io::Result<Option<File>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut start = Vec::new();
    if file.metadata()?.is_file() {
        Read::by_ref(&mut file).take(MAGIC.len() as u64).read_to_end(&mut start)?;
        if start.is_empty() || start == MAGIC {
            return Ok(Some(file));
        }
    }
    Err(io::Error::from_raw_os_error(libc::EEXIST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Directory {
            let path = std::env::temp_dir().join(format!("zgossip-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Directory(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn files(path: &Path, size: u64) -> io::Result<Files> {
        Files::new(path.to_owned(), Arc::new(AtomicU64::new(size)))
    }

    #[test]
    fn a_record_takes_two_files_of_a_bounded_size() {
        let directory = Directory::new("rotated");
        let (path, older) = (directory.0.join("r"), directory.0.join("r.1"));
        let mut files = files(&path, 10).unwrap();
        for block in [b"ZGR.a", b"ZGR.b", b"ZGR.c", b"ZGR.d", b"ZGR.e"] {
            files.write(block).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), b"ZGR.e");
        assert_eq!(fs::read(&older).unwrap(), b"ZGR.cZGR.d");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // A block that is longer than a file may be gets one for itself.
        files.write(b"ZGR.longer than a file").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"ZGR.longer than a file");
    }

    #[test]
    fn an_earlier_record_is_set_aside_and_nothing_else_is_touched() {
        let directory = Directory::new("fresh");
        let (path, older) = (directory.0.join("r"), directory.0.join("r.1"));
        files(&path, 100).unwrap().write(b"ZGR1 first").unwrap();
        let second = files(&path, 100).unwrap();
        assert_eq!(fs::read(&older).unwrap(), b"ZGR1 first");
        assert_eq!(files(&path, 100).err().unwrap().kind(), io::ErrorKind::WouldBlock, "another node's");
        drop(second);
        // An empty file is replaced, and the earlier record beside it stays.
        files(&path, 100).unwrap();
        assert_eq!(fs::read(&older).unwrap(), b"ZGR1 first");

        let letter = directory.0.join("letter");
        fs::write(&letter, "Dear Madam").unwrap();
        assert_eq!(files(&letter, 100).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        let link = directory.0.join("link");
        symlink(&letter, &link).unwrap();
        assert!(files(&link, 100).is_err());
        assert!(files(&directory.0, 100).is_err());
        assert!(files(Path::new("/dev/null"), 100).is_err());
        assert!(files(&directory.0.join("no/such"), 100).is_err());
        // Rotation replaces nothing else, either.
        fs::remove_file(&path).unwrap();
        fs::write(&older, "Dear Sir").unwrap();
        let mut files = files(&path, 1).unwrap();
        files.write(b"ZGR1").unwrap();
        assert_eq!(files.write(b"ZGR1").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&older).unwrap(), b"Dear Sir");
        assert_eq!(fs::read(&letter).unwrap(), b"Dear Madam");
    }
}
