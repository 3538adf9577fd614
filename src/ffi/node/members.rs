//! Members: which nodes take part in the network, wherever they are connected.

#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use libc::{c_char, size_t};

use super::arguments::enter;
use super::pool::zgossip_t;
use crate::core::MemberInfo;
use crate::ffi::entry::entry_with_reason;
use crate::ffi::error::Errno;
use crate::log::printable;

/// A member of the network, from zgossip_members. Later versions may add members at the end.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_member_t {
    /// Size of this structure in bytes, in the version of the library that is in use: it has no members beyond that.
    pub size: size_t,
    /// Id of the node.
    pub id: u64,
    /// Whether it is this node.
    pub own: bool,
    /// Name of the node, made printable; "" if it has none.
    pub name: *const c_char,
    /// Endpoints that it is bound to, up to four, with a blank between two; "" if there are none.
    pub endpoints: *const c_char,
    /// Version of its library.
    pub version: *const c_char,
    /// When it became a member, in milliseconds since 1970 by its own clock.
    pub since: u64,
    /// Tuples that it held when it last said so.
    pub tuples: u64,
}

/// Returns the members of the network, wherever they are connected.
///
/// Members are the nodes of this library that have announced something, were asked
/// for their members, or have zgossip/members set. Who asks is one from then on.
///
///     zgossip_member_t **members = zgossip_members (node, NULL);
///     for (zgossip_member_t **member = members; member && *member; member++)
///         printf ("%s at %s\n", (*member)->name, (*member)->endpoints);
///     zgossip_members_destroy (&members);
///
/// The number of members is stored where `count_p` points, unless that is NULL.
/// After the last pointer comes a NULL. The order is that of the ids. Nodes of
/// version 1.0 and those with CZMQ's own zgossip are not among them.
///
/// Returns: an array of pointers, which the caller destroys with
///     zgossip_members_destroy; or NULL.
/// Errors: ENOMEM; and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_members(
    self_: *mut zgossip_t,
    count_p: *mut size_t,
) -> *mut *mut zgossip_member_t {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let members = unsafe { enter(self_) }?.call(|node| node.members())?;
        let block = to_c(&members)?;
        if !count_p.is_null() {
            // SAFETY: the program gives NULL or the address of a size_t.
            unsafe { count_p.write(members.len()) };
        }
        Ok(block.as_ptr())
    }
}

/// Frees what zgossip_members returned, and sets the caller's pointer to NULL.
///
/// NULL, or a pointer to NULL, does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_members_destroy(members_p: *mut *mut *mut zgossip_member_t) {
    if !members_p.is_null() {
        // SAFETY: the program gives a pointer to its pointer, that to what it was given, or NULL.
        unsafe { libc::free(members_p.replace(ptr::null_mut()).cast()) };
    }
}

/// The texts of a member: name, endpoints, version.
fn texts_of(member: &MemberInfo) -> [String; 3] {
    let endpoints: Vec<String> = member.endpoints.iter().map(|endpoint| printable(endpoint)).collect();
    [printable(&member.name), endpoints.join(" "), printable(&member.release)]
}

/// Copies members to one block of memory of the C library: the structures, the pointers to them and a NULL, the strings.
/// Returns where the pointers are, which is where the block begins.
fn to_c(members: &[MemberInfo]) -> Result<NonNull<*mut zgossip_member_t>, Errno> {
    const { assert!(align_of::<zgossip_member_t>() <= size_of::<*mut zgossip_member_t>()) };
    let pointers = (members.len() + 1) * size_of::<*mut zgossip_member_t>();
    let structures = members.len() * size_of::<zgossip_member_t>();
    let texts: Vec<[String; 3]> = members.iter().map(texts_of).collect();
    let strings: usize = texts.iter().flatten().map(|text| text.len() + 1).sum();
    // SAFETY: any size may be asked for.
    let block = unsafe { libc::malloc(pointers + structures + strings) }.cast::<*mut zgossip_member_t>();
    let first = NonNull::new(block).ok_or(Errno::NO_MEMORY)?;
    // SAFETY: the block has room for all the pointers, aligned as malloc aligns, for the structures, whose alignment a
    // pointer's size is a multiple of, and for the strings behind them.
    unsafe {
        let place = block.add(members.len() + 1).cast::<zgossip_member_t>();
        let mut string = place.add(members.len()).cast::<u8>();
        let mut copy = |text: &String| {
            let place = string;
            ptr::copy_nonoverlapping(text.as_ptr(), place, text.len());
            place.add(text.len()).write(0);
            string = place.add(text.len() + 1);
            place.cast_const().cast()
        };
        for (index, (member, texts)) in members.iter().zip(&texts).enumerate() {
            let [name, endpoints, version] = texts.each_ref().map(&mut copy);
            let &MemberInfo { id, is_own: own, since, tuples, .. } = member;
            let size = size_of::<zgossip_member_t>();
            place.add(index).write(zgossip_member_t {
                size,
                id,
                own,
                name,
                endpoints,
                version,
                since,
                tuples,
            });
            block.add(index).write(place.add(index));
        }
        block.add(members.len()).write(ptr::null_mut());
    }
    Ok(first)
}
