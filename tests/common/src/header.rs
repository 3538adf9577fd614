//! The functions that our header declares, as the compiler sees them, and a
//! program made from them that calls each with arguments of many kinds.

use std::process::Command;

use super::build::{Compile, artifacts};
use super::{LONG, Scratch, run};

/// A function of the header.
#[derive(Debug)]
pub struct Function {
    pub result: String,
    pub name: String,
    /// Type and name of each argument.
    pub arguments: Vec<(String, String)>,
}

/// All functions that the header declares, but for those that it defines.
pub fn functions() -> Vec<Function> {
    let mut command = Command::new("cc");
    command.args(["-E", "-P", "-include", "zgossip/zgossip.h", "-xc", "/dev/null"]);
    command.arg(format!("-I{}", artifacts().include.display()));
    let text = run(command, LONG).check("the preprocessor").out.replace('\n', " ");
    text.split([';', '}']).filter_map(declaration).collect()
}

fn declaration(text: &str) -> Option<Function> {
    let text = text.trim().strip_suffix(')')?;
    if text.contains(['{', '=']) || text.contains("static") || text.contains("__attribute__") {
        return None;
    }
    let (head, arguments) = text.split_once('(')?;
    let (result, name) = split_name(head.trim());
    if !name.starts_with("zgossip") || result.is_empty() {
        return None;
    }
    let arguments = arguments.split(',').map(|text| split_name(text.trim()));
    let arguments = arguments.filter(|(kind, _)| !kind.is_empty()).collect();
    Some(Function { result, name, arguments })
}

/// The last word, and what is before it.
fn split_name(text: &str) -> (String, String) {
    let start = text.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    (text[..start].trim().to_owned(), text[start..].to_owned())
}

/// Result of a call for its arguments.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Manner {
    /// NULL and 0 everywhere.
    Null,
    /// A piece of zeroed memory for every pointer.
    Strange,
    /// A live object to be called upon, NULL and 0 for all else.
    Bare,
    /// A live object, memory of zeros, the least and largest numbers.
    Odd,
    /// A live object, and a megabyte for every string.
    Huge,
}

impl Manner {
    pub const ALL: [Manner; 5] = [Manner::Null, Manner::Strange, Manner::Bare, Manner::Odd, Manner::Huge];

    fn is_live(self) -> bool {
        matches!(self, Manner::Bare | Manner::Odd | Manner::Huge)
    }

    fn argument(self, kind: &str, name: &str) -> String {
        let object = ["zgossip_t", "zgossip_msg_t", "zgossip_auth_t", "zgossip_cert_t"]
            .into_iter()
            .find(|object| kind == format!("{object} *") || kind == format!("const {object} *"));
        let pointer = kind.contains('*');
        if let Some(object) = object.filter(|_| self.is_live() && name == "self") {
            return format!("live_{object}");
        }
        match self {
            Manner::Null | Manner::Bare => format!("({kind}) 0"),
            _ if !pointer && kind.contains("_fn") => format!("({kind}) 0"),
            Manner::Huge if kind == "const char *" => "megabyte".to_owned(),
            _ if pointer => format!("({kind}) (void *) zeros"),
            _ if kind == "int" && self != Manner::Strange => "INT_MIN".to_owned(),
            _ if kind == "uint32_t" => "UINT32_MAX".to_owned(),
            _ => format!("({kind}) 0"),
        }
    }
}

impl Function {
    fn takes(&self, place: usize, wanted: &str) -> bool {
        self.arguments.get(place).is_some_and(|(kind, name)| format!("{kind}{name}").contains(wanted))
    }

    /// Returns whether the function is called upon an object.
    fn has_self(&self) -> bool {
        self.arguments.first().is_some_and(|(kind, name)| name == "self" && !kind.contains("**"))
    }

    /// Returns whether the function may be called in a manner at all.
    fn is_callable(&self, manner: Manner) -> bool {
        match self.name.as_str() {
            // Tests of their own, which take long
            "zgossip_test" | "zgossip_msg_test" => false,
            // Memory that is none of malloc's cannot be told
            "zgossip_free" => manner == Manner::Null,
            _ => !manner.is_live() || self.has_self(),
        }
    }

