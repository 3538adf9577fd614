//! Tuples: publishing, removing and reading them.

#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use libc::{c_char, c_int, c_void, size_t};

use super::arguments::{enter, sized, string};
use super::pool::zgossip_t;
use crate::core::Tuple;
use crate::ffi::entry::entry_with_reason;
use crate::ffi::error::Errno;
use crate::ffi::failure::Failure;

/// Publishes a tuple; `ttl` is in milliseconds, 0 for one that never expires.
///
/// # Safety
/// `node` as for [`enter`].
unsafe fn publish(node: *mut zgossip_t, name: &[u8], value: &[u8], ttl: u32) -> Result<c_int, Failure> {
    // SAFETY: the caller vouches for it.
    let node = unsafe { enter(node) }?;
    node.publish(name, value, ttl)?;
    Ok(0)
}

/// Publishes a tuple: gives a key a value, on every node.
///
/// A key is a string of 1 to 255 bytes; a value is a string of any length up to
/// server/max_value (16 MiB by default). The call returns once the command is
/// queued, without waiting for the node; a later call on the same node is
/// carried out after it. A node that has no room for the tuple
/// (server/max_tuples, server/max_bytes) logs that, and reports it as an event
/// of kind ZGOSSIP_EVENT_ERROR if zgossip_set_events is on.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if the key is empty or too long; EMSGSIZE if the value is too
///     long; ENOMEM if there is no memory for it; EAGAIN, EINTR, EPIPE and
///     ETERM as zgossip_send.
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

/// Publishes a tuple that expires on every node after `msecs` milliseconds.
///
/// Publishing the key again before that starts a new time to live, or none.
/// With `msecs` 0 the tuple never expires. The rest is as for zgossip_publish.
///
/// Returns: 0, or -1.
/// Errors: those of zgossip_publish.
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

/// Publishes a tuple whose key and value are given with their sizes in bytes.
///
/// Neither needs a NUL at its end. `msecs` is the time to live in milliseconds;
/// 0 means that the tuple never expires. The rest is as for zgossip_publish.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if the key or the value contains a NUL; and those of
///     zgossip_publish.
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
        // SAFETY: the program gives a node, and the addresses of key and value with their sizes.
        unsafe { publish(self_, sized(key, key_size, "key")?, sized(value, value_size, "value")?, msecs) }
    }
}

/// Announces a tuple; `ttl` is in milliseconds, 0 for the default.
///
/// # Safety
/// `node` as for [`enter`].
unsafe fn announce(node: *mut zgossip_t, name: &[u8], value: &[u8], ttl: u32) -> Result<c_int, Failure> {
    // SAFETY: the caller vouches for it.
    let node = unsafe { enter(node) }?;
    node.announce(name, value, ttl)?;
    Ok(0)
}

/// Announces a tuple: gives a key a value that lives as long as this node.
///
/// The node keeps the tuple alive by itself. When the node ends, by
/// zgossip_destroy or `$TERM`, it is withdrawn everywhere. When the process dies,
/// its peers see that and tell the others after server/grace (200 ms). When the
/// process hangs or is cut off, other nodes miss it after `msecs` milliseconds:
/// 500 at least, 10 seconds if that is 0; one that shows itself again has its
/// tuples back. Nodes with CZMQ's own zgossip keep the tuple.
///
/// Of several nodes that announce a key, the last one's value counts; when that
/// ends, another one's does. zgossip_publish or zgossip_retract of the key on this
/// node, or its removal by another node's program, ends the announcement.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if the key is empty or too long; EMSGSIZE if the value is too
///     long; ENOBUFS or ENOMEM if there is no room for it; and those of an answered
///     call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_announce(
    self_: *mut zgossip_t,
    key: *const c_char,
    value: *const c_char,
    msecs: u32,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and two C strings.
        unsafe { announce(self_, string(key, "key")?, string(value, "value")?, msecs) }
    }
}

