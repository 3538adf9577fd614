//! Watchers: parts of a program that watch keys, each with messages of its own.

#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::os::fd::AsRawFd;
use std::ptr;

use libc::{c_char, c_int};

use super::arguments::{enter, string, timeout};
use super::events::{to_c, zgossip_event_t};
use super::pool::zgossip_t;
use super::slot::{Guard, Pool, Resident, Slot};
use crate::actor::Watcher;
use crate::ffi::entry::{entry, entry_with_reason};
use crate::ffi::error::Errno;
use crate::ffi::failure::Failure;
use crate::sync::Mutex;

/// A watcher as C holds it: one slot of a pool.
#[allow(non_camel_case_types)]
#[repr(transparent)]
pub struct zgossip_watcher_t(Slot<Watcher>);

impl Resident for Watcher {
    const TAG: u32 = 0x5a47_5753;

    fn is_orphan(&self) -> bool {
        Watcher::is_orphan(self)
    }

    fn close(&self) {
        Watcher::close(self);
    }
}

/// Least number of free slots before one is used again, as of nodes.
const MIN_FREE: usize = 1024;

static POOL: Pool<Watcher> = Pool::new(Mutex::new(VecDeque::new()), MIN_FREE);

/// Begins a call on the watcher that C points to.
///
/// # Safety
/// As for [`Guard::enter`].
unsafe fn enter_watcher(watcher: *const zgossip_watcher_t) -> Result<Guard<Watcher>, Failure> {
    // SAFETY: the caller vouches for it, and a watcher is a slot.
    unsafe { Guard::enter(watcher.cast()) }
        .map_err(|errno| Failure::new(errno, "not a watcher, or one that is destroyed"))
}

/// Makes a watcher of the keys that begin with a prefix.
///
///     zgossip_watcher_t *services = zgossip_watcher_new (node, "service/");
///     zgossip_event_t *event = zgossip_watcher_recv_event (services);
///
/// Each watcher has messages and a descriptor of its own, so that two parts of
/// a program do not take each other's. It gets the keys with this prefix that
/// the node holds, then ZGOSSIP_EVENT_SYNCED when zgossip_watch would send it,
/// and what changes: events of kind ZGOSSIP_EVENT_DELIVER, ZGOSSIP_EVENT_RETRACT
/// and ZGOSSIP_EVENT_EXPIRE, whatever zgossip_set_events says; what changed with
/// server/events 3 alone. The empty prefix stands for all keys. What the node
/// itself delivers stays as it is: a program that reads with watchers alone
/// makes it deliver nothing by zgossip_watch and zgossip_unwatch. While the
/// program does not receive, one event waits for each key, the newest.
///
/// Returns: the watcher, which the caller destroys with
///     zgossip_watcher_destroy; or NULL.
/// Errors: EINVAL if the prefix is longer than 255 bytes; ENOBUFS if the node
///     has 1024 watchers; and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_watcher_new(
    self_: *mut zgossip_t,
    prefix: *const c_char,
) -> *mut zgossip_watcher_t {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, prefix) = unsafe { (enter(self_)?, string(prefix, "prefix")?) };
        Ok(POOL.insert(node.watcher(prefix)?).cast().as_ptr())
    }
}

/// Receives a watcher's next event, as a structure.
///
/// It waits as long as zgossip_watcher_set_rcvtimeo says.
///
/// Returns: the event, which the caller destroys with zgossip_event_destroy; or
///     NULL.
/// Errors: EAGAIN if no event came in time; EINTR if a signal came first; EPIPE
///     if the node has ended and no event is left; ENOMEM; EINVAL if `self` is
///     no watcher.
/// Threads: each event is received by one caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_watcher_recv_event(self_: *mut zgossip_watcher_t) -> *mut zgossip_event_t {
    entry_with_reason! {
        // SAFETY: the program gives a watcher.
        let watcher = unsafe { enter_watcher(self_) }?;
        Ok(to_c(&watcher.recv()?)?.as_ptr())
    }
}

/// Sets how long zgossip_watcher_recv_event waits.
///
/// `msecs` is in milliseconds; 0 means not to wait, -1, the default, to wait
/// for ever.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if `self` is no watcher or `msecs` is less than -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_watcher_set_rcvtimeo(self_: *mut zgossip_watcher_t, msecs: c_int) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a watcher.
        unsafe { enter_watcher(self_) }?.set_recv_timeout(timeout(msecs)?);
        Ok(0)
    }
}

/// Returns a descriptor that is readable while an event of the watcher waits,
/// and once the node has ended.
///
/// It is as that of zgossip_fd, and belongs to the watcher.
///
/// Returns: the descriptor, or -1.
/// Errors: EMFILE or ENFILE if there is no descriptor left; EINVAL if `self` is
///     no watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_watcher_fd(self_: *mut zgossip_watcher_t) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a watcher.
        Ok(unsafe { enter_watcher(self_) }?.fd().map_err(Errno::from)?.as_raw_fd())
    }
}

/// Destroys a watcher, and sets the caller's pointer to NULL.
///
/// Node and watcher may be destroyed in any order. Events that were not
/// received are lost, and the watcher's descriptor is closed. NULL, or a pointer
/// to NULL, does nothing.
///
/// Errors: EINVAL if it is no watcher, or one that is destroyed. The pointer
///     stays as it was then.
/// Threads: calls on the watcher that wait in other threads return with EPIPE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_watcher_destroy(self_p: *mut *mut zgossip_watcher_t) {
    entry! {
        // SAFETY: the program gives NULL or a pointer to its pointer, that to a watcher.
        unsafe {
            if self_p.is_null() || (*self_p).is_null() {
                return Ok(());
            }
            POOL.remove((*self_p).cast())?;
            *self_p = ptr::null_mut();
        }
        Ok(())
    }
}
