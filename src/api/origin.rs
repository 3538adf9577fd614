//! Who wrote a tuple, and when.

use std::time::{Duration, SystemTime};

use crate::core;
use crate::log::printable;

/// Origin of a tuple, from [`Node::origin`](crate::Node::origin).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Origin {
    /// Id of the node whose program published the value, however the tuple came here. `None` if a peer with CZMQ's own
    /// zgossip brought it, which does not tell.
    pub writer: Option<u64>,
    /// Whether this node wrote the tuple.
    pub own: bool,
    /// Name of the writer, with control characters escaped, if it is this node or a peer of this node, and has one.
    pub name: Option<String>,
    /// Endpoint of the peer that the tuple came from, as in [`Peer`](crate::Peer); `None` if this node wrote it, or the
    /// connection is gone.
    pub endpoint: Option<String>,
    /// Time of the write, in whole milliseconds, by the clocks of the network: it follows the fastest of them. `None` where
    /// the writer is not known.
    pub written: Option<SystemTime>,
    /// Time until the tuple expires; `None` if it does not.
    pub ttl: Option<Duration>,
}

impl Origin {
    pub(super) fn new(endpoint: String, origin: &core::Origin) -> Origin {
        let time = |written| SystemTime::UNIX_EPOCH + Duration::from_millis(written);
        Origin {
            writer: origin.writer,
            own: origin.is_own,
            name: origin.name.as_deref().map(printable),
            endpoint: Some(endpoint).filter(|endpoint| !endpoint.is_empty()),
            written: origin.written.map(time),
            ttl: Some(Duration::from_millis(origin.ttl.into())).filter(|ttl| !ttl.is_zero()),
        }
    }
}
