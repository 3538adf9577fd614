//! Keeping the node's content over restarts, if its owner has named a file.
//!
//! A thread of its own writes: a disk that stalls does not stall the node. One batch is under way at a time. It is made,
//! as a frame for a peer is, from what has changed since the last one; so nothing is queued, and what is written while the
//! disk is busy goes with the next batch.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::core::Changes;
use crate::log::show;
use crate::warning::Kind;

use super::event_fd::EventFd;
use super::raw::Poller;
use super::store_file::{Opened, StoreFile};
use super::{Engine, Error};

/// Bytes of one batch.
const BATCH: usize = 4 << 20;
/// Milliseconds from the beginning of one batch to that of the next: a disk is not asked to finish more often.
const INTERVAL: u64 = 100;
/// The time after which a disk that has refused is asked again.
const RETRY: Duration = Duration::from_secs(5);
/// The longest time that the end of a node waits for its disk.
const LONGEST: Duration = Duration::from_secs(5);

/// The file, and the thread that writes it.
pub(super) struct Persistence {
    path: PathBuf,
    /// `None` when no more follows.
    batches: Option<Sender<Changes>>,
    outcome: Arc<Outcome>,
    thread: Option<JoinHandle<()>>,
    is_writing: bool,
    is_failing: bool,
    /// The moment for the next batch (mono ms).
    next_at: u64,
    /// Numbers of changes for which the owner waits.
    awaited: VecDeque<u64>,
}

/// What became of a batch, on its way from the thread to the engine. The descriptor is raised and lowered under the lock, so
/// that it is readable exactly while there is something.
struct Outcome {
    last: Mutex<Option<Result<u64, Error>>>,
    wake: EventFd,
}

impl Outcome {
    fn set(&self, outcome: Result<u64, Error>) {
        let mut last = self.last.lock();
        *last = Some(outcome);
        self.wake.raise();
    }

    fn take(&self) -> Option<Result<u64, Error>> {
        let mut last = self.last.lock();
        let outcome = last.take();
        if outcome.is_some() {
            self.wake.lower();
        }
        outcome
    }
}

impl Engine {
    /// Keeps the node's content in a file from now on, and takes over what that has. To be called before the first BIND
    /// and CONNECT.
    pub fn keep(&mut self, path: &Path) -> Result<(), Error> {
        if let Some(persistence) = &self.persistence {
            let is_same = persistence.path == path;
            return if is_same { Ok(()) } else { Err(Error::with(libc::EISCONN, FIXED)) };
        }
        if !self.node.may_restore() {
            return Err(Error::with(libc::EISCONN, FIXED));
        }
        let Opened { file, head, set_aside } = StoreFile::open(path)?;
        let wake = EventFd::new().map_err(|error| Error::io("cannot watch the store", &error))?;
        let shown = show(path.as_os_str().as_encoded_bytes()).to_string();
        if let Some(aside) = set_aside {
            let aside = show(aside.as_os_str().as_encoded_bytes()).to_string();
            self.logger.warn_of(Kind::StoreSetAside, &[("file", shown.clone()), ("aside", aside)]);
        }
        let is_new = self.restore(&file, head.as_deref(), &shown);
        self.node.begin_saving(is_new);
        let persistence = Persistence::new(path.to_owned(), file, wake);
        self.persistence = Some(persistence.map_err(|error| Error::io("cannot keep tuples", &error))?);
        Ok(())
    }

    /// Fails if the node's content is kept in a file: that stays so.
    pub fn keep_no_more(&self) -> Result<(), Error> {
        if self.has_store() { Err(Error::with(libc::EISCONN, FIXED)) } else { Ok(()) }
    }

    /// Returns whether the node's content is kept in a file.
    pub fn has_store(&self) -> bool {
        self.persistence.is_some()
    }

    /// Asks for [`OwnerEvent::Stored`](super::OwnerEvent::Stored), once the file has what the node holds now. False if there
    /// is no file, or too many such questions wait.
    pub fn sync_store(&mut self) -> bool {
        let number = self.node.save_number();
        let waiting = self.persistence.as_mut().map(|persistence| &mut persistence.awaited);
        let waiting = waiting.filter(|waiting| waiting.len() < MOST_AWAITED);
        waiting.map(|waiting| waiting.push_back(number)).is_some()
    }

    /// Takes over what a file has. Returns whether it is to be written anew.
    fn restore(&mut self, file: &StoreFile, head: Option<&[u8]>, shown: &str) -> bool {
        let Some(head) = head else { return true };
        let had_tuples = self.node.count() > 0;
        let (now, mut taken, mut lost) = (self.clock.now(), 0u64, 0u64);
        // Without its head, the file is somebody's of whom nothing is known: what it holds is taken nevertheless.
        let is_known = self.node.restore_head(head, now);
        let node = &mut self.node;
        let read = file.for_each(|key, record| {
            let is_taken = node.restore(key, record, now);
            (taken, lost) = (taken + u64::from(is_taken), lost + u64::from(!is_taken));
        });
        self.logger.notice(format_args!("{taken} keys taken over from {shown}"));
        if lost > 0 || !is_known || read.is_err() {
            let (lost, more) = (lost.to_string(), if read.is_err() { " at least" } else { "" });
            let values = [("file", shown.to_owned()), ("count", lost), ("more", more.to_owned())];
            self.logger.warn_of(Kind::StoreDamaged, &values);
        }
        had_tuples || lost > 0 || !is_known || read.is_err()
    }

