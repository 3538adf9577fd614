//! Calls that wait until a node, or its peers, are in some state.

use std::time::Duration;

use super::Node;
use crate::actor::Condition;
use crate::api::Error;

/// # Waiting
///
/// A timeout is a [`Duration`], or `None` to wait for as long as it takes. These calls do not receive events.
impl Node {
    fn wait(&self, condition: Condition, timeout: impl Into<Option<Duration>>) -> Result<usize, Error> {
        Ok(self.handle()?.wait(condition, timeout.into())?)
    }

    /// Waits until the node holds at least `count` tuples.
    ///
    /// # Errors
    /// [`TimedOut`](crate::ErrorKind::TimedOut) after the timeout; [`Interrupted`](crate::ErrorKind::Interrupted) if a
    /// signal handler ran meanwhile.
    pub fn wait_count(&self, count: usize, timeout: impl Into<Option<Duration>>) -> Result<(), Error> {
        self.wait(Condition::Count(count), timeout).map(drop)
    }

    /// Waits until the node holds a tuple with this key.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// # let registry = zgossip::Node::new("registry")?;
    /// # let port = registry.bind("tcp://127.0.0.1:*")?;
    /// # let endpoint = format!("tcp://127.0.0.1:{port}");
    /// # registry.publish("service/printer", "tcp://10.0.0.7:9100")?;
    /// use std::time::Duration;
    ///
    /// let node = zgossip::Node::new("client")?;
    /// node.connect(&endpoint)?;
    /// node.wait_key("service/printer", Duration::from_secs(10))?;
    /// let address = node.get("service/printer")?;
    /// # assert_eq!(address, Some(b"tcp://10.0.0.7:9100".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`wait_count`](Node::wait_count), and [`InvalidInput`](crate::ErrorKind::InvalidInput) if the key is empty,
    /// too long or holds a NUL byte.
    pub fn wait_key(&self, key: impl AsRef<[u8]>, timeout: impl Into<Option<Duration>>) -> Result<(), Error> {
        self.wait(Condition::Key(key.as_ref().into()), timeout).map(drop)
    }

    /// Waits until all peers have received what was published before: those that the node connects to, whether they are
    /// there yet or not, and those that are connected to it. Returns their number. A program that publishes and ends
    /// calls this in between.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// # let registry = zgossip::Node::new("registry")?;
    /// # let port = registry.bind("tcp://127.0.0.1:*")?;
    /// # let endpoint = format!("tcp://127.0.0.1:{port}");
    /// use std::time::Duration;
    ///
    /// let node = zgossip::Node::new("once")?;
    /// node.connect(&endpoint)?;
    /// node.publish("deployed", "1.4.2")?;
    /// assert_eq!(node.flush(Duration::from_secs(10)), Ok(1));
    /// # assert_eq!(registry.get("deployed"), Ok(Some(b"1.4.2".to_vec())));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`wait_count`](Node::wait_count).
    pub fn flush(&self, timeout: impl Into<Option<Duration>>) -> Result<usize, Error> {
        self.wait(Condition::Flushed, timeout)
    }

    /// Waits until the file of the setting `server/store` has what the node holds: what was published, or came from
    /// peers, before this call is there again after any end of the process or the machine.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// # let directory = std::env::temp_dir().join(format!("zgossip-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&directory).expect("a directory");
    /// # let file = directory.join("tuples").display().to_string();
    /// use std::time::Duration;
    ///
    /// let node = zgossip::Node::new("registry")?;
    /// node.set("server/store", &file)?;
    /// node.publish("deployed", "1.4.2")?;
    /// node.sync(Duration::from_secs(10))?;
    /// drop(node);
    ///
    /// let again = zgossip::Node::new("registry")?;
    /// again.set("server/store", &file)?;
    /// assert_eq!(again.get("deployed")?, Some(b"1.4.2".to_vec()));
    /// # drop(again);
    /// # std::fs::remove_dir_all(directory).expect("it was made above");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// ENOENT if `server/store` is not set; and as [`wait_count`](Node::wait_count).
    pub fn sync(&self, timeout: impl Into<Option<Duration>>) -> Result<(), Error> {
        Ok(self.handle()?.sync_store(timeout.into())?)
    }

    /// Waits until the node and its peers hold the same tuples: at least `peers` of them have said so since this call,
    /// and none holds anything else. Returns how many agree. Peers that run CZMQ's own zgossip cannot say so, and do
    /// not count.
    ///
    /// # Errors
    /// As [`wait_count`](Node::wait_count).
    pub fn wait_agreement(&self, peers: usize, timeout: impl Into<Option<Duration>>) -> Result<usize, Error> {
        self.wait(Condition::Agreement(peers), timeout)
    }
}
