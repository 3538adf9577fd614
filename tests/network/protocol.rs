//! The byte examples of `doc/PROTOCOL.md`, read from the document and checked against the codec.

use std::collections::BTreeMap;
use zgossip::core::Stamp;
use zgossip::core::codec::*;

/// The examples by name: rows of the document's tables whose second column is bytes in backquotes.
fn examples() -> BTreeMap<String, Vec<u8>> {
    include_str!("../../doc/PROTOCOL.md")
        .lines()
        .filter_map(|line| {
            let (name, bytes) = line.strip_prefix("| ")?.strip_suffix("` |")?.rsplit_once(" | `")?;
            let bytes = bytes.split(' ').map(|byte| u8::from_str_radix(byte, 16)).collect::<Result<_, _>>();
            Some((name.to_owned(), bytes.ok()?))
        })
        .collect()
}

const NODE: u64 = 0x8000_0000_0000_0001;

fn introduction() -> Extension<'static> {
    Extension {
        node: Some(NODE),
        capabilities: Some(OFFERS),
        clock: Some(0x10000),
        wall: Some(1),
        summary: Some(Summary::default()),
        ..Extension::default()
    }
}

const SERVER: [u8; 8] = (NODE + 2).to_be_bytes();

/// The records of the document's two examples.
fn member(state: MemberState) -> MemberRecord<'static> {
    let (id, incarnation, sequence, lease) = (NODE, 0x10000, 7, 10_000);
    let alive = MemberRecord {
        id,
        incarnation,
        sequence,
        state: Some(state),
        lease,
        remaining: 9000,
        tuples: 5,
        servers: &SERVER,
        ..MemberRecord::default()
    };
    if state == MemberState::Alive {
        return alive;
    }
    let endpoints = [b"tcp://a:1", &b""[..], b"", b""];
    let details = Some(MemberDetails { name: b"hub", endpoints, release: b"1.1", since: 1 });
    MemberRecord { sequence: 8, remaining: 600_000, servers: &[], downs: &SERVER, details, ..alive }
}

