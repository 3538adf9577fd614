//! ZPL files on disk: read as a whole, replaced as a whole, and watched.
//!
//! The node's thread reads them, so files that could block it for ever (pipes, devices) are refused, and so are files far
//! larger than any configuration.

mod watch;
pub mod zpl;

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::engine::entropy;

pub use watch::{Fingerprint, Watch};
use zpl::{Item, SyntaxError};

/// The size of the largest file that is read, in bytes: a thousand times that of any configuration.
const MAX_SIZE: u64 = 16 << 20;

/// A file that could not be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// The file could not be read.
    Io(io::Error),
    /// The file is not ZPL.
    Syntax(SyntaxError),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Io(error) => f.write_str(&reason(error)),
            LoadError::Syntax(error) => write!(f, "{error}"),
        }
    }
}

/// The C library's text for an error, without the number that Rust adds.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

/// The errno of an error; EINVAL for one that is not the system's.
pub fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EINVAL)
}

/// The path of the file called `name`.
pub fn path(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}

/// The absolute path of the file called `name`, which stays that of the file whatever directory the program goes to.
pub fn absolute(name: &[u8]) -> PathBuf {
    std::path::absolute(path(name)).unwrap_or_else(|_| path(name).to_owned())
}

/// Reads a tree from a file, and watches the file from then on.
pub fn load(name: &[u8]) -> Result<(Item, Watch), LoadError> {
    let file = open(path(name)).map_err(LoadError::Io)?;
    let mut text = Zeroizing::new(Vec::new());
    let read = || (&file).take(MAX_SIZE).read_to_end(&mut text);
    let seen = undisturbed(&file, read).map_err(LoadError::Io)?;
    let tree = Item::parse(&text).map_err(LoadError::Syntax)?;
    let watch = Watch::new(absolute(name), seen, text.last().is_none_or(|&byte| byte == b'\n'));
    Ok((tree, watch))
}

/// Reads a file. Returns the fingerprint of what was read; fails if somebody writes to the file meanwhile.
fn undisturbed(file: &File, read: impl FnOnce() -> io::Result<usize>) -> io::Result<Fingerprint> {
    let seen = Fingerprint::of(&file.metadata()?);
    read()?;
    match Fingerprint::of(&file.metadata()?) == seen {
        true => Ok(seen),
        false => Err(io::Error::other("file is being written")),
    }
}

/// Opens a regular file that is not too large.
fn open(path: &Path) -> io::Result<File> {
    // Non-blocking, because a pipe without a writer would not open otherwise; it is refused below.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    if metadata.len() > MAX_SIZE {
        return Err(io::Error::other("file is too large"));
    }
    Ok(file)
}

/// Writes a tree to a file, which holds its old content or all of the new one at any time; `-` is standard output. A
/// file that is there keeps its permissions; one that `is_secret` is for its owner alone, new or not.
pub fn save(tree: &Item, name: &[u8], is_secret: bool) -> io::Result<()> {
    let text = Zeroizing::new(tree.save());
    if name == b"-" {
        let mut out = io::stdout().lock();
        return out.write_all(&text).and_then(|()| out.flush());
    }
    // A symbolic link is followed, and keeps pointing to the file.
    let target = fs::canonicalize(path(name)).unwrap_or_else(|_| path(name).to_owned());
    match fs::metadata(&target) {
        Ok(metadata) if !metadata.is_file() => {
            OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&target)?.write_all(&text)
        }
        Ok(metadata) => {
            let mode = metadata.permissions().mode();
            let permissions = fs::Permissions::from_mode(if is_secret { mode & !0o077 } else { mode });
            replace(&target, &text, Some(permissions), 0o600)
        }
        Err(_) => replace(&target, &text, None, if is_secret { 0o600 } else { 0o666 }),
    }
}

/// Writes a file anew, which holds its old content or all of the new one at any time. A symbolic link of this name is
/// replaced, and not followed; what is neither a file nor a link is left alone. A file that `is_secret` is for its owner
/// alone; another one keeps its permissions.
pub fn write_anew(name: &[u8], text: &[u8], is_secret: bool) -> io::Result<()> {
    let found = fs::symlink_metadata(path(name)).ok();
    let permissions = match &found {
        Some(found) if found.is_file() => Some(found.permissions()).filter(|_| !is_secret),
        Some(found) if found.is_symlink() => None,
        Some(_) => return Err(io::Error::from_raw_os_error(libc::EEXIST)),
        None => None,
    };
    replace(path(name), text, permissions, if is_secret { 0o600 } else { 0o666 })
}

