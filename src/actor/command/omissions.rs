//! What a configuration file must not leave out when it is loaded again.
//!
//! An editor or a copy that is interrupted leaves half a file, and a node that went by it would open what the other half
//! had closed. So a file that has set keys or rules has to say what is to be open: by `mechanism = null`, by an item that is
//! empty, by a rule that allows it. What is left out opens nothing: the file is not loaded.

use super::configuration::switch;
use crate::actor::file::zpl::Item;
use crate::core::Rights;
use crate::log::show;

const SECTION: &[u8] = b"zgossip/security";
/// The items of the security section without which more is open, or less is asked of others.
const ITEMS: [&[u8]; 7] =
    [b"mechanism", b"secret-key", b"username", b"password", b"domain", b"require-handler", b"revocation"];

/// What a file that was loaded has said to keep others out.
#[derive(Clone, Debug, Default)]
pub struct Guards {
    security: Option<Item>,
    rights: Rights,
    /// Whether the file has said anything at all.
    is_any: bool,
}

impl Guards {
    /// The guards of a file with these rules.
    pub fn of(tree: &Item, rights: Option<&Rights>) -> Guards {
        Guards {
            security: tree.locate(SECTION).cloned(),
            rights: rights.cloned().unwrap_or_default(),
            is_any: !tree.children().is_empty(),
        }
    }

    /// What is left out of these guards by the tree and the rules of the same file as it is now, for people.
    pub fn omissions(&self, tree: &Item, rights: Option<&Rights>) -> Vec<String> {
        if self.is_any && tree.children().is_empty() {
            return vec!["it is empty".to_owned()];
        }
        let mut omissions = self.omitted_items(tree.locate(SECTION));
        match rights.filter(|rights| !rights.is_empty()) {
            _ if self.rights.is_empty() => {}
            None => omissions.push("it has no rules of zgossip/rights any more".to_owned()),
            Some(rights) => {
                let lost = self.rights.opened_by(rights);
                omissions.extend(lost.first().map(|(subject, prefix)| {
                    let (subject, prefix) = (show(subject), show(prefix));
                    let more = if lost.len() > 1 { ", for one," } else { "" };
                    format!("the rule{more} for '{subject}' and prefix '{prefix}' is missing, which allows less there than the \
                             others do")
                }));
            }
        }
        omissions
    }

    fn omitted_items(&self, now: Option<&Item>) -> Vec<String> {
        let Some(before) = &self.security else { return Vec::new() };
        let mechanism = now.and_then(|now| now.get(b"mechanism"));
        let is_omitted = |name: &&[u8]| {
            let Some(value) = before.get(name) else { return false };
            let is_stated = now.is_some_and(|now| now.locate(name).is_some());
            match *name {
                b"mechanism" => value != b"null" && mechanism.is_none(),
                b"secret-key" => !is_stated && mechanism == Some(b"curve"),
                b"require-handler" | b"revocation" => !is_stated && switch(value) != Some(false),
                _ => !is_stated,
            }
        };
        let omitted = ITEMS.into_iter().filter(is_omitted);
        omitted.map(|name| format!("zgossip/security/{} is missing", show(name))).collect()
    }
}

