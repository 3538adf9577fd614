//! Certificates.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::error::from_io;
use super::{Error, file_name};
use crate::actor::{auth, local_time};
use crate::engine::raw::curve;
use crate::log::{Logger, Stderr};
use crate::warning::Kind;

/// CURVE certificate: a key pair with metadata, in files of CZMQ's format.
///
/// The file `NAME` has the public key and may be given away; `NAME_secret` has both keys, and only its owner can read
/// it. The secret key is wiped from memory when the certificate is dropped.
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

    /// Returns whether the libzmq in use has CURVE. The one that the `zmq-sys` crate compiles does not.
    pub fn is_supported() -> bool {
        curve::available()
    }

    /// Makes a certificate with a new key pair.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if libzmq has no CURVE.
    pub fn generate() -> Result<Cert, Error> {
        if !Cert::is_supported() {
            return Err(Error::unsupported("this libzmq has no CURVE"));
        }
        Ok(Cert(auth::Cert::generate()?))
    }

    /// Makes a certificate from keys. Without the secret one it serves to check a peer, not to bind or connect.
    pub fn from_keys(public: [u8; Cert::KEY_SIZE], secret: Option<[u8; Cert::KEY_SIZE]>) -> Cert {
        Cert(auth::Cert::from_keys(public, secret.map(Zeroizing::new)))
    }

    /// Makes a certificate from keys in Z85, 40 characters each.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if one of them is no key.
    pub fn from_text(public: &str, secret: Option<&str>) -> Result<Cert, Error> {
        let cert = auth::Cert::from_text(public.as_bytes(), secret.map(str::as_bytes));
        cert.map(Cert).ok_or_else(|| Error::invalid("a key has 40 characters of Z85"))
    }

    /// Loads a certificate from the file `NAME_secret`, or, if there is none, from `NAME`. A warning is written to standard
    /// error if others than its owner can read a secret key there.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if there is no certificate.
    pub fn load(name: impl AsRef<Path>) -> Result<Cert, Error> {
        let cert = auth::Cert::load(file_name(&name)).map_err(Error::invalid)?;
        if let Some(exposure) = auth::Cert::exposure(file_name(&name)) {
            Logger::new("zcert", Arc::new(Stderr)).warn_of(Kind::ExposedKey, &exposure);
        }
        Ok(Cert(cert))
    }

    /// Saves the public part to the file `NAME`, and all of the certificate to `NAME_secret`.
    ///
    /// # Errors
    /// The error of writing the files.
    pub fn save(&self, name: impl AsRef<Path>) -> Result<(), Error> {
        self.0.save(file_name(&name), &local_time()).map_err(|error| from_io(&error))
    }

    /// Saves the public part to exactly this file.
    ///
    /// # Errors
    /// The error of writing the file.
    pub fn save_public(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        self.0.save_public(file_name(&file), &local_time()).map_err(|error| from_io(&error))
    }

    /// Saves all of the certificate to exactly this file, which only its owner can read.
    ///
    /// # Errors
    /// The error of writing the file.
    pub fn save_secret(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        self.0.save_secret(file_name(&file), &local_time()).map_err(|error| from_io(&error))
    }

    /// Public key.
    pub fn public_key(&self) -> &[u8; Cert::KEY_SIZE] {
        self.0.public()
    }

    /// Public key in Z85, as [`Node::connect_with_key`](crate::Node::connect_with_key) takes it.
    pub fn public_text(&self) -> String {
        curve::encode(self.0.public())
    }

    /// Secret key, if the certificate has it.
    pub fn secret_key(&self) -> Option<&[u8; Cert::KEY_SIZE]> {
        self.0.secret()
    }

    /// Secret key in Z85, if the certificate has it.
    pub(super) fn secret_text(&self) -> Option<Zeroizing<String>> {
        self.0.secret().map(|secret| Zeroizing::new(curve::encode(secret)))
    }

    /// Value of an item of the metadata, if there is one with this name.
    pub fn meta(&self, name: &str) -> Option<&[u8]> {
        self.metas().find(|&(known, _)| known == name.as_bytes()).map(|(_, value)| value)
    }

    /// Names and values of the metadata, in the order in which they were set.
    pub fn metas(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.meta().iter().map(|(name, value)| (&name[..], &value[..]))
    }

    /// Sets an item of the metadata, which is saved with the certificate, or removes it (`None`).
    pub fn set_meta(&mut self, name: &str, value: Option<&str>) {
        self.0.set_meta(name.as_bytes(), value.map(str::as_bytes));
    }
}

impl fmt::Debug for Cert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cert").field("public", &self.public_text()).finish_non_exhaustive()
    }
}
