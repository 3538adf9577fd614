//! Origins: who wrote a tuple, and when.

#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use libc::{c_char, c_void, size_t};

use super::arguments::{enter, sized, string};
use super::pool::zgossip_t;
use crate::core::Origin;
use crate::ffi::entry::entry_with_reason;
use crate::ffi::error::Errno;
use crate::ffi::failure::Failure;
use crate::log::printable;

/// The origin of a tuple, from zgossip_origin. Later versions may add members at the end.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_origin_t {
    /// Size of this structure in bytes, in the version of the library that is in use: it has no members beyond that.
    pub size: size_t,
    /// Id of the node that wrote the tuple; 0 if a peer with CZMQ's own zgossip brought it, which does not tell.
    pub writer: u64,
    /// Whether this node wrote the tuple.
    pub own: bool,
    /// Name of the writer, made printable, if it is this node or a peer of this node; else "".
    pub name: *const c_char,
    /// Endpoint of the peer that the tuple came from, as in zgossip_peer_t; "" if this node wrote it, or the connection is gone.
    pub endpoint: *const c_char,
    /// Time of the write, milliseconds since 1970, by the clocks of the network; -1 if not known, as where `writer` is 0.
    pub written_ms: i64,
    /// Milliseconds until the tuple expires; 0 if it does not.
    pub ttl_ms: u32,
}

/// Looks up the origin of a tuple.
///
/// # Safety
/// `node` as for [`enter`].
unsafe fn origin(node: *mut zgossip_t, key: &[u8]) -> Result<*mut zgossip_origin_t, Failure> {
    // SAFETY: the caller vouches for it.
    let found = unsafe { enter(node) }?.origin(key)?;
    let (endpoint, origin) =
        found.ok_or_else(|| Failure::new(Errno(libc::ENOENT), "the key has no value"))?;
    Ok(to_c(&endpoint, &origin)?.as_ptr())
}

/// Returns who wrote the tuple of a key, and when.
///
///     zgossip_origin_t *origin = zgossip_origin (node, "key");
///     if (origin)
///         printf ("%016llx %s\n", (unsigned long long) origin->writer, origin->name);
///     zgossip_origin_destroy (&origin);
///
/// The writer is the node whose program published the value that the key has
/// now, however the tuple came here. The time is that of its stamp, which
/// follows the fastest clock of the network. Of a value that came from a peer
/// with CZMQ's own zgossip only the endpoint of a direct peer is known.
///
/// Returns: the origin, which the caller destroys with zgossip_origin_destroy;
///     or NULL.
/// Errors: ENOENT if the key has no value; EINVAL if the key is empty or too
///     long; ENOMEM; and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_origin(self_: *mut zgossip_t, key: *const c_char) -> *mut zgossip_origin_t {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        unsafe { origin(self_, string(key, "key")?) }
    }
}

/// Returns who wrote the tuple of a key that is given with its size in bytes.
///
/// The rest is as for zgossip_origin.
///
/// Returns: the origin, which the caller destroys with zgossip_origin_destroy;
///     or NULL.
/// Errors: EINVAL if the key contains a NUL; and those of zgossip_origin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_origin_sized(
    self_: *mut zgossip_t,
    key: *const c_void,
    key_size: size_t,
) -> *mut zgossip_origin_t {
    entry_with_reason! {
        // SAFETY: the program gives a node, and the address of the key with its size.
        unsafe { origin(self_, sized(key, key_size, "key")?) }
    }
}

/// Frees what zgossip_origin returned, and sets the caller's pointer to NULL.
///
/// NULL, or a pointer to NULL, does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_origin_destroy(self_p: *mut *mut zgossip_origin_t) {
    if !self_p.is_null() {
        // SAFETY: the program gives a pointer to its pointer, that to what it was given, or NULL.
        unsafe { libc::free(self_p.replace(ptr::null_mut()).cast()) };
    }
}

/// Copies an origin to one block of memory of the C library: the structure, the strings.
fn to_c(endpoint: &str, origin: &Origin) -> Result<NonNull<zgossip_origin_t>, Errno> {
    let name = origin.name.as_deref().map_or_else(String::new, printable);
    let size = size_of::<zgossip_origin_t>() + name.len() + endpoint.len() + 2;
    // SAFETY: any size may be asked for.
    let block = unsafe { libc::malloc(size) }.cast::<zgossip_origin_t>();
    let place = NonNull::new(block).ok_or(Errno::NO_MEMORY)?;
    // SAFETY: the block has room for the structure, aligned as malloc aligns, and for both strings behind it.
    unsafe {
        let mut string = block.add(1).cast::<u8>();
        let mut copy = |text: &str| {
            let place = string;
            ptr::copy_nonoverlapping(text.as_ptr(), place, text.len());
            place.add(text.len()).write(0);
            string = place.add(text.len() + 1);
            place.cast_const().cast()
        };
        block.write(zgossip_origin_t {
            size: size_of::<zgossip_origin_t>(),
            writer: origin.writer.unwrap_or(0),
            own: origin.is_own,
            name: copy(&name),
            endpoint: copy(endpoint),
            written_ms: origin.written.map_or(-1, |written| i64::try_from(written).unwrap_or(i64::MAX)),
            ttl_ms: origin.ttl,
        });
    }
    Ok(place)
}
