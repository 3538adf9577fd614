//! The owner at the other end of a CZMQ actor's pipe.
//!
//! The pipe is a PAIR socket with room for a limited number of messages. While there is room, messages go straight into
//! it; without room, they wait in the [`Inbox`]. libzmq counts whole messages: where the first frame of one finds room,
//! its other frames do too. (If the program closes its end in between, they do not. The rest of the message is kept all
//! the same, so that no other message could be taken for its end.)

use std::ops::ControlFlow;

use super::COMMANDS_PER_TURN;
use crate::actor::command::{Inbox, Interpreter, MAX_FRAMES, Message, Outbox, Outgoing, Turn, read_by_czmq};
use crate::actor::host::outlast;
use crate::core::{Now, Tuple};
use crate::engine::raw::{Error, Msg, Poller, Socket};
use crate::engine::{Engine, Owner, OwnerEvent, PollSource};
use crate::log::{Logger, show};
use crate::warning::Kind;

/// Number of different replies that may wait before commands that have one are refused: more than any program leaves
/// unread that reads at all. Waiting until the program reads is no way out here: it may read and write in one thread,
/// and wait for the node in a full pipe.
const MAX_REPLIES: usize = 100_000;

/// An owner at the other end of a pipe.
pub struct PipeOwner {
    /// The frames of the command that was received last.
    frames: [Msg; MAX_FRAMES],
    interpreter: Interpreter,
    outbox: PipeOutbox,
    /// Whether the log says already that excess frames are ignored.
    has_warned_of_excess: bool,
}

/// Waits for room in the pipe before the actor ends. CZMQ tells the program of the end only if there is room for that
/// message at once; a full pipe would leave a program that waits for the end waiting for ever. While it waits, the
/// program reads and drops messages, so the pipe has room again.
///
/// A pipe that was closed under the actor is not given back at all (see [`outlast`]).
impl Drop for PipeOwner {
    fn drop(&mut self) {
        let socket = &self.outbox.socket;
        while let (Ok(events), Ok(fd)) = (socket.events(), socket.fd()) {
            let mut poller = Poller::new();
            poller.add(fd, false);
            if events.writable || poller.wait(None).is_err() {
                break;
            }
        }
        outlast(socket);
    }
}

/// The way to the program.
struct PipeOutbox {
    socket: Socket,
    /// Messages that the pipe had no room for.
    inbox: Inbox,
    /// A message of which only the first frames could be sent, with their number.
    partial: Option<(Message, usize)>,
    logger: Logger,
    /// Whether the log says already that events are dropped.
    overflown: bool,
}

impl PipeOwner {
    /// The owner at the other end of `socket`, of the node that `engine` runs.
    pub fn new(socket: Socket, engine: &Engine) -> PipeOwner {
        PipeOwner {
            frames: std::array::from_fn(|_| Msg::new()),
            interpreter: Interpreter::new(engine),
            outbox: PipeOutbox {
                socket,
                inbox: Inbox::new(MAX_REPLIES),
                partial: None,
                logger: engine.logger().clone(),
                overflown: false,
            },
            has_warned_of_excess: false,
        }
    }

    /// Receives one command, and returns the number of its frames. Frames beyond [`MAX_FRAMES`] are dropped.
    fn receive(&mut self) -> Result<usize, Error> {
        let socket = &self.outbox.socket;
        let mut count = 0;
        loop {
            let place = count.min(MAX_FRAMES - 1);
            if count < MAX_FRAMES {
                socket.try_recv(&mut self.frames[place])?;
                count += 1;
                if !self.frames[place].more() {
                    return Ok(count);
                }
            } else {
                let mut excess = Msg::new();
                socket.try_recv(&mut excess)?;
                if !excess.more() {
                    return Ok(count);
                }
            }
        }
    }
}

impl Owner for PipeOwner {
    fn source(&self) -> PollSource<'_> {
        PollSource::Socket(&self.outbox.socket)
    }

    fn wants_write(&self) -> bool {
        self.outbox.is_waiting()
    }

    fn handle_commands(&mut self, engine: &mut Engine, now: Now) -> ControlFlow<()> {
        for _ in 0..COMMANDS_PER_TURN {
            let count = match self.receive() {
                Ok(count) => count,
                Err(error) if error.is_again() => break,
                // The pipe or its context is closed, because the program has ended.
                Err(_) => return ControlFlow::Break(()),
            };
            let frames = self.frames.each_ref().map(Msg::data);
            let frames = &frames[..count];
            // A program made for CZMQ may send more than CZMQ reads.
            let read = read_by_czmq(frames);
            if read.is_some() && !std::mem::replace(&mut self.has_warned_of_excess, true) {
                let name = show(frames[0]);
                self.outbox
                    .logger
                    .warning(format_args!("{name}: frames behind its arguments are ignored, as by CZMQ"));
            }
            let turn = Turn { engine, now, out: &mut self.outbox };
            self.interpreter.execute(read.unwrap_or(frames), turn)?;
        }
        ControlFlow::Continue(())
    }

    fn handle_event(&mut self, event: OwnerEvent) {
        if let Some(outgoing) = self.interpreter.outgoing(event) {
            self.outbox.push(outgoing);
        }
    }

    fn settle(&mut self, engine: &mut Engine, now: Now) {
        self.interpreter.settle(Turn { engine, now, out: &mut self.outbox });
    }

    fn flush(&mut self) {
        self.outbox.flush();
    }

    fn poll_timeout(&self) -> Option<u64> {
        self.interpreter.poll_timeout()
    }

    fn handle_timeout(&mut self, engine: &mut Engine, now: Now) {
        self.interpreter.handle_timeout(Turn { engine, now, out: &mut self.outbox });
    }
}

