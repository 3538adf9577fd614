//! A directory of public certificates, which is scanned again when a client shows a key.
//!
//! All files in the directory and below count, except secret certificates and names that begin with a dot. A scan takes
//! time in proportion to the number of files, and any client can cause one by showing a key. A slow scan is therefore
//! followed by a pause ten times as long, so that scans take a tenth of the server's time at most.

use std::collections::HashMap;
use std::fs;
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
    /// The file of each public key.
    keys: HashMap<[u8; curve::BYTES], PathBuf>,
    /// Time from which on the directory may be scanned again, after a slow scan.
    next_scan: Option<Instant>,
}

impl Certificates {
    /// The certificates in `directory`, which may come into being later.
    pub(super) fn new(directory: PathBuf) -> Certificates {
        Certificates { directory, files: HashMap::new(), keys: HashMap::new(), next_scan: None }
    }

    /// The certificate with this public key.
    pub(super) fn find(&mut self, key: &[u8; curve::BYTES]) -> Option<&Cert> {
        self.refresh();
        let (_, cert) = self.files.get(self.keys.get(key)?)?;
        cert.as_ref()
    }

    /// Scans the directory, unless that is too early after a slow scan. Files that have not changed are not read again.
    fn refresh(&mut self) {
        let start = Instant::now();
        if self.next_scan.is_some_and(|until| start < until) {
            return;
        }
        let mut found = HashMap::new();
        walk(&self.directory, 0, &mut |path, now| {
            let held = self.files.remove(&path).filter(|(seen, _)| *seen == now);
            let entry = held.unwrap_or_else(|| (now, Cert::load_public(path.as_os_str().as_bytes()).ok()));
            found.insert(path, entry);
        });
        self.files = found;
        self.keys = self
            .files
            .iter()
            .filter_map(|(path, (_, cert))| Some((*cert.as_ref()?.public(), path.clone())))
            .collect();
        let took = start.elapsed();
        // A directory of usual size takes less than 2 ms, and is scanned for each client.
        self.next_scan = (took > Duration::from_millis(2)).then(|| Instant::now() + took * 10);
    }
}

/// Calls `found` with path and fingerprint of each file that may be a certificate.
fn walk(directory: &Path, depth: usize, found: &mut impl FnMut(PathBuf, Fingerprint)) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.as_bytes().starts_with(b".") || name.as_bytes().ends_with(b"_secret") {
            continue;
        }
        let path = entry.path();
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_file() {
            found(path, Fingerprint::of(&metadata));
        } else if metadata.is_dir() && depth < MAX_DEPTH {
            walk(&path, depth + 1, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

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
