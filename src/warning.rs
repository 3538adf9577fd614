//! The warnings of a running node: one table of all kinds, from which log lines are made and the manual is checked.
//!
//! Each entry has the text of the line, with names in braces for what differs from line to line, and what the manual
//! says about it. This module stands beside the layers as [`log`](crate::log) does: the core finds out about peers, the
//! engine about sockets, the actor about the program, and each names a [`Kind`].

/// A kind of warning, in the order of [`WARNINGS`].
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// There is no connection to the endpoint of a CONNECT.
    Unreachable,
    /// A CONNECT leads to the node itself, and was taken back.
    Itself,
    /// A peer has the node's own id.
    SameId,
    /// Two CONNECTs lead to one peer.
    SamePeer,
    /// A CONNECT is in clear though keys are set.
    InClear,
    /// Keys, mechanism or domain were set after a BIND.
    KeysAfterBind,
    /// A secret key is set, and not used.
    UnusedKey,
    /// Others can read the file of a secret key.
    ExposedKey,
    /// The process will soon have no file descriptors left.
    Descriptors,
    /// Connections that say nothing were ended.
    Silent,
    /// `server/max_clients` clients are connected.
    Clients,
    /// The connection of a peer was ended that sent more than could be read.
    Flood,
    /// No ZAP handler decides who may connect.
    NobodyDecides,
    /// The connection of a client was ended that the ZAP handler does not admit any more.
    Revoked,
    /// The program does not read its messages.
    Unread,
    /// The node ended before its tuples were sent.
    UnsentAtEnd,
    /// The file that keeps tuples was damaged, and set aside.
    StoreSetAside,
    /// A part of the file that keeps tuples is damaged.
    StoreDamaged,
    /// The file that keeps tuples cannot be written.
    StoreFails,
    /// The node ended before its file had everything.
    StoreUnsaved,
    /// The clock of one peer differs from this node's and from most others.
    PeerClock,
    /// This node's clock differs from those of its peers.
    OwnClock,
    /// Two clocks differ, and nobody can tell which of them is wrong.
    ClocksApart,
    /// A peer and this node hold different tuples, and nothing changes that.
    Disagreement,
    /// A peer refuses tuples that this node holds.
    PeerRefuses,
    /// Tuples of a peer were refused: `server/max_tuples`.
    NoRoom,
    /// Tuples of a peer were refused: `server/max_bytes`.
    NoBytes,
    /// Tuples of a peer were refused: `server/max_value`.
    TooLong,
    /// Tuples of a peer were refused: `server/max_drift`.
    Drift,
    /// A peer writes what no rule allows.
    Denied,
    /// A peer is of another network.
    OtherNetwork,
    /// A peer brings times that are far ahead of the clocks, and not too far to be followed.
    FarAhead,
    /// Removed keys were forgotten before their time.
    TombstonesForgotten,
    /// More tuples were refused than can be remembered.
    RefusedForgotten,
    /// The past of keys that plain peers change was forgotten before its time.
    PastForgotten,
    /// Plain peers send each other values of a key without end.
    Loop,
    /// A peer sends messages that are not of the protocol.
    Malformed,
    /// A peer sends messages that do not fit its role.
    Unexpected,
}

/// What is known of a kind of warning. A test compares the manual with all of it.
#[cfg_attr(not(feature = "internals"), expect(dead_code, reason = "the manual's part is for a test"))]
#[derive(Copy, Clone, Debug)]
pub struct Entry {
    /// The kind.
    pub kind: Kind,
    /// The text of the log line; names in braces stand for what differs.
    pub text: &'static str,
    /// The text of the notice that it is over, empty for kinds that have none.
    pub over: &'static str,
    /// What the warning means, for the manual.
    pub meaning: &'static str,
    /// What to do about it, for the manual.
    pub remedy: &'static str,
}

