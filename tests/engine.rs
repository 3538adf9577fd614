//! The engine by itself: nodes with the simplest of owners, over real sockets.

#[path = "engine/harness.rs"]
mod harness;

#[path = "engine/connections.rs"]
mod connections;
#[path = "engine/endpoints.rs"]
mod endpoints;
#[path = "engine/foreign.rs"]
mod foreign;
#[path = "engine/handshakes.rs"]
mod handshakes;
#[path = "engine/liveness.rs"]
mod liveness;
#[path = "engine/relay.rs"]
mod relay;
#[path = "engine/security.rs"]
mod security;
#[path = "engine/strangers.rs"]
mod strangers;
