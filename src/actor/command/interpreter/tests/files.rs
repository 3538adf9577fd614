//! Configuration files: what they say is done, what is wrong with them is said, and what they no longer say is undone.

use super::*;
use crate::actor::command::Waits;
use crate::warning::Kind;

#[test]
fn loading_replaces_what_was_set() {
    let mut bench = Bench::new();
    bench.tell(&["SET", "server/max_value", "3"]);
    bench.tell(&["SET", "server/events", "1"]);
    let name =
        bench.file("a.cfg", "zgossip\n    echo = hello\n    bind\n        endpoint = tcp://127.0.0.1:*\n");
    bench.tell(&["LOAD", &name]);
    assert_eq!(bench.logged(), ["N: bench: hello"]);
    assert_ne!(bench.tell(&["PORT"]), ["PORT 0"]);
    assert_eq!(bench.tell(&["PUBLISH", "", "x"]), [""; 0], "events are off again");
    assert_eq!(bench.tell(&["PUBLISH", "a", "1234"]), ["DELIVER a 1234"]);
}

#[test]
fn a_missing_or_broken_file_changes_nothing() {
    let mut bench = Bench::new();
    bench.tell(&["SET", "server/max_value", "3"]);
    let broken = bench.file("broken.cfg", "server\n   timeout = 1\n");
    bench.tell(&["LOAD", &broken]);
    bench.tell(&["CONFIGURE", "/nonexistent"]);
    let logged = bench.logged();
    assert_eq!(
        logged[0],
        format!("W: bench: cannot load config file '{broken}' (line 2: indent 4 spaces at once)")
    );
    assert!(logged[1].starts_with("W: bench: cannot load config file '/nonexistent' ("), "{logged:?}");
    assert_eq!(bench.tell(&["PUBLISH", "a", "1234"]), [""; 0]);
    assert_eq!(bench.interpreter.poll_timeout(), None, "no file is watched");
}

#[test]
fn what_is_saved_can_be_loaded() {
    let mut bench = Bench::new();
    let name = bench.directory.join("saved.cfg").to_str().unwrap().to_owned();
    bench.tell(&["SET", "server/max_value", "3"]);
    bench.tell(&["SET", "my/own", "it's \"quoted"]);
    bench.tell(&["SET", "my/other", "\"quoted\""]);
    bench.tell(&["SAVE", &name]);
    let saved = bench.interpreter.tree.clone();
    let mut other = Bench::new();
    other.tell(&["LOAD", &name]);
    assert_eq!(other.interpreter.tree, saved);
    assert_eq!(other.tell(&["PUBLISH", "a", "1234"]), [""; 0]);
    bench.tell(&["SAVE", "/nonexistent/file"]);
    let logged = bench.logged();
    assert!(logged.last().unwrap().starts_with("W: bench: cannot save config file '/nonexistent/file' ("));
}

#[test]
fn a_changed_file_is_read_again_and_bound_endpoints_stay() {
    let mut bench = Bench::new();
    let text = "zgossip\n    bind\n        endpoint = tcp://127.0.0.1:*\n";
    let name = bench.file("watched.cfg", text);
    bench.tell(&["LOAD", &name]);
    let port = bench.tell(&["PORT"]);
    bench.wait(1_000);
    assert_eq!(bench.logged(), [""; 0]);
    bench.file("watched.cfg", &format!("{text}    echo = changed\nserver\n    max_value = 1\n"));
    bench.wait(1_000);
    assert_eq!(
        bench.logged(),
        ["N: bench: changed".to_owned(), format!("N: bench: reloaded configuration from {name}")]
    );
    assert_eq!(bench.tell(&["PORT"]), port);
    assert_eq!(bench.tell(&["PUBLISH", "a", "12"]), [""; 0]);
    bench.logged();
    bench.file("watched.cfg", "broken = \"");
    bench.wait(1_000);
    bench.wait(1_000);
    assert_eq!(bench.logged().len(), 1, "said once");
    assert_eq!(bench.tell(&["PUBLISH", "a", "12"]), [""; 0]);
    bench.logged();
    bench.tell(&["SAVE", &name]);
    bench.wait(1_000);
    assert_eq!(bench.logged(), [""; 0], "what was saved is not loaded again");
}