/// Announces a tuple whose key and value are given with their sizes in bytes.
///
/// Neither needs a NUL at its end. The rest is as for zgossip_announce.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if the key or the value contains a NUL; and those of
///     zgossip_announce.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_announce_sized(
    self_: *mut zgossip_t,
    key: *const c_void,
    key_size: size_t,
    value: *const c_void,
    value_size: size_t,
    msecs: u32,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node, and the addresses of key and value with their sizes.
        unsafe { announce(self_, sized(key, key_size, "key")?, sized(value, value_size, "value")?, msecs) }
    }
}

/// Removes a tuple from the network; 1 if the node held it.
///
/// # Safety
/// `node` as for [`enter`].
unsafe fn retract(node: *mut zgossip_t, name: &[u8]) -> Result<c_int, Failure> {
    // SAFETY: the caller vouches for it.
    let node = unsafe { enter(node) }?;
    Ok(node.retract(name)?.into())
}

/// Removes a tuple from the whole network, whichever node published it.
///
/// Nodes that hold the key remove it, those that are cut off at present when
/// they are back. The removal is remembered for server/tombstone.
///
/// Returns: 1 if this node held the key, 0 if it did not (other nodes remove it
///     all the same); or -1.
/// Errors: EINVAL if the key is empty or too long; and those of an answered
///     call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_retract(self_: *mut zgossip_t, key: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        unsafe { retract(self_, string(key, "key")?) }
    }
}

/// Removes a tuple whose key is given with its size in bytes.
///
/// The rest is as for zgossip_retract.
///
/// Returns: 1 if this node held the key, 0 if it did not; or -1.
/// Errors: EINVAL if the key contains a NUL; and those of zgossip_retract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_retract_sized(
    self_: *mut zgossip_t,
    key: *const c_void,
    key_size: size_t,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node, and the address of the key with its size.
        unsafe { retract(self_, sized(key, key_size, "key")?) }
    }
}

/// Forgets a tuple on this node only; 1 if the node held it.
///
/// # Safety
/// `node` as for [`enter`].
unsafe fn unpublish(node: *mut zgossip_t, name: &[u8]) -> Result<c_int, Failure> {
    // SAFETY: the caller vouches for it.
    let node = unsafe { enter(node) }?;
    Ok(node.unpublish(name)?.into())
}

/// Forgets a tuple on this node only; other nodes keep it.
///
/// It comes back when this node publishes the key, or when another node gives it
/// another value. A node that holds the tuple and publishes the same value
/// again changes nothing, here neither. The node goes on giving the tuple to
/// peers that lack it.
///
/// Returns: 1 if this node held the key, 0 if it did not; or -1.
/// Errors: EINVAL if the key is empty or too long; and those of an answered
///     call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_unpublish(self_: *mut zgossip_t, key: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        unsafe { unpublish(self_, string(key, "key")?) }
    }
}

/// Forgets a tuple whose key is given with its size in bytes.
///
/// The rest is as for zgossip_unpublish.
///
/// Returns: 1 if this node held the key, 0 if it did not; or -1.
/// Errors: EINVAL if the key contains a NUL; and those of zgossip_unpublish.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_unpublish_sized(
    self_: *mut zgossip_t,
    key: *const c_void,
    key_size: size_t,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node, and the address of the key with its size.
        unsafe { unpublish(self_, sized(key, key_size, "key")?) }
    }
}

/// Returns the value of a key in memory of the C library, and stores its size.
///
/// # Safety
/// `node` as for [`enter`]; `size_p` is NULL or the address of a `size_t`.
unsafe fn get(node: *mut zgossip_t, name: &[u8], size_p: *mut size_t) -> Result<*mut c_char, Failure> {
    // SAFETY: the caller vouches for it.
    let node = unsafe { enter(node) }?;
    let tuple = node.get(name)?.ok_or_else(|| Failure::new(Errno(libc::ENOENT), "the key has no value"))?;
    // SAFETY: the caller vouches for it.
    Ok(unsafe { copied(tuple.value(), size_p) }?)
}

