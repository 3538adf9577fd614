use super::*;
use crate::actor::command::message::Message;
use crate::core::Identity;
use crate::engine::{EngineSettings, raw};
use crate::log::{Level, Sink};
use parking_lot::Mutex;
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

mod files;

#[derive(Default)]
struct Lines(Mutex<Vec<(Level, String)>>);

impl Sink for Lines {
    fn write(&self, level: Level, text: &str) {
        self.0.lock().push((level, text.to_owned()));
    }
}

#[derive(Default)]
struct Out {
    messages: Vec<Outgoing>,
    full: bool,
}

impl Outbox for Out {
    fn has_room(&self) -> bool {
        !self.full
    }

    fn push(&mut self, outgoing: Outgoing) {
        self.messages.push(outgoing);
    }
}

/// A node without a thread: its commands are carried out where they are given.
struct Bench {
    engine: Engine,
    interpreter: Interpreter,
    out: Out,
    lines: Arc<Lines>,
    now: Now,
    directory: PathBuf,
}

impl Bench {
    fn new() -> Bench {
        let lines = Arc::new(Lines::default());
        let logger = Logger::new("bench", lines.clone());
        let engine = Engine::new(raw::Context::global(), logger, EngineSettings::default());
        let directory =
            std::env::temp_dir().join(format!("zgossip-{}-{:08x}", std::process::id(), fastrand::u32(..)));
        fs::create_dir(&directory).unwrap();
        let now = Now { mono: 1, wall: 1_800_000_000_000 };
        Bench { interpreter: Interpreter::new(&engine), engine, out: Out::default(), lines, now, directory }
    }

    fn give(&mut self, command: &[&str]) -> ControlFlow<()> {
        let frames: Vec<&[u8]> = command.iter().map(|frame| frame.as_bytes()).collect();
        self.give_frames(&frames)
    }

    fn give_frames(&mut self, frames: &[&[u8]]) -> ControlFlow<()> {
        self.interpreter.execute(frames, Turn { engine: &mut self.engine, now: self.now, out: &mut self.out })
    }

    /// Give a command, and return what the owner gets by then.
    fn tell(&mut self, command: &[&str]) -> Vec<String> {
        assert!(self.give(command).is_continue());
        while let Some(event) = self.engine.poll_event() {
            self.out.messages.extend(self.interpreter.outgoing(event));
        }
        self.said()
    }

