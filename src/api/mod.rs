//! The Rust interface: [`Node`] and what belongs to it.
//!
//! Everything is done by the layer below, which the C interface uses as well: here arguments and answers get Rust's
//! types.
//!
//! | file | concern |
//! | --- | --- |
//! | `node` | a node and its calls |
//! | `builder` | what is set before a node starts |
//! | `event` | what a node tells its program, and iterators over it |
//! | `error` | why a call failed |
//! | `auth`, `cert` | who may connect, and the keys to show |
//! | `log` | closures that take log lines |

mod auth;
mod builder;
mod cert;
mod error;
mod event;
mod log;
mod node;

pub use auth::Auth;
pub use builder::Builder;
pub use cert::Cert;
pub use error::{Error, ErrorKind};
pub use event::{Event, Events};
pub use node::Node;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The bytes of a file's name, as the layers below take it.
fn file_name(path: &impl AsRef<Path>) -> &[u8] {
    path.as_ref().as_os_str().as_bytes()
}
