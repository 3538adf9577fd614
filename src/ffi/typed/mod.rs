//! Typed calls: what the commands do, with arguments and results that C knows.
//!
//! Each turns its arguments into bytes, lets the node's thread do the work (see `actor::owner`), and turns the answer
//! back.
//!
//! | file | what the calls are about |
//! | --- | --- |
//! | `context` | nodes in the program's own context |
//! | `network` | bind, connect, keys |
//! | `tuples` | publish, get, walk |
//! | `waiting` | wait, flush |
//! | `settings` | configuration, counters |
//! | `journal` | the log |
//! | `event` | messages as structures |

mod arguments;
mod context;
mod event;
mod journal;
mod network;
mod settings;
mod tuples;
mod waiting;
