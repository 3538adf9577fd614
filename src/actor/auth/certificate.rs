//! Certificates: CURVE key pairs with metadata, in files that CZMQ's `zcert` reads and writes.
//!
//! A certificate is two files. `NAME` holds the public key, and may be given away; `NAME_secret` holds both keys, and is
//! for its owner alone. Loading `NAME` reads `NAME_secret` where that exists. Each file holds its old content or all of the
//! new one at any time, and a symbolic link of its name is replaced.

use std::borrow::Cow;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;

use zeroize::{Zeroize, Zeroizing};

use crate::actor::file::zpl::Item;
use crate::actor::file::{self, LoadError};
use crate::engine::raw::{Error, curve};
use crate::log::show;
use crate::warning::Value;

const PUBLIC_NOTE: &str = "#   ZeroMQ CURVE Public Certificate
#   Exchange securely, or use a secure mechanism to verify the contents
#   of this file after exchange. Store public certificates in your home
#   directory, in the .curve subdirectory.
";

const SECRET_NOTE: &str = "#   ZeroMQ CURVE **Secret** Certificate
#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.
";

/// A CURVE key pair with metadata. The secret key is wiped when the certificate is dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct Cert {
    public: [u8; curve::BYTES],
    secret: Option<Zeroizing<[u8; curve::BYTES]>>,
    meta: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Cert {
    /// A certificate with a new key pair. Fails where libzmq was built without CURVE.
    pub fn generate() -> Result<Cert, Error> {
        let (public, secret) = curve::pair()?;
        Ok(Cert { public, secret: Some(secret), meta: Vec::new() })
    }

    /// A certificate with these keys.
    pub fn from_keys(public: [u8; curve::BYTES], secret: Option<Zeroizing<[u8; curve::BYTES]>>) -> Cert {
        Cert { public, secret, meta: Vec::new() }
    }

    /// A certificate with these keys in Z85; `None` if one of them is not a key.
    pub fn from_text(public: &[u8], secret: Option<&[u8]>) -> Option<Cert> {
        let public = *curve::decode(public)?;
        let secret = secret.map(|text| curve::decode(text).ok_or(())).transpose().ok()?;
        Some(Cert::from_keys(public, secret))
    }

    /// Loads the certificate that [`save`](Cert::save) or CZMQ's `zcert_save` wrote under this name. The error says why
    /// that failed.
    pub fn load(name: &[u8]) -> Result<Cert, Cow<'static, str>> {
        let secret_name = [name, b"_secret"].concat();
        let tree = match file::load(&secret_name) {
            Ok((tree, _)) => tree,
            // The secret file does not exist, or is not for this user.
            Err(LoadError::Io(_)) => Cert::read(name)?,
            Err(error) => return Err(Cow::Owned(format!("{}: {error}", show(&secret_name)))),
        };
        Cert::parse(&tree)
    }

    /// Loads the certificate in the file of exactly this name, a public one.
    pub fn load_public(name: &[u8]) -> Result<Cert, Cow<'static, str>> {
        Cert::parse(&Cert::read(name)?)
    }

    fn read(name: &[u8]) -> Result<Item, Cow<'static, str>> {
        file::load(name).map(|(tree, _)| tree).map_err(|error: LoadError| Cow::Owned(error.to_string()))
    }

    /// Reads a certificate, public or secret, from the tree of its file.
    pub fn parse(tree: &Item) -> Result<Cert, Cow<'static, str>> {
        let key = |path: &str| {
            let text = tree.get(path.as_bytes());
            let wrong = || Cow::Owned(format!("{path} is not a key"));
            text.map(|text| curve::decode(text).ok_or_else(wrong)).transpose()
        };
        let public = key("curve/public-key")?.ok_or("curve/public-key is missing")?;
        let mut cert = Cert::from_keys(*public, key("curve/secret-key")?);
        for item in tree.locate(b"metadata").map(Item::children).unwrap_or_default() {
            cert.take_meta(item.name(), item);
        }
        Ok(cert)
    }

    /// Takes over the metadata at `item` and below. CZMQ writes a name with slashes as items inside each other. Of several
    /// values of one name the first counts, as in CZMQ.
    fn take_meta(&mut self, name: &[u8], item: &Item) {
        let is_new = self.meta.iter().all(|(known, _)| known != name);
        if is_new && (item.children().is_empty() || !item.value().is_empty()) {
            self.set_meta(name, Some(item.value()));
        }
        for child in item.children() {
            self.take_meta(&[name, b"/", child.name()].concat(), child);
        }
    }

    /// The values of [`Kind::ExposedKey`](crate::warning::Kind::ExposedKey) if others than its owner can read the secret key
    /// in the file that [`load`](Cert::load) reads. That a group can is accepted of another user's file: an administrator
    /// gave it to the group that this process runs in.
    pub fn exposure(name: &[u8]) -> Option<[Value; 2]> {
        let secret_name = [name, b"_secret"].concat();
        let (file, found) = [&secret_name[..], name]
            .into_iter()
            .find_map(|name| Some((name, std::fs::metadata(file::path(name)).ok()?)))?;
        let is_own = found.uid() == rustix::process::geteuid().as_raw();
        if found.mode() & if is_own { 0o044 } else { 0o004 } == 0 {
            return None;
        }
        let (tree, _) = file::load(file).ok()?;
        tree.get(b"curve/secret-key")?;
        let mode = format!("{:04o}", found.mode() & 0o777);
        Some([("file", show(file).into_owned()), ("mode", mode)])
    }

    /// The public key.
    pub fn public(&self) -> &[u8; curve::BYTES] {
        &self.public
    }

    /// The secret key, if the certificate has it.
    pub fn secret(&self) -> Option<&[u8; curve::BYTES]> {
        self.secret.as_deref()
    }

    /// The metadata, names and values in the order in which they were set.
    pub fn meta(&self) -> &[(Vec<u8>, Vec<u8>)] {
        &self.meta
    }

    /// Sets the metadata under a name, or removes it.
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

    /// Saves both files. `when`, the time as a text, is written into them.
    pub fn save(&self, name: &[u8], when: &str) -> io::Result<()> {
        self.save_public(name, when)?;
        self.save_secret(&[name, b"_secret"].concat(), when)
    }

    /// Saves the public file.
    pub fn save_public(&self, name: &[u8], when: &str) -> io::Result<()> {
        file::write_anew(name, &self.text(PUBLIC_NOTE, when, false)?, false)
    }

    /// Saves both keys to a file that only its owner can read.
    pub fn save_secret(&self, name: &[u8], when: &str) -> io::Result<()> {
        file::write_anew(name, &self.text(SECRET_NOTE, when, true)?, true)
    }

    fn text(&self, note: &str, when: &str, with_secret: bool) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut tree = Item::root();
        // Without metadata an item without a value keeps the section in its place.
        tree.put(b"metadata", b"").map_err(unwritable)?;
        for (name, value) in &self.meta {
            tree.push_child(name, value).map_err(unwritable)?;
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
    fn a_saved_certificate_loads_and_its_secret_is_for_its_owner() {
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
    fn a_file_without_a_certificate_is_refused() {
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
    fn an_unwritable_certificate_is_an_error() {
        let scratch = Scratch::new();
        let mut cert = cert();
        cert.set_meta(b"two words", Some(b"x"));
        assert!(cert.save(&scratch.name("c"), "now").is_err());
        assert!(cert.save(b"/nonexistent/c", "now").is_err());
    }

    #[test]
    fn a_link_in_the_place_of_a_certificate_is_replaced_and_what_it_points_to_stays() {
        let scratch = Scratch::new();
        let (name, victim) = (scratch.name("c"), scratch.name("victim"));
        let secret = [&name[..], b"_secret"].concat();
        std::fs::write(file::path(&victim), "precious").unwrap();
        for link in [&name, &secret] {
            std::os::unix::fs::symlink(file::path(&victim), file::path(link)).unwrap();
        }
        cert().save(&name, "now").unwrap();
        assert_eq!(std::fs::read(file::path(&victim)).unwrap(), b"precious");
        assert!(Cert::load(&name).unwrap() == cert());
        assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 3, "no temporary file stays");
        assert!(cert().save(b"/dev/null", "now").is_err(), "no device is replaced");
    }

    #[test]
    fn who_reads_a_certificate_while_it_is_saved_has_the_old_one() {
        let scratch = Scratch::new();
        let name = scratch.name("c");
        cert().save(&name, "now").unwrap();
        let open = std::fs::File::open(file::path(&name)).unwrap();
        Cert::from_keys([8; 32], None).save(&name, "later").unwrap();
        let text = std::io::read_to_string(open).unwrap();
        assert!(text.contains(&curve::encode(&[7; 32])), "it was not cut off: {text}");
    }

    #[test]
    fn names_with_slashes_are_kept_also_as_czmq_writes_them() {
        let scratch = Scratch::new();
        let name = scratch.name("c");
        let mut saved = cert();
        saved.set_meta(b"org/unit", Some(b"one"));
        saved.set_meta(b"org/unit/name", Some(b"two"));
        saved.set_meta(b"org", Some(b"three"));
        saved.save(&name, "now").unwrap();
        assert!(Cert::load(&name).unwrap() == saved);
        let nested = format!(
            "metadata\n    org\n        unit = \"one\"\n            name = \"two\"\n    empty\n    org\n        unit = \"four\"\ncurve\n    \
             public-key = \"{}\"\n",
            curve::encode(&[7; 32])
        );
        let file = scratch.name("nested");
        std::fs::write(file::path(&file), nested).unwrap();
        let loaded = Cert::load(&file).unwrap();
        let metas: Vec<_> = loaded.meta().iter().map(|(name, value)| (&name[..], &value[..])).collect();
        assert_eq!(metas, [(&b"org/unit"[..], &b"one"[..]), (b"org/unit/name", b"two"), (b"empty", b"")]);
        for bad in [&b"/x"[..], b"x/"] {
            let mut cert = cert();
            cert.set_meta(bad, Some(b"1"));
            assert!(cert.save(&name, "now").is_err());
        }
    }

    #[test]
    fn a_secret_that_others_can_read_is_noticed() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = Scratch::new();
        let name = scratch.name("c");
        cert().save(&name, "now").unwrap();
        assert_eq!(Cert::exposure(&name), None);
        let secret = [&name[..], b"_secret"].concat();
        for (mode, is_exposed) in [(0o640, true), (0o604, true), (0o700, false)] {
            std::fs::set_permissions(file::path(&secret), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(Cert::exposure(&name).is_some(), is_exposed, "{mode:o}");
        }
        std::fs::remove_file(file::path(&secret)).unwrap();
        assert_eq!(Cert::exposure(&name), None, "a public one is for everybody");
    }
}
