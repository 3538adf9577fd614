//! Configuration, and the flight recorder.

#![allow(unsafe_code)]

use libc::{c_char, c_int};

use super::arguments::{enter, string};
use super::pool::zgossip_t;
use crate::ffi::entry::entry_with_reason;

/// Loads a configuration file in place of the present configuration.
///
/// The node binds and connects to what the file says, keeps what is bound
/// already, and loads the file again whenever it changes. An item with an
/// invalid value, or an endpoint that cannot be bound, is logged and does not
/// fail the call.
///
/// Returns: 0; or -1, with nothing changed.
/// Errors: EINVAL if the file is not valid ZPL; ENOENT, EACCES and the like if
///     it cannot be read; and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_load(self_: *mut zgossip_t, file: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, file) = unsafe { (enter(self_)?, string(file, "file")?.to_vec()) };
        node.call(move |node| node.load(&file))??;
        Ok(0)
    }
}

/// Sets one item of the configuration, such as "server/timeout".
///
/// An empty value stands for the default. The paths are listed in the README
/// and in libzgossip(3).
///
/// Returns: 0, or -1.
/// Errors: EINVAL if the path is malformed, or the item cannot have that value;
///     and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set(
    self_: *mut zgossip_t,
    path: *const c_char,
    value: *const c_char,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and two C strings.
        let (node, path, value) = unsafe { (enter(self_)?, string(path, "path")?, string(value, "value")?) };
        node.set(path, value)?;
        Ok(0)
    }
}

/// Saves the configuration to a file, in the form that zgossip_load reads.
///
/// The file holds either its old content or all of the new, even if the program
/// ends meanwhile.
///
/// Returns: 0, or -1.
/// Errors: EACCES and the like if the file cannot be written; and those of an
///     answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_save(self_: *mut zgossip_t, file: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, file) = unsafe { (enter(self_)?, string(file, "file")?.to_vec()) };
        node.call(move |node| node.save(&file))??;
        Ok(0)
    }
}

/// Records in a file all that the node receives from now on, to be replayed
/// elsewhere.
///
/// The record holds commands, messages of peers, connections and times; not
/// keys and passwords, but the values of tuples. A replay is exact if nothing
/// had been published, bound or connected before this call. The file is created
/// anew, readable by its owner only; a record that is there already, or one
/// that grows beyond server/record_size bytes, is renamed to file.1. NULL ends
/// the recording.
///
/// Returns: 0; or -1, with nothing changed.
/// Errors: EEXIST if the file is there and is no record; EAGAIN if another node
///     records in it; ENOENT, EACCES and the like if it cannot be made; and
///     those of an answered call.
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
        node.call(move |node| node.record(&file))??;
        Ok(0)
    }
}
