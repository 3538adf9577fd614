//! A ROUTER socket and the links behind it.
//!
//! Every link, whoever made the connection, is a routing id on some ROUTER: one for all that connected to us, and
//! one that connects to all our remotes (`ZMQ_CONNECT_ROUTING_ID`). Frames are the same as those of the DEALERs that
//! CZMQ connects with, and a ROUTER takes both kinds of peer. But a DEALER and its monitor cost four descriptors for
//! each remote instead of one, ROUTER_MANDATORY tells a full queue from a peer that is gone, and a node polls the same
//! few sockets however many peers it has.

use std::collections::VecDeque;
use std::os::fd::RawFd;

use hashbrown::HashMap;

use crate::core::{Frame, LinkId, Role};

use super::hasher;
use super::raw::{Context, Error, Events, MonitorEvent, Monitored, Msg, Socket};

/// Frames that may wait in a peer's queue before the engine keeps what is owed to it.
const SEND_QUEUE: i32 = 200;
/// Frames of a peer that may wait for us.
const RECEIVE_QUEUE: i32 = 1000;
/// How long the frames of a closed socket may go on leaving, in the background (ms).
pub(super) const LINGER: i32 = 250;
/// Connections that may wait to be accepted: a thousand nodes may start at once.
const BACKLOG: i32 = 1024;

/// What a router is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    /// Peers that connect to us.
    Listen,
    /// Remotes within the process: they come and go without events.
    Inproc,
    /// Remotes that libzmq's events name unmistakably.
    Shared,
    /// One remote that they do not, such as one given by a host name: here every event is its own.
    Dedicated,
}

impl Purpose {
    pub(super) fn role(self) -> Role {
        if self == Purpose::Listen { Role::Server } else { Role::Client }
    }

    fn is_monitored(self) -> bool {
        matches!(self, Purpose::Shared | Purpose::Dedicated)
    }
}

/// The socket, watched or not.
enum Inner {
    Unmonitored(Socket),
    Monitored(Monitored),
}

/// A ROUTER socket and the links behind it.
pub(super) struct Router {
    inner: Inner,
    fd: RawFd,
    monitor_fd: Option<RawFd>,
    pub(super) purpose: Purpose,
    pub(super) links: HashMap<Box<[u8]>, LinkId, ahash::RandomState>,
    /// Who spoke last: mostly the one who speaks next.
    last: Option<(Box<[u8]>, LinkId)>,
    /// Look at the socket before waiting: it was used, or its descriptor has news.
    pub(super) may_be_readable: bool,
    /// Look at the monitor.
    pub(super) monitor_may_be_readable: bool,
    /// Events of the monitor, read and not yet acted upon.
    pub(super) monitor_events: VecDeque<MonitorEvent>,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sent {
    Yes,
    /// No room in this peer's queue.
    Full,
    /// No such peer.
    Gone,
}

/// What happens to TCP connections over which nothing comes any more.
///
/// ZMTP heartbeats would be the obvious choice and are not used: libzmq sends them to peers that do not know them
/// (anything before libzmq 4.2, other ZMTP 3.0 implementations) and then cuts these off for not answering; and it
/// cuts off every peer whose queue is full, for a peer that stops reading does not read PINGs either. Both would end
/// conversations that are merely silent or slow. The kernels at both ends know whether the machines are there.
fn keep_alive(socket: &Socket, purpose: Purpose) -> Result<(), Error> {
    let options = socket.options();
    options.set_tcp_keepalive(1)?;
    options.set_tcp_keepalive_idle(5)?;
    options.set_tcp_keepalive_intvl(2)?;
    options.set_tcp_keepalive_cnt(4)?;
    // How long sent bytes may stay unacknowledged. A client that was suspended gets more time than a hub: it would
    // have to find out by itself that it must say HELLO again.
    let patience = if purpose == Purpose::Listen { 60_000 } else { 20_000 };
    // Refused where the system has no such option.
    let _ = socket.set_int(zmq_sys::ZMQ_TCP_MAXRT, patience);
    Ok(())
}

impl Router {
    /// A new ROUTER.
    pub(super) fn new(context: Context, purpose: Purpose) -> Result<Router, Error> {
        let socket = Socket::new(context, zmq::ROUTER)?;
        let options = socket.options();
        options.set_router_mandatory(true)?;
        options.set_sndhwm(SEND_QUEUE)?;
        options.set_rcvhwm(RECEIVE_QUEUE)?;
        options.set_linger(LINGER)?;
        options.set_backlog(BACKLOG)?;
        options.set_reconnect_ivl(100)?;
        options.set_reconnect_ivl_max(1000)?;
        options.set_connect_timeout(5000)?;
        keep_alive(&socket, purpose)?;

        let fd = socket.fd()?;
        let inner = if purpose.is_monitored() {
            Inner::Monitored(Monitored::new(context, socket)?)
        } else {
            Inner::Unmonitored(socket)
        };
        let monitor_fd = match &inner {
            Inner::Monitored(monitored) => Some(monitored.reader().fd()?),
            Inner::Unmonitored(_) => None,
        };
        Ok(Router {
            inner,
            fd,
            monitor_fd,
            purpose,
            links: HashMap::with_hasher(hasher()),
            last: None,
            may_be_readable: true,
            monitor_may_be_readable: true,
            monitor_events: VecDeque::new(),
        })
    }

