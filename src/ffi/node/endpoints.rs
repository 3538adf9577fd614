//! Endpoints and keys: where a node accepts peers, and to which it connects.

#![allow(unsafe_code)]

use libc::{c_char, c_int};
use zeroize::Zeroizing;

use super::arguments::{enter, string};
use super::frames::text_to_c;
use super::pool::zgossip_t;
use crate::ffi::entry::entry_with_reason;
use crate::ffi::error::Errno;
use crate::ffi::failure::Failure;

/// Accepts peers at an endpoint.
///
/// Endpoints are written as in libzmq: tcp://*:5670, tcp://127.0.0.1:* (any
/// free port), tcp://[::1]:5670, ipc:///path, inproc://name. A node may be
/// bound to several. The path of an ipc endpoint may hold the socket of a node
/// that has been killed; whatever else is there stays as it is.
///
/// Returns: the TCP port, 0 for other transports; or -1.
/// Errors: EINVAL if the endpoint is malformed; EADDRINUSE, also if the path
///     of an ipc endpoint holds a file or a socket in use; EADDRNOTAVAIL;
///     EACCES if keys or a security mechanism are set and cannot be used (the
///     endpoint is never bound without them); EMFILE if too few descriptors are
///     left; EAGAIN if libzmq can start no thread; other errors of libzmq; and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_bind(self_: *mut zgossip_t, endpoint: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, endpoint) = unsafe { (enter(self_)?, string(endpoint, "endpoint")?.to_vec()) };
        Ok(node.call(move |node| node.bind(&endpoint))??.into())
    }
}

/// Returns the endpoint that was bound last, as peers in this machine reach it.
///
/// It is the endpoint that is in use: with the port for tcp://127.0.0.1:*, with
/// the path for ipc://*, and with 0.0.0.0 for all interfaces.
///
/// Returns: a string, which the caller frees with free or zgossip_free; or
///     NULL.
/// Errors: ENOENT if nothing is bound, or the last attempt failed; ENOMEM; and
///     those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_endpoint(self_: *mut zgossip_t) -> *mut c_char {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        let endpoint = node.call(|node| node.endpoint())?;
        let endpoint = endpoint.ok_or_else(|| Failure::new(Errno(libc::ENOENT), "no endpoint is bound"))?;
        Ok(text_to_c(endpoint.as_bytes())?.as_ptr())
    }
}

/// Stops accepting peers at an endpoint.
///
/// `endpoint` is the text that was given to zgossip_bind, or the same text with
/// the port that it returned in place of `*`. Peers that connected to this
/// endpoint are disconnected.
///
/// Returns: 0, or -1.
/// Errors: ENOENT if the node is not bound there; and those of an answered
///     call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_unbind(self_: *mut zgossip_t, endpoint: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, endpoint) = unsafe { (enter(self_)?, string(endpoint, "endpoint")?.to_vec()) };
        node.call(move |node| node.unbind(&endpoint))??;
        Ok(0)
    }
}

/// Connects to the peer at an endpoint, and again whenever the connection is
/// lost.
///
/// The peer need not be there yet. If its host is given by name, all addresses
/// of the name are tried in turn until one answers, those of IPv6 only if that
/// is on (server/ipv6), and the name is looked up again while there is no
/// connection. The node does not wait for a look-up: a short-lived thread does.
///
/// `server_key` is the public key of the peer (40 characters of Z85) if the
/// connection is to be encrypted, or NULL. For an encrypted connection the node
/// uses the keys of zgossip_set_keys, or a fresh pair if there are none. Without
/// `server_key` it uses the username and the password of zgossip_set_plain, if
/// there are any.
///
/// Returns: 0 once the attempt has begun, or -1.
/// Errors: EINVAL if the endpoint is malformed; EACCES if `server_key` is
///     malformed, the keys cannot be used, or zgossip/security/mechanism is plain
///     or curve and there is no password or `server_key` for it (the node never
///     connects without it then, except to inproc endpoints); EMFILE if too few
///     descriptors are left; EAGAIN if libzmq can start no thread; other errors
///     of libzmq; and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_connect(
    self_: *mut zgossip_t,
    endpoint: *const c_char,
    server_key: *const c_char,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, endpoint) = unsafe { (enter(self_)?, string(endpoint, "endpoint")?.to_vec()) };
        let key = if server_key.is_null() {
            None
        } else {
            // SAFETY: the program gives NULL or a C string.
            Some(unsafe { string(server_key, "server key") }?.to_vec())
        };
        node.call(move |node| node.connect(&endpoint, key.as_deref()))??;
        Ok(0)
    }
}

/// Ends the connection to an endpoint, and makes no new one.
///
/// `endpoint` is the text that was given to zgossip_connect. The tuples that
/// came from that peer stay.
///
/// Returns: 0, or -1.
/// Errors: ENOENT if there is no zgossip_connect to that endpoint; and those of
///     an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_disconnect(self_: *mut zgossip_t, endpoint: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, endpoint) = unsafe { (enter(self_)?, string(endpoint, "endpoint")?.to_vec()) };
        node.call(move |node| node.disconnect(&endpoint))??;
        Ok(0)
    }
}

/// Sets the node's CURVE keys, for each zgossip_bind and zgossip_connect that
/// follows.
///
/// Each key is 40 characters of Z85, as from zgossip_cert_new or
/// zmq_curve_keypair. What is bound afterwards accepts encrypted connections
/// only. The pair is checked when it is used. The library wipes its copies of
/// the secret key.
///
/// Returns: 0, or -1.
/// Errors: those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_keys(
    self_: *mut zgossip_t,
    public_key: *const c_char,
    secret_key: *const c_char,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and two C strings.
        let (node, public, secret) = unsafe {
            (enter(self_)?, string(public_key, "public key")?.to_vec(), string(secret_key, "secret key")?)
        };
        let secret = Zeroizing::new(secret.to_vec());
        node.call(move |node| node.set_keys(&public, &secret))?;
        Ok(0)
    }
}

/// Sets the username and the password of the node, for each zgossip_connect
/// that follows.
///
/// The node makes itself known by PLAIN then, where zgossip_connect is given no
/// server key. PLAIN does not encrypt: name, password and tuples can be read on the way.
/// Only a peer that asks for a password is connected to then; it asks if its
/// zgossip/security/mechanism is plain and zgossip_auth_plain names a file.
/// NULL for both takes them back. The password is neither logged nor recorded,
/// and the library wipes its copies; libzmq keeps one.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if one of the two is NULL, or does not have 1 to 255 bytes;
///     and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_plain(
    self_: *mut zgossip_t,
    username: *const c_char,
    password: *const c_char,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        let credentials = if username.is_null() && password.is_null() {
            None
        } else {
            // SAFETY: the program gives two C strings.
            Some(unsafe { (string(username, "username")?, string(password, "password")?) })
        };
        node.set_plain(credentials)?;
        Ok(0)
    }
}

/// Sets the ZAP domain, for each zgossip_bind that follows.
///
/// The handler that decides about clients (see zgossip_auth_new) is told this
/// domain with every client of the endpoint. "" stands for the default,
/// "global".
///
/// Returns: 0, or -1.
/// Errors: EINVAL if the domain is longer than 255 bytes; and those of an
///     answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_zap_domain(self_: *mut zgossip_t, domain: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, domain) = unsafe { (enter(self_)?, string(domain, "domain")?) };
        node.set_zap_domain(domain)?;
        Ok(0)
    }
}