#[test]
fn unusable_security_binds_nothing() {
    let mut bench = Bench::new();
    let text = "zgossip\n    bind\n        endpoint = tcp://127.0.0.1:*\n    security\n        mechanism = curve\n\
                    \x20       secret-key = /nonexistent\n";
    let name = bench.file("secure.cfg", text);
    bench.tell(&["LOAD", &name]);
    bench.tell(&["BIND", "tcp://127.0.0.1:*"]);
    bench.tell(&["CONNECT", "tcp://127.0.0.1:5670"]);
    let logged = bench.logged();
    assert_eq!(logged.len(), 4, "{logged:?}");
    let reason = format!("W: bench: {name}:5: cannot load certificate '/nonexistent'");
    assert!(logged[0].starts_with(&reason), "{logged:?}");
    let reason = format!("W: bench: {name}:2: could not bind to tcp://127.0.0.1:* (cannot load");
    assert!(logged[1].starts_with(&reason), "{logged:?}");
    assert!(logged[2].starts_with("W: bench: could not bind to"), "{logged:?}");
    assert!(logged[3].starts_with("W: bench: bad zgossip endpoint"), "{logged:?}");
    assert_eq!(bench.tell(&["PORT"]), ["PORT -1"]);
    bench.tell(&["SET", "zgossip/security/mechanism", "null"]);
    bench.tell(&["BIND", "tcp://127.0.0.1:*"]);
    let unused = format!("W: bench: {}", Kind::UnusedKey.line(&[]));
    assert_eq!(bench.logged(), ["N: bench: server is using NULL security", &unused]);
    assert_ne!(bench.tell(&["PORT"]), ["PORT -1"]);
}

#[test]
fn a_secret_certificate_that_others_can_read_is_used_and_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    if !crate::engine::raw::curve::available() {
        return;
    }
    let mut bench = Bench::new();
    let name = bench.directory.join("hub").to_str().expect("UTF-8").to_owned();
    crate::actor::auth::Cert::generate().expect("keys").save(name.as_bytes(), "now").expect("a file");
    let secret = format!("{name}_secret");
    for (mode, warns) in [(0o644, true), (0o600, false)] {
        fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).expect("an own file");
        bench.tell(&["SET", "zgossip/security/mechanism", "curve"]);
        bench.tell(&["SET", "zgossip/security/secret-key", &name]);
        bench.tell(&["BIND", "tcp://127.0.0.1:*"]);
        let values = [("file", secret.clone()), ("mode", format!("{mode:04o}"))];
        let mut expected = vec!["N: bench: server is using CURVE security".to_owned()];
        if warns {
            expected.insert(0, format!("W: bench: {}", Kind::ExposedKey.line(&values)));
        }
        assert_eq!(bench.logged(), expected);
        assert_ne!(bench.tell(&["PORT"]), ["PORT -1"]);
    }
}

const USING_CURVE: &str = "N: bench: server is using CURVE security";

