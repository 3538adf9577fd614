//! The bytes of ZGP/1 and of its extended messages.
//!
//! | file | concern |
//! | --- | --- |
//! | `reader` | the header of a frame, and the fields behind it |
//! | `extension` | the optional block behind the last field of a message |
//! | `lists` | messages that are lists: of tuples, of hashes of the digest, of keys and stamps |
//! | `message` | whole messages |

pub(super) mod extension;
pub(super) mod lists;
pub(super) mod message;
pub(super) mod reader;

pub use extension::{Answer, Extension, MAX_NAME, OFFERS, Summary};
pub use lists::{Digests, Entries, Entry, EntryList, Hashes, Prefix, Record, RecordKind};
pub use message::{Message, decode, encode, encode_publish};
pub use reader::{Invalid, MessageId};
