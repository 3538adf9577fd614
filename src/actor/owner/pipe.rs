//! The owner at the other end of a CZMQ actor's pipe.
//!
//! The pipe is a PAIR socket with room for a limited number of messages. While there is room, a message goes
//! straight into it and nothing else is touched; when there is none, messages wait in the [`Inbox`]. libzmq counts
//! whole messages: where the first frame of one finds room, the others do too. (If the other end is closed in
//! between, they do not, and then nobody will miss them; they are kept all the same, so that no message that
//! follows could be taken for their end.)

use std::ops::ControlFlow;

use crate::actor::command::{Inbox, Interpreter, MAX_FRAMES, Message, Outbox, Outgoing};
use crate::core::{Now, Tuple};
use crate::engine::raw::{Error, Msg, Poller, Socket};
use crate::engine::{Engine, Owner, OwnerEvent, PollSource};
use crate::log::Logger;

/// How many commands are carried out before the network gets its turn.
const BATCH: usize = 1_000;

/// How many different replies may wait. A program that uses a pipe reads and writes it in one thread: to wait here
/// until it has read would be to wait for ever while it waits for us. So beyond this, which no program reaches that
/// reads at all, its questions are refused.
const MAX_REPLIES: usize = 100_000;

/// An owner who talks over a pipe.
pub struct PipeOwner {
    frames: [Msg; MAX_FRAMES],
    interpreter: Interpreter,
    outlet: Outlet,
}

/// The last that the program is to hear is that its actor has ended, and CZMQ says so only if there is room for it in
/// the pipe at once: a full pipe would leave the program waiting for it for ever. It is full where the program did not
/// read, and has room again as soon as it waits for the end, for then it reads and drops what comes.
impl Drop for PipeOwner {
    fn drop(&mut self) {
        let socket = &self.outlet.socket;
        while let (Ok(events), Ok(fd)) = (socket.events(), socket.fd()) {
            let mut poller = Poller::new();
            poller.add(fd, false);
            if events.writable || poller.wait(None).is_err() {
                break;
            }
        }
    }
}

/// The way out.
struct Outlet {
    socket: Socket,
    inbox: Inbox,
    /// A message of which so many frames are sent.
    begun: Option<(Message, usize)>,
    logger: Logger,
    overflown: bool,
}

impl PipeOwner {
    /// The owner at the other end of `socket`, for a node that `engine` will run.
    pub fn new(socket: Socket, engine: &Engine) -> PipeOwner {
        PipeOwner {
            frames: std::array::from_fn(|_| Msg::new()),
            interpreter: Interpreter::new(engine),
            outlet: Outlet {
                socket,
                inbox: Inbox::new(MAX_REPLIES),
                begun: None,
                logger: engine.logger().clone(),
                overflown: false,
            },
        }
    }

    /// Receive one command into `frames`; says how many frames it has there. What exceeds them is dropped.
    fn receive(&mut self) -> Result<usize, Error> {
        let socket = &self.outlet.socket;
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
        PollSource::Socket(&self.outlet.socket)
    }

    fn wants_write(&self) -> bool {
        self.outlet.is_waiting()
    }

    fn handle_commands(&mut self, engine: &mut Engine, now: Now) -> ControlFlow<()> {
        for _ in 0..BATCH {
            let count = match self.receive() {
                Ok(count) => count,
                Err(error) if error.is_again() => break,
                // The pipe, or its context, is gone: so is the program.
                Err(_) => return ControlFlow::Break(()),
            };
            let frames = self.frames.each_ref().map(Msg::data);
            self.interpreter.execute(&frames[..count], engine, now, &mut self.outlet)?;
        }
        ControlFlow::Continue(())
    }

    fn handle_event(&mut self, event: OwnerEvent) {
        if let OwnerEvent::Deliver(tuple) | OwnerEvent::First(tuple) = &event
            && self.outlet.deliver(tuple)
        {
            return;
        }
        if let Some(outgoing) = self.interpreter.outgoing(event) {
            self.outlet.push(outgoing);
        }
    }

    fn flush(&mut self) {
        self.outlet.flush();
    }

    fn poll_timeout(&self) -> Option<u64> {
        self.interpreter.poll_timeout()
    }

    fn handle_timeout(&mut self, engine: &mut Engine, now: Now) {
        self.interpreter.handle_timeout(engine, now, &mut self.outlet);
    }
}

impl Outlet {
    fn is_waiting(&self) -> bool {
        self.begun.is_some() || !self.inbox.is_empty()
    }

    /// Send a message's frames from `first` on. Says how many frames are sent.
    fn send(socket: &Socket, message: &Message, first: usize) -> usize {
        let count = message.len();
        for index in first..count {
            if socket.try_send_slice(message.frame(index), index + 1 < count).is_err() {
                return index;
            }
        }
        count
    }

