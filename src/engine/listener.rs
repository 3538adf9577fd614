//! BIND: peers may connect to this node.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};

use super::endpoint::{Endpoint, Ports, Transport, absolute, port_of};
use super::raw::{self, Socket};
use super::router::{Purpose, Router};
use super::socket_file::SocketFile;
use super::{Engine, Error};

/// Time that an endpoint may take to be free after its last listener let it go.
const RELEASE: Duration = Duration::from_millis(50);
/// The time that the end of a node may take in all while it waits for its endpoints to be free. Mostly they are free at
/// once; on a busy machine, nobody who ends a node waits for a tenth of a second.
const CLOSING: Duration = Duration::from_millis(90);

/// Descriptors that a listener needs: its own, those that finding an address takes for a moment, and one for the first
/// peer.
const LISTENER: usize = 4;

/// An endpoint that peers may connect to.
#[derive(Debug)]
pub(super) struct Bound {
    /// The endpoint as the program wrote it.
    pub(super) given: Box<str>,
    /// The endpoint as libzmq spells it.
    pub(super) actual: String,
    /// Whether a client needs a key, and a ZAP handler that admits it.
    pub(super) asks_for_keys: bool,
    /// Whether its clients are admitted by the ZAP handler, if there is one.
    pub(super) asks_handler: bool,
    /// Its file, if it has one that this node has made.
    file: Option<SocketFile>,
}

impl Engine {
    /// Accepts peers at `endpoint`. Returns the TCP port, 0 where there is none.
    pub fn bind(&mut self, endpoint: &[u8]) -> Result<u16, Error> {
        let endpoint = Endpoint::parse(endpoint)?;
        let (host, ports) = endpoint.ports()?;
        let slot = self.slot_of(Purpose::Listen);
        let mut fresh = None;
        let router = match slot.and_then(|slot| self.routers[slot].as_ref()) {
            Some(router) => router,
            None => fresh.insert(Router::new(self.context, Purpose::Listen)?),
        };
        raw::require_descriptors(LISTENER)?;
        self.crowding.hold_spare();
        let socket = router.socket();
        socket.options().set_maxmsgsize(self.max_message())?;
        socket.options().set_ipv6(self.ipv6 || endpoint.is_ipv6())?;
        self.security.apply_server(socket)?;
        let mut file = None;
        let bound = match ports {
            Ports::Given => match endpoint.socket_path() {
                Some(path) => retry_released(|| SocketFile::bind(socket, path)).map(|made| file = Some(made)),
                None => retry_released(|| Ok(socket.bind(endpoint.text())?)),
            },
            Ports::Any => socket.bind(&format!("{host}:*")).map_err(Error::from),
            Ports::First(range) => bind_one(socket, host, range),
            Ports::Random(range) => {
                let middle = fastrand::u16(range.clone());
                bind_one(socket, host, (middle..=*range.end()).chain(*range.start()..middle))
            }
        };
        bound.map_err(|error| explain(error, &endpoint))?;
        let actual = match endpoint.transport {
            Transport::Inproc => endpoint.text().to_string(), // as it is, and of any length
            _ => socket.last_endpoint()?,
        };
        let port = port_of(&actual);
        self.note_bind(self.now());
        // Within the process nobody is asked, and nobody says anything of himself.
        let is_asked = self.security.has_keys() && self.security.requires_handler;
        let asks_for_keys = is_asked || endpoint.transport == Transport::Inproc;
        let asks_handler = endpoint.transport != Transport::Inproc && self.security.asks_handler();
        self.bound.push(Bound { given: endpoint.text().into(), actual, asks_for_keys, asks_handler, file });
        self.tell_endpoints();
        if let Some(router) = fresh {
            self.add_router(router);
        }
        Ok(port)
    }

    /// The endpoint that was bound last, as libzmq spells it, with an absolute path.
    pub fn last_bound(&self) -> Option<String> {
        self.bound.last().map(|bound| absolute(&bound.actual).into_owned())
    }

    /// Lets other members know where this node is bound.
    fn tell_endpoints(&mut self) {
        let endpoints: Vec<_> = self.bound.iter().map(|bound| absolute(&bound.actual)).collect();
        let endpoints: Vec<&[u8]> = endpoints.iter().map(|endpoint| endpoint.as_bytes()).collect();
        self.node.set_endpoints(&endpoints, self.clock.now());
    }

