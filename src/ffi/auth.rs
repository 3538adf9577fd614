//! Access: which clients may connect.
//!
//! Without a handler nobody is admitted to native nodes with keys; to CZMQ's actor, every client that knows its key.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use libc::{c_char, c_int, c_void};

use super::actor_fn::{context_of, signal, sink, sink_of};
use super::entry::{entry, outside, panic_text};
use super::error::Errno;
use super::host::prepare;
use super::socket::Socket;
use super::tag::{Tag, Tagged, check};
use super::types::zsock_t;
use crate::actor::auth::{self, Policy, ZapServer};
use crate::engine::raw;
use crate::log::Level;

/// A ZAP server, as C holds it.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zgossip_auth_t {
    tag: Tag,
    server: ZapServer,
}

// SAFETY: `repr(C)`, and the tag comes first.
unsafe impl Tagged for zgossip_auth_t {
    const TAG: u32 = 0x5a47_4155;
}

/// Starts a handler that decides which clients may connect (ZAP).
///
///     zgossip_auth_t *auth = zgossip_auth_new (NULL);
///     zgossip_auth_curve (auth, "/etc/myapp/clients");
///
/// It decides about the clients of all sockets in a libzmq context that have a
/// ZAP domain or are CURVE or PLAIN servers. `context` comes from zmq_ctx_new
/// or zsys_init; NULL stands for the context of all nodes made by zgossip_new.
/// At first every client without security may connect, and no client that uses
/// PLAIN or CURVE. A context has at most one such handler; CZMQ's zauth is one
/// too.
///
/// Returns: the handler, which the caller ends with zgossip_auth_destroy; or
///     NULL.
/// Errors: EADDRINUSE if the context has a handler already; EMFILE if too few
///     descriptors are left; EAGAIN if no thread can be started; other errors of
///     libzmq.
/// Threads: any thread may call the functions of a handler, until one calls
///     zgossip_auth_destroy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_auth_new(context: *mut c_void) -> *mut zgossip_auth_t {
    entry! {
        prepare();
        let context = if context.is_null() {
            raw::Context::global()
        } else {
            // SAFETY: the program gives a context of libzmq, which cannot be terminated before its sockets close.
            unsafe { raw::Context::foreign(context) }
        };
        let server = ZapServer::new(context, sink())?;
        Ok(Box::into_raw(Box::new(zgossip_auth_t { tag: Tag::new(zgossip_auth_t::TAG), server })))
    }
}

/// Ends a handler, and sets the caller's pointer to NULL.
///
/// Connections that stand stay. Newcomers are not admitted to nodes made by
/// zgossip_new that were bound with keys or a domain, until there is another
/// handler; with zgossip/security/require-handler 0, and to CZMQ's sockets, all
/// are that know the server's key. NULL, or a pointer to NULL, does nothing.
///
/// Errors: EINVAL if it is no handler; the pointer stays as it was then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_auth_destroy(self_p: *mut *mut zgossip_auth_t) {
    entry! {
        // SAFETY: the program gives NULL or a pointer to its pointer, that to one made above.
        unsafe {
            if self_p.is_null() || (*self_p).is_null() {
                return Ok(());
            }
            let found = check(*self_p)?;
            found.as_ref().tag.wipe();
            drop(Box::from_raw(found.as_ptr()));
            *self_p = ptr::null_mut();
        }
        Ok(())
    }
}

/// Changes the policy of a handler by a C string.
///
/// # Safety
/// `auth` is NULL or points to four readable bytes, and to a live one where they are our tag; `text` is NULL or a C
/// string.
unsafe fn change<T>(
    auth: *mut zgossip_auth_t,
    text: *const c_char,
    change: impl FnOnce(&mut Policy, &[u8]) -> T,
) -> Result<T, Errno> {
    if text.is_null() {
        return Err(Errno::INVALID);
    }
    // SAFETY: the caller vouches for both.
    let (found, text) = unsafe { (check(auth)?.as_ref(), CStr::from_ptr(text).to_bytes()) };
    Ok(found.server.change(|policy| change(policy, text)))
}

