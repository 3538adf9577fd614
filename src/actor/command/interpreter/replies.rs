//! Replies whose frames are text about the node and its tuples: PEERS, MEMBERS, ORIGIN and STATS.

use std::fmt::Write;

use crate::actor::command::message::Message;
use crate::core::{MemberInfo, Origin, PeerKind, PeerState, Role, Stats};
use crate::log::printable;

/// The reply to PEERS: a frame for each peer, with its endpoint and words of the form `name=value`. Programs rely on the
/// order of the words that are there; new ones come last.
pub(super) fn peers(peers: &[(String, PeerState)]) -> Message {
    let mut frames = vec!["PEERS".to_owned()];
    frames.extend(peers.iter().map(|(endpoint, peer)| describe(endpoint, peer)));
    Message::text(frames)
}

fn describe(endpoint: &str, peer: &PeerState) -> String {
    let mut text = endpoint.to_owned();
    let mut word = |name: &str, value: &dyn std::fmt::Display| {
        let _ = write!(text, " {name}={value}");
    };
    word("direction", &if peer.role == Role::Client { "out" } else { "in" });
    word("state", &if peer.is_up { "up" } else { "down" });
    word("for", &peer.state_ms);
    let protocol = match peer.kind {
        PeerKind::Undetermined => "unknown",
        PeerKind::Plain => "czmq",
        PeerKind::Extended => "zgossip",
    };
    word("protocol", &protocol);
    word("unsent", &peer.unsent);
    if let Some(is_equal) = peer.is_equal {
        word("equal", &if is_equal { "yes" } else { "no" });
    }
    if let Some(id) = peer.id {
        word("id", &format_args!("{id:016x}"));
    }
    word("rtt", &or_unknown(peer.round_trip_ms));
    word("silent", &peer.silence_ms);
    word("unacknowledged", &peer.unacknowledged);
    word("awaited", &peer.awaited);
    word("refused", &peer.traffic.refused);
    word("refuses", &or_unknown(peer.refuses));
    word("hides", &or_unknown(peer.hides));
    word("frames_in", &peer.traffic.frames_in);
    word("frames_out", &peer.traffic.frames_out);
    word("bytes_in", &peer.traffic.bytes_in);
    word("bytes_out", &peer.traffic.bytes_out);
    if let Some(name) = &peer.name {
        word("name", &one_word(name));
    }
    text
}

/// The reply to MEMBERS: a frame for each member, with its id and words of the form `name=value`. Programs rely on the
/// order of the words that are there; new ones come last.
pub(super) fn members(members: &[MemberInfo]) -> Message {
    let mut frames = vec!["MEMBERS".to_owned()];
    for MemberInfo { id, is_own, name, endpoints, release, since, tuples } in members {
        let own = if *is_own { "yes" } else { "no" };
        let mut text = format!("{id:016x} own={own} since={since} tuples={tuples}");
        let named = [("version", release), ("name", name)];
        let named = named.into_iter().chain(endpoints.iter().map(|endpoint| ("endpoint", endpoint)));
        for (word, value) in named.filter(|(_, value)| !value.is_empty()) {
            let _ = write!(text, " {word}={}", one_word(value));
        }
        frames.push(text);
    }
    Message::text(frames)
}

/// What a stranger has chosen, as one word.
fn one_word(text: &[u8]) -> String {
    printable(text).replace(' ', "\\u{20}")
}

fn or_unknown(number: Option<u64>) -> String {
    number.map_or_else(|| "unknown".to_owned(), |number| number.to_string())
}

/// The reply to ORIGIN: a frame for each fact, or none where the key has no value.
pub(super) fn origin(key: &[u8], found: Option<(String, Origin)>) -> Message {
    let Some((endpoint, origin)) = found else { return Message::text([b"ORIGIN", key]) };
    let writer = origin.writer.map_or_else(|| "unknown".to_owned(), |id| format!("{id:016x}"));
    let name = origin.name.as_deref().map_or_else(String::new, printable);
    let (written, ttl) = (or_unknown(origin.written), origin.ttl.to_string());
    let facts = [&writer, &name, &endpoint, &written, &ttl].map(|fact| fact.as_bytes());
    Message::text([b"ORIGIN", key].into_iter().chain(facts))
}

/// The reply to STATS: name and number of each statistic. The digest is hexadecimal, as in log lines.
pub(super) fn stats(stats: &Stats) -> Message {
    let mut frames = vec!["STATS".to_owned()];
    for (name, number) in stats.entries() {
        let digits = if name == "root" { format!("{number:016x}") } else { number.to_string() };
        frames.extend([name.to_owned(), digits]);
    }
    Message::text(frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Node, Now, Settings};

    #[test]
    fn a_name_that_a_stranger_chose_stays_one_word_in_one_line() {
        let now = Now { mono: 1, wall: 1_800_000_000_000 };
        let mut node = Node::new(Settings::default(), 1, now);
        node.open_link(Role::Server, now).expect("room");
        let mut peer = node.peers(now).remove(0);
        assert!(describe("tcp://x", &peer).ends_with(" bytes_out=0"));
        peer.name = Some(b"my node\n\xff id=0"[..].into());
        let text = describe("tcp://x", &peer);
        assert!(text.ends_with(" bytes_out=0 name=my\\u{20}node\\n\u{fffd}\\u{20}id=0"), "{text}");
    }
}
