//! Certificates: a CURVE key pair and what its owner says about it, in files that CZMQ's `zcert` reads and writes.
//!
//! A certificate is two files. The public one holds the public key and may be given away; beside it, `NAME_secret`
//! holds both keys, for its owner alone. Loading `NAME` takes the secret file where there is one.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use zeroize::{Zeroize, Zeroizing};

use crate::actor::file::zpl::Item;
use crate::actor::file::{self, LoadError};
use crate::engine::raw::{Error, curve};
use crate::log::show;

const PUBLIC_NOTE: &str = "#   ZeroMQ CURVE Public Certificate
#   Exchange securely, or use a secure mechanism to verify the contents
#   of this file after exchange. Store public certificates in your home
#   directory, in the .curve subdirectory.
";

const SECRET_NOTE: &str = "#   ZeroMQ CURVE **Secret** Certificate
#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.
";

/// A certificate. Its secret key is wiped when it is dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct Cert {
    public: [u8; curve::BYTES],
    secret: Option<Zeroizing<[u8; curve::BYTES]>>,
    meta: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Cert {
    /// A fresh key pair. Fails where libzmq has no CURVE.
    pub fn generate() -> Result<Cert, Error> {
        let (public, secret) = curve::pair()?;
        Ok(Cert { public, secret: Some(secret), meta: Vec::new() })
    }

    /// A certificate of these keys.
    pub fn from_keys(public: [u8; curve::BYTES], secret: Option<Zeroizing<[u8; curve::BYTES]>>) -> Cert {
        Cert { public, secret, meta: Vec::new() }
    }

    /// A certificate of these keys, in Z85; none where one of them is no key.
    pub fn from_text(public: &[u8], secret: Option<&[u8]>) -> Option<Cert> {
        let public = *curve::decode(public)?;
        let secret = secret.map(|text| curve::decode(text).ok_or(())).transpose().ok()?;
        Some(Cert::from_keys(public, secret))
    }

    /// Load the certificate that [`save`](Cert::save) wrote to this name.
    pub fn load(name: &[u8]) -> Result<Cert, Cow<'static, str>> {
        let secret_name = [name, b"_secret"].concat();
        let tree = match file::load(&secret_name) {
            Ok((tree, _)) => tree,
            // There is none, or it is not for us.
            Err(LoadError::Io(_)) => Cert::read(name)?,
            Err(error) => return Err(Cow::Owned(format!("{}: {error}", show(&secret_name)))),
        };
        Cert::parse(&tree)
    }

    /// Load a public certificate from a file of exactly this name.
    pub fn load_public(name: &[u8]) -> Result<Cert, Cow<'static, str>> {
        Cert::parse(&Cert::read(name)?)
    }

    fn read(name: &[u8]) -> Result<Item, Cow<'static, str>> {
        file::load(name).map(|(tree, _)| tree).map_err(|error: LoadError| Cow::Owned(error.to_string()))
    }

    fn parse(tree: &Item) -> Result<Cert, Cow<'static, str>> {
        let key = |path: &str| {
            let text = tree.get(path.as_bytes());
            let wrong = || Cow::Owned(format!("{path} is not a key"));
            text.map(|text| curve::decode(text).ok_or_else(wrong)).transpose()
        };
        let public = key("curve/public-key")?.ok_or("curve/public-key is missing")?;
        let mut cert = Cert::from_keys(*public, key("curve/secret-key")?);
        for item in tree.locate(b"metadata").map(Item::children).unwrap_or_default() {
            cert.set_meta(item.name(), Some(item.value()));
        }
        Ok(cert)
    }

    /// The public key.
    pub fn public(&self) -> &[u8; curve::BYTES] {
        &self.public
    }

    /// The secret key, if it is known.
    pub fn secret(&self) -> Option<&[u8; curve::BYTES]> {
        self.secret.as_deref()
    }

    /// What is said about its owner, in the order in which it was said.
    pub fn meta(&self) -> &[(Vec<u8>, Vec<u8>)] {
        &self.meta
    }

    /// Set what is said under a name, or take it away.
    pub fn set_meta(&mut self, name: &[u8], value: Option<&[u8]>) {
        let place = self.meta.iter().position(|(known, _)| known == name);
        match (place, value) {
            (Some(place), Some(value)) => self.meta[place].1 = value.to_vec(),
            (Some(place), None) => {
                self.meta.remove(place);
            }
            (None, Some(value)) => self.meta.push((name.to_vec(), value.to_vec())),
            (None, None) => {}
        }
    }

    /// Save both files; `when` is shown in them.
    pub fn save(&self, name: &[u8], when: &str) -> io::Result<()> {
        self.save_public(name, when)?;
        self.save_secret(&[name, b"_secret"].concat(), when)
    }

    /// Save what may be given away.
    pub fn save_public(&self, name: &[u8], when: &str) -> io::Result<()> {
        write(name, &self.text(PUBLIC_NOTE, when, false)?, None)
    }

    /// Save both keys to one file that only its owner can read.
    pub fn save_secret(&self, name: &[u8], when: &str) -> io::Result<()> {
        write(name, &self.text(SECRET_NOTE, when, true)?, Some(0o600))
    }

    fn text(&self, note: &str, when: &str, with_secret: bool) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut tree = Item::root();
        // An item without a value keeps the section in its place where nothing is said.
        tree.put(b"metadata", b"").map_err(unwritable)?;
        for (name, value) in &self.meta {
            tree.put(&[b"metadata/", &name[..]].concat(), value).map_err(unwritable)?;
        }
        tree.put(b"curve/public-key", curve::encode(&self.public).as_bytes()).map_err(unwritable)?;
        if with_secret {
            let secret = self.secret.as_deref().unwrap_or(&[0; curve::BYTES]);
            let secret = Zeroizing::new(curve::encode(secret));
            tree.put(b"curve/secret-key", secret.as_bytes()).map_err(unwritable)?;
        }
        let mut text = Zeroizing::new(Vec::with_capacity(1024));
        write!(text, "#   ****  Generated on {when} by zgossip  ****\n{note}\n")?;
        let mut body = tree.save();
        text.extend_from_slice(&body);
        body.zeroize();
        Ok(text)
    }
}

