//! A node in somebody else's context.

#![expect(unsafe_code, reason = "a context of libzmq is made and ended by its program")]

use std::ffi::c_void;
use std::sync::mpsc::channel;

use zgossip::engine::{EngineSettings, raw};

use super::harness::{Node, PATIENCE, unique};

struct Handle(*mut c_void);
// SAFETY: libzmq contexts are thread-safe.
unsafe impl Send for Handle {}

#[test]
fn a_node_ends_with_its_context() {
    // SAFETY: no arguments.
    let handle = Handle(unsafe { zmq_sys::zmq_ctx_new() });
    // SAFETY: a context, terminated below: libzmq waits until the nodes have closed their sockets.
    let context = unsafe { raw::Context::foreign(handle.0) };
    let node = || Node::with(context, EngineSettings::default());
    let (hub, leaf) = (node(), node());
    let endpoint = unique("inproc");
    hub.bind(&endpoint).unwrap();
    hub.listen();
    leaf.connect(&endpoint);
    leaf.connect("tcp://127.0.0.1:1");
    leaf.connect("tcp://localhost:1");
    leaf.publish("key", "value");
    hub.expect("key", "value");

    let (done, finished) = channel();
    std::thread::spawn(move || {
        let handle = handle;
        // SAFETY: the context made above, terminated once.
        done.send(unsafe { zmq_sys::zmq_ctx_term(handle.0) })
    });
    assert_eq!(finished.recv_timeout(PATIENCE), Ok(0));
    hub.end();
    leaf.end();
}
