//! Receiving a node's events.

use std::time::Duration;

use super::Node;
use crate::api::event::{events_level, in_time};
use crate::api::{Error, Event, Events};

/// # Events
impl Node {
    /// Receives the next event, and waits for it if there is none. If several threads receive, each event goes to one
    /// of them.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) once the node has ended and no event is left;
    /// [`Interrupted`](crate::ErrorKind::Interrupted) if a signal handler ran meanwhile.
    pub fn recv(&self) -> Result<Event, Error> {
        Ok(self.handle()?.recv()?.into())
    }

    /// Receives the next event, or `None` if none comes within the timeout.
    ///
    /// # Errors
    /// As [`recv`](Node::recv).
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<Event>, Error> {
        let received = self.handle()?.recv_within(timeout);
        in_time(received.map(Event::from).map_err(Error::from))
    }

    /// Receives an event if one waits, or `None`.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) once the node has ended and no event is left.
    pub fn try_recv(&self) -> Result<Option<Event>, Error> {
        self.recv_timeout(Duration::ZERO)
    }

    /// Iterator over the events, which waits for each and ends when the node does. `for event in &node` is the same.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// use zgossip::{Event, Node};
    ///
    /// let node = Node::new("reader")?;
    /// node.publish("a", "1")?;
    /// node.publish("b", "2")?;
    /// let tuples = node.events().filter_map(|event| match event {
    ///     Event::Deliver(tuple) => Some(tuple),
    ///     _ => None,
    /// });
    /// assert_eq!(tuples.take(2).last().unwrap().value(), b"2");
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(&self) -> Events<'_> {
        Events(self)
    }

    /// Delivers only keys that begin with `prefix` from now on, or with another prefix that is watched; those that the
    /// node holds at once, also if they were delivered before. Until the first call a node delivers everything, and an
    /// empty prefix stands for all keys.
    ///
    /// Behind the keys comes [`Event::Synced`]: as soon as the node has taken the whole state of one peer, or at once if
    /// it did so before, or if there is no peer and none to connect to. So connect first, then watch; while the peers to
    /// connect to are not there, it waits.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// use zgossip::{Event, Node};
    ///
    /// let node = Node::new("watcher")?;
    /// node.publish("color/wall", "red")?;
    /// node.watch("shape/")?;
    /// node.publish("color/wall", "blue")?;
    /// node.publish("shape/door", "oval")?;
    /// assert!(matches!(node.recv()?, Event::Deliver(tuple) if tuple.key() == b"color/wall")); // before
    /// assert!(matches!(node.recv()?, Event::Synced { prefix, .. } if prefix == b"shape/"));
    /// assert!(matches!(node.recv()?, Event::Deliver(tuple) if tuple.key() == b"shape/door"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the prefix is longer than a key or holds a NUL byte;
    /// [`LimitReached`](crate::ErrorKind::LimitReached) if 1024 prefixes are watched.
    pub fn watch(&self, prefix: impl AsRef<[u8]>) -> Result<(), Error> {
        Ok(self.handle()?.watch(prefix.as_ref())?)
    }

    /// Delivers keys that begin with `prefix` no more. After the last one no key is delivered.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if the prefix is not watched.
    pub fn unwatch(&self, prefix: impl AsRef<[u8]>) -> Result<(), Error> {
        Ok(self.handle()?.unwatch(prefix.as_ref())?)
    }

    /// Turns on, or off, all events but [`Event::Deliver`], which always comes (`server/events`).
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn set_events(&self, on: bool) -> Result<(), Error> {
        self.set("server/events", events_level(on))
    }

    /// Turns on all events, of which those about keys come as [`Event::Changed`], with the value before, the writer and a
    /// version; or turns off all but [`Event::Deliver`] (`server/events`).
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// use zgossip::{Event, Node};
    ///
    /// let node = Node::new("writer")?;
    /// node.set_changes(true)?;
    /// node.publish("color", "red")?;
    /// let Event::Changed(first) = node.recv()? else { panic!("a key has changed") };
    /// node.publish("color", "blue")?;
    /// let Event::Changed(change) = node.recv()? else { panic!("a key has changed") };
    /// assert_eq!(change.value.as_deref(), Some(&b"blue"[..]));
    /// assert_eq!(change.before.as_deref(), Some(&b"red"[..]));
    /// assert_eq!(change.writer_name.as_deref(), Some("writer"));
    /// assert!(change.version > first.version);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn set_changes(&self, on: bool) -> Result<(), Error> {
        self.set("server/events", if on { "3" } else { "0" })
    }
}
