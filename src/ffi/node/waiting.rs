//! Waiting for the network.

#![allow(unsafe_code)]

use libc::{c_char, c_int, size_t};

use super::arguments::{enter, key, string, timeout};
use super::pool::zgossip_t;
use crate::actor::{CallError, Condition};
use crate::ffi::entry::entry_with_reason;
use crate::ffi::failure::Failure;

/// # Safety
/// `node` as for [`enter`].
unsafe fn wait(
    node: *mut zgossip_t,
    condition: Condition,
    msecs: c_int,
    in_vain: &str,
) -> Result<c_int, Failure> {
    let timeout = timeout(msecs)?;
    // SAFETY: the caller vouches for it.
    let waited = unsafe { enter(node) }?.wait(condition, timeout);
    let number = waited.map_err(|error| match error {
        CallError::TimedOut => Failure::new(error.into(), in_vain),
        _ => error.into(),
    })?;
    Ok(c_int::try_from(number).unwrap_or(c_int::MAX))
}

/// Wait until the node holds count tuples or more: msecs milliseconds at most,
/// 0 to look once, -1 as long as it takes. Returns 0; or -1 with errno EAGAIN
/// if they were not there in time, EINTR if a signal came first, EINVAL if it
/// is no node or the time-out less than -1, EPIPE if the node ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_wait_count(self_: *mut zgossip_t, count: size_t, msecs: c_int) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        unsafe { wait(self_, Condition::Count(count), msecs, "there are not so many tuples yet") }?;
        Ok(0)
    }
}

/// Wait until a key has a value; otherwise as zgossip_wait_count. A key that
/// cannot be is EINVAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_wait_key(self_: *mut zgossip_t, name: *const c_char, msecs: c_int) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a C string.
        let name = key(unsafe { string(name, "key") }?)?;
        // SAFETY: the program gives a node.
        unsafe { wait(self_, Condition::Key(name.into()), msecs, "the key has no value yet") }?;
        Ok(0)
    }
}

/// Wait until the node agrees with its peers: every peer that it is to connect
/// to, and every one that is connected to it, has taken what the node holds;
/// at least as many of them as the second argument says have said, since this
/// call, that they hold exactly what the node does (removals included); and
/// none has said anything else. Peers with CZMQ's own zgossip, and others that
/// speak no more than that, cannot say what they hold, and are not counted
/// among those that agree. Returns how many agree; or -1 with errno EAGAIN if
/// that was not so in time, or as zgossip_wait_count. A network in which
/// something is always being published never agrees for long: this may
/// see it or not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_wait_agreement(self_: *mut zgossip_t, peers: size_t, msecs: c_int) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        unsafe { wait(self_, Condition::Agreement(peers), msecs, "the peers do not agree yet, or are too few") }
    }
}

/// Wait until what was published before reaches the peers, so that the program
/// may end: every peer that the node is to connect to, connected or not, and
/// every one that is connected to it. A peer has everything when
///
/// * it has answered a question that was sent behind it, if it is a node of
///   this library, or CZMQ's zgossip that this node connected to. It may have
///   refused a tuple for a limit of its own;
/// * if it is CZMQ's zgossip and connected to this node: the network has been
///   given everything. Such a peer answers nothing. What is on its way still
///   arrives after zgossip_destroy, if that takes less than a quarter of a
///   second.
///
/// What peers pass on to others is their affair. Peers that go away are not
/// waited for, those that the node is to connect to are. Time-out and errors
/// as in zgossip_wait_count. Returns the number of peers, 0 if there are none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_flush(self_: *mut zgossip_t, msecs: c_int) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        unsafe { wait(self_, Condition::Taken, msecs, "not every peer has everything yet") }
    }
}
