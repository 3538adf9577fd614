//! Tests of everything that a user takes away: package, words of the README, examples, the Python module, clean
//! memory.
//!
//! | file | concern |
//! | --- | --- |
//! | `install` | `make install`, and what README and manual say, tried |
//! | `examples` | the programs in examples/ |
//! | `papers` | paths, functions and versions that the papers name exist |
//! | `rust_api` | the Rust interface |
//! | `watching` | what it costs to watch a few of many keys |
//! | `rust_crate` | a Rust program that depends on the crate |
//! | `python` | the Python module |
//! | `memory` | the C programs under valgrind |

mod examples;
mod install;
mod memory;
mod papers;
mod python;
mod rust_api;
mod rust_crate;
mod watching;
