//! Lists of the interface: each stands in code once; the documents that repeat it are compared with it here.
//!
//! A failure names the document and the entry that it lacks.

use std::collections::BTreeSet;
use std::path::Path;

use zgossip::actor::{COMMANDS, CONFIGURATION, EVENTS};
use zgossip::core::Stats;
use zgossip::warning::{Entry, WARNINGS};

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The rows of the table in README.md whose header line begins with `header`, as cells.
fn readme_table(header: &str) -> Vec<Vec<String>> {
    let readme = document("README.md");
    let mut lines = readme.lines().skip_while(|line| !line.starts_with(header)).skip(2).peekable();
    assert!(lines.peek().is_some(), "README.md has no table that begins with '{header}'");
    lines
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" |").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// The texts in `code` marks of a cell.
fn code(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// The arguments of a roff macro, joined as `.BI` joins them, without changes of font.
fn roff_text(line: &str) -> String {
    let (mut text, mut quoted, mut letters) = (String::new(), false, line.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => {}
            '\\' if letters.next() == Some('f') => drop(letters.next()),
            _ => text.push(letter),
        }
    }
    text
}

/// The tags of the section of doc/libzgossip.3 that is called `section`.
fn manual_tags(section: &str) -> BTreeSet<String> {
    let manual = document("doc/libzgossip.3");
    let mut lines = manual.lines().skip_while(|line| *line != format!(".SH {section}")).skip(1).peekable();
    assert!(lines.peek().is_some(), "doc/libzgossip.3 has no section {section}");
    let lines: Vec<&str> = lines.take_while(|line| !line.starts_with(".SH ")).collect();
    let tags = lines.windows(2).filter(|pair| pair[0] == ".TP").map(|pair| pair[1]);
    tags.flat_map(|tag| {
        let (_, arguments) = tag.split_once(' ').expect("a macro with arguments");
        roff_text(arguments).split(", ").map(str::to_owned).collect::<Vec<_>>()
    })
    .collect()
}

/// Fails where `document` lacks one of `entries`, or has others.
fn compare(document: &str, what: &str, entries: &BTreeSet<String>, found: &BTreeSet<String>) {
    let missing: Vec<_> = entries.difference(found).collect();
    assert!(missing.is_empty(), "{document} lacks the {what} {missing:?}");
    let unknown: Vec<_> = found.difference(entries).collect();
    assert!(unknown.is_empty(), "{document} has {what} that the library has not: {unknown:?}");
}

#[test]
fn every_command_is_documented_with_its_arguments() {
    let usage = |name: &str, arguments: &str| format!("{name} {arguments}").trim_end().to_owned();
    let commands: BTreeSet<_> =
        COMMANDS.iter().map(|command| usage(command.name, command.arguments)).collect();
    let readme =
        readme_table("| command |").iter().flat_map(|row| code(&row[0]).collect::<Vec<_>>()).collect();
    compare("README.md", "commands", &commands, &readme);
    compare("doc/libzgossip.3", "commands", &commands, &manual_tags("COMMANDS"));
}

#[test]
fn every_reply_is_in_the_readme() {
    let rows = readme_table("| command |");
    for command in COMMANDS {
        let row = rows.iter().find(|row| code(&row[0]).any(|usage| usage.starts_with(command.name)));
        let reply = row.and_then(|row| row.get(2)).map(String::as_str).unwrap_or_default();
        let name = command.reply.split(' ').next().unwrap_or_default();
        let documented = code(reply).next().unwrap_or_default();
        assert_eq!(documented.split(' ').next(), Some(name), "README.md on the reply to {}", command.name);
    }
}

#[test]
fn every_configuration_key_is_documented_with_its_default() {
    let keys: BTreeSet<_> = CONFIGURATION.iter().map(|key| key.path.to_owned()).collect();
    let rows = readme_table("| path |");
    let readme = rows.iter().flat_map(|row| code(&row[0]).collect::<Vec<_>>()).collect();
    compare("README.md", "configuration keys", &keys, &readme);
    for key in CONFIGURATION {
        let row = rows.iter().find(|row| code(&row[0]).any(|path| path == key.path)).expect("compared above");
        assert_eq!(row[1], key.default, "README.md on the default of {}", key.path);
    }
    compare("doc/libzgossip.3", "configuration keys", &keys, &manual_tags("CONFIGURATION"));
}

#[test]
fn every_event_is_documented_with_its_arguments() {
    let events: BTreeSet<_> =
        EVENTS.iter().map(|event| format!("{} {}", event.name, event.arguments)).collect();
    let rows = readme_table("| event |");
    let readme = rows.iter().flat_map(|row| code(&row[0]).collect::<Vec<_>>()).collect();
    compare("README.md", "events", &events, &readme);
    compare("doc/libzgossip.3", "events", &events, &manual_tags("EVENTS"));
}

/// A name in capitals as Python and Rust write the name of a type.
fn capitalized(name: &str) -> String {
    name[..1].to_owned() + &name[1..].to_lowercase()
}

