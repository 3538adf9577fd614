use super::*;
use proptest::prelude::*;

fn refused(frames: &[&[u8]]) -> String {
    parse(frames).unwrap_err().to_string()
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
        (&[b"STATUS"], C::Status),
        (&[b"UNPUBLISH", b"\xff"], C::Unpublish(b"\xff")),
        (&[b"RETRACT", b"k"], C::Retract(b"k")),
        (&[b"SET PUBLICKEY", b"p"], C::SetPublicKey(b"p")),
        (&[b"SET SECRETKEY", b"s"], C::SetSecretKey(b"s")),
        (&[b"SET USERNAME", b"u"], C::SetUsername(b"u")),
        (&[b"SET PASSWORD", b""], C::SetPassword(b"")),
        (&[b"ENDPOINT"], C::Endpoint),
        (&[b"ZAP DOMAIN", b"d"], C::ZapDomain(b"d")),
        (&[b"ZAP DOMAIN", b""], C::ZapDomain(b"")),
        (&[b"GET", b"k"], C::Get(b"k")),
        (&[b"ORIGIN", b"k"], C::Origin(b"k")),
        (&[b"KEYS"], C::Keys),
        (&[b"STATS"], C::Stats),
        (&[b"PEERS"], C::Peers),
        (&[b"MEMBERS"], C::Members),
        (&[b"ANNOUNCE", b"k", b"v"], C::Announce { key: b"k", value: b"v", ttl: 0 }),
        (&[b"ANNOUNCE", b"k", b"v", b"7"], C::Announce { key: b"k", value: b"v", ttl: 7 }),
        (&[b"STORE SYNC"], C::StoreSync),
        (&[b"$TERM"], C::Term),
    ];
    for (frames, command) in cases {
        assert_eq!(parse(frames).as_ref(), Ok(command));
        let name = if frames[0] == b"CONFIGURE" { b"LOAD" } else { frames[0] };
        assert_eq!(command.name().as_bytes(), name);
    }
}

#[test]
fn frames_behind_the_arguments_are_refused_or_ignored_as_by_czmq() {
    for syntax in COMMANDS {
        let count = words(syntax.arguments.as_bytes());
        let mut frames = vec![syntax.name.as_bytes()];
        frames.extend((0..count).map(|_| &b"1"[..]));
        assert!(parse(&frames).is_ok(), "{}", syntax.name);
        assert_eq!(read_by_czmq(&frames), None);
        assert!(frames.len() < MAX_FRAMES, "one frame more is read");
        frames.push(b"1");
        if syntax.name == "$TERM" {
            assert_eq!(parse(&frames), Ok(Command::Term));
            continue;
        }
        let why = match syntax.arguments {
            "" => "too many frames, for it has no arguments".to_owned(),
            arguments => format!("too many frames, for its arguments are: {arguments}"),
        };
        assert_eq!(refused(&frames), format!("{} refused: {why}", syntax.name));
        let read = syntax.in_czmq.then(|| &frames[..=count]);
        assert_eq!(read_by_czmq(&frames), read, "{}", syntax.name);
    }
}

#[test]
fn a_terminating_zero_byte_is_not_part_of_a_frame() {
    let frames: &[&[u8]] = &[b"PUBLISH\0", b"k\0", b"v\0", b"1\0"];
    assert_eq!(parse(frames), Ok(Command::Publish { key: b"k", value: b"v", ttl: 1 }));
    assert_eq!(refused(&[b"LOAD", b"a\0b"]), "LOAD refused: file name holds a NUL byte");
    assert_eq!(refused(&[b"RECORD", b"a\0b"]), "RECORD refused: file name holds a NUL byte");
    assert_eq!(refused(&[b"GET", b"a\0\0"]), "GET refused: key holds a NUL byte");
}

#[test]
fn commands_with_a_secret_are_known() {
    for frames in [
        &[&b"SET SECRETKEY"[..], b"k"][..],
        &[b"SET PASSWORD\0", b"p"],
        &[b"SET", b"/zgossip/security/password", b"p"],
    ] {
        assert!(is_secret(frames), "{frames:?}");
    }
    assert!(!is_secret(&[b"SET", b"zgossip/security/username", b"u"]));
    assert!(!is_secret(&[b"SET PUBLICKEY", b"k"]));
}

#[test]
fn a_secret_in_the_frame_of_its_command_is_not_shown() {
    for frame in [
        &b"SET SECRETKEY swordfish"[..],
        b"SET PASSWORD swordfish",
        b"SET zgossip/security/password swordfish",
        b"SET /zgossip/security/password swordfish",
        b"set secretkey swordfish",
        b"SET\tSecretKey=swordfish",
        b"SECRET-KEY swordfish",
        b"zgossip_set_plain (node, password swordfish",
    ] {
        assert!(is_secret(&[frame]));
        let refused = parse(&[frame]).unwrap_err();
        assert!(refused.reason == Reason::Unknown && !refused.to_string().contains("swordfish"), "{refused}");
        assert!(frame.starts_with(shown_name(frame)) && !shown_name(frame).ends_with(b"swordfish"));
    }
    assert_eq!(shown_name(b"NONSENSE with words"), b"NONSENSE with words");
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
    for command in ["UNPUBLISH", "RETRACT", "GET", "ORIGIN"] {
        assert_eq!(refused(&[command.as_bytes()]), format!("{command} refused: key is missing"));
        assert_eq!(refused(&[command.as_bytes(), b""]), format!("{command} refused: key is empty"));
        let long = [b'k'; 256];
        let why = format!("{command} refused: key is longer than 255 bytes");
        assert_eq!(refused(&[command.as_bytes(), &long]), why);
        assert!(parse(&[command.as_bytes(), &long[1..]]).is_ok());
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
        if let Err(refused) = parse(&frames) {
            prop_assert_eq!(refused.command, name.as_bytes());
        }
    }
}
