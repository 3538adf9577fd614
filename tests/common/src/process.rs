//! A child process whose lines are read as they come, and which never
//! outlives its owner.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    /// Time at which each line was read.
    times: Vec<Instant>,
    ended: bool,
}

/// Output of a process so far, with news of more.
#[derive(Default)]
struct Log {
    said: Mutex<Said>,
    news: Condvar,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}

fn read_lines(from: impl Read + Send + 'static, log: Arc<Log>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(from);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(n) if n > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            let mut said = log.lock();
            said.lines.push(line);
            said.times.push(Instant::now());
            drop(said);
            log.news.notify_all();
            bytes.clear();
        }
        log.lock().ended = true;
        log.news.notify_all();
    });
}

/// A running program, given its tasks on stdin.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    out: Arc<Log>,
    err: Arc<Log>,
    status: Option<ExitStatus>,
    stopped: bool,
}

impl Process {
    pub fn spawn(mut command: Command) -> Process {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|why| panic!("cannot run {command:?}: {why}"));
        let (out, err) = (Arc::new(Log::default()), Arc::new(Log::default()));
        read_lines(child.stdout.take().expect("piped"), out.clone());
        read_lines(child.stderr.take().expect("piped"), err.clone());
        let stdin = child.stdin.take();
        Process { child, stdin, out, err, status: None, stopped: false }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends lines. A process that is gone is no error here: what it should
    /// have answered will be missed.
    pub fn tell(&mut self, lines: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(format!("{lines}\n").as_bytes());
            let _ = stdin.flush();
        }
    }

    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Number of lines that the program has printed: a place in its output to look on from.
    pub fn printed(&self) -> usize {
        self.out.lock().lines.len()
    }

    /// The first line from a place on that `wanted` accepts, with the place
    /// after it.
    pub fn wait_line(
        &self,
        from: usize,
        limit: Duration,
        mut wanted: impl FnMut(&str) -> bool,
    ) -> Option<(usize, String)> {
        let deadline = Instant::now() + limit;
        let mut place = from;
        let mut said = self.out.lock();
        loop {
            while place < said.lines.len() {
                let line = &said.lines[place];
                place += 1;
                if wanted(line) {
                    return Some((place, line.clone()));
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || (said.ended && place == said.lines.len()) {
                return None;
            }
            said = match self.out.news.wait_timeout(said, left) {
                Ok((guard, _)) => guard,
                Err(poison) => poison.into_inner().0,
            };
        }
    }

    pub fn lines_from(&self, from: usize) -> Vec<String> {
        self.out.lock().lines[from..].to_vec()
    }

    /// The lines from a place on, with the time when each was read.
    pub fn timed_lines_from(&self, from: usize) -> Vec<(Instant, String)> {
        let said = self.out.lock();
        said.times[from..].iter().copied().zip(said.lines[from..].iter().cloned()).collect()
    }

    pub fn stderr(&self) -> String {
        self.err.lock().lines.join("\n")
    }

    /// Waits for a line on stderr.
    pub fn wait_stderr(&self, limit: Duration, text: &str) -> bool {
        let deadline = Instant::now() + limit;
        let mut said = self.err.lock();
        loop {
            if said.lines.iter().any(|line| line.contains(text)) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || said.ended {
                return false;
            }
            said = match self.err.news.wait_timeout(said, left) {
                Ok((guard, _)) => guard,
                Err(poison) => poison.into_inner().0,
            };
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.status.is_none() && {
            self.status = self.child.try_wait().expect("wait for a child");
            self.status.is_none()
        }
    }

    /// Waits for its end; None when it still runs then.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        // The end of its output comes first, and without polling
        let mut said = self.out.lock();
        while !said.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            said = match self.out.news.wait_timeout(said, left) {
                Ok((guard, _)) => guard,
                Err(poison) => poison.into_inner().0,
            };
        }
        drop(said);
        while self.is_running() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        self.status
    }

    fn signal(&self, name: &str) {
        let done = Command::new("kill").arg(name).arg(self.id().to_string()).status();
        assert!(done.expect("the kill command").success(), "kill {name}");
    }

    /// SIGSTOP: it is there, and does nothing.
    pub fn stop(&mut self) {
        self.signal("-STOP");
        self.stopped = true;
    }

    pub fn resume(&mut self) {
        self.signal("-CONT");
        self.stopped = false;
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        if self.status.is_none() {
            self.status = self.child.wait().ok();
        }
    }

    /// Asks a program of lines to end, and returns how it did.
    pub fn quit(mut self) -> Finished {
        self.tell("* !quit");
        self.close_stdin();
        self.finish(super::LONG)
    }

    pub fn finish(mut self, limit: Duration) -> Finished {
        let started = Instant::now();
        let status = self.wait(limit);
        if status.is_none() {
            self.kill();
        }
        let (out, err) = (self.out.clone(), self.err.clone());
        // What it printed is all there once both ends are closed; a child of
        // its own may hold them open, hence the limit
        let deadline = Instant::now() + Duration::from_secs(2);
        while !(out.lock().ended && err.lock().ended) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        Finished {
            status,
            out: out.lock().lines.join("\n"),
            err: err.lock().lines.join("\n"),
            took: started.elapsed(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let err = self.stderr();
            if !err.is_empty() {
                eprintln!("--- stderr of process {}:\n{err}\n---", self.id());
            }
        }
        self.kill();
    }
}

/// End of a program, and its output.
#[derive(Debug)]
pub struct Finished {
    /// The exit status; `None` if the program did not end in time, and was killed.
    pub status: Option<ExitStatus>,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Finished {
    pub fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// The signal that ended it: an assertion, a crash.
    pub fn signal(&self) -> Option<i32> {
        self.status.and_then(|status| status.signal())
    }

    pub fn hung(&self) -> bool {
        self.status.is_none()
    }

    #[track_caller]
    pub fn check(self, what: &str) -> Finished {
        assert!(
            self.success(),
            "{what}: {:?} after {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.status,
            self.took,
            self.out,
            self.err
        );
        self
    }
}

/// Runs a program to its end, or kills it after `limit`.
pub fn run(command: Command, limit: Duration) -> Finished {
    let mut process = Process::spawn(command);
    process.close_stdin();
    process.finish(limit)
}

/// Runs the calling test again, alone in a process of its own, for tests that count what there is in their process.
///
/// Returns true in that process: the test goes on. Returns false once it has passed there.
///
/// # Panics
///
/// Where the test fails in its process, with what it printed.
#[track_caller]
pub fn is_alone() -> bool {
    const VARIABLE: &str = "ZGOSSIP_TEST_ALONE";
    if std::env::var_os(VARIABLE).is_some() {
        return true;
    }
    let thread = thread::current();
    let name = thread.name().expect("a test's thread has its name");
    let mut command = Command::new(std::env::current_exe().expect("own path"));
    command.args([name, "--exact", "--nocapture", "--include-ignored"]).env(VARIABLE, "1");
    let done = run(command, super::LONG * 4).check(name);
    assert!(done.out.contains("1 passed"), "{name} did not run: {}", done.out);
    false
}
