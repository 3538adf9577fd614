//! Certificates: CURVE keys with metadata, in the files of CZMQ's zcert.
//!
//! A certificate may be used by one thread at a time.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::ptr;

use libc::{c_char, c_int, size_t};
use zeroize::{Zeroize, Zeroizing};

use super::actor_fn::sink;
use super::entry::{entry, entry_with_reason};
use super::error::Errno;
use super::failure::Failure;
use super::tag::{Tag, Tagged, check};
use crate::actor::auth::Cert;
use crate::actor::local_time;
use crate::engine::raw::curve;
use crate::log::{Logger, show};
use crate::warning::Kind;

/// A certificate, as C holds it.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_cert_t {
    tag: Tag,
    cert: Cert,
    /// The secret key; zeros if it is not known.
    secret: Zeroizing<[u8; curve::BYTES]>,
    public_text: CString,
    secret_text: Zeroizing<Vec<u8>>,
    /// Name and value of each metadata item, as C strings.
    meta: Vec<(CString, CString)>,
}

// SAFETY: `repr(C)`, and the tag comes first.
unsafe impl Tagged for zgossip_cert_t {
    const TAG: u32 = 0x5a47_4345;
}

impl zgossip_cert_t {
    fn new(cert: Cert) -> *mut zgossip_cert_t {
        let secret = Zeroizing::new(cert.secret().copied().unwrap_or_default());
        let mut text = Zeroizing::new(curve::encode(&secret));
        let mut secret_text = Zeroizing::new(Vec::with_capacity(curve::TEXT + 1));
        secret_text.extend_from_slice(text.as_bytes());
        secret_text.push(0);
        text.zeroize();
        let mut held = zgossip_cert_t {
            tag: Tag::new(Self::TAG),
            secret,
            public_text: CString::new(curve::encode(cert.public())).unwrap_or_default(),
            secret_text,
            meta: Vec::new(),
            cert,
        };
        held.refresh();
        Box::into_raw(Box::new(held))
    }

    fn refresh(&mut self) {
        let text = |bytes: &[u8]| CString::new(bytes).unwrap_or_default();
        self.meta = self.cert.meta().iter().map(|(name, value)| (text(name), text(value))).collect();
    }
}

/// Returns the certificate that C points to.
///
/// # Safety
/// `cert` is NULL or points to four readable bytes; and to a live certificate where they are our tag.
unsafe fn get<'a>(cert: *const zgossip_cert_t) -> Result<&'a mut zgossip_cert_t, Errno> {
    // SAFETY: the caller vouches for it; a certificate is for one thread at a time.
    Ok(unsafe { check(cert)?.as_mut() })
}

/// Returns the bytes of a C string; `EINVAL` for NULL.
///
/// # Safety
/// `text` is NULL or a C string.
unsafe fn bytes<'a>(text: *const c_char) -> Result<&'a [u8], Errno> {
    if text.is_null() {
        return Err(Errno::INVALID);
    }
    // SAFETY: the caller vouches for it.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// Creates a certificate with a fresh pair of CURVE keys.
///
/// Returns: the certificate, which the caller destroys with
///     zgossip_cert_destroy; or NULL.
/// Errors: ENOTSUP if libzmq was built without CURVE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_new() -> *mut zgossip_cert_t {
    entry! {
        if !curve::available() {
            return Err(Errno::UNSUPPORTED);
        }
        Ok(zgossip_cert_t::new(Cert::generate().map_err(|error| Errno(error.errno()))?))
    }
}

/// Creates a certificate from binary keys of 32 bytes each.
///
/// `secret_key` may be NULL, where only the public key is known.
///
/// Returns: the certificate, which the caller destroys with
///     zgossip_cert_destroy; or NULL.
/// Errors: EINVAL if the public key is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_new_from(
    public_key: *const u8,
    secret_key: *const u8,
) -> *mut zgossip_cert_t {
    entry! {
        if public_key.is_null() {
            return Err(Errno::INVALID);
        }
        // SAFETY: the program gives 32 bytes.
        let public = unsafe { public_key.cast::<[u8; curve::BYTES]>().read() };
        let secret = (!secret_key.is_null())
            // SAFETY: the program gives NULL or 32 bytes.
            .then(|| Zeroizing::new(unsafe { secret_key.cast::<[u8; curve::BYTES]>().read() }));
        Ok(zgossip_cert_t::new(Cert::from_keys(public, secret)))
    }
}

