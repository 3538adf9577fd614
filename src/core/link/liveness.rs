//! Signs of life of a peer, and the probes that ask for them.
//!
//! A server that is silent for too long is first *suspected*: only whole frames are seen here, and a large one may be
//! under way in either direction, which the engine knows. A client is only probed; the socket tells when it is gone.

use super::Phase;
use crate::core::plain::in_flight::Silence;

/// Milliseconds without an answer to a heartbeat after which an extended server is suspected, and after which one
/// whose bytes still pass is suspected again: longer than the pauses of busy machines.
pub(in crate::core) const LOST: u64 = 5000;
/// Milliseconds of silence after which a plain server is suspected; it is asked for a PONG meanwhile.
const PLAIN_LOST: u64 = 20_000;
/// Milliseconds of silence after which a connection that never carried anything gets a new socket.
/// Doubles with each new socket, up to [`LONGEST_TIMEOUT`].
const FIRST_TIMEOUT: u64 = 10_000;
/// The longest such silence (ms): a dead peer costs one socket every five minutes.
const LONGEST_TIMEOUT: u64 = 300_000;

/// Milliseconds without a frame that are a silence of a peer that gives a sign of life every second.
const SILENT: u64 = 2000;

/// Signs of life of one peer. All times are milliseconds of the monotonic clock.
#[derive(Clone, Debug)]
pub(in crate::core) struct Liveness {
    heard_at: u64,
    /// The peer's last silence.
    silence: Silence,
    sent_at: u64,
    /// Anything was received since the connection was made.
    has_answered: bool,
    /// Silence after which a connection that never answered is given up.
    timeout: u64,
    /// Number of probes since the peer's last frame, and the time of the first of them (client).
    probes: u32,
    probed_at: u64,
    suspected: bool,
    /// Time (mono ms) until which passing bytes count as a sign of life.
    trusted_until: u64,
}

impl Liveness {
    pub(in crate::core) fn new(now: u64) -> Liveness {
        Liveness {
            heard_at: now,
            silence: Silence::default(),
            sent_at: now,
            has_answered: false,
            timeout: FIRST_TIMEOUT,
            probes: 0,
            probed_at: 0,
            suspected: false,
            trusted_until: 0,
        }
    }

    /// Notes a new connection.
    pub(in crate::core) fn on_connected(&mut self, now: u64) {
        let (sent_at, timeout) = (self.sent_at, self.timeout);
        *self = Liveness { sent_at, timeout, ..Liveness::new(now) };
    }

    /// Notes the loss of the connection: a verdict on a suspect does not concern the next one.
    pub(in crate::core) fn on_disconnected(&mut self) {
        self.suspected = false;
    }

    /// Notes a frame from the peer.
    pub(in crate::core) fn on_frame(&mut self, now: u64) {
        if self.silence(now) >= SILENT {
            self.silence = Silence { from: self.heard_at, to: now };
        }
        self.heard_at = now;
        self.probes = 0;
        if !self.has_answered {
            self.has_answered = true;
            self.timeout = FIRST_TIMEOUT;
        }
    }

    /// Notes a frame to the peer.
    pub(in crate::core) fn on_sent(&mut self, now: u64) {
        self.sent_at = now;
    }

    /// Notes that a client is probed.
    pub(in crate::core) fn on_client_probe(&mut self) {
        self.probes += 1;
    }

    /// Notes a heartbeat to an extended server. Returns when it is suspected if no answer comes; where it is a suspect
    /// already, or was one and bytes still passed, when to look again.
    pub(in crate::core) fn on_heartbeat(&mut self, now: u64) -> u64 {
        if self.probes == 0 {
            self.probed_at = now;
        }
        self.probes += 1;
        let due = (self.probed_at + LOST).max(self.trusted_until);
        if due > now { due } else { now + LOST }
    }

    /// Returns the time (mono ms) of the peer's last frame.
    pub(in crate::core) fn heard_at(&self) -> u64 {
        self.heard_at
    }

    /// Returns the time (mono ms) at which the last frame was sent.
    pub(in crate::core) fn sent_at(&self) -> u64 {
        self.sent_at
    }

    /// Number of probes since the peer's last frame.
    pub(in crate::core) fn probes(&self) -> u32 {
        self.probes
    }

    /// Returns the last time that nothing came from the peer for over two seconds, as long as the connection stood.
    pub(in crate::core) fn last_silence(&self) -> Silence {
        self.silence
    }

