//! Frames: whatever the bytes are, they are decoded or refused; what is decoded is within the frame, is read alike a
//! second time, and comes back when it is written again.

use zgossip::core::codec::{
    Extension, MemberRecord, Message, MessageId, decode, encode, encode_publish, members_frame,
};
use zgossip::core::{Stamp, Tuple};

/// Bytes of the smallest item of any list: a hash.
const SMALLEST: usize = 8;

/// Decodes a frame, and panics where a promise does not hold.
pub fn run(data: &[u8]) {
    let Ok(message) = decode(data) else { return };
    assert_eq!(decode(data).as_ref(), Ok(&message), "a frame has one meaning");
    let items = match &message {
        Message::Hello(extension) => returns(MessageId::Hello, extension),
        Message::Pong(extension) => returns(MessageId::Pong, extension),
        Message::Heartbeat(extension) => returns(MessageId::Heartbeat, extension),
        Message::Publish { key, value, ttl, extension } => publish_returns(key, value, *ttl, extension.stamp),
        Message::Ping | Message::Invalid => 0,
        Message::Batch(batch) => batch.iter().inspect(|record| check_text(record.key, record.value)).count(),
        Message::Digest(digests) => digests.iter().count(),
        Message::Entries(lists) => lists.iter().map(|(_, list)| 1 + list.iter().count()).sum(),
        Message::Request(hashes) | Message::Prune(hashes) | Message::Graft(hashes) => hashes.iter().count(),
        Message::Announce(list) | Message::Offer(list) => list.iter().count(),
        Message::Members(members) => members.iter().map(|member| member_returns(&member)).sum(),
    };
    assert!(items <= data.len() / SMALLEST, "{items} items in {} bytes", data.len());
}

fn check_text(key: &[u8], value: &[u8]) {
    assert!(!key.is_empty() && !key.contains(&0), "a key is text");
    let _ = value;
}

fn returns(id: MessageId, extension: &Extension<'_>) -> usize {
    let frame = encode(id, extension);
    let again = match decode(&frame) {
        Ok(Message::Hello(again) | Message::Pong(again) | Message::Heartbeat(again)) => again,
        other => panic!("{id:?} came back as {other:?}"),
    };
    assert_eq!(again, *extension);
    0
}

fn member_returns(member: &MemberRecord<'_>) -> usize {
    let mut frame = members_frame();
    member.encode(&mut frame);
    let Ok(Message::Members(again)) = decode(&frame) else { panic!("MEMBERS came back as {frame:?}") };
    let again = again.iter().next().expect("one record");
    assert_eq!(again, MemberRecord { state: again.state, ..*member });
    assert!(member.state.is_none() || again.state == member.state);
    1
}

fn publish_returns(key: &[u8], value: &[u8], ttl: u32, stamp: Option<Stamp>) -> usize {
    check_text(key, value);
    let frame = encode_publish(&Tuple::new(key, value), ttl, stamp);
    let Ok(Message::Publish { key: k, value: v, ttl: t, extension }) = decode(&frame) else {
        panic!("PUBLISH came back as {frame:?}");
    };
    assert_eq!((k, v, t, extension.stamp), (key, value, ttl, stamp));
    0
}