/// Copies a value to memory of the C library, and stores its size.
///
/// # Safety
/// `size_p` is NULL or the address of a `size_t`.
pub(super) unsafe fn copied(value: &[u8], size_p: *mut size_t) -> Result<*mut c_char, Errno> {
    // SAFETY: any size may be asked for.
    let text = unsafe { libc::malloc(value.len() + 1) }.cast::<u8>();
    if text.is_null() {
        return Err(Errno::NO_MEMORY);
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

/// Writes bytes and a NUL.
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

/// Returns the value of a key.
///
/// Returns: a string, which the caller frees with free or zgossip_free; or
///     NULL.
/// Errors: ENOENT if the key has no value; EINVAL if the key is empty or too
///     long; ENOMEM; and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_get(self_: *mut zgossip_t, key: *const c_char) -> *mut c_char {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        unsafe { get(self_, string(key, "key")?, ptr::null_mut()) }
    }
}

/// Returns the value of a key that is given with its size in bytes.
///
/// The size of the value is stored where `size_p` points, unless that is NULL.
///
/// Returns: a string, which the caller frees with free or zgossip_free; or
///     NULL.
/// Errors: EINVAL if the key contains a NUL; and those of zgossip_get.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_get_sized(
    self_: *mut zgossip_t,
    key: *const c_void,
    key_size: size_t,
    size_p: *mut size_t,
) -> *mut c_char {
    entry_with_reason! {
        // SAFETY: the program gives a node, the address of the key with its size, and NULL or the address of a size_t.
        unsafe { get(self_, sized(key, key_size, "key")?, size_p) }
    }
}

/// Returns the number of tuples that the node holds.
///
/// Returns: the number, or -1.
/// Errors: those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_count(self_: *mut zgossip_t) -> i64 {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let count = unsafe { enter(self_) }?.call(|node| node.count())?;
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// A tuple in the array that zgossip_tuples returns.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_tuple_t {
    /// The key, a string; NULL in the element after the last tuple.
    pub key: *const c_char,
    /// Size of the key in bytes, without its NUL.
    pub key_size: size_t,
    /// The value, a string.
    pub value: *const c_char,
    /// Size of the value in bytes, without its NUL.
    pub value_size: size_t,
}

/// Returns all tuples that the node holds at one moment, in the byte order of
/// their keys.
///
///     zgossip_tuple_t *tuples = zgossip_tuples (node, NULL);
///     for (zgossip_tuple_t *tuple = tuples; tuple && tuple->key; tuple++)
///         printf ("%s=%s\n", tuple->key, tuple->value);
///     zgossip_tuples_destroy (&tuples);
///
/// The number of tuples is stored where `count_p` points, unless that is NULL.
/// After the last tuple comes an element whose key is NULL.
///
/// Returns: the array, which the caller destroys with zgossip_tuples_destroy;
///     or NULL.
/// Errors: ENOMEM; and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_tuples(self_: *mut zgossip_t, count_p: *mut size_t) -> *mut zgossip_tuple_t {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let tuples = unsafe { enter(self_) }?.tuples()?;
        let block = to_c(&tuples)?;
        if !count_p.is_null() {
            // SAFETY: the program gives NULL or the address of a size_t.
            unsafe { count_p.write(tuples.len()) };
        }
        Ok(block.as_ptr())
    }
}

/// Copies tuples to one block of memory of the C library: the structures, one with a NULL key, the strings.
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

/// Frees what zgossip_tuples returned, and sets the caller's pointer to NULL.
///
/// NULL, or a pointer to NULL, does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_tuples_destroy(tuples_p: *mut *mut zgossip_tuple_t) {
    if !tuples_p.is_null() {
        // SAFETY: the program gives a pointer to its pointer, that to what it was given, or NULL.
        unsafe { libc::free(tuples_p.replace(ptr::null_mut()).cast()) };
    }
}
