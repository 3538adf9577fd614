//! Support for programs of CZMQ: with a CZMQ in the process, or with our own `czmq.h` in its place.
//!
//! Our `czmq.h` consists of static functions, which each translation unit compiles for itself. What the units share is
//! here: the context of the process, its settings, log and signals, and the reading of configuration text. The exported
//! functions are declared in `include/czmq/library.h`, for that header only.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `loaded`, `weak.c` | a CZMQ that is in the process: its functions, looked up by name |
//! | `process` | the context of our `czmq.h`, and the sockets in it |
//! | `log`, `signals`, `settings`, `clock`, `config` | zsys, zclock and zconfig of our `czmq.h`, as far as they are shared |

mod clock;
mod config;
pub(super) mod loaded;
mod log;
mod process;
mod settings;
mod signals;

pub(super) use log::Log;
pub(super) use process::{context, in_use};
pub(super) use settings::ipv6;
