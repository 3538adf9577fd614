//! ZAP (rfc.zeromq.org/spec/27): libzmq asks whether a client may connect, the policy that the program has set
//! answers. What CZMQ's `zauth` does, for programs with and without CZMQ.
//!
//! Addresses come first: where some are allowed, all others are refused; else those that are denied are. Who passes
//! must then prove who it is, by the mechanism of the socket: with NULL not at all, with PLAIN by a name and
//! password from a file, with CURVE by a key whose certificate is in a directory, or by any key. Until the program
//! says how, nobody passes with PLAIN or CURVE.
//!
//! | file | concern |
//! | --- | --- |
//! | `policy` | who is let in |
//! | `certificate` | CURVE key pairs in files that CZMQ reads and writes |
//! | `passwords`, `certificate_store` | names and keys on disk, read again when they change |
//! | `zap_request` | what libzmq asks and is answered |
//! | `zap_socket` | the socket that is asked |
//! | `zap_actor`, `zap_server` | the two ways to give it commands: an actor's pipe, and calls |

mod certificate;
mod certificate_store;
mod passwords;
mod policy;
mod zap_actor;
mod zap_request;
mod zap_server;
mod zap_socket;

pub use certificate::Cert;
pub use policy::Policy;
pub use zap_actor::run_on_pipe;
pub use zap_server::Guard;
