//! The C ABI, and nothing else: what C gives is checked and turned into what the layers below take, what they
//! answer into C's conventions.
//!
//! Every exported function goes through [`entry!`](entry), which holds panics back and sets `errno`. The comments on
//! exported functions are the C manual: `include/zgossip.h` is made of them. Nothing in here calls an exported
//! function, for a program may have put its own in front of ours.

// The comments are C, where brackets are subscripts.
#![allow(rustdoc::broken_intra_doc_links)]

mod actor_fn;
mod auth;
mod cert;
mod czmq_compat;
mod entry;
mod error;
mod failure;
mod host;
mod library;
mod msg;
mod node;
mod selftest;
mod socket;
mod strerror;
mod tag;
mod testbed;
mod types;
