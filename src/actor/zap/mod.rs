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
//! | `passwords`, `certificates` | names and keys on disk, read again when they change |
//! | `request` | what libzmq asks and is answered |
//! | `handler` | the socket that is asked |
//! | `actor`, `guard` | the two ways to give it commands: an actor's pipe, and calls |

mod actor;
mod certificates;
mod guard;
mod handler;
mod passwords;
mod policy;
mod request;

pub use actor::run_on_pipe;
pub use guard::Guard;
pub use policy::Policy;
