//! `include/zgossip.h` is made from the documentation and declarations in `src/ffi`, and checked in.
//!
//! `make header` (this test with `ZGOSSIP_WRITE_HEADER=1`) writes it again.

use std::fmt::Write as _;
use std::path::Path;

use cbindgen::{Builder, Config};

/// The sources that declare something for C, in the order in which a C programmer needs them. The module comment of
/// each is the heading of its group in the header.
const SOURCES: [&str; 23] = [
    "src/ffi/node/lifecycle.rs",
    "src/ffi/node/endpoints.rs",
    "src/ffi/node/rights.rs",
    "src/ffi/node/tuples.rs",
    "src/ffi/node/origins.rs",
    "src/ffi/node/versions.rs",
    EVENTS_SOURCE,
    "src/ffi/node/watching.rs",
    "src/ffi/node/watchers.rs",
    "src/ffi/node/waiting.rs",
    "src/ffi/strerror.rs",
    "src/ffi/node/settings.rs",
    "src/ffi/node/log.rs",
    STATISTICS,
    "src/ffi/node/peers.rs",
    "src/ffi/node/members.rs",
    "src/ffi/auth.rs",
    "src/ffi/cert.rs",
    COMMANDS,
    "src/ffi/actor_fn.rs",
    "src/ffi/msg.rs",
    "src/ffi/library.rs",
    "src/ffi/selftest.rs",
];

/// The source after which the functions come that are written in C, in `cbindgen.toml`.
const COMMANDS: &str = "src/ffi/node/commands.rs";

/// The source before which the constants of the events come.
const EVENTS_SOURCE: &str = "src/ffi/node/events.rs";

const STATISTICS: &str = "src/ffi/node/statistics.rs";

/// Holds `zgossip_stats_t`, under the name that it has in Rust.
const STATISTICS_TYPE: &str = "src/core/stats.rs";

const RULE: &str = "----------------------------------------------------------------------------";

fn generate(root: &Path) -> String {
    let mut config = Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let mut header = config.header.take().expect("a header");
    for include in std::mem::take(&mut config.sys_includes) {
        writeln!(header, "#include <{include}>").expect("a string takes anything");
    }
    header += config.after_includes.take().expect("types").trim_end();
    header += "\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
    let written_in_c = config.trailer.take().expect("functions in C");
    for source in SOURCES {
        header += &heading(&root.join(source));
        if source == COMMANDS {
            header += &commands_and_events();
        }
        if source == EVENTS_SOURCE {
            header += &events();
        }
        let elsewhere = (source == STATISTICS).then_some(STATISTICS_TYPE);
        header += declarations(&config, root, [source].into_iter().chain(elsewhere)).trim();
        header += "\n";
        if source == COMMANDS {
            header += &written_in_c;
        }
    }
    header += "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
    // `self` is a name that C has for it and a Rust function's argument cannot have.
    header.trim_start().replace("\n\n\n", "\n\n").replace("*self_,", "*self,").replace("*self_)", "*self)")
}

/// The module comment of a source, as a comment in C.
fn heading(source: &Path) -> String {
    let text = std::fs::read_to_string(source).expect("a source");
    let mut heading = format!("\n/*  {RULE}\n");
    for line in text.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        heading += &if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") };
    }
    heading + "    " + RULE + " */\n\n"
}

/// A comment that lists the commands with their replies, and the events.
fn commands_and_events() -> String {
    let with_frames = |name: &str, frames: &str| format!("{name} {frames}").trim_end().to_owned();
    let commands = zgossip::actor::COMMANDS.iter();
    let mut lines: Vec<_> =
        commands.map(|command| (with_frames(command.name, command.arguments), command.reply)).collect();
    lines.sort();
    let mut list = "/*  Commands:                                     Replies:\n".to_owned();
    for (command, reply) in lines {
        list += format!("      {command:<44}{reply}").trim_end();
        list += "\n";
    }
    list += "\n    Events:\n";
    for event in zgossip::actor::EVENTS {
        writeln!(list, "      {}", with_frames(event.name, event.arguments)).expect("a string");
    }
    list += "\n    The first frame of SET PUBLICKEY, SET SECRETKEY and ZAP DOMAIN holds a space. */\n\n";
    list
}

/// A constant for each kind of event.
fn events() -> String {
    let mut constants = String::new();
    for event in zgossip::actor::EVENTS {
        let mut width = 0;
        constants += "//";
        for word in format!("Event: {}", event.meaning).split(' ') {
            if width + word.len() > 75 {
                constants += "\n//";
                width = 0;
            }
            constants += " ";
            constants += word;
            width += word.len() + 1;
        }
        writeln!(constants, "\n#define ZGOSSIP_EVENT_{} {}\n", event.name, event.number).expect("a string");
    }
    constants
}

fn declarations(config: &Config, root: &Path, sources: impl Iterator<Item = &'static str>) -> String {
    let mut declarations = Vec::new();
    let mut builder = Builder::new().with_config(config.clone());
    for source in sources {
        builder = builder.with_src(root.join(source));
    }
    builder.generate().expect("src/ffi is readable").write(&mut declarations);
    String::from_utf8(declarations).expect("UTF-8")
}

#[test]
fn the_checked_in_header_is_what_the_sources_make() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("include/zgossip.h");
    let fresh = generate(root);
    if std::env::var_os("ZGOSSIP_WRITE_HEADER").is_some() {
        std::fs::write(&path, &fresh).expect("include/zgossip.h is writable");
    }
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    if held != fresh {
        let line = held.lines().zip(fresh.lines()).take_while(|(held, fresh)| held == fresh).count();
        panic!("include/zgossip.h is not current from line {} on: run `make header`", line + 1);
    }
}

/// The comments of the functions in the header, by name.
fn comments(header: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut comment: Vec<String> = Vec::new();
    for line in header.lines() {
        if let Some(text) = line.strip_prefix("//") {
            comment.push(text.strip_prefix(' ').unwrap_or(text).to_owned());
        } else if let Some((head, _)) =
            line.split_once('(').filter(|_| !comment.is_empty() && !line.starts_with("typedef"))
        {
            let name = head.rsplit([' ', '*']).next().expect("a name");
            found.push((
                format!(
                    "{}{name}",
                    if head.starts_with("void ") && !head.contains('*') { "void " } else { "" }
                ),
                std::mem::take(&mut comment),
            ));
        } else if !line.starts_with("static") {
            comment.clear();
        }
    }
    found
}

#[test]
fn every_function_has_a_summary_and_says_what_it_returns() {
    let header = generate(Path::new(env!("CARGO_MANIFEST_DIR")));
    let comments = comments(&header);
    assert!(comments.len() > 70, "only {} functions were found", comments.len());
    for (name, comment) in comments {
        let is_void = name.starts_with("void ");
        let blank = comment.iter().position(String::is_empty).unwrap_or(comment.len());
        let summary = comment[..blank].join(" ");
        assert!(
            summary.len() <= 110 && summary.ends_with('.'),
            "{name}: '{summary}' is no summary of one sentence"
        );
        let says = |what: &str| comment.iter().position(|line| line.starts_with(what));
        assert!(is_void || says("Returns: ").is_some(), "{name}: what does it return?");
        let order = ["Returns: ", "Errors: ", "Threads: "].map(says);
        assert!(order.into_iter().flatten().is_sorted(), "{name}: Returns, Errors, Threads");
    }
}
