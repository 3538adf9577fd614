//! Nodes: creating and destroying them.

#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use libc::{c_char, c_void};

use super::arguments::enter;
use super::pool::{self, insert, remove, zgossip_t};
use crate::actor::Handle;
use crate::engine::raw;
use crate::ffi::actor_fn::{lossy, sink};
use crate::ffi::entry::{entry, entry_with_reason};
use crate::ffi::error::Errno;
use crate::ffi::failure::Failure;
use crate::ffi::host::prepare;

/// Creates a node.
///
/// `name` prefixes the node's log lines, and peers that use this library are
/// told its first 64 bytes; it may be in any encoding, or NULL.
/// The node has one thread, in which it takes commands from now on; that thread
/// blocks all signals, so that the process's handlers never run in it. All
/// nodes made by this function share one libzmq context: an inproc endpoint of
/// one can be reached by all of them, and by no socket outside.
///
/// Returns: the node, which the caller destroys with zgossip_destroy; or NULL.
/// Errors: ENOMEM, EAGAIN, EMFILE or ENFILE if there is no memory, thread or
///     descriptor left for it.
/// Threads: a child that the process forks can make nodes of its own. On its
///     parent's nodes every function fails with EPIPE there, except
///     zgossip_destroy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_new(name: *const c_char) -> *mut zgossip_t {
    entry! {
        prepare();
        // SAFETY: the program gives a C string or NULL.
        let name = unsafe { lossy(name) };
        let node = Handle::new(&name, sink(), raw::Context::global())?;
        Ok(insert(node).as_ptr())
    }
}

/// Creates a node whose sockets live in a libzmq context of the program.
///
/// The node shares its inproc endpoints with all other sockets in that context.
/// `context` is what zmq_ctx_new returned, to the program or to a library that
/// it uses; it stays the program's, which must destroy the node before it
/// terminates the context. If the context is terminated first, the node ends,
/// and calls on it fail with ETERM (zmq.h). `name` and the rest are as for zgossip_new.
///
/// Returns: the node, which the caller destroys with zgossip_destroy; or NULL.
/// Errors: EINVAL if the context is NULL, terminated or no context; and those
///     of zgossip_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_new_in(name: *const c_char, context: *mut c_void) -> *mut zgossip_t {
    entry_with_reason! {
        let context = NonNull::new(context).ok_or_else(|| Failure::invalid("context is NULL"))?;
        // SAFETY: the program gives a context; libzmq looks at its tag.
        if unsafe { zmq_sys::zmq_ctx_get(context.as_ptr(), zmq_sys::ZMQ_IO_THREADS as i32) } < 0 {
            return Err(Failure::invalid("not a context of libzmq, or one that has ended"));
        }
        prepare();
        // SAFETY: the program gives a C string or NULL.
        let name = unsafe { lossy(name) };
        // SAFETY: libzmq knows it, and the program keeps it as long as the node.
        let context = unsafe { raw::Context::foreign(context.as_ptr()) };
        let node = Handle::new(&name, sink(), context);
        Ok(insert(node.map_err(Errno::from)?).as_ptr())
    }
}

/// Returns the libzmq context that the node's sockets live in.
///
/// Sockets that the program makes in it share the node's inproc endpoints. The
/// program must not terminate the context unless it is the program's own.
///
/// Returns: the context, which is not the caller's; or NULL.
/// Errors: EINVAL if `self` is no node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_context(self_: *mut zgossip_t) -> *mut c_void {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        Ok(node.context().as_ptr())
    }
}

/// Destroys a node, and sets the caller's pointer to NULL.
///
/// It takes milliseconds, whatever the node's peers do. What was published
/// before still reaches the peers that are connected, if that takes no longer
/// than a quarter of a second; zgossip_flush waits longer. Messages that were
/// not received are lost, and the node's descriptor (zgossip_fd) is closed.
/// NULL, or a pointer to NULL, does nothing.
///
/// Errors: EINVAL if it is no node, or one that is destroyed; EDEADLK in a
///     function that was given to zgossip_set_log. Pointer and node stay as
///     they were then.
/// Threads: calls on the node that wait in other threads return with EPIPE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_destroy(self_p: *mut *mut zgossip_t) {
    entry! {
        // SAFETY: the program gives NULL or a pointer to its pointer, that to a node.
        unsafe {
            if self_p.is_null() || (*self_p).is_null() {
                return Ok(());
            }
            if pool::enter(*self_p).is_ok_and(|node| node.is_own_thread()) {
                return Err(Errno(libc::EDEADLK));
            }
            remove(*self_p)?;
            *self_p = ptr::null_mut();
        }
        Ok(())
    }
}