#[test]
fn every_event_is_in_the_bindings() {
    let names =
        |case: fn(&str) -> String| -> BTreeSet<_> { EVENTS.iter().map(|event| case(event.name)).collect() };
    let between = |name: &str, start: &str, end: &str| -> String {
        let text = document(name);
        let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("{name} has no '{start}'"));
        rest.split(end).next().unwrap_or_default().to_owned()
    };
    let cpp = between("include/zgossip.hpp", "enum class kind {", "}");
    let cpp =
        cpp.lines().filter_map(|line| line.split_once(" = ZGOSSIP_EVENT_")).map(|(name, _)| name.trim());
    let cpp = cpp.filter(|name| *name != "reply").map(str::to_owned).collect();
    compare("include/zgossip.hpp", "events", &names(str::to_lowercase), &cpp);
    let python = between("bindings/python/src/zgossip/_events.py", "Event = Union[", "]");
    let python = python.split(',').map(|name| name.trim().to_owned()).collect();
    compare("bindings/python/src/zgossip/_events.py", "events", &names(capitalized), &python);
    let manual = between("bindings/python/README.md", "Events are ", ".");
    let manual = code(&manual).filter_map(|text| text.split('(').next().map(str::to_owned)).collect();
    compare("bindings/python/README.md", "events", &names(capitalized), &manual);
    let rust = between("src/api/event.rs", "pub enum Event {", "\n}");
    let variants = rust
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(char::is_uppercase));
    let variants =
        variants.map(|line| line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned());
    // The Rust interface has a type `Error` already, and shows replies, too, and three events with what changed.
    let variants = variants.filter(|name| !["Reply", "Changed"].contains(&name.as_str()));
    let variants = variants.map(|name| if name == "Refused" { "Error".to_owned() } else { name });
    compare("src/api/event.rs", "events", &names(capitalized), &variants.collect());
}

#[test]
fn every_statistic_is_documented() {
    let names: Vec<_> = Stats::default().entries().iter().map(|(name, _)| (*name).to_owned()).collect();
    let statistics = names.iter().cloned().collect();
    let rows = readme_table("| statistic |");
    let readme = rows.iter().flat_map(|row| code(&row[0]).collect::<Vec<_>>()).collect();
    compare("README.md", "statistics", &statistics, &readme);
    compare("doc/libzgossip.3", "statistics", &statistics, &manual_tags("STATISTICS"));
    // Python reads them by their places.
    let python = document("bindings/python/src/zgossip/_stats.py");
    let fields = python.lines().filter_map(|line| line.strip_prefix("    ")?.strip_suffix(": int"));
    let fields: Vec<_> = fields.map(str::to_owned).collect();
    compare(
        "bindings/python/src/zgossip/_stats.py",
        "statistics",
        &statistics,
        &fields.iter().cloned().collect(),
    );
    assert_eq!(fields, names, "the order in bindings/python/src/zgossip/_stats.py");
}

