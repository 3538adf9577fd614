//! Tuples: publishing and removing them, and reading what a node holds.

use std::time::Duration;

use super::Node;
use crate::api::{Error, Origin};
use crate::core::{Stats, Tuple, Version};

/// # Tuples
impl Node {
    /// Publishes a tuple, which every node gets, this one included. Returns without waiting for the node. If the node
    /// has no room for another key, the tuple is dropped, with a line in the log and an
    /// [`Event::Refused`](crate::Event::Refused).
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// let node = zgossip::Node::new("publisher")?;
    /// node.publish("color", "red")?;
    /// node.publish("color", b"blue")?;
    /// assert_eq!(node.get("color")?, Some(b"blue".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the key is empty, too long or holds a NUL byte, or the value
    /// holds one; [`TooLarge`](crate::ErrorKind::TooLarge) if the value is too long.
    pub fn publish(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), Error> {
        Ok(self.handle()?.publish(key.as_ref(), value.as_ref(), 0)?)
    }

    /// Publishes a tuple that expires on all nodes after a time to live, unless it is published again before. The time
    /// to live counts in whole milliseconds, from 1 ms to 49 days.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// use std::time::Duration;
    /// use zgossip::{Event, Node};
    ///
    /// let node = Node::builder().events(true).start()?;
    /// node.publish_with_ttl("service/camera", "10.0.0.3:554", Duration::from_millis(50))?;
    /// assert!(matches!(node.recv()?, Event::Deliver(_)));
    /// assert!(matches!(node.recv()?, Event::Expire { key, .. } if key == b"service/camera"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`publish`](Node::publish), and [`InvalidInput`](crate::ErrorKind::InvalidInput) if the time to live is
    /// outside these bounds.
    pub fn publish_with_ttl(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: Duration,
    ) -> Result<(), Error> {
        match u32::try_from(ttl.as_millis()) {
            Ok(millis @ 1..) => Ok(self.handle()?.publish(key.as_ref(), value.as_ref(), millis)?),
            _ => Err(Error::invalid("time to live is not 1 ms to 49 days")),
        }
    }

    /// Announces a tuple: gives a key a value that lives as long as this node, which keeps it alive by itself.
    ///
    /// When the node ends, the tuple is withdrawn everywhere. When the process dies, its peers notice and tell the others
    /// after `server/grace` (200 ms). When the process hangs or is cut off, other nodes miss it after `ttl`, in whole
    /// milliseconds: at least 500, ten seconds for `None`. A node that shows itself again has its tuples back. Of several
    /// nodes that announce a key the last one's value counts; when that ends, another one's does.
    /// [`publish`](Node::publish) or [`retract`](Node::retract) of the key ends the announcement.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// let node = zgossip::Node::new("camera")?;
    /// node.announce("service/camera", "tcp://10.0.0.3:554", None)?;
    /// assert!(node.get("service/camera")?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`publish`](Node::publish); [`InvalidInput`](crate::ErrorKind::InvalidInput) if the time to live is longer than
    /// 49 days; and an error if the node has no room for the tuple.
    pub fn announce(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: Option<Duration>,
    ) -> Result<(), Error> {
        match u32::try_from(ttl.map_or(0, |ttl| ttl.as_millis().max(1))) {
            Ok(millis) => Ok(self.handle()?.announce(key.as_ref(), value.as_ref(), millis)?),
            Err(_) => Err(Error::invalid("time to live is longer than 49 days")),
        }
    }

    /// Removes a tuple from the whole network, no matter which node published it. Returns whether this node held it.
    /// If it did not, the removal still reaches the nodes that do, also those that are cut off for a while.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// let node = zgossip::Node::new("publisher")?;
    /// node.publish("color", "red")?;
    /// assert_eq!(node.retract("color"), Ok(true));
    /// assert_eq!(node.get("color"), Ok(None));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the key is empty, too long or holds a NUL byte.
    pub fn retract(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        Ok(self.handle()?.retract(key.as_ref())?)
    }

