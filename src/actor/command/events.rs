//! Events: the messages that an owner gets without asking for each of them.

/// A kind of event: a row of [`EVENTS`].
#[cfg_attr(
    not(feature = "internals"),
    expect(
        dead_code,
        reason = "the header is made from these columns, tests compare them with the documents"
    )
)]
pub struct Event {
    /// The event's name, which is its first frame.
    pub name: &'static str,
    /// Number of `ZGOSSIP_EVENT_` and the name; numbers are never used again, and 7 is that of replies.
    pub number: i32,
    /// The frames that follow.
    pub arguments: &'static str,
    /// Whether the event is sent only while `server/events` is 1 or more.
    pub optional: bool,
    /// The meaning of the event in the words of `zgossip.h`, which calls the frames behind the name key and value.
    pub meaning: &'static str,
}

/// `DELIVER`.
pub const DELIVER: Event = Event {
    name: "DELIVER",
    number: 1,
    arguments: "key value [before writer name version]",
    optional: false,
    meaning: "A key has a new value.",
};

/// `RETRACT`.
pub const RETRACT: Event = Event {
    name: "RETRACT",
    number: 2,
    arguments: "key [value before writer name version]",
    optional: true,
    meaning: "A key was removed from the network.",
};

/// `EXPIRE`.
pub const EXPIRE: Event = Event {
    name: "EXPIRE",
    number: 3,
    arguments: "key [value before writer name version]",
    optional: true,
    meaning: "The time to live of a key ran out.",
};

/// `JOIN`.
pub const JOIN: Event = Event {
    name: "JOIN",
    number: 4,
    arguments: "endpoint [name id]",
    optional: true,
    meaning: "A peer connected; key: the endpoint that this node connected to, or that of a client: \
              tcp://ADDRESS:PORT, ipc://PATH#PROCESS or inproc://NAME#ID. While server/events is 2, value: \
              the name of the peer's node, and a fourth frame: its id (16 hexadecimal digits); each is empty \
              if the peer has not told it.",
};

/// `LEAVE`.
pub const LEAVE: Event = Event {
    name: "LEAVE",
    number: 5,
    arguments: "endpoint [name id]",
    optional: true,
    meaning: "A peer is gone; key, value and fourth frame: as for ZGOSSIP_EVENT_JOIN.",
};

/// `ERROR`.
pub const ERROR: Event = Event {
    name: "ERROR",
    number: 6,
    arguments: "command reason",
    optional: true,
    meaning: "A command was refused; key: the name of the command, value: the reason.",
};

/// `UNREACHABLE`.
pub const UNREACHABLE: Event = Event {
    name: "UNREACHABLE",
    number: 8,
    arguments: "endpoint reason",
    optional: true,
    meaning: "A peer cannot be reached; key: its endpoint, value: the reason, as far as it is known, for a \
              host name that of each address. It comes after 3 seconds without a connection, and rarely again.",
};

/// `SYNCED`.
pub const SYNCED: Event = Event {
    name: "SYNCED",
    number: 9,
    arguments: "prefix",
    optional: false,
    meaning: "A prefix is watched, and what is held of it was delivered; key: the prefix. It comes once for each \
              WATCH, as soon as the whole state of a peer is there, and whatever server/events is.",
};

/// `MEMBER`.
pub const MEMBER: Event = Event {
    name: "MEMBER",
    number: 10,
    arguments: "id name",
    optional: true,
    meaning: "A member of the network is there; key: the id of its node (16 hexadecimal digits), value: its name, \
              empty if it has none. It comes only while server/events is 3.",
};

/// `GONE`.
pub const GONE: Event = Event {
    name: "GONE",
    number: 11,
    arguments: "id name reason",
    optional: true,
    meaning: "A member of the network is gone, and what it has announced goes with it; key and value: as for \
              ZGOSSIP_EVENT_MEMBER, and a fourth frame: left if it has said so, else lost. It comes only while \
              server/events is 3.",
};

/// All kinds of events.
pub const EVENTS: &[&Event] =
    &[&DELIVER, &RETRACT, &EXPIRE, &JOIN, &LEAVE, &ERROR, &UNREACHABLE, &SYNCED, &MEMBER, &GONE];
