//! Events about keys that tell what changed: the form that they have while `server/events` is 3.

use super::events;
use crate::core::{Change, ChangeKind, Tuple, Version};
use crate::log::printable;

/// The event DELIVER, RETRACT or EXPIRE with what changed: `key value before writer name version` behind its name. Of a
/// key that is gone the value is empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Changed {
    kind: ChangeKind,
    /// The tuple; of one that is gone, the key alone.
    tuple: Tuple,
    /// The tuple that the owner knew before, if it knew one.
    before: Option<Tuple>,
    /// Id of the writer.
    writer: Option<u64>,
    version: Version,
    /// The writer in 16 hexadecimal digits, or "unknown"; its name, escaped; the version.
    texts: [Box<str>; 3],
}

impl Changed {
    /// The event of a change.
    pub fn new(change: Change) -> Changed {
        let Change { kind, tuple, before, writer, name, version } = change;
        let id = writer.map_or_else(|| "unknown".to_owned(), |id| format!("{id:016x}"));
        let name = name.as_deref().map_or_else(String::new, printable);
        let texts = [id, name, version.to_string()].map(String::into_boxed_str);
        let is_gone = matches!(kind, ChangeKind::Retract | ChangeKind::Expire);
        // The value may be large, and nobody asks for it.
        let tuple = if is_gone { Tuple::new(tuple.key(), b"") } else { tuple };
        Changed { kind, tuple, before, writer, version, texts }
    }

    /// The name of the event.
    pub fn name(&self) -> &'static str {
        match self.kind {
            ChangeKind::Deliver | ChangeKind::First => events::DELIVER.name,
            ChangeKind::Retract => events::RETRACT.name,
            ChangeKind::Expire => events::EXPIRE.name,
        }
    }

    /// Returns whether the key has no value any more.
    pub fn is_removal(&self) -> bool {
        matches!(self.kind, ChangeKind::Retract | ChangeKind::Expire)
    }

    /// The tuple; of one that is gone, the key without a value.
    pub fn tuple(&self) -> &Tuple {
        &self.tuple
    }

    /// The value that the owner knew before, if it knew one.
    pub fn before(&self) -> Option<&[u8]> {
        self.before.as_ref().map(Tuple::value)
    }

    /// Id of the node that wrote this, if it is known.
    pub fn writer(&self) -> Option<u64> {
        self.writer
    }

    /// The name of that node, escaped; empty if it is not known.
    pub fn writer_name(&self) -> &str {
        &self.texts[1]
    }

    /// The version of the write.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The version in its digits.
    pub fn version_text(&self) -> &str {
        &self.texts[2]
    }

    /// Takes the place of an event that the owner has not received: what that owner knew before is what it knew before
    /// that one.
    pub fn follow(&mut self, unread: &Changed) {
        self.before.clone_from(&unread.before);
    }

    /// Tells no more which value the key had before: there is no room for it.
    pub fn forget_before(&mut self) {
        self.before = None;
    }

    /// Bytes that the event keeps of tuples that are held no more.
    pub fn bytes_of_removed(&self) -> usize {
        let bytes = |tuple: &Tuple| tuple.key().len() + tuple.value().len();
        let own = if self.is_removal() { bytes(&self.tuple) } else { 0 };
        own + self.before.as_ref().map_or(0, bytes)
    }

    /// The frame at `index`, of seven.
    pub fn frame(&self, index: usize) -> &[u8] {
        match index {
            0 => self.name().as_bytes(),
            1 => self.tuple.key(),
            2 => self.tuple.value(),
            3 => self.before().unwrap_or_default(),
            _ => self.texts[index - 4].as_bytes(),
        }
    }
}
