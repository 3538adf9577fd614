//! A node for programs without CZMQ: string frames in, string frames out, from any thread.
//!
//! The program holds a [`Handle`]; the node runs on a thread of its own. Between them is a `router`.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::batch::Batch;
use super::request::{Job, question};
use super::router::{Channel, Taken};
use crate::actor::command::{Condition, Desk, Interpreter, Message, Met, Outbox, Outgoing, Waits, parse};
use crate::actor::error::CallError;
use crate::actor::local_logger;
use crate::actor::promise::promise;
use crate::core::Now;
use crate::engine::{Engine, EngineSettings, Owner, OwnerEvent, PollSource, raw};
use crate::log::{Logger, Sink};

/// How many commands are carried out before the network gets its turn.
const BATCH: usize = 1_000;

/// How long a question may at least take to be answered: who wants to send without waiting may still ask.
const ANSWER: Duration = Duration::from_secs(1);

/// Messages are handed over at the latest when they weigh so much.
const HEAVY: usize = 1 << 20;

/// A node, as a program holds it. Any thread may call any of it at any time.
pub struct Handle {
    channel: Arc<Channel>,
    thread: Mutex<Option<JoinHandle<()>>>,
    context: raw::Context,
    /// The process that it was made in: see [`is_orphan`](Handle::is_orphan).
    generation: u32,
}

impl Handle {
    /// Start a node in `context`, with this log prefix.
    pub fn new(prefix: &str, sink: Arc<dyn Sink>, context: raw::Context) -> io::Result<Handle> {
        let channel = Arc::new(Channel::new()?);
        let logger = local_logger(prefix, sink);
        let node = {
            let channel = Arc::clone(&channel);
            move || {
                channel.settle_in();
                let run = || run(&channel, context, &logger);
                if catch_unwind(AssertUnwindSafe(run)).is_err() {
                    logger.error(format_args!("{}: the node failed and has ended", logger.prefix()));
                }
                channel.end();
            }
        };
        let thread = raw::with_signals_blocked(|| {
            // Signals are the program's: the node's thread takes none.
            thread::Builder::new().name("zgossip".to_owned()).spawn(node)
        })?;
        Ok(Handle { channel, thread: Mutex::new(Some(thread)), context, generation: raw::generation() })
    }

    /// Give a command. Waits while 10 000 commands wait to be carried out.
    pub fn send(&self, frames: &[&[u8]]) -> Result<(), CallError> {
        self.channel.send(frames)
    }

    /// Take the next message. Waits for one.
    pub fn recv(&self) -> Result<Message, CallError> {
        self.channel.recv()
    }

    /// Take the next message, if one comes within this time.
    pub fn recv_within(&self, timeout: Duration) -> Result<Message, CallError> {
        self.channel.recv_by(|| Instant::now().checked_add(timeout))
    }

    /// Let the node's thread run `ask`, after the commands that wait, and return what it does. Waits as long as
    /// [`send`](Handle::send), but a second at least; if that is too short, nothing was done.
    pub fn ask<T, F>(&self, ask: F) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Desk<'_>) -> T + Send + 'static,
    {
        let deadline = self.channel.send_patience.deadline_after(ANSWER);
        let (question, answer) = question(ask);
        self.channel.ask(question, deadline)?;
        answer.wait(deadline, false)
    }

