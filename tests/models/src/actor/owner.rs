//! The library's files of the same names, except `limits` and `thread_mark`, and the models of them.

#[path = "../../../../src/actor/owner/batch.rs"]
mod batch;
#[path = "../../../../src/actor/owner/command_queue.rs"]
mod command_queue;
mod limits;
#[path = "../../../../src/actor/owner/message_queue.rs"]
mod message_queue;
pub mod promises;
#[path = "../../../../src/actor/owner/queue.rs"]
mod queue;
pub mod queues;
#[path = "../../../../src/actor/owner/request.rs"]
mod request;
// rustfmt would look for its tests beside it.
#[rustfmt::skip]
#[path = "../../../../src/actor/owner/router.rs"]
mod router;
pub(crate) mod running;
mod thread_mark;
#[path = "../../../../src/actor/owner/timeout.rs"]
mod timeout;

/// A turn of the engine follows each command.
const COMMANDS_PER_TURN: usize = 1;
