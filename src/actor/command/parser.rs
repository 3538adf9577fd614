//! The command language: which lists of frames are commands.
//!
//! Parsing borrows from the frames and allocates nothing. Missing, invalid and excess arguments make a [`Refused`] that
//! names the command and the reason. CZMQ ignores frames behind the arguments of its own commands; [`read_by_czmq`] serves
//! the programs that rely on that.

use super::commands::{Command, Reason, Refused};
use super::security::is_password;
use crate::core::check_key;

/// The most frames that are read of a command: one more than any command has, so that excess frames are seen. PUBLISH and
/// ANNOUNCE have four.
pub const MAX_FRAMES: usize = 5;

/// A command of the language: a row of [`COMMANDS`].
#[cfg_attr(
    not(feature = "internals"),
    expect(dead_code, reason = "tests compare these columns with the documents")
)]
pub struct Syntax {
    /// The command's name, which is its first frame.
    pub name: &'static str,
    /// The frames behind the name, in the order in which they are sent; those in brackets may be left out.
    pub arguments: &'static str,
    /// The reply, empty for a command without one; frames in brackets may be missing.
    pub reply: &'static str,
    /// The effect of the command, in one line.
    pub meaning: &'static str,
    /// Whether CZMQ's zgossip has the command too.
    pub in_czmq: bool,
    parse: for<'a> fn(Frames<'_, 'a>) -> Result<Command<'a>, Reason>,
}