/// Replaces the content of a file by way of a temporary file beside it, which is created with this mode.
fn replace(target: &Path, text: &[u8], permissions: Option<fs::Permissions>, mode: u32) -> io::Result<()> {
    let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    // Hidden, so that nobody takes it for a certificate or the like.
    let mut unique = OsStr::new(".").to_owned();
    unique.push(name);
    unique.push(format!(".{}-{:08x}", std::process::id(), entropy::random::<1>()[0] as u32));
    let temporary = target.with_file_name(unique);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
    let written = file
        .write_all(text)
        .and_then(|()| permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, target));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of the test's own, removed at its end.
    struct Directory(PathBuf);

    impl Directory {
        fn new() -> Directory {
            let path = std::env::temp_dir().join(format!(
                "zgossip-file-{}-{:08x}",
                std::process::id(),
                fastrand::u32(..)
            ));
            fs::create_dir(&path).unwrap();
            Directory(path)
        }

        fn name(&self, file: &[u8]) -> Vec<u8> {
            self.0.join(path(file)).as_os_str().as_bytes().to_vec()
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn tree(text: &str) -> Item {
        Item::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_saved_tree_loads() {
        let directory = Directory::new();
        let name = directory.name(b"\xff.cfg");
        let saved = tree("server\n    timeout = 5\n");
        save(&saved, &name, false).unwrap();
        assert_eq!(load(&name).unwrap().0, saved);
        assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn saving_keeps_links_and_permissions() {
        let directory = Directory::new();
        let (name, link) = (directory.name(b"real"), directory.name(b"link"));
        fs::write(path(&name), "a = 1\n").unwrap();
        fs::set_permissions(path(&name), fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink("real", path(&link)).unwrap();
        save(&tree("a = 2\n"), &link, false).unwrap();
        assert!(fs::symlink_metadata(path(&link)).unwrap().is_symlink());
        assert_eq!(fs::read(path(&name)).unwrap(), b"a = \"2\"\n");
        assert_eq!(fs::metadata(path(&name)).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_with_a_secret_is_for_its_owner_whether_it_is_new_or_not() {
        let directory = Directory::new();
        for (file, before, after) in [(&b"new"[..], None, 0o600), (b"old", Some(0o644), 0o600)] {
            let name = directory.name(file);
            if let Some(mode) = before {
                fs::write(path(&name), "a = 1\n").unwrap();
                fs::set_permissions(path(&name), fs::Permissions::from_mode(mode)).unwrap();
            }
            save(&tree("a = 1\n"), &name, true).unwrap();
            assert_eq!(fs::metadata(path(&name)).unwrap().permissions().mode() & 0o777, after);
        }
    }

    #[test]
    fn a_failed_save_leaves_nothing() {
        let directory = Directory::new();
        assert!(save(&tree("a"), &directory.name(b"missing/file"), false).is_err());
        fs::create_dir(path(&directory.name(b"directory"))).unwrap();
        assert!(save(&tree("a"), &directory.name(b"directory"), false).is_err());
        assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 1);
    }

    #[test]
    fn files_that_block_or_flood_are_refused() {
        let directory = Directory::new();
        let fifo = directory.name(b"fifo");
        let status = std::process::Command::new("mkfifo").arg(path(&fifo)).status().unwrap();
        assert!(status.success());
        for name in [&fifo[..], b"/dev/zero", b"/", b"/nonexistent", b""] {
            assert!(matches!(load(name), Err(LoadError::Io(_))), "{name:?}");
        }
        let sparse = directory.name(b"sparse");
        File::create(path(&sparse)).unwrap().set_len(MAX_SIZE + 1).unwrap();
        assert_eq!(load(&sparse).unwrap_err().to_string(), "file is too large");
        assert_eq!(load(b"/nonexistent").unwrap_err().to_string(), "No such file or directory");
    }

    #[test]
    fn a_file_that_is_written_while_it_is_read_is_refused() {
        let directory = Directory::new();
        let name = directory.name(b"busy");
        fs::write(path(&name), "a = 1\n").unwrap();
        let file = open(path(&name)).unwrap();
        assert!(undisturbed(&file, || Ok(0)).is_ok());
        let disturb = || fs::write(path(&name), "a = 1\nb = 2\n").map(|()| 0);
        assert_eq!(undisturbed(&file, disturb).unwrap_err().to_string(), "file is being written");
    }

    #[test]
    fn a_change_is_seen_once_and_when_it_is_complete() {
        let directory = Directory::new();
        let name = directory.name(b"watched");
        fs::write(path(&name), "a = 1\n").unwrap();
        let (_, mut watch) = load(&name).unwrap();
        assert!(watch.ends_line() && !watch.has_changed());
        for text in ["a =", "a = 1", "a = 10"] {
            fs::write(path(&name), text).unwrap();
            assert!(!watch.has_changed(), "it may be written yet");
        }
        assert!(watch.has_changed());
        assert!(!watch.has_changed());
        assert!(!load(&name).unwrap().1.ends_line());
        fs::write(path(&name), "a = 11\n").unwrap();
        watch.skip_change();
        assert!(!watch.has_changed() && !watch.has_changed());
        let written = fs::metadata(path(&name)).unwrap().modified().unwrap();
        fs::write(path(&name), "a = 12\n").unwrap();
        File::options().write(true).open(path(&name)).unwrap().set_modified(written).unwrap();
        assert!(!watch.has_changed() && watch.has_changed(), "a copy may have the times of the original");
        fs::set_permissions(path(&name), fs::Permissions::from_mode(0o400)).unwrap();
        assert!(!watch.has_changed() && watch.has_changed(), "others may read it now, or nobody");
        fs::remove_file(path(&name)).unwrap();
        assert!(!watch.has_changed() && !watch.has_changed());
        fs::write(path(&name), "a = 20\n").unwrap();
        assert!(!watch.has_changed() && watch.has_changed(), "a file that came back is another one");
    }
}
