//! A node that runs, as the library's `Handle` starts and ends it.

use loom::thread::JoinHandle;

use super::queue;
use super::router::Router;
use crate::actor::command::Message;
use crate::actor::error::CallError;
use crate::engine::raw::Context;
use crate::log::Logger;
use crate::sync::{Arc, Mutex};

/// A router, and the node's thread.
pub(crate) struct Running {
    pub(super) router: Arc<Router>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Running {
    pub(crate) fn new() -> Running {
        let router = Arc::new(Router::new().expect("descriptors"));
        let thread = loom::thread::spawn({
            let router = Arc::clone(&router);
            move || {
                router.set_node_thread();
                queue::run(&router, String::new(), Context, &Logger);
                router.end();
            }
        });
        Running { router, thread: Mutex::new(Some(thread)) }
    }

    /// Gives the node a command and its argument.
    pub(crate) fn send(&self, name: &[u8], number: u8) -> Result<(), CallError> {
        self.router.send(&[name, &[number]])
    }

    pub(crate) fn recv(&self) -> Result<Message, CallError> {
        self.router.recv()
    }

    /// As `Handle::close` does.
    pub(crate) fn close(&self) {
        self.router.close();
        if let Some(thread) = self.thread.lock().take() {
            thread.join().expect("the node's thread");
        }
    }
}
