//! Commands with their arguments, as a value of [`Command`].
//!
//! Frames become such a value in the parser; a typed call makes one without text in between.

use std::fmt;

use crate::log::show;

/// A command and its arguments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Command<'a> {
    /// Log commands and activity.
    Verbose,
    /// Accept peers at an endpoint.
    Bind(&'a [u8]),
    /// Reply with the last TCP port bound.
    Port,
    /// Reply with the endpoint that was bound last.
    Endpoint,
    /// Replace the configuration by that of a file.
    Load(&'a [u8]),
    /// Change one item of the configuration.
    Set {
        /// Names from the root of the configuration, separated by slashes.
        path: &'a [u8],
        /// The item's new value.
        value: &'a [u8],
    },
    /// Write the configuration to a file.
    Save(&'a [u8]),
    /// Record the node's inputs in a file; an empty name ends the recording.
    Record(&'a [u8]),
    /// Connect to a peer.
    Connect {
        /// The endpoint that the peer is bound to.
        endpoint: &'a [u8],
        /// The peer's CURVE public key (Z85); the connection is in clear text without one.
        server_key: Option<&'a [u8]>,
    },
    /// Publish a tuple.
    Publish {
        /// The tuple's key; the core checks it, and the value.
        key: &'a [u8],
        /// The tuple's value.
        value: &'a [u8],
        /// Milliseconds after which the tuple expires; 0 for never.
        ttl: u32,
    },
    /// Publish a tuple that lives as long as this node.
    Announce {
        /// The tuple's key; the core checks it, and the value.
        key: &'a [u8],
        /// The tuple's value.
        value: &'a [u8],
        /// Milliseconds within which others notice that this node is gone; 0 for the default.
        ttl: u32,
    },
    /// Reply with the number of tuples held.
    Status,
    /// Forget a tuple on this node alone.
    Unpublish(&'a [u8]),
    /// Withdraw a tuple from the network.
    Retract(&'a [u8]),
    /// Set the node's CURVE public key (Z85).
    SetPublicKey(&'a [u8]),
    /// Set the node's CURVE secret key (Z85).
    SetSecretKey(&'a [u8]),
    /// Set the username that CONNECT gives by PLAIN; empty for none.
    SetUsername(&'a [u8]),
    /// Set the password that CONNECT gives by PLAIN; empty for none.
    SetPassword(&'a [u8]),
    /// Set the domain that ZAP requests of the node's sockets carry.
    ZapDomain(&'a [u8]),
    /// Reply with the value of a key.
    Get(&'a [u8]),
    /// Reply with who wrote a key's tuple, and when.
    Origin(&'a [u8]),
    /// Reply with all keys.
    Keys,
    /// Reply with the node's statistics.
    Stats,
    /// Reply with the node's peers.
    Peers,
    /// Deliver the keys that begin with this prefix, those that are held at once.
    Watch(&'a [u8]),
    /// Deliver the keys that begin with this prefix no more.
    Unwatch(&'a [u8]),
    /// Reply with the members of the network.
    Members,
    /// Reply when the file of `server/store` has what the node holds.
    StoreSync,
    /// End the node.
    Term,
}

impl Command<'_> {
    /// The command's name in the log and in errors.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Verbose => "VERBOSE",
            Command::Bind(_) => "BIND",
            Command::Port => "PORT",
            Command::Endpoint => "ENDPOINT",
            Command::Load(_) => "LOAD",
            Command::Set { .. } => "SET",
            Command::Save(_) => "SAVE",
            Command::Record(_) => "RECORD",
            Command::Connect { .. } => "CONNECT",
            Command::Publish { .. } => "PUBLISH",
            Command::Announce { .. } => "ANNOUNCE",
            Command::Status => "STATUS",
            Command::Unpublish(_) => "UNPUBLISH",
            Command::Retract(_) => "RETRACT",
            Command::SetPublicKey(_) => "SET PUBLICKEY",
            Command::SetSecretKey(_) => "SET SECRETKEY",
            Command::SetUsername(_) => "SET USERNAME",
            Command::SetPassword(_) => "SET PASSWORD",
            Command::ZapDomain(_) => "ZAP DOMAIN",
            Command::Get(_) => "GET",
            Command::Origin(_) => "ORIGIN",
            Command::Keys => "KEYS",
            Command::Stats => "STATS",
            Command::Peers => "PEERS",
            Command::Watch(_) => "WATCH",
            Command::Unwatch(_) => "UNWATCH",
            Command::Members => "MEMBERS",
            Command::StoreSync => "STORE SYNC",
            Command::Term => "$TERM",
        }
    }

    /// Returns whether the owner expects a reply to this command.
    pub fn has_reply(&self) -> bool {
        matches!(
            self,
            Command::Port
                | Command::Status
                | Command::Get(_)
                | Command::Origin(_)
                | Command::Keys
                | Command::Stats
                | Command::Peers
                | Command::Members
                | Command::StoreSync
                | Command::Endpoint
        )
    }
}

/// A command that was not carried out and changed nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// The command's name.
    pub command: Vec<u8>,
    /// The reason for the refusal.
    pub reason: Reason,
}

/// Reason for which a list of frames is not a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The first frame names no command.
    Unknown,
    /// An argument is missing.
    Missing(&'static str),
    /// Frames follow the command's arguments, which are these.
    Excess(&'static str),
    /// An argument is not of its kind.
    Invalid {
        /// The argument's name.
        argument: &'static str,
        /// The fault, to stand behind the argument's name.
        why: &'static str,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Unknown => f.write_str("unknown command"),
            Reason::Missing(argument) => write!(f, "{argument} is missing"),
            Reason::Excess("") => f.write_str("too many frames, for it has no arguments"),
            Reason::Excess(arguments) => write!(f, "too many frames, for its arguments are: {arguments}"),
            Reason::Invalid { argument, why } => write!(f, "{argument} {why}"),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            // CZMQ's words.
            Reason::Unknown => write!(f, "unknown zgossip method '{}'", show(&self.command)),
            _ => write!(f, "{} refused: {}", show(&self.command), self.reason),
        }
    }
}
