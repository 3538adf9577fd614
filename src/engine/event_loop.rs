//! The loop: wait, take a bounded share of every input, send, report to the owner.

use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use crate::core::Now;

use super::raw::{self, Poller};
use super::{Engine, Owner, PollSource};

impl Engine {
    /// Runs the node until its owner ends it, or its context is terminated. What peers are owed then is sent, if they
    /// take it within a moment: frames that libzmq has taken go on leaving in the background for a quarter of a second.
    pub fn run(mut self, owner: &mut dyn Owner) {
        let mut poller = Poller::new();
        loop {
            let commands = self.wait(owner, &mut poller);
            if self.terminated || self.turn(owner, commands).is_break() {
                break;
            }
        }
        let begun = Instant::now();
        if self.is_context_ending {
            owner.handle_termination();
        }
        if !self.terminated {
            self.send_rest(&mut poller);
        }
        self.end_saving();
        self.release_endpoints(begun);
    }

    /// Runs one turn of the loop. Every input gets a bounded share, so that none keeps another waiting for long.
    ///
    /// Frames come first: a peer whose frames wait is not silent, however long this process was stopped. Then time: the
    /// owner receives EXPIRE before its commands are answered.
    fn turn(&mut self, owner: &mut dyn Owner, commands: bool) -> ControlFlow<()> {
        self.receive(self.now());
        let now = self.now();
        self.take_answers(now);
        self.handle_time(owner, now);
        if commands {
            owner.handle_commands(self, now)?;
        }

        self.hand_over_events(owner);
        while let Some(id) = self.node.poll_stale() {
            self.renew(id, now);
        }
        self.queue_ready_links();
        self.transmit(now);
        self.hand_over_events(owner);
        owner.settle(self, now);
        owner.flush();
        self.make_room(now);
        self.end_revoked(now);
        self.look_around(now);
        self.write_record();
        self.save();
        ControlFlow::Continue(())
    }

    fn hand_over_events(&mut self, owner: &mut dyn Owner) {
        while let Some(event) = self.poll_event() {
            owner.handle_event(event);
        }
    }

    fn handle_time(&mut self, owner: &mut dyn Owner, now: Now) {
        if self.node.poll_timeout().is_some_and(|due| due <= now.mono) {
            self.node.handle_timeout(now);
        }
        self.handle_timers(now);
        self.check_suspects(now);
        if owner.poll_timeout().is_some_and(|due| due <= now.mono) {
            owner.handle_timeout(self, now);
        }
    }

    /// Waits until a socket or the owner needs attention, or a timer is due. True if the owner has commands, or room
    /// for events.
    fn wait(&mut self, owner: &mut dyn Owner, poller: &mut Poller) -> bool {
        self.queue_ready_links();
        let busy = match self.ask_sockets() {
            Ok(busy) => busy || !self.departed.is_empty(),
            Err(error) => return self.give_up("the node ends, for it cannot ask a socket for events", error),
        };

        poller.clear();
        let wants_write = owner.wants_write();
        let mut commands = false;
        let source = match owner.source() {
            PollSource::Socket(socket) => {
                let (Ok(events), Ok(fd)) = (socket.events(), socket.fd()) else {
                    return true; // the owner meets the same error, and ends the node
                };
                commands = events.readable || (wants_write && events.writable);
                poller.add(fd, false)
            }
            PollSource::Fd(fd) => poller.add(fd.as_raw_fd(), wants_write),
        };
        let first = source + 1;
        for router in self.routers.iter().flatten() {
            poller.add(router.fd(), false);
            if let Some(fd) = router.monitor_fd() {
                poller.add(fd, false);
            }
        }
        if let Some(fd) = self.resolver.fd() {
            poller.add(fd, false); // the answers are taken in each turn
        }
        if let Some(persistence) = &self.persistence {
            poller.add(persistence.fd(), false);
        }
        for fd in self.crowding.refusing() {
            poller.add(fd, false);
        }
        let sentinel = self.sentinel.as_ref().map(|&(_, fd)| poller.add(fd, false));
        let timeout = if busy || commands { Some(Duration::ZERO) } else { self.time_left(owner) };
        if let Err(error) = poller.wait(timeout) {
            return self.give_up("the node ends, for it cannot wait for events", error);
        }
        if let (Some(place), Some((socket, _))) = (sentinel, &self.sentinel)
            && poller.ready(place)
            && let Err(error) = socket.events()
        {
            return self.give_up("the node ends, for it cannot ask a socket for events", error);
        }
        self.note_readable(poller, first);
        commands || poller.ready(source)
    }

    /// Asks the sockets that were used since the last wait what they have: sending or receiving may have consumed what
    /// their descriptors would signal. True if any of them has something.
    fn ask_sockets(&mut self) -> Result<bool, raw::Error> {
        let mut busy = false;
        for router in self.routers.iter_mut().flatten() {
            if router.may_be_readable {
                router.may_be_readable = router.events()?.readable;
                busy |= self.send_queue.take_newly_blocked();
            }
            if router.monitor_may_be_readable {
                router.monitor_may_be_readable = router.monitor_is_readable()?;
            }
            busy |=
                router.may_be_readable || router.monitor_may_be_readable || !router.monitor_events.is_empty();
        }
        Ok(busy)
    }

    /// Notes which sockets' descriptors fired; theirs begin at place `first` of the poller's set.
    fn note_readable(&mut self, poller: &Poller, first: usize) {
        let mut place = first;
        for router in self.routers.iter_mut().flatten() {
            router.may_be_readable |= poller.ready(place);
            place += 1;
            if router.monitor_fd().is_some() {
                router.monitor_may_be_readable |= poller.ready(place);
                place += 1;
            }
        }
    }

    fn give_up(&mut self, failure: &str, error: raw::Error) -> bool {
        self.log_failure(failure, error);
        self.terminated = true;
        false
    }

    /// The time until the next deadline; `None` if there is none.
    fn time_left(&self, owner: &dyn Owner) -> Option<Duration> {
        let deadlines = [
            self.node.poll_timeout(),
            owner.poll_timeout(),
            self.timers.next(),
            self.send_queue.next_turn(),
            self.looks.next(self.connections(), self.crowding.accepted.silent()),
            self.crowding.next_look(),
            self.admission.next_look(),
            self.next_save(),
        ];
        // Not by `flatten`, which the compiler makes look at numbers that are not there: memory checkers report that.
        let next = deadlines.map(|deadline| deadline.unwrap_or(u64::MAX)).into_iter().min();
        let next = next.filter(|next| *next != u64::MAX)?;
        Some(Duration::from_millis(next.saturating_sub(self.clock.mono())))
    }
}
