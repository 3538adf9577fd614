//! Frames for peers: each link has a place in the order of news, and is told what lies behind it, as it is now.

use super::Members;
use super::member::Member;
use crate::core::codec::lists::members_frame;
use crate::core::codec::{MOST_NEIGHBOURS, MemberRecord, MemberState};
use crate::core::id::LinkId;

/// Bytes from which on a frame is closed, as a batch of tuples is.
const FULL: usize = 16 << 10;

impl Members {
    /// The version up to which peers are to be told now. A link that was told less has something to send.
    pub(in crate::core) fn due(&self) -> u64 {
        self.due
    }

    /// Makes the next MEMBERS for a link that was told everything up to `cursor`, which moves. `None` if there is nothing
    /// that the peer does not know.
    pub(in crate::core) fn frame(
        &self,
        link: LinkId,
        peer: Option<u64>,
        cursor: &mut u64,
    ) -> Option<Vec<u8>> {
        let (told, mut frame) = (*cursor, members_frame());
        let empty = frame.len();
        for (&version, id) in self.log.range(told + 1..=self.due) {
            if frame.len() >= FULL {
                return Some(frame);
            }
            if let Some(member) = self.table.get(id).filter(|member| !is_known_by(*id, member, link, peer)) {
                self.add(*id, member, told, &mut frame);
            }
            *cursor = version;
        }
        *cursor = self.due;
        (frame.len() > empty).then_some(frame)
    }

    fn add(&self, id: u64, member: &Member, told: u64, frame: &mut Vec<u8>) {
        let list = |ids: &[u64]| ids.iter().flat_map(|id| id.to_be_bytes()).collect::<Vec<u8>>();
        let remaining = match member.ends_at {
            u64::MAX => member.lease_ms,
            at => u32::try_from(at.saturating_sub(self.awake.last())).unwrap_or(u32::MAX),
        };
        let servers = &member.servers[..member.servers.len().min(MOST_NEIGHBOURS)];
        let record = MemberRecord {
            id,
            incarnation: member.incarnation,
            sequence: member.sequence,
            state: Some(member.state),
            lease: member.lease_ms,
            remaining,
            tuples: member.tuples,
            servers: &list(servers),
            downs: &list(&member.downs),
            details: (member.details_version > told).then(|| member.details().told()),
        };
        record.encode(frame);
    }
}

/// Returns whether a peer need not be told of a member: it is the one who told, or the member itself, which lives and knows
/// its word.
fn is_known_by(id: u64, member: &Member, link: LinkId, peer: Option<u64>) -> bool {
    let is_itself = peer == Some(id);
    let is_doubted = member.state != MemberState::Alive || !member.downs.is_empty() || member.is_disputed;
    if is_itself && member.is_disputed {
        return false;
    }
    member.source == Some(link) || is_itself && !is_doubted
}
