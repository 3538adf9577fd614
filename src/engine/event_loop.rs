//! The loop.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::core::Now;

use super::raw::Poller;
use super::{Engine, Owner, PollSource};

impl Engine {
    /// Run the node until its owner ends it, or its context is terminated. What peers are owed then they are sent, if
    /// they take it within a moment: frames that libzmq has taken go on leaving in the background for a quarter of a
    /// second.
    pub fn run(mut self, owner: &mut dyn Owner) {
        let mut poller = Poller::new();
        loop {
            let commands = self.wait(owner, &mut poller);
            if self.terminated || self.turn(owner, commands).is_break() {
                break;
            }
        }
        let begun = Instant::now();
        if !self.terminated {
            self.farewell(&mut poller);
        }
        self.release(begun);
    }

    /// One turn. Every input gets a bounded share, so none keeps another waiting for long.
    ///
    /// Frames first: a peer is not silent whose frames wait, however long this process was stopped. Then time: the
    /// owner hears of what has expired before it is answered.
    fn turn(&mut self, owner: &mut dyn Owner, commands: bool) -> ControlFlow<()> {
        self.receive(self.now());
        let now = self.now();
        self.pass_time(owner, now);
        if commands {
            owner.handle_commands(self, now)?;
        }

        self.deliver(owner);
        while let Some(id) = self.node.poll_stale() {
            self.renew(id, now);
        }
        self.collect_ready();
        self.transmit(now);
        self.deliver(owner);
        owner.settle(self, now);
        owner.flush();
        self.write_record();
        ControlFlow::Continue(())
    }

    fn deliver(&mut self, owner: &mut dyn Owner) {
        while let Some(event) = self.poll_event() {
            owner.handle_event(event);
        }
    }

    fn pass_time(&mut self, owner: &mut dyn Owner, now: Now) {
        if self.node.poll_timeout().is_some_and(|due| due <= now.mono) {
            self.node.handle_timeout(now);
        }
        self.tend_remotes(now);
        self.look_at_suspects(now);
        if owner.poll_timeout().is_some_and(|due| due <= now.mono) {
            owner.handle_timeout(self, now);
        }
    }

    /// Wait until there is something to do. True if the owner has commands, or room.
    fn wait(&mut self, owner: &mut dyn Owner, poller: &mut Poller) -> bool {
        // Sending or receiving may have taken a socket's news off its descriptor: ask those that were used.
        self.collect_ready();
        let mut busy = !self.gone.is_empty() || self.send_at().is_some_and(|at| at <= self.clock.mono());
        let mut failure = None;
        for router in self.routers.iter_mut().flatten() {
            if router.may_be_readable {
                match router.events() {
                    Ok(events) => router.may_be_readable = events.readable,
                    Err(error) => failure = Some(error),
                }
                // The same call may have taken the news that there is room again, and nothing will repeat it.
                if std::mem::take(&mut self.blocked.fresh) {
                    self.blocked.hope = true;
                    busy = true;
                }
            }
            if router.monitor_may_be_readable {
                match router.monitor_is_readable() {
                    Ok(waits) => router.monitor_may_be_readable = waits,
                    Err(error) => failure = Some(error),
                }
            }
            busy |=
                router.may_be_readable || router.monitor_may_be_readable || !router.monitor_events.is_empty();
        }
        if let Some(error) = failure {
            self.failed("asking a socket", error);
            self.terminated = true;
            return false;
        }

        poller.clear();
        let wants_write = owner.wants_write();
        let mut commands = false;
        let source = match owner.source() {
            PollSource::Socket(socket) => {
                match (socket.events(), socket.fd()) {
                    (Ok(events), Ok(fd)) => {
                        commands = events.readable || (wants_write && events.writable);
                        poller.add(fd, false)
                    }
                    // The owner meets the same error, and ends the node.
                    _ => return true,
                }
            }
            PollSource::Fd(fd) => poller.add(fd, wants_write),
        };
        let first = source + 1;
        for router in self.routers.iter().flatten() {
            poller.add(router.fd(), false);
            if let Some(fd) = router.monitor_fd() {
                poller.add(fd, false);
            }
        }
        let timeout = if busy || commands { Some(Duration::ZERO) } else { self.time_left(owner) };
        if let Err(error) = poller.wait(timeout) {
            self.failed("waiting", error);
            self.terminated = true;
            return false;
        }
        let mut place = first;
        for router in self.routers.iter_mut().flatten() {
            router.may_be_readable |= poller.ready(place);
            place += 1;
            if router.monitor_fd().is_some() {
                router.monitor_may_be_readable |= poller.ready(place);
                place += 1;
            }
        }
        commands || poller.ready(source)
    }

    /// How long nothing is due.
    fn time_left(&self, owner: &dyn Owner) -> Option<Duration> {
        let timer = self.timers.peek().map(|entry| entry.0.0);
        let dues = [self.node.poll_timeout(), owner.poll_timeout(), timer, self.retry_at(), self.send_at()];
        let due = dues.into_iter().flatten().min()?;
        Some(Duration::from_millis(due.saturating_sub(self.clock.mono())))
    }
}
