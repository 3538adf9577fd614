//! Commands of an owner, as frames of any bytes, to a node that lives: its interpreter and engine without a thread, so
//! that an input does the same each time.

use std::ops::ControlFlow;
use std::sync::Arc;

use zgossip::actor::{Interpreter, Outbox, Outgoing, Turn};
use zgossip::core::Now;
use zgossip::engine::{Engine, EngineSettings, raw};
use zgossip::log::{Level, Logger, Sink};

use crate::bytes::Bytes;

/// Commands whose argument is a file or an endpoint. Of those of a fuzzer none is carried out: they would write files
/// and reach other machines.
const OUTSIDE: [&[u8]; 9] =
    [b"BIND", b"CONNECT", b"UNBIND", b"DISCONNECT", b"LOAD", b"CONFIGURE", b"SAVE", b"RECORD", b"SET"];

/// Items of the configuration that a fuzzer may set: those that name no file.
const HARMLESS: [&[u8]; 8] = [
    b"server/timeout",
    b"server/verbose",
    b"server/events",
    b"server/max_tuples",
    b"server/max_value",
    b"server/max_clients",
    b"server/max_drift",
    b"server/tombstone",
];

const COMMANDS: [&[u8]; 20] = [
    b"PUBLISH",
    b"GET",
    b"STATUS",
    b"UNPUBLISH",
    b"RETRACT",
    b"ORIGIN",
    b"KEYS",
    b"STATS",
    b"PEERS",
    b"PORT",
    b"ENDPOINT",
    b"SET",
    b"SET PUBLICKEY",
    b"SET SECRETKEY",
    b"SET USERNAME",
    b"SET PASSWORD",
    b"ZAP DOMAIN",
    b"VERBOSE",
    b"BIND",
    b"CONNECT",
];

/// Commands of a run.
const MOST: usize = 50;

/// Reads each line of the log, and keeps none.
struct Reader;

impl Sink for Reader {
    fn write(&self, _level: Level, text: &str) {
        assert!(!text.chars().any(|c| c.is_control()), "a control character in the log: {text:?}");
    }
}

#[derive(Default)]
struct Out(Vec<Outgoing>);

impl Outbox for Out {
    fn has_room(&self) -> bool {
        true
    }

    fn push(&mut self, outgoing: Outgoing) {
        self.0.push(outgoing);
    }
}

/// Gives the commands of an input, and panics where a promise does not hold.
pub fn run(data: &[u8]) {
    let logger = Logger::new("fuzz", Arc::new(Reader));
    let mut engine = Engine::new(raw::Context::global(), logger, EngineSettings::default());
    let mut interpreter = Interpreter::new(&engine);
    let mut now = Now { mono: 1, wall: 1_800_000_000_000 };
    let mut bytes = Bytes(data);
    for _ in 0..MOST {
        let Some(frames) = command(&mut bytes) else { break };
        if is_outside(&frames) {
            let _ = zgossip::actor::parse(&frames);
            continue;
        }
        now.mono += 7;
        let mut out = Out::default();
        let turn = Turn { engine: &mut engine, now, out: &mut out };
        let ended = interpreter.execute(&frames, turn) == ControlFlow::Break(());
        assert_eq!(ended, zgossip::actor::is_term(&frames), "$TERM alone ends a node: {frames:?}");
        while let Some(event) = engine.poll_event() {
            let _ = interpreter.outgoing(event);
        }
        let replies = out.0.iter().filter(|outgoing| matches!(outgoing, Outgoing::Reply(_))).count();
        assert!(replies <= 1, "{replies} replies to {frames:?}");
        if ended {
            break;
        }
    }
}

/// The next command: a word of the language or any bytes, and frames of any bytes.
fn command<'a>(bytes: &mut Bytes<'a>) -> Option<Vec<&'a [u8]>> {
    let (which, count) = (bytes.byte()?, bytes.below(6)?);
    let mut frames = Vec::new();
    match COMMANDS.get(usize::from(which)) {
        Some(name) => frames.push(*name),
        None => frames.push(bytes.piece()?),
    }
    if frames[0] == b"SET" && which & 1 != 0 {
        frames.push(HARMLESS[bytes.below(HARMLESS.len())?]);
    }
    for _ in 0..count {
        frames.push(bytes.piece()?);
    }
    Some(frames)
}

fn is_outside(frames: &[&[u8]]) -> bool {
    let is_harmless = |path: &[u8]| HARMLESS.contains(&path);
    match frames {
        [b"SET", path, ..] if is_harmless(path) => false,
        [name, ..] => OUTSIDE.iter().any(|outside| name.eq_ignore_ascii_case(outside)),
        [] => false,
    }
}
