//! Whether a server that says nothing is alive.
//!
//! The node hears whole frames, and a large one may be under way for a minute, in either direction: the server is not
//! silent then, or cannot know yet what it is asked. The kernel knows whether bytes pass.
//!
//! * Data has come lately: a frame is on its way to us. What a server that has stopped had still in its kernel's
//!   buffers comes to an end soon.
//! * What we say is being taken: something of ours waits to be sent or acknowledged, and acknowledgements come. That
//!   takes two looks. The kernel of a server that has stopped acknowledges, too, but only while its buffers have room;
//!   then it takes nothing. That it takes a heartbeat now and then means nothing.
//!
//! Over IPC and within the process a frame takes as long as it takes to copy it, unless the other end does not read,
//! and for these the kernel counts nothing: there, a silent server is given up as if nothing passed.

use std::cmp::Reverse;

use crate::core::{LinkId, Now};

use super::Engine;

/// Data that came longer ago is no sign of life (ms): as long as the node waits for an answer.
const LATELY: u32 = 5000;
/// How long it is watched whether what we say is taken (ms).
const WATCH: u64 = 2000;
/// Fewer bytes than this in that time may be heartbeats.
const LEAST: u64 = 512;

/// What is being watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// Bytes acknowledged when it began.
    acked: u64,
    /// When to look again (mono ms).
    due: u64,
}

impl Engine {
    /// Tell the node of its suspects.
    pub(super) fn look_at_suspects(&mut self, now: Now) {
        while let Some(id) = self.node.poll_suspect() {
            if let Some(bytes_pass) = self.first_look(id, now) {
                self.node.handle_suspect(id, bytes_pass, now);
            }
        }
    }

    /// Whether bytes pass, if one look shows it.
    fn first_look(&mut self, id: LinkId, now: Now) -> Option<bool> {
        let remote = self.links.get_mut(&id).and_then(|link| link.remote.as_mut());
        let Some(remote) = remote else { return Some(false) };
        remote.watch = None;
        let Some(traffic) = remote.connection.and_then(|connection| connection.traffic()) else {
            return Some(false);
        };
        if traffic.quiet <= LATELY || !traffic.outstanding {
            return Some(traffic.quiet <= LATELY);
        }
        let due = now.mono + WATCH;
        remote.watch = Some(Watch { acked: traffic.acked, due });
        self.timers.push(Reverse((due, id)));
        None
    }

    /// The second look, if it is for this that the timer was set.
    pub(super) fn second_look(&mut self, id: LinkId, due: u64, now: Now) {
        let Some(remote) = self.links.get_mut(&id).and_then(|link| link.remote.as_mut()) else { return };
        let Some(watch) = remote.watch.take_if(|watch| watch.due == due) else { return };
        let traffic = remote.connection.and_then(|connection| connection.traffic());
        let bytes_pass =
            traffic.is_some_and(|traffic| traffic.quiet <= LATELY || traffic.acked >= watch.acked + LEAST);
        self.node.handle_suspect(id, bytes_pass, now);
    }
}