#[test]
fn keys_that_change_under_their_name_are_taken_and_half_a_file_changes_nothing() {
    if !crate::engine::raw::curve::available() {
        return;
    }
    let mut bench = Bench::new();
    let name = bench.directory.join("hub").to_str().expect("UTF-8").to_owned();
    let socket = bench.directory.join("socket").to_str().expect("UTF-8").to_owned();
    let [first, second] = [(); 2].map(|()| crate::actor::auth::Cert::generate().expect("keys"));
    first.save(name.as_bytes(), "now").expect("a file");
    let file = bench.file(
        "hub.cfg",
        &format!(
            "zgossip\n    bind\n        endpoint = ipc://{socket}\n    security\n        mechanism = curve\n        \
             secret-key = {name}\n"
        ),
    );
    bench.tell(&["LOAD", &file]);
    assert_eq!(bench.logged(), [USING_CURVE]);
    let public =
        |bench: &Bench| bench.interpreter.certificate.as_ref().and_then(|certificate| certificate.public());

    // It is being written.
    let secret = format!("{name}_secret");
    let text = fs::read_to_string(&secret).expect("a file");
    for part in [text.len() / 2, text.len() / 2 + 1] {
        fs::write(&secret, &text[..part]).expect("a file");
        bench.wait(WATCH_INTERVAL);
        assert_eq!(bench.logged(), [""; 0], "it changes yet");
    }
    bench.wait(WATCH_INTERVAL);
    let [warning] = &bench.logged()[..] else { panic!("said once") };
    assert!(
        warning.starts_with("W: bench: cannot load certificate")
            && warning.ends_with("; the former keys stay")
    );
    bench.tell(&["LOAD", &file]);
    assert_eq!(bench.logged(), [&**warning], "to load the configuration again changes nothing either");
    assert_eq!(bench.tell(&["ENDPOINT"]), [format!("ENDPOINT ipc://{socket}")]);
    assert_eq!(public(&bench), Some(*first.public()));

    second.save(name.as_bytes(), "later").expect("a file");
    bench.wait(1_000);
    let taken = [
        USING_CURVE.to_owned(),
        format!("N: bench: the keys of certificate {name} have changed, and are taken"),
        format!("N: bench: no longer bound to ipc://{socket}, for {name} has changed"),
    ];
    assert_eq!(bench.logged(), taken);
    assert_eq!(public(&bench), Some(*second.public()));
    assert_eq!(bench.tell(&["ENDPOINT"]), [format!("ENDPOINT ipc://{socket}")]);
}

#[test]
fn a_file_says_where_it_is_wrong_and_the_rest_of_it_counts() {
    let mut bench = Bench::new();
    let text = "# hub\n\t# indented by a tab\nserver\n    timeout = abc\n    timeuot = 5\n    events = 1\n";
    let file = bench.file("wrong.cfg", &format!("\u{feff}{text}"));
    let said = bench.tell(&["LOAD", &file]);
    let faults = [
        format!("{file}:4: server/timeout = 'abc' is not a number of ms from 0 to 1000000000000000"),
        format!("{file}:5: 'server/timeuot' is not a known setting; did you mean 'server/timeout'?"),
    ];
    assert_eq!(bench.logged(), faults.clone().map(|fault| format!("W: bench: {fault}")));
    assert_eq!(said, [""; 0], "events were not asked for yet");
    assert_eq!(bench.tell(&["LOAD", &file]), faults.map(|fault| format!("ERROR LOAD {fault}")));
}

#[test]
fn a_file_connects_once() {
    let mut bench = Bench::new();
    let endpoint = "tcp://127.0.0.1:9";
    let file = bench.file("connect.cfg", &format!("zgossip\n    connect\n        endpoint = {endpoint}\n"));
    bench.tell(&["LOAD", &file]);
    bench.tell(&["LOAD", &file]);
    assert!(bench.engine.disconnect(endpoint.as_bytes()).is_ok(), "it is connected to");
    assert!(bench.engine.disconnect(endpoint.as_bytes()).is_err(), "once");
}

#[test]
fn what_a_file_asks_for_and_cannot_be_done_is_said_with_its_line() {
    let mut bench = Bench::new();
    bench.tell(&["BIND", "tcp://127.0.0.1:*"]);
    let port = bench.tell(&["PORT"])[0].replace("PORT ", "");
    let text = format!(
        "server\n    events = 1\nzgossip\n    bind\n        endpoint = tcp://127.0.0.1:{port}\n    publish\n\
         \x20       key = k\n        ttl = soon\n    publish\n        key = a\n        value = 1\n"
    );
    let file = bench.file("taken.cfg", &text);
    let said = bench.tell(&["LOAD", &file]);
    let faults = [
        format!("{file}:4: could not bind to tcp://127.0.0.1:{port} (Address already in use)"),
        format!("{file}:6: ttl = 'soon' is not a number of ms from 0 to 4294967295"),
    ];
    assert_eq!(bench.logged(), faults.clone().map(|fault| format!("W: bench: {fault}")));
    let errors = faults.map(|fault| format!("ERROR LOAD {fault}"));
    assert_eq!(said, [errors.as_slice(), &["DELIVER a 1".to_owned()]].concat());
}