    /// Returns how the function has to fail where nothing that it is given can be used.
    fn expectation(&self, manner: Manner) -> &'static str {
        let socket = self.takes(0, "zsock_t");
        if manner.is_live() || !(self.has_self() || socket || manner == Manner::Null) {
            return "1";
        }
        let constructor = self.name.ends_with("_new");
        if constructor || ["zgossip_version", "zgossip_strerror"].contains(&self.name.as_str()) {
            return "1";
        }
        let errno = if socket && manner == Manner::Strange { "ENOTSOCK" } else { "EINVAL" };
        match (self.result.as_str(), errno) {
            ("void", _) if !self.has_self() && !socket => "1",
            ("void", "ENOTSOCK") => "errno == ENOTSOCK",
            ("void", _) => "errno == EINVAL",
            ("uint32_t", _) => "result == 0 && errno == EINVAL",
            (kind, _) if kind.contains('*') => "!result && errno == EINVAL",
            _ => "result == -1 && errno == EINVAL",
        }
    }

    fn call(&self, manner: Manner) -> String {
        let arguments: Vec<String> =
            self.arguments.iter().map(|(kind, name)| manner.argument(kind, name)).collect();
        let call = format!("{} ({})", self.name, arguments.join(", "));
        if self.result == "void" { call } else { format!("{} result = {call}", self.result) }
    }
}

/// The program below, compiled.
#[track_caller]
pub fn build() -> std::path::PathBuf {
    let scratch = Scratch::new();
    let source = scratch.path("every_function.c");
    std::fs::write(&source, program()).expect("a program");
    Compile::source(&source).flags(&["-std=gnu11", "-Wall"]).header().ours().build()
}

/// A C program that makes every call in a child of its own, which may
/// neither crash nor hang, and in which a live node must live on.
pub fn program() -> String {
    let mut text = String::from(PROLOGUE);
    let mut table = String::new();
    for function in functions() {
        for manner in Manner::ALL.into_iter().filter(|&manner| function.is_callable(manner)) {
            let name = format!("{manner:?}_{}", function.name);
            let used = if function.result == "void" { "" } else { "    (void) result;\n" };
            text += &format!(
                "static int {name} (void)\n{{\n    errno = 0;\n    {};\n{used}    return {};\n}}\n\n",
                function.call(manner),
                function.expectation(manner)
            );
            table += &format!(
                "    {{ \"{} ({})\", {name}, {} }},\n",
                function.name,
                format!("{manner:?}").to_lowercase(),
                u8::from(manner.is_live())
            );
        }
    }
    text + "static const call_t calls [] = {\n" + &table + "};\n" + EPILOGUE
}

const PROLOGUE: &str = r#"#include <zgossip/zgossip.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    const char *name;
    int (*call) (void);
    int live;
} call_t;

static _Alignas (64) char zeros [65536];
static char *megabyte;
static zgossip_t *live_zgossip_t;
static zgossip_msg_t *live_zgossip_msg_t;
static zgossip_auth_t *live_zgossip_auth_t;
static zgossip_cert_t *live_zgossip_cert_t;

"#;

const EPILOGUE: &str = r#"
static int child (const call_t *call)
{
    alarm (20);
    if (call->live) {
        live_zgossip_t = zgossip_new ("live");
        live_zgossip_msg_t = zgossip_msg_new ();
        live_zgossip_auth_t = zgossip_auth_new (NULL);
        live_zgossip_cert_t = zgossip_cert_new ();
        if (!live_zgossip_t || !live_zgossip_msg_t || !live_zgossip_auth_t || !live_zgossip_cert_t)
            return 2;
        zgossip_set_rcvtimeo (live_zgossip_t, 50);
    }
    if (!call->call ()) {
        fprintf (stderr, "%s: wrong answer, errno %d (%s)\n", call->name, errno, strerror (errno));
        return 3;
    }
    if (call->live) {
        zgossip_set_sndtimeo (live_zgossip_t, 10000);
        if (zgossip_count (live_zgossip_t) < 0)
            return 4;
        zgossip_destroy (&live_zgossip_t);
        zgossip_msg_destroy (&live_zgossip_msg_t);
        zgossip_auth_destroy (&live_zgossip_auth_t);
        zgossip_cert_destroy (&live_zgossip_cert_t);
    }
    return 0;
}

//  With an argument, only the calls without a live object
int main (int argc, char **argv)
{
    (void) argv;
    int failures = 0;
    size_t count = sizeof calls / sizeof *calls;
    megabyte = malloc (1000001);
    memset (megabyte, 'x', 1000000);
    megabyte [1000000] = 0;
    for (size_t i = 0; i < count; i++) {
        int status = 0;
        if (argc > 1 && calls [i].live)
            continue;
        fflush (NULL);
        pid_t pid = fork ();
        if (pid == 0)
            _exit (child (&calls [i]));
        waitpid (pid, &status, 0);
        if (status) {
            failures++;
            fprintf (stderr, "%s: %s %d\n", calls [i].name,
                     WIFSIGNALED (status) ? "signal" : "exit",
                     WIFSIGNALED (status) ? WTERMSIG (status) : WEXITSTATUS (status));
        }
    }
    printf ("%zu calls, %d failures\n", count, failures);
    free (megabyte);
    return failures != 0;
}
"#;
