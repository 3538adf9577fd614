//! Event descriptors, of loom's types.

use std::io;

use loom::sync::{Condvar, Mutex};

/// A descriptor to be polled, readable exactly while it is raised.
pub(crate) struct EventFd {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl EventFd {
    pub(crate) fn new() -> io::Result<EventFd> {
        Ok(EventFd { raised: Mutex::new(false), changed: Condvar::new() })
    }

    pub(crate) fn raise(&self) {
        self.set(true);
    }

    pub(crate) fn lower(&self) {
        self.set(false);
    }

    fn set(&self, raised: bool) {
        *self.raised.lock().expect("the kernel") = raised;
        self.changed.notify_all();
    }

    /// What is polled: here the descriptor itself.
    pub(crate) fn as_fd(&self) -> &EventFd {
        self
    }

    /// Polls without an end.
    pub(crate) fn wait_readable(&self) {
        let mut raised = self.raised.lock().expect("the kernel");
        while !*raised {
            raised = self.changed.wait(raised).expect("the kernel");
        }
    }

    /// Polls without waiting.
    pub(crate) fn is_readable(&self) -> bool {
        *self.raised.lock().expect("the kernel")
    }
}
