//! A node on a thread, driven by closures.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};
use zgossip::core::{Now, Settings};
use zgossip::engine::{Engine, EngineSettings, Error, Owner, OwnerEvent, PollSource, raw};
use zgossip::log::{Level, Logger, Sink};

/// Long enough for everything that is to happen, on a machine that has other things to do.
pub const PATIENCE: Duration = common::LONG;

type Command = Box<dyn FnOnce(&mut Engine, Now) -> ControlFlow<()> + Send>;

/// Keeps the log's lines.
#[derive(Default)]
pub struct Lines(Mutex<Vec<String>>);

impl Sink for Lines {
    fn write(&self, _level: Level, text: &str) {
        self.0.lock().unwrap().push(text.to_string());
    }
}

impl Lines {
    pub fn count(&self, part: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|line| line.contains(part)).count()
    }
}

struct Program {
    commands: Receiver<Command>,
    wake: Arc<OwnedFd>,
    events: Sender<OwnerEvent>,
    turns: Arc<std::sync::atomic::AtomicUsize>,
}

impl Owner for Program {
    fn source(&self) -> PollSource<'_> {
        PollSource::Fd(self.wake.as_fd())
    }

    fn wants_write(&self) -> bool {
        false
    }

    fn handle_commands(&mut self, engine: &mut Engine, now: Now) -> ControlFlow<()> {
        let _ = rustix::io::read(&self.wake, &mut [0u8; 8]);
        while let Ok(command) = self.commands.try_recv() {
            command(engine, now)?;
        }
        ControlFlow::Continue(())
    }

    fn handle_event(&mut self, event: OwnerEvent) {
        let _ = self.events.send(event);
    }

    fn flush(&mut self) {
        self.turns.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    fn poll_timeout(&self) -> Option<u64> {
        None
    }

    fn handle_timeout(&mut self, _engine: &mut Engine, _now: Now) {}
}

pub struct Node {
    commands: Sender<Command>,
    wake: Arc<OwnedFd>,
    events: Receiver<OwnerEvent>,
    held: RefCell<HashMap<Vec<u8>, Vec<u8>>>,
    peers: RefCell<Vec<String>>,
    /// Endpoints that were reported as unreachable, and why.
    pub unreachable: RefCell<Vec<(String, String)>>,
    pub log: Arc<Lines>,
    pub turns: Arc<std::sync::atomic::AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    pub fn new() -> Node {
        Node::with(raw::Context::global(), EngineSettings::default())
    }

    pub fn with_max_value(max_value: usize) -> Node {
        let core = Settings { max_value, ..Settings::default() };
        Node::with(raw::Context::global(), EngineSettings { core, ..EngineSettings::default() })
    }

