//! Threads, of which a process or its user may have a limited number.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, Instant};

use rustix::thread::gettid;

use super::{Error, with_signals_blocked};

/// The stack of a thread that only waits: small, for the question is whether the system gives a thread.
const STACK: usize = 64 << 10;

/// The longest wait until threads that have ended no longer count. The kernel takes some microseconds.
const PASSING: Duration = Duration::from_millis(100);

/// A thread that waits until its other end is dropped.
struct Waiting {
    end: Sender<()>,
    id: Receiver<i32>,
    thread: JoinHandle<()>,
}

impl Waiting {
    fn start() -> std::io::Result<Waiting> {
        let (end, ended) = channel::<()>();
        let (said, id) = channel();
        let wait = move || {
            let _ = said.send(gettid().as_raw_nonzero().get());
            let _ = ended.recv();
        };
        let thread = Builder::new().name("zgossip".to_owned()).stack_size(STACK).spawn(wait)?;
        Ok(Waiting { end, id, thread })
    }

    fn finish(self) {
        let id = self.id.recv();
        drop(self.end);
        let _ = self.thread.join();
        // A thread that is joined counts against the limit until the kernel has released it.
        let Ok(id) = id else { return };
        let (task, end) = (PathBuf::from(format!("/proc/self/task/{id}")), Instant::now() + PASSING);
        while task.exists() && Instant::now() < end {
            sleep(Duration::from_micros(50));
        }
    }
}

/// Checks that `count` threads can be started, by starting them: they end at once. libzmq aborts the process where it
/// gets none, so a call that needs some is refused before libzmq sees it. (Another thread may take them in between.)
pub fn require_threads(count: usize) -> Result<(), Error> {
    let mut threads = Vec::with_capacity(count);
    let mut result = Ok(());
    // All of them are there before the first ends.
    with_signals_blocked(|| {
        while threads.len() < count && result.is_ok() {
            match Waiting::start() {
                Ok(thread) => threads.push(thread),
                Err(error) => result = Err(Error::from_errno(error.raw_os_error().unwrap_or(libc::EAGAIN))),
            }
        }
    });
    threads.into_iter().for_each(Waiting::finish);
    result
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_few_threads_can_be_had() {
        assert_eq!(super::require_threads(3), Ok(()));
    }
}
