//! The C ABI, and nothing else: what C gives is checked and turned into what the layers below take, what they
//! answer into C's conventions.
//!
//! Every exported function goes through [`entry!`](entry), which holds panics back and sets `errno`. The comments on
//! exported functions are the C manual: `include/zgossip.h` is made of them. Nothing in here calls an exported
//! function, for a program may have put its own in front of ours.

mod actor_fn;
mod auth;
mod cert;
mod czmq;
mod czmq_support;
mod entry;
mod error;
mod failure;
mod frames;
mod handle;
mod msg;
mod selftest;
mod shell;
mod signals;
mod socket;
mod surroundings;
mod tag;
mod testbed;
mod typed;
mod types;
mod version;
