//! The loop.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::core::Now;

use super::raw::Poller;
use super::{Engine, Owner, PollSource};

/// How long a node that ends may spend on handing its last frames to libzmq.
const FAREWELL: Duration = Duration::from_millis(20);

impl Engine {
    /// Run the node until its owner ends it, or its context is terminated. Does not wait for peers: frames that
    /// libzmq has taken go on leaving in the background for a quarter of a second.
    pub fn run(mut self, owner: &mut dyn Owner) {
        let mut poller = Poller::new();
        loop {
            let commands = self.wait(owner, &mut poller);
            if self.terminated || self.turn(owner, commands).is_break() {
                break;
            }
        }
        if !self.terminated {
            self.farewell();
        }
    }

    /// One turn. Every input gets a bounded share, so none keeps another waiting for long.
    fn turn(&mut self, owner: &mut dyn Owner, commands: bool) -> ControlFlow<()> {
        let now = self.now();
        if commands {
            owner.handle_commands(self, now)?;
        }
        self.receive(now);
        self.pass_time(owner, now);

        self.deliver(owner);
        while let Some(id) = self.node.poll_stale() {
            self.renew(id, now);
        }
        self.collect_ready();
        self.transmit(now);
        self.deliver(owner);
        owner.flush();
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
        self.renew_due(now);
        if owner.poll_timeout().is_some_and(|due| due <= now.mono) {
            owner.handle_timeout(self, now);
        }
    }

    /// Wait until there is something to do. True if the owner has commands, or room.
    fn wait(&mut self, owner: &mut dyn Owner, poller: &mut Poller) -> bool {
        // Sending or receiving may have taken a socket's news off its descriptor: ask those that were used.
        let mut busy = self.collect_ready();
        let mut failure = None;
        for channel in self.channels.iter_mut().flatten() {
            if channel.news {
                match channel.events() {
                    Ok(events) => channel.news = events.readable,
                    Err(error) => failure = Some(error),
                }
            }
            if channel.monitor_news {
                match channel.monitor_waits() {
                    Ok(waits) => channel.monitor_news = waits,
                    Err(error) => failure = Some(error),
                }
            }
            busy |= channel.news || channel.monitor_news || !channel.happenings.is_empty();
        }
        if let Some(error) = failure {
            self.failed("asking a socket", error);
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
        for channel in self.channels.iter().flatten() {
            poller.add(channel.fd(), false);
            if let Some(fd) = channel.monitor_fd() {
                poller.add(fd, false);
            }
        }
        let timeout = if busy || commands { Some(Duration::ZERO) } else { self.time_left(owner) };
        if let Err(error) = poller.wait(timeout) {
            self.logger.error(format_args!("zgossip: waiting: {error}"));
            return true;
        }
        let mut place = first;
        for channel in self.channels.iter_mut().flatten() {
            channel.news |= poller.ready(place);
            place += 1;
            if channel.monitor_fd().is_some() {
                channel.monitor_news |= poller.ready(place);
                place += 1;
            }
        }
        commands || poller.ready(source)
    }

    /// How long nothing is due.
    fn time_left(&self, owner: &dyn Owner) -> Option<Duration> {
        let timer = self.timers.peek().map(|entry| entry.0.0);
        let due = [self.node.poll_timeout(), owner.poll_timeout(), timer, self.retry_at()]
            .into_iter()
            .flatten()
            .min()?;
        Some(Duration::from_millis(due.saturating_sub(self.clock.mono())))
    }

    /// Hand over what peers are owed, as far as there is room for it.
    fn farewell(&mut self) {
        let now = self.now();
        self.node.shutdown(now);
        let end = Instant::now() + FAREWELL;
        // A link that finds no room is not tried again.
        while self.collect_ready() && Instant::now() < end && !self.terminated {
            self.transmit(now);
        }
    }
}
