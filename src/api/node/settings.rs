//! Configuration, flight recorder, log and commands of a node.

use std::path::Path;
use std::time::Duration;

use super::Node;
use crate::api::{Error, file_name, log};
use crate::log::Level;

/// # Configuration, flight recorder, log and commands
impl Node {
    /// Loads a configuration file in place of all items loaded or set before, binds and connects to its endpoints, and
    /// loads it again whenever it changes. Items and endpoints that cannot be used are logged, and do not fail the
    /// call.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the file is not in ZPL, or the error of reading it. Nothing
    /// is changed then.
    pub fn load(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        let file = file_name(&file).to_vec();
        Ok(self.ask(move |node| node.load(&file))??)
    }

    /// Loads a configuration file as [`load`](Node::load) does, but only if nothing is wrong with it, as
    /// [`check`](crate::check) sees it. Returns what could not be done, such as binding to an endpoint that is in use: a
    /// text for each, with the rest of the file in force.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), with all faults in its text, or the error of reading the file.
    /// Nothing is changed then.
    pub fn load_strict(&self, file: impl AsRef<Path>) -> Result<Vec<String>, Error> {
        let file = file_name(&file).to_vec();
        Ok(self.ask(move |node| node.load_strictly(&file))?.map_err(|(failure, _)| failure)?)
    }

    /// Saves the configuration to a file, which at any moment has either its old content or all of the new.
    ///
    /// # Errors
    /// The error of writing the file.
    pub fn save(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        let file = file_name(&file).to_vec();
        Ok(self.ask(move |node| node.save(&file))??)
    }

    /// Sets an item of the configuration, such as `server/timeout`; an empty value restores its default. The
    /// [crate's page](crate#configuration) lists all items.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// let node = zgossip::Node::new("small")?;
    /// node.set("server/max_value", "100")?;
    /// let error = node.publish("key", "x".repeat(101)).unwrap_err();
    /// assert_eq!(error.kind(), zgossip::ErrorKind::TooLarge);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the path is not made of names separated by `/`, or the item
    /// cannot have this value; another one for `zgossip/network` once there are peers.
    pub fn set(&self, path: &str, value: &str) -> Result<(), Error> {
        Ok(self.handle()?.set(path.as_bytes(), value.as_bytes())?)
    }

    /// Records in a file what the node receives from now on, to be replayed elsewhere. The record holds the values of
    /// tuples, but neither keys of certificates nor passwords. A record already in this file is renamed to `FILE.1`.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if the file exists and is no record,
    /// [`TimedOut`](crate::ErrorKind::TimedOut) if another node records in it,
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the name is empty, or the error of creating the file.
    pub fn record(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        let file = file_name(&file).to_vec();
        if file.is_empty() {
            return Err(Error::invalid("a record needs a file"));
        }
        Ok(self.ask(move |node| node.record(&file))??)
    }

    /// Ends a [`record`](Node::record).
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn end_record(&self) -> Result<(), Error> {
        Ok(self.ask(|node| node.record(b""))??)
    }

    /// Passes the log lines to a closure from now on; see [`Builder::log`](crate::Builder::log). Once this call has
    /// returned, the closure set before is not called again.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn set_log(&self, log: impl Fn(Level, &str) + Send + Sync + 'static) -> Result<(), Error> {
        let sink = log::sink(log);
        self.ask(move |node| node.set_sink(sink))
    }

    /// Limits how long a call waits while very many others wait for the node; `None`, the default, is without limit. A
    /// call that returns an answer waits for a second at least. A call that has waited in vain returns
    /// [`TimedOut`](crate::ErrorKind::TimedOut) and has changed nothing.
    pub fn set_send_timeout(&self, timeout: Option<Duration>) {
        self.0.set_send_timeout(timeout);
    }

    /// Sends a command as frames, one that has no method, for example. The [crate's page](crate#commands-and-replies)
    /// lists all commands. A reply comes as an [`Event::Reply`](crate::Event::Reply).
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// use zgossip::{Event, Node};
    ///
    /// let node = Node::new("example")?;
    /// node.send(&[b"STATUS"])?;
    /// assert!(matches!(node.recv()?, Event::Reply { frames, .. } if frames == [&b"STATUS"[..], b"0"]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if there are no frames, or the command is malformed: unknown, or
    /// with arguments that are missing, too many or not of their kind;
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if one of them has 4 GiB or more. A command that the node does not carry
    /// out, malformed ones among them, is logged, and leads to an [`Event::Refused`](crate::Event::Refused).
    pub fn send(&self, frames: &[&[u8]]) -> Result<(), Error> {
        Ok(self.handle()?.send_checked(frames)?)
    }
}
