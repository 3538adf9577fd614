//! Watching: which keys a node delivers to its program.

#![allow(unsafe_code)]

use libc::{c_char, c_int};

use super::arguments::{enter, string};
use super::pool::zgossip_t;
use crate::ffi::entry::entry_with_reason;

/// Delivers only keys that begin with a prefix, and those that are held at
/// once.
///
///     zgossip_connect (node, "tcp://hub:5670", NULL);
///     zgossip_watch (node, "service/");
///
/// Until the first call a node delivers everything. From then on it delivers
/// the keys that begin with one of the prefixes that are watched, up to 1024 of
/// them; the empty prefix stands for all keys. About other keys no event of kind
/// ZGOSSIP_EVENT_DELIVER, ZGOSSIP_EVENT_RETRACT or ZGOSSIP_EVENT_EXPIRE comes,
/// but for those that wait already; all other messages come. The node holds all
/// keys, and passes them on, as before.
///
/// The keys with this prefix that the node holds are delivered at once, also
/// those that were delivered before. Behind them comes ZGOSSIP_EVENT_SYNCED
/// with the prefix as its key, whatever zgossip_set_events says: as soon as the
/// node has taken the whole state of one peer, or at once if it did so before,
/// or if there is no peer and none to connect to. So connect first, then watch;
/// while the peers of zgossip_connect are not there, it waits. Between the two
/// come keys that change, and those that the peer has. To watch a prefix again
/// does all this again.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if the prefix is longer than 255 bytes; ENOBUFS if 1024
///     prefixes are watched; and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_watch(self_: *mut zgossip_t, prefix: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, prefix) = unsafe { (enter(self_)?, string(prefix, "prefix")?) };
        node.watch(prefix)?;
        Ok(0)
    }
}

/// Delivers the keys that begin with a prefix no more, unless another prefix
/// that is watched begins them, too.
///
/// When the last one is taken back no key is delivered: zgossip_watch with an
/// empty prefix delivers all. Events that wait already still come.
///
/// Returns: 0, or -1.
/// Errors: ENOENT if the prefix is not watched; and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_unwatch(self_: *mut zgossip_t, prefix: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, prefix) = unsafe { (enter(self_)?, string(prefix, "prefix")?) };
        node.unwatch(prefix)?;
        Ok(0)
    }
}
