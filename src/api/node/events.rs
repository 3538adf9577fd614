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

    /// Turns on, or off, all events but [`Event::Deliver`], which always comes (`server/events`).
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn set_events(&self, on: bool) -> Result<(), Error> {
        self.set("server/events", events_level(on))
    }
}
