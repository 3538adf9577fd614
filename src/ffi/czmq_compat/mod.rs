//! What our own `czmq.h` cannot keep in a header: the one context of the process, its settings, log and signals;
//! and the reading of configuration text.
//!
//! That header is C that every translation unit compiles for itself; here is what they share. The functions are
//! declared in `include/czmq/library.h`, for nobody else.

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
