//! Each list of the interface stands in code once; the documents that repeat it are compared with it here.
//!
//! A failure names the document and the entry that it lacks.

use std::collections::BTreeSet;
use std::path::Path;

use zgossip::actor::{COMMANDS, CONFIGURATION};

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
