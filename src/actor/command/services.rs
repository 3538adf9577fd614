//! The `zgossip` section of a configuration: what is to be done when a file with it is loaded.

use super::configuration::relative;
use crate::actor::file::zpl::Item;

/// A service that a configuration file asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Service<'a> {
    /// Log this text.
    Echo(&'a [u8]),
    /// Bind to this endpoint.
    Bind(&'a [u8]),
    /// Connect to a peer.
    Connect {
        /// The endpoint that the peer is bound to.
        endpoint: &'a [u8],
        /// The peer's CURVE public key (Z85).
        server_key: Option<&'a [u8]>,
    },
}

/// The services that the `zgossip` section asks for.
pub fn services(tree: &Item) -> impl Iterator<Item = Service<'_>> {
    let section = tree.locate(b"zgossip").map_or(&[][..], Item::children);
    section.iter().filter_map(|item| match item.name() {
        b"echo" => Some(Service::Echo(item.value())),
        // CZMQ binds to "?" where a `bind` names no endpoint, which fails.
        b"bind" => Some(Service::Bind(item.get(b"endpoint").unwrap_or(b"?"))),
        b"connect" => Some(Service::Connect {
            endpoint: item.get(b"endpoint").unwrap_or(b"?"),
            server_key: item.get(b"server-key"),
        }),
        _ => None,
    })
}

/// Whether the item at `path` is read when a file is loaded, and at no other time.
pub fn is_for_files(path: &[u8]) -> bool {
    let name = relative(path).strip_prefix(b"zgossip/").unwrap_or_default();
    name == b"echo" || name.starts_with(b"bind") || name.starts_with(b"connect")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Item {
        Item::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn services_come_in_the_order_of_the_file() {
        use Service::{Bind, Connect, Echo};
        let tree = tree(
            "zgossip\n    bind\n        endpoint = tcp://*:1\n    echo = two binds\n    other\n    bind\n\
             \x20       endpoint = ipc://x\n    bind\n    connect\n        endpoint = ipc://y\n\
             \x20       server-key = k\nzgossip\n    echo = second sections are not read\n",
        );
        let services: Vec<_> = services(&tree).collect();
        let connect = Connect { endpoint: b"ipc://y", server_key: Some(b"k") };
        let binds = [Bind(b"tcp://*:1"), Echo(b"two binds"), Bind(b"ipc://x"), Bind(b"?")];
        assert_eq!(services, [binds.as_slice(), &[connect]].concat());
        assert_eq!(super::services(&Item::root()).count(), 0);
    }
}
