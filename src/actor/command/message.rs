//! One message to the owner: a few frames, kept in the least room until somebody takes it.
//!
//! Most messages are about a tuple, and then hold nothing but a share of it: a million unread DELIVERs cost a
//! million pointers, not a million copies.

use crate::core::Tuple;

/// A message to the owner, as [`frame`](Message::frame)s.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Message {
    /// `DELIVER key value`: the node has a new tuple.
    Deliver(Tuple),
    /// `RETRACT key`: the tuple was withdrawn somewhere in the network.
    Retract(Tuple),
    /// `EXPIRE key`: the tuple's time is over.
    Expire(Tuple),
    /// `VALUE key value`: the reply to GET for a key that is held.
    Value(Tuple),
    /// `KEYS key …`: the reply to KEYS.
    Keys(Box<[Tuple]>),
    /// Any other message.
    Text(Box<Text>),
}

/// Frames one after the other.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Text {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Message {
    /// A message of these frames.
    pub fn text<F: AsRef<[u8]>>(frames: impl IntoIterator<Item = F>) -> Message {
        let mut text = Text::default();
        for frame in frames {
            text.bytes.extend_from_slice(frame.as_ref());
            text.ends.push(text.bytes.len());
        }
        Message::Text(Box::new(text))
    }

    /// How many frames the message has; at least one.
    pub fn len(&self) -> usize {
        match self {
            Message::Deliver(_) | Message::Value(_) => 3,
            Message::Retract(_) | Message::Expire(_) => 2,
            Message::Keys(tuples) => 1 + tuples.len(),
            Message::Text(text) => text.ends.len(),
        }
    }

    /// Whether the message has no frames; it always has.
    #[cfg(feature = "internals")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The frame at `index`.
    ///
    /// # Panics
    /// When there is no such frame.
    pub fn frame(&self, index: usize) -> &[u8] {
        match self {
            Message::Deliver(tuple) => tuple_frame(b"DELIVER", tuple, index),
            Message::Value(tuple) => tuple_frame(b"VALUE", tuple, index),
            Message::Retract(tuple) => tuple_frame(b"RETRACT", tuple, index),
            Message::Expire(tuple) => tuple_frame(b"EXPIRE", tuple, index),
            Message::Keys(_) if index == 0 => b"KEYS",
            Message::Keys(tuples) => tuples[index - 1].key(),
            Message::Text(text) => {
                let start = if index == 0 { 0 } else { text.ends[index - 1] };
                &text.bytes[start..text.ends[index]]
            }
        }
    }

    /// The frames in order.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.frame(index))
    }

    /// The tuple that the message is news of, where at most one such message may wait for each key.
    pub fn news(&self) -> Option<&Tuple> {
        match self {
            Message::Deliver(tuple) | Message::Retract(tuple) | Message::Expire(tuple) => Some(tuple),
            Message::Value(_) | Message::Keys(_) | Message::Text(_) => None,
        }
    }

    /// About how many bytes the message keeps in memory.
    pub fn weight(&self) -> usize {
        let tuple = |tuple: &Tuple| 64 + tuple.key().len() + tuple.value().len();
        match self {
            Message::Deliver(t) | Message::Value(t) | Message::Retract(t) | Message::Expire(t) => tuple(t),
            Message::Keys(tuples) => 64 + tuples.iter().map(tuple).sum::<usize>(),
            Message::Text(text) => 128 + text.bytes.len() + 8 * text.ends.len(),
        }
    }
}

fn tuple_frame<'a>(name: &'static [u8], tuple: &'a Tuple, index: usize) -> &'a [u8] {
    match index {
        0 => name,
        1 => tuple.key(),
        2 => tuple.value(),
        _ => panic!("a message about a tuple has no frame {index}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(message: &Message) -> Vec<&[u8]> {
        message.frames().collect()
    }

    #[test]
    fn every_kind_has_its_frames() {
        let tuple = Tuple::new(b"k\xff", b"v");
        assert_eq!(frames(&Message::Deliver(tuple.clone())), [&b"DELIVER"[..], b"k\xff", b"v"]);
        assert_eq!(frames(&Message::Value(tuple.clone())), [&b"VALUE"[..], b"k\xff", b"v"]);
        assert_eq!(frames(&Message::Retract(tuple.clone())), [&b"RETRACT"[..], b"k\xff"]);
        assert_eq!(frames(&Message::Expire(tuple.clone())), [&b"EXPIRE"[..], b"k\xff"]);
        assert_eq!(frames(&Message::Keys([].into())), [b"KEYS"]);
        assert_eq!(frames(&Message::Keys([tuple].into())), [&b"KEYS"[..], b"k\xff"]);
        assert_eq!(frames(&Message::text(["PORT", "", "1"])), [&b"PORT"[..], b"", b"1"]);
    }

    #[test]
    fn a_waiting_message_is_small() {
        assert!(size_of::<Message>() <= 24);
    }
}
