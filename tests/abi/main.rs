//! The C interface: what the header declares, what programs get that call it.
//!
//! | file | concern |
//! | --- | --- |
//! | `interface` | every function of the header, with every kind of argument |
//! | `header` | the header is what the sources make |
//! | `static_libs` | what a static link needs besides |
//! | `errors` | the table of errors names everything, and is true |
//! | `lists` | README, manual, header and bindings list what the code lists |
//! | `commands` | the command language, as the actor's pipe takes it |
//! | `typed` | the typed calls |
//! | `czmq_compat` | CZMQ's names, declared by our own headers |
//! | `zpl` | configuration and certificate files, compared with CZMQ |
//! | `dropin` | programs made for CZMQ's zgossip run with ours |

mod commands;
mod czmq_compat;
mod dropin;
mod errors;
mod header;
mod interface;
mod lists;
mod static_libs;
mod typed;
mod zpl;
