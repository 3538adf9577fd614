//! The engine: one thread that connects a pure [`core::Node`](crate::core::Node) to sockets and time.

pub mod raw;
