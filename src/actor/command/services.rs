//! The `zgossip` section of a configuration: what is to be done when a file with it is loaded.

use super::configuration::relative;
use crate::actor::file::zpl::Item;

/// A service that a configuration file asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Service<'a> {
    /// Log a text.
    Echo(&'a [u8]),
    /// Bind to an endpoint.
    Bind(&'a [u8]),
    /// Connect to a peer.
    Connect {
        /// The endpoint that the peer is bound to.
        endpoint: &'a [u8],
        /// The peer's CURVE public key (Z85).
        server_key: Option<&'a [u8]>,
    },
    /// Publish a tuple.
    Publish {
        /// The tuple's key.
        key: &'a [u8],
        /// The tuple's value.
        value: &'a [u8],
        /// The time to live in milliseconds, as it is written.
        ttl: Option<&'a [u8]>,
    },
}

/// The services that the `zgossip` section asks for, each with the line that it begins on.
pub fn services(tree: &Item) -> impl Iterator<Item = (usize, Service<'_>)> {
    let section = tree.locate(b"zgossip").map_or(&[][..], Item::children);
    section.iter().filter_map(|item| {
        // CZMQ binds to "?" where a `bind` names no endpoint, which fails.
        let endpoint = || item.get(b"endpoint").unwrap_or(b"?");
        let service = match item.name() {
            b"echo" => Service::Echo(item.value()),
            b"bind" => Service::Bind(endpoint()),
            b"connect" => Service::Connect { endpoint: endpoint(), server_key: item.get(b"server-key") },
            b"publish" => Service::Publish {
                key: item.get(b"key").unwrap_or_default(),
                value: item.get(b"value").unwrap_or_default(),
                ttl: item.get(b"ttl"),
            },
            _ => return None,
        };
        Some((item.line(), service))
    })
}

/// The command to be given in place of SET, if the item at `path` is read when a file is loaded, and at no other time;
/// empty if there is none.
pub fn instead_of_set(path: &[u8]) -> Option<&'static str> {
    let name = relative(path).strip_prefix(b"zgossip/").unwrap_or_default();
    let section = name.split(|&byte| byte == b'/').next().unwrap_or_default();
    match section {
        b"echo" => Some(""),
        b"bind" => Some("BIND"),
        b"connect" => Some("CONNECT"),
        b"publish" => Some("PUBLISH"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Item {
        Item::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn services_come_in_the_order_of_the_file() {
        use Service::{Bind, Connect, Echo, Publish};
        let tree = tree(
            "zgossip\n    bind\n        endpoint = tcp://*:1\n    echo = two binds\n    other\n    bind\n\
             \x20       endpoint = ipc://x\n    bind\n    connect\n        endpoint = ipc://y\n\
             \x20       server-key = k\n    publish\n        key = a\n        value = 1\n\
             zgossip\n    echo = second sections are not read\n",
        );
        let services: Vec<_> = services(&tree).collect();
        let connect = Connect { endpoint: b"ipc://y", server_key: Some(b"k") };
        let binds =
            [(2, Bind(b"tcp://*:1")), (4, Echo(b"two binds")), (6, Bind(b"ipc://x")), (8, Bind(b"?"))];
        let publish = Publish { key: b"a", value: b"1", ttl: None };
        assert_eq!(services, [binds.as_slice(), &[(9, connect), (12, publish)]].concat());
        assert_eq!(super::services(&Item::root()).count(), 0);
    }

    #[test]
    fn set_is_no_command() {
        assert_eq!(instead_of_set(b"/zgossip/bind/endpoint"), Some("BIND"));
        assert_eq!(instead_of_set(b"zgossip/echo"), Some(""));
        assert_eq!(instead_of_set(b"zgossip/bindings"), None);
        assert_eq!(instead_of_set(b"server/bind"), None);
    }
}
