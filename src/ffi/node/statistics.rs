//! Statistics: what a node counts.

#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use libc::{c_int, size_t};

use super::arguments::enter;
use super::pool::zgossip_t;
use crate::core::Stats;
use crate::ffi::entry::entry_with_reason;
use crate::ffi::failure::Failure;

/// Statistics of a node. Later versions may add members at the end.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_stats_t {
    /// Tuples that the node holds.
    pub tuples: u64,
    /// Removed keys that the node remembers.
    pub tombstones: u64,
    /// Connected peers that speak CZMQ's protocol only.
    pub links_plain: u64,
    /// Connected peers that speak this library's extension of it.
    pub links_extended: u64,
    /// Peers that are not connected, or have not shown yet which protocol they
    /// speak.
    pub links_other: u64,
    /// Messages received from peers.
    pub frames_in: u64,
    /// Messages sent to peers.
    pub frames_out: u64,
    /// Bytes of the messages received.
    pub bytes_in: u64,
    /// Bytes of the messages sent.
    pub bytes_out: u64,
    /// Tuples sent to peers.
    pub tuples_out: u64,
    /// Tuples received that the node held already.
    pub duplicates: u64,
    /// Messages received that are not of this protocol.
    pub malformed: u64,
    /// Tuples received and refused, for a limit or a time stamp too far ahead.
    pub refused: u64,
    /// Tuples that wait to be sent to slow peers, counted once for each peer.
    pub owed: u64,
    /// The digest of zgossip_digest.
    pub root: u64,
}

impl From<Stats> for zgossip_stats_t {
    fn from(stats: Stats) -> zgossip_stats_t {
        zgossip_stats_t {
            tuples: stats.tuples,
            tombstones: stats.tombstones,
            links_plain: stats.links_plain,
            links_extended: stats.links_extended,
            links_other: stats.links_other,
            frames_in: stats.frames_in,
            frames_out: stats.frames_out,
            bytes_in: stats.bytes_in,
            bytes_out: stats.bytes_out,
            tuples_out: stats.tuples_out,
            duplicates: stats.duplicates,
            malformed: stats.malformed,
            refused: stats.refused,
            owed: stats.owed,
            root: stats.root,
        }
    }
}

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
pub unsafe extern "C" fn zgossip_stats(
    self_: *mut zgossip_t,
    stats: *mut zgossip_stats_t,
    size: size_t,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        if stats.is_null() || size == 0 {
            return Err(Failure::invalid("there is no room for the numbers"));
        }
        let ours = zgossip_stats_t::from(node.ask(|desk| desk.stats())?);
        let known = size.min(size_of::<zgossip_stats_t>());
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
        let root = node.ask(|desk| desk.root())?;
        // SAFETY: the program gives the address of a uint64_t.
        unsafe { place.write(root) };
        Ok(0)
    }
}