    fn said(&mut self) -> Vec<String> {
        let messages = self.out.messages.drain(..).filter_map(|outgoing| match outgoing {
            Outgoing::TupleEvent(message)
            | Outgoing::FirstDeliver(message)
            | Outgoing::Reply(message)
            | Outgoing::Notice(message) => Some(message),
            Outgoing::Forget(_) => None,
        });
        messages
            .map(|message| message.frames().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" "))
            .collect()
    }

    /// Takes the log lines since the last call.
    fn logged(&self) -> Vec<String> {
        let mut lines = self.lines.0.lock();
        lines.drain(..).map(|(level, text)| format!("{}: {text}", level.letter())).collect()
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.directory.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Lets time pass, with a look at files each time that one is due.
    fn wait(&mut self, millis: u64) {
        for _ in 0..millis / WATCH_INTERVAL {
            self.now.mono += WATCH_INTERVAL;
            self.now.wall += WATCH_INTERVAL;
            let turn = Turn { engine: &mut self.engine, now: self.now, out: &mut self.out };
            self.interpreter.handle_timeout(turn);
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn a_reply_comes_after_the_news_that_precedes_it() {
    let mut bench = Bench::new();
    for key in ["a", "b"] {
        assert!(bench.give(&["PUBLISH", key, "1"]).is_continue());
    }
    assert_eq!(bench.tell(&["STATUS"]), ["DELIVER a 1", "DELIVER b 1", "STATUS 2"]);
    assert_eq!(bench.tell(&["PUBLISH", "a", "1"]), [""; 0], "held already");
    assert_eq!(bench.tell(&["GET", "a"]), ["VALUE a 1"]);
    assert_eq!(bench.tell(&["GET", "c"]), ["VALUE c"]);
    assert_eq!(bench.tell(&["ORIGIN", "c"]), ["ORIGIN c"]);
    let [origin] = &bench.tell(&["ORIGIN", "a"])[..] else { panic!("one reply") };
    let words: Vec<_> = origin.split(' ').collect();
    let id = format!("{:016x}", bench.engine.node().id());
    assert_eq!(
        (words[..3].to_vec(), words[3..5].to_vec()),
        (vec!["ORIGIN", "a", &id], vec!["", ""]),
        "{origin}"
    );
    assert!(words[5].parse::<u64>().is_ok_and(|written| written > 1_700_000_000_000) && words[6..] == ["0"]);
    let mut keys: Vec<_> = bench.tell(&["KEYS"])[0].split(' ').map(str::to_owned).collect();
    keys.sort();
    assert_eq!(keys, ["KEYS", "a", "b"]);
    let stats = bench.tell(&["STATS"]);
    assert!(stats[0].starts_with("STATS tuples 2 tombstones 0 "), "{stats:?}");
    assert_eq!(stats[0].split(' ').count() % 2, 1, "a name for each value");
    assert_eq!(bench.logged(), [""; 0]);
}

#[test]
fn what_is_forgotten_here_is_news_when_it_comes_again() {
    let mut bench = Bench::new();
    bench.tell(&["PUBLISH", "a", "1"]);
    assert_eq!(bench.tell(&["UNPUBLISH", "a"]), [""; 0]);
    assert_eq!(bench.tell(&["UNPUBLISH", "a"]), [""; 0]);
    assert_eq!(bench.tell(&["STATUS"]), ["STATUS 0"]);
    assert_eq!(bench.tell(&["PUBLISH", "a", "1"]), ["DELIVER a 1"]);
    assert_eq!(bench.tell(&["RETRACT", "a"]), [""; 0]);
    assert_eq!(bench.tell(&["STATUS"]), ["STATUS 0"]);
    assert_eq!(bench.logged(), [""; 0]);
}

#[test]
fn events_are_for_those_who_asked() {
    let mut bench = Bench::new();
    bench.tell(&["PUBLISH", "a", "1"]);
    assert_eq!(bench.tell(&["PUBLISH", "", "1"]), [""; 0]);
    assert_eq!(bench.logged(), ["W: bench: PUBLISH refused: key is empty"]);
    bench.tell(&["SET", "server/events", "1"]);
    assert_eq!(bench.tell(&["RETRACT", "a"]), ["RETRACT a"]);
    assert_eq!(bench.tell(&["PUBLISH", "", "1"]), ["ERROR PUBLISH key is empty"]);
    assert_eq!(bench.tell(&["PUBLISH"]), ["ERROR PUBLISH key is missing"]);
    assert_eq!(bench.tell(&["NONSENSE", "x"]), ["ERROR NONSENSE unknown command"]);
    assert_eq!(bench.tell(&["SET", "server/timeout", "soon"]).len(), 1);
    assert_eq!(bench.logged().len(), 4);
    let name = Some(b"a\nname"[..].into());
    let peer = || Some(Box::new(Identity { id: 1 << 63 | 7, name: name.clone() }));
    let join = || OwnerEvent::Join("tcp://x".to_owned(), peer());
    let plain = Outgoing::Notice(Message::text(["JOIN", "tcp://x"]));
    assert_eq!(bench.interpreter.outgoing(join()), Some(plain), "as version 1.0 sent it");
    bench.tell(&["SET", "server/events", "2"]);
    let detailed = Message::text(["JOIN", "tcp://x", "a\\nname", "8000000000000007"]);
    assert_eq!(bench.interpreter.outgoing(join()), Some(Outgoing::Notice(detailed)));
    let leave = bench.interpreter.outgoing(OwnerEvent::Leave("tcp://x".to_owned(), None));
    assert_eq!(leave, Some(Outgoing::Notice(Message::text(["LEAVE", "tcp://x", "", ""]))));
    bench.tell(&["SET", "server/events", "0"]);
    assert_eq!(bench.interpreter.outgoing(join()), None);
}

#[test]
fn ports_are_those_of_the_last_bind() {
    let mut bench = Bench::new();
    assert_eq!(bench.tell(&["PORT"]), ["PORT 0"]);
    bench.tell(&["BIND", "tcp://127.0.0.1:*"]);
    let port = bench.tell(&["PORT"]);
    assert!(!["PORT 0", "PORT -1"].contains(&port[0].as_str()), "{port:?}");
    assert_eq!(bench.logged(), [""; 0]);
    bench.tell(&["BIND", "nonsense"]);
    assert_eq!(bench.tell(&["PORT"]), ["PORT -1"]);
    let logged = bench.logged();
    assert!(logged[0].starts_with("W: bench: could not bind to nonsense ("), "{logged:?}");
    bench.tell(&["BIND", &format!("inproc://interpreter-{:x}", fastrand::u64(..))]);
    assert_eq!(bench.tell(&["PORT"]), port);
    bench.tell(&["CONNECT", "nonsense"]);
    let logged = bench.logged();
    assert!(logged[0].starts_with("W: bench: bad zgossip endpoint 'nonsense' ("), "{logged:?}");
}

#[test]
fn unknown_commands_are_errors_and_no_more() {
    let mut bench = Bench::new();
    assert_eq!(bench.tell(&["NONSENSE", "x"]), [""; 0]);
    assert_eq!(bench.logged(), ["E: bench: unknown zgossip method 'NONSENSE'"]);
    assert!(bench.give(&["$TERM"]).is_break());
}

#[test]
fn frames_behind_the_arguments_are_refused_and_nothing_changes() {
    let mut bench = Bench::new();
    bench.tell(&["SET", "server/events", "1"]);
    let why = "too many frames, for its arguments are: key value [ttl]";
    assert_eq!(bench.tell(&["PUBLISH", "k", "v", "5", "extra"]), [format!("ERROR PUBLISH {why}")]);
    assert_eq!(bench.logged(), [format!("W: bench: PUBLISH refused: {why}")]);
    let why = "too many frames, for it has no arguments";
    assert_eq!(bench.tell(&["STATUS", "x"]), [format!("ERROR STATUS {why}")]);
    assert_eq!(bench.tell(&["VERBOSE", "x"]), [format!("ERROR VERBOSE {why}")]);
    assert_eq!(bench.logged().len(), 2);
    assert_eq!(bench.tell(&["STATUS"]), ["STATUS 0"]);
    assert!(bench.logged().is_empty(), "it is not verbose");
}

#[test]
fn a_verbose_node_logs_commands_and_never_a_secret() {
    let mut bench = Bench::new();
    bench.tell(&["VERBOSE"]);
    bench.tell(&["STATUS"]);
    bench.tell(&["SET SECRETKEY", "swordfish"]);
    let logged = bench.logged();
    assert_eq!(logged, ["D: bench:     API command=STATUS", "D: bench:     API command=SET SECRETKEY"]);
    bench.tell(&["SET", "server/animate", "0"]);
    assert_eq!(bench.logged()[1], "W: bench: 'server/animate' is deprecated, use VERBOSE command instead");
    bench.tell(&["STATUS"]);
    assert_eq!(bench.logged(), [""; 0]);
}

#[test]
fn settings_take_effect_and_bad_ones_change_nothing() {
    let mut bench = Bench::new();
    bench.tell(&["SET", "server/max_value", "3"]);
    bench.tell(&["SET", "server/max_value", "-1"]);
    bench.tell(&["SET", "bad path", "1"]);
    assert_eq!(
        bench.logged(),
        [
            "W: bench: SET refused: server/max_value = '-1' is not a number of bytes from 0 to 4294967295",
            "W: bench: SET refused: path is not made of names"
        ]
    );
    assert_eq!(bench.tell(&["PUBLISH", "a", "1234"]), [""; 0]);
    assert_eq!(bench.tell(&["PUBLISH", "a", "123"]), ["DELIVER a 123"]);
    assert_eq!(bench.logged().len(), 1);
    bench.tell(&["SET", "server/max_value", ""]);
    assert_eq!(bench.tell(&["PUBLISH", "a", "1234"]), ["DELIVER a 1234"]);
}

#[test]
fn an_owner_who_reads_no_replies_gets_no_more() {
    let mut bench = Bench::new();
    bench.out.full = true;
    assert_eq!(bench.tell(&["STATUS"]), [""; 0]);
    assert_eq!(bench.tell(&["PUBLISH", "a", "1"]), ["DELIVER a 1"]);
    assert_eq!(bench.logged(), ["W: bench: STATUS refused: too many replies wait unread"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No command breaks a node: whatever is given, the node lives, and answers what can be answered.
    #[test]
    fn no_command_breaks_a_node(commands in prop::collection::vec((
        prop::sample::select(vec![
            "PUBLISH", "UNPUBLISH", "RETRACT", "GET", "ORIGIN", "KEYS", "STATS", "PEERS", "STATUS", "PORT", "SET", "VERBOSE",
            "CONNECT", "BIND", "SET PUBLICKEY", "SET SECRETKEY", "ZAP DOMAIN", "", "LOAD",
        ]),
        prop::collection::vec(prop_oneof![
            prop::sample::select(vec![
                &b"key"[..], b"server/timeout", b"server/events", b"server/verbose", b"1", b"0", b"-1",
                b"zgossip/security/mechanism", b"curve", b"zgossip/bind/endpoint",
            ]).prop_map(<[u8]>::to_vec),
            prop::collection::vec(any::<u8>(), 0..20),
            (0..300usize).prop_map(|length| vec![b'k'; length]),
        ], 0..5),
    ), 0..40)) {
        let mut bench = Bench::new();
        for (name, arguments) in &commands {
            let mut frames = vec![name.as_bytes()];
            frames.extend(arguments.iter().map(Vec::as_slice));
            let flow = bench.give_frames(&frames);
            prop_assert!(flow.is_continue());
        }
        let said = bench.tell(&["STATUS"]);
        prop_assert!(said.last().unwrap().starts_with("STATUS "));
    }
}

#[test]
fn set_says_what_it_does_not_do() {
    let mut bench = Bench::new();
    bench.tell(&["SET", "zgossip/bind/endpoint", "tcp://127.0.0.1:*"]);
    assert_eq!(bench.tell(&["PORT"]), ["PORT 0"], "CZMQ binds when such a file is loaded");
    bench.tell(&["SET", "zgossip/echo", "hello"]);
    bench.tell(&["SET", "zgossip/connect/endpoint", "tcp://127.0.0.1:9"]);
    bench.tell(&["SET", "server/timeuot", "5"]);
    bench.tell(&["SET", "mine/anything", "5"]);
    let logged = [
        "W: bench: SET: zgossip/bind/endpoint takes effect only when a file with it is loaded: use BIND",
        "W: bench: SET: zgossip/echo takes effect only when a file with it is loaded",
        "W: bench: SET: zgossip/connect/endpoint takes effect only when a file with it is loaded: use CONNECT",
        "W: bench: SET: 'server/timeuot' is not a known setting; did you mean 'server/timeout'?",
    ];
    assert_eq!(bench.logged(), logged);
}

#[test]
fn endpoints_are_those_in_use() {
    let mut bench = Bench::new();
    assert_eq!(bench.tell(&["ENDPOINT"]), ["ENDPOINT"]);
    bench.tell(&["BIND", "ipc://*"]);
    let said = bench.tell(&["ENDPOINT"])[0].clone();
    let path = said.strip_prefix("ENDPOINT ipc://").unwrap();
    assert!(std::path::Path::new(path).exists(), "{said}");
    bench.tell(&["BIND", "tcp://127.0.0.1:*"]);
    let port = bench.tell(&["PORT"])[0].replace("PORT ", "");
    assert_eq!(bench.tell(&["ENDPOINT"]), [format!("ENDPOINT tcp://127.0.0.1:{port}")]);
    bench.tell(&["BIND", "nonsense"]);
    assert_eq!(bench.tell(&["ENDPOINT"]), ["ENDPOINT"]);
}

#[test]
fn a_mechanism_that_is_asked_for_is_never_left_out() {
    let mut bench = Bench::new();
    let connect = |bench: &mut Bench, endpoint: &str| {
        bench.tell(&["CONNECT", endpoint]);
        let start = format!("W: bench: bad zgossip endpoint '{endpoint}' ");
        bench.logged().pop().unwrap_or_default().replace(&start, "")
    };
    let (near, far) = (format!("inproc://plain-{:x}", fastrand::u64(..)), "tcp://127.0.0.1:9");
    bench.tell(&["SET", "zgossip/security/mechanism", "plain"]);
    assert_eq!(connect(&mut bench, far), "(PLAIN is asked for, but no username and password are set)");
    bench.tell(&["SET USERNAME", "user"]);
    assert_eq!(connect(&mut bench, far), "(username is set, password is not)");
    bench.tell(&["SET PASSWORD", "swordfish"]);
    assert_eq!(connect(&mut bench, far), "");
    bench.tell(&["SET USERNAME", ""]);
    assert_eq!(connect(&mut bench, far), "(password is set, username is not)");
    bench.tell(&["SET PASSWORD", ""]);
    assert_eq!(connect(&mut bench, &near), "", "nobody can overhear");
    bench.tell(&["SET", "zgossip/security/username", "user"]);
    assert!(connect(&mut bench, far).contains("zgossip/security/password is not set"));
    bench.tell(&["SET", "zgossip/security/password", "swordfish"]);
    assert_eq!(connect(&mut bench, far), "N: bench: server is using PLAIN security");
    let name = bench.directory.join("saved.cfg");
    bench.tell(&["SAVE", name.to_str().unwrap()]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&name).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "a file with a password");
}
