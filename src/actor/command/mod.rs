//! The command language: what a program can tell a node, and what the node does about it.
//!
//! | file | concern |
//! | --- | --- |
//! | `language` | frames that make a command, or why they do not |
//! | `interpreter` | what a command does, given as frames or as a typed call |
//! | `config` | what the items of a configuration mean |
//! | `names` | which names of a configuration mean something |
//! | `message`, `inbox` | messages to the owner, and how they wait |
//! | `waits` | conditions that threads of the program wait for |

mod config;
mod inbox;
mod interpreter;
mod language;
mod message;
mod names;
mod waits;

pub use inbox::{Inbox, Outgoing};
pub use interpreter::{Desk, Interpreter, Outbox};
pub use language::{Command, MAX_FRAMES, is_secret, is_term};
pub use message::Message;
pub use waits::{Condition, Met, Waits};
