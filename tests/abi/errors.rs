//! The table of errors, `doc/errors.txt`: every function, command and path of the configuration has rows, each row is
//! provoked by a program that is made of the table, and the manual says what the table says.
//!
//! `make errors` (this test with `ZGOSSIP_WRITE_ERRORS=1`) writes the manual's section again.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use common::build::root;
use common::{Compile, LONG, Scratch, artifacts, run};
use zgossip::actor::{COMMANDS, CONFIGURATION};

/// The most rows that need not be provoked: each is a reason to look for a way.
const UNPROVOKED: usize = 28;

/// A row of the table.
struct Row {
    /// A function, a command or a path of the configuration.
    name: String,
    wrong: String,
    /// The value that is returned, or "ERROR" where it is an event.
    returned: String,
    /// The errno, or a part of the reason of the event.
    code: String,
    /// A call or frames, in C; or "!" and the reason why there is none.
    call: String,
}

impl Row {
    fn title(&self) -> String {
        format!("{}: {}", self.name, self.wrong)
    }

    fn is_provoked(&self) -> bool {
        !self.call.starts_with('!')
    }
}

fn rows() -> Vec<Row> {
    let table = fs::read_to_string(root().join("doc/errors.txt")).expect("the table");
    let rows = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|line| {
        let cells: Vec<_> = line.split(" | ").map(str::to_owned).collect();
        let [name, wrong, returned, code, call] =
            <[String; 5]>::try_from(cells).unwrap_or_else(|_| panic!("not five cells: {line}"));
        Row { name, wrong, returned, code, call }
    })
    .collect()
}

/// The functions that the library exports, and those that its header defines.
fn functions() -> BTreeSet<String> {
    let mut command = Command::new("nm");
    command.args(["-D", "--defined-only"]).arg(&artifacts().shared);
    let names = run(command, LONG).check("nm").out;
    let exported = names.lines().filter_map(|line| line.split_whitespace().last().map(str::to_owned));
    exported.chain(["zgossip_sendx", "zgossip_recvx"].map(str::to_owned)).collect()
}

#[test]
fn every_function_command_and_path_has_a_row() {
    let named: BTreeSet<_> = rows().into_iter().map(|row| row.name).collect();
    let has_row = |name: &str| {
        named.contains(name)
            || named.iter().any(|row| row.strip_suffix('*').is_some_and(|family| name.starts_with(family)))
    };
    let functions = functions();
    assert!(functions.len() > 80, "{functions:?}");
    let all = functions.iter().map(String::as_str);
    let all = all.chain(COMMANDS.iter().map(|command| command.name));
    let all: Vec<_> = all.chain(CONFIGURATION.iter().map(|key| key.path)).collect();
    let missing: Vec<_> = all.iter().filter(|name| !has_row(name)).collect();
    assert!(missing.is_empty(), "doc/errors.txt has no row for {missing:?}");
    let is_known = |name: &String| {
        all.contains(&name.as_str())
            || name.ends_with('*')
            || name == "answered call"
            || name == "any command"
    };
    let strangers: Vec<_> = named.iter().filter(|name| !is_known(name)).collect();
    assert!(strangers.is_empty(), "doc/errors.txt has rows for {strangers:?}, which the library has not");
}

/// A program that provokes all rows, and prints those that did not come out as the table says.
fn program(rows: &[Row]) -> String {
    let mut text = "#include \"errors.h\"\n\nint main (int argc, char **argv)\n{\n".to_owned();
    text += "    CHECK (argc == 2);\n    prepare (argv [1]);\n";
    for row in rows.iter().filter(|row| row.is_provoked()) {
        let (title, call, code) = (format!("{:?}", row.title()), &row.call, &row.code);
        let returned = match row.returned.as_str() {
            result @ ("ERROR" | "LOG") => {
                let frames = format!("const char *frames [] = {{ {call} }};");
                let event = result == "ERROR";
                let send =
                    format!("fails ({title}, {event}, {code:?}, frames, sizeof frames / sizeof frames [0]);");
                writeln!(text, "    {{ {frames} {send} }}").expect("a string");
                continue;
            }
            "-" => {
                writeln!(text, "    (void) ({call});").expect("a string");
                continue;
            }
            "nothing" => format!("{call}; bool same = true;"),
            // Of an answered call the table says both; of a path, which call fails.
            value if value.starts_with("-1") => format!("bool same = {call} == -1;"),
            value => format!("bool same = {call} == {value};"),
        };
        writeln!(text, "    {{ errno = 0; {returned} judge ({title}, same, errno, {code}); }}")
            .expect("a string");
    }
    text + "    finish ();\n    return faults ? 1 : 0;\n}\n"
}

