//! Typed requests: closures that the node's thread runs in the order of the commands.
//!
//! A command made of frames is given and forgotten. A typed call wants to know what became of it, so it travels the
//! same queue, in the same order, as a closure that the node's thread runs, and the calling thread waits for what the
//! closure returns. Nothing is shared between the two but a [`Promise`].

use crate::actor::command::Desk;
use crate::actor::promise::{Expected, Promise, promise};

/// A question in the queue of commands.
pub trait Job: Send {
    /// Find the answer; the node's thread does that.
    fn run(&mut self, desk: &mut Desk<'_>);
    /// Hand the answer over. What the question made happen has been told by then.
    fn answer(self: Box<Self>);
}

/// A question and the one who waits for the answer. Made by [`question`].
struct Question<T, F> {
    ask: Option<F>,
    answer: Option<T>,
    promise: Promise<T>,
}

/// What is to be run by the node's thread, and what its answer is to be had from.
pub(super) fn question<T, F>(ask: F) -> (Box<dyn Job>, Expected<T>)
where
    T: Send + 'static,
    F: FnOnce(&mut Desk<'_>) -> T + Send + 'static,
{
    let (promise, expected) = promise();
    (Box::new(Question { ask: Some(ask), answer: None, promise }), expected)
}

impl<T, F> Job for Question<T, F>
where
    T: Send,
    F: FnOnce(&mut Desk<'_>) -> T + Send,
{
    fn run(&mut self, desk: &mut Desk<'_>) {
        if let Some(ask) = self.ask.take()
            && self.promise.begin()
        {
            self.answer = Some(ask(desk));
        }
    }

    fn answer(self: Box<Self>) {
        if let Some(answer) = self.answer {
            self.promise.keep(answer);
        }
    }
}
