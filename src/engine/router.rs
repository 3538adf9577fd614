//! A ROUTER socket and the links behind it.
//!
//! Every link, whoever made the connection, is a routing id on some ROUTER: one for all peers that connected to this
//! node, and one that connects to the remotes (`ZMQ_CONNECT_ROUTING_ID`). Frames are the same as those of the DEALERs
//! that CZMQ connects with, and a ROUTER takes both kinds of peer. But a DEALER and its monitor cost four descriptors
//! for each remote instead of one, ROUTER_MANDATORY tells a full queue from a peer that is gone, and a node polls the
//! same few sockets however many peers it has.

use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::core::{Frame, LinkId, Role};

use super::entropy;
use super::raw::{Context, Error, Events, Load, MonitorEvent, Monitored, Msg, Socket, Watched};

/// Frames that libzmq may hold for one peer; beyond them, the node only remembers what is owed to the peer.
const SEND_QUEUE: i32 = 200;
/// Frames of one peer that libzmq may hold until they are read.
const RECEIVE_QUEUE: i32 = 1000;
/// The time for which the frames of a closed socket may go on leaving, in the background (ms).
pub(super) const LINGER: i32 = 250;
/// Connections that may wait to be accepted. A thousand nodes may start at once.
const BACKLOG: i32 = 1024;

/// The time that a handshake may take (ms); libzmq's default is 30 s. By CURVE it takes three and a
/// half round trips from the connection to the last answer, which is 14 s on the slowest lines that this library is for
/// (4 s there and back); the rest is for a lost packet, and for the ZAP handler.
const HANDSHAKE: i32 = 20_000;

/// The peers that a router leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    /// Peers that connect to us.
    Listen,
    /// Remotes within the process, which come and go without monitor events.
    Inproc,
    /// Remotes that monitor events name unmistakably.
    Shared,
    /// A remote that monitor events do not name, such as one given by a host name: every event is about it.
    Dedicated,
}

impl Purpose {
    pub(super) fn role(self) -> Role {
        if self == Purpose::Listen { Role::Server } else { Role::Client }
    }

    /// The reports that the monitor is asked for; `None` where there is no monitor.
    fn watched(self) -> Option<Watched> {
        match self {
            Purpose::Listen => Some(Watched::Listener),
            Purpose::Inproc => None,
            Purpose::Shared => Some(Watched::Remotes),
            Purpose::Dedicated => Some(Watched::Attempts),
        }
    }
}

/// The socket, with or without a monitor.
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
    /// The link of each routing id.
    links: HashMap<Box<[u8]>, LinkId, ahash::RandomState>,
    /// The sender of the last message: mostly that of the next one, too.
    last: Option<(Box<[u8]>, LinkId)>,
    /// The socket is to be asked before the next wait: it was used, or its descriptor fired.
    pub(super) may_be_readable: bool,
    /// The monitor is to be asked before the next wait.
    pub(super) monitor_may_be_readable: bool,
    /// Events of the monitor, read and not yet acted upon.
    pub(super) monitor_events: VecDeque<MonitorEvent>,
}

/// A message that is received, in frames that are used again for the next one.
#[derive(Default)]
pub(super) struct Message {
    /// The sender's routing id.
    pub(super) routing_id: Msg,
    /// The last frame. Some peers put other frames before it.
    pub(super) body: Msg,
    /// Bytes of all frames but the routing id, and their number.
    pub(super) bytes: usize,
    pub(super) frames: u64,
}

/// The outcome of sending a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sent {
    Yes,
    /// The peer's queue has no room.
    Full,
    /// The ROUTER knows no such peer.
    Gone,
}

