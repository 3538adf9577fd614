//! The node's side of a [`Handle`](super::Handle): an owner that talks through a router.

use std::ops::ControlFlow;

use super::COMMANDS_PER_TURN;
use super::batch::{Batch, Entry};
use super::message_queue::Handover;
use super::request::Request;
use super::router::Router;
use crate::actor::command::{Interpreter, Met, NodeCalls, Outbox, Outgoing, Turn, Waits, parse};
use crate::core::Now;
use crate::engine::{Engine, EngineSettings, Owner, OwnerEvent, PollSource, raw};
use crate::log::Logger;
use crate::warning::Kind;

/// The weight of collected replies, in bytes, at which they are handed over before the turn ends: 1 MiB, so that large
/// replies do not pile up on the node's side.
const MAX_COLLECTED: usize = 1 << 20;

/// Runs a node called `name` for the program at the other end of `router`, on the calling thread, until `$TERM`.
pub(super) fn run(router: &Router, name: String, context: raw::Context, logger: &Logger) {
    // CZMQ's actor lets everybody in while there is no handler; native nodes have never promised that.
    let settings =
        EngineSettings { name, requires_handler: true, ends_revoked: true, ..EngineSettings::default() };
    let mut engine = Engine::new(context, logger.clone(), settings);
    engine.watch_context();
    let mut owner = QueueOwner::new(router, &engine);
    engine.run(&mut owner);
    owner.outbox.flush();
}

/// The owner at the other end of a router.
struct QueueOwner<'a> {
    interpreter: Interpreter,
    /// Commands that were taken from the router and not yet carried out.
    commands: Batch,
    waits: Waits,
    outbox: QueueOutbox<'a>,
}

/// The way to the program: messages are collected, and handed over at the end of the engine's turn.
struct QueueOutbox<'a> {
    router: &'a Router,
    messages: Vec<Outgoing>,
    /// The weight of the collected replies, in bytes.
    weight: usize,
    /// Whether there was no room for another reply when messages were handed over last.
    full: bool,
    /// Whether `$TERM` is among the commands: nobody reads replies any more.
    ending: bool,
    logger: Logger,
    /// Whether the log says already that events are dropped.
    overflown: bool,
}

