//! A name for the calling thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of a thread, which no other thread of the process has or has had. The standard library's `ThreadId` would
/// do, but asking for it in a thread of the program leaves a handle in memory, which leak checkers report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ThreadMark(u64);

impl ThreadMark {
    /// The mark of the calling thread.
    pub(super) fn of_caller() -> ThreadMark {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        thread_local! {
            static NUMBER: Cell<u64> = const { Cell::new(0) };
        }
        NUMBER.with(|number| {
            if number.get() == 0 {
                number.set(NEXT.fetch_add(1, Ordering::Relaxed));
            }
            ThreadMark(number.get())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_its_own_and_keeps_it() {
        let here = ThreadMark::of_caller();
        let there = std::thread::spawn(ThreadMark::of_caller).join().unwrap();
        let later = std::thread::spawn(ThreadMark::of_caller).join().unwrap();
        assert_eq!(here, ThreadMark::of_caller());
        assert!(here != there && there != later && later != here);
    }
}
