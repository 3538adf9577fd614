//! Members of the network.

use crate::core::MemberInfo;
use crate::log::printable;

/// Member of the network, from [`Node::members`](crate::Node::members).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Member {
    /// Id of the node.
    pub id: u64,
    /// Whether it is this node.
    pub own: bool,
    /// Name of the node, with control characters escaped, if it has one.
    pub name: Option<String>,
    /// Endpoints that it is bound to, up to four of them.
    pub endpoints: Vec<String>,
    /// Version of its library.
    pub version: String,
    /// When it became a member, in milliseconds since 1970 by its own clock.
    pub since: u64,
    /// Tuples that it held when it last said so.
    pub tuples: u64,
}

impl Member {
    pub(super) fn new(info: &MemberInfo) -> Member {
        Member {
            id: info.id,
            own: info.is_own,
            name: Some(printable(&info.name)).filter(|name| !name.is_empty()),
            endpoints: info.endpoints.iter().map(|endpoint| printable(endpoint)).collect(),
            version: printable(&info.release),
            since: info.since,
            tuples: info.tuples,
        }
    }
}
