//! The library's files of the same names, except `command`.

pub(crate) mod command;
#[path = "../../../src/actor/error.rs"]
mod error;
#[path = "../../../src/actor/futex.rs"]
mod futex;
pub(crate) mod owner;
#[path = "../../../src/actor/promise.rs"]
mod promise;
