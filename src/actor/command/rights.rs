//! The rules of a configuration of who may read and write what.
//!
//! Here a mistake opens what was meant to be closed, and nobody notices. So the rules count all together or not at all, and
//! what looks like one of them and stands in the wrong place is a fault, too.

use super::configuration::relative;
use super::unknown_keys::all_unknown;
use crate::actor::file::zpl::Item;
use crate::core::{Access, OTHERS, Rights};
use crate::log::show;

const SECTION: &str = "zgossip/rights";
const MISPLACED: &str =
    "a 'rights' section stands where it is not read: it belongs into the (first) 'zgossip' section";

/// A fault, with the line that it is on.
pub type Fault = (usize, String);

/// The rules of a configuration, `None` if it has no section for them; or what is wrong with them.
pub fn rights(tree: &Item) -> Result<Option<Rights>, Vec<Fault>> {
    let (mut rights, mut faults) = (Rights::default(), Vec::new());
    let zgossip = tree.locate(b"zgossip");
    let sections = zgossip.map_or(&[][..], Item::children).iter().filter(|item| item.name() == b"rights");
    let mut is_any = false;
    for section in sections {
        is_any = true;
        if let Err((line, text)) = add_rule(section, &mut rights) {
            faults.push((line, text));
        }
    }
    for unknown in all_unknown(tree) {
        if unknown.is_near(SECTION) && !unknown.path.starts_with("zgossip/rights/") {
            faults.push((unknown.line, unknown.to_string()));
        }
    }
    for item in tree.children() {
        add_misplaced(item, zgossip.is_some_and(|zgossip| std::ptr::eq(item, zgossip)), &mut faults);
    }
    if faults.is_empty() { Ok(is_any.then_some(rights)) } else { Err(faults) }
}

fn add_rule(section: &Item, rights: &mut Rights) -> Result<(), Fault> {
    let fault = |text: String| (section.line(), text);
    if !section.value().is_empty() {
        return Err(fault(
            "a 'rights' section has no value: subject, prefix and allow stand below it".to_owned(),
        ));
    }
    for (index, item) in section.children().iter().enumerate() {
        let fault = |text: String| Err((item.line(), text));
        let name = show(item.name());
        if !matches!(item.name(), b"subject" | b"prefix" | b"allow") || !item.children().is_empty() {
            return fault(format!("'{SECTION}/{name}' is not a known setting: subject, prefix, allow"));
        }
        if section.children()[..index].iter().any(|before| before.name() == item.name()) {
            return fault(format!("'{name}' stands in this 'rights' section twice"));
        }
        if item.value().is_empty() {
            return fault(format!("'{SECTION}/{name}' has no value"));
        }
    }
    let get = |name: &str| section.get(name.as_bytes());
    let Some(subject) = get("subject") else {
        return Err(fault("this 'rights' section has no subject".to_owned()));
    };
    let Some(allow) = get("allow") else {
        return Err(fault("this 'rights' section has no allow".to_owned()));
    };
    let prefix = get("prefix").unwrap_or(OTHERS);
    let access = Access::parse(allow).map_err(|invalid| fault(invalid.to_string()))?;
    match rights.set(subject, prefix, Some(access)) {
        Ok(None) => Ok(()),
        Ok(Some(_)) => {
            Err(fault(format!("there are two rules for {} and prefix {}", show(subject), show(prefix))))
        }
        Err(invalid) => Err(fault(invalid.to_string())),
    }
}

/// Adds sections that look like rules and are not read, for they stand elsewhere.
fn add_misplaced(item: &Item, is_read: bool, faults: &mut Vec<Fault>) {
    for child in item.children() {
        let is_rule = |item: &Item| item.get(b"subject").is_some() && item.get(b"allow").is_some();
        if child.name() == b"rights" && is_rule(child) && !is_read {
            faults.push((child.line(), MISPLACED.to_owned()));
        } else if !(is_read && child.name() == b"rights") {
            add_misplaced(child, false, faults);
        }
    }
    if item.name() == b"rights" && item.get(b"subject").is_some() && item.get(b"allow").is_some() {
        faults.push((item.line(), MISPLACED.to_owned()));
    }
}

