//! Configuration, and the flight recorder.

#![allow(unsafe_code)]

use std::ptr;

use libc::{c_char, c_int};

use super::arguments::{enter, string};
use super::frames::text_to_c;
use super::pool::zgossip_t;
use crate::actor::check_file;
use crate::ffi::entry::entry_with_reason;
use crate::ffi::error::Errno;

/// Loads a configuration file in place of the present configuration.
///
/// The node binds and connects to what the file says, publishes what stands in
/// it, and loads the file again whenever it changes. Endpoints that are bound
/// or connected already stay; when the same file is loaded again, those that it
/// opened and no longer names are closed, and tuples that it published are
/// retracted. A file that may be half written, because it lacks keys or rules
/// that it had, is refused. An item with an invalid value, or an endpoint that
/// cannot be bound, is logged and does not fail the call: see
/// zgossip_load_strict and zgossip_check.
///
/// Returns: 0; or -1, with nothing changed.
/// Errors: EINVAL if the file is not valid ZPL, is being written, or may be half
///     written; ENOENT, EACCES and the like if it cannot be read; and those of
///     an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_load(self_: *mut zgossip_t, file: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, file) = unsafe { (enter(self_)?, string(file, "file")?.to_vec()) };
        node.call(move |node| node.load(&file))??;
        Ok(0)
    }
}

/// Loads a configuration file as zgossip_load does, but only if nothing is wrong
/// with it.
///
/// A file with an invalid value, an unknown name or an item that can have no
/// effect is not loaded. What only the attempt shows, such as an endpoint that
/// is in use, is found when the file is in force already, and counted.
///
///     char *problems;
///     if (zgossip_load_strict (node, "hub.cfg", &problems) != 0)
///         fprintf (stderr, "%s\n", problems? problems: zgossip_strerror (errno));
///     zgossip_free (problems);
///
/// Where `problems_p` points, unless that is NULL, a string with a line for each
/// problem is stored, FILE:LINE: TEXT, which the caller frees with free or
/// zgossip_free; or NULL, if there are none.
///
/// Returns: 0; the number of things that could not be done, with the rest of
///     the file in force; or -1, with nothing changed.
/// Errors: EINVAL if something is wrong with the file; and those of
///     zgossip_load.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_load_strict(
    self_: *mut zgossip_t,
    file: *const c_char,
    problems_p: *mut *mut c_char,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node, a C string, and NULL or the address of a pointer.
        let (node, file) = unsafe {
            store_problems(problems_p, &[])?;
            (enter(self_)?, string(file, "file")?.to_vec())
        };
        let loaded = node.call(move |node| node.load_strictly(&file))?;
        let problems = match &loaded {
            Ok(problems) | Err((_, problems)) => problems,
        };
        // SAFETY: as above.
        unsafe { store_problems(problems_p, problems) }?;
        loaded.map(|problems| count(&problems)).map_err(|(failure, _)| failure.into())
    }
}

/// Checks a configuration file, without a node and without doing what it says.
///
/// It finds invalid values, unknown names and items that can have no effect, as
/// zgossip_load_strict does. Whether endpoints can be bound and peers reached
/// only the attempt shows. `problems_p` is as for zgossip_load_strict.
///
/// Returns: the number of problems, or -1.
/// Errors: EINVAL if `file` is NULL; ENOENT, EACCES and the like if the file
///     cannot be read; ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_check(file: *const c_char, problems_p: *mut *mut c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a C string, and NULL or the address of a pointer.
        unsafe {
            store_problems(problems_p, &[])?;
            let problems = check_file(string(file, "file")?)?;
            store_problems(problems_p, &problems)?;
            Ok(count(&problems))
        }
    }
}

fn count(problems: &[String]) -> c_int {
    c_int::try_from(problems.len()).unwrap_or(c_int::MAX)
}

/// Stores a string of these lines where the program wants it; NULL if there are none.
///
/// # Safety
/// `place` is NULL or the address of a pointer.
unsafe fn store_problems(place: *mut *mut c_char, problems: &[String]) -> Result<(), Errno> {
    if place.is_null() {
        return Ok(());
    }
    // A name of a file may hold a line break, which would make two lines of one.
    let lines: Vec<_> = problems.iter().map(|text| text.replace('\n', " ")).collect();
    let text = match lines.is_empty() {
        true => ptr::null_mut(),
        false => text_to_c(lines.join("\n").as_bytes())?.as_ptr(),
    };
    // SAFETY: the caller vouches for it.
    unsafe { place.write(text) };
    Ok(())
}

/// Sets one item of the configuration, such as "server/timeout".
///
/// An empty value stands for the default. The paths are listed in the README
/// and in libzgossip(3). Items of the sections zgossip/bind, zgossip/connect and
/// zgossip/publish, and zgossip/echo, are only kept for zgossip_save, which is
/// logged: zgossip_bind and other functions do what they say.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if the path is malformed, or the item cannot have that value;
///     EISCONN for zgossip/network once there are peers; and those of an
///     answered call.
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
