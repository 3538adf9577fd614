//! Tuples: publish, take back, get, walk.

#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use libc::{c_char, c_int, c_void, size_t};

use super::arguments::{enter, key, sized, string, without_nul};
use super::pool::zgossip_t;
use crate::core::Tuple;
use crate::ffi::entry::entry_with_reason;
use crate::ffi::error::Errno;
use crate::ffi::failure::Failure;

/// # Safety
/// `node` as for [`enter`].
unsafe fn publish(node: *mut zgossip_t, name: &[u8], value: &[u8], ttl: u32) -> Result<c_int, Failure> {
    // SAFETY: the caller vouches for it.
    let node = unsafe { enter(node) }?;
    let (name, value) = (key(name)?, without_nul(value, "value")?);
    if value.len() > node.max_value() {
        return Err(Failure::new(Errno(libc::EMSGSIZE), "value is longer than server/max_value"));
    }
    match ttl {
        0 => node.send(&[b"PUBLISH", name, value])?,
        _ => node.send(&[b"PUBLISH", name, value, ttl.to_string().as_bytes()])?,
    }
    Ok(0)
}

/// Publish a tuple: every node gets it, this one too. A key is a string of 1 to
/// 255 bytes, a value one of any length up to server/max_value, 16 MiB unless
/// set. The call does not wait for the node: it returns 0 once the tuple is on
/// its way there, before whatever is asked of the node later; or -1 with errno
/// EINVAL if an argument is NULL or the key cannot be one, EMSGSIZE if the
/// value is too long, EAGAIN, EINTR or EPIPE as zgossip_send. If the node has
/// no room for a further key (server/max_tuples), that is logged, and an event
/// where these are on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_publish(
    self_: *mut zgossip_t,
    key: *const c_char,
    value: *const c_char,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and two C strings.
        unsafe { publish(self_, string(key, "key")?, string(value, "value")?, 0) }
    }
}

/// Publish a tuple that expires, everywhere, after so many milliseconds (0:
/// never), unless it is published again before. Otherwise as zgossip_publish.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_publish_ttl(
    self_: *mut zgossip_t,
    key: *const c_char,
    value: *const c_char,
    msecs: u32,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and two C strings.
        unsafe { publish(self_, string(key, "key")?, string(value, "value")?, msecs) }
    }
}

/// As zgossip_publish_ttl, with strings that need not end with a NUL. They must
/// not hold one: EINVAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_publish_sized(
    self_: *mut zgossip_t,
    key: *const c_void,
    key_size: size_t,
    value: *const c_void,
    value_size: size_t,
    msecs: u32,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node, and the addresses of so many bytes.
        unsafe { publish(self_, sized(key, key_size, "key")?, sized(value, value_size, "value")?, msecs) }
    }
}

/// # Safety
/// `node` as for [`enter`].
unsafe fn retract(node: *mut zgossip_t, name: &[u8]) -> Result<c_int, Failure> {
    // SAFETY: the caller vouches for it.
    let node = unsafe { enter(node) }?;
    let name = key(name)?.to_vec();
    Ok(node.ask(move |desk| desk.retract(&name))??.into())
}

/// Withdraw a tuple from the whole network, whoever has published it. Returns 1
/// if this node held it, 0 if it did not: it is removed all the same where it
/// is held, now or when a cut ends; or -1 with errno EINVAL if an argument is
/// NULL or the key cannot be one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_retract(self_: *mut zgossip_t, key: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        unsafe { retract(self_, string(key, "key")?) }
    }
}

/// As zgossip_retract, with a string that need not end with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_retract_sized(
    self_: *mut zgossip_t,
    key: *const c_void,
    key_size: size_t,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node, and the address of so many bytes.
        unsafe { retract(self_, sized(key, key_size, "key")?) }
    }
}

/// # Safety
/// `node` as for [`enter`].
unsafe fn unpublish(node: *mut zgossip_t, name: &[u8]) -> Result<c_int, Failure> {
    // SAFETY: the caller vouches for it.
    let node = unsafe { enter(node) }?;
    let name = key(name)?.to_vec();
    Ok(node.ask(move |desk| desk.unpublish(&name))?.into())
}

/// Forget a tuple on this node alone; others keep it. It comes back when it is
/// published anew, even with the same value. Returns as zgossip_retract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_unpublish(self_: *mut zgossip_t, key: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        unsafe { unpublish(self_, string(key, "key")?) }
    }
}

/// As zgossip_unpublish, with a string that need not end with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_unpublish_sized(
    self_: *mut zgossip_t,
    key: *const c_void,
    key_size: size_t,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node, and the address of so many bytes.
        unsafe { unpublish(self_, sized(key, key_size, "key")?) }
    }
}

/// # Safety
/// `node` as for [`enter`]; `size_p` is NULL or the address of a `size_t`.
unsafe fn get(node: *mut zgossip_t, name: &[u8], size_p: *mut size_t) -> Result<*mut c_char, Failure> {
    // SAFETY: the caller vouches for it.
    let node = unsafe { enter(node) }?;
    let name = key(name)?.to_vec();
    let tuple = node.ask(move |desk| desk.get(&name))?;
    let tuple = tuple.ok_or_else(|| Failure::new(Errno(libc::ENOENT), "the key has no value"))?;
    let value = tuple.value();
    // SAFETY: any size may be asked for.
    let text = unsafe { libc::malloc(value.len() + 1) }.cast::<u8>();
    if text.is_null() {
        return Err(Errno::NO_MEMORY.into());
    }
    // SAFETY: there is room for the value and the NUL; the caller vouches for `size_p`.
    unsafe {
        put(text, value);
        if !size_p.is_null() {
            size_p.write(value.len());
        }
    }
    Ok(text.cast())
}

