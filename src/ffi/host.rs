//! The host process: switches of CZMQ, or of our `czmq.h`, that nodes follow.

use super::czmq_compat::{self, loaded};
use crate::actor;

/// Registers the function that tells nodes whether to use IPv6. Called before each node is made; repeating it is cheap.
pub(super) fn prepare() {
    actor::set_default_ipv6(|| loaded::ipv6() || czmq_compat::ipv6());
}
