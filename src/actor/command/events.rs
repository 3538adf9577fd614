//! Events: the messages that an owner gets without asking for each of them.

/// One kind of event: a row of [`EVENTS`].
#[cfg_attr(
    not(feature = "internals"),
    expect(dead_code, reason = "tests compare these columns with the documents")
)]
pub struct Event {
    /// The first frame.
    pub name: &'static str,
    /// The frames that follow.
    pub arguments: &'static str,
    /// Whether the event is sent only while `server/events` is 1.
    pub optional: bool,
    /// What has happened, in one line.
    pub meaning: &'static str,
}

/// `DELIVER`.
pub const DELIVER: Event = Event {
    name: "DELIVER",
    arguments: "key value",
    optional: false,
    meaning: "A key has a new value; the node's own values are delivered too.",
};

/// `RETRACT`.
pub const RETRACT: Event = Event {
    name: "RETRACT",
    arguments: "key",
    optional: true,
    meaning: "A key was removed from the network.",
};

/// `EXPIRE`.
pub const EXPIRE: Event =
    Event { name: "EXPIRE", arguments: "key", optional: true, meaning: "A key's time to live is over." };

/// `JOIN`.
pub const JOIN: Event = Event {
    name: "JOIN",
    arguments: "endpoint",
    optional: true,
    meaning: "A peer is connected; its endpoint, or a client's address.",
};

/// `LEAVE`.
pub const LEAVE: Event = Event {
    name: "LEAVE",
    arguments: "endpoint",
    optional: true,
    meaning: "A peer is gone; its endpoint, or a client's address.",
};

/// `UNREACHABLE`.
pub const UNREACHABLE: Event = Event {
    name: "UNREACHABLE",
    arguments: "endpoint reason",
    optional: true,
    meaning: "There has been no connection to a peer for 3 seconds, and why, as far as is known.",
};

/// `ERROR`.
pub const ERROR: Event =
    Event { name: "ERROR", arguments: "command reason", optional: true, meaning: "A command was refused." };

/// All kinds of events.
#[cfg_attr(not(feature = "internals"), expect(dead_code, reason = "tests compare it with the documents"))]
pub const EVENTS: &[&Event] = &[&DELIVER, &RETRACT, &EXPIRE, &JOIN, &LEAVE, &UNREACHABLE, &ERROR];