impl<'a> QueueOwner<'a> {
    fn new(router: &'a Router, engine: &Engine) -> QueueOwner<'a> {
        QueueOwner {
            interpreter: Interpreter::new(engine),
            commands: Batch::default(),
            waits: Waits::default(),
            outbox: QueueOutbox {
                router,
                messages: Vec::new(),
                weight: 0,
                full: false,
                ending: false,
                logger: engine.logger().clone(),
                overflown: false,
            },
        }
    }

    /// Returns whether `command` has to wait until the program has read some replies.
    fn is_stalled(&mut self, command: &Entry<'_>) -> bool {
        let outbox = &mut self.outbox;
        if outbox.weight > MAX_COLLECTED {
            outbox.flush();
        }
        if !outbox.full || outbox.ending || !has_reply(command) {
            return false;
        }
        outbox.flush();
        if !outbox.router.stall() {
            outbox.full = false;
            outbox.ending = outbox.router.is_ending();
            return false;
        }
        true
    }

    /// Answers a request, behind all events that preceded the answer.
    fn answer(&mut self, mut request: Box<dyn Request>, engine: &mut Engine, now: Now) {
        let QueueOwner { interpreter, outbox, waits, .. } = self;
        let mut calls = NodeCalls::new(interpreter, Turn { engine, now, out: outbox }, waits);
        request.run(&mut calls);
        calls.send_events();
        self.outbox.publish_limits(engine);
        self.outbox.flush();
        request.answer();
    }
}

/// Returns whether an entry of the queue is a command that has a reply.
fn has_reply(entry: &Entry<'_>) -> bool {
    match entry {
        Entry::Frames(frames, count) => parse(&frames[..*count]).is_ok_and(|command| command.has_reply()),
        Entry::Command(command) => command.has_reply(),
        Entry::Request => false,
    }
}

impl Owner for QueueOwner<'_> {
    fn source(&self) -> PollSource<'_> {
        PollSource::Fd(self.outbox.router.wake_descriptor().as_fd())
    }

    fn wants_write(&self) -> bool {
        false
    }

    fn handle_commands(&mut self, engine: &mut Engine, now: Now) -> ControlFlow<()> {
        let mut commands = std::mem::take(&mut self.commands);
        for _ in 0..COMMANDS_PER_TURN {
            if commands.is_empty() && !self.outbox.router.take(&mut commands) {
                break;
            }
            if let Some(request) = commands.take_request() {
                self.answer(request, engine, now);
                continue;
            }
            let Some((entry, size)) = commands.peek() else { break };
            if self.is_stalled(&entry) {
                break;
            }
            let turn = Turn { engine, now, out: &mut self.outbox };
            match entry {
                Entry::Frames(frames, count) => self.interpreter.execute(&frames[..count], turn)?,
                Entry::Command(command) => {
                    self.interpreter.execute_command(command.name().as_bytes(), command, turn)?;
                }
                Entry::Request => {}
            }
            commands.skip(size);
        }
        self.commands = commands;
        ControlFlow::Continue(())
    }

    fn handle_event(&mut self, event: OwnerEvent) {
        if let Some(outgoing) = self.interpreter.outgoing(event) {
            self.outbox.push(outgoing);
        }
    }

    fn settle(&mut self, engine: &mut Engine, now: Now) {
        self.outbox.publish_limits(engine);
        self.interpreter.settle(Turn { engine, now, out: &mut self.outbox });
        if self.waits.is_empty() {
            return;
        }
        let met = self.waits.check(engine.node(), now);
        if !met.is_empty() {
            // The program finds the events that led to the state it waited for.
            self.outbox.flush();
            met.into_iter().for_each(Met::answer);
        }
    }

    fn flush(&mut self) {
        self.outbox.flush();
    }

    fn handle_termination(&mut self) {
        self.outbox.router.terminate();
    }

    fn poll_timeout(&self) -> Option<u64> {
        [self.interpreter.poll_timeout(), self.waits.poll_timeout()].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, engine: &mut Engine, now: Now) {
        self.interpreter.handle_timeout(Turn { engine, now, out: &mut self.outbox });
    }
}

impl QueueOutbox<'_> {
    /// Passes on the limits that the program's side checks by itself.
    fn publish_limits(&self, engine: &mut Engine) {
        self.router.set_max_value(engine.node().settings().max_value);
    }

    /// Hands over the collected messages.
    fn flush(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        self.weight = 0;
        let Handover { full, dropped } = self.router.push(&mut self.messages);
        self.full = full;
        if dropped > 0 && !std::mem::replace(&mut self.overflown, true) {
            self.logger.warn_of(Kind::Unread, &[]);
        }
    }
}

impl Outbox for QueueOutbox<'_> {
    fn has_room(&self) -> bool {
        // Commands without room for their reply wait, except before `$TERM`: their replies are dropped.
        true
    }

    fn push(&mut self, outgoing: Outgoing) {
        if let Outgoing::Reply(message) = &outgoing {
            if self.full && self.ending {
                return;
            }
            self.weight += message.weight();
        }
        self.messages.push(outgoing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::owner::tests::{Silent, assert_every_way_out_is_filtered};
    use std::sync::Arc;

    #[test]
    fn no_event_goes_around_the_interpreter() {
        let router = Router::new().unwrap();
        let logger = Logger::new("queue", Arc::new(Silent));
        let mut engine = Engine::new(raw::Context::global(), logger, EngineSettings::default());
        let mut owner = QueueOwner::new(&router, &engine);
        owner.interpreter.filter = Some(crate::actor::owner::tests::filter);
        router.send(&[b"SET", b"server/events", b"1"]).unwrap();
        let recv = || {
            router.recv_timeout.set(Some(std::time::Duration::ZERO));
            std::iter::from_fn(|| router.recv().ok())
                .map(|message| message.frames().map(<[u8]>::to_vec).collect())
                .collect()
        };
        assert_every_way_out_is_filtered(
            &mut owner,
            &mut engine,
            |frames| router.send(frames).unwrap(),
            recv,
        );
    }
}
