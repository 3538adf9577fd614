//! Finds out whether bytes pass on the connection of a server from which no frame comes.
//!
//! The node receives whole frames, and a large one may be under way for a minute, in either direction: the server is
//! not silent then, or has not yet received the question. The kernel knows whether bytes pass.
//!
//! * Data has come lately: a frame is on its way to us. If the server has stopped, what its kernel still had to send
//!   is soon at an end.
//! * Data that we sent is being acknowledged: something waits to be sent or acknowledged, and acknowledgements come.
//!   That takes two samples. The kernel of a server that has stopped acknowledges, too, but only while its buffers have
//!   room; then it takes nothing. A few bytes that are acknowledged now and then may be heartbeats and mean nothing.
//!
//! The kernel counts nothing for IPC and within the process. A frame takes there as long as it takes to copy it, unless
//! the other end does not read; a silent server is given up as if nothing passed.

use crate::core::{LinkId, Now};

use super::Engine;
use super::timers::Timer;

/// Data that came longer ago is no sign of life (ms): as long as the node waits for an answer.
const RECENT: u32 = 5000;
/// The time between the two samples of what is acknowledged (ms).
const WATCH: u64 = 2000;
/// Number of bytes acknowledged between the two samples from which on they count as traffic: fewer may be heartbeats.
const LEAST: u64 = 512;

impl Engine {
    /// Reports to the node whether bytes pass, for each server that it suspects to be dead.
    pub(super) fn check_suspects(&mut self, now: Now) {
        while let Some(id) = self.node.poll_suspect() {
            if let Some(bytes_pass) = self.first_sample(id, now) {
                self.node.handle_suspect(id, bytes_pass, now);
            }
        }
    }

    /// Returns whether bytes pass, if one sample shows it; else the second sample follows after [`WATCH`].
    fn first_sample(&mut self, id: LinkId, now: Now) -> Option<bool> {
        let Some(remote) = self.remote(id) else { return Some(false) };
        remote.take_watch();
        let Some(traffic) = remote.traffic() else { return Some(false) };
        if traffic.quiet <= RECENT || !traffic.outstanding {
            return Some(traffic.quiet <= RECENT);
        }
        remote.watch_from(traffic.acked);
        self.timers.set(id, Timer::CheckTraffic, now.mono + WATCH);
        None
    }

    /// Reports the outcome of the second sample to the node.
    pub(super) fn second_sample(&mut self, id: LinkId, now: Now) {
        let Some(remote) = self.remote(id) else { return };
        let Some(acked_before) = remote.take_watch() else { return };
        let bytes_pass = remote
            .traffic()
            .is_some_and(|traffic| traffic.quiet <= RECENT || traffic.acked >= acked_before + LEAST);
        self.node.handle_suspect(id, bytes_pass, now);
    }
}