/// All kinds of warnings about a running node.
pub const WARNINGS: [Entry; 38] = [
    Entry {
        kind: Kind::Unreachable,
        text: "cannot connect to {endpoint}: {reason}",
        over: "",
        meaning: "There has been no connection for some seconds. The node goes on trying.",
        remedy: "Start the peer, or correct the endpoint, the keys or the password.",
    },
    Entry {
        kind: Kind::Itself,
        text: "not connected to {endpoint}: it is this node itself",
        over: "",
        meaning: "A node is no peer of its own; the CONNECT was taken back.",
        remedy: "Nothing, where all hosts have one list of peers.",
    },
    Entry {
        kind: Kind::SameId,
        text: "the peer at {endpoint} has this node's id: it is this node, reached by a detour, or a copy of a running \
               machine, and then what both write at once may be lost",
        over: "",
        meaning: "Two nodes that were copied while they ran count as one writer.",
        remedy: "Restart the node on one of the two machines.",
    },
    Entry {
        kind: Kind::SamePeer,
        text: "{endpoint} and {other} are one peer, which counts once",
        over: "",
        meaning: "Two CONNECTs lead to one node.",
        remedy: "Take one of them out of the list, if it was meant to be another node.",
    },
    Entry {
        kind: Kind::InClear,
        text: "connecting to {endpoint} in clear: keys are set, but CONNECT gave no server key",
        over: "",
        meaning: "What is sent by this connection can be read on the way.",
        remedy: "Give CONNECT the public key of the peer.",
    },
    Entry {
        kind: Kind::KeysAfterBind,
        text: "keys, mechanism or ZAP domain set after BIND: {endpoint} stays as it was bound",
        over: "",
        meaning: "An endpoint keeps the security settings that were in force when it was bound; the new ones count for \
                  what is bound later.",
        remedy: "Set them before BIND, or UNBIND the endpoint and bind it again.",
    },
    Entry {
        kind: Kind::UnusedKey,
        text: "zgossip/security/secret-key is not used: the mechanism is null, so that what is sent can be read on the way",
        over: "",
        meaning: "A certificate is named, and nothing is encrypted.",
        remedy: "Set zgossip/security/mechanism to curve, or take the certificate out.",
    },
    Entry {
        kind: Kind::ExposedKey,
        text: "the secret key in {file} can be read by others: its mode is {mode}, not 0600",
        over: "",
        meaning: "Whoever has the key can pass for this node, and read what is sent to it. The key is used nevertheless. \
                  That the file's group can read it is warned of if this user owns the file.",
        remedy: "chmod 600; a new key, if somebody may have read this one.",
    },
    Entry {
        kind: Kind::Descriptors,
        text: "at least {used} of {limit} file descriptors of this process are in use (ulimit -n)",
        over: "",
        meaning: "Each connection needs one. When they run short, new connections are ended at once. Without any, \
                  libzmq ends the process if a listener over IPC is bound, or if it needs a socket of its own.",
        remedy: "Raise the limit, or set server/max_clients below it.",
    },
    Entry {
        kind: Kind::Silent,
        text: "ended {count} new connections; {silent} say nothing, and at least {used} of {limit} file descriptors of \
               this process are in use (ulimit -n)",
        over: "",
        meaning: "Descriptors run short, or more than 512 connections say nothing. The oldest of these are ended, of \
                  the address that has the most; if there are none, newcomers are. Honest clients try again.",
        remedy: "Raise the limit if so many clients are expected; else find out who connects and is silent.",
    },
    Entry {
        kind: Kind::Clients,
        text: "{count} messages of new clients dropped: server/max_clients reached",
        over: "",
        meaning: "No more clients are served; those that are turned away try again.",
        remedy: "Raise server/max_clients, or distribute the clients over more nodes.",
    },
    Entry {
        kind: Kind::Flood,
        text: "ended {count} connections, the last of {peer}: more came than could be read",
        over: "",
        meaning: "The peer sent a message without end, or what all peers have sent and this node has not read yet takes \
                  too much memory. Peers connect again, and are sent what they missed.",
        remedy: "Look at what the peer is; distribute the load over more nodes, or raise server/max_bytes.",
    },
    Entry {
        kind: Kind::NobodyDecides,
        text: "no ZAP handler decides who may connect to {endpoint}: {effect}",
        over: "a ZAP handler decides who may connect again",
        meaning: "The endpoint has keys, PLAIN or a domain, and a client came while there was no handler: it was not started, \
                  or has ended. With zgossip/security/require-handler 0 this is said only if there was a handler of this \
                  library before.",
        remedy: "Start the handler (zgossip_auth_new, or CZMQ's zauth).",
    },
    Entry {
        kind: Kind::Revoked,
        text: "ended the connection of {peer}: {reason}",
        over: "",
        meaning: "The ZAP handler does not admit the client any more: its certificate was taken away or has another \
                  name, its password was taken away or changed, or its address is refused now.",
        remedy: "Nothing, if that was meant. With zgossip/security/revocation 0 such connections stand.",
    },
    Entry {
        kind: Kind::Unread,
        text: "the owner does not read its messages: further events are dropped",
        over: "",
        meaning: "The bound on events that wait for the program is reached. The newest value of each key is kept.",
        remedy: "Let the program read what the node sends.",
    },
    Entry {
        kind: Kind::UnsentAtEnd,
        text: "the node has ended with tuples unsent: {count}, to peers: {peers}",
        over: "",
        meaning: "The peers did not take them in time.",
        remedy: "Call FLUSH before the node is destroyed.",
    },
    Entry {
        kind: Kind::StoreSetAside,
        text: "{file} is damaged and was renamed to {aside}; the node begins with an empty store",
        over: "",
        meaning: "The file of server/store could not be read. The node takes part as a new one, and is given what its peers \
                  hold.",
        remedy: "Look at the disk. The renamed file is not used any more.",
    },
    Entry {
        kind: Kind::StoreDamaged,
        text: "{count} keys{more} in {file} are damaged, or there is no room for them, and were left out",
        over: "",
        meaning: "A part of the file of server/store could not be taken over. The rest was.",
        remedy: "Look at the disk, and at server/max_tuples, server/max_bytes and server/max_value.",
    },
    Entry {
        kind: Kind::StoreFails,
        text: "cannot keep tuples in {file}: {reason}; it is tried again",
        over: "{file} has everything again",
        meaning: "The disk is full, or refuses. The node goes on, and what has changed since is not in the file yet.",
        remedy: "Make room on the disk.",
    },
    Entry {
        kind: Kind::StoreUnsaved,
        text: "the node has ended before {file} had everything",
        over: "",
        meaning: "The disk did not take the last changes within five seconds.",
        remedy: "Look at the disk. Peers that were told hold them.",
    },
    Entry {
        kind: Kind::PeerClock,
        text: "the clock of {peer} is {seconds} s {way} this node's and most others",
        over: "the clock of {peer} agrees with this node's again",
        meaning: "Of two writes of a key, the one with the later time stays: writes of that peer win or lose too often. \
                  By more than server/max_drift, they are refused.",
        remedy: "Set the clock of the peer (NTP).",
    },
    Entry {
        kind: Kind::OwnClock,
        text: "this node's clock is {seconds} s {way} those of most of its {count} peers",
        over: "this node's clock agrees with most of its peers again",
        meaning: "As above, and it is this machine whose clock is probably wrong.",
        remedy: "Set the clock of this machine (NTP).",
    },
    Entry {
        kind: Kind::ClocksApart,
        text: "the clock of {peer} is {seconds} s {way} this node's; either may be wrong",
        over: "the clock of {peer} is in step with this node's again",
        meaning: "As above; there are too few other peers to tell whose clock is wrong.",
        remedy: "Compare both clocks with the time, and set the wrong one.",
    },
    Entry {
        kind: Kind::Disagreement,
        text: "no agreement with {peer} for {seconds} s: {ours} keys are known here, {theirs} there; {why}",
        over: "in agreement with {peer} again",
        meaning: "The digests of both nodes differ, and for a minute nothing has changed that. Removed keys that are \
                  remembered count as known.",
        remedy: "Look for the reason that is given; if none is known, at the log of the peer.",
    },
    Entry {
        kind: Kind::PeerRefuses,
        text: "{peer} refuses {count} tuples that are known here, for its server/max_tuples, server/max_bytes, \
               server/max_value or rules of who may write what",
        over: "{peer} takes all tuples again",
        meaning: "The peer lacks these tuples, and does not pass them on.",
        remedy: "Raise the limits of the peer, or add a rule there: it says which in its own log.",
    },
    Entry {
        kind: Kind::NoRoom,
        text: "refused {count} tuples of {peer}: server/max_tuples reached",
        over: "",
        meaning: "This node lacks these tuples. It asks for them when there is room again.",
        remedy: "Raise server/max_tuples, or remove tuples.",
    },
    Entry {
        kind: Kind::NoBytes,
        text: "refused {count} tuples of {peer}: server/max_bytes reached",
        over: "",
        meaning: "This node lacks these tuples. It asks for them when there is room again.",
        remedy: "Raise server/max_bytes, or remove tuples.",
    },
    Entry {
        kind: Kind::TooLong,
        text: "refused {count} tuples of {peer}: value is longer than server/max_value",
        over: "",
        meaning: "This node lacks these tuples, and does not pass them on.",
        remedy: "Raise server/max_value, on all nodes alike.",
    },
    Entry {
        kind: Kind::Drift,
        text: "refused {count} tuples or clocks of {peer}: stamped further ahead than server/max_drift, \
               by {seconds} s at most",
        over: "",
        meaning: "A clock is wrong: the peer's, that of the node that wrote the tuples, or this node's.",
        remedy: "Set the clock. What was refused is stamped anew then, and accepted.",
    },
    Entry {
        kind: Kind::Denied,
        text: "refused {count} writes of {peer}, the last of '{key}': {subject} may not {act} there, {rule}",
        over: "",
        meaning: "The rules of who may write what do not allow it. The peer goes on holding what it has written, and is told \
                  that it is refused.",
        remedy: "Add a rule for that subject and prefix, or let the peer's program write elsewhere.",
    },
    Entry {
        kind: Kind::OtherNetwork,
        text: "nothing is exchanged with {peer}, which is {theirs}: this node is {ours}",
        over: "",
        meaning: "Nodes of different networks (zgossip/network) have no session with each other, so that two networks do not \
                  become one by a wrong CONNECT. Nodes without a network's name, and those of version 1.0, are of one network. \
                  CZMQ nodes are of each network that has no name or sets zgossip/network/plain.",
        remedy: "Correct the endpoint of the CONNECT, or the name.",
    },
    Entry {
        kind: Kind::FarAhead,
        text: "followed {count} times of {peer} that are ahead of its own clock, and of this node's and most others', by \
               {seconds} s at most",
        over: "",
        meaning: "They are within server/max_drift, so nothing is refused, but what is written here has later times \
                  than it should. The clock of a node behind that peer is wrong, or was; or the peer lies.",
        remedy: "Set that clock. Do not admit a peer that goes on and has no nodes behind it.",
    },
    Entry {
        kind: Kind::TombstonesForgotten,
        text: "server/max_tuples or server/max_bytes reached: {count} removed keys were forgotten early",
        over: "",
        meaning: "A node that was away while they were removed may bring them back.",
        remedy: "Raise the limits, or lower server/tombstone.",
    },
    Entry {
        kind: Kind::RefusedForgotten,
        text: "{count} refused tuples are too many to remember, and may be sent again and again",
        over: "",
        meaning: "What is refused is remembered, so that it is not requested anew. There is a bound on that.",
        remedy: "Raise server/max_tuples or server/max_bytes.",
    },
    Entry {
        kind: Kind::PastForgotten,
        text: "the past of {count} keys was forgotten early: CZMQ nodes change more keys than can be remembered",
        over: "",
        meaning: "A CZMQ node that comes back may bring older values of these keys.",
        remedy: "Let nodes of this library publish what changes often.",
    },
    Entry {
        kind: Kind::Loop,
        text: "values of {key} come back without end from {peer}, against those of {other}: CZMQ nodes send them to \
               each other in a loop",
        over: "",
        meaning: "CZMQ nodes send on whatever differs from what they hold, and two of them that are linked can do so for \
                  ever. This node slows the key down.",
        remedy: "Link CZMQ nodes to nodes of this library only, or publish another value of the key.",
    },
    Entry {
        kind: Kind::Malformed,
        text: "dropped {count} malformed messages, the last of {peer}: {reason}",
        over: "",
        meaning: "The peer is no node of this network, or is broken.",
        remedy: "Find out which program it is by its address.",
    },
    Entry {
        kind: Kind::Unexpected,
        text: "dropped {count} unexpected messages, the last of {peer}: {reason}",
        over: "",
        meaning: "The peer sends what is not for it to send, as two hubs do that are connected to each other wrongly.",
        remedy: "Find out which program it is by its address.",
    },
];

