//! Statistics of a node: the numbers of STATS.

/// Numbers that tell what a node does.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Tuples held, as STATUS says.
    pub tuples: u64,
    /// Tombstones of retracted keys.
    pub tombstones: u64,
    /// Links to peers that speak plain ZGP/1.
    pub links_plain: u64,
    /// Links to peers that speak the extended protocol.
    pub links_extended: u64,
    /// Links whose peer has not yet shown what it speaks, or is not connected.
    pub links_other: u64,
    /// Frames received.
    pub frames_in: u64,
    /// Frames sent.
    pub frames_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Tuples received that were held already.
    pub duplicates: u64,
    /// Tuples sent.
    pub tuples_out: u64,
    /// Frames that were no message.
    pub malformed: u64,
    /// Tuples refused for a limit or an untrustworthy stamp.
    pub refused: u64,
    /// Tuples that wait for slow links.
    pub owed: u64,
    /// Digest of all keys and stamps: equal on nodes that agree.
    pub root: u64,
}

/// Counters that only grow.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Counters {
    pub(in crate::core) frames_in: u64,
    pub(in crate::core) frames_out: u64,
    pub(in crate::core) bytes_in: u64,
    pub(in crate::core) bytes_out: u64,
    pub(in crate::core) duplicates: u64,
    pub(in crate::core) tuples_out: u64,
    pub(in crate::core) malformed: u64,
    pub(in crate::core) refused: u64,
}