impl PipeOutbox {
    /// Returns whether messages wait that come before any other.
    fn is_waiting(&self) -> bool {
        self.partial.is_some() || !self.inbox.is_empty()
    }

    /// Sends the frames of a message from `first` on. Returns how many of the message's frames are sent now.
    fn send_frames(socket: &Socket, message: &Message, first: usize) -> usize {
        let count = message.frame_count();
        for index in first..count {
            if socket.try_send_slice(message.frame(index), index + 1 < count).is_err() {
                return index;
            }
        }
        count
    }

    /// Sends a DELIVER; the rest of one that stops midway is kept. Returns false if nothing was sent. Most messages are of
    /// this kind, and the quicker they are written, the less often the program finds the pipe empty and has to be woken.
    #[inline]
    fn send_deliver(&mut self, tuple: &Tuple) -> bool {
        let frames = [b"DELIVER", tuple.key(), tuple.value()];
        for (index, frame) in frames.into_iter().enumerate() {
            if self.socket.try_send_slice(frame, index < 2).is_err() {
                self.partial = (index > 0).then(|| (Message::Deliver(tuple.clone()), index));
                return index > 0;
            }
        }
        true
    }

    /// Sends a message; the rest of one that stops midway is kept. Returns false if nothing was sent.
    fn send(&mut self, message: &Message) -> bool {
        if let Message::Deliver(tuple) = message {
            return self.send_deliver(tuple);
        }
        match PipeOutbox::send_frames(&self.socket, message, 0) {
            0 => false,
            sent if sent == message.frame_count() => true,
            sent => {
                self.partial = Some((message.clone(), sent));
                true
            }
        }
    }

    /// Sends the messages that wait, as far as there is room.
    fn flush(&mut self) {
        if let Some((message, sent)) = self.partial.take() {
            let sent = PipeOutbox::send_frames(&self.socket, &message, sent);
            if sent < message.frame_count() {
                self.partial = Some((message, sent));
                return;
            }
        }
        while self.partial.is_none()
            && let Some(message) = self.inbox.front()
        {
            match PipeOutbox::send_frames(&self.socket, message, 0) {
                0 => return,
                sent => {
                    let whole = sent == message.frame_count();
                    self.partial = self.inbox.pop().filter(|_| !whole).map(|message| (message, sent));
                }
            }
        }
    }
}

impl Outbox for PipeOutbox {
    fn has_room(&self) -> bool {
        !self.inbox.is_full_of_replies()
    }

