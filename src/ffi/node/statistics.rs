//! Statistics: what a node counts.

#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use libc::{c_int, size_t};

use super::arguments::enter;
use super::pool::zgossip_t;
use crate::core::Stats;
use crate::ffi::entry::entry_with_reason;
use crate::ffi::failure::Failure;

/// Stores the node's statistics: what it holds now, and what it has counted
/// since it was made.
///
///     zgossip_stats_t stats;
///     zgossip_stats (node, &stats, sizeof (stats));
///
/// `size` is the size in bytes of the structure that `stats` points to, so that
/// programs and libraries of different versions work together: members that do
/// not fit are left out, members that the library does not know are set to 0.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if `size` is 0; and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_stats(self_: *mut zgossip_t, stats: *mut Stats, size: size_t) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        if stats.is_null() || size == 0 {
            return Err(Failure::invalid("there is no room for the numbers"));
        }
        let ours = node.call(|node| node.stats())?;
        let known = size.min(size_of::<Stats>());
        // SAFETY: the program gives the address of `size` bytes, and ours are integers without gaps.
        unsafe {
            ptr::copy_nonoverlapping((&raw const ours).cast::<u8>(), stats.cast(), known);
            ptr::write_bytes(stats.cast::<u8>().add(known), 0, size - known);
        }
        Ok(0)
    }
}

/// Stores a digest of all that the node holds, removed keys included.
///
/// Two nodes of this library whose digests are equal hold the same tuples. The
/// digest is no cryptographic hash: it does not protect against forgery.
///
/// Returns: 0, or -1.
/// Errors: those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_digest(self_: *mut zgossip_t, digest_p: *mut u64) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        let place = NonNull::new(digest_p).ok_or_else(|| Failure::invalid("there is no room for the digest"))?;
        let root = node.call(|node| node.root())?;
        // SAFETY: the program gives the address of a uint64_t.
        unsafe { place.write(root) };
        Ok(0)
    }
}