    /// Takes the outcome of the last batch, and hands over the next one if it is time to.
    pub(super) fn save(&mut self) {
        let Some(persistence) = &mut self.persistence else { return };
        while let Some(outcome) = persistence.take_outcome() {
            match outcome {
                Ok(number) => {
                    if std::mem::take(&mut persistence.is_failing) {
                        let values = [("file", persistence.shown())];
                        self.logger.notice(Kind::StoreFails.over_line(&values));
                    }
                    self.node.on_saved(number);
                }
                Err(error) if !persistence.is_failing => {
                    persistence.is_failing = true;
                    let values = [("file", persistence.shown()), ("reason", error.to_string())];
                    self.logger.warn_of(Kind::StoreFails, &values);
                }
                Err(_) => {}
            }
        }
        let now = self.clock.now();
        if !persistence.is_writing
            && now.mono >= persistence.next_at
            && let Some(changes) = self.node.poll_unsaved(BATCH, now)
        {
            persistence.next_at = now.mono + INTERVAL;
            persistence.write(changes);
        }
    }

    /// The moment for which the node has to wake to hand over a batch (mono ms).
    pub(super) fn next_save(&self) -> Option<u64> {
        let persistence = self.persistence.as_ref().filter(|persistence| !persistence.is_writing)?;
        self.node.is_unsaved().then_some(persistence.next_at)
    }

    /// Hands over all that is left, and waits for the disk, but not for ever.
    pub(super) fn end_saving(&mut self) {
        let Some(mut persistence) = self.persistence.take() else { return };
        let until = Instant::now() + LONGEST;
        let mut poller = Poller::new();
        poller.add(persistence.fd(), false);
        let is_late = loop {
            while persistence.is_writing && !persistence.is_failing && Instant::now() < until {
                let left = until.saturating_duration_since(Instant::now());
                if poller.wait(Some(left)).is_err() {
                    break;
                }
                persistence.is_failing |= persistence.take_outcome().is_some_and(|outcome| outcome.is_err());
            }
            if persistence.is_writing {
                break true; // a disk that refuses is asked again later, which takes too long now
            }
            let now = self.clock.now();
            match self.node.poll_unsaved(BATCH, now) {
                Some(changes) => persistence.write(changes),
                None => break false,
            }
        };
        persistence.batches = None;
        if is_late {
            self.logger.warn_of(Kind::StoreUnsaved, &[("file", persistence.shown())]);
        } else if let Some(thread) = persistence.thread.take() {
            // Another node may open the file now.
            let _ = thread.join();
        }
    }
}

/// Questions of the owner that may wait for the disk.
const MOST_AWAITED: usize = 1000;
const FIXED: &str = "the store is set once, before BIND, CONNECT and ANNOUNCE";

impl Persistence {
    fn new(path: PathBuf, file: StoreFile, wake: EventFd) -> std::io::Result<Persistence> {
        let (batches, next) = mpsc::channel();
        let outcome = Arc::new(Outcome { last: Mutex::default(), wake });
        let report = Arc::clone(&outcome);
        let write = move || write_all(file, &next, &report);
        let thread = thread::Builder::new().name("zgossip store".to_owned()).spawn(write)?;
        let (batches, thread) = (Some(batches), Some(thread));
        let (is_writing, is_failing, next_at, awaited) = Default::default();
        Ok(Persistence { path, batches, outcome, thread, is_writing, is_failing, next_at, awaited })
    }

    fn shown(&self) -> String {
        show(self.path.as_os_str().as_encoded_bytes()).to_string()
    }

    /// The descriptor that is readable while there is an outcome.
    pub(super) fn fd(&self) -> RawFd {
        self.outcome.wake.as_fd().as_raw_fd()
    }

    /// Takes a question of the owner for a number of changes that the file has now.
    pub(super) fn take_synced(&mut self, saved: u64) -> bool {
        self.awaited.front().is_some_and(|&number| number <= saved) && self.awaited.pop_front().is_some()
    }

    fn take_outcome(&mut self) -> Option<Result<u64, Error>> {
        if !self.is_writing {
            return None;
        }
        let outcome = self.outcome.take()?;
        self.is_writing = outcome.is_err();
        Some(outcome)
    }

    fn write(&mut self, changes: Changes) {
        let batches = self.batches.as_ref();
        self.is_writing = batches.is_some_and(|batches| batches.send(changes).is_ok());
    }
}

/// Writes batches until no more follow. One that fails is tried again, and the next one does not come before.
fn write_all(file: StoreFile, next: &Receiver<Changes>, report: &Outcome) {
    let mut file = Ok(file);
    while let Ok(changes) = next.recv() {
        loop {
            match file.and_then(|file| file.write(&changes)) {
                Ok(written) => {
                    file = Ok(written);
                    report.set(Ok(changes.number));
                    break;
                }
                Err(closed) => {
                    report.set(Err(closed.error));
                    if matches!(next.recv_timeout(RETRY), Err(RecvTimeoutError::Disconnected)) {
                        return;
                    }
                    file = StoreFile::reopen(closed.path);
                }
            }
        }
    }
}
