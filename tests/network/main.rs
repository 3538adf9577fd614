//! Nodes over real sockets: ours, CZMQ's own, and peers that are made up.
//!
//! | file | concern |
//! | --- | --- |
//! | `attacks` | an honest pair notices nothing of attacks on its hub |
//! | `engine` | the engine by itself, with the simplest of owners |
//! | `protocol` | the frames of the wire, byte by byte, as doc/PROTOCOL.md shows them |
//! | `interop` | our nodes and CZMQ's understand each other |
//! | `hostile` | frames and peers that are wrong harm nobody |
//! | `hostile_memory` | what peers make a node hold, queue and receive has a bound |
//! | `hostile_work` | peers that cause much work by short messages delay nobody |
//! | `faults` | processes that are killed, stopped and come back |
//! | `hosts_file` | names as the system resolves them |
//! | `converge` | small networks agree, whatever happens to them |
//! | `fleet` | random faults on bad lines, and which value stays |
//! | `scale` | many tuples, many nodes |
//! | `presence` | tuples that live as long as their nodes |
//! | `named` | networks that have names |
//! | `rights` | who may read and write what |
//! | `security` | CURVE and ZAP |
//! | `silent` | connections that say nothing, and few descriptors |
//! | `plain` | PLAIN |

mod attacks;
mod converge;
mod engine;
mod faults;
mod fleet;
mod hostile;
mod hostile_memory;
mod hostile_work;
mod hosts_file;
mod interop;
mod named;
mod plain;
mod presence;
mod protocol;
mod rights;
mod scale;
mod security;
mod silent;
mod store;
