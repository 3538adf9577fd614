//! Event descriptors: readable or not, as the holder says.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};

/// A descriptor to be polled, readable exactly while it is raised.
pub(crate) struct EventFd(OwnedFd);

impl EventFd {
    /// A descriptor that is not readable.
    pub(crate) fn new() -> io::Result<EventFd> {
        Ok(EventFd(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Makes the descriptor readable.
    pub(crate) fn raise(&self) {
        // Fails only when the counter is full, and then the descriptor is readable.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Makes the descriptor not readable.
    pub(crate) fn lower(&self) {
        // Fails only when the descriptor is not readable.
        let _ = rustix::io::read(&self.0, &mut [0u8; 8]);
    }

    /// The descriptor.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
