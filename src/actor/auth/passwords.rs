//! A file of names and passwords, one `name=password` on each line, which is read again when it changes.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::actor::file::Fingerprint;
use crate::log::show;

/// The names and passwords of the clients that may connect by PLAIN.
pub(super) struct Passwords {
    path: PathBuf,
    seen: Option<Fingerprint>,
    /// Whether the last line had an end.
    ends_line: bool,
    /// The file that was found half written last, and whether that is still to be said.
    half: Option<Fingerprint>,
    is_complaint_due: bool,
    entries: HashMap<Vec<u8>, Zeroizing<Vec<u8>>>,
}

impl Passwords {
    /// The names and passwords in the file at `path`. If the file cannot be read, there are none until it can.
    pub(super) fn new(path: PathBuf) -> (Passwords, io::Result<()>) {
        let mut passwords = Passwords {
            path,
            seen: None,
            ends_line: false,
            half: None,
            is_complaint_due: false,
            entries: HashMap::new(),
        };
        let loaded = passwords.refresh();
        (passwords, loaded)
    }

    /// Reads the password file again if it has changed. While the file is missing, or its last line has lost its end, the
    /// last names and passwords stay: the file may be about to be replaced, or half written, and half a password is
    /// easily guessed.
    pub(super) fn refresh(&mut self) -> io::Result<()> {
        let metadata = fs::metadata(&self.path)?;
        let now = Fingerprint::of(&metadata);
        if self.seen == Some(now) {
            return Ok(());
        }
        if !metadata.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let text = Zeroizing::new(fs::read(&self.path)?);
        let ends_line = text.last().is_none_or(|&byte| byte == b'\n');
        if self.ends_line && !ends_line {
            self.is_complaint_due |= self.half.replace(now) != Some(now);
            return Err(io::Error::other("its last line has no end"));
        }
        self.ends_line = ends_line;
        self.entries = text
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.starts_with(b"#"))
            .filter_map(|line| {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let equals = line.iter().position(|&byte| byte == b'=').filter(|&place| place > 0)?;
                Some((line[..equals].to_vec(), Zeroizing::new(line[equals + 1..].to_vec())))
            })
            .collect();
        self.seen = Some(now);
        Ok(())
    }

    /// What is to be said of the file: once, if it is half written.
    pub(super) fn complaint(&mut self) -> Option<String> {
        std::mem::take(&mut self.is_complaint_due).then(|| {
            let name = show(self.path.as_os_str().as_bytes());
            format!("'{name}' may be half written, and the former passwords count: its last line has no end")
        })
    }

    /// Returns whether the file was read at any time.
    pub(super) fn is_read(&self) -> bool {
        self.seen.is_some()
    }

    /// The password of `name`, going by what was read last.
    pub(super) fn of(&self, name: &[u8]) -> Option<&[u8]> {
        self.entries.get(name).map(|password| &password[..])
    }

    /// Returns whether `password` is that of `name`.
    pub(super) fn admit(&mut self, name: &[u8], password: &[u8]) -> bool {
        let _ = self.refresh();
        self.entries.get(name).is_some_and(|expected| same(expected, password))
    }
}

/// Returns whether two texts are equal, found out in a time that does not depend on where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_pass_with_their_passwords_and_changes_count_at_once() {
        let path =
            std::env::temp_dir().join(format!("zgossip-pw-{}-{:08x}", std::process::id(), fastrand::u32(..)));
        let (mut passwords, loaded) = Passwords::new(path.clone());
        assert!(loaded.is_err() && !passwords.admit(b"a", b""));
        fs::write(&path, "# all\na=1\r\nb=x=y\n=nobody\nc\nd=\n").unwrap();
        assert!(passwords.admit(b"a", b"1") && passwords.admit(b"b", b"x=y") && passwords.admit(b"d", b""));
        for (name, password) in
            [(&b"a"[..], &b"2"[..]), (b"a", b""), (b"", b"nobody"), (b"c", b""), (b"e", b"1")]
        {
            assert!(!passwords.admit(name, password), "{name:?}");
        }
        fs::write(&path, "b=1\na=lon").unwrap();
        assert!(passwords.refresh().is_err() && passwords.refresh().is_err());
        assert!(passwords.complaint().is_some() && passwords.complaint().is_none());
        assert!(!passwords.admit(b"a", b"lon") && passwords.admit(b"a", b"1"), "it is half written");
        fs::write(&path, "a=longer\n").unwrap();
        assert!(!passwords.admit(b"a", b"1") && passwords.admit(b"a", b"longer"));
        fs::remove_file(&path).unwrap();
        assert!(passwords.admit(b"a", b"longer"));
    }
}
