//! What the layers below ask of the process around them: the local time, and CZMQ's switches.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use super::czmq_compat::{self, loaded};
use crate::{actor, log};

/// Let the layers below know where to ask. Cheap, and done before every node.
pub(super) fn prepare() {
    log::set_local_offset(local_offset);
    actor::set_default_ipv6(|| loaded::ipv6() || czmq_compat::ipv6());
}

/// How many seconds local time is ahead of UTC at `seconds` since 1970.
fn local_offset(seconds: u64) -> i64 {
    let Ok(time) = libc::time_t::try_from(seconds) else { return 0 };
    let mut broken_down = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both point to variables of ours; where the call fails, the zeroed structure stands.
    unsafe {
        libc::localtime_r(&raw const time, broken_down.as_mut_ptr());
        broken_down.assume_init().tm_gmtoff
    }
}