/// Keeps the security section that was in force in the tree of a file that has none.
pub fn keep_security(tree: &mut Item, before: &Item) {
    let Some(section) = before.locate(SECTION).filter(|_| tree.locate(SECTION).is_none()) else { return };
    for item in section.children() {
        // What cannot be a path has no meaning.
        let _ = tree.put(&[SECTION, b"/", item.name()].concat(), item.value());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::command::rights;

    fn omissions(before: &str, now: &str) -> Vec<String> {
        let [before, now] = [before, now].map(|text| Item::parse(text.as_bytes()).unwrap());
        let [of_before, of_now] = [&before, &now].map(|tree| rights::rights(tree).unwrap());
        Guards::of(&before, of_before.as_ref()).omissions(&now, of_now.as_ref())
    }

    fn section(lines: &[&str]) -> String {
        let lines: String = lines.iter().map(|line| format!("        {line}\n")).collect();
        format!("zgossip\n    security\n{lines}")
    }

    #[test]
    fn what_secures_has_to_be_stated_again_and_may_be_stated_otherwise() {
        let missing = |name: &str| format!("zgossip/security/{name} is missing");
        let curve = ["mechanism = curve", "secret-key = hub", "domain = d", "require-handler = 1"];
        let full = section(&curve);
        for (now, expected) in [
            (full.clone(), vec![]),
            ("server\n    timeout = 1\n".to_owned(), vec!["mechanism", "domain", "require-handler"]),
            (section(&[]), vec!["mechanism", "domain", "require-handler"]),
            (section(&curve[..1]), vec!["secret-key", "domain", "require-handler"]),
            (section(&curve[..3]), vec!["require-handler"]),
            (section(&["mechanism =", "domain = d", "require-handler = 0"]), vec!["mechanism"]),
            (section(&["mechanism = null", "domain =", "require-handler = 0"]), vec![]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(missing).collect();
            assert_eq!(omissions(&full, &now), expected, "{now}");
        }
        let open = section(&["mechanism = null", "require-handler = 0", "revocation = no", "comment = x"]);
        assert_eq!(omissions(&open, "server\n    timeout = 1\n"), [""; 0]);
        let plain = section(&["username = u", "password = p"]);
        assert_eq!(omissions(&plain, &section(&["username = u"])), [missing("password")]);
        assert_eq!(omissions(&plain, &section(&["username =", "password ="])), [""; 0]);
        assert_eq!(omissions("server\n    timeout = 1\n", ""), ["it is empty"]);
        assert_eq!(omissions("", ""), [""; 0]);
    }

    #[test]
    fn rules_that_are_left_out_may_close_and_not_open() {
        let rules = |rules: &[(&str, &str, &str)]| {
            let rule = |(subject, prefix, allow): &(&str, &str, &str)| {
                format!(
                    "    rights\n        subject = {subject}\n        prefix = {prefix}\n        allow = {allow}\n"
                )
            };
            format!("zgossip\n{}", rules.iter().map(rule).collect::<String>())
        };
        let all = [("\"*\"", "*", "write"), ("\"*\"", "secret/", "none"), ("w", "w/", "write")];
        let before = rules(&all);
        assert_eq!(omissions(&before, &before), [""; 0]);
        assert_eq!(omissions(&before, "zgossip\n"), ["it has no rules of zgossip/rights any more"]);
        let lost = "is missing, which allows less there than the others do";
        assert_eq!(
            omissions(&before, &rules(&[all[0], all[2]])),
            [format!("the rule for '*' and prefix 'secret/' {lost}")]
        );
        assert_eq!(omissions(&before, &rules(&all[..2])), [""; 0], "what w might write others may, too");
        assert_eq!(omissions(&before, &rules(&all[1..])), [""; 0]);
        let stated = [all[0], ("\"*\"", "secret/", "write"), all[2]];
        assert_eq!(omissions(&before, &rules(&stated)), [""; 0]);
        let bans = rules(&[all[0], ("a", "*", "none"), ("b", "*", "none")]);
        assert_eq!(
            omissions(&bans, &rules(&all)),
            [format!("the rule, for one, for 'a' and prefix '' {lost}")]
        );
    }

    #[test]
    fn a_file_without_a_security_section_leaves_the_one_in_force() {
        let tree = |text: &str| Item::parse(text.as_bytes()).unwrap();
        let before = tree(&section(&["mechanism = plain", "domain = d"]));
        let mut other = tree("server\n    timeout = 1\n");
        keep_security(&mut other, &before);
        assert_eq!(other.get(b"zgossip/security/mechanism"), Some(&b"plain"[..]));
        assert_eq!(other.get(b"zgossip/security/domain"), Some(&b"d"[..]));
        let mut own = tree(&section(&["mechanism = null"]));
        keep_security(&mut own, &before);
        assert_eq!(own.get(b"zgossip/security/domain"), None);
    }
}
