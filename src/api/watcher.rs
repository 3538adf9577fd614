//! Watchers: parts of a program that watch keys, each with events of its own.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use super::error::from_io;
use super::event::in_time;
use super::{Error, Event, Node};
use crate::actor::{self, CallError};

/// Watcher of the keys that begin with a prefix, from [`Node::watcher`]. Any thread may make any call at any time.
///
/// It ends with its node: events that wait then can still be received. Its descriptor ([`AsFd`], [`AsRawFd`]) is
/// readable exactly while an event waits, and once the node has ended.
pub struct Watcher(actor::Watcher);

impl Node {
    /// Makes a watcher of the keys that begin with `prefix`; an empty one stands for all keys. Each watcher has events and
    /// a descriptor of its own, so that two parts of a program do not take each other's.
    ///
    /// It gets the keys with this prefix that the node holds, then [`Event::Synced`] when [`watch`](Node::watch) would send
    /// it, and what changes: [`Event::Deliver`], [`Event::Retract`] and [`Event::Expire`], or [`Event::Changed`] after
    /// [`set_changes`](Node::set_changes). What the node itself delivers stays as it is.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// use zgossip::{Event, Node};
    ///
    /// let node = Node::new("parts")?;
    /// let (colors, shapes) = (node.watcher("color/")?, node.watcher("shape/")?);
    /// node.publish("color/wall", "red")?;
    /// node.publish("shape/door", "oval")?;
    /// for (watcher, key) in [(colors, "color/wall"), (shapes, "shape/door")] {
    ///     assert!(matches!(watcher.recv()?, Event::Synced { .. }));
    ///     assert!(matches!(watcher.recv()?, Event::Deliver(tuple) if tuple.key() == key.as_bytes()));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the prefix is longer than a key or holds a NUL byte;
    /// [`LimitReached`](crate::ErrorKind::LimitReached) if the node has 1024 watchers.
    pub fn watcher(&self, prefix: impl AsRef<[u8]>) -> Result<Watcher, Error> {
        let watcher = self.handle()?.watcher(prefix.as_ref())?;
        // Made now, so that asking for it cannot fail.
        watcher.fd().map_err(|error| from_io(&error))?;
        Ok(Watcher(watcher))
    }
}

impl Watcher {
    fn inner(&self) -> Result<&actor::Watcher, Error> {
        if self.0.is_orphan() { Err(CallError::Closed.into()) } else { Ok(&self.0) }
    }

    /// Receives the next event, and waits for it if there is none.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) once the node has ended and no event is left;
    /// [`Interrupted`](crate::ErrorKind::Interrupted) if a signal handler ran meanwhile.
    pub fn recv(&self) -> Result<Event, Error> {
        Ok(self.inner()?.recv()?.into())
    }

    /// Receives the next event, or `None` if none comes within the timeout.
    ///
    /// # Errors
    /// As [`recv`](Watcher::recv).
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<Event>, Error> {
        let received = self.inner()?.recv_within(timeout);
        in_time(received.map(Event::from).map_err(Error::from))
    }

    /// Receives an event if one waits, or `None`.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) once the node has ended and no event is left.
    pub fn try_recv(&self) -> Result<Option<Event>, Error> {
        self.recv_timeout(Duration::ZERO)
    }
}

impl AsFd for Watcher {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd().expect("made when the watcher was")
    }
}

impl AsRawFd for Watcher {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}
