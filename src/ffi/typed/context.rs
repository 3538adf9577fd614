//! Nodes in a libzmq context of the program's own.

#![allow(unsafe_code)]

use std::ptr::NonNull;

use libc::{c_char, c_void};

use super::super::actor_fn::{lossy, sink};
use super::super::entry::told;
use super::super::error::Errno;
use super::super::failure::Failure;
use super::super::shell::{hold, zgossip_t};
use super::super::signals::blocked;
use super::super::surroundings::prepare;
use super::arguments::enter;
use crate::actor::Handle;
use crate::engine::raw;

/// Create a node whose sockets are in a libzmq context of the program's own,
/// made by zmq_ctx_new (or taken from CZMQ or another library): its inproc
/// endpoints are shared with the program's sockets there. The context stays
/// the program's, which destroys the node before it ends the context.
/// Otherwise as zgossip_new. Returns NULL with errno EINVAL if the context is
/// NULL or none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_new_in(name: *const c_char, context: *mut c_void) -> *mut zgossip_t {
    told! {
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
        Ok(hold(node.map_err(Errno::from)?).as_ptr())
    }
}

/// The libzmq context that the node's sockets are in: sockets that the program
/// makes in it share the node's inproc endpoints. It must not be ended, unless
/// it is the program's own. Returns NULL with errno EINVAL if it is no node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_context(self_: *mut zgossip_t) -> *mut c_void {
    told! {
        // SAFETY: the program gives a node.
        let node = unsafe { enter(self_) }?;
        Ok(node.context().as_ptr())
    }
}
