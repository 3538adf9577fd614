//! What is wrong with a configuration, as far as its text tells: nothing is bound, connected or published.

use std::collections::HashSet;

use super::configuration::{Values, number};
use super::services::{Service, services};
use super::{rights, security, unknown_keys};
use crate::actor::error::Failure;
use crate::actor::file::{self, LoadError, errno, zpl::Item};
use crate::core::check_key;
use crate::engine::raw::curve;
use crate::engine::{check_bind, check_connect};
use crate::log::show;
use crate::warning::Kind;

/// One fault of a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The line of the file; 0 if the item comes from no file.
    pub line: usize,
    /// The fault, for people.
    pub text: String,
}

impl Problem {
    fn new(line: usize, text: impl ToString) -> Problem {
        Problem { line, text: text.to_string() }
    }

    /// The fault with the file that it is in: `FILE:LINE: TEXT`.
    pub fn in_file(&self, name: &[u8]) -> String {
        in_line(name, self.line, &self.text)
    }
}

/// A text with the line of a file that it is about.
pub fn in_line(name: &[u8], line: usize, text: impl std::fmt::Display) -> String {
    format!("{}:{line}: {text}", show(name))
}

/// The faults of a configuration file, a text for each: empty for a file that can be loaded as it is. Fails if the file
/// cannot be read.
pub fn check_file(name: &[u8]) -> Result<Vec<String>, Failure> {
    match file::load(name) {
        Ok((tree, _)) => Ok(problems(&tree).iter().map(|problem| problem.in_file(name)).collect()),
        Err(LoadError::Syntax(error)) => Ok(vec![in_line(name, error.line, error.reason)]),
        Err(LoadError::Io(error)) => {
            let reason = format!("cannot load config file '{}' ({})", show(name), file::reason(&error));
            Err(Failure::new(errno(&error), reason))
        }
    }
}

/// All faults of a configuration, in the order of its lines.
pub fn problems(tree: &Item) -> Vec<Problem> {
    let mut problems = item_problems(tree);
    let max_value = Values::default().read(tree).0.core.max_value;
    for (line, service) in services(tree) {
        let fault = service_fault(&service, max_value);
        problems.extend(fault.map(|text| Problem { line, text }));
    }
    if let Some(Err(reason)) = security::security(tree) {
        problems.push(Problem::new(security::line(tree), reason));
    }
    for (line, text) in rights::rights(tree).err().unwrap_or_default() {
        if problems.iter().all(|known| known.line != line) {
            problems.push(Problem::new(line, text));
        }
    }
    problems.sort_by_key(|problem| problem.line);
    problems
}

/// The faults of single items: values that are not accepted, names without a meaning, items that are not read.
pub fn item_problems(tree: &Item) -> Vec<Problem> {
    let (_, bad) = Values::default().read(tree);
    let line = |path: &str| tree.locate(path.as_bytes()).map_or(0, Item::line);
    let mut problems: Vec<_> = bad.iter().map(|bad| Problem::new(line(bad.path()), bad)).collect();
    problems
        .extend(unknown_keys::all_unknown(tree).iter().map(|unknown| Problem::new(unknown.line, unknown)));
    add_repeated(tree, "", &mut problems);
    problems.extend(security::unused_key(tree).map(|line| Problem::new(line, Kind::UnusedKey.line(&[]))));
    problems.sort_by_key(|problem| problem.line);
    problems
}

/// Adds the items that stand in the configuration a second time, of which the first is read.
fn add_repeated(item: &Item, path: &str, problems: &mut Vec<Problem>) {
    let may_repeat = |name: &[u8]| {
        path == "zgossip" && matches!(name, b"bind" | b"connect" | b"publish" | b"rights" | b"echo")
    };
    let mut seen = HashSet::new();
    for child in item.children() {
        let path = if path.is_empty() {
            show(child.name()).into_owned()
        } else {
            format!("{path}/{}", show(child.name()))
        };
        let section = path.split('/').next();
        if !matches!(section, Some("server" | "zgossip")) {
            continue;
        }
        if !seen.insert(child.name()) && !may_repeat(child.name()) {
            let text = format!("'{path}' stands here again, and only the first one counts");
            problems.push(Problem::new(child.line(), text));
        } else {
            add_repeated(child, &path, problems);
        }
    }
}

