//! The bytes of ZGP/1 and of its extended messages.
//!
//! | file | concern |
//! | --- | --- |
//! | `reader` | the header of a frame, and the fields behind it |
//! | `extension` | the optional block behind the last field of a message |
//! | `members` | what nodes tell each other of the nodes that take part |
//! | `lists` | messages that are lists: of tuples, of hashes of the digest, of keys and stamps |
//! | `message` | whole messages |

pub(super) mod extension;
pub(super) mod lists;
pub(super) mod members;
pub(super) mod message;
pub(super) mod reader;

pub use extension::{Answer, Extension, Knowledge, MAX_NAME, MEMBERS, OFFERS, Summary};
#[cfg(any(test, feature = "internals"))]
pub use lists::members_frame;
pub use lists::{Digests, Entries, Entry, EntryList, Hashes, Members, Prefix, Record, RecordKind};
pub use members::{MOST_ENDPOINTS, MOST_NEIGHBOURS, MemberDetails, MemberRecord, MemberState, ids};
pub use message::{Message, decode, encode, encode_announced, encode_publish};
pub use reader::{Invalid, MessageId};
