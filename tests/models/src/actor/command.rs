//! An interpreter of three commands: GET has a reply, PUBLISH causes an event, and $TERM ends the node.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use crate::core::Now;
use crate::engine::{Engine, Node, OwnerEvent};

pub const MAX_FRAMES: usize = 3;

/// A message for the program: the number that its command had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message(pub u8);

impl Message {
    pub fn weight(&self) -> usize {
        1
    }
}

pub enum Outgoing {
    Event(Message),
    Reply(Message),
}

#[derive(Debug, PartialEq, Eq)]
pub enum Command<'a> {
    Get(u8),
    Publish { key: &'a [u8], value: &'a [u8], ttl: u32 },
    Term,
}

impl Command<'_> {
    pub fn has_reply(&self) -> bool {
        matches!(self, Command::Get(_))
    }

    pub fn name(&self) -> &'static str {
        "a command"
    }
}

pub fn parse<'a>(frames: &[&'a [u8]]) -> Result<Command<'a>, ()> {
    match frames {
        [b"GET", number] => Ok(Command::Get(number[0])),
        [b"PUBLISH", key] => Ok(Command::Publish { key, value: b"", ttl: 0 }),
        [b"$TERM"] => Ok(Command::Term),
        _ => Err(()),
    }
}

pub fn is_term(frames: &[&[u8]]) -> bool {
    frames.first() == Some(&&b"$TERM"[..])
}

pub fn is_secret(_: &[&[u8]]) -> bool {
    false
}

pub trait Outbox {
    fn has_room(&self) -> bool;
    fn push(&mut self, outgoing: Outgoing);
}

pub struct Turn<'a> {
    pub engine: &'a mut Engine,
    pub now: Now,
    pub out: &'a mut dyn Outbox,
}

impl Turn<'_> {
    /// Hands over the events that precede a reply.
    fn send_events(&mut self) {
        while let Some(OwnerEvent(message)) = self.engine.events.pop_front() {
            self.out.push(Outgoing::Event(message));
        }
    }
}

pub struct Interpreter;

impl Interpreter {
    pub fn new(_: &Engine) -> Interpreter {
        Interpreter
    }

    pub fn execute(&mut self, frames: &[&[u8]], turn: Turn<'_>) -> ControlFlow<()> {
        self.execute_command(b"", parse(frames).expect("a command that the models know"), turn)
    }

    pub fn execute_command(&mut self, _: &[u8], command: Command<'_>, mut turn: Turn<'_>) -> ControlFlow<()> {
        match command {
            Command::Get(number) => {
                turn.send_events();
                turn.out.push(Outgoing::Reply(Message(number)));
            }
            Command::Publish { key, .. } => turn.engine.events.push_back(OwnerEvent(Message(key[0]))),
            Command::Term => {
                turn.send_events();
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    pub fn outgoing(&self, event: OwnerEvent) -> Option<Outgoing> {
        Some(Outgoing::Event(event.0))
    }

    pub fn poll_timeout(&self) -> Option<u64> {
        None
    }

    pub fn settle(&mut self, _: Turn<'_>) {}

    pub fn handle_timeout(&mut self, _: Turn<'_>) {}
}

/// The calls of other threads.
pub struct NodeCalls<'a>(Turn<'a>);

impl<'a> NodeCalls<'a> {
    pub fn new(_: &'a mut Interpreter, turn: Turn<'a>, _: &'a mut Waits) -> NodeCalls<'a> {
        NodeCalls(turn)
    }

    pub fn send_events(&mut self) {
        self.0.send_events();
    }

    pub fn publish(&mut self, number: u8) {
        self.0.engine.events.push_back(OwnerEvent(Message(number)));
    }
}

/// Nobody waits for a state of the node.
#[derive(Default)]
pub struct Waits(());

impl Waits {
    pub fn is_empty(&self) -> bool {
        true
    }

    pub fn check(&mut self, _: &mut Node, _: Now) -> Vec<Met> {
        Vec::new()
    }

    pub fn poll_timeout(&self) -> Option<u64> {
        None
    }
}

pub struct Met;

impl Met {
    pub fn answer(self) {}
}

/// The messages that wait, each of them for itself.
pub struct Inbox {
    messages: VecDeque<Outgoing>,
    replies: usize,
    max_replies: usize,
}

impl Inbox {
    pub fn new(max_replies: usize) -> Inbox {
        Inbox { messages: VecDeque::new(), replies: 0, max_replies }
    }

    pub fn len(&self) -> usize {
        self.messages.len()
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub fn is_full_of_replies(&self) -> bool {
        self.replies >= self.max_replies
    }

    pub fn push(&mut self, outgoing: Outgoing) -> bool {
        self.replies += usize::from(matches!(outgoing, Outgoing::Reply(_)));
        self.messages.push_back(outgoing);
        true
    }

    pub fn pop(&mut self) -> Option<Message> {
        Some(match self.messages.pop_front()? {
            Outgoing::Event(message) => message,
            Outgoing::Reply(message) => {
                self.replies -= 1;
                message
            }
        })
    }
}