/// What stands in the place of a name in braces.
pub type Value = (&'static str, String);

impl Kind {
    /// What is known of the kind.
    pub fn entry(self) -> &'static Entry {
        &WARNINGS[self as usize]
    }

    /// The log line of this kind, with `values` in the places of their names.
    pub fn line(self, values: &[Value]) -> String {
        fill(self.entry().text, values)
    }

    /// The notice that a warning of this kind is over.
    pub fn over_line(self, values: &[Value]) -> String {
        fill(self.entry().over, values)
    }
}

/// `text` with each name in braces replaced once. What stands in a value is not looked at: strangers choose keys and names.
fn fill(text: &str, values: &[Value]) -> String {
    let mut line = String::with_capacity(2 * text.len());
    let mut rest = text;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        line.push_str(before);
        let value = values.iter().find(|(of, _)| *of == name).map(|(_, value)| &**value);
        debug_assert!(value.is_some(), "'{text}' needs {name}");
        line.push_str(value.unwrap_or("?"));
        rest = after;
    }
    line + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_place_in_the_table() {
        for (place, entry) in WARNINGS.iter().enumerate() {
            assert_eq!(entry.kind as usize, place, "{:?}", entry.kind);
            assert!(!entry.text.is_empty() && !entry.meaning.is_empty() && !entry.remedy.is_empty());
        }
    }

    #[test]
    fn names_in_braces_are_replaced_and_values_are_taken_as_they_are() {
        let values = [("endpoint", "{reason}".to_owned()), ("reason", "closed".to_owned())];
        assert_eq!(Kind::Unreachable.line(&values), "cannot connect to {reason}: closed");
    }
}
