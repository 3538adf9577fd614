//! Making and ending a node.

#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use libc::{c_char, c_void};

use super::arguments::enter;
use super::pool::{CallGuard, insert, remove, zgossip_t};
use crate::actor::Handle;
use crate::engine::raw;
use crate::ffi::actor_fn::{lossy, sink};
use crate::ffi::entry::{entry, entry_with_reason};
use crate::ffi::error::Errno;
use crate::ffi::failure::Failure;
use crate::ffi::host::prepare;
use crate::ffi::signals::blocked;

/// Create a node. The name is a prefix for its log lines, in any encoding, or
/// NULL. The node has one thread of its own, in which it takes commands from
/// now on, and which takes none of the process's signals. Any thread may call the functions below on it at any time, several
/// threads at the same time too. inproc endpoints are shared by all nodes made
/// here, and by them alone. The caller destroys the node with zgossip_destroy.
/// A child that the process forks can make nodes of its own, but not use those
/// of its parent: they fail with errno EPIPE there, except zgossip_destroy.
/// Returns NULL with errno set if there is no memory, thread or descriptor
/// for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_new(name: *const c_char) -> *mut zgossip_t {
    entry! {
        prepare();
        // SAFETY: the program gives a C string or NULL.
        let name = unsafe { lossy(name) };
        let node = blocked(|| Handle::new(&name, sink(), raw::Context::global()))?;
        Ok(insert(node).as_ptr())
    }
}

/// Create a node whose sockets are in a libzmq context of the program's own,
/// made by zmq_ctx_new (or taken from CZMQ or another library): its inproc
/// endpoints are shared with the program's sockets there. The context stays
/// the program's, which destroys the node before it ends the context.
/// Otherwise as zgossip_new. Returns NULL with errno EINVAL if the context is
/// NULL or none.
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
        let node = blocked(|| Handle::new(&name, sink(), context));
        Ok(insert(node.map_err(Errno::from)?).as_ptr())
    }
}

/// The libzmq context that the node's sockets are in: sockets that the program
/// makes in it share the node's inproc endpoints. It must not be ended, unless
/// it is the program's own. Returns NULL with errno EINVAL if it is no node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_context(self_: *mut zgossip_t) -> *mut c_void {
    entry_with_reason! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        Ok(node.context().as_ptr())
    }
}

/// Destroy a node, and set the caller's pointer to NULL. It returns soon,
/// whatever the node's peers do; what was published just before still reaches
/// the peers that are connected. Messages that were not received are lost.
/// Calls that wait inside zgossip_recv or zgossip_send in other threads return
/// with errno EPIPE. The node's descriptor is closed. Nothing happens if either
/// pointer is NULL already. If it does not point to a node, or to one that is
/// destroyed, it is left alone, and errno is EINVAL; it is also left alone, with
/// EDEADLK, in a function that was given to zgossip_set_log.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_destroy(self_p: *mut *mut zgossip_t) {
    entry! {
        // SAFETY: the program gives NULL or a pointer to its pointer, that to a node.
        unsafe {
            if self_p.is_null() || (*self_p).is_null() {
                return Ok(());
            }
            if CallGuard::enter(*self_p).is_ok_and(|node| node.is_own_thread()) {
                return Err(Errno(libc::EDEADLK));
            }
            remove(*self_p)?;
            *self_p = ptr::null_mut();
        }
        Ok(())
    }
}
