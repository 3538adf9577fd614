//! The C ABI: exported functions that check what C passes, call the layers below, and return what C expects.
//!
//! An exported function that can fail or panic runs inside [`entry!`](entry), which stops panics and sets `errno`. The
//! comments on exported functions are the manual for C: `include/zgossip.h` is made from them. No code in the library
//! calls an exported function, because a program may have defined another function of the same name.
//!
//! | file or folder | what it holds |
//! | --- | --- |
//! | `node` | the handle pool, and the calls on a `zgossip_t` |
//! | `actor_fn`, `socket` | the actor for CZMQ, and the sockets that C passes |
//! | `auth`, `cert`, `msg` | access, certificates, messages of the protocol |
//! | `library`, `strerror`, `selftest`, `testbed` | version, errors as text, self tests |
//! | `czmq_compat` | what programs of CZMQ need: a CZMQ in the process, and the shared part of our `czmq.h` |
//! | `host` | what nodes ask of CZMQ |
//! | `entry`, `error`, `failure`, `tag`, `types` | the boundary: panics, `errno`, reasons, tags of handles, opaque types |

// Comments on exported functions are for C: brackets are subscripts and no links, and code is not Rust.
#![allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_rust_codeblocks)]

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
