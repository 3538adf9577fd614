//! A node and its calls.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::error::from_io;
use super::event::in_time;
use super::{Builder, Cert, Error, Event, Events, file_name, log};
use crate::actor::{CallError, Condition, Handle, NodeCalls};
use crate::core::{Stats, Tuple};
use crate::engine::raw;
use crate::log::{Level, Sink};

/// Node of a gossip network: it publishes key/value tuples, and comes to hold those of all others.
///
/// A node has a thread of its own. Any thread may make any call at any time: share a node by reference, or in an
/// [`Arc`]. Calls that have an answer are carried out after all that was asked before, by any thread, and after the
/// events that this led to can be received.
///
/// Keys are 1 to 255 bytes, values any bytes up to [`max_value`](Builder::max_value), both without NUL, for C
/// programs are to read them as strings.
///
/// ```
/// # fn main() -> Result<(), zgossip::Error> {
/// use std::time::Duration;
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
/// # End
/// Dropping a node ends it, in milliseconds, whatever its peers do: calls that wait in other threads return, what
/// was published just before still reaches the peers that are connected, events that were not received are lost. A
/// child that the process forks can make nodes of its own, and not use those of its parent: they are
/// [`Closed`](crate::ErrorKind::Closed) there.
///
/// # Descriptor
/// A node's descriptor ([`AsFd`], [`AsRawFd`]) is readable exactly while an event waits, and once the node has
/// ended: for `poll`, `epoll`, and the reactors of async runtimes. Receiving, with [`try_recv`](Node::try_recv), is
/// all that is needed; the descriptor itself is not to be read.
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
pub struct Node(Handle);

impl Node {
    /// Starts a node whose log lines, on standard error, have `name` as their prefix.
    ///
    /// # Errors
    /// Where there is no memory, thread or descriptor for it.
    pub fn new(name: &str) -> Result<Node, Error> {
        Node::builder().name(name).start()
    }

    /// Settings of a node that is to be started.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(super) fn spawn(prefix: &str, sink: Arc<dyn Sink>) -> Result<Node, Error> {
        let handle = Handle::new(prefix, sink, raw::Context::global()).map_err(|error| from_io(&error))?;
        // Made now, so that asking for it cannot fail.
        handle.fd().map_err(|error| from_io(&error))?;
        Ok(Node(handle))
    }

    /// The node, where this process is the one that made it.
    fn handle(&self) -> Result<&Handle, Error> {
        if self.0.is_orphan() { Err(CallError::Closed.into()) } else { Ok(&self.0) }
    }

    fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut NodeCalls<'_>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        Ok(self.handle()?.call(ask)?)
    }
}

/// Endpoints and keys.
impl Node {
    /// Accepts peers at an endpoint: `tcp://*:5670`, `tcp://127.0.0.1:*` (any free port), `tcp://[::1]:*`,
    /// `ipc:///path`, or `inproc://name` for nodes of this process. Several are allowed. Returns the TCP port, 0 for
    /// other transports.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), [`AddressInUse`](crate::ErrorKind::AddressInUse),
    /// [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable);
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied) where keys are set and cannot be used: an endpoint is
    /// never bound without them then.
    pub fn bind(&self, endpoint: &str) -> Result<u16, Error> {
        let endpoint = endpoint.as_bytes().to_vec();
        Ok(self.ask(move |node| node.bind(&endpoint))??)
    }

    /// Accepts no more peers at an endpoint, given as to [`bind`](Node::bind), or with the port that this returned.
    /// Peers that came by it are cut off.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) where it is not bound.
    pub fn unbind(&self, endpoint: &str) -> Result<(), Error> {
        let endpoint = endpoint.as_bytes().to_vec();
        Ok(self.ask(move |node| node.unbind(&endpoint))??)
    }

    /// Connects to the peer that is bound to an endpoint, now or as soon as it is, and again after each loss. Returns
    /// once the attempt has begun.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where the endpoint cannot be one.
    pub fn connect(&self, endpoint: &str) -> Result<(), Error> {
        self.connect_to(endpoint, None)
    }

    /// Connects as [`connect`](Node::connect), encrypted, to the peer that has this public key
    /// ([`Cert::public_text`]). The node shows its own keys, or fresh ones where none are set.
    ///
    /// # Errors
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied) where a key cannot be used; it never connects in
    /// clear then.
    pub fn connect_with_key(&self, endpoint: &str, server_key: &str) -> Result<(), Error> {
        self.connect_to(endpoint, Some(server_key.as_bytes().to_vec()))
    }

    fn connect_to(&self, endpoint: &str, server_key: Option<Vec<u8>>) -> Result<(), Error> {
        let endpoint = endpoint.as_bytes().to_vec();
        Ok(self.ask(move |node| node.connect(&endpoint, server_key.as_deref()))??)
    }

    /// Takes a [`connect`](Node::connect) back. What the peer has said stays.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) where there is no such connection.
    pub fn disconnect(&self, endpoint: &str) -> Result<(), Error> {
        let endpoint = endpoint.as_bytes().to_vec();
        Ok(self.ask(move |node| node.disconnect(&endpoint))??)
    }

    /// Sets the node's keys for what is bound and connected from now on.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where the certificate has no secret key.
    pub fn set_cert(&self, cert: &Cert) -> Result<(), Error> {
        let secret = cert.secret_text().ok_or_else(|| Error::invalid("the certificate has no secret key"))?;
        let (public, secret) = (cert.public_text(), Zeroizing::new(secret.as_bytes().to_vec()));
        self.ask(move |node| node.set_keys(public.as_bytes(), &secret))
    }

    /// Sets the domain that a ZAP handler is told of what is bound from now on; empty: `global`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where it is longer than 255 bytes.
    pub fn set_zap_domain(&self, domain: &str) -> Result<(), Error> {
        Ok(self.handle()?.set_zap_domain(domain.as_bytes())?)
    }
}