    /// Milliseconds since the peer's last frame.
    pub(in crate::core) fn silence(&self, now: u64) -> u64 {
        now.saturating_sub(self.heard_at)
    }

    /// Milliseconds since anything was last sent or received.
    pub(in crate::core) fn idle(&self, now: u64) -> u64 {
        now.saturating_sub(self.heard_at.max(self.sent_at))
    }

    /// Returns whether a server becomes a suspect now: it has been silent for too long, and is not one yet.
    pub(in crate::core) fn becomes_suspect(&mut self, phase: Phase, now: u64) -> bool {
        let new = !self.suspected && self.is_lost(phase, now);
        self.suspected |= new;
        new
    }

    /// Takes the engine's verdict on a suspect: whether bytes have passed of late. True if the connection is to be
    /// given up.
    pub(in crate::core) fn on_verdict(&mut self, bytes_pass: bool, phase: Phase, now: u64) -> bool {
        // Otherwise the connection is another one by now.
        if std::mem::take(&mut self.suspected) {
            if bytes_pass {
                self.trusted_until = now + LOST;
            } else {
                return self.is_lost(phase, now);
            }
        }
        false
    }

    /// Notes that the connection is given up. One that never carried anything is given up later the next time.
    pub(in crate::core) fn on_given_up(&mut self) {
        if !self.has_answered {
            self.timeout = (self.timeout * 2).min(LONGEST_TIMEOUT);
        }
    }

    /// Returns whether a server has been silent for longer than a live one is.
    fn is_lost(&self, phase: Phase, now: u64) -> bool {
        let silence = self.silence(now);
        let lost = match phase {
            Phase::Extended => self.probes > 0 && now >= self.probed_at + LOST,
            Phase::Plain | Phase::Undetermined if self.has_answered => silence > PLAIN_LOST,
            // It is asked so seldom that its silence tells nothing.
            Phase::Barred => false,
            _ => silence > self.timeout,
        };
        lost && now >= self.trusted_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspect_whose_bytes_pass_is_asked_about_again_and_one_that_is_silent_is_given_up() {
        let mut liveness = Liveness::new(0);
        liveness.on_frame(0);
        assert_eq!(liveness.on_heartbeat(1000), 1000 + LOST);
        assert!(!liveness.becomes_suspect(Phase::Extended, 999 + LOST));
        assert!(liveness.becomes_suspect(Phase::Extended, 1000 + LOST));
        assert!(!liveness.becomes_suspect(Phase::Extended, 1000 + LOST), "it is one already");
        assert!(!liveness.on_verdict(true, Phase::Extended, 1000 + LOST));
        assert!(!liveness.becomes_suspect(Phase::Extended, 999 + 2 * LOST));
        assert!(liveness.becomes_suspect(Phase::Extended, 1000 + 2 * LOST));
        assert!(liveness.on_verdict(false, Phase::Extended, 1000 + 2 * LOST));
        assert!(!liveness.on_verdict(false, Phase::Extended, 1000 + 2 * LOST), "another connection");
    }

    #[test]
    fn a_suspect_is_looked_at_again_after_a_while_and_not_at_once() {
        let mut liveness = Liveness::new(0);
        liveness.on_frame(0);
        assert_eq!(liveness.on_heartbeat(1000), 1000 + LOST);
        assert!(liveness.becomes_suspect(Phase::Extended, 1000 + LOST));
        let next = liveness.on_heartbeat(1001 + LOST);
        assert!(next > 1001 + LOST, "while the engine looks whether bytes pass");
        assert!(!liveness.on_verdict(true, Phase::Extended, 3000 + LOST));
        assert_eq!(liveness.on_heartbeat(3001 + LOST), 3000 + 2 * LOST, "and while they do");
    }

    #[test]
    fn a_connection_that_never_carries_anything_is_given_up_later_each_time() {
        let mut liveness = Liveness::new(0);
        let mut waits = Vec::new();
        for _ in 0..8 {
            liveness.on_connected(0);
            waits.push((1..).find(|&at| liveness.is_lost(Phase::Handshake, at)).unwrap());
            liveness.on_given_up();
        }
        assert_eq!(waits[..3], [10_001, 20_001, 40_001]);
        assert_eq!(waits[7], LONGEST_TIMEOUT + 1);
        liveness.on_frame(0);
        liveness.on_connected(0);
        assert!(liveness.is_lost(Phase::Handshake, 10_001));
    }
}
