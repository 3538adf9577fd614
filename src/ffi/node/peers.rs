//! Peers: whom a node is linked to, and what is known of each.

#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use libc::{c_char, c_int, size_t};

use super::arguments::enter;
use super::pool::zgossip_t;
use crate::core::{PeerKind, PeerState, Role};
use crate::ffi::entry::entry_with_reason;
use crate::ffi::error::Errno;
use crate::log::printable;

/// Kind of a peer: it has not shown yet which protocol it speaks.
pub const ZGOSSIP_PEER_UNDETERMINED: c_int = 0;
/// Kind of a peer: it speaks CZMQ's protocol only.
pub const ZGOSSIP_PEER_PLAIN: c_int = 1;
/// Kind of a peer: it uses this library, and speaks its extension of CZMQ's protocol.
pub const ZGOSSIP_PEER_EXTENDED: c_int = 2;

/// A peer, from zgossip_peers. Later versions may add members at the end.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_peer_t {
    /// Size of this structure in bytes, in the version of the library that is in use: it has no members beyond that.
    pub size: size_t,
    /// The endpoint that this node connects to, or that of a client: tcp://ADDRESS:PORT, ipc://PATH#PROCESS or inproc://NAME#ID.
    pub endpoint: *const c_char,
    /// Name of an extended peer's node, made printable; "" if it has none, and for others.
    pub name: *const c_char,
    /// One of ZGOSSIP_PEER_*, or a number that this version does not know.
    pub kind: c_int,
    /// Whether this node made the connection, or is to make it.
    pub outgoing: bool,
    /// Whether there is a connection.
    pub connected: bool,
    /// Id of an extended peer's node; 0 for others.
    pub id: u64,
    /// Milliseconds for which the peer has been connected, or has not been.
    pub state_ms: u64,
    /// Milliseconds since the peer's last message, or since the connection was made.
    pub silence_ms: u64,
    /// Milliseconds from a question of this node to the peer's answer, measured last on this connection; -1 if not known.
    pub round_trip_ms: i64,
    /// 1 if, by its last report, the peer held the same as this node, 0 if not; -1 if not known.
    pub equal: c_int,
    /// Tuples that are still to be sent to the peer.
    pub unsent: u64,
    /// Bytes of tuples that were sent to the peer after it had been away, and that it has not acknowledged.
    pub unacknowledged: u64,
    /// Tuples that the peer still has to send to this node, by its last report.
    pub awaited: u64,
    /// Tuples that came from the peer and were refused here, for a limit or a time stamp too far ahead.
    pub refused: u64,
    /// Tuples that the peer refuses to hold, for its limits; -1 if not known. It is known once both hold the same otherwise.
    pub refuses: i64,
    /// Tuples that the peer holds and hides from its program (UNPUBLISH), by its last report; -1 if not known.
    pub hides: i64,
    /// Messages received from the peer.
    pub frames_in: u64,
    /// Messages sent to the peer.
    pub frames_out: u64,
    /// Bytes of the messages received.
    pub bytes_in: u64,
    /// Bytes of the messages sent.
    pub bytes_out: u64,
}

/// Returns all peers that the node is connected to, or tries to connect to.
///
///     zgossip_peer_t **peers = zgossip_peers (node, NULL);
///     for (zgossip_peer_t **peer = peers; peer && *peer; peer++)
///         printf ("%s: %d ms\n", (*peer)->endpoint, (int) (*peer)->round_trip_ms);
///     zgossip_peers_destroy (&peers);
///
/// The number of peers is stored where `count_p` points, unless that is NULL.
/// After the last pointer comes a NULL. The order is that in which the peers
/// came. Messages, bytes and refused tuples are counted since zgossip_connect,
/// or since a client connected.
///
/// Times between questions and answers are measured where there are questions:
/// with peers that this node connects to, every few seconds; with others, by
/// zgossip_flush, and while many tuples are sent. Clients that speak CZMQ's
/// protocol only are never asked.
///
/// Returns: an array of pointers, which the caller destroys with
///     zgossip_peers_destroy; or NULL.
/// Errors: ENOMEM; and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_peers(
    self_: *mut zgossip_t,
    count_p: *mut size_t,
) -> *mut *mut zgossip_peer_t {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let peers = unsafe { enter(self_) }?.call(|node| node.peers())?;
        let block = to_c(&peers)?;
        if !count_p.is_null() {
            // SAFETY: the program gives NULL or the address of a size_t.
            unsafe { count_p.write(peers.len()) };
        }
        Ok(block.as_ptr())
    }
}