/// Tuples.
impl Node {
    /// Publishes a tuple: every node gets it, this one, too. Does not wait for the node; what is asked later comes
    /// later. Where the node has no room for a further key, that is logged, and [`Event::Refused`].
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where the key cannot be one or the value holds a NUL byte,
    /// [`TooLarge`](crate::ErrorKind::TooLarge) where the value is too long.
    pub fn publish(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), Error> {
        Ok(self.handle()?.publish(key.as_ref(), value.as_ref(), 0)?)
    }

    /// Publishes a tuple that expires everywhere after `ttl`, unless it is published again before. It counts in
    /// whole milliseconds, up to 49 days.
    ///
    /// # Errors
    /// As [`publish`](Node::publish); [`InvalidInput`](crate::ErrorKind::InvalidInput) where `ttl` is outside this.
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

    /// Withdraws a tuple from the whole network, whoever has published it. Returns whether this node held it; it is
    /// removed all the same where it is held, now or when a cut ends.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where the key cannot be one.
    pub fn retract(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        Ok(self.handle()?.retract(key.as_ref())?)
    }

    /// Forgets a tuple on this node alone; others keep it. It comes back when it is published anew. Returns whether
    /// it was held.
    ///
    /// # Errors
    /// As [`retract`](Node::retract).
    pub fn unpublish(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        Ok(self.handle()?.unpublish(key.as_ref())?)
    }

    /// The value of a key, if it has one.
    ///
    /// # Errors
    /// As [`retract`](Node::retract).
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.handle()?.get(key.as_ref())?.map(|tuple| tuple.value().to_vec()))
    }

    /// All tuples as they are at one moment, in the order of their keys' bytes.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn tuples(&self) -> Result<Vec<Tuple>, Error> {
        Ok(self.handle()?.tuples()?)
    }

    /// How many tuples the node holds.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn count(&self) -> Result<usize, Error> {
        self.ask(|node| node.count())
    }

    /// A number that sums up all the node holds, removed keys included: it is equal on nodes that hold the same.
    /// Not a cryptographic hash.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn digest(&self) -> Result<u64, Error> {
        self.ask(|node| node.root())
    }

    /// What the node does, in numbers.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn stats(&self) -> Result<Stats, Error> {
        self.ask(|node| node.stats())
    }
}

/// Waiting. A time-out is a [`Duration`], or `None`: as long as it takes.
impl Node {
    fn wait(&self, condition: Condition, timeout: impl Into<Option<Duration>>) -> Result<usize, Error> {
        Ok(self.handle()?.wait(condition, timeout.into())?)
    }

    /// Waits until the node holds `count` tuples or more.
    ///
    /// # Errors
    /// [`TimedOut`](crate::ErrorKind::TimedOut); [`Interrupted`](crate::ErrorKind::Interrupted) where a signal
    /// handler ran.
    pub fn wait_count(&self, count: usize, timeout: impl Into<Option<Duration>>) -> Result<(), Error> {
        self.wait(Condition::Count(count), timeout).map(drop)
    }

    /// Waits until a key has a value.
    ///
    /// # Errors
    /// As [`wait_count`](Node::wait_count).
    pub fn wait_key(&self, key: impl AsRef<[u8]>, timeout: impl Into<Option<Duration>>) -> Result<(), Error> {
        self.wait(Condition::Key(key.as_ref().into()), timeout).map(drop)
    }

