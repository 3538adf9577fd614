//! Sockets with a monitor.
//!
//! libzmq's I/O thread writes a monitor's events into a pair of sockets and *waits* when nobody can take them: a
//! monitor must be switched off before its reading end is closed, and its queue must not be bounded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, process, ptr};

use super::{Context, Error, Msg, Socket};

/// A change of a connection's state. Descriptors are those of the transport's connection, as numbers of this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// A socket listens.
    Listening {
        /// The listening socket's descriptor.
        descriptor: u32,
    },
    /// A connection was accepted; the handshake follows.
    Accepted {
        /// The connection's descriptor.
        descriptor: u32,
    },
    /// The transport is connected; the handshake follows.
    Connected {
        /// The connection's descriptor.
        descriptor: u32,
    },
    /// The handshake is done: messages flow.
    Ready,
    /// The connection is lost.
    Disconnected {
        /// The descriptor that the connection had.
        descriptor: u32,
    },
    /// The peer's authentication refused this side.
    Refused {
        /// The status code of the peer's ZAP handler (400, …), or 0.
        status: u32,
    },
    /// The handshake failed: the peer speaks another protocol or uses another security mechanism.
    Mismatched,
    /// The handshake ended before it was done: the peer went away, or did not answer in time.
    Aborted,
    /// A client was refused because there is no ZAP handler, and the listener requires one.
    Undecided,
    /// There is no connection of the transport; libzmq tries again in a moment. It reports this of a connection that is
    /// lost, too.
    Failed,
}

/// An event of a monitor.
#[derive(Clone, Debug)]
pub struct MonitorEvent {
    /// The change that is reported.
    pub change: Change,
    /// The endpoint, as libzmq spells it at that moment: a host name may have become an address.
    pub endpoint: String,
}

/// A socket with a monitor, which reports on its connections.
pub struct Monitored {
    // In this order: the monitor is off when `reader` is closed (see `Drop`).
    reader: Socket,
    socket: Socket,
}

/// The reports that a monitor is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Watched {
    /// Listening, the beginning and the end of connections that are accepted, and handshakes that fail. libzmq does not
    /// tell of which of them one succeeds, or fails.
    Listener,
    /// The connections that this side makes.
    Remotes,
    /// The same, and attempts to connect that fail: while a peer is away, that is about once a second.
    Attempts,
}

impl Watched {
    fn events(self) -> u32 {
        match self {
            Watched::Listener => LISTENER_EVENTS,
            Watched::Remotes => REMOTE_EVENTS,
            Watched::Attempts => REMOTE_EVENTS | zmq_sys::ZMQ_EVENT_CONNECT_RETRIED,
        }
    }
}

const LISTENER_EVENTS: u32 = zmq_sys::ZMQ_EVENT_LISTENING
    | zmq_sys::ZMQ_EVENT_ACCEPTED
    | zmq_sys::ZMQ_EVENT_DISCONNECTED
    | zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;

const REMOTE_EVENTS: u32 = zmq_sys::ZMQ_EVENT_CONNECTED
    | zmq_sys::ZMQ_EVENT_DISCONNECTED
    | zmq_sys::ZMQ_EVENT_HANDSHAKE_SUCCEEDED
    | zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

impl Monitored {
    /// Switches the monitor of `socket` on, which was made in `context`.
    pub fn new(context: Context, socket: Socket, watched: Watched) -> Result<Monitored, Error> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        // The context may be shared with other copies of this code (a second library in the process), so the name
        // holds something that only this copy has: the address of its own variable.
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let own = ptr::from_ref(&COUNTER).addr();
        let endpoint = format!("inproc://zgossip-monitor-{}-{own:x}-{number}", process::id());

        let reader = Socket::new(context, zmq::PAIR)?;
        reader.options().set_rcvhwm(0)?;
        reader.options().set_linger(0)?;
        socket.options().monitor(&endpoint, watched.events() as i32)?;
        let monitored = Monitored { reader, socket };
        monitored.reader.connect(&endpoint)?;
        Ok(monitored)
    }

    /// The socket itself.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The socket from which events are read.
    pub fn reader(&self) -> &Socket {
        &self.reader
    }

    /// The next event, if one waits.
    pub fn next(&self) -> Result<Option<MonitorEvent>, Error> {
        loop {
            let mut head = Msg::new();
            match self.reader.try_recv(&mut head) {
                Err(error) if error.is_again() => return Ok(None),
                other => other?,
            }
            let mut endpoint = String::new();
            let mut more = head.more();
            while more {
                let mut part = Msg::new();
                self.reader.try_recv(&mut part)?;
                more = part.more();
                endpoint = String::from_utf8_lossy(part.data()).into_owned();
            }
            if let Some(change) = parse(head.data()) {
                return Ok(Some(MonitorEvent { change, endpoint }));
            }
        }
    }
}

impl Drop for Monitored {
    fn drop(&mut self) {
        // SAFETY: an open socket; a null endpoint switches its monitor off. From here on no I/O thread writes to the
        // reading end, which may then be closed.
        unsafe { zmq_sys::zmq_socket_monitor(self.socket.handle(), ptr::null(), 0) };
    }
}

impl fmt::Debug for Monitored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Monitored").field(&self.socket).finish()
    }
}

/// The first frame of an event: 16 bits event, 32 bits value, in the machine's byte order.
fn parse(head: &[u8]) -> Option<Change> {
    let &[e0, e1, v0, v1, v2, v3] = head else { return None };
    let event = u32::from(u16::from_ne_bytes([e0, e1]));
    let value = u32::from_ne_bytes([v0, v1, v2, v3]);
    match event {
        zmq_sys::ZMQ_EVENT_LISTENING => Some(Change::Listening { descriptor: value }),
        zmq_sys::ZMQ_EVENT_ACCEPTED => Some(Change::Accepted { descriptor: value }),
        zmq_sys::ZMQ_EVENT_CONNECTED => Some(Change::Connected { descriptor: value }),
        zmq_sys::ZMQ_EVENT_HANDSHAKE_SUCCEEDED => Some(Change::Ready),
        zmq_sys::ZMQ_EVENT_DISCONNECTED => Some(Change::Disconnected { descriptor: value }),
        zmq_sys::ZMQ_EVENT_CONNECT_RETRIED => Some(Change::Failed),
        zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_AUTH => Some(Change::Refused { status: value }),
        zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL => Some(Change::Mismatched),
        // Nothing else fails for this reason.
        zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL if value == libc::EFAULT as u32 => {
            Some(Change::Undecided)
        }
        zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL => Some(Change::Aborted),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_parsed_and_noise_is_not() {
        let head = |event: u32, value: u32| {
            let mut bytes = (event as u16).to_ne_bytes().to_vec();
            bytes.extend_from_slice(&value.to_ne_bytes());
            bytes
        };
        assert_eq!(parse(&head(zmq_sys::ZMQ_EVENT_CONNECTED, 9)), Some(Change::Connected { descriptor: 9 }));
        assert_eq!(
            parse(&head(zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400)),
            Some(Change::Refused { status: 400 })
        );
        let failed = zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
        assert_eq!(parse(&head(failed, 1)), Some(Change::Mismatched));
        let broken = zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
        assert_eq!(parse(&head(broken, 32)), Some(Change::Aborted));
        assert_eq!(parse(&head(broken, libc::EFAULT as u32)), Some(Change::Undecided));
        assert_eq!(parse(&head(zmq_sys::ZMQ_EVENT_CLOSED, 0)), None);
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"1234567"), None);
    }
}