/// Lets the kernel close TCP connections whose other end is gone.
///
/// ZMTP heartbeats would be the obvious choice and are not used: libzmq sends them to peers that do not know them
/// (anything before libzmq 4.2, other ZMTP 3.0 implementations) and then cuts these off for not answering; and it
/// cuts off every peer whose queue is full, for a peer that stops reading does not read PINGs either. Both would end
/// sessions that are merely silent or slow. The kernels at both ends know whether the machines are there.
fn keep_alive(socket: &Socket, purpose: Purpose) -> Result<(), Error> {
    let options = socket.options();
    options.set_tcp_keepalive(1)?;
    options.set_tcp_keepalive_idle(5)?;
    options.set_tcp_keepalive_intvl(2)?;
    options.set_tcp_keepalive_cnt(4)?;
    // The time for which sent bytes may stay unacknowledged. A client that was suspended gets more of it than a hub:
    // it would have to find out by itself that it must send HELLO again.
    let unacknowledged_ms = if purpose == Purpose::Listen { 60_000 } else { 20_000 };
    // This fails where the system has no such option.
    let _ = socket.set_int(zmq_sys::ZMQ_TCP_MAXRT, unacknowledged_ms);
    Ok(())
}

impl Router {
    /// Makes a ROUTER socket, with a monitor where the purpose asks for one.
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
        options.set_handshake_ivl(HANDSHAKE)?;
        keep_alive(&socket, purpose)?;

        let fd = socket.fd()?;
        let inner = match purpose.watched() {
            Some(watched) => Inner::Monitored(Monitored::new(context, socket, watched)?),
            None => Inner::Unmonitored(socket),
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
            links: HashMap::with_hasher(entropy::hasher()),
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

    /// The socket's descriptor, for a poller.
    pub(super) fn fd(&self) -> RawFd {
        self.fd
    }

    /// The monitor's descriptor, for a poller; `None` if there is no monitor.
    pub(super) fn monitor_fd(&self) -> Option<RawFd> {
        self.monitor_fd
    }

    /// The operations that are possible on the socket now.
    pub(super) fn events(&self) -> Result<Events, Error> {
        self.socket().events()
    }

    /// Returns whether an event waits in the monitor.
    pub(super) fn monitor_is_readable(&self) -> Result<bool, Error> {
        match &self.inner {
            Inner::Unmonitored(_) => Ok(false),
            Inner::Monitored(monitored) => Ok(monitored.reader().events()?.readable),
        }
    }

    /// Reads the monitor's events into `monitor_events`.
    pub(super) fn read_monitor(&mut self) -> Result<(), Error> {
        self.monitor_may_be_readable = false;
        if let Inner::Monitored(monitored) = &self.inner {
            while let Some(event) = monitored.next()? {
                self.monitor_events.push_back(event);
            }
        }
        Ok(())
    }

    /// Receives one message. False when none waits.
    #[inline]
    pub(super) fn receive(&mut self, message: &mut Message) -> Result<bool, Error> {
        match self.socket().try_recv(&mut message.routing_id) {
            Ok(()) => {}
            Err(error) if error.is_again() => return Ok(false),
            Err(error) => return Err(error),
        }
        let mut more = message.routing_id.more();
        (message.bytes, message.frames) = (0, 0);
        while more {
            self.socket().try_recv(&mut message.body)?;
            message.bytes += message.body.data().len();
            message.frames += 1;
            more = message.body.more();
        }
        Ok(true)
    }

    /// The links behind this socket, of which each has a connection or waits for libzmq to make one.
    pub(super) fn links(&self) -> impl Iterator<Item = LinkId> {
        self.links.values().copied()
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

    /// Adds a link that has this routing id.
    pub(super) fn add_link(&mut self, routing_id: &[u8], link: LinkId) {
        self.may_be_readable = true;
        self.links.insert(routing_id.into(), link);
    }

    /// Removes the link with this routing id; false if there is none.
    pub(super) fn remove_link(&mut self, routing_id: &[u8]) -> bool {
        self.last = None;
        self.links.remove(routing_id).is_some()
    }

    /// Sends a frame to the peer with this routing id. A large one counts in `load` until it has left libzmq.
    #[inline]
    pub(super) fn send(&mut self, routing_id: &[u8], frame: &Frame, load: &Arc<Load>) -> Result<Sent, Error> {
        self.may_be_readable = true;
        // The body is made first: once the routing id is sent, a body must follow.
        let mut body = match frame.shared() {
            Some(bytes) => Msg::from_arc(bytes.clone(), load)?,
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