#[test]
fn what_the_same_file_no_longer_names_is_undone() {
    let mut bench = Bench::new();
    bench.tell(&["BIND", "tcp://127.0.0.1:*"]);
    let by_command = bench.tell(&["ENDPOINT"]);
    let path = bench.directory.join("s").to_str().unwrap().to_owned();
    let text = format!(
        "zgossip\n    bind\n        endpoint = ipc://{path}\n    connect\n        endpoint = tcp://127.0.0.1:9\n\
         \x20   publish\n        key = a\n        value = 1\n    publish\n        key = b\n        value = 1\n"
    );
    let name = bench.file("first.cfg", &text);
    assert_eq!(bench.tell(&["LOAD", &name]), ["DELIVER a 1", "DELIVER b 1"]);
    assert_eq!(bench.tell(&["ENDPOINT"]), [format!("ENDPOINT ipc://{path}")]);
    bench.tell(&["PUBLISH", "b", "of another"]);
    bench.file("first.cfg", "zgossip\n    publish\n        key = c\n        value = 1\n");
    bench.wait(1_000);
    let expected = [
        format!("N: bench: no longer bound to ipc://{path}, for {name} has changed"),
        format!("N: bench: no longer connected to tcp://127.0.0.1:9, for {name} has changed"),
        format!("N: bench: reloaded configuration from {name}"),
    ];
    assert_eq!(bench.logged(), expected);
    assert_eq!(bench.tell(&["GET", "a"]).last().unwrap(), "VALUE a");
    assert_eq!(bench.tell(&["GET", "b"]), ["VALUE b of another"]);
    assert_eq!(bench.tell(&["GET", "c"]), ["VALUE c 1"]);
    assert_eq!(bench.tell(&["ENDPOINT"]), by_command);
    assert!(bench.engine.disconnect(b"tcp://127.0.0.1:9").is_err());
    assert_eq!(bench.tell(&["PUBLISH", "c", "2"]), ["DELIVER c 2"]);
    bench.tell(&["LOAD", &name]);
    assert_eq!(bench.tell(&["GET", "c"]), ["VALUE c 2"], "it is not published again");
    // Another file takes over nothing, as in CZMQ.
    bench.file("first.cfg", &text);
    bench.tell(&["LOAD", &name]);
    let other = bench.file("other.cfg", "server\n    timeout = 5\n");
    bench.tell(&["LOAD", &other]);
    bench.tell(&["LOAD", &other]);
    assert_eq!(bench.logged(), [""; 0]);
    assert_eq!(bench.tell(&["ENDPOINT"]), [format!("ENDPOINT ipc://{path}")]);
    assert!(bench.engine.disconnect(b"tcp://127.0.0.1:9").is_ok());
}

#[test]
fn a_file_that_changes_its_security_opens_its_endpoints_anew() {
    let mut bench = Bench::new();
    let path = bench.directory.join("s").to_str().unwrap().to_owned();
    let text = format!("zgossip\n    bind\n        endpoint = ipc://{path}\n");
    let name = bench.file("hub.cfg", &text);
    bench.tell(&["LOAD", &name]);
    bench.file("hub.cfg", &format!("{text}    security\n        mechanism = plain\n"));
    bench.wait(1_000);
    let anew = [
        format!("N: bench: no longer bound to ipc://{path}, for {name} has changed"),
        "N: bench: server is using PLAIN security".to_owned(),
        format!("N: bench: reloaded configuration from {name}"),
    ];
    assert_eq!(bench.logged(), anew);
    assert_eq!(bench.tell(&["ENDPOINT"]), [format!("ENDPOINT ipc://{path}")]);
    bench.file("hub.cfg", &format!("{text}    security\n        mechanism = gssapi\n"));
    bench.wait(1_000);
    assert_eq!(bench.logged().len(), 4, "closed, unusable, not bound, reloaded");
    assert_eq!(bench.tell(&["ENDPOINT"]), ["ENDPOINT"], "nothing is open in clear");
}