    /// Closes the sockets and returns when all endpoints are free: whoever knows that this node has ended may want to
    /// bind to them. Threads of libzmq close the listeners, a moment later. `begun` is when the node began to end.
    ///
    /// Unbinding would be quicker and is out of the question: accepted connections belong to their listener, and end
    /// with it *before* what waits in their queues has left. Closing the socket makes them linger.
    pub(super) fn release_endpoints(&mut self, begun: Instant) {
        let slot = self.slot_of(Purpose::Listen);
        if let Some(router) = slot.and_then(|slot| self.routers[slot].as_ref()) {
            // Unbinding is safe within the process, where there is no listener.
            for bound in self.bound.extract_if(.., |bound| bound.actual.starts_with("inproc://")) {
                let _ = router.socket().unbind(&bound.actual);
            }
        }
        self.routers.clear();
        let end = begun + CLOSING;
        for Bound { actual, file, .. } in self.bound.drain(..) {
            if file.is_some() {
                continue; // it is removed now, and the path is free
            }
            while is_in_use(&actual) && Instant::now() < end {
                thread::sleep(Duration::from_micros(100));
            }
        }
    }

    /// Accepts no more peers at `endpoint`, as it was given to [`bind`](Engine::bind) or as libzmq spells it. Peers
    /// that connected to it are cut off: their connections belong to libzmq's listener.
    pub fn unbind(&mut self, endpoint: &[u8]) -> Result<(), Error> {
        let endpoint = Endpoint::parse(endpoint)?;
        let text = endpoint.text();
        // libzmq writes "all interfaces" as an address.
        let spellings = ["0.0.0.0", "[::]"].map(|all| text.replacen("//*:", &format!("//{all}:"), 1));
        let is_it = |Bound { given, actual, .. }: &Bound| {
            **given == *text || spellings.contains(actual) || absolute(actual) == text
        };
        let index = self.bound.iter().position(is_it);
        let server = self.slot_of(Purpose::Listen).and_then(|slot| self.routers[slot].as_ref());
        let (Some(index), Some(router)) = (index, server) else {
            return Err(Error::not_found("endpoint is not bound"));
        };
        router.socket().unbind(&self.bound[index].actual)?;
        self.bound.remove(index);
        self.tell_endpoints();
        Ok(())
    }
}

/// Explains an error of a bind. libzmq reports "No such device" for a host name: it looks for an interface of that
/// name.
fn explain(error: Error, endpoint: &Endpoint) -> Error {
    if endpoint.transport == Transport::Tcp && error.errno() == libc::ENODEV {
        return error.because("BIND takes an address of this machine, an interface or *, no host name");
    }
    error
}

/// Returns whether anything listens at an endpoint, as libzmq spells it.
fn is_in_use(endpoint: &str) -> bool {
    if let Some(path) = endpoint.strip_prefix("ipc://") {
        return Path::new(path).exists(); // the listener removes it
    }
    let Some(address) = endpoint.strip_prefix("tcp://").and_then(|tcp| tcp.parse::<SocketAddr>().ok()) else {
        return false;
    };
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let Ok(socket) = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None) else {
        return false;
    };
    // A socket that is bound and does not listen keeps nobody else from binding; only a listener is in its way.
    let bound = set_socket_reuseaddr(&socket, true).and_then(|()| bind(&socket, &address));
    bound == Err(Errno::ADDRINUSE)
}

/// Binds to an endpoint that may have been released just now: libzmq closes a listener a moment after it is let go,
/// here or in a process that ends.
fn retry_released<T>(bind: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    let end = Instant::now() + RELEASE;
    loop {
        match bind() {
            Err(error) if error.errno() == libc::EADDRINUSE && Instant::now() < end => {
                thread::sleep(Duration::from_millis(1));
            }
            done => return done,
        }
    }
}

/// Binds to the first of `ports` that is free.
fn bind_one(socket: &Socket, host: &str, ports: impl IntoIterator<Item = u16>) -> Result<(), Error> {
    let mut result = Err(raw::Error::from_errno(libc::EADDRINUSE).into());
    for port in ports {
        result = socket.bind(&format!("{host}:{port}")).map_err(Error::from);
        match &result {
            Err(error) if error.errno() == libc::EADDRINUSE => {}
            _ => break,
        }
    }
    result
}