#[test]
fn every_row_comes_out_as_the_table_says() {
    let scratch = Scratch::new();
    let (source, nonsense) = (scratch.path("errors_rows.c"), scratch.path("nonsense"));
    fs::write(&source, program(&rows())).expect("a source");
    fs::write(&nonsense, "  = ?\n\tno ZPL (\n").expect("a file");
    let compile = Compile::source(&source).flags(&["-std=gnu11"]).warnings();
    let mut command = Command::new(compile.header().ours().libs(&["-lzmq", "-lpthread"]).build());
    command.arg(&nonsense);
    let done = run(command, LONG);
    assert!(done.success(), "{}\n{}", done.out, done.err);
}

#[test]
fn few_rows_are_not_provoked() {
    let rows = rows();
    let open: Vec<_> = rows.iter().filter(|row| !row.is_provoked()).collect();
    for row in &open {
        assert!(row.call.len() > 10, "{} is not provoked, and does not say why", row.title());
        if let Some((_, test)) = row.call.split_once(": ") {
            assert!(root().join(test).exists(), "{} is shown by {test}, which is not there", row.title());
        }
    }
    assert!(open.len() <= UNPROVOKED, "{} rows are not provoked", open.len());
}

/// The section ERRORS of the manual.
fn section() -> String {
    let quoted = |text: &str| text.replace('\\', "\\e").replace('-', "\\-");
    let mut text = ".SH ERRORS\n\
        A function sets\n.I errno\nas said here, and\n.BR zgossip_strerror ()\ngives the reason as text. What a node \
        cannot do\nit logs. A command that is not carried out is also reported as an event\n.BR ERROR ,\n\
        with the command and the reason, if events are on; the reason holds the words in quotes.\n"
        .to_owned();
    let mut last = String::new();
    for row in rows() {
        if row.name == last {
            text += ".br\n";
        } else {
            writeln!(text, ".TP\n.B {}", quoted(&row.name)).expect("a string");
        }
        let line = match (row.wrong.as_str(), row.returned.as_str()) {
            ("-", _) => "does not fail.".to_owned(),
            (wrong, "ERROR") => format!("{wrong}: logged, and ERROR with \"{}\".", row.code),
            (wrong, "LOG") => format!("{wrong}: logged, with \"{}\".", row.code),
            (wrong, returned) if row.code == "-" => format!("{wrong}: {returned}."),
            (wrong, returned) => format!("{wrong}: {returned}, {}.", row.code.trim_start_matches("-, ")),
        };
        writeln!(text, "{}", quoted(&line)).expect("a string");
        last = row.name;
    }
    text
}

#[test]
fn the_manual_says_what_the_table_says() {
    let path = root().join("doc/libzgossip.3");
    let manual = fs::read_to_string(&path).expect("the manual");
    let (before, rest) = manual.split_once(".SH ERRORS\n").expect("a section ERRORS");
    let (_, after) = rest.split_once(".SH GUARANTEES\n").expect("a section behind it");
    let wanted = format!("{before}{}.SH GUARANTEES\n{after}", section());
    if std::env::var_os("ZGOSSIP_WRITE_ERRORS").is_some() {
        fs::write(&path, &wanted).expect("the manual in place");
    } else {
        assert!(manual == wanted, "doc/libzgossip.3 is not what doc/errors.txt makes: run make errors");
    }
}