#[test]
fn keys_of_a_file_are_taken_back_with_it() {
    let mut bench = Bench::new();
    let cert = bench.directory.join("cert").to_str().unwrap().to_owned();
    crate::actor::auth::Cert::generate().unwrap().save(cert.as_bytes(), "now").unwrap();
    let secured = format!("zgossip\n    security\n        mechanism = curve\n        secret-key = {cert}\n");
    let name = bench.file("hub.cfg", &secured);
    bench.tell(&["LOAD", &name]);
    bench.tell(&["CONNECT", "tcp://127.0.0.1:9"]);
    let logged = bench.logged();
    let refused = "W: bench: bad zgossip endpoint 'tcp://127.0.0.1:9' (CURVE is asked for, and CONNECT gave no key of \
                   the server)";
    assert_eq!(logged, ["N: bench: server is using CURVE security", refused]);
    bench.file("hub.cfg", "zgossip\n    security\n        mechanism = null\n");
    bench.tell(&["LOAD", &name]);
    bench.tell(&["CONNECT", "tcp://127.0.0.1:9"]);
    assert_eq!(
        bench.logged(),
        ["N: bench: server is using NULL security"],
        "no keys are set, and none missing"
    );
}

#[test]
fn half_a_file_that_is_loaded_again_changes_nothing() {
    let mut bench = Bench::new();
    let socket = bench.directory.join("s").to_str().expect("UTF-8").to_owned();
    let parts = [
        &format!(
            "zgossip\n    bind\n        endpoint = ipc://{socket}\n    publish\n        key = a\n        value = 1\n"
        ),
        "    security\n        mechanism = plain\n        domain = d\n",
        "    rights\n        subject = \"*\"\n        allow = write\n",
        "    rights\n        subject = \"*\"\n        prefix = a/\n        allow = none\n",
    ];
    let name = bench.file("hub.cfg", &parts.concat());
    bench.tell(&["LOAD", &name]);
    bench.logged();
    let text = parts.concat();
    let ends = text.match_indices('\n').map(|(at, _)| at).chain([text.len() - 3]);
    for end in ends.filter(|&end| end + 1 < text.len()) {
        for text in [&text[..end], &text[..=end]] {
            bench.file("hub.cfg", text);
            bench.wait(1_000);
            let said = bench.logged();
            assert!(said.len() == 1 && said[0].starts_with("W: bench: "), "{text}: {said:?}");
            bench.tell(&["LOAD", &name]);
            assert_eq!(bench.logged(), said, "{text}");
            assert_eq!(load_strictly(&mut bench, &name).map_err(|(errno, _)| errno), Err(libc::EINVAL));
        }
        bench.logged();
    }
    bench.file("hub.cfg", "");
    bench.tell(&["LOAD", &name]);
    let refusal = format!(
        "W: bench: cannot load config file '{name}' (it may be half written, and what was loaded stays: it is empty)"
    );
    assert_eq!(bench.logged(), [refusal]);
    assert_eq!(bench.interpreter.tree.get(b"zgossip/security/mechanism"), Some(&b"plain"[..]));
    assert_eq!(bench.interpreter.file_rights.iter().count(), 2);
    assert_eq!(bench.tell(&["ENDPOINT"]), [format!("ENDPOINT ipc://{socket}")]);
    assert_eq!(bench.tell(&["GET", "a"]).last().map(String::as_str), Some("VALUE a 1"));
    // What is to be open is said.
    let open = "    security\n        mechanism = null\n        domain =\n    rights\n        subject = \"*\"\n        \
                allow = write\n    rights\n        subject = \"*\"\n        prefix = a/\n        allow = write\n";
    bench.file("hub.cfg", &format!("{}{open}", parts[0]));
    bench.wait(1_000);
    assert_eq!(bench.logged().last(), Some(&format!("N: bench: reloaded configuration from {name}")));
    assert_eq!(bench.interpreter.tree.get(b"zgossip/security/mechanism"), Some(&b"null"[..]));
}

