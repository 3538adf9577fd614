//! Waiting for the network.

#![allow(unsafe_code)]

use libc::{c_char, c_int, size_t};

use super::arguments::{enter, string, timeout};
use super::pool::zgossip_t;
use crate::actor::Condition;
use crate::ffi::entry::entry_with_reason;
use crate::ffi::failure::Failure;

/// Waits for a condition; `in_vain` is the reason when time runs out.
///
/// # Safety
/// `node` as for [`enter`].
unsafe fn wait(node: *mut zgossip_t, condition: Condition, msecs: c_int) -> Result<c_int, Failure> {
    let timeout = timeout(msecs)?;
    // SAFETY: the caller vouches for it.
    let number = unsafe { enter(node) }?.wait(condition, timeout)?;
    Ok(c_int::try_from(number).unwrap_or(c_int::MAX))
}

/// Waits until the node holds at least `count` tuples.
///
/// `msecs` is the longest time to wait, in milliseconds; 0 means to look once,
/// -1 to wait for ever.
///
/// Returns: 0, or -1.
/// Errors: EAGAIN if the time is over; EINTR if a signal came first; EPIPE if
///     the node has ended; EDEADLK in a function that was given to
///     zgossip_set_log; EINVAL if `self` is no node or `msecs` is less than -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_wait_count(self_: *mut zgossip_t, count: size_t, msecs: c_int) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        unsafe { wait(self_, Condition::Count(count), msecs) }?;
        Ok(0)
    }
}

/// Waits until a key has a value on this node.
///
/// `msecs` is as for zgossip_wait_count.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if the key is empty or too long; and those of
///     zgossip_wait_count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_wait_key(self_: *mut zgossip_t, name: *const c_char, msecs: c_int) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a C string.
        let name = unsafe { string(name, "key") }?;
        // SAFETY: the program gives a node.
        unsafe { wait(self_, Condition::Key(name.into()), msecs) }?;
        Ok(0)
    }
}

/// Waits until the node and its peers hold the same tuples.
///
/// That is so when
///
/// * every peer that the node is to connect to, and every one that is connected
///   to it, has everything that the node holds, in the sense of zgossip_flush;
/// * at least `peers` of them have reported, since this call began, that they
///   hold exactly what this node holds, removals included;
/// * no peer has reported anything else.
///
/// A tuple that a node has hidden with zgossip_unpublish counts as held there;
/// one that a node refuses, for it is full or the value too long, does not.
/// How many each peer hides and refuses is told by zgossip_peers, and how many
/// this node does by zgossip_stats.
///
/// A peer that runs CZMQ's own zgossip cannot report what it holds, and is not
/// counted. In a network in which tuples are published all the time, agreement
/// never lasts, and this call may miss it. `msecs` is as for
/// zgossip_wait_count.
///
/// Returns: the number of peers that agree, or -1.
/// Errors: those of zgossip_wait_count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_wait_agreement(self_: *mut zgossip_t, peers: size_t, msecs: c_int) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        unsafe { wait(self_, Condition::Agreement(peers), msecs) }
    }
}

/// Waits until what was published before has reached the peers, so that the
/// program may end.
///
/// It waits for every peer that the node is to connect to, connected or not,
/// and for every one that is connected to it; a client that leaves is no longer
/// waited for. A peer has everything when
///
/// * it is a node of this library, or a CZMQ zgossip that this node connected
///   to, and has answered a question that was sent after the last tuple. It may
///   have refused a tuple for a limit of its own;
/// * it is a CZMQ zgossip that connected to this node, which answers no
///   questions, and everything has been handed to the network. What is still
///   under way then arrives after zgossip_destroy too, if that takes less than
///   a quarter of a second.
///
/// Whether those peers have passed the tuples on is not known. `msecs` is as
/// for zgossip_wait_count.
///
/// Returns: the number of peers, 0 if there are none; or -1.
/// Errors: those of zgossip_wait_count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_flush(self_: *mut zgossip_t, msecs: c_int) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        unsafe { wait(self_, Condition::Flushed, msecs) }
    }
}

/// Waits until the file of the setting server/store has what the node holds.
///
/// What was published, or came from peers, before this call is on the disk when
/// it returns, and is there again after any end of the process or the machine.
/// Without it, the last tenth of a second, or what the disk has not yet taken,
/// is lost then; a node that is destroyed saves all. `msecs` is as for
/// zgossip_wait_count.
///
/// Returns: 0, or -1.
/// Errors: ENOENT if server/store is not set; and those of zgossip_wait_count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_sync(self_: *mut zgossip_t, msecs: c_int) -> c_int {
    entry_with_reason! {
        let timeout = timeout(msecs)?;
        // SAFETY: the program gives a node.
        unsafe { enter(self_) }?.sync_store(timeout)?;
        Ok(0)
    }
}