    /// Forgets a tuple on this node only, until this node publishes the key or another node gives it another value. Returns
    /// whether the node held it.
    ///
    /// # Errors
    /// As [`retract`](Node::retract).
    pub fn unpublish(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        Ok(self.handle()?.unpublish(key.as_ref())?)
    }

    /// Value of a key, or `None` if the node holds no tuple with this key.
    ///
    /// # Errors
    /// As [`retract`](Node::retract).
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.handle()?.get(key.as_ref())?.map(|tuple| tuple.value().to_vec()))
    }

    /// Publishes a tuple if this node holds a certain version of its key; with `None`, if the key has no value here. The
    /// version is that of [`get_versioned`](Node::get_versioned) or of a [`Change`](crate::Change).
    ///
    /// What is checked is what this node holds: no lock. Another node may write the key at the same time, or have written
    /// it already; then the later write wins, as always, and both calls have succeeded. A version may also differ although
    /// nobody wrote, for a node that meets its first peer or sets its clock right stamps anew what it wrote before.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// use zgossip::{ErrorKind, Node};
    ///
    /// let node = Node::new("counter")?;
    /// node.publish_if("count", "1", None)?;
    /// let (value, version) = node.get_versioned("count")?.expect("just published");
    /// node.publish_if("count", "2", Some(version))?;
    /// let late = node.publish_if("count", "2", Some(version)).unwrap_err();
    /// assert_eq!((value, late.kind()), (b"1".to_vec(), ErrorKind::AlreadyExists));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if the key has another version, or a value where none was
    /// expected; [`NotFound`](crate::ErrorKind::NotFound) if it has no value;
    /// [`LimitReached`](crate::ErrorKind::LimitReached) if the node has no room; and those of [`publish`](Node::publish).
    pub fn publish_if(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        version: Option<Version>,
    ) -> Result<(), Error> {
        Ok(self.handle()?.publish_if(key.as_ref(), value.as_ref(), version)?)
    }

    /// Value of a key with its version, or `None` if the node holds no tuple with this key.
    ///
    /// # Errors
    /// As [`retract`](Node::retract).
    pub fn get_versioned(&self, key: impl AsRef<[u8]>) -> Result<Option<(Vec<u8>, Version)>, Error> {
        let found = self.handle()?.get_versioned(key.as_ref())?;
        Ok(found.map(|(tuple, version)| (tuple.value().to_vec(), version)))
    }

    /// Who wrote the tuple of a key, and when; `None` if the node holds no tuple with this key.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// let node = zgossip::Node::new("writer")?;
    /// node.publish("color", "red")?;
    /// let origin = node.origin("color")?.expect("just published");
    /// assert!(origin.own && origin.name.as_deref() == Some("writer"));
    /// assert!(origin.written <= Some(std::time::SystemTime::now()) && origin.ttl == None);
    /// assert_eq!(node.origin("shape"), Ok(None));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`retract`](Node::retract).
    pub fn origin(&self, key: impl AsRef<[u8]>) -> Result<Option<Origin>, Error> {
        let found = self.handle()?.origin(key.as_ref())?;
        Ok(found.map(|(endpoint, origin)| Origin::new(endpoint, &origin)))
    }

    /// All tuples that the node holds at one moment, ordered by the bytes of their keys.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// let node = zgossip::Node::new("reader")?;
    /// node.publish("b", "2")?;
    /// node.publish("a", "1")?;
    /// let keys: Vec<_> = node.tuples()?.iter().map(|tuple| tuple.key().to_vec()).collect();
    /// assert_eq!(keys, [b"a", b"b"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn tuples(&self) -> Result<Vec<Tuple>, Error> {
        Ok(self.handle()?.tuples()?)
    }

    /// Number of tuples that the node holds.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn count(&self) -> Result<usize, Error> {
        self.ask(|node| node.count())
    }

    /// Digest of all that the node holds, removed keys included: equal on nodes that hold the same. It is no
    /// cryptographic hash.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn digest(&self) -> Result<u64, Error> {
        self.ask(|node| node.root())
    }

    /// Statistics of the node.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn stats(&self) -> Result<Stats, Error> {
        self.ask(|node| node.stats())
    }
}
