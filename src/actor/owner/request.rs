//! Typed requests: closures that the node's thread runs, in the order of the commands.
//!
//! A command of frames is sent without waiting for its result. A typed call wants the result, so it travels in the same
//! queue as a closure, and the calling thread waits for what the closure returns. The two threads share nothing but a
//! [`Promise`].

use crate::actor::command::NodeCalls;
use crate::actor::promise::{Answer, Promise, promise};

/// A typed request in the queue of commands.
pub(super) trait Request: Send {
    /// Finds the answer, on the node's thread.
    fn run(&mut self, node: &mut NodeCalls<'_>);
    /// Hands the answer over. All events that preceded it are queued for the owner by then.
    fn answer(self: Box<Self>);
}

/// A closure, and the promise of what it returns. Made by [`request`].
struct Call<T, F> {
    closure: Option<F>,
    answer: Option<T>,
    promise: Promise<T>,
}

/// The request to run `closure`, and the answer to wait for.
pub(super) fn request<T, F>(closure: F) -> (Box<dyn Request>, Answer<T>)
where
    T: Send + 'static,
    F: FnOnce(&mut NodeCalls<'_>) -> T + Send + 'static,
{
    let (promise, answer) = promise();
    (Box::new(Call { closure: Some(closure), answer: None, promise }), answer)
}

impl<T, F> Request for Call<T, F>
where
    T: Send,
    F: FnOnce(&mut NodeCalls<'_>) -> T + Send,
{
    fn run(&mut self, node: &mut NodeCalls<'_>) {
        if let Some(closure) = self.closure.take()
            && self.promise.start()
        {
            self.answer = Some(closure(node));
        }
    }

    fn answer(self: Box<Self>) {
        if let Some(answer) = self.answer {
            self.promise.fulfil(answer);
        }
    }
}
