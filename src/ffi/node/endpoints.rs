//! Endpoints and keys.

#![allow(unsafe_code)]

use libc::{c_char, c_int};
use zeroize::Zeroizing;

use super::arguments::{enter, string};
use super::pool::zgossip_t;
use crate::ffi::entry::entry_with_reason;
use crate::ffi::failure::Failure;

/// Accept peers at an endpoint: tcp://*:5670, tcp://127.0.0.1:* (any port that
/// is free), ipc:///path, inproc://name. A node may be bound to several.
/// Returns the TCP port, 0 for other transports; or -1 with errno EINVAL if an
/// argument is NULL or wrong, EADDRINUSE, EADDRNOTAVAIL, EACCES if keys or a
/// mechanism are set and cannot be used (it is never bound without them), or
/// what else libzmq says.
///
/// This and all calls below that have an answer are carried out after all that
/// was asked of the node before, by any thread, and after the messages that
/// this led to can be received. They wait for that as long as
/// zgossip_set_sndtimeo says, and fail with errno EAGAIN, nothing having been
/// done, if that is too short; with EPIPE if the node ends meanwhile or has
/// ended; with EDEADLK in a function that was given to zgossip_set_log, for
/// that runs in the node's own thread. zgossip_strerror tells more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_bind(self_: *mut zgossip_t, endpoint: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, endpoint) = unsafe { (enter(self_)?, string(endpoint, "endpoint")?.to_vec()) };
        Ok(node.ask(move |desk| desk.bind(&endpoint))??.into())
    }
}

/// Accept no more peers at an endpoint: as it was given to zgossip_bind, or
/// with the port that this returned instead of its *. Peers that came by it are
/// cut off, and are let in at other endpoints. Returns 0;
/// or -1 with errno ENOENT if it is not bound, or as zgossip_bind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_unbind(self_: *mut zgossip_t, endpoint: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, endpoint) = unsafe { (enter(self_)?, string(endpoint, "endpoint")?.to_vec()) };
        node.ask(move |desk| desk.unbind(&endpoint))??;
        Ok(0)
    }
}

/// Connect to the peer that is bound to an endpoint, now or later: the node
/// goes on trying, and connects again whenever the connection is lost. The
/// second argument is the peer's public key (40 characters), for an encrypted
/// connection, or NULL; the node uses its own keys then, or fresh ones if it
/// has none. Returns 0 once the attempt has begun; or -1 with errno EINVAL if
/// an argument is NULL or wrong, EACCES if keys cannot be used (it never
/// connects in clear then), or what else libzmq says.
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
        node.ask(move |desk| desk.connect(&endpoint, key.as_deref()))??;
        Ok(0)
    }
}

/// Take back a zgossip_connect to the same endpoint. What the peer has said
/// stays. Returns 0; or -1 with errno ENOENT if there is no such connection,
/// or as zgossip_connect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_disconnect(self_: *mut zgossip_t, endpoint: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, endpoint) = unsafe { (enter(self_)?, string(endpoint, "endpoint")?.to_vec()) };
        node.ask(move |desk| desk.disconnect(&endpoint))??;
        Ok(0)
    }
}

/// Set the node's key pair (CURVE; 40 characters each, as from
/// zmq_curve_keypair) for the zgossip_bind and zgossip_connect that follow:
/// what is bound then accepts encrypted connections alone. The pair is checked
/// when it is used. The library wipes its copies of the secret key. Returns 0;
/// or -1 with errno EINVAL if an argument is NULL.
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
        node.ask(move |desk| desk.set_keys(&public, &secret))?;
        Ok(0)
    }
}

/// Set the domain that is told to who decides about clients (by ZAP), for the
/// zgossip_bind that follow; "" for the usual one, "global". Returns 0; or -1
/// with errno EINVAL if an argument is NULL, or the domain longer than 255
/// bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_zap_domain(self_: *mut zgossip_t, domain: *const c_char) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node and a C string.
        let (node, domain) = unsafe { (enter(self_)?, string(domain, "domain")?.to_vec()) };
        if domain.len() > 255 {
            return Err(Failure::invalid("domain is longer than 255 bytes"));
        }
        node.ask(move |desk| desk.set_zap_domain(&domain))?;
        Ok(0)
    }
}
