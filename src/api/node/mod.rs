//! The node, split by concern.
//!
//! | file | concern |
//! | --- | --- |
//! | `mod` | the type: its start, its end, its descriptor |
//! | `endpoints` | endpoints, and keys for them |
//! | `peers` | whom the node is linked to |
//! | `tuples` | what is published, and what the node holds |
//! | `waiting` | calls that wait for a state of the node |
//! | `events` | receiving events |
//! | `settings` | configuration, flight recorder, log, commands |

mod endpoints;
mod events;
mod peers;
mod settings;
mod tuples;
mod waiting;

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

use super::error::from_io;
use super::{Builder, Error};
use crate::actor::{CallError, Handle, NodeCalls};
use crate::engine::raw;
use crate::log::Sink;

/// Node of a gossip network: it publishes key/value tuples, and comes to hold those of all other nodes.
///
/// ```
/// # fn main() -> Result<(), zgossip::Error> {
/// use zgossip::{Event, Node};
///
/// let registry = Node::new("registry")?;
/// let port = registry.bind("tcp://127.0.0.1:*")?;
///
/// let printer = Node::new("printer")?;
/// printer.connect(&format!("tcp://127.0.0.1:{port}"))?;
/// printer.publish("service/printer", "tcp://10.0.0.7:9100")?;
///
/// match registry.recv()? {
///     Event::Deliver(tuple) => assert_eq!(tuple.key(), b"service/printer"),
///     event => panic!("{event:?}"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// Keys have 1 to 255 bytes, values any number up to [`max_value`](Builder::max_value). Both may be in any encoding,
/// without NUL bytes: programs in C read them as strings.
///
/// # Threads
/// Every node has a thread of its own, which takes none of the process's signals. Any thread may make any call at
/// any time: share a node by reference, or in an [`Arc`]. Calls take effect in the order in which they are made, by
/// whichever thread. A call that returns an answer waits for those made before it, and the events that they caused
/// can be received by then.
///
/// # End
/// Dropping a node ends it, in milliseconds, whatever its peers do; [`close`](Node::close) does so while others share
/// it. Tuples published just before still reach connected peers; [`flush`](Node::flush) makes sure of it. Events not
/// received yet are lost.
///
/// A child process, after `fork`, cannot use the nodes of its parent: their calls return
/// [`Closed`](crate::ErrorKind::Closed) there. It can make nodes of its own.
///
/// # Descriptor
/// The descriptor of a node ([`AsFd`], [`AsRawFd`]) is readable exactly while an event waits, and once the node has
/// ended. Use it with `poll` or `epoll`, and receive with [`try_recv`](Node::try_recv); never read from the
/// descriptor itself.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use rustix::event::{PollFd, PollFlags, poll};
///
/// let node = zgossip::Node::new("poller")?;
/// node.publish("key", "value")?;
/// poll(&mut [PollFd::new(&node, PollFlags::IN)], None)?;
/// assert!(node.try_recv()?.is_some());
/// assert!(node.try_recv()?.is_none());
/// # Ok(())
/// # }
/// ```
///
/// Async runtimes take it as well; here the reactor of smol:
///
/// ```
/// use std::io;
/// use async_io::Async;
/// use zgossip::{Event, Node};
///
/// async fn next_event(node: &Async<Node>) -> io::Result<Event> {
///     node.read_with(|node| node.try_recv()?.ok_or_else(|| io::ErrorKind::WouldBlock.into())).await
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # async_io::block_on(async {
/// let node = Async::new_nonblocking(Node::new("async")?)?;
/// node.get_ref().publish("key", "value")?;
/// let event = next_event(&node).await?;
/// assert!(matches!(event, Event::Deliver(tuple) if tuple.key() == b"key"));
/// # Ok(())
/// # })
/// # }
/// ```
///
/// The descriptor stays the same, and open, until the node is dropped. Edge-triggered polling, as tokio's, must receive
/// until [`try_recv`](Node::try_recv) returns `None` before it waits again.
pub struct Node(Handle);

impl Node {
    /// Starts a node with default settings. Its log goes to standard error, each line with `name` before it.
    ///
    /// # Errors
    /// [`Other`](crate::ErrorKind::Other), with the system's error number, if memory, a thread or a descriptor
    /// cannot be had.
    pub fn new(name: &str) -> Result<Node, Error> {
        Node::builder().name(name).start()
    }

    /// Settings for a node to be started.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(super) fn spawn(prefix: &str, sink: Arc<dyn Sink>) -> Result<Node, Error> {
        let handle = Handle::new(prefix, sink, raw::Context::global()).map_err(|error| from_io(&error))?;
        // Made now, so that asking for it cannot fail.
        handle.fd().map_err(|error| from_io(&error))?;
        Ok(Node(handle))
    }

    /// The handle, unless this process is a child of the one that made the node.
    pub(super) fn handle(&self) -> Result<&Handle, Error> {
        if self.0.is_orphan() { Err(CallError::Closed.into()) } else { Ok(&self.0) }
    }

    /// Runs a closure in the node's thread and returns its answer.
    fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut NodeCalls<'_>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        Ok(self.handle()?.call(ask)?)
    }

    /// Ends the node for all that share it, as dropping it does. Calls that wait return
    /// [`Closed`](crate::ErrorKind::Closed), and so does every later call. A second call of this does nothing.
    ///
    /// ```
    /// # fn main() -> Result<(), zgossip::Error> {
    /// let node = zgossip::Node::new("brief")?;
    /// node.close();
    /// assert_eq!(node.recv().unwrap_err().kind(), zgossip::ErrorKind::Closed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&self) {
        self.0.close();
    }
}

impl AsFd for Node {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd().expect("made when the node was")
    }
}

impl AsRawFd for Node {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}