    /// Send a DELIVER, if none waits that must come before; false if nothing was sent. Most messages are of this
    /// kind, and the quicker they are written, the less often the program finds the pipe empty and has to be woken.
    #[inline]
    fn deliver(&mut self, tuple: &Tuple) -> bool {
        if self.is_waiting() {
            return false;
        }
        let frames = [b"DELIVER", tuple.key(), tuple.value()];
        for (index, frame) in frames.into_iter().enumerate() {
            if self.socket.try_send_slice(frame, index < 2).is_err() {
                self.begun = (index > 0).then(|| (Message::Deliver(tuple.clone()), index));
                return index > 0;
            }
        }
        true
    }

    /// Send the whole message or note where it stopped; false if not even its beginning was sent.
    fn begin(&mut self, message: &Message) -> bool {
        match Outlet::send(&self.socket, message, 0) {
            0 => false,
            sent if sent == message.len() => true,
            sent => {
                self.begun = Some((message.clone(), sent));
                true
            }
        }
    }

    fn flush(&mut self) {
        if let Some((message, sent)) = self.begun.take() {
            let sent = Outlet::send(&self.socket, &message, sent);
            if sent < message.len() {
                self.begun = Some((message, sent));
                return;
            }
        }
        while self.begun.is_none()
            && let Some(message) = self.inbox.front()
        {
            match Outlet::send(&self.socket, message, 0) {
                0 => return,
                sent => {
                    let whole = sent == message.len();
                    self.begun = self.inbox.pop().filter(|_| !whole).map(|message| (message, sent));
                }
            }
        }
    }
}

impl Outbox for Outlet {
    fn has_room(&self) -> bool {
        !self.inbox.is_full_of_replies()
    }

    fn push(&mut self, outgoing: Outgoing) {
        if !self.is_waiting() {
            let sent = match &outgoing {
                Outgoing::News(message)
                | Outgoing::First(message)
                | Outgoing::Reply(message)
                | Outgoing::Notice(message) => self.begin(message),
                Outgoing::Forget(_) => true,
            };
            if sent {
                return;
            }
        }
        if !self.inbox.push(outgoing) && !std::mem::replace(&mut self.overflown, true) {
            self.logger.warning("the owner does not read what it asked to be told; events are dropped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::run_on_pipe;
    use crate::engine::raw::Context;
    use crate::log::{Level, Sink};
    use std::collections::HashSet;
    use std::sync::Arc;
    use std::thread::{self, JoinHandle};

    struct Silent;

    impl Sink for Silent {
        fn write(&self, _: Level, _: &str) {}
    }

    /// A program with a pipe, and a node at its other end.
    struct Program {
        pipe: Socket,
        node: Option<JoinHandle<()>>,
    }

    impl Program {
        fn new() -> Program {
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
            let node = thread::spawn(move || run_on_pipe(far, "pipe", Arc::new(Silent), context));
            Program { pipe: near, node: Some(node) }
        }

        fn tell(&self, frames: &[&[u8]]) {
            for (index, frame) in frames.iter().enumerate() {
                self.pipe.send(&mut Msg::from_slice(frame).unwrap(), index + 1 < frames.len()).unwrap();
            }
        }

        fn hear(&self) -> Vec<String> {
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
            self.tell(&[b"$TERM"]);
            let node = self.node.take().unwrap();
            // As `zactor_destroy` does, which waits for the end
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
        program.tell(&[b"PUBLISH", b"a", b"\xff\xfe"]);
        program.tell(&[b"NONSENSE", b"with", b"more", b"frames", b"than", b"any", b"command"]);
        program.tell(&[b"STATUS"]);
        assert_eq!(program.hear(), ["DELIVER", "a", "\u{fffd}\u{fffd}"]);
        assert_eq!(program.hear(), ["STATUS", "1"]);
    }

    /// More messages than the pipe has room for, not read before all commands are given.
    #[test]
    fn unread_messages_wait_whole_and_in_order() {
        const KEYS: usize = 6_000;
        let program = Program::new();
        for round in 0..3 {
            for key in 0..KEYS {
                program.tell(&[b"PUBLISH", format!("{key}").as_bytes(), format!("{round}").as_bytes()]);
            }
        }
        program.tell(&[b"STATUS"]);
        let mut last = vec![String::new(); KEYS];
        let mut delivers = 0;
        loop {
            let frames = program.hear();
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
            program.tell(&[b"STATUS"]);
            program.tell(&[b"PUBLISH", b"k", number.to_string().as_bytes()]);
        }
        program.tell(&[b"GET", b"k"]);
        let mut kinds = HashSet::new();
        loop {
            let frames = program.hear();
            if frames[0] == "VALUE" {
                assert_eq!(frames, ["VALUE", "k", "19999"]);
                break;
            }
            kinds.insert(frames[0].clone());
        }
        assert_eq!(kinds, HashSet::from(["DELIVER".to_owned(), "STATUS".to_owned()]));
    }
}
