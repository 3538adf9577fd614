//! The engine by itself: nodes with the simplest of owners, over real sockets.

mod harness;

mod admission;
mod connections;
mod cost;
mod endpoints;
mod foreign;
mod handshakes;
mod identity;
mod liveness;
mod names;
mod relay;
mod revocation;
mod routing_ids;
mod security;
mod strangers;