fn is_member(message: &Message<'_>, expected: &MemberRecord<'_>) -> bool {
    let Message::Members(members) = message else { return false };
    members.iter().eq([*expected])
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row for each example of the document")]
fn every_example_means_what_its_row_says() {
    let examples = examples();
    let mut checked = 0;
    let mut check = |name: &str, expected: &dyn Fn(&Message<'_>) -> bool| {
        let bytes = examples.get(name).unwrap_or_else(|| panic!("no example {name}"));
        let message = decode(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(expected(&message), "{name}: {message:?}");
        checked += 1;
    };
    let plain = Extension::default();
    check("HELLO", &|m| *m == Message::Hello(plain));
    check("PUBLISH `key` = `value`", &|m| {
        *m == Message::Publish { key: b"key", value: b"value", ttl: 0, extension: plain }
    });
    check("PING", &|m| *m == Message::Ping);
    check("PONG", &|m| *m == Message::Pong(plain));
    check("INVALID", &|m| *m == Message::Invalid);
    check("HELLO with node 8000000000000001, clock 10000", &|m| {
        *m == Message::Hello(Extension { node: Some(NODE), clock: Some(0x10000), ..plain })
    });
    check("HELLO with node 8000000000000001, clock 10000, name `hub`", &|m| {
        let name = Some(&b"hub"[..]);
        *m == Message::Hello(Extension { node: Some(NODE), clock: Some(0x10000), name, ..plain })
    });
    check("HELLO with node 8000000000000001, clock 10000, knowledge 10000, 20000 and 30000", &|m| {
        let knowledge = Some(Knowledge { forgotten: 0x10000, doubtful: 0x20000, since: 0x30000 });
        *m == Message::Hello(Extension { node: Some(NODE), clock: Some(0x10000), knowledge, ..plain })
    });
    check("PONG with node 8000000000000001, OFFERS, clock 10000, wall 1, nothing held", &|m| {
        *m == Message::Pong(introduction())
    });
    check("PUBLISH `k` = `v`, stamp 10000, 8000000000000001", &|m| {
        let stamp = Some(Stamp { time: 0x10000, origin: NODE });
        *m == Message::Publish { key: b"k", value: b"v", ttl: 0, extension: Extension { stamp, ..plain } }
    });
    check("BATCH of `a` = `1` for 5 ms, and the tombstone of `b`", &|m| {
        let Message::Batch(batch) = m else { return false };
        let live = Record {
            kind: RecordKind::Live,
            key: b"a",
            value: b"1",
            ttl: 5,
            stamp: Stamp { time: 1, origin: NODE + 1 },
            announced: false,
        };
        let gone = Record {
            kind: RecordKind::Tombstone,
            key: b"b",
            value: &[0, 0, 0, 0, 0, 0, 0, 7],
            ttl: 0,
            stamp: Stamp { time: 3, origin: NODE + 1 },
            announced: false,
        };
        batch.iter().eq([live, gone])
    });
    check("HEARTBEAT with clock 10000, root 5, 1 key", &|m| {
        let summary = Some(Summary { root: 5, count: 1 });
        *m == Message::Heartbeat(Extension { clock: Some(0x10000), summary, ..plain })
    });
    check("HEARTBEAT with clock 10000, wall 1, 2 tuples owed", &|m| {
        *m == Message::Heartbeat(Extension { clock: Some(0x10000), wall: Some(1), owed: Some(2), ..plain })
    });
    check("HEARTBEAT with the first question between tuples in bulk", &|m| {
        *m == Message::Heartbeat(Extension { question: Some(1 << 63 | 1), ..plain })
    });
    check("HEARTBEAT with question 9", &|m| {
        *m == Message::Heartbeat(Extension { question: Some(9), ..plain })
    });
    check("HEARTBEAT with answer 9, none awaited", &|m| {
        let answer = Some(Answer { question: 9, awaited: 0 });
        *m == Message::Heartbeat(Extension { answer, ..plain })
    });
    check("HEARTBEAT with the sender's monotonic clock at 1000", &|m| {
        *m == Message::Heartbeat(Extension { sent: Some(1000), ..plain })
    });
    check("ENTRIES of subtree A3: one", &|m| {
        let Message::Entries(parts) = m else { return false };
        let mut parts = parts.iter();
        let (prefix, entries) = parts.next().unwrap();
        let entry = Entry { hash: 0xA3 << 56 | 1, stamp: Stamp { time: 2, origin: NODE + 2 } };
        parts.next().is_none()
            && prefix == Prefix { depth: 2, bits: 0xA3 << 56 }
            && entries.iter().eq([entry])
    });
    check("REQUEST of two", &|m| matches!(m, Message::Request(hashes) if hashes.iter().eq([1, 2])));
    check("ANNOUNCE of one", &|m| {
        let Message::Announce(entries) = m else { return false };
        entries.iter().eq([Entry { hash: 1, stamp: Stamp { time: 2, origin: NODE + 2 } }])
    });
    check("PRUNE of one origin", &|m| matches!(m, Message::Prune(origins) if origins.iter().eq([NODE + 2])));
    check("GRAFT of one origin", &|m| matches!(m, Message::Graft(origins) if origins.iter().eq([NODE + 2])));
    check("OFFER of one", &|m| {
        let Message::Offer(entries) = m else { return false };
        entries.iter().eq([Entry { hash: 1, stamp: Stamp { time: 2, origin: NODE + 2 } }])
    });
    check("PUBLISH `k` = `v`, stamp 10000, 8000000000000001, announced", &|m| {
        let stamp = Some(Stamp { time: 0x10000, origin: NODE });
        let extension = Extension { stamp, announced: true, ..plain };
        *m == Message::Publish { key: b"k", value: b"v", ttl: 0, extension }
    });
    check("BATCH of `a` = `1` announced, and the tombstone of `b` that was", &|m| {
        let Message::Batch(batch) = m else { return false };
        let kinds = [(RecordKind::Live, &b"a"[..]), (RecordKind::Tombstone, b"b")];
        batch.iter().map(|record| (record.kind, record.key)).eq(kinds)
            && batch.iter().all(|record| record.announced && record.ttl == 0)
    });
    check("MEMBERS of one that lives, with a server", &|m| is_member(m, &member(MemberState::Alive)));
    check("MEMBERS of one that is lost, with all details", &|m| is_member(m, &member(MemberState::Lost)));
    assert_eq!(checked, examples.len(), "an example of the document is not checked here");
}

#[test]
fn examples_of_what_we_send_are_what_we_send() {
    let examples = examples();
    let plain = Extension::default();
    for (name, id) in [
        ("HELLO", MessageId::Hello),
        ("PING", MessageId::Ping),
        ("PONG", MessageId::Pong),
        ("INVALID", MessageId::Invalid),
    ] {
        assert_eq!(encode(id, &plain), examples[name], "{name}");
    }
    let hello = Extension { node: Some(NODE), clock: Some(0x10000), ..plain };
    assert_eq!(encode(MessageId::Hello, &hello), examples["HELLO with node 8000000000000001, clock 10000"]);
    let named = Extension { name: Some(b"hub"), ..hello };
    assert_eq!(
        encode(MessageId::Hello, &named),
        examples["HELLO with node 8000000000000001, clock 10000, name `hub`"]
    );
    assert_eq!(
        encode(MessageId::Pong, &introduction()),
        examples["PONG with node 8000000000000001, OFFERS, clock 10000, wall 1, nothing held"]
    );
    let tuple = zgossip::core::Tuple::new(b"k", b"v");
    let stamp = Stamp { time: 0x10000, origin: NODE };
    assert_eq!(
        encode_publish(&tuple, 0, Some(stamp)),
        examples["PUBLISH `k` = `v`, stamp 10000, 8000000000000001"]
    );
    let announced = "PUBLISH `k` = `v`, stamp 10000, 8000000000000001, announced";
    assert_eq!(encode_announced(&tuple, 0, stamp), examples[announced]);
    for (state, name) in [
        (MemberState::Alive, "MEMBERS of one that lives, with a server"),
        (MemberState::Lost, "MEMBERS of one that is lost, with all details"),
    ] {
        let mut frame = members_frame();
        member(state).encode(&mut frame);
        assert_eq!(frame, examples[name], "{name}");
    }
}

#[test]
fn every_cut_and_every_changed_byte_of_every_example_is_survived() {
    for bytes in examples().values() {
        for cut in 0..bytes.len() {
            let _ = decode(&bytes[..cut]);
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut changed = bytes.clone();
                changed[at] = value;
                if let Ok(Message::Batch(batch)) = decode(&changed) {
                    assert!(batch.iter().count() <= changed.len());
                }
            }
        }
    }
}
