//! Certificates.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use super::error::from_io;
use super::{Error, file_name};
use crate::actor::{auth, local_time};
use crate::engine::raw::curve;

/// CURVE certificate: a key pair, and what its owner says about it, in files of CZMQ's format.
///
/// `NAME` holds what is public and may be given away, `NAME_secret` both keys, readable for its owner alone. The
/// secret key is wiped when the certificate is dropped.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use zgossip::{Cert, Node};
///
/// # if !Cert::is_supported() { return Ok(()) }
/// let cert = Cert::generate()?;
/// let hub = Node::builder().cert(&cert).start()?;
/// let port = hub.bind("tcp://127.0.0.1:*")?;
///
/// let client = Node::builder().cert(&Cert::generate()?).start()?;
/// client.connect_with_key(&format!("tcp://127.0.0.1:{port}"), &cert.public_text())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Cert(auth::Cert);

impl Cert {
    /// Length of a key in bytes.
    pub const KEY_SIZE: usize = curve::BYTES;

    /// Whether this libzmq has CURVE. The one that the `zmq-sys` crate brings has not.
    pub fn is_supported() -> bool {
        curve::available()
    }

    /// Makes a certificate with a fresh key pair.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where libzmq has no CURVE.
    pub fn generate() -> Result<Cert, Error> {
        if !Cert::is_supported() {
            return Err(Error::unsupported("this libzmq has no CURVE"));
        }
        Ok(Cert(auth::Cert::generate()?))
    }

    /// Makes a certificate of these keys.
    pub fn from_keys(public: [u8; Cert::KEY_SIZE], secret: Option<[u8; Cert::KEY_SIZE]>) -> Cert {
        Cert(auth::Cert::from_keys(public, secret.map(Zeroizing::new)))
    }

    /// Makes a certificate of these keys in Z85, 40 characters each.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where one of them is no key.
    pub fn from_text(public: &str, secret: Option<&str>) -> Result<Cert, Error> {
        let cert = auth::Cert::from_text(public.as_bytes(), secret.map(str::as_bytes));
        cert.map(Cert).ok_or_else(|| Error::invalid("a key has 40 characters of Z85"))
    }

    /// Loads a certificate: `NAME_secret` where there is such a file, which has both keys; else `NAME`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where there is no certificate.
    pub fn load(name: impl AsRef<Path>) -> Result<Cert, Error> {
        auth::Cert::load(file_name(&name)).map(Cert).map_err(Error::invalid)
    }

    /// Saves what is public to `NAME`, and everything to `NAME_secret`.
    ///
    /// # Errors
    /// Those of writing the files.
    pub fn save(&self, name: impl AsRef<Path>) -> Result<(), Error> {
        self.0.save(file_name(&name), &local_time()).map_err(|error| from_io(&error))
    }

    /// Saves what is public to exactly this file.
    ///
    /// # Errors
    /// Those of writing the file.
    pub fn save_public(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        self.0.save_public(file_name(&file), &local_time()).map_err(|error| from_io(&error))
    }

    /// Saves everything to exactly this file, which only its owner can read then.
    ///
    /// # Errors
    /// Those of writing the file.
    pub fn save_secret(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        self.0.save_secret(file_name(&file), &local_time()).map_err(|error| from_io(&error))
    }

    /// The public key.
    pub fn public_key(&self) -> &[u8; Cert::KEY_SIZE] {
        self.0.public()
    }

    /// The public key in Z85, as [`Node::connect_with_key`](crate::Node::connect_with_key) takes it.
    pub fn public_text(&self) -> String {
        curve::encode(self.0.public())
    }

    /// The secret key, if it is known.
    pub fn secret_key(&self) -> Option<&[u8; Cert::KEY_SIZE]> {
        self.0.secret()
    }

    /// The secret key in Z85, if it is known.
    pub(super) fn secret_text(&self) -> Option<Zeroizing<String>> {
        self.0.secret().map(|secret| Zeroizing::new(curve::encode(secret)))
    }

    /// What is said about the owner under a name.
    pub fn meta(&self, name: &str) -> Option<&[u8]> {
        self.metas().find(|&(known, _)| known == name.as_bytes()).map(|(_, value)| value)
    }

    /// Names and values of what is said about the owner, in the order in which it was said.
    pub fn metas(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.meta().iter().map(|(name, value)| (&name[..], &value[..]))
    }

    /// Says something about the owner, or takes it back. It is saved with the certificate.
    pub fn set_meta(&mut self, name: &str, value: Option<&str>) {
        self.0.set_meta(name.as_bytes(), value.map(str::as_bytes));
    }
}

impl fmt::Debug for Cert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cert").field("public", &self.public_text()).finish_non_exhaustive()
    }
}