/// Text as roff shows it: a line that begins with a quote or a point is none of its commands.
fn filled(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.replace('-', "\\-").split(' ') {
        let last = lines.last_mut().expect("a line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= 110 {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    let escaped = lines
        .iter()
        .map(|line| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.clone() });
    escaped.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_warning_is_in_the_manual_with_what_to_do() {
    let manual = document("doc/libzgossip.3");
    let (_, rest) = manual.split_once(".SH WARNINGS\n").expect("a section WARNINGS");
    let section = rest.split("\n.SH ").next().unwrap_or_default();
    let (_, entries) = section.split_once(".TP\n").expect("entries");
    let over = |entry: &Entry| match entry.over {
        "" => String::new(),
        over => format!("\n.br\nWhen it is over:\n.I {}", over.replace('-', "\\-")),
    };
    let expected = WARNINGS.iter().map(|entry| {
        let text = entry.text.replace('-', "\\-");
        format!("{text}\n{}\n{}{}", filled(entry.meaning), filled(entry.remedy), over(entry))
    });
    let expected: Vec<_> = expected.map(|entry| format!(".B {entry}")).collect();
    assert_eq!(
        entries,
        expected.join("\n.TP\n"),
        "doc/libzgossip.3 is to have:\n{}",
        expected.join("\n.TP\n")
    );
}

/// The functions that a text in C declares, defines or calls: names that begin with `prefix`, before a parenthesis.
fn functions(text: &str, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices('(') {
        let head = text[..at].trim_end();
        let start = head.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |last| last + 1);
        if head[start..].starts_with(prefix) {
            found.insert(head[start..].to_owned());
        }
    }
    found
}

/// The functions of `include/zgossip.h` whose declaration holds `what`.
fn exported(what: &str) -> BTreeSet<String> {
    let header = document("include/zgossip.h");
    let lines = header.lines().filter(|line| !line.starts_with("//") && !line.starts_with("    //"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let declarations = code.split_inclusive([';', '}', '/']).filter(|text| text.contains(what));
    let is_declared = |text: &&str| {
        let text = text.trim_end().replace(" ZGOSSIP_SENTINEL", "");
        text.ends_with(");") && !text.contains(['{', '='])
    };
    let found: BTreeSet<_> =
        declarations.filter(is_declared).flat_map(|text| functions(text, "zgossip")).collect();
    assert!(found.len() > 20, "only {found:?} were found in include/zgossip.h");
    found
}

#[test]
fn every_function_is_in_the_readme() {
    let functions = exported("(");
    let rows = readme_table("| functions |");
    let entries: BTreeSet<_> = rows.iter().flat_map(|row| code(&row[0]).collect::<Vec<_>>()).collect();
    let groups: Vec<_> = entries.iter().filter_map(|entry| entry.strip_suffix('*')).collect();
    let in_group = |name: &String| groups.iter().any(|group| name.starts_with(group));
    let single = |names: &BTreeSet<String>| names.iter().filter(|name| !in_group(name)).cloned().collect();
    let entries = entries.iter().filter(|entry| !entry.ends_with('*')).cloned().collect();
    compare("README.md", "functions", &single(&functions), &entries);
}

/// Calls on a node that a binding leaves out, because it makes another call that does the same.
const STRINGS: [&str; 7] = [
    "zgossip_send",
    "zgossip_sendx",
    "zgossip_recv",
    "zgossip_recvx",
    "zgossip_recv_event",
    "zgossip_send_sized",
    "zgossip_publish_ttl",
];

/// Calls on a node that the Python package does not need: it makes nodes in the library's context only, logs as the
/// library does, never lets a command wait for room, and turns on events with what `zgossip_set_events` leaves out.
const NOT_IN_PYTHON: [&str; 4] =
    ["zgossip_context", "zgossip_set_log", "zgossip_set_sndtimeo", "zgossip_set_events"];

/// Fails where a binding lacks a call on a node, also in its form with sizes.
fn compare_binding(name: &str, calls: &BTreeSet<String>, without: &[&str]) {
    let needed = exported("zgossip_t *self");
    let sized = |call: &String| format!("{}_sized", call.trim_end_matches("_sized"));
    let is_there = |call: &&String| calls.contains(*call) || calls.contains(&sized(call));
    let missing: Vec<_> = needed.iter().filter(|call| !is_there(call)).collect();
    let missing: Vec<_> = missing.into_iter().filter(|call| !without.contains(&call.as_str())).collect();
    assert!(missing.is_empty(), "{name} lacks the calls {missing:?}");
    let all = exported("(");
    let unknown: Vec<_> = calls.difference(&all).collect();
    assert!(unknown.is_empty(), "{name} makes calls that the library has not: {unknown:?}");
}

#[test]
fn bindings_make_every_call_on_a_node() {
    let cpp = functions(&document("include/zgossip.hpp"), "zgossip_");
    compare_binding("include/zgossip.hpp", &cpp, &STRINGS);
    let python = document("bindings/python/src/zgossip/_library.py");
    let python = python.split("declare(\"").skip(1).filter_map(|text| text.split('"').next());
    let python = python.map(|name| format!("zgossip_{name}")).collect();
    let without: Vec<_> = STRINGS.into_iter().chain(NOT_IN_PYTHON).collect();
    compare_binding("bindings/python/src/zgossip/_library.py", &python, &without);
}

/// The functions of the `czmq.h` that the preprocessor finds there.
fn czmq_functions(include: &[String]) -> BTreeSet<String> {
    let mut command = std::process::Command::new("cc");
    command.args(include).args(["-E", "-P", "-include", "czmq.h", "-xc", "/dev/null"]);
    let output = command.output().expect("a C compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = functions(&String::from_utf8_lossy(&output.stdout), "z");
    let is_of_class =
        |name: &String| name.contains('_') && !name.starts_with("zmq_") && !name.starts_with("zgossip");
    found.into_iter().filter(|name| is_of_class(name) && !name.ends_with("_test")).collect()
}

#[test]
fn what_czmq_h_lacks_of_czmq_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lists/zgossip");
    std::fs::create_dir_all(&installed).expect("a directory for the header");
    std::fs::copy(root.join("include/zgossip.h"), installed.join("zgossip.h")).expect("the header in place");
    let ours = [root.join("include/czmq"), installed.with_file_name("")];
    let ours = czmq_functions(&ours.map(|path| format!("-I{}", path.display())));
    let missing: BTreeSet<_> = czmq_functions(&[]).difference(&ours).cloned().collect();
    let table = document("doc/CZMQ.md");
    let rows = table.lines().skip_while(|line| !line.starts_with("| class |")).skip(2);
    let mut documented = BTreeSet::new();
    for row in rows {
        let (class, lacks) = row.trim_matches('|').split_once('|').expect("two columns");
        let prefix = format!("{}_", class.trim());
        if lacks.trim() == "the whole class" {
            assert!(
                !ours.iter().any(|name| name.starts_with(&prefix)),
                "doc/CZMQ.md: czmq.h has some of {class}"
            );
            documented.extend(missing.iter().filter(|name| name.starts_with(&prefix)).cloned());
        } else {
            documented.extend(code(lacks));
        }
    }
    compare("doc/CZMQ.md", "missing functions", &missing, &documented);
}
