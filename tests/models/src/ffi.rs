//! The library's files of the same names, except `error`.

pub(crate) mod error;
pub(crate) mod node;
#[path = "../../../src/ffi/tag.rs"]
mod tag;
