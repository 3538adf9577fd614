//! Endpoints as programs write them.

use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use super::Error;

/// The port range of endpoints like `tcp://*:*[-]`, as in CZMQ: the dynamic ports of RFC 6335.
const DYNAMIC_PORTS: RangeInclusive<u16> = 0xC000..=0xFFFF;

/// The transports of libzmq that carry messages both ways, as endpoints name them.
const TRANSPORTS: [&str; 7] = ["tcp", "ipc", "inproc", "tipc", "vmci", "ws", "wss"];

/// The transport of an endpoint, as far as the engine treats transports differently.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Transport {
    Tcp,
    Inproc,
    /// `ipc`, and any other transport that this libzmq knows.
    Other,
}

/// An endpoint as the program wrote it. Its transport, and the port of TCP, are checked; the rest is libzmq's business.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Endpoint {
    text: Box<str>,
    pub(super) transport: Transport,
}

/// The ports that a BIND may take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Ports {
    /// The port in the endpoint.
    Given,
    /// Any free port, as the system chooses.
    Any,
    /// The first free port of the range.
    First(RangeInclusive<u16>),
    /// A free port of the range, chosen at random.
    Random(RangeInclusive<u16>),
}

impl Endpoint {
    /// Parses an endpoint for BIND.
    pub(super) fn parse(bytes: &[u8]) -> Result<Endpoint, Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| Error::invalid("endpoint is not valid UTF-8"))?;
        if text.contains('\0') {
            return Err(Error::invalid("endpoint holds a NUL byte"));
        }
        let Some((scheme, address)) = text.split_once("://") else {
            return Err(Error::invalid("endpoint has no transport (tcp://, ipc://, inproc://)"));
        };
        if address.is_empty() {
            return Err(Error::invalid("endpoint has no address"));
        }
        let transport = match scheme {
            "tcp" => Transport::Tcp,
            "inproc" => Transport::Inproc,
            _ => Transport::Other,
        };
        if transport == Transport::Tcp {
            // The names of other transports may hold white space.
            if address.trim() != address {
                return Err(Error::invalid("endpoint begins or ends with white space"));
            }
            check_port(address)?;
        }
        Ok(Endpoint { text: text.into(), transport })
    }

    /// Parses an endpoint for CONNECT, which must be one address: libzmq accepts wildcards and never connects to them.
    pub(super) fn parse_remote(bytes: &[u8]) -> Result<Endpoint, Error> {
        let endpoint = Endpoint::parse(bytes)?;
        let address = endpoint.address();
        if endpoint.transport != Transport::Tcp {
            let any = address == "*";
            return if any { Err(Error::invalid("CONNECT takes one address, not *")) } else { Ok(endpoint) };
        }
        // An address to connect from may precede the remote's: `tcp://from;to`.
        let remote = address.rsplit_once(';').map_or(address, |(_, remote)| remote);
        let (host, port) = remote.rsplit_once(':').unwrap_or((remote, ""));
        match (host, port.parse::<u16>()) {
            ("", _) => Err(Error::invalid("endpoint has no host")),
            ("*", _) => Err(Error::invalid("CONNECT takes one address, not *")),
            (_, Ok(0)) => Err(Error::invalid("endpoint has port 0, which no server has")),
            (_, Err(_)) => Err(Error::invalid("CONNECT takes one port")),
            (_, Ok(_)) => Ok(endpoint),
        }
    }

    /// Whether libzmq may know the transport.
    fn check_transport(&self) -> Result<(), Error> {
        let scheme = self.text.split_once("://").map_or("", |(scheme, _)| scheme);
        if TRANSPORTS.contains(&scheme) { Ok(()) } else { Err(Error::invalid("transport is unknown")) }
    }

    /// The endpoint as the program wrote it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn address(&self) -> &str {
        self.text.split_once("://").map_or("", |(_, address)| address)
    }

    /// Returns whether the host is an IPv6 address, which is written in brackets.
    pub(super) fn is_ipv6(&self) -> bool {
        self.transport == Transport::Tcp && self.address().starts_with('[')
    }

    /// The host name and the port, where the host is a name and no address. libzmq resolves what this does not know:
    /// endpoints with a source address (`tcp://from;to`), IPv6 addresses with a zone.
    pub(super) fn name(&self) -> Option<(&str, u16)> {
        let (host, port) = self.address().rsplit_once(':').filter(|_| self.transport == Transport::Tcp)?;
        // The characters that libzmq accepts in names, so that it refuses all others as ever.
        let is_name = host.starts_with(|first: char| first.is_ascii_alphanumeric())
            && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
        if !is_name || host.parse::<Ipv4Addr>().is_ok() {
            return None;
        }
        Some((host, port.parse().ok()?))
    }

    /// The path of an `ipc` endpoint that names one in the file system.
    pub(super) fn socket_path(&self) -> Option<&str> {
        let path = self.text.strip_prefix("ipc://")?;
        (!path.is_empty() && path != "*" && !path.starts_with('@')).then_some(path)
    }

    /// The likely reason why a CONNECT to this endpoint fails, as far as it is known without asking the network.
    pub(super) fn why_silent(&self) -> &'static str {
        match self.transport {
            Transport::Tcp if !self.has_one_spelling() => {
                "its name is not known, or nobody accepts connections there"
            }
            _ if self.socket_path().is_some_and(|path| !std::path::Path::new(path).exists()) => {
                "there is no such socket"
            }
            _ => "nobody accepts connections there",
        }
    }

    /// Returns whether [`is_spelled`](Endpoint::is_spelled) recognises this endpoint in all monitor events about it. A
    /// host name is not recognised: libzmq reports the address that it resolved to.
    pub(super) fn has_one_spelling(&self) -> bool {
        match self.transport {
            Transport::Tcp => self.address().parse::<SocketAddr>().is_ok(),
            Transport::Inproc => true,
            Transport::Other => self.text.starts_with("ipc:///"),
        }
    }

    /// Returns whether `event`, an endpoint as a monitor event spells it, means this endpoint.
    pub(super) fn is_spelled(&self, event: &str) -> bool {
        if event == &*self.text {
            return true;
        }
        let number = |address: &str| address.parse::<SocketAddr>().ok();
        match (number(self.address()), event.strip_prefix("tcp://").and_then(number)) {
            (Some(own), Some(other)) => self.transport == Transport::Tcp && own == other,
            _ => false,
        }
    }

    /// Splits an endpoint of BIND into the part before the port and the ports that will do. `*` and `!` with an
    /// optional range in brackets mean what they mean to CZMQ's `zsock_bind`.
    pub(super) fn ports(&self) -> Result<(&str, Ports), Error> {
        if self.transport != Transport::Tcp {
            return Ok((&self.text, Ports::Given));
        }
        let given = Ok((&*self.text, Ports::Given));
        let Some(mark) = self.text.rfind([':']).filter(|&at| at > "tcp://".len()) else { return given };
        let (host, port) = (&self.text[..mark], &self.text[mark + 1..]);
        let (random, range) = match (port.strip_prefix('*'), port.strip_prefix('!')) {
            (Some(range), _) => (false, range),
            (_, Some(range)) => (true, range),
            _ => return given,
        };
        if range.is_empty() {
            return Ok((host, Ports::Any));
        }
        let bad = || Error::invalid("port range is not like [50000-50999]");
        let (first, last) = range
            .strip_prefix('[')
            .and_then(|r| r.strip_suffix(']'))
            .and_then(|r| r.split_once('-'))
            .ok_or_else(bad)?;
        let number = |text: &str, default: u16| if text.is_empty() { Ok(default) } else { text.parse() };
        let first = number(first, *DYNAMIC_PORTS.start()).map_err(|_| bad())?;
        let last = number(last, *DYNAMIC_PORTS.end()).map_err(|_| bad())?;
        if first == 0 || first > last {
            return Err(bad());
        }
        Ok((host, if random { Ports::Random(first..=last) } else { Ports::First(first..=last) }))
    }
}

