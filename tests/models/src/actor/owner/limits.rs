//! One command or reply fills a queue, so that each model meets full ones.

pub(super) const MAX_COMMANDS: usize = 1;

pub(super) const MAX_BYTES: usize = 1 << 20;

pub(super) const MAX_REPLIES: usize = 1;