#[test]
fn security_and_rules_stay_when_a_file_says_nothing_of_them_however_often_it_is_loaded() {
    let mut bench = Bench::new();
    let first = "zgossip\n    security\n        mechanism = plain\n    rights\n        subject = w\n        allow = write\n";
    let first = bench.file("first.cfg", first);
    let other = bench.file("other.cfg", "server\n    timeout = 5\n");
    for name in [&first, &other, &other] {
        bench.tell(&["LOAD", name]);
    }
    bench.file("other.cfg", "server\n    timeout = 50\n");
    bench.wait(1_000);
    let said = ["server is using PLAIN security"; 3].map(|text| format!("N: bench: {text}"));
    let reloaded = format!("N: bench: reloaded configuration from {other}");
    assert_eq!(bench.logged(), [&said[..], &[said[0].clone(), reloaded]].concat());
    assert_eq!(bench.interpreter.file_rights.iter().count(), 1);
    bench.tell(&["CONNECT", "tcp://127.0.0.1:9"]);
    let [refused] = &bench.logged()[..] else { panic!("a connection in clear") };
    assert!(refused.contains("password"), "{refused}");
}

#[test]
fn what_was_set_before_guards_the_endpoints_of_a_file_that_lost_its_own_security() {
    let mut bench = Bench::new();
    bench.tell(&["SET", "zgossip/security/mechanism", "plain"]);
    bench.tell(&["SET", "zgossip/security/require-handler", "1"]);
    let name = bench.file("hub.cfg", "zgossip\n    bind\n        endpoint = tcp://127.0.0.1:*\n    secur");
    bench.tell(&["LOAD", &name]);
    let logged = bench.logged();
    assert_eq!(logged[1..], ["N: bench: server is using PLAIN security"], "{logged:?}");
    assert_ne!(bench.tell(&["PORT"]), ["PORT 0"]);
    assert!(bench.engine.requires_handler());
    bench.tell(&["CONNECT", "tcp://127.0.0.1:9"]);
    let [refused] = &bench.logged()[..] else { panic!("a connection in clear") };
    assert!(refused.contains("password"), "{refused}");
}

/// What a typed call says that loads a file strictly.
fn load_strictly(bench: &mut Bench, name: &str) -> Result<Vec<String>, (i32, Vec<String>)> {
    let turn = Turn { engine: &mut bench.engine, now: bench.now, out: &mut bench.out };
    let mut waits = Waits::default();
    let loaded = NodeCalls::new(&mut bench.interpreter, turn, &mut waits).load_strictly(name.as_bytes());
    loaded.map_err(|(failure, problems)| (failure.errno, problems))
}

#[test]
fn a_file_with_a_fault_is_not_loaded_strictly() {
    let mut bench = Bench::new();
    bench.tell(&["SET", "server/max_value", "3"]);
    let text = "server\n    timeout = soon\nzgossip\n    bind\n        endpoint = x\n";
    let name = bench.file("strict.cfg", text);
    let expected = vec![
        format!("{name}:2: server/timeout = 'soon' is not a number of ms from 0 to 1000000000000000"),
        format!("{name}:4: cannot bind to x (endpoint has no transport (tcp://, ipc://, inproc://))"),
    ];
    assert_eq!(load_strictly(&mut bench, &name), Err((libc::EINVAL, expected)));
    assert_eq!(load_strictly(&mut bench, "/nonexistent"), Err((libc::ENOENT, Vec::new())));
    assert_eq!(bench.tell(&["PUBLISH", "k", "1234"]), [""; 0], "nothing has changed");
    let name = bench.file("strict.cfg", "zgossip\n    bind\n        endpoint = tcp://192.0.2.1:5670\n");
    let fault = format!("{name}:2: could not bind to tcp://192.0.2.1:5670 (Cannot assign requested address)");
    assert_eq!(load_strictly(&mut bench, &name), Ok(vec![fault]));
    assert_eq!(bench.tell(&["PUBLISH", "k", "1234"]), ["DELIVER k 1234"], "the rest is in force");
}