/// Whether BIND can take this endpoint, as far as its text tells.
pub fn check_bind(endpoint: &[u8]) -> Result<(), Error> {
    let endpoint = Endpoint::parse(endpoint)?;
    endpoint.check_transport()?;
    endpoint.ports().map(|_| ())
}

/// Whether CONNECT can take this endpoint, as far as its text tells.
pub fn check_connect(endpoint: &[u8]) -> Result<(), Error> {
    Endpoint::parse_remote(endpoint)?.check_transport()
}

/// Refuses a TCP address without a valid port. libzmq takes any number modulo 65536, and the node would be elsewhere
/// than it was told to be.
fn check_port(address: &str) -> Result<(), Error> {
    let port = address.rsplit_once(':').map_or("", |(_, port)| port);
    if port.starts_with(['*', '!']) || port.parse::<u16>().is_ok() {
        return Ok(());
    }
    Err(Error::invalid("endpoint has no valid port"))
}

/// The longest path of a Unix domain socket, in bytes: `sun_path` of Linux without its NUL.
const MAX_IPC_PATH: usize = 107;

/// A bound endpoint as peers in other directories reach it: libzmq makes relative paths for `ipc://*`. One whose absolute
/// path would be too long stays as it is.
pub(super) fn absolute(endpoint: &str) -> Cow<'_, str> {
    let relative = endpoint.strip_prefix("ipc://").filter(|path| !path.starts_with(['/', '@']));
    let absolute =
        relative.and_then(|path| std::path::absolute(path).ok()?.into_os_string().into_string().ok());
    match absolute.filter(|path| path.len() <= MAX_IPC_PATH) {
        Some(path) => Cow::Owned(format!("ipc://{path}")),
        None => Cow::Borrowed(endpoint),
    }
}

