//! Messages to the owner: a few frames each, kept in little memory until somebody takes them.
//!
//! Most messages are about a tuple, and hold a reference to it alone: a million unread DELIVERs cost a million pointers,
//! not a million copies.

use super::changed::Changed;
use super::events;
use crate::core::Tuple;

/// A message to the owner, read as [`frame`](Message::frame)s.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Message {
    /// The event `DELIVER key value`.
    Deliver(Tuple),
    /// The event `RETRACT key`.
    Retract(Tuple),
    /// The event `EXPIRE key`.
    Expire(Tuple),
    /// One of these three with what changed.
    Changed(Box<Changed>),
    /// `VALUE key value`: the reply to GET for a key that is held.
    Value(Tuple),
    /// `KEYS key …`: the reply to KEYS.
    Keys(Box<[Tuple]>),
    /// A message of another form, as its frames.
    Text(Box<Text>),
}

/// The frames of a message in one buffer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Text {
    bytes: Vec<u8>,
    /// The end of each frame among the bytes.
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

    /// The number of frames; at least one.
    pub fn frame_count(&self) -> usize {
        match self {
            Message::Deliver(_) | Message::Value(_) => 3,
            Message::Retract(_) | Message::Expire(_) => 2,
            Message::Changed(_) => 7,
            Message::Keys(tuples) => 1 + tuples.len(),
            Message::Text(text) => text.ends.len(),
        }
    }

    /// The frame at `index`.
    ///
    /// # Panics
    /// When the message has no frame there.
    pub fn frame(&self, index: usize) -> &[u8] {
        match self {
            Message::Deliver(tuple) => tuple_frame(events::DELIVER.name, tuple, index),
            Message::Value(tuple) => tuple_frame("VALUE", tuple, index),
            Message::Retract(tuple) => tuple_frame(events::RETRACT.name, tuple, index),
            Message::Expire(tuple) => tuple_frame(events::EXPIRE.name, tuple, index),
            Message::Changed(changed) => changed.frame(index),
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
        (0..self.frame_count()).map(|index| self.frame(index))
    }

    /// The tuple of an event about a tuple: at most one such message may wait for each key.
    pub fn event_tuple(&self) -> Option<&Tuple> {
        match self {
            Message::Deliver(tuple) | Message::Retract(tuple) | Message::Expire(tuple) => Some(tuple),
            Message::Changed(changed) => Some(changed.tuple()),
            Message::Value(_) | Message::Keys(_) | Message::Text(_) => None,
        }
    }

    /// Returns whether the message is the event of a key that has no value any more.
    pub fn is_removal(&self) -> bool {
        match self {
            Message::Retract(_) | Message::Expire(_) => true,
            Message::Changed(changed) => changed.is_removal(),
            _ => false,
        }
    }

    /// What changed, if the message is an event about a key that tells it.
    pub fn changed(&self) -> Option<&Changed> {
        match self {
            Message::Changed(changed) => Some(changed),
            _ => None,
        }
    }

    /// The memory that the message keeps in use, in bytes, roughly.
    pub fn weight(&self) -> usize {
        let tuple = |tuple: &Tuple| 64 + tuple.key().len() + tuple.value().len();
        match self {
            Message::Deliver(t) | Message::Value(t) | Message::Retract(t) | Message::Expire(t) => tuple(t),
            Message::Changed(changed) => 256 + tuple(changed.tuple()),
            Message::Keys(tuples) => 64 + tuples.iter().map(tuple).sum::<usize>(),
            Message::Text(text) => 128 + text.bytes.len() + 8 * text.ends.len(),
        }
    }
}

/// The frame at `index` of a message that is a name, a key and a value.
fn tuple_frame<'a>(name: &'static str, tuple: &'a Tuple, index: usize) -> &'a [u8] {
    match index {
        0 => name.as_bytes(),
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
