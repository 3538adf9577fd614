//! The members of the network, as the owner may see them.

use crate::core::clock::Now;
use crate::core::node::Node;

/// A member of the network: a node of this library that has announced something, or is to be seen by its owner's wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberInfo {
    /// Id of the node.
    pub id: u64,
    /// Whether it is this node.
    pub is_own: bool,
    /// Name of the node, in any encoding; empty for none.
    pub name: Box<[u8]>,
    /// Endpoints that it is bound to, the first four of them, in any encoding.
    pub endpoints: Vec<Box<[u8]>>,
    /// Version of its library, in any encoding; empty where it is not known.
    pub release: Box<[u8]>,
    /// Wall time at which it became a member by its own clock, milliseconds since 1970.
    pub since: u64,
    /// Number of tuples that it held when it last said so.
    pub tuples: u64,
}

impl Node {
    /// The members of the network, and this node if it is one, in the order of their ids.
    pub fn members(&self, now: Now) -> Vec<MemberInfo> {
        let info = |(id, member): (u64, &crate::core::members::Member)| {
            let details = member.details();
            let is_own = id == self.id;
            MemberInfo {
                id,
                is_own,
                name: details.name.clone(),
                endpoints: details.endpoints.clone(),
                release: details.release.clone(),
                since: details.since,
                tuples: if is_own { self.count_readable(now) as u64 } else { member.tuples().into() },
            }
        };
        self.presence.members.listed().map(info).collect()
    }
}