/// All commands of the language, the most frequent first: the parser looks for a name from the beginning.
pub const COMMANDS: &[Syntax] = &[
    Syntax {
        name: "PUBLISH",
        arguments: "key value [ttl]",
        reply: "",
        meaning: "Give a key a value on every node; with a ttl (milliseconds) the tuple expires.",
        in_czmq: true,
        parse: |frames| {
            Ok(Command::Publish {
                key: frames.bytes(1, "key")?,
                value: frames.bytes(2, "value")?,
                ttl: frames.ttl(3)?,
            })
        },
    },
    Syntax {
        name: "GET",
        arguments: "key",
        reply: "VALUE key [value]",
        meaning: "Read the value of a key.",
        in_czmq: false,
        parse: |frames| Ok(Command::Get(frames.key(1)?)),
    },
    Syntax {
        name: "STATUS",
        arguments: "",
        reply: "STATUS number",
        meaning: "Count the tuples that this node holds.",
        in_czmq: true,
        parse: |_| Ok(Command::Status),
    },
    Syntax {
        name: "UNPUBLISH",
        arguments: "key",
        reply: "",
        meaning: "Forget a tuple on this node alone.",
        in_czmq: true,
        parse: |frames| Ok(Command::Unpublish(frames.key(1)?)),
    },
    Syntax {
        name: "RETRACT",
        arguments: "key",
        reply: "",
        meaning: "Remove a tuple from the whole network.",
        in_czmq: false,
        parse: |frames| Ok(Command::Retract(frames.key(1)?)),
    },
    Syntax {
        name: "ANNOUNCE",
        arguments: "key value [ttl]",
        reply: "",
        meaning: "Give a key a value that lives as long as this node; it is missed within ttl milliseconds, or 10 s.",
        in_czmq: false,
        parse: |frames| {
            Ok(Command::Announce {
                key: frames.bytes(1, "key")?,
                value: frames.bytes(2, "value")?,
                ttl: frames.ttl(3)?,
            })
        },
    },
    Syntax {
        name: "ORIGIN",
        arguments: "key",
        reply: "ORIGIN key [writer name endpoint written ttl]",
        meaning: "Read who wrote a key's tuple, and when: nothing behind the key if it has no value.",
        in_czmq: false,
        parse: |frames| Ok(Command::Origin(frames.key(1)?)),
    },
    Syntax {
        name: "KEYS",
        arguments: "",
        reply: "KEYS [key ...]",
        meaning: "List all keys.",
        in_czmq: false,
        parse: |_| Ok(Command::Keys),
    },
    Syntax {
        name: "STATS",
        arguments: "",
        reply: "STATS [name value ...]",
        meaning: "Read the statistics.",
        in_czmq: false,
        parse: |_| Ok(Command::Stats),
    },
    Syntax {
        name: "PEERS",
        arguments: "",
        reply: "PEERS [peer ...]",
        meaning: "List the peers: a frame each, with its endpoint and words of the form name=value.",
        in_czmq: false,
        parse: |_| Ok(Command::Peers),
    },
    Syntax {
        name: "WATCH",
        arguments: "prefix",
        reply: "",
        meaning: "Deliver only keys with a prefix that is watched; those held at once, then SYNCED.",
        in_czmq: false,
        parse: |frames| Ok(Command::Watch(frames.string(1, "prefix")?)),
    },
    Syntax {
        name: "UNWATCH",
        arguments: "prefix",
        reply: "",
        meaning: "Take a WATCH back; after the last one no key is delivered.",
        in_czmq: false,
        parse: |frames| Ok(Command::Unwatch(frames.string(1, "prefix")?)),
    },
    Syntax {
        name: "MEMBERS",
        arguments: "",
        reply: "MEMBERS [member ...]",
        meaning: "List the members: a frame each, with its id and words of the form name=value.",
        in_czmq: false,
        parse: |_| Ok(Command::Members),
    },
    Syntax {
        name: "STORE SYNC",
        arguments: "",
        reply: "STORE SYNC number",
        meaning: "Wait until the file of server/store has what the node holds: 0; -1 without such a file.",
        in_czmq: false,
        parse: |_| Ok(Command::StoreSync),
    },
    Syntax {
        name: "BIND",
        arguments: "endpoint",
        reply: "",
        meaning: "Accept peers at an endpoint.",
        in_czmq: true,
        parse: |frames| Ok(Command::Bind(frames.text(1, "endpoint")?)),
    },
    Syntax {
        name: "PORT",
        arguments: "",
        reply: "PORT number",
        meaning: "Read the last TCP port bound: 0 before any, -1 after a BIND that failed.",
        in_czmq: true,
        parse: |_| Ok(Command::Port),
    },
    Syntax {
        name: "ENDPOINT",
        arguments: "",
        reply: "ENDPOINT [endpoint]",
        meaning: "Read the last endpoint bound, as peers reach it: none before any, nor after a BIND that failed.",
        in_czmq: false,
        parse: |_| Ok(Command::Endpoint),
    },
    Syntax {
        name: "CONNECT",
        arguments: "endpoint [server-key]",
        reply: "",
        meaning: "Connect to a peer, by CURVE if its public key is given, by PLAIN if username and password are set.",
        in_czmq: true,
        parse: |frames| {
            Ok(Command::Connect {
                endpoint: frames.text(1, "endpoint")?,
                // An empty key is an invalid key, and no wish for clear text.
                server_key: match frames.bytes(2, "server key") {
                    Ok(_) => Some(frames.string(2, "server key")?),
                    Err(_) => None,
                },
            })
        },
    },
    Syntax {
        name: "LOAD",
        arguments: "file",
        reply: "",
        meaning: "Replace the configuration by that of a file, which is watched from then on.",
        in_czmq: true,
        parse: |frames| Ok(Command::Load(frames.text(1, "file name")?)),
    },
    Syntax {
        name: "CONFIGURE",
        arguments: "file",
        reply: "",
        meaning: "The same as LOAD.",
        in_czmq: true,
        parse: |frames| Ok(Command::Load(frames.text(1, "file name")?)),
    },
    Syntax {
        name: "SET",
        arguments: "path value",
        reply: "",
        meaning: "Change one item of the configuration.",
        in_czmq: true,
        parse: |frames| Ok(Command::Set { path: frames.text(1, "path")?, value: frames.string(2, "value")? }),
    },
    Syntax {
        name: "SAVE",
        arguments: "file",
        reply: "",
        meaning: "Write the configuration to a file.",
        in_czmq: true,
        parse: |frames| Ok(Command::Save(frames.text(1, "file name")?)),
    },
    Syntax {
        name: "RECORD",
        arguments: "[file]",
        reply: "",
        meaning: "Record the node's inputs in a file; without a file, end the recording.",
        in_czmq: false,
        parse: |frames| {
            Ok(Command::Record(match frames.string(1, "file name") {
                Err(Reason::Missing(_)) => b"",
                name => name?,
            }))
        },
    },
    Syntax {
        name: "SET PUBLICKEY",
        arguments: "key",
        reply: "",
        meaning: "Set the CURVE public key (Z85) for later BINDs and CONNECTs.",
        in_czmq: true,
        parse: |frames| Ok(Command::SetPublicKey(frames.string(1, "key")?)),
    },
    Syntax {
        name: "SET SECRETKEY",
        arguments: "key",
        reply: "",
        meaning: "Set the CURVE secret key (Z85) for later BINDs and CONNECTs.",
        in_czmq: true,
        parse: |frames| Ok(Command::SetSecretKey(frames.string(1, "key")?)),
    },
    Syntax {
        name: "SET USERNAME",
        arguments: "name",
        reply: "",
        meaning: "Set the PLAIN username for later CONNECTs; empty for none.",
        in_czmq: false,
        parse: |frames| Ok(Command::SetUsername(frames.string(1, "name")?)),
    },
    Syntax {
        name: "SET PASSWORD",
        arguments: "password",
        reply: "",
        meaning: "Set the PLAIN password for later CONNECTs; empty for none.",
        in_czmq: false,
        parse: |frames| Ok(Command::SetPassword(frames.string(1, "password")?)),
    },
    Syntax {
        name: "ZAP DOMAIN",
        arguments: "domain",
        reply: "",
        meaning: "Set the ZAP domain for later BINDs and CONNECTs.",
        in_czmq: true,
        parse: |frames| Ok(Command::ZapDomain(frames.string(1, "domain")?)),
    },
    Syntax {
        name: "VERBOSE",
        arguments: "",
        reply: "",
        meaning: "Log commands and activity.",
        in_czmq: true,
        parse: |_| Ok(Command::Verbose),
    },
    Syntax {
        name: "$TERM",
        arguments: "",
        reply: "",
        meaning: "End the node.",
        in_czmq: true,
        parse: |_| Ok(Command::Term),
    },
];