/// Returns whether an item at `path` is one of the rules.
pub fn is_rights(path: &[u8]) -> bool {
    let path = relative(path);
    path.strip_prefix(SECTION.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Rights>, Vec<Fault>> {
        rights(&Item::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn rules_are_read_as_they_stand() {
        let text = "zgossip\n    rights\n        subject = worker-7\n        prefix = service/worker-7/\n\
                    \x20       allow = announce, retract\n    bind\n        endpoint = x\n    rights\n\
                    \x20       subject = \"*\"\n        allow = none\n    rights\n        subject = worker-7\n\
                    \x20       prefix = *\n        allow = none\n";
        let rules = read(text).unwrap().unwrap();
        let found: Vec<_> = rules.iter().collect();
        let both = Access::parse(b"retract announce").unwrap();
        let expected: [(&[u8], &[u8], Access); 3] = [
            (b"*", b"", Access::NONE),
            (b"worker-7", b"", Access::NONE),
            (b"worker-7", b"service/worker-7/", both),
        ];
        assert_eq!(found, expected);
        for text in ["", "zgossip\n    bind\n        endpoint = x\n", "mine\n    rights\n        mine = 1\n"]
        {
            assert_eq!(read(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn every_mistake_is_a_fault() {
        let rule = |lines: &[&str]| {
            let lines: String = lines.iter().map(|line| format!("        {line}\n")).collect();
            format!("zgossip\n    rights\n{lines}")
        };
        for (text, line, reason) in [
            (
                rule(&["subject = w", "allow = wirte"]),
                2,
                "'wirte' is not a right: read, announce, retract, write, or none",
            ),
            (rule(&["subject = w"]), 2, "this 'rights' section has no allow"),
            (rule(&["allow = write"]), 2, "this 'rights' section has no subject"),
            (rule(&["subject =", "allow = write"]), 3, "'zgossip/rights/subject' has no value"),
            (
                rule(&["subject = w", "perfix = a/", "allow = write"]),
                4,
                "'zgossip/rights/perfix' is not a known setting: subject, prefix, allow",
            ),
            (rule(&["subject = w", "prefix =", "allow = write"]), 4, "'zgossip/rights/prefix' has no value"),
            (
                rule(&["subject = w", "prefix = a/*", "allow = write"]),
                2,
                "a prefix stands for all keys that begin with it: it needs no *",
            ),
            (
                rule(&["subject = w", "subject = v", "allow = write"]),
                4,
                "'subject' stands in this 'rights' section twice",
            ),
            (
                rule(&["subject = w", "allow = write", "    write = a/"]),
                4,
                "'zgossip/rights/allow' is not a known setting: subject, prefix, allow",
            ),
            (
                rule(&["subject = w", "allow = write"]).replace("    rights\n", "    rights = w\n"),
                2,
                "a 'rights' section has no value: subject, prefix and allow stand below it",
            ),
            (
                format!(
                    "{0}{1}",
                    rule(&["subject = w", "allow = write"]),
                    &rule(&["subject = w", "allow = none"])[8..]
                ),
                5,
                "there are two rules for w and prefix *",
            ),
            (
                rule(&["subject = w", "allow = write"]).replace("rights", "rigths"),
                2,
                "'zgossip/rigths' is not a known setting; did you mean 'zgossip/rights'?",
            ),
            (rule(&["subject = w", "allow = write"]).replace("zgossip", "server"), 2, MISPLACED),
            (format!("zgossip\n    echo = x\n{}", rule(&["subject = w", "allow = write"])), 4, MISPLACED),
            ("rights\n    subject = w\n    allow = write\n".to_owned(), 1, MISPLACED),
            (
                "zgossip\n    bind\n        rights\n            subject = w\n            allow = write\n"
                    .to_owned(),
                3,
                MISPLACED,
            ),
        ] {
            assert_eq!(read(&text), Err(vec![(line, reason.to_owned())]), "{text}");
        }
        assert!(
            is_rights(b"/zgossip/rights/allow")
                && is_rights(b"zgossip/rights")
                && !is_rights(b"zgossip/rightss")
        );
    }
}
