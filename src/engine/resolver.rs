//! Host names, looked up by threads of their own.
//!
//! The system's resolver answers when it has the answer, which takes half a minute where a name server is out of reach.
//! Neither a node's thread nor libzmq's waits for that. Each look-up is a thread, for it can be asked in no other way,
//! and ended in none: when its node ends, the thread is left behind, and the end of the process does not wait for it.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use parking_lot::Mutex;

use crate::core::LinkId;

use super::event_fd::EventFd;
use super::raw;

/// The most look-ups that run in a process at one moment. A program whose name servers are out of reach may make and
/// end nodes all the time, and each look-up takes half a minute then.
const MOST: u32 = 32;

type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// The function that finds the addresses of a host name. It gets the name and the port, and may take any time.
#[derive(Clone)]
pub struct NameLookup(Arc<Lookup>);

impl NameLookup {
    /// A function in place of the system's resolver.
    pub fn new(
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> NameLookup {
        NameLookup(Arc::new(lookup))
    }
}

impl Default for NameLookup {
    /// The system's resolver.
    fn default() -> NameLookup {
        NameLookup::new(|host, port| Ok((host, port).to_socket_addrs()?.collect()))
    }
}

impl fmt::Debug for NameLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(name look-up)")
    }
}

/// The outcome of a look-up.
pub(super) struct Answer {
    /// The remote for which the name was looked up.
    pub(super) link: LinkId,
    /// The addresses, in the order in which the system prefers them.
    pub(super) found: io::Result<Vec<SocketAddr>>,
}

/// The look-ups of one engine.
pub(super) struct Resolver {
    lookup: NameLookup,
    /// The answers that wait; made with the first look-up.
    answers: Option<Arc<Answers>>,
}

/// Answers on their way from the threads to the engine. The descriptor is raised and lowered under the lock, so that it
/// is readable exactly while there are some.
struct Answers {
    waiting: Mutex<Vec<Answer>>,
    wake: EventFd,
}

impl Resolver {
    /// A resolver without look-ups.
    pub(super) fn new(lookup: NameLookup) -> Resolver {
        Resolver { lookup, answers: None }
    }

    /// Begins to look a name up for a remote. An error if there are too many look-ups, threads or descriptors.
    pub(super) fn begin(&mut self, link: LinkId, host: &str, port: u16) -> io::Result<()> {
        let answers = match &self.answers {
            Some(answers) => Arc::clone(answers),
            None => {
                let made = Answers { waiting: Mutex::default(), wake: EventFd::new()? };
                Arc::clone(self.answers.insert(Arc::new(made)))
            }
        };
        let seat = Seat::take().ok_or_else(|| {
            io::Error::other(format!("{MOST} other names are still being looked up by this process"))
        })?;
        let (lookup, host) = (self.lookup.clone(), host.to_owned());
        let work = move || {
            let found = lookup.0(&host, port);
            drop(seat);
            let mut waiting = answers.waiting.lock();
            waiting.push(Answer { link, found });
            answers.wake.raise();
        };
        // The thread is not joined: see the beginning of this file.
        raw::with_signals_blocked(|| thread::Builder::new().name("zgossip lookup".to_owned()).spawn(work))?;
        Ok(())
    }

    /// A descriptor that is readable while answers wait; `None` before the first look-up.
    pub(super) fn fd(&self) -> Option<RawFd> {
        self.answers.as_ref().map(|answers| answers.wake.as_fd().as_raw_fd())
    }

    /// Takes the answers that have come.
    pub(super) fn take(&self) -> Vec<Answer> {
        let Some(answers) = &self.answers else { return Vec::new() };
        let mut waiting = answers.waiting.lock();
        if !waiting.is_empty() {
            answers.wake.lower();
        }
        std::mem::take(&mut waiting)
    }
}

/// The number of look-ups that run in this process, and in the upper half the process's generation: a forked child has
/// none of its parent's threads.
static RUNNING: AtomicU64 = AtomicU64::new(0);

/// The right to run a look-up.
struct Seat {
    generation: u32,
}

impl Seat {
    /// Takes a seat, if one is free.
    fn take() -> Option<Seat> {
        let generation = raw::generation();
        let sit_down = |state| {
            let running = running(state, generation);
            (running < MOST).then(|| state_of(generation, running + 1))
        };
        RUNNING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sit_down).ok()?;
        Some(Seat { generation })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let generation = self.generation;
        let get_up = |state| {
            let running = running(state, generation);
            running.checked_sub(1).map(|rest| state_of(generation, rest))
        };
        let _ = RUNNING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, get_up);
    }
}

fn state_of(generation: u32, running: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(running)
}

/// The number of look-ups that `state` counts for this generation.
fn running(state: u64, generation: u32) -> u32 {
    if state >> 32 == u64::from(generation) { state as u32 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Node, Now, Role, Settings};
    use crate::engine::raw::Poller;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    fn link() -> LinkId {
        let now = Now { mono: 1, wall: 1 };
        Node::new(Settings::default(), 1, now).open_link(Role::Client, now).unwrap()
    }

    /// One test, for the number of look-ups is the process's.
    #[test]
    fn answers_come_by_the_descriptor_and_look_ups_are_bounded() {
        let (go, gone) = channel::<()>();
        let gone = Mutex::new(gone);
        let lookup = NameLookup::new(move |host, port| {
            let _ = gone.lock().recv();
            (host, port).to_socket_addrs().map(Iterator::collect)
        });
        let mut resolver = Resolver::new(lookup);
        assert!(resolver.fd().is_none() && resolver.take().is_empty());
        let mut begun = 0;
        let refusal = loop {
            match resolver.begin(link(), "127.0.0.1", begun) {
                Ok(()) => begun += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(u32::from(begun), MOST);
        assert_eq!(refusal.to_string(), "32 other names are still being looked up by this process");
        assert!(resolver.take().is_empty());

        drop(go);
        let mut ports = Vec::new();
        while ports.len() < usize::from(begun) {
            let mut poller = Poller::new();
            let place = poller.add(resolver.fd().unwrap(), false);
            poller.wait(Some(Duration::from_secs(60))).unwrap();
            assert!(poller.ready(place));
            ports.extend(resolver.take().into_iter().map(|answer| answer.found.unwrap()[0].port()));
        }
        ports.sort_unstable();
        assert!(ports.into_iter().eq(0..begun));
        let mut poller = Poller::new();
        let place = poller.add(resolver.fd().unwrap(), false);
        poller.wait(Some(Duration::ZERO)).unwrap();
        assert!(!poller.ready(place), "nothing waits");
    }

    #[test]
    fn look_ups_of_another_process_do_not_count() {
        assert_eq!(running(state_of(3, 7), 3), 7);
        assert_eq!(running(state_of(3, 7), 4), 0);
    }
}