    /// As [`wait`](Handle::wait), without words for a wait in vain.
    pub(super) fn wait_for(
        &self,
        condition: Condition,
        timeout: Option<Duration>,
    ) -> Result<usize, CallError> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        // Without any time the node is to look once all the same.
        let at_once = timeout.is_some_and(|timeout| timeout.is_zero());
        let first = if at_once { self.channel.send_patience.deadline_after(ANSWER) } else { deadline };
        let (promise, met) = promise();
        let (question, answer) = question(move |desk| desk.wait(condition, promise));
        self.channel.ask(question, first)?;
        match answer.wait(first, false)? {
            Some(number) => Ok(number),
            None => met.wait(deadline, true),
        }
    }

    /// The longest value that the node takes.
    pub fn max_value(&self) -> usize {
        self.channel.max_value.load(Ordering::Relaxed)
    }

    /// Whether the calling thread is the node's: it must not wait for the node.
    pub fn is_own_thread(&self) -> bool {
        self.channel.is_own_thread()
    }

    /// Where the node's sockets are made.
    pub fn context(&self) -> raw::Context {
        self.context
    }

    /// A descriptor that is readable exactly while a message waits, until the handle is dropped. Only to be polled.
    pub fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        self.channel.fd()
    }

    /// How long [`send`](Handle::send) waits; for ever unless set.
    pub fn set_send_timeout(&self, timeout: Option<Duration>) {
        self.channel.send_patience.set(timeout);
    }

    /// How long [`recv`](Handle::recv) waits; for ever unless set.
    pub fn set_recv_timeout(&self, timeout: Option<Duration>) {
        self.channel.recv_patience.set(timeout);
    }

    /// Whether this process was forked from the one that made the node, and so lacks its thread. Nothing else may be
    /// asked of the node then: nobody would ever answer.
    pub fn is_orphan(&self) -> bool {
        self.generation != raw::generation()
    }

    /// End the node. Whoever waits returns; the commands that were given before are carried out; when this returns
    /// the node's thread has ended. A second call does nothing. In the node's own thread, which cannot wait for itself,
    /// the node ends later; in a process that was forked from its own, nothing is done.
    pub fn close(&self) {
        if self.is_orphan() {
            return;
        }
        self.channel.close();
        if self.is_own_thread() {
            return;
        }
        // The lock is held while the thread is waited for: whoever closes at the same time waits too.
        let mut thread = self.thread.lock();
        if let Some(thread) = thread.take() {
            // It catches its own panics.
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

fn run(channel: &Channel, context: raw::Context, logger: &Logger) {
    let engine = Engine::new(context, logger.clone(), EngineSettings::default());
    let mut owner = QueueOwner {
        interpreter: Interpreter::new(&engine),
        commands: Batch::default(),
        waits: Waits::default(),
        outlet: Outlet {
            channel,
            messages: Vec::new(),
            weight: 0,
            full: false,
            ending: false,
            logger: logger.clone(),
            overflown: false,
        },
    };
    engine.run(&mut owner);
    owner.outlet.flush();
}

/// The owner at the other end of a channel.
struct QueueOwner<'a> {
    interpreter: Interpreter,
    /// Taken, and not yet carried out.
    commands: Batch,
    waits: Waits,
    outlet: Outlet<'a>,
}

/// The way out: messages are collected, and handed over by the turn of the engine's loop.
struct Outlet<'a> {
    channel: &'a Channel,
    messages: Vec<Outgoing>,
    /// What the collected replies weigh.
    weight: usize,
    /// There was no room for a further reply when messages were handed over last.
    full: bool,
    /// `$TERM` is among the commands: nobody will read replies any more.
    ending: bool,
    logger: Logger,
    overflown: bool,
}

impl QueueOwner<'_> {
    /// Whether the next command has to wait until the program has read some replies.
    fn is_stalled(&mut self, frames: &[&[u8]]) -> bool {
        let outlet = &mut self.outlet;
        if outlet.weight > HEAVY {
            outlet.flush();
        }
        if !outlet.full || outlet.ending || !parse(frames).is_ok_and(|command| command.has_reply()) {
            return false;
        }
        outlet.flush();
        if !outlet.channel.stall() {
            outlet.full = false;
            outlet.ending = outlet.channel.is_ending();
            return false;
        }
        true
    }
}

impl QueueOwner<'_> {
    /// Answer a question, behind all the news that preceded the answer.
    fn answer(&mut self, mut question: Box<dyn Job>, engine: &mut Engine, now: Now) {
        let QueueOwner { interpreter, outlet, waits, .. } = self;
        let mut desk = Desk::new(interpreter, engine, now, outlet, waits);
        question.run(&mut desk);
        desk.tell_news();
        self.outlet.show_limits(engine);
        self.outlet.flush();
        question.answer();
    }
}

impl Owner for QueueOwner<'_> {
    fn source(&self) -> PollSource<'_> {
        PollSource::Fd(self.outlet.channel.wake_fd().as_raw_fd())
    }

    fn wants_write(&self) -> bool {
        false
    }

    fn handle_commands(&mut self, engine: &mut Engine, now: Now) -> ControlFlow<()> {
        let mut commands = std::mem::take(&mut self.commands);
        for _ in 0..BATCH {
            if commands.is_empty() && self.outlet.channel.take(&mut commands) == Taken::None {
                break;
            }
            if let Some(question) = commands.take_question() {
                self.answer(question, engine, now);
                continue;
            }
            let Some((frames, count)) = commands.peek() else { break };
            let frames = &frames[..count];
            if self.is_stalled(frames) {
                break;
            }
            self.interpreter.execute(frames, engine, now, &mut self.outlet)?;
            commands.skip();
        }
        self.commands = commands;
        ControlFlow::Continue(())
    }

    fn handle_event(&mut self, event: OwnerEvent) {
        if let Some(outgoing) = self.interpreter.outgoing(event) {
            self.outlet.push(outgoing);
        }
    }

    fn settle(&mut self, engine: &mut Engine, now: Now) {
        self.outlet.show_limits(engine);
        if self.waits.is_empty() {
            return;
        }
        let met = self.waits.look(engine.node(), now);
        if !met.is_empty() {
            // Whoever waited finds what led to it.
            self.outlet.flush();
            met.into_iter().for_each(Met::tell);
        }
    }

    fn flush(&mut self) {
        self.outlet.flush();
    }

    fn poll_timeout(&self) -> Option<u64> {
        [self.interpreter.poll_timeout(), self.waits.poll_timeout()].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, engine: &mut Engine, now: Now) {
        self.interpreter.handle_timeout(engine, now, &mut self.outlet);
    }
}