/// Write bytes and a NUL.
///
/// # Safety
/// There is room for them.
unsafe fn put(place: *mut u8, bytes: &[u8]) {
    // SAFETY: the caller vouches for it.
    unsafe {
        ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
        place.add(bytes.len()).write(0);
    }
}

/// The value of a key: a string that the caller frees with free() or
/// zgossip_free. Returns NULL with errno ENOENT if the key has none; EINVAL if
/// an argument is NULL or the key cannot be one; ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_get(self_: *mut zgossip_t, key: *const c_char) -> *mut c_char {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        unsafe { get(self_, string(key, "key")?, ptr::null_mut()) }
    }
}

/// As zgossip_get, with a key that need not end with a NUL. The value's size is
/// stored where size_p points, unless that is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_get_sized(
    self_: *mut zgossip_t,
    key: *const c_void,
    key_size: size_t,
    size_p: *mut size_t,
) -> *mut c_char {
    entry_with_reason! {
        // SAFETY: the program gives a node, the address of so many bytes, and NULL or the address of a size_t.
        unsafe { get(self_, sized(key, key_size, "key")?, size_p) }
    }
}

/// How many tuples the node holds; or -1 with errno EINVAL if it is no node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_count(self_: *mut zgossip_t) -> i64 {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let count = unsafe { enter(self_) }?.ask(|desk| desk.count())?;
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// A tuple in what zgossip_tuples returns.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_tuple_t {
    /// The key, a string; NULL behind the last tuple.
    pub key: *const c_char,
    /// Its size without the NUL.
    pub key_size: size_t,
    /// The value, a string.
    pub value: *const c_char,
    /// Its size without the NUL.
    pub value_size: size_t,
}

/// All tuples, as they were at one moment, in the order of their keys' bytes:
///
///     zgossip_tuple_t *tuples = zgossip_tuples (node, NULL);
///     for (zgossip_tuple_t *tuple = tuples; tuple && tuple->key; tuple++)
///         printf ("%s=%s\n", tuple->key, tuple->value);
///     zgossip_tuples_destroy (&tuples);
///
/// Their number is stored where count_p points, unless that is NULL; a tuple
/// whose key is NULL follows the last. The caller destroys the whole with
/// zgossip_tuples_destroy. Returns NULL with errno EINVAL if it is no node, or
/// ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_tuples(self_: *mut zgossip_t, count_p: *mut size_t) -> *mut zgossip_tuple_t {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let mut tuples = unsafe { enter(self_) }?.ask(|desk| desk.tuples())?;
        // Here, not in the node's thread: that has other things to do.
        tuples.sort_unstable_by(|one, other| one.key().cmp(other.key()));
        let block = to_c(&tuples)?;
        if !count_p.is_null() {
            // SAFETY: the program gives NULL or the address of a size_t.
            unsafe { count_p.write(tuples.len()) };
        }
        Ok(block.as_ptr())
    }
}

/// Lay tuples out in one piece of memory of the C library: the structures, one that ends them, the strings.
fn to_c(tuples: &[Tuple]) -> Result<NonNull<zgossip_tuple_t>, Errno> {
    let structures = (tuples.len() + 1) * size_of::<zgossip_tuple_t>();
    let strings: usize = tuples.iter().map(|tuple| tuple.key().len() + tuple.value().len() + 2).sum();
    // SAFETY: any size may be asked for.
    let block = unsafe { libc::malloc(structures + strings) }.cast::<zgossip_tuple_t>();
    let first = NonNull::new(block).ok_or(Errno::NO_MEMORY)?;
    // SAFETY: the block has room for all the structures, aligned as malloc aligns, and for the strings behind them.
    unsafe {
        let mut string = block.add(tuples.len() + 1).cast::<u8>();
        let mut copy = |bytes: &[u8]| {
            let place = string;
            put(place, bytes);
            string = string.add(bytes.len() + 1);
            place.cast_const().cast()
        };
        for (index, tuple) in tuples.iter().enumerate() {
            let (key, value) = (copy(tuple.key()), copy(tuple.value()));
            let (key_size, value_size) = (tuple.key().len(), tuple.value().len());
            block.add(index).write(zgossip_tuple_t { key, key_size, value, value_size });
        }
        block.add(tuples.len()).write(zgossip_tuple_t {
            key: ptr::null(),
            key_size: 0,
            value: ptr::null(),
            value_size: 0,
        });
    }
    Ok(first)
}

/// Destroy what zgossip_tuples returned, and set the caller's pointer to NULL.
/// Nothing happens if either pointer is NULL already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_tuples_destroy(tuples_p: *mut *mut zgossip_tuple_t) {
    if !tuples_p.is_null() {
        // SAFETY: the program gives a pointer to its pointer, that to what it was given, or NULL.
        unsafe { libc::free(tuples_p.replace(ptr::null_mut()).cast()) };
    }
}

/// Free memory that this library allocated for the program: the same as free(),
/// for programs in other languages. NULL: nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_free(memory: *mut c_void) {
    // SAFETY: the program gives what it was given, or NULL.
    unsafe { libc::free(memory) };
}
