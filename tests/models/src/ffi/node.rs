//! The library's slots, and the models of them.

pub mod handles;
#[path = "../../../../src/ffi/node/slot.rs"]
mod slot;