/// Why a service cannot be carried out, if its text tells.
fn service_fault(service: &Service<'_>, max_value: usize) -> Option<String> {
    match service {
        Service::Echo(_) => None,
        Service::Bind(b"?") => Some("this 'bind' section has no endpoint".to_owned()),
        Service::Bind(endpoint) => {
            check_bind(endpoint).err().map(|error| format!("cannot bind to {} ({error})", show(endpoint)))
        }
        Service::Connect { endpoint: b"?", .. } => Some("this 'connect' section has no endpoint".to_owned()),
        Service::Connect { endpoint, server_key } => {
            if let Err(error) = check_connect(endpoint) {
                return Some(format!("cannot connect to {} ({error})", show(endpoint)));
            }
            let is_bad = server_key.is_some_and(|key| curve::decode(key).is_none());
            is_bad.then(|| "server-key is not a CURVE key (40 characters of Z85)".to_owned())
        }
        Service::Publish { key, value, ttl } => {
            if let Err(invalid) = check_key(key) {
                return Some(format!("cannot publish '{}' (key {})", show(key), invalid.text()));
            }
            if value.len() > max_value {
                return Some(format!(
                    "cannot publish '{}' (value is longer than server/max_value)",
                    show(key)
                ));
            }
            ttl_of(*ttl).err()
        }
    }
}

/// The time to live that a `publish` section gives, in milliseconds; 0 for none.
pub fn ttl_of(text: Option<&[u8]>) -> Result<u32, String> {
    let Some(text) = text else { return Ok(0) };
    let ttl = number(text, u32::MAX.into()).and_then(|ttl| u32::try_from(ttl).ok());
    ttl.ok_or_else(|| format!("ttl = '{}' is not a number of ms from 0 to {}", show(text), u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let tree = Item::parse(text.as_bytes()).unwrap();
        problems(&tree).iter().map(|problem| problem.in_file(b"f")).collect()
    }

    #[test]
    fn each_fault_is_named_with_its_line_and_what_is_accepted() {
        let text = "server\n    timeout = abc\n    timeuot = 5\n    verbose = maybe\n    timeout = 5\n\
                    zgossip\n    bind\n    bind\n        endpoint = tcp://*\n    connect\n\
                    \x20       endpoint = tcp://h:0\n    connect\n        endpoint = tcp://h:1\n\
                    \x20       server-key = x\n    publish\n        value = 1\n    publish\n        key = k\n\
                    \x20       ttl = 1s\n    security\n        mechanism = gssapi\n\
                    server\n    timeout = x\n";
        let expected = [
            "f:2: server/timeout = 'abc' is not a number of ms from 0 to 1000000000000000",
            "f:3: 'server/timeuot' is not a known setting; did you mean 'server/timeout'?",
            "f:4: server/verbose = 'maybe' is not 0 or 1, no or yes, off or on, false or true",
            "f:5: 'server/timeout' stands here again, and only the first one counts",
            "f:7: this 'bind' section has no endpoint",
            "f:8: cannot bind to tcp://* (endpoint has no valid port)",
            "f:10: cannot connect to tcp://h:0 (endpoint has port 0, which no server has)",
            "f:12: server-key is not a CURVE key (40 characters of Z85)",
            "f:15: cannot publish '' (key is empty)",
            "f:17: ttl = '1s' is not a number of ms from 0 to 4294967295",
            "f:21: mechanism=gssapi is not supported",
            "f:22: 'server' stands here again, and only the first one counts",
        ];
        assert_eq!(found(text), expected);
    }

    #[test]
    fn a_good_file_has_no_fault() {
        let text = "server\n    timeout = 0\nzgossip\n    echo = a\n    echo = b\n    bind\n\
                    \x20       endpoint = tcp://*:*\n    bind\n        endpoint = ipc://*\n    connect\n\
                    \x20       endpoint = tcp://h:1\n    publish\n        key = k\n        value = v\n\
                    \x20       ttl = 5\n    security\n        mechanism = plain\n        username = u\n\
                    \x20       password = p\nmine\n    a = 1\n    a = 2\nmine\n";
        assert_eq!(found(text), [""; 0]);
    }

    #[test]
    fn half_of_the_credentials_is_a_fault() {
        for (half, other) in [("username", "password"), ("password", "username")] {
            let text = format!("zgossip\n    security\n        {half} = geheim\n");
            let reason = format!("f:2: zgossip/security/{other} is not set");
            assert_eq!(found(&text), [reason], "without the value");
        }
    }
}
