//! Models of typed calls: a closure that the node runs for another thread, which waits for the answer.

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::request::request;
use super::router::Router;
use super::running::Running;
use crate::actor::command::{Message, NodeCalls};
use crate::actor::error::CallError;
use crate::actor::promise::promise;
use crate::explore;
use crate::sync::Arc;
use crate::sync::futex::interrupt_next_wait;

/// A call's answer comes behind the events that precede it, and the call returns in every order.
pub fn a_call_is_answered_behind_its_events() {
    explore(|| {
        let node = Running::new();
        let (request, answer) = request(|node: &mut NodeCalls<'_>| {
            node.publish(1);
            7
        });
        node.router.request(request, None).expect("room");
        assert_eq!(answer.wait(None, false), Ok(7));
        node.router.recv_timeout.set(Some(std::time::Duration::ZERO));
        assert_eq!(node.recv(), Ok(Message(1)), "the event is there before the answer");
        node.close();
    });
}

/// A call beside the node's end is answered, or fails and nothing was done; it never waits for ever.
pub fn a_call_beside_the_end_returns() {
    explore(|| {
        let node = Arc::new(Running::new());
        let done = Arc::new(AtomicUsize::new(0));
        let caller = thread::spawn({
            let (node, done) = (Arc::clone(&node), Arc::clone(&done));
            move || {
                let (request, answer) = request({
                    let done = Arc::clone(&done);
                    move |_: &mut NodeCalls<'_>| done.fetch_add(1, Ordering::SeqCst)
                });
                let outcome = node.router.request(request, None).and_then(|()| answer.wait(None, false));
                assert!(matches!(outcome, Ok(0) | Err(CallError::Closed)), "{outcome:?}");
                assert_eq!(done.load(Ordering::SeqCst), usize::from(outcome.is_ok()), "{outcome:?}");
            }
        });
        node.close();
        caller.join().expect("the caller");
    });
}

/// A call beside the failure of the node, which leaves commands as they are, returns.
pub fn a_call_on_a_node_that_fails_returns() {
    explore(|| {
        let router = Arc::new(Router::new().expect("descriptors"));
        let node = thread::spawn({
            let router = Arc::clone(&router);
            move || router.end()
        });
        let (request, answer) = request(|_: &mut NodeCalls<'_>| ());
        let outcome = router.request(request, None).and_then(|()| answer.wait(None, false));
        assert_eq!(outcome, Err(CallError::Closed));
        node.join().expect("the node's thread");
    });
}

/// A wait that is given up beside the start of the work: either the work is not done at all, or it is answered.
pub fn what_was_cancelled_is_not_done() {
    explore(|| {
        let (promise, answer) = promise();
        let done = Arc::new(AtomicUsize::new(0));
        let worker = thread::spawn({
            let done = Arc::clone(&done);
            move || {
                if promise.start() {
                    done.fetch_add(1, Ordering::SeqCst);
                    promise.fulfil(7);
                }
            }
        });
        interrupt_next_wait();
        let outcome = answer.wait(None, true);
        worker.join().expect("the worker");
        match done.load(Ordering::SeqCst) {
            0 => assert_eq!(outcome, Err(CallError::Interrupted)),
            _ => assert_eq!(outcome, Ok(7)),
        }
    });
}

/// A promise that is dropped without an answer wakes who waits.
pub fn a_broken_promise_wakes_who_waits() {
    explore(|| {
        let (promise, answer) = promise::<u8>();
        let worker = thread::spawn(move || drop(promise));
        assert_eq!(answer.wait(None, false), Err(CallError::Closed));
        worker.join().expect("the worker");
    });
}
