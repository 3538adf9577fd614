//! What a node asks of the CZMQ around it, or of our own `czmq.h`.

use super::czmq_compat::{self, loaded};
use crate::actor;

/// Lets nodes know where to ask whether IPv6 is to be used. Cheap, and done before every node.
pub(super) fn prepare() {
    actor::set_default_ipv6(|| loaded::ipv6() || czmq_compat::ipv6());
}
