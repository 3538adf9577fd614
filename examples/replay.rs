//! Replays what a node recorded (`server/record`, see `doc/RECORDER.md`): does the same code, told the same, send
//! the same bytes?
//!
//! ```text
//! cargo run --release --example replay -- [--dump] [--tuples] FILE
//! ```
//!
//! `--dump` prints each entry, `--tuples` what the node holds in the end. `FILE.1` beside it is read, too. The exit
//! status is 0 where all is the same, 1 where it differs, 2 where the record cannot be replayed.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use zgossip::core::Now;
use zgossip::core::record::{Difference, Record, Replay};

fn main() -> ExitCode {
    let mut options = Options::default();
    for argument in std::env::args().skip(1) {
        match &*argument {
            "--dump" => options.dump = true,
            "--tuples" => options.tuples = true,
            _ if options.file.is_empty() && !argument.starts_with('-') => options.file = argument,
            _ => return usage(),
        }
    }
    if options.file.is_empty() {
        return usage();
    }
    let newer = match std::fs::read(&options.file) {
        Ok(newer) => newer,
        Err(error) => {
            eprintln!("{}: {error}", options.file);
            return ExitCode::from(2);
        }
    };
    let older = std::fs::read(format!("{}.1", options.file)).unwrap_or_default();
    match tell(&options, &Record::new(&older, &newer), &mut io::BufWriter::new(io::stdout().lock())) {
        Ok(status) => ExitCode::from(status),
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: replay [--dump] [--tuples] FILE");
    ExitCode::from(2)
}

#[derive(Default)]
struct Options {
    dump: bool,
    tuples: bool,
    file: String,
}

/// Replays a record and says what came of it; the exit status.
#[expect(clippy::too_many_lines, reason = "one report, from top to bottom")]
fn tell(options: &Options, record: &Record<'_>, out: &mut impl Write) -> io::Result<u8> {
    let mut replay = Replay::new();
    let mut difference = (!record.is_complete()).then_some(Difference::NoBeginning);
    let mut last = None;
    for block in &record.blocks {
        for entry in block.entries() {
            last = Some(entry.now);
            if options.dump {
                writeln!(out, "{} {entry}", Time(entry.now))?;
                // It should be seen even if what the node is told makes it panic again.
                if difference.is_none() {
                    out.flush()?;
                }
            }
            if difference.is_none() {
                difference = replay.replay(&entry).err();
            }
        }
        if difference.is_none() {
            difference = replay.check(block).err();
        }
    }
    if let Some(gap) = record.gap {
        writeln!(out, "{gap}")?;
    }
    let (Some(first), Some(last)) = (record.blocks.first(), last) else {
        writeln!(out, "no record")?;
        return Ok(2);
    };
    writeln!(out, "{} blocks, from {} to {}", record.blocks.len(), Time(first.from), Time(last))?;
    if let Some(node) = replay.node() {
        if options.tuples {
            let mut stamps: Vec<_> = node.stamps().collect();
            stamps.sort_unstable();
            for (key, stamp) in stamps {
                write!(out, "{} [{:x}/{:016x}]", key.escape_ascii(), stamp.time, stamp.origin)?;
                match node.get(key, last) {
                    Some(tuple) => writeln!(out, " = {}", tuple.value().escape_ascii())?,
                    None => writeln!(out, " removed")?,
                }
            }
        }
        writeln!(out, "node {:016x} holds {} tuples, root {:016x}", node.id(), node.count(), node.root())?;
    }
    let (frames, bytes) = replay.sent();
    let entries = replay.entries();
    let status = match difference {
        None => {
            writeln!(out, "the same: {entries} entries, {frames} frames of {bytes} bytes sent")?;
            0
        }
        Some(Difference::NoBeginning) => {
            writeln!(out, "not replayed: {}", Difference::NoBeginning)?;
            2
        }
        Some(difference) => {
            writeln!(out, "different: {difference}")?;
            1
        }
    };
    out.flush()?;
    Ok(status)
}

/// Both clocks: milliseconds of the monotonic one, time of day (UTC) of the other.
struct Time(Now);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Now { mono, wall } = self.0;
        let (seconds, millis) = (wall / 1000 % 86_400, wall % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{mono:>8} {hour:02}:{minute:02}:{second:02}.{millis:03}")
    }
}
