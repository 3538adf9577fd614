//! Statistics of a node: the numbers of STATS and of `zgossip_stats_t`.

/// Statistics of a node. Later versions may add members at the end.
// The one list of them: `include/zgossip.h` has this structure as `zgossip_stats_t`, and the reply to STATS its names.
// The layout is part of the ABI: what is there stays in its place.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[repr(C)]
#[non_exhaustive]
pub struct Stats {
    /// Tuples that the node holds.
    pub tuples: u64,
    /// Removed keys that the node remembers.
    pub tombstones: u64,
    /// Connected peers that speak CZMQ's protocol only.
    pub links_plain: u64,
    /// Connected peers that speak this library's extension of CZMQ's protocol.
    pub links_extended: u64,
    /// Peers that are not connected, or have not shown yet which protocol they speak.
    pub links_other: u64,
    /// Messages received from peers.
    pub frames_in: u64,
    /// Messages sent to peers.
    pub frames_out: u64,
    /// Bytes of the messages received.
    pub bytes_in: u64,
    /// Bytes of the messages sent.
    pub bytes_out: u64,
    /// Tuples sent to peers.
    pub tuples_out: u64,
    /// Tuples received that the node held already.
    pub duplicates: u64,
    /// Messages received that are not of the protocol.
    pub malformed: u64,
    /// Tuples received and refused, for a limit or a time stamp too far ahead.
    pub refused: u64,
    /// Tuples that wait to be sent to slow peers, counted once for each peer.
    pub owed: u64,
    /// Digest of all keys and their stamps, removed keys included: equal on nodes that hold the same.
    pub root: u64,
    /// Tuples that the node holds for its peers and does not show, because its program said UNPUBLISH.
    pub hidden: u64,
    /// Bytes that the node holds: tuples, removed keys, what it remembers of peers and what waits for them; an estimate
    /// from above.
    pub bytes: u64,
    /// Most bytes that the node may hold: `server/max_bytes`, or the default that was found for this machine.
    pub max_bytes: u64,
}

impl Stats {
    /// Number of statistics.
    pub const COUNT: usize = size_of::<Stats>() / size_of::<u64>();

    /// Name and number of each statistic, in the order of the members.
    pub fn entries(&self) -> [(&'static str, u64); Stats::COUNT] {
        let Stats {
            tuples,
            tombstones,
            links_plain,
            links_extended,
            links_other,
            frames_in,
            frames_out,
            bytes_in,
            bytes_out,
            tuples_out,
            duplicates,
            malformed,
            refused,
            owed,
            root,
            hidden,
            bytes,
            max_bytes,
        } = *self;
        [
            ("tuples", tuples),
            ("tombstones", tombstones),
            ("links_plain", links_plain),
            ("links_extended", links_extended),
            ("links_other", links_other),
            ("frames_in", frames_in),
            ("frames_out", frames_out),
            ("bytes_in", bytes_in),
            ("bytes_out", bytes_out),
            ("tuples_out", tuples_out),
            ("duplicates", duplicates),
            ("malformed", malformed),
            ("refused", refused),
            ("owed", owed),
            ("root", root),
            ("hidden", hidden),
            ("bytes", bytes),
            ("max_bytes", max_bytes),
        ]
    }
}