/// Allows clients from an address, such as "127.0.0.1".
///
/// As soon as one address is allowed, clients from all others are refused. An
/// allowed client still has to pass PLAIN or CURVE where the socket uses them.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if an argument is NULL or no handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_auth_allow(self_: *mut zgossip_auth_t, address: *const c_char) -> c_int {
    entry! {
        // SAFETY: the program gives what this function takes, or NULL.
        unsafe { change(self_, address, Policy::allow) }?;
        Ok(0)
    }
}

/// Refuses clients from an address, as long as no address is allowed.
///
/// Clients that are connected from there lose their connections to nodes made
/// by zgossip_new within seconds, unless zgossip/security/revocation is 0.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if an argument is NULL or no handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_auth_deny(self_: *mut zgossip_auth_t, address: *const c_char) -> c_int {
    entry! {
        // SAFETY: the program gives what this function takes, or NULL.
        unsafe { change(self_, address, Policy::deny) }?;
        Ok(0)
    }
}

/// Accepts clients that use PLAIN and whose name and password are in a file.
///
/// Each line of the file is name=password. The file is read again when it
/// changes.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if an argument is NULL or no handler; ENOENT, EACCES and the
///     like if the file cannot be read. The file is in force all the same: no
///     client passes until it can be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_auth_plain(self_: *mut zgossip_auth_t, filename: *const c_char) -> c_int {
    entry! {
        // SAFETY: the program gives what this function takes, or NULL.
        unsafe { change(self_, filename, Policy::plain) }??;
        Ok(0)
    }
}

/// Accepts clients that use CURVE and whose public certificates are in a
/// directory.
///
/// zgossip_cert_save_public writes such certificates; files may come and go at
/// any time. Who loses a certificate loses connections to nodes made by
/// zgossip_new within seconds, unless zgossip/security/revocation is 0. "*" in
/// place of a directory accepts every client that knows the server's public
/// key.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if an argument is NULL or no handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_auth_curve(self_: *mut zgossip_auth_t, directory: *const c_char) -> c_int {
    entry! {
        // SAFETY: the program gives what this function takes, or NULL.
        unsafe { change(self_, directory, Policy::curve) }?;
        Ok(0)
    }
}

/// Turns the logging of every decision on or off; it is off by default.
///
/// Returns: 0, or -1.
/// Errors: EINVAL if `self` is no handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_auth_verbose(self_: *mut zgossip_auth_t, verbose: bool) -> c_int {
    entry! {
        // SAFETY: the program gives one made above, or NULL.
        unsafe { check(self_)?.as_ref() }.server.set_verbose(verbose);
        Ok(0)
    }
}

/// Runs such a handler as an actor with the commands of CZMQ's zauth: pass it
/// to zactor_new.
///
/// The commands are VERBOSE; ALLOW and DENY, with addresses; PLAIN, with a
/// file; CURVE, with a directory or "*". Each is answered by a signal: 0 if it
/// was carried out, 1 otherwise (GSSAPI is not supported). `args` is ignored.
///
/// Errors: EINVAL or ENOTSOCK if the pipe is NULL or no socket; the function
///     returns at once then.
/// Threads: it blocks until $TERM comes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_auth_actor(pipe: *mut zsock_t, args: *mut c_void) {
    entry! {
        let _ = args;
        // SAFETY: the program passes a live socket, which no other code uses until this function returns.
        let socket = unsafe { Socket::resolve(pipe.cast()) }?;
        prepare();
        let sink = sink_of(socket);
        let served = AssertUnwindSafe(|| {
            // SAFETY: the pipe is a live socket, and no one else uses it until we return.
            let pipe = unsafe { raw::Socket::borrowed(socket.handle()) };
            auth::run_on_pipe(pipe, context_of(socket), Arc::clone(&sink), || {
                // If the owner is gone already, the next read from the pipe fails.
                let _ = signal(socket);
            });
        });
        if let Err(payload) = outside(|| catch_unwind(served)) {
            sink.write(Level::Error, &format!("zauth: it has failed, and ends: {}", panic_text(&*payload)));
            // Dropping a foreign panic payload could panic again.
            std::mem::forget(payload);
        }
        Ok(())
    }
}
