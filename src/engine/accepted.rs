//! The connections that this node accepted, and which of them say nothing.
//!
//! A connection is silent until a message of ZGP comes by it that opens a link: until then its peer may be half way
//! through a handshake, be done with it and say no HELLO, or not speak ZMTP at all. libzmq does not tell these apart
//! (its monitor names the descriptor when a connection begins and ends, and not when a handshake succeeds), and for the
//! node there is no difference: each holds a descriptor and some memory.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::RawFd;

use hashbrown::HashMap;

use crate::core::LinkId;

use super::entropy;
use super::raw::Connection;

/// Time after which a connection that was ended counts as closed, reported or not (ms).
const CLOSED_AFTER: u64 = 1000;

/// Where a connection comes from: an IPv4 address, the network of an IPv6 address (a host has 64 bits of it to choose
/// from), or `None` for this machine over IPC.
pub(super) type Place = Option<IpAddr>;

/// The place of an address.
pub(super) fn place_of(address: IpAddr) -> Place {
    Some(match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
    })
}

struct Entry {
    connection: Connection,
    place: Place,
    /// The place in the order of arrival.
    number: u64,
    /// The moment since when it is silent (mono ms).
    since: u64,
    /// Bytes that had come by then.
    base: u64,
    /// The link that its messages belong to.
    link: Option<LinkId>,
}

/// All connections that were accepted and have not closed yet, by descriptor.
pub(super) struct Accepted {
    entries: HashMap<RawFd, Entry, ahash::RandomState>,
    /// The silent ones of each place, in the order of arrival.
    silent: HashMap<Place, BTreeMap<u64, RawFd>, ahash::RandomState>,
    silent_count: usize,
    /// Those that were ended and are about to close: the moment (mono ms), and which.
    ending: VecDeque<(u64, RawFd, u64)>,
    next_number: u64,
}

impl Default for Accepted {
    fn default() -> Accepted {
        Accepted {
            entries: HashMap::with_hasher(entropy::hasher()),
            silent: HashMap::with_hasher(entropy::hasher()),
            silent_count: 0,
            ending: VecDeque::new(),
            next_number: 0,
        }
    }
}

impl Accepted {
    /// Adds a connection that was accepted now; an earlier one with this descriptor is gone. Returns the link that the
    /// earlier one's messages belonged to.
    pub(super) fn add(
        &mut self,
        fd: RawFd,
        connection: Connection,
        place: Place,
        now: u64,
    ) -> Option<LinkId> {
        let link = self.remove(fd);
        self.entries.insert(fd, Entry { connection, place, number: 0, since: 0, base: 0, link: None });
        self.set_silent(fd, now);
        link
    }

    /// Removes a connection that closed. Returns the link that its messages belonged to.
    pub(super) fn remove(&mut self, fd: RawFd) -> Option<LinkId> {
        self.unset_silent(fd);
        self.entries.remove(&fd)?.link
    }

    /// Notes the link that a connection's messages belong to.
    pub(super) fn set_link(&mut self, fd: RawFd, link: LinkId) {
        self.unset_silent(fd);
        if let Some(entry) = self.entries.get_mut(&fd) {
            entry.link = Some(link);
        }
    }

    /// Notes that a link was closed: if its connection is still there, it is silent again.
    pub(super) fn clear_link(&mut self, fd: RawFd, link: LinkId, now: u64) {
        if self.entries.get(&fd).is_some_and(|entry| entry.link == Some(link)) {
            self.set_silent(fd, now);
            if let Some(entry) = self.entries.get_mut(&fd) {
                entry.base = entry.connection.traffic().map_or(0, |traffic| traffic.received);
            }
        }
    }

    /// The silent connections over TCP that have brought bytes, with the number of these.
    pub(super) fn unread(&self) -> impl Iterator<Item = (RawFd, u64)> {
        let all = self.silent.values().flat_map(BTreeMap::values);
        all.filter_map(|&fd| {
            let entry = self.entries.get(&fd)?;
            let unread = entry.connection.traffic()?.received.saturating_sub(entry.base);
            (unread > 0).then_some((fd, unread))
        })
    }

    /// The number of silent connections.
    pub(super) fn silent(&self) -> usize {
        self.silent_count
    }

    /// The number of connections that were ended and are about to close.
    pub(super) fn ending(&mut self, now: u64) -> usize {
        let entries = &self.entries;
        self.ending.retain(|&(at, fd, number)| {
            now < at + CLOSED_AFTER && entries.get(&fd).is_some_and(|entry| entry.number == number)
        });
        self.ending.len()
    }

    /// Ends the silent connection that came first, of those of the place that has the most: who makes many pays with
    /// these. Only one that came before `before` (mono ms) is ended. False if there is none.
    pub(super) fn end_one(&mut self, before: u64, now: u64) -> bool {
        while let Some(fd) = self.next_to_end() {
            let Some(entry) = self.entries.get(&fd) else { return false };
            if entry.since >= before {
                return false;
            }
            if self.end(fd, now) {
                return true;
            }
        }
        false
    }

