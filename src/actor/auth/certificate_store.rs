//! A directory of public certificates, which is scanned again when a client shows a key.
//!
//! All files in the directory and below count, except secret certificates and names that begin with a dot. A scan takes
//! time in proportion to the number of files, and any client can cause one by showing a key. A slow scan is therefore
//! followed by a pause ten times as long, so that scans take a tenth of the server's time at most.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::certificate::Cert;
use crate::actor::file::Fingerprint;
use crate::engine::raw::curve;

/// Number of levels of directories that are scanned; symbolic links in a circle end there.
const MAX_DEPTH: usize = 8;

/// The certificates of the clients that may connect by CURVE.
pub(super) struct Certificates {
    directory: PathBuf,
    /// Each file's fingerprint, and its certificate if it is one.
    files: HashMap<PathBuf, (Fingerprint, Option<Cert>)>,
    /// The file of each public key; where several have it, the one whose path comes first.
    keys: HashMap<[u8; curve::BYTES], PathBuf>,
    /// Whether the last scan could read everything.
    is_complete: bool,
    /// Time from which on the directory may be scanned again, after a slow scan.
    next_scan: Option<Instant>,
}

impl Certificates {
    /// The certificates in `directory`, which may come into being later.
    pub(super) fn new(directory: PathBuf) -> Certificates {
        Certificates {
            directory,
            files: HashMap::new(),
            keys: HashMap::new(),
            is_complete: false,
            next_scan: None,
        }
    }

    /// The certificate with this public key.
    pub(super) fn find(&mut self, key: &[u8; curve::BYTES]) -> Option<&Cert> {
        self.refresh();
        self.held(key)
    }

    /// The certificate with this public key, going by the last scan.
    pub(super) fn held(&self, key: &[u8; curve::BYTES]) -> Option<&Cert> {
        let (_, cert) = self.files.get(self.keys.get(key)?)?;
        cert.as_ref()
    }

    /// Scans the directory, unless that is too early after a slow scan. Files that have not changed are not read again. What
    /// cannot be read now, because the process has no descriptor left perhaps, counts as it was read last. Returns whether the
    /// last scan could read everything.
    pub(super) fn refresh(&mut self) -> bool {
        let start = Instant::now();
        if self.next_scan.is_some_and(|until| start < until) {
            return self.is_complete;
        }
        let mut found = HashMap::new();
        self.is_complete = true;
        let walked = walk(&self.directory, 0, &mut |path, now| match self.files.remove(&path) {
            Some(held) if held.0 == now => {
                found.insert(path, held);
            }
            held => match load(&path) {
                Ok(cert) => {
                    found.insert(path, (now, cert));
                }
                Err(_) => {
                    self.is_complete = false;
                    found.extend(held.map(|held| (path, held)));
                }
            },
        });
        if walked.is_err() {
            self.is_complete = false;
            found.extend(std::mem::take(&mut self.files));
        }
        self.files = found;
        self.keys.clear();
        for (path, (_, cert)) in &self.files {
            let Some(cert) = cert else { continue };
            let first = self.keys.entry(*cert.public()).or_insert_with(|| path.clone());
            if path < first {
                first.clone_from(path);
            }
        }
        let took = start.elapsed();
        // A directory of usual size takes less than 2 ms, and is scanned for each client.
        self.next_scan = (took > Duration::from_millis(2)).then(|| Instant::now() + took * 10);
        self.is_complete
    }
}

/// Loads the certificate in a file; `None` if it is none. Fails where it cannot be read now.
fn load(path: &Path) -> io::Result<Option<Cert>> {
    match Cert::load_public(path.as_os_str().as_bytes()) {
        Ok(cert) => Ok(Some(cert)),
        Err(_) => match fs::File::open(path) {
            Err(error) if !is_absence(&error) => Err(error),
            _ => Ok(None),
        },
    }
}

/// Returns whether an error says that there is no file to be read, and not that reading it failed.
fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
    )
}

/// Calls `found` with path and fingerprint of each file that may be a certificate. Fails where a directory cannot be read
/// that is there.
fn walk(directory: &Path, depth: usize, found: &mut impl FnMut(PathBuf, Fingerprint)) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if is_absence(&error) => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_bytes().starts_with(b".") || name.as_bytes().ends_with(b"_secret") {
            continue;
        }
        let path = entry.path();
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_file() {
            found(path, Fingerprint::of(&metadata));
        } else if metadata.is_dir() && depth < MAX_DEPTH {
            walk(&path, depth + 1, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    #[test]
    fn what_cannot_be_looked_at_counts_as_it_was_seen_last() {
        let name = format!("zgossip-store-{}-{:08x}", std::process::id(), fastrand::u32(..));
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        let file = directory.join("one").into_os_string().into_encoded_bytes();
        Cert::from_keys([1; 32], None).save_public(&file, "now").unwrap();
        let mut store = Certificates::new(directory.clone());
        assert!(store.refresh() && store.held(&[1; 32]).is_some());
        // As if no descriptor was left: an error that does not say that nothing is there.
        store.directory = PathBuf::from("x".repeat(10_000));
        store.next_scan = None;
        assert!(!store.refresh() && store.find(&[1; 32]).is_some());
        fs::remove_dir_all(&directory).unwrap();
        store.directory = directory;
        store.next_scan = None;
        assert!(store.refresh() && store.held(&[1; 32]).is_none(), "it is gone");
    }

    #[test]
    fn of_several_certificates_of_one_key_it_is_always_the_same_that_counts() {
        let name = format!("zgossip-store-{}-{:08x}", std::process::id(), fastrand::u32(..));
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        for file in ["b", "a", "c"] {
            let mut cert = Cert::from_keys([1; 32], None);
            cert.set_meta(b"name", Some(file.as_bytes()));
            cert.save_public(directory.join(file).as_os_str().as_bytes(), "now").unwrap();
        }
        for _ in 0..20 {
            let mut store = Certificates::new(directory.clone());
            assert_eq!(store.find(&[1; 32]).map(|cert| &cert.meta()[0].1[..]), Some(&b"a"[..]));
        }
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn certificates_come_and_go_with_their_files() {
        let name = format!("zgossip-store-{}-{:08x}", std::process::id(), fastrand::u32(..));
        let directory = std::env::temp_dir().join(name);
        let mut store = Certificates::new(directory.clone());
        assert!(store.find(&[1; 32]).is_none());
        fs::create_dir_all(directory.join("sub")).unwrap();
        let save = |file: &str, key: u8| {
            let mut cert = Cert::from_keys([key; 32], Some(Zeroizing::new([9; 32])));
            cert.set_meta(b"name", Some(file.as_bytes()));
            cert.save(directory.join(file).as_os_str().as_bytes(), "now").unwrap();
        };
        save("one", 1);
        save("sub/two", 2);
        save(".three", 3);
        fs::write(directory.join("junk"), "junk").unwrap();
        fs::remove_file(directory.join("one")).unwrap();
        store.next_scan = None;
        assert!(store.find(&[1; 32]).is_none(), "a secret certificate alone admits nobody");
        save("one", 1);
        for (key, name) in [(1, Some(&b"one"[..])), (2, Some(b"sub/two")), (3, None)] {
            store.next_scan = None;
            assert_eq!(store.find(&[key; 32]).map(|cert| &cert.meta()[0].1[..]), name);
        }
        fs::remove_file(directory.join("one")).unwrap();
        store.next_scan = None;
        assert!(store.find(&[1; 32]).is_none());
        fs::remove_dir_all(&directory).unwrap();
    }
}
