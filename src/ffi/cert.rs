//! Certificates for C: see [`actor::auth`](crate::actor::auth).

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::ptr;

use libc::{c_char, c_int, size_t};
use zeroize::{Zeroize, Zeroizing};

use super::czmq_compat::timestr;
use super::entry::{entry, entry_with_reason};
use super::error::Errno;
use super::failure::Failure;
use super::tag::{Tag, Tagged, check};
use crate::actor::auth::Cert;
use crate::engine::raw::curve;
use crate::log::show;

/// A certificate, as C holds it.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_cert_t {
    tag: Tag,
    cert: Cert,
    /// Zeros where it is not known.
    secret: Zeroizing<[u8; curve::BYTES]>,
    public_text: CString,
    secret_text: Zeroizing<Vec<u8>>,
    /// Name and value of each item, as C reads them.
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

/// # Safety
/// `cert` is NULL or points to four readable bytes; and to a live certificate where they are our tag.
unsafe fn get<'a>(cert: *const zgossip_cert_t) -> Result<&'a mut zgossip_cert_t, Errno> {
    // SAFETY: the caller vouches for it; a certificate is for one thread at a time.
    Ok(unsafe { check(cert)?.as_mut() })
}

/// # Safety
/// `text` is NULL or a C string.
unsafe fn bytes<'a>(text: *const c_char) -> Result<&'a [u8], Errno> {
    if text.is_null() {
        return Err(Errno::INVALID);
    }
    // SAFETY: the caller vouches for it.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// Create a certificate with a fresh pair of keys for CURVE. A certificate is
/// for one thread at a time. The caller destroys it with zgossip_cert_destroy.
/// Returns NULL with errno ENOTSUP if libzmq has no CURVE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_new() -> *mut zgossip_cert_t {
    entry! {
        if !curve::available() {
            return Err(Errno::UNSUPPORTED);
        }
        Ok(zgossip_cert_t::new(Cert::generate().map_err(|error| Errno(error.errno()))?))
    }
}

/// Create a certificate with these keys of 32 bytes; the secret key may be
/// NULL. Returns NULL with errno EINVAL if the public key is NULL.
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

/// Create a certificate with these keys, each 40 characters of Z85; the
/// secret key may be NULL. Returns NULL with errno EINVAL if one is no key.
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

/// Load a certificate: filename_secret where there is such a file, which has
/// both keys; else filename. CZMQ's zcert writes such files too. Returns NULL
/// with errno EINVAL if filename is NULL, or if there is no certificate there:
/// zgossip_strerror tells why.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_load(filename: *const c_char) -> *mut zgossip_cert_t {
    entry_with_reason! {
        // SAFETY: the program gives a C string or NULL.
        let name = unsafe { bytes(filename) }?;
        let cert = Cert::load(name).map_err(|reason| {
            Failure::invalid(format!("cannot load certificate '{}' ({reason})", show(name)))
        })?;
        Ok(zgossip_cert_t::new(cert))
    }
}

/// Destroy a certificate, and set the caller's pointer to NULL; its secret
/// key is wiped. Nothing happens if either pointer is NULL already. If it
/// does not point to a certificate, it is left alone, and errno is EINVAL.
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

/// The public key, 32 bytes that stay the certificate's. NULL: errno EINVAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_public_key(self_: *const zgossip_cert_t) -> *const u8 {
    entry! {
        // SAFETY: the program gives a certificate or NULL.
        Ok(unsafe { get(self_) }?.cert.public().as_ptr())
    }
}

/// The secret key, 32 bytes that stay the certificate's, all of them zero
/// where it is not known. NULL: errno EINVAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_secret_key(self_: *const zgossip_cert_t) -> *const u8 {
    entry! {
        // SAFETY: the program gives a certificate or NULL.
        Ok(unsafe { get(self_) }?.secret.as_ptr())
    }
}

/// The public key in Z85; it stays the certificate's. NULL: errno EINVAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_public_txt(self_: *const zgossip_cert_t) -> *const c_char {
    entry! {
        // SAFETY: the program gives a certificate or NULL.
        Ok(unsafe { get(self_) }?.public_text.as_ptr())
    }
}

/// The secret key in Z85, 40 zeros where it is not known; it stays the
/// certificate's. NULL: errno EINVAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_secret_txt(self_: *const zgossip_cert_t) -> *const c_char {
    entry! {
        // SAFETY: the program gives a certificate or NULL.
        Ok(unsafe { get(self_) }?.secret_text.as_ptr().cast())
    }
}

/// Say something about the certificate's owner: set what stands under a name,
/// or take it away where value is NULL. It is saved with the certificate, and
/// a server that admits its owner finds it in the messages it receives
/// (zmq_msg_gets). Returns 0; or -1 with errno EINVAL if an argument is
/// wrong.
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

/// What stands under a name, or NULL; it stays the certificate's, and valid
/// until anything is said about it.
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

/// The name of the item with this number, from 0; or NULL. It stays valid as
/// what zgossip_cert_meta returns.
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

/// Save the certificate: what is public to filename, and everything, for its
/// owner alone, to filename_secret. Returns 0, or -1 with errno.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_save(self_: *const zgossip_cert_t, filename: *const c_char) -> c_int {
    entry! {
        // SAFETY: the program gives a certificate and a C string, or NULL.
        let (held, name) = unsafe { (get(self_)?, bytes(filename)?) };
        held.cert.save(name, &timestr())?;
        Ok(0)
    }
}

/// Save what is public to filename. Returns 0, or -1 with errno.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_save_public(
    self_: *const zgossip_cert_t,
    filename: *const c_char,
) -> c_int {
    entry! {
        // SAFETY: the program gives a certificate and a C string, or NULL.
        let (held, name) = unsafe { (get(self_)?, bytes(filename)?) };
        held.cert.save_public(name, &timestr())?;
        Ok(0)
    }
}

/// Save everything to filename, which only its owner can read then. Returns
/// 0, or -1 with errno.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_save_secret(
    self_: *const zgossip_cert_t,
    filename: *const c_char,
) -> c_int {
    entry! {
        // SAFETY: the program gives a certificate and a C string, or NULL.
        let (held, name) = unsafe { (get(self_)?, bytes(filename)?) };
        held.cert.save_secret(name, &timestr())?;
        Ok(0)
    }
}

/// A copy, with what was said about it. NULL, errno EINVAL if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_cert_dup(self_: *const zgossip_cert_t) -> *mut zgossip_cert_t {
    entry! {
        // SAFETY: the program gives a certificate or NULL.
        Ok(zgossip_cert_t::new(unsafe { get(self_) }?.cert.clone()))
    }
}
