//! Configuration, and the flight recorder.

#![allow(unsafe_code)]

use libc::{c_char, c_int};

use super::arguments::{enter, string, without_nul};
use super::pool::{CallGuard, zgossip_t};
use crate::ffi::entry::entry_with_reason;
use crate::ffi::failure::Failure;

/// Replace the configuration by that of a file, bind to what it says, and read
/// it again whenever it changes. Returns 0; or -1, nothing being changed, with
/// errno EINVAL if an argument is NULL or the file is not written as it has to
/// be, ENOENT and the like if it cannot be read. Items that cannot be what they
/// are, and endpoints that cannot be bound, are logged only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_load(self_: *mut zgossip_t, file: *const c_char) -> c_int {
    entry_with_reason! {
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
    entry_with_reason! {
        // SAFETY: the program gives a node and two C strings.
        let (node, path, value) = unsafe { (enter(self_)?, string(path, "path")?, string(value, "value")?) };
        set(&node, without_nul(path, "path")?, value)
    }
}

/// Sets an item of the configuration.
pub(super) fn set(node: &CallGuard, path: &[u8], value: &[u8]) -> Result<c_int, Failure> {
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
    entry_with_reason! {
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
    entry_with_reason! {
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
