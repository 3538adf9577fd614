//! How much may wait between a program and a node.

/// Number of commands that may wait before a sender has to: some milliseconds of the node's work.
pub(super) const MAX_COMMANDS: usize = 10_000;

/// Number of bytes of commands that may wait; a single command may have more.
pub(super) const MAX_BYTES: usize = 64 << 20;

/// Number of different replies that may wait before the node stops taking commands that have one.
pub(super) const MAX_REPLIES: usize = 10_000;