    fn push(&mut self, outgoing: Outgoing) {
        if !self.is_waiting() {
            let sent = match &outgoing {
                Outgoing::TupleEvent(message)
                | Outgoing::FirstDeliver(message)
                | Outgoing::Reply(message)
                | Outgoing::Notice(message) => self.send(message),
                Outgoing::Forget(_) => true,
            };
            if sent {
                return;
            }
        }
        if !self.inbox.push(outgoing) && !std::mem::replace(&mut self.overflown, true) {
            self.logger.warn_of(Kind::Unread, &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::owner::tests::{Silent, assert_every_way_out_is_filtered, filter};
    use crate::actor::run_on_pipe;
    use crate::engine::EngineSettings;
    use crate::engine::raw::Context;
    use std::collections::HashSet;
    use std::sync::Arc;
    use std::thread::{self, JoinHandle};

    /// Both ends of a pipe: the program's and the node's.
    fn pipe() -> (Socket, Socket) {
        let endpoint = format!("inproc://pipe-{:x}", fastrand::u64(..));
        let context = Context::global();
        let [near, far] = [(); 2].map(|()| {
            let socket = Socket::new(context, zmq::PAIR).unwrap();
            socket.options().set_linger(0).unwrap();
            socket.options().set_rcvtimeo(5_000).unwrap();
            socket
        });
        near.bind(&endpoint).unwrap();
        far.connect(&endpoint).unwrap();
        (near, far)
    }

    /// A program with a pipe, and a node at its other end.
    struct Program {
        pipe: Socket,
        node: Option<JoinHandle<()>>,
    }

    impl Program {
        fn new() -> Program {
            let (near, far) = pipe();
            let context = Context::global();
            let node = thread::spawn(move || run_on_pipe(far, "pipe", Arc::new(Silent), context));
            Program { pipe: near, node: Some(node) }
        }

        fn send(&self, frames: &[&[u8]]) {
            for (index, frame) in frames.iter().enumerate() {
                self.pipe.send(&mut Msg::from_slice(frame).unwrap(), index + 1 < frames.len()).unwrap();
            }
        }

        fn recv(&self) -> Vec<String> {
            let mut frames = Vec::new();
            loop {
                let mut msg = Msg::new();
                self.pipe.recv(&mut msg).unwrap();
                frames.push(String::from_utf8_lossy(msg.data()).into_owned());
                if !msg.more() {
                    return frames;
                }
            }
        }
    }

    impl Drop for Program {
        fn drop(&mut self) {
            self.send(&[b"$TERM"]);
            let node = self.node.take().unwrap();
            // `zactor_destroy` waits for the end like this.
            while !node.is_finished() {
                while self.pipe.try_recv(&mut Msg::new()).is_ok() {}
                thread::yield_now();
            }
            let ended = node.join();
            assert!(ended.is_ok() || thread::panicking());
        }
    }

    #[test]
    fn commands_and_messages_pass() {
        let program = Program::new();
        program.send(&[b"PUBLISH", b"a", b"\xff\xfe"]);
        program.send(&[b"NONSENSE", b"with", b"more", b"frames", b"than", b"any", b"command"]);
        program.send(&[b"STATUS", b"x", b"y", b"z", b"and", b"more"]);
        program.send(&[b"GET", b"a", b"x"]);
        program.send(&[b"PUBLISH", b"b", b"1", b"0", b"x", b"y"]);
        program.send(&[b"STATUS"]);
        assert_eq!(program.recv(), ["DELIVER", "a", "\u{fffd}\u{fffd}"]);
        assert_eq!(program.recv(), ["STATUS", "1"], "as from CZMQ");
        assert_eq!(program.recv(), ["DELIVER", "b", "1"], "CZMQ has no GET, which is refused");
        assert_eq!(program.recv(), ["STATUS", "2"]);
    }

    /// More messages than the pipe has room for, not read before all commands are given.
    #[test]
    fn unread_messages_wait_whole_and_in_order() {
        const KEYS: usize = 6_000;
        let program = Program::new();
        for round in 0..3 {
            for key in 0..KEYS {
                program.send(&[b"PUBLISH", format!("{key}").as_bytes(), format!("{round}").as_bytes()]);
            }
        }
        program.send(&[b"STATUS"]);
        let mut last = vec![String::new(); KEYS];
        let mut delivers = 0;
        loop {
            let frames = program.recv();
            if frames[0] == "STATUS" {
                assert_eq!(frames, ["STATUS", &KEYS.to_string()]);
                break;
            }
            assert_eq!((frames.len(), frames[0].as_str()), (3, "DELIVER"));
            last[frames[1].parse::<usize>().unwrap()].clone_from(&frames[2]);
            delivers += 1;
        }
        assert!(last.iter().all(|value| value == "2"));
        assert!((KEYS..3 * KEYS).contains(&delivers), "{delivers} deliveries of {KEYS} keys");
    }

    #[test]
    fn a_program_that_never_reads_blocks_nobody() {
        let program = Program::new();
        for number in 0..20_000u32 {
            program.send(&[b"STATUS"]);
            program.send(&[b"PUBLISH", b"k", number.to_string().as_bytes()]);
        }
        program.send(&[b"GET", b"k"]);
        let mut kinds = HashSet::new();
        loop {
            let frames = program.recv();
            if frames[0] == "VALUE" {
                assert_eq!(frames, ["VALUE", "k", "19999"]);
                break;
            }
            kinds.insert(frames[0].clone());
        }
        assert_eq!(kinds, HashSet::from(["DELIVER".to_owned(), "STATUS".to_owned()]));
    }

    #[test]
    fn no_event_goes_around_the_interpreter() {
        let (near, far) = pipe();
        let logger = Logger::new("pipe", Arc::new(Silent));
        let mut engine = Engine::new(Context::global(), logger, EngineSettings::default());
        let mut owner = PipeOwner::new(far, &engine);
        owner.interpreter.filter = Some(filter);
        let send = |frames: &[&[u8]]| {
            for (index, frame) in frames.iter().enumerate() {
                near.try_send_slice(frame, index + 1 < frames.len()).unwrap();
            }
        };
        send(&[b"SET", b"server/events", b"1"]);
        let recv = || {
            let mut messages = Vec::new();
            let mut frames = Vec::new();
            let mut frame = Msg::new();
            while near.try_recv(&mut frame).is_ok() {
                frames.push(frame.data().to_vec());
                if !frame.more() {
                    messages.push(std::mem::take(&mut frames));
                }
            }
            messages
        };
        assert_every_way_out_is_filtered(&mut owner, &mut engine, send, recv);
    }
}