/// Frees what zgossip_peers returned, and sets the caller's pointer to NULL.
///
/// NULL, or a pointer to NULL, does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_peers_destroy(peers_p: *mut *mut *mut zgossip_peer_t) {
    if !peers_p.is_null() {
        // SAFETY: the program gives a pointer to its pointer, that to what it was given, or NULL.
        unsafe { libc::free(peers_p.replace(ptr::null_mut()).cast()) };
    }
}

/// Copies peers to one block of memory of the C library: the structures, the pointers to them and a NULL, the strings.
/// Returns where the pointers are, which is where the block begins.
fn to_c(peers: &[(String, PeerState)]) -> Result<NonNull<*mut zgossip_peer_t>, Errno> {
    const { assert!(align_of::<zgossip_peer_t>() <= size_of::<*mut zgossip_peer_t>()) };
    let pointers = (peers.len() + 1) * size_of::<*mut zgossip_peer_t>();
    let structures = peers.len() * size_of::<zgossip_peer_t>();
    let names: Vec<String> =
        peers.iter().map(|(_, peer)| peer.name.as_deref().map_or_else(String::new, printable)).collect();
    let texts = || peers.iter().map(|(endpoint, _)| endpoint).zip(&names);
    let strings: usize = texts().map(|(endpoint, name)| endpoint.len() + name.len() + 2).sum();
    // SAFETY: any size may be asked for.
    let block = unsafe { libc::malloc(pointers + structures + strings) }.cast::<*mut zgossip_peer_t>();
    let first = NonNull::new(block).ok_or(Errno::NO_MEMORY)?;
    // SAFETY: the block has room for all the pointers, aligned as malloc aligns, for the structures, whose alignment a
    // pointer's size is a multiple of, and for the strings behind them.
    unsafe {
        let place = block.add(peers.len() + 1).cast::<zgossip_peer_t>();
        let mut string = place.add(peers.len()).cast::<u8>();
        let mut copy = |text: &str| {
            let place = string;
            ptr::copy_nonoverlapping(text.as_ptr(), place, text.len());
            place.add(text.len()).write(0);
            string = place.add(text.len() + 1);
            place.cast_const().cast()
        };
        for (index, ((_, peer), (endpoint, name))) in peers.iter().zip(texts()).enumerate() {
            place.add(index).write(described(peer, copy(endpoint), copy(name)));
            block.add(index).write(place.add(index));
        }
        block.add(peers.len()).write(ptr::null_mut());
    }
    Ok(first)
}

fn described(peer: &PeerState, endpoint: *const c_char, name: *const c_char) -> zgossip_peer_t {
    let or_unknown =
        |number: Option<u64>| number.map_or(-1, |number| i64::try_from(number).unwrap_or(i64::MAX));
    zgossip_peer_t {
        size: size_of::<zgossip_peer_t>(),
        endpoint,
        name,
        kind: match peer.kind {
            PeerKind::Undetermined => ZGOSSIP_PEER_UNDETERMINED,
            PeerKind::Plain => ZGOSSIP_PEER_PLAIN,
            PeerKind::Extended => ZGOSSIP_PEER_EXTENDED,
        },
        outgoing: peer.role == Role::Client,
        connected: peer.is_up,
        id: peer.id.unwrap_or(0),
        state_ms: peer.state_ms,
        silence_ms: peer.silence_ms,
        round_trip_ms: or_unknown(peer.round_trip_ms),
        equal: peer.is_equal.map_or(-1, c_int::from),
        unsent: peer.unsent,
        unacknowledged: peer.unacknowledged,
        awaited: peer.awaited,
        refused: peer.traffic.refused,
        refuses: or_unknown(peer.refuses),
        hides: or_unknown(peer.hides),
        frames_in: peer.traffic.frames_in,
        frames_out: peer.traffic.frames_out,
        bytes_in: peer.traffic.bytes_in,
        bytes_out: peer.traffic.bytes_out,
    }
}