/// Creates a certificate from keys in Z85, 40 characters each.
///
/// `secret_txt` may be NULL, where only the public key is known.
///
/// Returns: the certificate, which the caller destroys with
///     zgossip_cert_destroy; or NULL.
/// Errors: EINVAL if the public key is NULL, or one of the two is no key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_new_from_txt(
    public_txt: *const c_char,
    secret_txt: *const c_char,
) -> *mut zgossip_cert_t {
    entry! {
        // SAFETY: the program gives C strings, or NULL.
        let (public, secret) = unsafe {
            (bytes(public_txt)?, if secret_txt.is_null() { None } else { Some(bytes(secret_txt)?) })
        };
        Ok(zgossip_cert_t::new(Cert::from_text(public, secret).ok_or(Errno::INVALID)?))
    }
}

/// Loads a certificate from a file, as CZMQ's zcert.
///
/// The file `filename`_secret, which holds both keys, is read if there is one,
/// and `filename` otherwise. A warning is logged if others than its owner can
/// read a secret key there.
///
/// Returns: the certificate, which the caller destroys with
///     zgossip_cert_destroy; or NULL.
/// Errors: EINVAL if `filename` is NULL, or neither file is a certificate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_load(filename: *const c_char) -> *mut zgossip_cert_t {
    entry_with_reason! {
        // SAFETY: the program gives a C string or NULL.
        let name = unsafe { bytes(filename) }?;
        let cert = Cert::load(name).map_err(|reason| {
            Failure::invalid(format!("cannot load certificate '{}' ({reason})", show(name)))
        })?;
        if let Some(exposure) = Cert::exposure(name) {
            Logger::new("zcert", sink()).warn_of(Kind::ExposedKey, &exposure);
        }
        Ok(zgossip_cert_t::new(cert))
    }
}

/// Destroys a certificate, wipes its secret key, and sets the caller's pointer
/// to NULL.
///
/// NULL, or a pointer to NULL, does nothing.
///
/// Errors: EINVAL if it is no certificate; the pointer stays as it was then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_destroy(self_p: *mut *mut zgossip_cert_t) {
    entry! {
        // SAFETY: the program gives NULL or a pointer to its pointer, that to a certificate made by `new`.
        unsafe {
            if self_p.is_null() || (*self_p).is_null() {
                return Ok(());
            }
            let found = check(*self_p)?;
            found.as_ref().tag.wipe();
            drop(Box::from_raw(found.as_ptr()));
            *self_p = ptr::null_mut();
        }
        Ok(())
    }
}

/// Returns the public key as 32 bytes.
///
/// Returns: bytes that belong to the certificate, or NULL.
/// Errors: EINVAL if `self` is no certificate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_public_key(self_: *const zgossip_cert_t) -> *const u8 {
    entry! {
        // SAFETY: the program gives a certificate or NULL.
        Ok(unsafe { get(self_) }?.cert.public().as_ptr())
    }
}

/// Returns the secret key as 32 bytes; all of them are 0 if it is not known.
///
/// Returns: bytes that belong to the certificate, or NULL.
/// Errors: EINVAL if `self` is no certificate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_secret_key(self_: *const zgossip_cert_t) -> *const u8 {
    entry! {
        // SAFETY: the program gives a certificate or NULL.
        Ok(unsafe { get(self_) }?.secret.as_ptr())
    }
}

/// Returns the public key as 40 characters of Z85.
///
/// Returns: a string that belongs to the certificate, or NULL.
/// Errors: EINVAL if `self` is no certificate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_public_txt(self_: *const zgossip_cert_t) -> *const c_char {
    entry! {
        // SAFETY: the program gives a certificate or NULL.
        Ok(unsafe { get(self_) }?.public_text.as_ptr())
    }
}

/// Returns the secret key as 40 characters of Z85; all of them are '0' if it is
/// not known.
///
/// Returns: a string that belongs to the certificate, or NULL.
/// Errors: EINVAL if `self` is no certificate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_secret_txt(self_: *const zgossip_cert_t) -> *const c_char {
    entry! {
        // SAFETY: the program gives a certificate or NULL.
        Ok(unsafe { get(self_) }?.secret_text.as_ptr().cast())
    }
}