impl Outlet<'_> {
    /// Let the program know what it need not try.
    fn show_limits(&self, engine: &mut Engine) {
        self.channel.max_value.store(engine.node().settings().max_value, Ordering::Relaxed);
    }

    fn flush(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        self.weight = 0;
        let (full, dropped) = self.channel.deliver(&mut self.messages);
        self.full = full;
        if dropped > 0 && !std::mem::replace(&mut self.overflown, true) {
            self.logger.warning("the owner does not read what it asked to be told; events are dropped");
        }
    }
}

impl Outbox for Outlet<'_> {
    fn has_room(&self) -> bool {
        // Who asks too much was made to wait before; what is asked before a `$TERM` is not answered any more.
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
    use crate::log::Level;

    struct Silent;

    impl Sink for Silent {
        fn write(&self, _: Level, _: &str) {}
    }

    fn node() -> Handle {
        let handle = Handle::new("queue", Arc::new(Silent), raw::Context::global()).unwrap();
        handle.set_recv_timeout(Some(Duration::from_secs(5)));
        handle
    }

    fn tell(node: &Handle, command: &[&str]) {
        let frames: Vec<&[u8]> = command.iter().map(|frame| frame.as_bytes()).collect();
        node.send(&frames).unwrap();
    }

    fn hear(node: &Handle) -> Vec<String> {
        let message = node.recv().unwrap();
        message.frames().map(|frame| String::from_utf8_lossy(frame).into_owned()).collect()
    }

    #[test]
    fn commands_and_messages_pass() {
        let node = node();
        tell(&node, &["PUBLISH", "a", "1"]);
        tell(&node, &["GET", "a"]);
        assert_eq!(hear(&node), ["DELIVER", "a", "1"]);
        assert_eq!(hear(&node), ["VALUE", "a", "1"]);
    }

    #[test]
    fn only_the_newest_value_of_a_key_waits() {
        let node = node();
        for value in 0..1_000 {
            tell(&node, &["PUBLISH", "a", &value.to_string()]);
        }
        tell(&node, &["PUBLISH", "b", ""]);
        tell(&node, &["STATUS"]);
        // Each number of waiting messages is reached only once the others have come: two news and one reply.
        while node.channel.waiting() < 3 {
            thread::yield_now();
        }
        assert_eq!(hear(&node), ["DELIVER", "a", "999"]);
        assert_eq!(hear(&node), ["DELIVER", "b", ""]);
        assert_eq!(hear(&node), ["STATUS", "2"]);
    }

    #[test]
    fn more_questions_than_may_wait_are_answered_as_replies_are_read() {
        const QUESTIONS: usize = 50_000;
        let node = node();
        thread::scope(|scope| {
            scope.spawn(|| (0..QUESTIONS).for_each(|number| tell(&node, &["GET", &number.to_string()])));
            for number in 0..QUESTIONS {
                assert_eq!(hear(&node), ["VALUE", &number.to_string()]);
            }
        });
    }

    #[test]
    fn a_node_with_unread_replies_ends_at_once() {
        let node = node();
        node.set_send_timeout(Some(Duration::from_millis(200)));
        let given = (0..).take_while(|key| node.send(&[b"GET", format!("{key}").as_bytes()]).is_ok()).count();
        assert!((20_000..50_000).contains(&given), "{given} commands");
        assert!(node.channel.waiting() >= 10_000);
        let begin = Instant::now();
        node.close();
        assert!(begin.elapsed() < Duration::from_millis(100), "{:?}", begin.elapsed());
        assert_eq!(node.recv(), Err(CallError::Closed));
    }

    #[test]
    fn a_node_that_was_told_to_end_says_so() {
        let node = node();
        tell(&node, &["PUBLISH", "a", "1"]);
        tell(&node, &["$TERM"]);
        assert_eq!(hear(&node), ["DELIVER", "a", "1"]);
        assert_eq!(node.recv(), Err(CallError::Closed));
        assert_eq!(node.send(&[b"STATUS"]), Err(CallError::Closed));
        node.close();
        node.close();
    }

    #[test]
    fn closing_returns_soon_and_carries_out_what_was_given() {
        let directory = std::env::temp_dir();
        let file = directory.join(format!("zgossip-queue-{:x}", fastrand::u64(..)));
        let node = node();
        for number in 0..5_000 {
            tell(&node, &["PUBLISH", &number.to_string(), "value"]);
        }
        tell(&node, &["SAVE", file.to_str().unwrap()]);
        let begin = Instant::now();
        drop(node);
        assert!(begin.elapsed() < Duration::from_millis(500), "{:?}", begin.elapsed());
        std::fs::remove_file(file).unwrap();
    }
}
