//! A wait for descriptors.
//!
//! A node watches a handful of descriptors however many peers it has, so `poll(2)` is as quick as anything and costs
//! no descriptor of its own. libzmq's `zmq_poll` would ask every socket before and after each wait; here the engine
//! asks only those that it used or whose descriptor fired.

use std::os::fd::RawFd;
use std::time::Duration;

use super::Error;

/// A set of descriptors to wait for.
#[derive(Default)]
pub struct Poller {
    items: Vec<libc::pollfd>,
}

impl Poller {
    /// An empty set.
    pub fn new() -> Poller {
        Poller::default()
    }

    /// Removes all descriptors.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// Adds a descriptor, to wait until it is readable, or writable if that is asked for. Returns its place in the set.
    pub fn add(&mut self, fd: RawFd, writable: bool) -> usize {
        let events = if writable { libc::POLLIN | libc::POLLOUT } else { libc::POLLIN };
        self.items.push(libc::pollfd { fd, events, revents: 0 });
        self.items.len() - 1
    }

    /// Waits until a descriptor is ready or `timeout` is over (`None`: for ever). A signal ends the wait early, with
    /// nothing ready.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        // Rounded up: waking a little early would mean polling again and again until the moment comes.
        let millis = timeout.map_or(-1, |t| t.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as i32);
        // SAFETY: pointer and length are those of the vector.
        let rc = unsafe { libc::poll(self.items.as_mut_ptr(), self.items.len() as libc::nfds_t, millis) };
        if rc >= 0 {
            return Ok(());
        }
        let error = Error::from_errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL));
        self.items.iter_mut().for_each(|item| item.revents = 0);
        if error.is_interrupted() { Ok(()) } else { Err(error) }
    }

    /// Returns whether the descriptor at this place was ready at the end of the last wait. With an error on it, it is.
    pub fn ready(&self, place: usize) -> bool {
        self.items.get(place).is_some_and(|item| item.revents != 0)
    }
}
