//! A name for the calling thread: all threads of a model run in one of the system's.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ThreadMark(loom::thread::ThreadId);

impl ThreadMark {
    pub(super) fn of_caller() -> ThreadMark {
        ThreadMark(loom::thread::current().id())
    }
}
