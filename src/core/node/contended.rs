//! Sending while a flood is passed on: those who write beside it come first. See [`lanes`](crate::core::lanes).

use super::Node;
use super::transmit::{Collector, remaining};
use crate::core::clock::Now;
use crate::core::frame::Frame;
use crate::core::id::LinkId;

impl Node {
    /// Returns whether a link lags behind a flood beside which others write.
    pub(super) fn is_contended(&self, id: LinkId, now: Now) -> bool {
        let end = self.store.changes.end();
        self.lanes.are_contended(now.mono) && self.links.get(&id).is_some_and(|link| link.cursor() < end)
    }

    /// Makes the next frame for such a link: first what the others have written, then the log, and no more of it than the
    /// peer takes soon.
    pub(super) fn next_contended(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        if let Some(frame) = self.express_batch(id, now) {
            return Some(frame);
        }
        let bulk = &self.links.get(&id)?.bulk;
        if bulk.must_ask() {
            return self.ask(id, now);
        }
        if bulk.is_open()
            && let Some(frame) = self.followed_batch(id, now)
        {
            self.links.get_mut(&id)?.bulk.sent_beside(frame.bytes().len());
            return Some(frame);
        }
        self.next_announcement(id, now).or_else(|| self.next_bulk(id, now))
    }

    /// Makes a batch of what others have changed beside a flood that the link lags behind.
    fn express_batch(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let link = self.links.get_mut(&id)?;
        let mut batch = Collector::default();
        while !batch.is_full()
            && !link.ahead.is_full()
            && let Some(slot) = self.lanes.peek(&link.ahead)
        {
            let offset = self.store.changes.offset(slot);
            if self.store.changes.get(offset).is_some() && offset >= link.cursor() {
                let held = self.store.held(slot);
                let origin = held.stamp.origin;
                let comes_here = held.source() != Some(id)
                    && link.rights.may_read(held.tuple.key())
                    && link.peer() != Some(origin)
                    && !link.lazy_push.is_lazy(origin);
                if comes_here && batch.closes_before(held) {
                    break;
                }
                if comes_here && link.ahead.send(slot, held.stamp) {
                    batch.add(held, remaining(self.store.deadline(slot), now));
                }
            }
            self.lanes.advance(&mut link.ahead);
        }
        self.counters.tuples_out += batch.count() as u64;
        batch.finish(&mut self.encodings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::clock::Stamp;
    use crate::core::codec::{Extension, Message, MessageId, decode, encode, encode_publish};
    use crate::core::id::Role;
    use crate::core::settings::Settings;
    use crate::core::tuple::Tuple;

    fn hello(number: u64) -> Vec<u8> {
        encode(MessageId::Hello, &Extension { node: Some(1 << 63 | number), ..Extension::default() })
    }

    /// A hub with a peer that writes much, one that writes little, and one that only reads.
    struct Hub {
        node: Node,
        links: [LinkId; 3],
        writes: u64,
        now: Now,
    }

    impl Hub {
        fn new() -> Hub {
            let now = Now { mono: 1000, wall: 1000 };
            let mut node = Node::new(Settings::default(), 1, now);
            let links = [1, 2, 3].map(|number| {
                let link = node.open_link(Role::Server, now).unwrap();
                node.handle_frame(link, &hello(number), now);
                while node.poll_transmit(link, now).is_some() {}
                link
            });
            Hub { node, links, writes: 0, now }
        }

        fn write(&mut self, link: usize, key: &str, size: usize) {
            self.writes += 1;
            let stamp = Stamp { time: (1000 << 16) + self.writes, origin: 1 << 63 | (link as u64 + 1) };
            let tuple = Tuple::new(key.as_bytes(), &vec![b'x'; size]);
            self.node.handle_frame(self.links[link], &encode_publish(&tuple, 0, Some(stamp)), self.now);
        }

        /// Keys of the tuples that the reader is sent now, frame by frame, and questions as "?".
        fn sent(&mut self) -> Vec<String> {
            let frames = std::iter::from_fn(|| self.node.poll_transmit(self.links[2], self.now));
            let name = |frame: Frame| match decode(frame.bytes()) {
                Ok(Message::Publish { key, .. }) => String::from_utf8_lossy(key).into_owned(),
                Ok(Message::Batch(batch)) => {
                    let keys = batch.iter().map(|record| String::from_utf8_lossy(record.key).into_owned());
                    keys.collect::<Vec<_>>().join(" ")
                }
                Ok(Message::Heartbeat(beat)) if beat.question.is_some() => "?".to_owned(),
                other => panic!("{other:?}"),
            };
            frames.map(name).collect()
        }
    }

    #[test]
    fn who_writes_beside_a_flood_goes_first_and_what_it_has_written_goes_once() {
        let mut hub = Hub::new();
        hub.write(1, "small 0", 1);
        assert_eq!(hub.sent(), ["small 0"]);
        (0..100).for_each(|key| hub.write(0, &format!("large {key}"), 100_000));
        (1..3).for_each(|key| hub.write(1, &format!("small {key}"), 1));
        let sent = hub.sent();
        assert_eq!(sent[0], "small 1 small 2");
        // A window of 256 KiB, and no more until the peer has answered.
        assert!(sent.len() <= 8 && sent.contains(&"?".to_owned()), "{sent:?}");
        hub.write(1, "small 1", 2);
        assert_eq!(hub.sent(), ["small 1"]);
        // When the others are silent, all the rest follows.
        hub.now.mono += 3000;
        let rest = hub.sent();
        let is_large = |keys: &&String| keys.starts_with("large");
        assert_eq!(rest.iter().chain(&sent).filter(is_large).count(), 100, "{rest:?}");
        assert!(!rest.iter().any(|keys| keys.contains("small")), "{rest:?}");
    }

    #[test]
    fn a_flood_alone_is_passed_on_as_it_comes() {
        let mut hub = Hub::new();
        (0..100).for_each(|key| hub.write(0, &format!("large {key}"), 100_000));
        assert_eq!(hub.sent().len(), 100);
    }
}
