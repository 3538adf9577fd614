//! The commands that a program can give, from string frames.
//!
//! Parsing borrows from the frames and allocates nothing. Frames beyond a command's arguments are ignored, as
//! CZMQ ignores them; missing ones, and arguments that cannot be, make a [`Refused`] which names the command and
//! says why.

use std::fmt;

use crate::core::Tuple;
use crate::log::show;

/// The most frames that a command reads; further ones need not be looked at.
pub const MAX_FRAMES: usize = 4;

/// A command and its arguments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Command<'a> {
    /// Log commands and activity.
    Verbose,
    /// Accept peers at an endpoint.
    Bind(&'a [u8]),
    /// Ask for the last TCP port bound.
    Port,
    /// Replace the configuration by a file's.
    Load(&'a [u8]),
    /// Change one item of the configuration.
    Set {
        /// Names from the root of the configuration, separated by slashes.
        path: &'a [u8],
        /// The item's new value.
        value: &'a [u8],
    },
    /// Write the configuration to a file.
    Save(&'a [u8]),
    /// Record what the node is told in a file; without a name: no longer.
    Record(&'a [u8]),
    /// Connect to a peer.
    Connect {
        /// Where it is bound.
        endpoint: &'a [u8],
        /// Its CURVE public key, where the connection is to be encrypted.
        server_key: Option<&'a [u8]>,
    },
    /// Publish a tuple.
    Publish {
        /// Its key. The core checks it, and the value.
        key: &'a [u8],
        /// Its value.
        value: &'a [u8],
        /// Milliseconds after which it expires; 0 for never.
        ttl: u32,
    },
    /// Ask how many tuples are held.
    Status,
    /// Forget a tuple, here alone.
    Unpublish(&'a [u8]),
    /// Withdraw a tuple from the network.
    Retract(&'a [u8]),
    /// Set the node's CURVE public key.
    SetPublicKey(&'a [u8]),
    /// Set the node's CURVE secret key.
    SetSecretKey(&'a [u8]),
    /// Set the domain that the ZAP handler is told.
    ZapDomain(&'a [u8]),
    /// Ask for a value.
    Get(&'a [u8]),
    /// Ask for all keys.
    Keys,
    /// Ask for the node's counters.
    Stats,
    /// End the node.
    Term,
}

/// Why a command was not carried out; nothing was changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// The command's name.
    pub command: Vec<u8>,
    /// The reason.
    pub reason: Reason,
}

/// What is wrong with a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// There is no such command.
    Unknown,
    /// An argument is missing.
    Missing(&'static str),
    /// An argument cannot be what it is.
    Invalid {
        /// The argument.
        argument: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Unknown => f.write_str("unknown command"),
            Reason::Missing(argument) => write!(f, "{argument} is missing"),
            Reason::Invalid { argument, why } => write!(f, "{argument} {why}"),
        }
    }
}

impl<'a> Command<'a> {
    /// Read a command from its frames. A zero byte that ends a frame (some bindings send their strings' ends
    /// along) is not part of it, and one inside a frame makes the command invalid.
    pub fn parse(frames: &[&'a [u8]]) -> Result<Command<'a>, Refused> {
        let name = frame(frames, 0).unwrap_or_default();
        Command::of(name, Arguments(frames)).map_err(|reason| Refused { command: name.to_vec(), reason })
    }

    fn of(name: &[u8], arguments: Arguments<'_, 'a>) -> Result<Command<'a>, Reason> {
        Ok(match name {
            b"PUBLISH" => Command::Publish {
                key: arguments.get(1, "key")?,
                value: arguments.get(2, "value")?,
                ttl: arguments.ttl(3)?,
            },
            b"GET" => Command::Get(arguments.key(1)?),
            b"STATUS" => Command::Status,
            b"UNPUBLISH" => Command::Unpublish(arguments.key(1)?),
            b"RETRACT" => Command::Retract(arguments.key(1)?),
            b"VERBOSE" => Command::Verbose,
            b"BIND" => Command::Bind(arguments.text(1, "endpoint")?),
            b"PORT" => Command::Port,
            b"LOAD" | b"CONFIGURE" => Command::Load(arguments.text(1, "file name")?),
            b"SET" => Command::Set { path: arguments.text(1, "path")?, value: arguments.string(2, "value")? },
            b"SAVE" => Command::Save(arguments.text(1, "file name")?),
            b"RECORD" => Command::Record(match arguments.string(1, "file name") {
                Err(Reason::Missing(_)) => b"",
                name => name?,
            }),
            b"CONNECT" => Command::Connect {
                endpoint: arguments.text(1, "endpoint")?,
                // An empty key is a key that is not valid: who gives one does not ask for clear text.
                server_key: match arguments.get(2, "server key") {
                    Ok(_) => Some(arguments.string(2, "server key")?),
                    Err(_) => None,
                },
            },
            b"SET PUBLICKEY" => Command::SetPublicKey(arguments.string(1, "key")?),
            b"SET SECRETKEY" => Command::SetSecretKey(arguments.string(1, "key")?),
            b"ZAP DOMAIN" => Command::ZapDomain(arguments.string(1, "domain")?),
            b"KEYS" => Command::Keys,
            b"STATS" => Command::Stats,
            b"$TERM" => Command::Term,
            _ => return Err(Reason::Unknown),
        })
    }

    /// Whether the owner waits for a reply to this command.
    pub fn asks(&self) -> bool {
        matches!(self, Command::Port | Command::Status | Command::Get(_) | Command::Keys | Command::Stats)
    }
}

/// Whether these frames carry a secret, so that no copy of them may stay in memory.
pub fn is_secret(frames: &[&[u8]]) -> bool {
    frame(frames, 0) == Some(b"SET SECRETKEY")
}

/// Whether these frames end the node.
pub fn is_term(frames: &[&[u8]]) -> bool {
    frame(frames, 0) == Some(b"$TERM")
}

struct Arguments<'f, 'a>(&'f [&'a [u8]]);

impl<'a> Arguments<'_, 'a> {
    /// Any bytes.
    fn get(&self, index: usize, argument: &'static str) -> Result<&'a [u8], Reason> {
        frame(self.0, index).ok_or(Reason::Missing(argument))
    }

    /// Bytes without a zero byte.
    fn string(&self, index: usize, argument: &'static str) -> Result<&'a [u8], Reason> {
        let bytes = self.get(index, argument)?;
        if bytes.contains(&0) {
            return Err(Reason::Invalid { argument, why: "holds a zero byte" });
        }
        Ok(bytes)
    }

    /// At least one byte, none of them zero.
    fn text(&self, index: usize, argument: &'static str) -> Result<&'a [u8], Reason> {
        let bytes = self.string(index, argument)?;
        if bytes.is_empty() {
            return Err(Reason::Invalid { argument, why: "is empty" });
        }
        Ok(bytes)
    }

    fn key(&self, index: usize) -> Result<&'a [u8], Reason> {
        let key = self.text(index, "key")?;
        if key.len() > Tuple::MAX_KEY {
            return Err(Reason::Invalid { argument: "key", why: "is longer than 255 bytes" });
        }
        Ok(key)
    }

    /// Milliseconds, 0 where there is no such argument.
    fn ttl(&self, index: usize) -> Result<u32, Reason> {
        let Some(text) = frame(self.0, index) else { return Ok(0) };
        let invalid = Reason::Invalid { argument: "ttl", why: "is not a number of milliseconds" };
        if !text.iter().all(u8::is_ascii_digit) {
            return Err(invalid);
        }
        std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(invalid)
    }
}

fn frame<'a>(frames: &[&'a [u8]], index: usize) -> Option<&'a [u8]> {
    let frame = *frames.get(index)?;
    Some(frame.strip_suffix(&[0]).unwrap_or(frame))
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Unknown => write!(f, "unknown zgossip method '{}'", show(&self.command)),
            _ => write!(f, "{} refused: {}", show(&self.command), self.reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(frames: &[&[u8]]) -> String {
        Command::parse(frames).unwrap_err().to_string()
    }

    #[test]
    fn commands_take_their_arguments() {
        use Command as C;
        let cases: &[(&[&[u8]], Command<'_>)] = &[
            (&[b"VERBOSE"], C::Verbose),
            (&[b"BIND", b"tcp://*:*"], C::Bind(b"tcp://*:*")),
            (&[b"PORT"], C::Port),
            (&[b"LOAD", b"a.cfg"], C::Load(b"a.cfg")),
            (&[b"CONFIGURE", b"a.cfg"], C::Load(b"a.cfg")),
            (&[b"SET", b"server/timeout", b"100"], C::Set { path: b"server/timeout", value: b"100" }),
            (&[b"SET", b"a", b""], C::Set { path: b"a", value: b"" }),
            (&[b"SAVE", b"b.cfg"], C::Save(b"b.cfg")),
            (&[b"RECORD", b"r"], C::Record(b"r")),
            (&[b"RECORD", b""], C::Record(b"")),
            (&[b"RECORD"], C::Record(b"")),
            (&[b"CONNECT", b"ipc://x"], C::Connect { endpoint: b"ipc://x", server_key: None }),
            (&[b"CONNECT", b"ipc://x", b"k"], C::Connect { endpoint: b"ipc://x", server_key: Some(b"k") }),
            (&[b"CONNECT", b"ipc://x", b""], C::Connect { endpoint: b"ipc://x", server_key: Some(b"") }),
            (&[b"PUBLISH", b"k", b"v"], C::Publish { key: b"k", value: b"v", ttl: 0 }),
            (&[b"PUBLISH", b"k", b""], C::Publish { key: b"k", value: b"", ttl: 0 }),
            (&[b"PUBLISH", b"k", b"v", b"2500"], C::Publish { key: b"k", value: b"v", ttl: 2500 }),
            (&[b"STATUS", b"more", b"than", b"needed"], C::Status),
            (&[b"UNPUBLISH", b"\xff"], C::Unpublish(b"\xff")),
            (&[b"RETRACT", b"k"], C::Retract(b"k")),
            (&[b"SET PUBLICKEY", b"p"], C::SetPublicKey(b"p")),
            (&[b"SET SECRETKEY", b"s"], C::SetSecretKey(b"s")),
            (&[b"ZAP DOMAIN", b"d"], C::ZapDomain(b"d")),
            (&[b"ZAP DOMAIN", b""], C::ZapDomain(b"")),
            (&[b"GET", b"k"], C::Get(b"k")),
            (&[b"KEYS"], C::Keys),
            (&[b"STATS"], C::Stats),
            (&[b"$TERM"], C::Term),
        ];
        for (frames, command) in cases {
            assert_eq!(Command::parse(frames).as_ref(), Ok(command));
        }
    }

    #[test]
    fn a_terminating_zero_byte_is_not_part_of_a_frame() {
        let frames: &[&[u8]] = &[b"PUBLISH\0", b"k\0", b"v\0", b"1\0"];
        assert_eq!(Command::parse(frames), Ok(Command::Publish { key: b"k", value: b"v", ttl: 1 }));
        assert_eq!(refused(&[b"LOAD", b"a\0b"]), "LOAD refused: file name holds a zero byte");
        assert_eq!(refused(&[b"RECORD", b"a\0b"]), "RECORD refused: file name holds a zero byte");
        assert_eq!(refused(&[b"GET", b"a\0\0"]), "GET refused: key holds a zero byte");
    }

    #[test]
    fn refusals_name_the_command_and_the_reason() {
        assert_eq!(refused(&[]), "unknown zgossip method ''");
        assert_eq!(refused(&[b"publish", b"k", b"v"]), "unknown zgossip method 'publish'");
        assert_eq!(refused(&[b"PUBLISH"]), "PUBLISH refused: key is missing");
        assert_eq!(refused(&[b"PUBLISH", b"k"]), "PUBLISH refused: value is missing");
        for command in ["BIND", "CONNECT"] {
            assert_eq!(refused(&[command.as_bytes()]), format!("{command} refused: endpoint is missing"));
            assert_eq!(refused(&[command.as_bytes(), b""]), format!("{command} refused: endpoint is empty"));
        }
        for command in ["LOAD", "CONFIGURE", "SAVE"] {
            assert_eq!(refused(&[command.as_bytes()]), format!("{command} refused: file name is missing"));
        }
        assert_eq!(refused(&[b"SET"]), "SET refused: path is missing");
        assert_eq!(refused(&[b"SET", b"a"]), "SET refused: value is missing");
        for command in ["UNPUBLISH", "RETRACT", "GET"] {
            assert_eq!(refused(&[command.as_bytes()]), format!("{command} refused: key is missing"));
            assert_eq!(refused(&[command.as_bytes(), b""]), format!("{command} refused: key is empty"));
            let long = [b'k'; 256];
            let why = format!("{command} refused: key is longer than 255 bytes");
            assert_eq!(refused(&[command.as_bytes(), &long]), why);
            assert!(Command::parse(&[command.as_bytes(), &long[1..]]).is_ok());
        }
        assert_eq!(refused(&[b"SET SECRETKEY"]), "SET SECRETKEY refused: key is missing");
        for ttl in ["-1", "+1", "1s", "4294967296", "", " 1"] {
            let why = "PUBLISH refused: ttl is not a number of milliseconds";
            assert_eq!(refused(&[b"PUBLISH", b"k", b"v", ttl.as_bytes()]), why, "{ttl:?}");
        }
    }

    proptest! {
        #[test]
        fn no_frames_break_the_parser(
            name in prop::sample::select(vec!["PUBLISH", "SET", "CONNECT", "GET", "$TERM", "", "X"]),
            arguments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6),
        ) {
            let mut frames = vec![name.as_bytes()];
            frames.extend(arguments.iter().map(Vec::as_slice));
            if let Err(refused) = Command::parse(&frames) {
                prop_assert_eq!(refused.command, name.as_bytes());
            }
        }
    }
}