/// The most frames that each of [`COMMANDS`] has. `$TERM` may have any number: whatever is amiss, the node is to end.
const LIMITS: [usize; COMMANDS.len()] = {
    let mut limits = [0; COMMANDS.len()];
    let mut index = 0;
    while index < limits.len() {
        let Syntax { name, arguments, .. } = COMMANDS[index];
        limits[index] = if name.as_bytes()[0] == b'$' { usize::MAX } else { 1 + words(arguments.as_bytes()) };
        index += 1;
    }
    limits
};

/// The number of words in a text with one space between them.
const fn words(text: &[u8]) -> usize {
    let (mut spaces, mut index) = (0, 0);
    while index < text.len() {
        if text[index] == b' ' {
            spaces += 1;
        }
        index += 1;
    }
    if text.is_empty() { 0 } else { spaces + 1 }
}

/// Reads a command from its frames. A zero byte that ends a frame (some bindings send the NUL of their strings along) is
/// not part of it; a zero byte elsewhere makes the command invalid.
pub fn parse<'a>(frames: &[&'a [u8]]) -> Result<Command<'a>, Refused> {
    let name = frame(frames, 0).unwrap_or_default();
    let refused = |reason| Refused { command: shown_name(name).to_vec(), reason };
    let index = index_of(name).ok_or_else(|| refused(Reason::Unknown))?;
    if frames.len() > LIMITS[index] {
        return Err(refused(Reason::Excess(COMMANDS[index].arguments)));
    }
    (COMMANDS[index].parse)(Frames(frames)).map_err(refused)
}

/// Why the frames are no command that any node could carry out, if they are none.
pub fn malformed(frames: &[&[u8]]) -> Option<Refused> {
    match parse(frames) {
        Err(refused) => Some(refused),
        // The node checks it, together with the value.
        Ok(Command::Publish { key, .. }) => {
            let refused = |why| Refused {
                command: b"PUBLISH".to_vec(),
                reason: Reason::Invalid { argument: "key", why },
            };
            check_key(key).err().map(|invalid| refused(invalid.text()))
        }
        Ok(_) => None,
    }
}

