//! Configuration, and counters.

#![allow(unsafe_code)]

use std::ptr;

use libc::{c_char, c_int, c_void, size_t};

use super::super::entry::told;
use super::super::failure::Failure;
use super::super::shell::{Inside, zgossip_t};
use super::arguments::{enter, string, without_nul};
use crate::core::Stats;

/// Replace the configuration by that of a file, bind to what it says, and read
/// it again whenever it changes. Returns 0; or -1, nothing being changed, with
/// errno EINVAL if an argument is NULL or the file is not written as it has to
/// be, ENOENT and the like if it cannot be read. Items that cannot be what they
/// are, and endpoints that cannot be bound, are logged only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_load(self_: *mut zgossip_t, file: *const c_char) -> c_int {
    told! {
        // SAFETY: the program gives a node and a C string.
        let (node, file) = unsafe { (enter(self_)?, string(file, "file")?.to_vec()) };
        node.ask(move |desk| desk.load(&file))??;
        Ok(0)
    }
}

/// Set an item of the configuration, such as "server/timeout", to a value; an
/// empty one is as if it were not set. Returns 0; or -1 with errno EINVAL if an
/// argument is NULL, the path is not made of names, or the item cannot have
/// that value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set(
    self_: *mut zgossip_t,
    path: *const c_char,
    value: *const c_char,
) -> c_int {
    told! {
        // SAFETY: the program gives a node and two C strings.
        let (node, path, value) = unsafe { (enter(self_)?, string(path, "path")?, string(value, "value")?) };
        set(&node, without_nul(path, "path")?, value)
    }
}

fn set(node: &Inside, path: &[u8], value: &[u8]) -> Result<c_int, Failure> {
    let (path, value) = (path.to_vec(), value.to_vec());
    node.ask(move |desk| desk.set(&path, &value))??;
    Ok(0)
}

/// Write the configuration to a file, from which zgossip_load reads it again.
/// The file has either its old content or all of the new. Returns 0; or -1 with
/// errno EINVAL if an argument is NULL, EACCES and the like if the file cannot
/// be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_save(self_: *mut zgossip_t, file: *const c_char) -> c_int {
    told! {
        // SAFETY: the program gives a node and a C string.
        let (node, file) = unsafe { (enter(self_)?, string(file, "file")?.to_vec()) };
        node.ask(move |desk| desk.save(&file))??;
        Ok(0)
    }
}

/// Record in a file what the node is told from now on, and when: commands,
/// messages of peers, connections, time. What went wrong in the field can then
/// be replayed elsewhere, exactly if nothing had been published, bound or
/// connected before. Keys and passwords are not in the file; the values of
/// tuples are. The file is made anew, readable for its owner only; a record
/// that is there already, or one that has grown too long ("server/record_size")
/// is renamed to file.1. NULL ends the record. Returns 0; or -1, nothing being
/// changed, with errno EINVAL if the first argument is no node, EEXIST if the
/// file is there and is no record, EAGAIN if another node records in it, ENOENT,
/// EACCES and the like if it cannot be made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_record(self_: *mut zgossip_t, file: *const c_char) -> c_int {
    told! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        let file = if file.is_null() {
            Vec::new()
        } else {
            // SAFETY: the program gives a C string.
            unsafe { string(file, "file")? }.to_vec()
        };
        node.ask(move |desk| desk.record(&file))??;
        Ok(0)
    }
}

/// Let the node also tell of what was removed, who comes and goes, who cannot
/// be reached, and which commands were refused: RETRACT, EXPIRE, JOIN, LEAVE,
/// UNREACHABLE and ERROR can be received from then on, or no more. The same as zgossip_set (self,
/// "server/events", on? "1": "0"); zgossip_load sets it as the file says.
/// Returns 0; or -1 with errno EINVAL if it is no node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_events(self_: *mut zgossip_t, on: bool) -> c_int {
    told! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        set(&node, b"server/events", if on { b"1" } else { b"0" })
    }
}

/// What a node does, in numbers. Later versions may have more of them, at the
/// end.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_stats_t {
    /// Tuples held.
    pub tuples: u64,
    /// Removed keys that are remembered.
    pub tombstones: u64,
    /// Peers that speak no more than CZMQ's zgossip does.
    pub links_plain: u64,
    /// Peers that speak more.
    pub links_extended: u64,
    /// Peers that are not connected, or have not shown yet what they speak.
    pub links_other: u64,
    /// Messages received from peers.
    pub frames_in: u64,
    /// Messages sent to peers.
    pub frames_out: u64,
    /// Bytes of the messages received.
    pub bytes_in: u64,
    /// Bytes of the messages sent.
    pub bytes_out: u64,
    /// Tuples sent.
    pub tuples_out: u64,
    /// Tuples received that were known.
    pub duplicates: u64,
    /// Messages that were none of this protocol.
    pub malformed: u64,
    /// Tuples received and refused, for a limit or a time stamp in the future.
    pub refused: u64,
    /// Tuples that wait for slow peers, once for each.
    pub owed: u64,
    /// As zgossip_digest says.
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

/// Store the node's numbers where the second argument points. The third is the
/// size of what is there, so that programs and libraries of different versions
/// get along: numbers that it has no room for are left out, those that the
/// library does not know are 0.
///
///     zgossip_stats_t stats;
///     zgossip_stats (node, &stats, sizeof (stats));
///
/// Returns 0; or -1 with errno EINVAL if an argument is NULL or the size 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_stats(
    self_: *mut zgossip_t,
    stats: *mut zgossip_stats_t,
    size: size_t,
) -> c_int {
    told! {
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

/// Free memory that this library allocated for the program: the same as free(),
/// for programs in other languages. NULL: nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_free(memory: *mut c_void) {
    // SAFETY: the program gives what it was given, or NULL.
    unsafe { libc::free(memory) };
}