fn unwritable(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

fn write(name: &[u8], text: &[u8], mode: Option<u32>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    if let Some(mode) = mode {
        options.mode(mode);
    }
    let mut file = options.open(file::path(name))?;
    if let Some(mode) = mode {
        // It may have been there, for all to read.
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    file.write_all(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;

    struct Scratch(std::path::PathBuf);

    impl Scratch {
        fn new() -> Scratch {
            let name = format!("zgossip-cert-{}-{:08x}", std::process::id(), fastrand::u32(..));
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir(&path).unwrap();
            Scratch(path)
        }

        fn name(&self, file: &str) -> Vec<u8> {
            self.0.join(file).as_os_str().as_bytes().to_vec()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn cert() -> Cert {
        let mut cert = Cert::from_keys([7; 32], Some(Zeroizing::new([9; 32])));
        cert.set_meta(b"name", Some(b"Bob"));
        cert.set_meta(b"gone", Some(b"soon"));
        cert.set_meta(b"gone", None);
        cert
    }

    #[test]
    fn what_is_saved_loads_and_secrets_are_for_their_owner() {
        let scratch = Scratch::new();
        let name = scratch.name("bob.cert");
        cert().save(&name, "now").unwrap();
        assert!(Cert::load(&name).unwrap() == cert());
        let public = Cert::load_public(&name).unwrap();
        assert_eq!((public.public(), public.secret()), (&[7; 32], None));
        assert_eq!(public.meta(), [(b"name".to_vec(), b"Bob".to_vec())]);
        let secret = [&name[..], b"_secret"].concat();
        assert_eq!(std::fs::metadata(file::path(&secret)).unwrap().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(file::path(&name)).unwrap();
        assert!(
            text.starts_with("#   ****  Generated on now by zgossip  ****\n") && !text.contains("secret-key")
        );
    }

    #[test]
    fn a_file_that_is_no_certificate_is_refused() {
        let scratch = Scratch::new();
        let name = scratch.name("bad");
        assert!(Cert::load(&name).is_err());
        for text in ["", "curve\n", "curve\n    public-key = \"short\"\n", " x"] {
            std::fs::write(file::path(&name), text).unwrap();
            assert!(Cert::load(&name).is_err(), "{text}");
        }
        cert().save(&name, "now").unwrap();
        let secret = [&name[..], b"_secret"].concat();
        std::fs::write(file::path(&secret), "curve\n  broken").unwrap();
        let reason = Cert::load(&name).err().expect("the one that is meant is broken").into_owned();
        assert!(reason.ends_with("bad_secret: line 2: indent 4 spaces at once"), "{reason}");
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let scratch = Scratch::new();
        let mut cert = cert();
        cert.set_meta(b"two words", Some(b"x"));
        assert!(cert.save(&scratch.name("c"), "now").is_err());
        assert!(cert.save(b"/nonexistent/c", "now").is_err());
    }
}