    pub fn with(context: raw::Context, settings: EngineSettings) -> Node {
        let (commands, inbox) = channel::<Command>();
        let (outbox, events) = channel();
        let wake = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).unwrap());
        let log = Arc::new(Lines::default());
        let turns = Arc::default();
        let mut program =
            Program { commands: inbox, wake: wake.clone(), events: outbox, turns: Arc::clone(&turns) };
        let logger = Logger::new("test", log.clone());
        let thread = std::thread::spawn(move || Engine::new(context, logger, settings).run(&mut program));
        Node {
            commands,
            wake,
            events,
            held: RefCell::default(),
            peers: RefCell::default(),
            unreachable: RefCell::default(),
            log,
            turns,
            thread: Some(thread),
        }
    }

    fn command(&self, command: Command) {
        let _ = self.commands.send(command);
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    pub fn call<T: Send + 'static>(&self, work: impl FnOnce(&mut Engine) -> T + Send + 'static) -> T {
        let (reply, answer) = channel();
        self.command(Box::new(move |engine, _| {
            let _ = reply.send(work(engine));
            ControlFlow::Continue(())
        }));
        answer.recv_timeout(PATIENCE).expect("the node answers")
    }

    /// Keep the node busy until what is returned is dropped; then it does this.
    pub fn keep_busy(&self, work: impl FnOnce(&mut Engine) + Send + 'static) -> Sender<()> {
        let ((end, ended), (begin, begun)) = (channel(), channel());
        self.command(Box::new(move |engine, _| {
            let _ = begin.send(());
            let _ = ended.recv();
            work(engine);
            ControlFlow::Continue(())
        }));
        begun.recv_timeout(PATIENCE).expect("the node takes commands");
        end
    }

    pub fn bind(&self, endpoint: &str) -> Result<u16, Error> {
        let endpoint = endpoint.as_bytes().to_vec();
        self.call(move |engine| engine.bind(&endpoint))
    }

    /// Bind to a free port of this machine.
    pub fn listen(&self) -> u16 {
        self.bind("tcp://127.0.0.1:*").unwrap()
    }

    /// Bind again where another node was bound a moment ago.
    pub fn bind_again(&self, endpoint: &str) {
        let end = Instant::now() + PATIENCE;
        while let Err(error) = self.bind(endpoint) {
            assert!(Instant::now() < end, "{endpoint}: {error}");
            std::thread::yield_now();
        }
    }

    pub fn connect(&self, endpoint: &str) {
        self.try_connect(endpoint, None).unwrap();
    }

    pub fn try_connect(&self, endpoint: &str, key: Option<&str>) -> Result<(), Error> {
        let (endpoint, key) = (endpoint.as_bytes().to_vec(), key.map(|key| key.as_bytes().to_vec()));
        self.call(move |engine| engine.connect(&endpoint, key.as_deref()))
    }

    pub fn publish(&self, key: &str, value: &str) {
        let (key, value) = (key.as_bytes().to_vec(), value.as_bytes().to_vec());
        self.call(move |engine| {
            let now = engine.now();
            engine.node().publish(&key, &value, 0, now)
        })
        .unwrap();
    }

    /// Take events until `done` says so of what is held and of who is there; false if time runs out before.
    pub fn wait_for(
        &self,
        patience: Duration,
        done: impl Fn(&HashMap<Vec<u8>, Vec<u8>>, &[String]) -> bool,
    ) -> bool {
        let end = Instant::now() + patience;
        loop {
            if done(&self.held.borrow(), &self.peers.borrow()) {
                return true;
            }
            match self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(OwnerEvent::Deliver(tuple) | OwnerEvent::First(tuple)) => {
                    self.held.borrow_mut().insert(tuple.key().to_vec(), tuple.value().to_vec());
                }
                Ok(OwnerEvent::Join(peer, _)) => self.peers.borrow_mut().push(peer),
                Ok(OwnerEvent::Leave(peer, _)) => {
                    let mut peers = self.peers.borrow_mut();
                    let place = peers.iter().position(|other| *other == peer).expect("came before it left");
                    peers.swap_remove(place);
                }
                Ok(OwnerEvent::Unreachable(endpoint, why)) => {
                    self.unreachable.borrow_mut().push((endpoint, why));
                }
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    #[track_caller]
    pub fn expect(&self, key: &str, value: &str) {
        self.expect_within(PATIENCE, key, value);
    }

    #[track_caller]
    pub fn expect_within(&self, patience: Duration, key: &str, value: &str) {
        let here = |held: &HashMap<Vec<u8>, Vec<u8>>, _: &[String]| {
            held.get(key.as_bytes()).is_some_and(|held| held == value.as_bytes())
        };
        let few = &value[..value.len().min(100)];
        assert!(self.wait_for(patience, here), "{key} = {few} arrives");
    }

    #[track_caller]
    pub fn expect_peers(&self, count: usize) {
        assert!(self.wait_for(PATIENCE, |_, peers| peers.len() == count), "{count} peers");
    }

    #[track_caller]
    pub fn expect_count(&self, count: usize) {
        assert!(self.wait_for(PATIENCE, |held, _| held.len() >= count), "{count} tuples");
    }

    pub fn peers(&self) -> Vec<String> {
        self.peers.borrow().clone()
    }

    /// End the node. Returns how long that took.
    pub fn end(mut self) -> Duration {
        self.stop()
    }

    fn stop(&mut self) -> Duration {
        let start = Instant::now();
        self.command(Box::new(|_, _| ControlFlow::Break(())));
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the node's thread ends well");
        }
        start.elapsed()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stop();
        }
    }
}

/// A name that nothing else in this process has.
pub fn unique(scheme: &str) -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("zgossip-engine-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    match scheme {
        "ipc" => format!("ipc://{}", std::env::temp_dir().join(name).display()),
        _ => format!("{scheme}://{name}"),
    }
}
