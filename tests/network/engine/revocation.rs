//! Connections of clients that the ZAP handler would not admit any more are ended, and no others.

use std::fs;
use std::sync::Arc;

use common::Scratch;
use zgossip::actor::auth::{Cert, ZapServer};
use zgossip::engine::{EngineSettings, Mechanism, raw, raw::curve};
use zgossip::log::Stderr;

use super::admission::{context, expect_line, with_cert};
use super::harness::Node;

fn hub_in(context: raw::Context, ends_revoked: bool) -> Node {
    Node::with(context, EngineSettings { requires_handler: true, ends_revoked, ..EngineSettings::default() })
}

fn handler_in(context: raw::Context) -> ZapServer {
    ZapServer::new(context, Arc::new(Stderr)).expect("the only one")
}

/// A client with this certificate, connected to all hubs, whose key is `server`.
fn client(hubs: &[(&Node, u16)], cert: &Cert, server: &Cert, name: &str) -> Node {
    let node = Node::new();
    with_cert(&node, cert);
    node.publish(name, "1");
    for (hub, port) in hubs {
        let key = curve::encode(server.public());
        node.try_connect(&format!("tcp://127.0.0.1:{port}"), Some(&key)).expect("it is dialed");
        hub.expect(name, "1");
    }
    node
}

#[test]
fn a_certificate_that_is_taken_away_ends_connections_and_one_that_comes_back_makes_them() {
    if !curve::available() {
        return;
    }
    let (context, scratch) = (context(), Scratch::new());
    let handler = handler_in(context);
    handler.change(|policy| policy.curve(scratch.path("").as_bytes()));
    let [keys, one, two] = [(); 3].map(|()| Cert::generate().expect("keys"));
    let save =
        |cert: &Cert, name: &str| cert.save_public(scratch.path(name).as_bytes(), "now").expect("a file");
    save(&one, "one");
    save(&two, "two");
    let [strict, lax] = [true, false].map(|ends_revoked| {
        let hub = hub_in(context, ends_revoked);
        with_cert(&hub, &keys);
        let port = hub.listen();
        (hub, port)
    });
    let both = [(&strict.0, strict.1), (&lax.0, lax.1)];
    let taken = client(&both, &one, &keys, "taken");
    let kept = client(&both, &two, &keys, "kept");

    fs::remove_file(scratch.path("one")).expect("a file");
    expect_line(&strict.0, "its certificate was taken away");
    strict.0.expect_peers(1);
    // The other hub was told to let connections stand.
    lax.0.publish("stands", "1");
    taken.expect("stands", "1");
    lax.0.expect_peers(2);

    lax.0.call(|engine| engine.set_ends_revoked(true));
    expect_line(&lax.0, "its certificate was taken away");
    strict.0.publish("strict", "later");
    kept.expect("strict", "later");
    taken.expect_peers(0);

    save(&one, "one");
    taken.expect("strict", "later");
    for (hub, _) in [strict, lax] {
        hub.expect_peers(2);
        assert_eq!(hub.log.count("ended the connection of"), 1, "and once for each connection");
    }
}

#[test]
fn a_certificate_that_gets_another_name_has_its_client_come_again() {
    if !curve::available() {
        return;
    }
    let (context, scratch) = (context(), Scratch::new());
    let handler = handler_in(context);
    handler.change(|policy| policy.curve(scratch.path("").as_bytes()));
    let [keys, mut one, mut two] = [(); 3].map(|()| Cert::generate().expect("keys"));
    let save = |cert: &mut Cert, file: &str, name: &str| {
        cert.set_meta(b"name", Some(name.as_bytes()));
        cert.save_public(scratch.path(file).as_bytes(), "now").expect("a file");
    };
    save(&mut one, "one", "admin");
    save(&mut two, "two", "guest");
    let hub = hub_in(context, true);
    with_cert(&hub, &keys);
    let port = hub.listen();
    let [demoted, kept] =
        [(&one, "demoted"), (&two, "kept")].map(|(cert, name)| client(&[(&hub, port)], cert, &keys, name));

    // The rules for its former name must not hold for it.
    save(&mut one, "one", "guest");
    cert_with_other_notes(&mut two, &scratch.path("two"));
    expect_line(&hub, "its certificate has another name");
    hub.publish("later", "1");
    demoted.expect("later", "1");
    kept.expect("later", "1");
    hub.expect_peers(2);
    assert_eq!(hub.log.count("ended the connection of"), 1);
}