    pub(super) fn socket(&self) -> &Socket {
        match &self.inner {
            Inner::Unmonitored(socket) => socket,
            Inner::Monitored(monitored) => monitored.socket(),
        }
    }

    /// The socket's descriptor, to wait for.
    pub(super) fn fd(&self) -> RawFd {
        self.fd
    }

    /// The monitor's, if there is one.
    pub(super) fn monitor_fd(&self) -> Option<RawFd> {
        self.monitor_fd
    }

    pub(super) fn events(&self) -> Result<Events, Error> {
        self.socket().events()
    }

    /// Whether an event waits at the monitor.
    pub(super) fn monitor_is_readable(&self) -> Result<bool, Error> {
        match &self.inner {
            Inner::Unmonitored(_) => Ok(false),
            Inner::Monitored(monitored) => Ok(monitored.reader().events()?.readable),
        }
    }

    /// Read the monitor's events into `monitor_events`.
    pub(super) fn read_monitor(&mut self) -> Result<(), Error> {
        self.monitor_may_be_readable = false;
        if let Inner::Monitored(monitored) = &self.inner {
            while let Some(event) = monitored.next()? {
                self.monitor_events.push_back(event);
            }
        }
        Ok(())
    }

    /// Receive one message: the sender's routing id into `routing_id`, the last frame into `body`. Some peers put other
    /// frames before it. False when none waits.
    #[inline]
    pub(super) fn receive(&mut self, routing_id: &mut Msg, body: &mut Msg) -> Result<bool, Error> {
        match self.socket().try_recv(routing_id) {
            Ok(()) => {}
            Err(error) if error.is_again() => return Ok(false),
            Err(error) => return Err(error),
        }
        let mut more = routing_id.more();
        while more {
            self.socket().try_recv(body)?;
            more = body.more();
        }
        Ok(true)
    }

    /// The link with this routing id.
    #[inline]
    pub(super) fn find(&mut self, routing_id: &[u8]) -> Option<LinkId> {
        if let Some((last, link)) = &self.last
            && **last == *routing_id
        {
            return Some(*link);
        }
        let (routing_id, &link) = self.links.get_key_value(routing_id)?;
        self.last = Some((routing_id.clone(), link));
        Some(link)
    }

    /// Forget a routing id; false if there was none.
    pub(super) fn forget(&mut self, routing_id: &[u8]) -> bool {
        self.last = None;
        self.links.remove(routing_id).is_some()
    }

    /// Send a frame to the peer with this routing id.
    #[inline]
    pub(super) fn send(&mut self, routing_id: &[u8], frame: &Frame) -> Result<Sent, Error> {
        self.may_be_readable = true;
        // The body first: once the routing id is sent, there must be one.
        let mut body = match frame.shared() {
            Some(bytes) => Msg::from_arc(bytes.clone())?,
            None => Msg::from_slice(frame.bytes())?,
        };
        match self.socket().try_send_slice(routing_id, true) {
            Ok(()) => {}
            Err(error) if error.is_again() => return Ok(Sent::Full),
            Err(error) if error.is_unreachable() => return Ok(Sent::Gone),
            Err(error) => return Err(error),
        }
        self.socket().try_send(&mut body, false)?;
        Ok(Sent::Yes)
    }
}