/// Sets a metadata item of the certificate, or removes it if `value` is NULL.
///
/// Metadata is saved with the certificate. A server that accepts the
/// certificate's owner finds it in the messages that it receives
/// (zmq_msg_gets).
///
/// Returns: 0, or -1.
/// Errors: EINVAL if `self` is no certificate or `name` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_set_meta(
    self_: *mut zgossip_cert_t,
    name: *const c_char,
    value: *const c_char,
) -> c_int {
    entry! {
        // SAFETY: the program gives a certificate and C strings, or NULL.
        let (held, name) = unsafe { (get(self_)?, bytes(name)?) };
        // SAFETY: as above.
        let value = if value.is_null() { None } else { Some(unsafe { bytes(value) }?) };
        held.cert.set_meta(name, value);
        held.refresh();
        Ok(0)
    }
}

/// Returns the metadata item with a given name.
///
/// Returns: a string that belongs to the certificate, valid until an item is
///     set or removed; NULL if there is no such item.
/// Errors: EINVAL if `self` is no certificate or `name` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_meta(
    self_: *const zgossip_cert_t,
    name: *const c_char,
) -> *const c_char {
    entry! {
        // SAFETY: the program gives a certificate and a C string, or NULL.
        let (held, name) = unsafe { (get(self_)?, bytes(name)?) };
        let found = held.meta.iter().find(|(known, _)| known.to_bytes() == name);
        Ok(found.map_or(ptr::null(), |(_, value)| value.as_ptr()))
    }
}

/// Returns the name of the metadata item with a given number, counted from 0.
///
/// Returns: a string that belongs to the certificate, valid until an item is
///     set or removed; NULL if there are fewer items.
/// Errors: EINVAL if `self` is no certificate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_meta_name(
    self_: *const zgossip_cert_t,
    index: size_t,
) -> *const c_char {
    entry! {
        // SAFETY: the program gives a certificate or NULL.
        Ok(unsafe { get(self_) }?.meta.get(index).map_or(ptr::null(), |(name, _)| name.as_ptr()))
    }
}

/// Saves the certificate: its public part to `filename`, all of it to
/// `filename`_secret.
///
/// The second file can be read by its owner only.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if an argument is wrong; EACCES and the like if a file cannot
///     be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_save(self_: *const zgossip_cert_t, filename: *const c_char) -> c_int {
    entry! {
        // SAFETY: the program gives a certificate and a C string, or NULL.
        let (held, name) = unsafe { (get(self_)?, bytes(filename)?) };
        held.cert.save(name, &local_time())?;
        Ok(0)
    }
}

/// Saves the public part of the certificate to `filename`.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if an argument is wrong; EACCES and the like if the file
///     cannot be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_save_public(
    self_: *const zgossip_cert_t,
    filename: *const c_char,
) -> c_int {
    entry! {
        // SAFETY: the program gives a certificate and a C string, or NULL.
        let (held, name) = unsafe { (get(self_)?, bytes(filename)?) };
        held.cert.save_public(name, &local_time())?;
        Ok(0)
    }
}

/// Saves all of the certificate to `filename`, which only its owner can read.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if an argument is wrong; EACCES and the like if the file
///     cannot be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_save_secret(
    self_: *const zgossip_cert_t,
    filename: *const c_char,
) -> c_int {
    entry! {
        // SAFETY: the program gives a certificate and a C string, or NULL.
        let (held, name) = unsafe { (get(self_)?, bytes(filename)?) };
        held.cert.save_secret(name, &local_time())?;
        Ok(0)
    }
}

/// Copies a certificate with its metadata.
///
/// Returns: the copy, which the caller destroys with zgossip_cert_destroy; or
///     NULL.
/// Errors: EINVAL if `self` is no certificate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_dup(self_: *const zgossip_cert_t) -> *mut zgossip_cert_t {
    entry! {
        // SAFETY: the program gives a certificate or NULL.
        Ok(zgossip_cert_t::new(unsafe { get(self_) }?.cert.clone()))
    }
}