    /// Waits until every peer that the node is to connect to, and every one that is connected to it, has what was
    /// published before: a short program may end then. Returns how many peers there are.
    ///
    /// # Errors
    /// As [`wait_count`](Node::wait_count).
    pub fn flush(&self, timeout: impl Into<Option<Duration>>) -> Result<usize, Error> {
        self.wait(Condition::Flushed, timeout)
    }

    /// Waits until the node agrees with its peers: at least `peers` of them have said since that they hold exactly
    /// what it holds, and none anything else. Peers with CZMQ's own zgossip cannot say so, and are not counted.
    /// Returns how many agree.
    ///
    /// # Errors
    /// As [`wait_count`](Node::wait_count).
    pub fn wait_agreement(&self, peers: usize, timeout: impl Into<Option<Duration>>) -> Result<usize, Error> {
        self.wait(Condition::Agreement(peers), timeout)
    }
}

/// Events.
impl Node {
    /// Receives the next event; waits for one. Each event is received by one caller.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) once the node has ended and no event is left;
    /// [`Interrupted`](crate::ErrorKind::Interrupted) where a signal handler ran.
    pub fn recv(&self) -> Result<Event, Error> {
        Ok(self.handle()?.recv()?.into())
    }

    /// Receives the next event, if one comes within this time.
    ///
    /// # Errors
    /// As [`recv`](Node::recv).
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<Event>, Error> {
        let received = self.handle()?.recv_within(timeout);
        in_time(received.map(Event::from).map_err(Error::from))
    }

    /// Receives an event, if one waits.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) once the node has ended and no event is left.
    pub fn try_recv(&self) -> Result<Option<Event>, Error> {
        self.recv_timeout(Duration::ZERO)
    }

    /// Iterator over the events: it waits for each, and ends when the node has. `for event in &node` is the same.
    pub fn events(&self) -> Events<'_> {
        Events(self)
    }

    /// Lets the node tell of removals, of peers that come and go, and of what was refused, or no more. The same as
    /// `server/events`.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn set_events(&self, on: bool) -> Result<(), Error> {
        self.set("server/events", if on { "1" } else { "0" })
    }
}

/// Configuration, log, commands and the end.
impl Node {
    /// Replaces the configuration by that of a file, binds and connects to what it says, and reads it again whenever
    /// it changes. Items and endpoints that cannot be used are logged only.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where it is not written as it has to be, and those of reading
    /// the file. Nothing is changed then.
    pub fn load(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        let file = file_name(&file).to_vec();
        Ok(self.ask(move |node| node.load(&file))??)
    }

    /// Writes the configuration to a file; it has either its old content or all of the new.
    ///
    /// # Errors
    /// Those of writing the file.
    pub fn save(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        let file = file_name(&file).to_vec();
        Ok(self.ask(move |node| node.save(&file))??)
    }

    /// Sets an item of the configuration, such as `server/timeout`; an empty value is as if it were not set.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where the path is not made of names, or the item cannot have
    /// that value.
    pub fn set(&self, path: &str, value: &str) -> Result<(), Error> {
        Ok(self.handle()?.set(path.as_bytes(), value.as_bytes())?)
    }

    /// Records in a file what the node is told from now on, to replay it elsewhere. Keys and passwords are not in it;
    /// the values of tuples are. A record that is there already is renamed to `FILE.1`.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) where the file is there and is no record,
    /// [`TimedOut`](crate::ErrorKind::TimedOut) where another node records in it, and those of making a file.
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

    /// Gives the log lines to a closure from now on; see [`Builder::log`]. Once this has returned, the closure that
    /// was set before is not called again.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), as all calls.
    pub fn set_log(&self, log: impl Fn(Level, &str) + Send + Sync + 'static) -> Result<(), Error> {
        let sink = log::sink(log);
        self.ask(move |node| node.set_sink(sink))
    }

    /// Sets how long a call waits for a node that is busy with very many others; `None` (as at first): as long as it
    /// takes. A call that has an answer waits for a second at least. In vain: [`TimedOut`](crate::ErrorKind::TimedOut),
    /// nothing having been done.
    pub fn set_send_timeout(&self, timeout: Option<Duration>) {
        self.0.set_send_timeout(timeout);
    }

    /// Gives a command as frames, for what no other call does: the table in the [crate's page](crate) has them all.
    /// Its reply is an [`Event::Reply`].
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where there are no frames,
    /// [`TooLarge`](crate::ErrorKind::TooLarge) where one has 4 GiB or more. Whether the command made sense is
    /// logged, and told by [`Event::Refused`].
    pub fn send(&self, frames: &[&[u8]]) -> Result<(), Error> {
        Ok(self.handle()?.send(frames)?)
    }

    /// Ends the node, as dropping it does, for all that share it: calls that wait return, and those that follow are
    /// [`Closed`](crate::ErrorKind::Closed). A second call does nothing.
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