/// What else is in a certificate decides nothing.
fn cert_with_other_notes(cert: &mut Cert, file: &str) {
    cert.set_meta(b"phone", Some(b"7"));
    cert.save_public(file.as_bytes(), "later").expect("a file");
}

#[test]
fn an_address_that_is_denied_loses_its_connections_where_the_handler_was_asked() {
    let context = context();
    let handler = handler_in(context);
    let hub = hub_in(context, true);
    let open = hub.listen();
    hub.call(|engine| engine.set_zap_domain(b"test"));
    let asked = hub.listen();
    let connect = |name: &str, port: u16| {
        let node = Node::new();
        node.publish(name, "1");
        node.connect(&format!("tcp://127.0.0.1:{port}"));
        hub.expect(name, "1");
        node
    };
    let (free, denied) = (connect("free", open), connect("denied", asked));
    handler.change(|policy| policy.deny(b"127.0.0.1"));
    expect_line(&hub, "its address is denied");
    hub.publish("later", "1");
    free.expect("later", "1");
    assert!(!denied.wait_for(std::time::Duration::ZERO, |held, _| held.contains_key(&b"later"[..])));
    handler.change(|policy| policy.allow(b"127.0.0.1"));
    denied.expect("later", "1");
    assert_eq!(hub.log.count("ended the connection of"), 1);
}

#[test]
fn a_name_that_is_taken_out_of_the_password_file_is_cut_off() {
    let (context, scratch) = (context(), Scratch::new());
    let file = scratch.path("passwords");
    fs::write(&file, "one=1\ntwo=2\n").expect("a file");
    let handler = handler_in(context);
    handler.change(|policy| policy.plain(file.as_bytes())).expect("it can be read");
    let hub = hub_in(context, true);
    hub.call(|engine| engine.set_mechanism(Mechanism::Plain));
    let port = hub.listen();
    let clients = [("one", "1"), ("two", "2")].map(|shown| with_password(&hub, port, shown));
    fs::write(&file, "# one left\ntwo=2\n").expect("a file");
    expect_line(&hub, "its name was taken out of the password file");
    hub.expect_peers(1);
    hub.publish("later", "1");
    clients[1].expect("later", "1");
    clients[0].expect_peers(0);
}

/// A client that shows this name and password.
fn with_password(hub: &Node, port: u16, (name, password): (&'static str, &'static str)) -> Node {
    let node = Node::new();
    node.call(move |engine| {
        engine.set_username(name.as_bytes());
        engine.set_password(password.as_bytes());
    });
    let key = format!("{name} with {password}");
    node.publish(&key, "1");
    node.connect(&format!("tcp://127.0.0.1:{port}"));
    hub.expect(&key, "1");
    node
}

#[test]
fn a_password_that_was_changed_cuts_off_who_showed_the_former_one_and_nobody_else() {
    let (context, scratch) = (context(), Scratch::new());
    let file = scratch.path("passwords");
    fs::write(&file, "one=old\ntwo=2\n").expect("a file");
    let handler = handler_in(context);
    handler.change(|policy| policy.plain(file.as_bytes())).expect("it can be read");
    let hub = hub_in(context, true);
    hub.call(|engine| engine.set_mechanism(Mechanism::Plain));
    let port = hub.listen();
    let [former, other] = [("one", "old"), ("two", "2")].map(|shown| with_password(&hub, port, shown));

    fs::write(&file, "one=newer\ntwo=2\n").expect("a file");
    // It has the same name as the one that is cut off.
    let newer = with_password(&hub, port, ("one", "newer"));
    expect_line(&hub, "its password was changed");
    former.expect_peers(0);
    hub.expect_peers(2);
    hub.publish("later", "1");
    newer.expect("later", "1");
    other.expect("later", "1");

    // The handler that comes next knows what they have shown.
    drop(handler);
    fs::write(&file, "one=newest\ntwo=2\n").expect("a file");
    let handler = handler_in(context);
    handler.change(|policy| policy.plain(file.as_bytes())).expect("it can be read");
    newer.expect_peers(0);
    hub.expect_peers(1);
    assert_eq!(hub.log.count("its password was changed"), 2);
    assert_eq!(hub.log.count("ended the connection of"), 2);
}
