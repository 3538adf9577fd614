//! The Rust interface: [`Node`] and what belongs to it.
//!
//! The layer below, which the C interface uses as well, does the work: here arguments and answers get Rust's types.
//!
//! | file | concern |
//! | --- | --- |
//! | `node/` | a node and its calls |
//! | `builder` | settings of a node before it starts |
//! | `event` | events, and the iterator over them |
//! | `member` | what is known of a member |
//! | `peer` | what is known of a peer |
//! | `origin` | who wrote a tuple, and when |
//! | `error` | errors of calls |
//! | `auth`, `cert` | which clients may connect; certificates |
//! | `log` | closures that receive log lines |

mod auth;
mod builder;
mod cert;
mod error;
mod event;
mod log;
mod member;
mod node;
mod origin;
mod peer;
mod watcher;

pub use auth::Auth;
pub use builder::Builder;
pub use cert::Cert;
pub use error::{Error, ErrorKind};
pub use event::{Change, Event, Events};
pub use member::Member;
pub use node::Node;
pub use origin::Origin;
pub use peer::Peer;
pub use watcher::Watcher;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::actor;

/// Checks a configuration file without doing what it says. Returns its faults: a text for each invalid value, unknown name
/// or item that can have no effect.
///
/// # Errors
/// The error of reading the file.
pub fn check(file: impl AsRef<Path>) -> Result<Vec<String>, Error> {
    Ok(actor::check_file(file_name(&file))?)
}

/// Bytes of a file's name, as the layers below take it.
fn file_name(path: &impl AsRef<Path>) -> &[u8] {
    path.as_ref().as_os_str().as_bytes()
}
