//! The two ways between a node and its owner: the pipe of a CZMQ actor, and a [`Handle`] for any thread.
//!
//! | file | concern |
//! | --- | --- |
//! | `pipe` | the owner at the other end of a CZMQ pipe |
//! | `handle` | a node as a program without CZMQ holds it |
//! | `queue` | the node's side of a handle |
//! | `router` | commands from the program's threads to the node's, messages back |
//! | `command_queue`, `message_queue` | the router's two queues |
//! | `batch` | commands one behind the other in one buffer |
//! | `calls` | typed calls, for C and for Rust |
//! | `watcher` | a part of the program that watches keys, with a queue of its own |
//! | `request` | typed calls as entries of the same queue |
//! | `limits` | how much may wait in them |
//! | `timeout`, `thread_mark` | time-outs of calls, a name for a thread |

mod batch;
mod calls;
mod command_queue;
mod handle;
mod limits;
mod message_queue;
mod pipe;
mod queue;
mod request;
mod router;
mod thread_mark;
mod timeout;
mod watcher;

pub use handle::Handle;
pub use pipe::PipeOwner;
pub use watcher::Watcher;

/// Number of commands that are carried out before the network gets its turn: about a millisecond's work.
const COMMANDS_PER_TURN: usize = 1_000;

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use crate::core::{Now, Tuple};
    use crate::engine::{Engine, Owner, OwnerEvent};
    use crate::log::{Level, Sink};

    /// A log without a reader.
    pub struct Silent;

    impl Sink for Silent {
        fn write(&self, _: Level, _: &str) {}
    }

    /// A filter on the interpreter's way out: hides events about what begins with "hidden".
    pub fn filter(event: &OwnerEvent) -> bool {
        !match event {
            OwnerEvent::Deliver(tuple)
            | OwnerEvent::First(tuple)
            | OwnerEvent::Retract(tuple)
            | OwnerEvent::Expire(tuple) => tuple.key().starts_with(b"hidden"),
            OwnerEvent::Changed(change) => change.tuple.key().starts_with(b"hidden"),
            OwnerEvent::Join(endpoint, _)
            | OwnerEvent::Leave(endpoint, _)
            | OwnerEvent::Unreachable(endpoint, _) => endpoint.starts_with("hidden"),
            OwnerEvent::Refused(command, _) => command.starts_with(b"hidden"),
            OwnerEvent::Member(member) => member.name.starts_with(b"hidden"),
            OwnerEvent::Synced(prefix) => prefix.starts_with(b"hidden"),
            OwnerEvent::Stored => false,
        }
    }

    /// Fails if an event reaches the program by a way that [`filter`] is not on. `owner` has that filter, `send` gives it
    /// a command, and `recv` returns the messages that the program has got.
    pub fn assert_every_way_out_is_filtered(
        owner: &mut impl Owner,
        engine: &mut Engine,
        send: impl Fn(&[&[u8]]),
        recv: impl Fn() -> Vec<Vec<Vec<u8>>>,
    ) {
        let now = Now { mono: 1, wall: 1_800_000_000_000 };
        // Events that precede a reply.
        for key in [&b"hidden 1"[..], b"shown 1"] {
            send(&[b"PUBLISH", key, b""]);
        }
        // Refused commands.
        send(&[b"hidden command"]);
        send(&[b"shown command"]);
        send(&[b"STATUS"]);
        assert_eq!(owner.handle_commands(engine, now), ControlFlow::Continue(()));
        // Events that the engine hands over, of each kind.
        for name in ["hidden 2", "shown 2"] {
            let tuple = |kind: &str| Tuple::new(format!("{name} {kind}").as_bytes(), b"");
            owner.handle_event(OwnerEvent::Deliver(tuple("deliver")));
            owner.handle_event(OwnerEvent::First(tuple("first")));
            owner.handle_event(OwnerEvent::Retract(tuple("retract")));
            owner.handle_event(OwnerEvent::Expire(tuple("expire")));
            owner.handle_event(OwnerEvent::Join(name.to_owned(), None));
            owner.handle_event(OwnerEvent::Leave(name.to_owned(), None));
            owner.handle_event(OwnerEvent::Unreachable(name.to_owned(), String::new()));
            owner.handle_event(OwnerEvent::Refused(name.as_bytes().to_vec(), String::new()));
            owner.handle_event(OwnerEvent::Synced(name.as_bytes().into()));
        }
        owner.flush();
        let messages = recv();
        assert_eq!(messages.len(), 3 + 9, "{messages:?}");
        for message in messages {
            assert!(message[0] == b"STATUS" || message[1].starts_with(b"shown"), "{message:?}");
        }
    }
}
