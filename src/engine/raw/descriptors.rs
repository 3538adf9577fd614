//! Descriptors, of which a process may have a limited number.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::stat;
use rustix::process::{Resource, getrlimit};

use super::Error;

/// Checks that `count` descriptors are left. libzmq aborts the process where it gets none, so a call that needs some is
/// refused before libzmq sees it. (Another thread may take them in between.)
pub fn require_descriptors(count: usize) -> Result<(), Error> {
    let held: Result<Vec<OwnedFd>, _> = (0..count).map(|_| eventfd(0, EventfdFlags::CLOEXEC)).collect();
    held.map(drop).map_err(|error| Error::from_errno(error.raw_os_error()))
}

/// The number of descriptors that this process holds at least, and its limit; `None` where there is no limit.
///
/// Linux counts them since version 6.2. Elsewhere, and where some have numbers beyond a limit that was lowered, the
/// lowest number that is free tells it: all below are in use.
pub fn descriptors_in_use() -> Option<(u64, u64)> {
    let limit = getrlimit(Resource::Nofile).current?;
    let counted = stat("/proc/self/fd").map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0));
    if (1..=limit).contains(&counted) {
        return Some((counted, limit));
    }
    let used = match eventfd(0, EventfdFlags::CLOEXEC) {
        Ok(free) => u64::try_from(free.as_raw_fd()).ok()?,
        Err(_) => limit,
    };
    Some((used.min(limit), limit))
}

/// Why there are no descriptors left, for people.
pub(super) fn describe_limit() -> String {
    let limit = getrlimit(Resource::Nofile).current;
    let limit = limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    format!("too few file descriptors are left in this process: the limit is {limit} (ulimit -n)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_descriptors_than_the_limit_are_refused() {
        assert_eq!(require_descriptors(8), Ok(()));
        let limit = getrlimit(Resource::Nofile).current.expect("a limit");
        if limit < 100_000 {
            assert_eq!(require_descriptors(limit as usize), Err(Error::TOO_MANY_FILES));
        }
    }

    #[test]
    fn descriptors_that_are_held_count() {
        let (before, limit) = descriptors_in_use().expect("a limit");
        let held: Vec<OwnedFd> = (0..1000).map(|_| eventfd(0, EventfdFlags::CLOEXEC).unwrap()).collect();
        // Other tests of this process hold and release some meanwhile.
        let (used, _) = descriptors_in_use().expect("a limit");
        assert!(used > before + 500 && used <= limit, "{before} {used} {limit}");
        drop(held);
    }

    #[test]
    fn the_reason_names_the_limit() {
        let limit = getrlimit(Resource::Nofile).current.expect("a limit");
        let reason = Error::TOO_MANY_FILES.to_string();
        assert!(reason.contains(&format!("the limit is {limit}")), "{reason}");
    }
}
