//! The command language: the commands of a program, and what the node does for them.
//!
//! | file | concern |
//! | --- | --- |
//! | `parser`, `commands` | which lists of frames are commands, and the commands as values |
//! | `interpreter` | what a command does, given as frames or as a typed call |
//! | `configuration` | the keys of a configuration, and the values of its `server` section |
//! | `services`, `security`, `rights` | what its `zgossip` section asks for |
//! | `omissions` | what a file must not leave out when it is loaded again |
//! | `check`, `unknown_keys` | what is wrong with a configuration; items that have no meaning |
//! | `events` | the kinds of events |
//! | `message`, `outgoing`, `inbox` | messages to the owner, their way out, and how they wait |
//! | `changed` | events about keys that tell what changed |
//! | `waits` | conditions that threads of the program wait for |
//! | `watches` | which keys the owner watches, and whether it is owed SYNCED |
//! | `listeners` | parts of the program that watch keys for themselves |

mod changed;
mod check;
mod commands;
mod configuration;
mod events;
mod inbox;
mod interpreter;
mod listeners;
mod message;
mod omissions;
mod outgoing;
mod parser;
mod rights;
mod security;
mod services;
mod unknown_keys;
mod waits;
mod watches;

pub use changed::Changed;
pub use check::check_file;
pub use commands::Command;
#[cfg(feature = "internals")]
pub use configuration::{CONFIGURATION, Key};
pub use events::EVENTS;
#[cfg(feature = "internals")]
pub use events::Event;
pub use inbox::Inbox;
pub use interpreter::{Interpreter, NodeCalls, Outbox, Turn};
pub use listeners::Listener;
pub use message::Message;
pub use outgoing::Outgoing;

#[cfg(feature = "internals")]
pub use parser::{COMMANDS, Syntax};
pub use parser::{MAX_FRAMES, is_secret, is_term, malformed, parse, read_by_czmq};
pub use waits::{Condition, Met, Waits};