/// The port in the text of a bound TCP endpoint.
pub(super) fn port_of(endpoint: &str) -> u16 {
    endpoint
        .strip_prefix("tcp://")
        .and_then(|e| e.rsplit_once(':'))
        .and_then(|(_, port)| port.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Endpoint {
        Endpoint::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn text_that_is_no_endpoint_is_refused() {
        for bytes in
            [&b""[..], b"tcp", b"tcp://", b"://", b"5670", b"tcp://a\0b:1", b"\xFF\xFE://x", b"inproc://"]
        {
            assert!(Endpoint::parse(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn connect_takes_one_address() {
        let refused = |text: &str| Endpoint::parse_remote(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(refused("tcp://:5670"), "endpoint has no host");
        assert_eq!(refused("tcp://127.0.0.1:0"), "endpoint has port 0, which no server has");
        assert_eq!(refused("tcp://127.0.0.1:*"), "CONNECT takes one port");
        assert_eq!(refused("tcp://127.0.0.1:![5000-]"), "CONNECT takes one port");
        assert_eq!(refused("tcp://*:5670"), "CONNECT takes one address, not *");
        assert_eq!(refused("ipc://*"), "CONNECT takes one address, not *");
        assert_eq!(refused("tcp://127.0.0.1:5670 "), "endpoint begins or ends with white space");
        for good in [
            "tcp://127.0.0.1:5670",
            "tcp://[::1]:5670",
            "tcp://10.0.0.1:0;10.0.0.2:5670",
            "ipc:///tmp/x",
            "ipc://@x",
            "inproc://*x",
            "inproc://x ",
        ] {
            assert!(Endpoint::parse_remote(good.as_bytes()).is_ok(), "{good}");
        }
    }

    #[test]
    fn endpoints_are_checked_without_a_socket() {
        for good in ["tcp://*:*", "tcp://127.0.0.1:![5000-]", "ipc://*", "inproc://x", "tipc://{1,2}"] {
            assert_eq!(check_bind(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in ["?", "", "nonsense://x", "tcp://1.2.3.4", "tcp://*:*[9-1]", "tcp://*:70000"] {
            assert!(check_bind(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(check_connect(b"tcp://host:5670"), Ok(()));
        assert!(check_connect(b"tcp://*:5670").is_err() && check_connect(b"nonsense://x").is_err());
    }

    #[test]
    fn addresses_in_brackets_are_ipv6() {
        assert!(parse("tcp://[::1]:5670").is_ipv6());
        assert!(parse("tcp://[::]:*").is_ipv6());
        assert!(!parse("tcp://127.0.0.1:*[60000-]").is_ipv6());
        assert!(!parse("inproc://[odd]").is_ipv6());
    }

    #[test]
    fn ports_are_what_zsock_bind_takes() {
        let ports = |text: &str| parse(text).ports().map(|(host, ports)| (host.to_string(), ports));
        let host = "tcp://127.0.0.1".to_string();
        assert_eq!(ports("tcp://127.0.0.1:*").unwrap(), (host.clone(), Ports::Any));
        assert_eq!(ports("tcp://127.0.0.1:!").unwrap(), (host.clone(), Ports::Any));
        assert_eq!(ports("tcp://127.0.0.1:*[60000-]").unwrap(), (host.clone(), Ports::First(60000..=65535)));
        assert_eq!(ports("tcp://127.0.0.1:![-60000]").unwrap(), (host.clone(), Ports::Random(49152..=60000)));
        assert_eq!(ports("tcp://*:*").unwrap(), ("tcp://*".into(), Ports::Any));
        assert_eq!(ports("tcp://[::1]:*").unwrap(), ("tcp://[::1]".into(), Ports::Any));
        assert_eq!(ports("tcp://[::1]:5670").unwrap().1, Ports::Given);
        assert_eq!(ports("ipc:///tmp/a:*").unwrap().1, Ports::Given);
        for bad in ["*[", "*[]", "*[a-b]", "*[60000-50000]", "*[1-70000]", "![0-9]", "*x"] {
            assert!(parse(&format!("tcp://127.0.0.1:{bad}")).ports().is_err(), "{bad}");
        }
    }

    #[test]
    fn endpoints_are_recognised_in_other_spellings() {
        assert!(parse("tcp://127.0.0.1:5670").has_one_spelling());
        assert!(!parse("tcp://localhost:5670").has_one_spelling());
        assert!(!parse("tcp://10.0.0.1:0;10.0.0.2:5670").has_one_spelling());
        assert!(parse("tcp://127.0.0.1:05670").is_spelled("tcp://127.0.0.1:5670"));
        assert!(parse("tcp://[0:0::1]:5670").is_spelled("tcp://[::1]:5670"));
        assert!(!parse("tcp://127.0.0.1:5670").is_spelled("tcp://127.0.0.1:5671"));
        assert!(parse("ipc:///tmp/x").is_spelled("ipc:///tmp/x"));
        assert!(!parse("ipc:///tmp/x").is_spelled("tcp://127.0.0.1:1"));
    }

    #[test]
    fn a_name_is_what_is_no_address() {
        assert_eq!(parse("tcp://localhost:5670").name(), Some(("localhost", 5670)));
        assert_eq!(parse("tcp://a-b.example_1.:05670").name(), Some(("a-b.example_1.", 5670)));
        for other in [
            "tcp://127.0.0.1:5670",
            "tcp://[::1]:5670",
            "tcp://::1:5670",
            "tcp://[fe80::1%eth0]:5670",
            "tcp://10.0.0.1:0;host:5670",
            "tcp://-host:5670",
            "tcp://\u{1F600}:1",
            "ipc://host:1",
            "ws://host:1",
        ] {
            assert_eq!(parse(other).name(), None, "{other}");
        }
    }

    #[test]
    fn bound_paths_are_absolute() {
        assert!(absolute("ipc://tmpx/socket").starts_with("ipc:///"));
        for kept in ["ipc:///tmp/x", "ipc://@x", "tcp://127.0.0.1:1", "inproc://x"] {
            assert_eq!(absolute(kept), kept);
        }
        let long = format!("ipc://{}", "x".repeat(107));
        assert_eq!(absolute(&long), long);
    }

    #[test]
    fn the_bound_port_is_read_back() {
        assert_eq!(port_of("tcp://0.0.0.0:41234"), 41234);
        assert_eq!(port_of("tcp://[::1]:41234"), 41234);
        assert_eq!(port_of("ipc:///tmp/x:1"), 0);
        assert_eq!(port_of(""), 0);
    }
}