fn index_of(name: &[u8]) -> Option<usize> {
    COMMANDS.iter().position(|syntax| syntax.name.as_bytes() == name)
}

/// The frames of a command of CZMQ's without those behind its arguments, which CZMQ ignores; `None` if there are none, or
/// the command is not CZMQ's.
pub fn read_by_czmq<'f, 'a>(frames: &'f [&'a [u8]]) -> Option<&'f [&'a [u8]]> {
    let index = index_of(frame(frames, 0)?).filter(|&index| COMMANDS[index].in_czmq)?;
    (frames.len() > LIMITS[index]).then(|| &frames[..LIMITS[index]])
}

/// Words that a secret follows. A program that puts all in one frame by mistake sends the secret with the command's name,
/// in whatever case and with whatever stands between them. Longer ones stand before those that they begin with.
const SECRETS: [&[u8]; 7] =
    [b"secretkey", b"secret-key", b"secret_key", b"secret key", b"secret", b"password", b"passphrase"];

/// The part of a command's name that may be shown: all of it, but not a secret behind it in the same frame.
pub fn shown_name(name: &[u8]) -> &[u8] {
    &name[..secret_at(name).unwrap_or(name.len())]
}

/// The place in a command's name where a secret may begin.
fn secret_at(name: &[u8]) -> Option<usize> {
    (0..name.len()).find_map(|start| {
        let begins = |word: &&[u8]| {
            name[start..].get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
        };
        SECRETS.iter().find(|word| begins(word)).map(|word| start + word.len())
    })
}

/// Returns whether these frames carry a secret, so that no copy of them may stay in memory.
pub fn is_secret(frames: &[&[u8]]) -> bool {
    match frame(frames, 0) {
        Some(b"SET") => frame(frames, 1).is_some_and(is_password),
        // Asked of every command: most have one of the short names of the table.
        Some(name) if name.len() > b"PUBLISH".len() => secret_at(name).is_some(),
        _ => false,
    }
}

/// Returns whether these frames end the node.
pub fn is_term(frames: &[&[u8]]) -> bool {
    frame(frames, 0) == Some(b"$TERM")
}

/// The frames of a command; each argument is found by its index, from 1.
struct Frames<'f, 'a>(&'f [&'a [u8]]);

impl<'a> Frames<'_, 'a> {
    /// An argument of any bytes.
    fn bytes(&self, index: usize, argument: &'static str) -> Result<&'a [u8], Reason> {
        frame(self.0, index).ok_or(Reason::Missing(argument))
    }

    /// An argument without a zero byte.
    fn string(&self, index: usize, argument: &'static str) -> Result<&'a [u8], Reason> {
        let bytes = self.bytes(index, argument)?;
        if bytes.contains(&0) {
            return Err(Reason::Invalid { argument, why: "holds a NUL byte" });
        }
        Ok(bytes)
    }

    /// An argument of at least one byte, none of them zero.
    fn text(&self, index: usize, argument: &'static str) -> Result<&'a [u8], Reason> {
        let bytes = self.string(index, argument)?;
        if bytes.is_empty() {
            return Err(Reason::Invalid { argument, why: "is empty" });
        }
        Ok(bytes)
    }

    /// An argument that can be a key.
    fn key(&self, index: usize) -> Result<&'a [u8], Reason> {
        let key = self.bytes(index, "key")?;
        check_key(key).map_err(|invalid| Reason::Invalid { argument: "key", why: invalid.text() })?;
        Ok(key)
    }

    /// An optional argument that is a number of milliseconds; 0 without it.
    fn ttl(&self, index: usize) -> Result<u32, Reason> {
        let Some(text) = frame(self.0, index) else { return Ok(0) };
        let invalid = Reason::Invalid { argument: "ttl", why: "is not a number of milliseconds" };
        if !text.iter().all(u8::is_ascii_digit) {
            return Err(invalid);
        }
        std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(invalid)
    }
}

/// The frame at `index` without the zero byte that may end it.
fn frame<'a>(frames: &[&'a [u8]], index: usize) -> Option<&'a [u8]> {
    let frame = *frames.get(index)?;
    Some(frame.strip_suffix(&[0]).unwrap_or(frame))
}

#[cfg(test)]
mod tests;
