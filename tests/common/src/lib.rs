//! Programs in C do the work, tests in Rust tell them what to do and check
//! what they say.
//!
//! [`build`] compiles a program once, [`Process`] runs it and reads its
//! lines, [`Node`] is one gossip node in such a process. Every wait has a
//! deadline and every process is killed when its test ends.

pub mod attack;
pub mod build;
pub mod header;
pub mod manual;
pub mod net;
pub mod node;
pub mod process;
pub mod stopwatch;

pub use build::{Compile, artifacts};
pub use node::{Host, Node, Tuples};
pub use process::{Finished, Process, is_alone, run};
pub use stopwatch::{Stopwatch, one_is_within};

use std::time::Duration;

/// Longest time for a thing that must happen, on a machine that is busy with other things: a hundred times what the
/// slowest takes on a quiet one.
pub const LONG: Duration = Duration::from_secs(60);

/// Time for which to watch for a thing that must not happen.
pub const SHORT: Duration = Duration::from_millis(1500);

/// Library that a program runs with.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Lib {
    /// CZMQ's own zgossip.
    Stock,
    /// A program of CZMQ's with this library preloaded.
    Preload,
    /// A program of CZMQ's with this library linked before CZMQ.
    Linked,
    /// A program on our own interface, without CZMQ.
    Native,
}

/// A directory of its own for a test: for ipc endpoints and files. Short,
/// because the path of a socket may have 107 bytes.
pub struct Scratch(std::path::PathBuf);

impl Scratch {
    pub fn new() -> Scratch {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("zgt-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a scratch directory");
        Scratch(path)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("plain path").to_owned()
    }

    pub fn ipc(&self, name: &str) -> String {
        format!("ipc://{}", self.path(name))
    }
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
