//! An engine without a network: it waits for its owner, and hands over the events that commands have caused.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use crate::actor::command::Message;
use crate::core::Now;
use crate::log::Logger;

pub(crate) mod event_fd;

use event_fd::EventFd;

pub mod raw {
    #[derive(Clone, Copy)]
    pub struct Context;
}

/// No call of the engine fails.
pub enum Error {}

impl Error {
    pub fn errno(&self) -> i32 {
        match *self {}
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

pub enum PollSource<'a> {
    Fd(&'a EventFd),
}

pub struct OwnerEvent(pub Message);

#[derive(Default)]
pub struct EngineSettings {
    pub name: String,
    pub requires_handler: bool,
    pub ends_revoked: bool,
    pub more: (),
}

pub trait Owner {
    fn source(&self) -> PollSource<'_>;
    fn wants_write(&self) -> bool;
    fn handle_commands(&mut self, engine: &mut Engine, now: Now) -> ControlFlow<()>;
    fn handle_event(&mut self, event: OwnerEvent);
    fn settle(&mut self, engine: &mut Engine, now: Now);
    fn flush(&mut self);
    fn handle_termination(&mut self);
    fn poll_timeout(&self) -> Option<u64>;
    fn handle_timeout(&mut self, engine: &mut Engine, now: Now);
}

pub struct Settings {
    pub max_value: usize,
}

/// The part of the core that the owner looks at.
pub struct Node(Settings);

impl Node {
    pub fn settings(&self) -> &Settings {
        &self.0
    }
}

pub struct Engine {
    node: Node,
    logger: Logger,
    /// Events that the owner has not got yet.
    pub events: VecDeque<OwnerEvent>,
}

impl Engine {
    pub fn new(_: raw::Context, logger: Logger, _: EngineSettings) -> Engine {
        Engine { node: Node(Settings { max_value: usize::MAX }), logger, events: VecDeque::new() }
    }

    /// There is no context that could end.
    pub fn watch_context(&mut self) {}

    pub fn node(&mut self) -> &mut Node {
        &mut self.node
    }

    pub fn logger(&self) -> &Logger {
        &self.logger
    }

    /// The library's loop, with the owner as its only input.
    pub fn run(mut self, owner: &mut dyn Owner) {
        loop {
            let PollSource::Fd(descriptor) = owner.source();
            descriptor.wait_readable();
            if owner.handle_commands(&mut self, Now).is_break() {
                break;
            }
            while let Some(event) = self.events.pop_front() {
                owner.handle_event(event);
            }
            owner.settle(&mut self, Now);
            owner.flush();
        }
    }
}