    /// Ends the connection with this descriptor. False if it is not known, or gone.
    pub(super) fn end(&mut self, fd: RawFd, now: u64) -> bool {
        self.unset_silent(fd);
        let Some(entry) = self.entries.get(&fd) else { return false };
        let (connection, number) = (entry.connection, entry.number);
        let is_ended = connection.end();
        if is_ended {
            self.ending.push_back((now, fd, number));
        } else {
            self.entries.remove(&fd); // closed with its listener, which is not reported
        }
        is_ended
    }

    fn next_to_end(&self) -> Option<RawFd> {
        let most = self.silent.values().max_by_key(|silent| silent.len())?;
        most.values().next().copied()
    }

    fn set_silent(&mut self, fd: RawFd, now: u64) {
        let Some(entry) = self.entries.get_mut(&fd) else { return };
        entry.link = None;
        entry.number = self.next_number;
        entry.since = now;
        self.next_number += 1;
        self.silent.entry(entry.place).or_default().insert(entry.number, fd);
        self.silent_count += 1;
    }

    fn unset_silent(&mut self, fd: RawFd) {
        let Some(entry) = self.entries.get(&fd) else { return };
        let Some(of_place) = self.silent.get_mut(&entry.place) else { return };
        if of_place.remove(&entry.number).is_some() {
            self.silent_count -= 1;
        }
        if of_place.is_empty() {
            self.silent.remove(&entry.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Node, Now, Role, Settings};
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    struct Peer {
        near: UnixStream,
        far: UnixStream,
    }

    impl Peer {
        fn arrives(accepted: &mut Accepted, place: Place, now: u64) -> Peer {
            let (near, far) = UnixStream::pair().unwrap();
            far.set_nonblocking(true).unwrap();
            let fd = near.as_raw_fd();
            accepted.add(fd, Connection::of(fd).unwrap(), place, now);
            Peer { near, far }
        }

        fn fd(&self) -> RawFd {
            self.near.as_raw_fd()
        }

        fn is_ended(&mut self) -> bool {
            self.far.read(&mut [0]).is_ok_and(|read| read == 0)
        }
    }

    fn ended(peers: &mut [Peer]) -> Vec<usize> {
        (0..peers.len()).filter(|&peer| peers[peer].is_ended()).collect()
    }

    fn link() -> LinkId {
        let now = Now { mono: 1, wall: 1 };
        Node::new(Settings::default(), 1, now).open_link(Role::Server, now).unwrap()
    }

    #[test]
    fn the_place_with_the_most_silent_connections_loses_its_oldest() {
        let mut accepted = Accepted::default();
        let places = ["10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.2"].map(|ip| place_of(ip.parse().unwrap()));
        let mut peers: Vec<Peer> =
            places.iter().map(|&place| Peer::arrives(&mut accepted, place, 5)).collect();
        assert!(accepted.end_one(u64::MAX, 6));
        assert_eq!(ended(&mut peers), [1]);
        assert!(accepted.end_one(u64::MAX, 6));
        assert_eq!(ended(&mut peers), [1, 2]);
        assert_eq!((accepted.silent(), accepted.ending(6)), (2, 2));
        accepted.remove(peers[1].fd());
        assert_eq!(accepted.ending(7), 1, "libzmq has closed it");
        assert_eq!(accepted.ending(6 + CLOSED_AFTER), 0);
    }

    #[test]
    fn who_speaks_is_kept_and_who_has_no_link_any_more_is_silent_again() {
        let mut accepted = Accepted::default();
        let mut peers: Vec<Peer> = (0..2).map(|_| Peer::arrives(&mut accepted, None, 5)).collect();
        let link = link();
        accepted.set_link(peers[0].fd(), link);
        assert!(accepted.end_one(u64::MAX, 6) && !accepted.end_one(u64::MAX, 6));
        assert_eq!(ended(&mut peers), [1]);
        accepted.clear_link(peers[0].fd(), link, 9);
        assert!(!accepted.end_one(9, 9), "it is silent since now");
        assert!(accepted.end_one(10, 10));
        assert_eq!((ended(&mut peers), accepted.silent()), (vec![0, 1], 0));
    }

    #[test]
    fn what_closed_without_a_report_is_passed_over() {
        let mut accepted = Accepted::default();
        let mut peers: Vec<Peer> = (0..3).map(|_| Peer::arrives(&mut accepted, None, 5)).collect();
        let closed = peers.remove(0);
        drop(closed.near);
        assert!(accepted.end_one(u64::MAX, 6));
        assert_eq!((ended(&mut peers), accepted.silent(), accepted.ending(6)), (vec![0], 1, 1));
    }

    #[test]
    fn a_network_of_ipv6_is_one_place() {
        let place = |ip: &str| place_of(ip.parse().unwrap());
        assert_eq!(place("2001:db8::1"), place("2001:db8::ffff:2"));
        assert_ne!(place("2001:db8:0:1::1"), place("2001:db8::1"));
        assert_ne!(place("10.0.0.1"), place("10.0.0.2"));
    }
}
