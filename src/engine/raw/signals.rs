//! Threads of the library take no signals: they are the program's.

use std::mem::MaybeUninit;

/// Runs `start` while all signals are blocked in this thread: the threads that it starts inherit that.
pub fn with_signals_blocked<T>(start: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset fills `all`, which pthread_sigmask then reads; `before` is only written to.
    let changed = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    let result = start();
    if changed {
        // SAFETY: pthread_sigmask succeeded above, so it has filled `before`.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    }
    result
}

#[cfg(test)]
mod tests {
    /// Returns whether this thread has SIGUSR1 blocked, as the kernel says.
    fn is_blocked() -> bool {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap() & 1 << (libc::SIGUSR1 - 1) != 0
    }

    #[test]
    fn a_thread_that_is_started_takes_no_signals_and_its_starter_does_again() {
        assert!(!is_blocked());
        let thread = super::with_signals_blocked(|| std::thread::spawn(is_blocked));
        assert!(thread.join().unwrap());
        assert!(!is_blocked());
    }
}
