//! Self tests, in the form of CZMQ's.

// The tests repeat the example on CZMQ's manual page and go beyond it. They use sockets of plain libzmq in a context of
// their own: they need no CZMQ, and do not touch the program's nodes.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::abort;

use libc::c_int;

use super::entry::entry;
use super::error::Errno;
use super::msg::{
    ZGOSSIP_MSG_HELLO, ZGOSSIP_MSG_INVALID, ZGOSSIP_MSG_PING, ZGOSSIP_MSG_PONG, ZGOSSIP_MSG_PUBLISH,
    zgossip_msg_t,
};
use super::testbed::{Actor, Network, curve_keys};

/// Tests the node: prints " * zgossip: OK", or aborts the process.
///
/// It says on the standard error stream what failed, as the self tests of CZMQ
/// do. It takes about a second, opens TCP ports on 127.0.0.1, and writes a file
/// to the directory for temporary files.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_test(verbose: bool) {
    entry! {
        conduct("zgossip", verbose, || {
            a_server_answers_a_client(verbose);
            peers_tell_each_other(verbose);
            a_configuration_is_saved_and_loaded(verbose);
            keys_make_a_connection_private(verbose);
        });
        Ok(())
    }
}

/// Tests the message class: prints " * zgossip_msg: OK", or aborts the process.
///
/// It says on the standard error stream what failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_msg_test(verbose: bool) {
    entry! {
        conduct("zgossip_msg", verbose, || {
            messages_arrive_as_they_were_sent();
            what_is_no_message_changes_nothing();
        });
        Ok(())
    }
}

/// Runs the tests of a class, and prints what CZMQ prints.
fn conduct(class: &str, verbose: bool, tests: impl FnOnce()) {
    print(&format!(" * {class}: {}", if verbose { "\n" } else { "" }));
    // The panic has already printed what failed.
    if catch_unwind(AssertUnwindSafe(tests)).is_err() {
        abort();
    }
    print("OK\n");
}

/// Prints through the C library, as the calling program does, so that its lines and these stay in order.
fn print(text: &str) {
    let text = CString::new(text).unwrap_or_default();
    // SAFETY: the format takes one C string, and gets it; NULL flushes all streams.
    unsafe {
        libc::printf(c"%s".as_ptr(), text.as_ptr());
        libc::fflush(std::ptr::null_mut());
    }
}

fn a_server_answers_a_client(verbose: bool) {
    let network = Network::new();
    let server = Actor::start(&network, "server", verbose);
    server.say(&["BIND", "inproc://zgossip"]);

    let client = network.socket(zmq_sys::ZMQ_DEALER);
    client.connect("inproc://zgossip");
    let mut message = zgossip_msg_t::new();
    // The server answers HELLO with its tuples; it has none.
    message.set_id(ZGOSSIP_MSG_HELLO);
    message.send(client.get()).expect("HELLO goes out");
    message.set_id(ZGOSSIP_MSG_PING);
    message.send(client.get()).expect("PING goes out");
    message.recv(client.get()).expect("the server answers");
    assert_eq!(message.id(), ZGOSSIP_MSG_PONG);
}

fn peers_tell_each_other(verbose: bool) {
    let network = Network::new();
    let base = Actor::start(&network, "base", verbose);
    // A peer that is silent for longer than this must not be lost.
    base.say(&["SET", "server/timeout", "100"]);
    base.say(&["BIND", "inproc://base"]);

    let alpha = Actor::start(&network, "alpha", verbose);
    alpha.say(&["CONNECT", "inproc://base"]);
    alpha.say(&["PUBLISH", "inproc://alpha-1", "service1"]);
    alpha.say(&["PUBLISH", "inproc://alpha-2", "service2"]);
    alpha.hears(&["DELIVER", "inproc://alpha-1", "service1"]);
    alpha.hears(&["DELIVER", "inproc://alpha-2", "service2"]);
    // Tuples that were published before the two met may come in any order.
    let mut heard = [base.listen(), base.listen()];
    heard.sort();
    assert_eq!(heard[0], ["DELIVER", "inproc://alpha-1", "service1"]);
    assert_eq!(heard[1], ["DELIVER", "inproc://alpha-2", "service2"]);

    std::thread::sleep(std::time::Duration::from_millis(200));
    let beta = Actor::start(&network, "beta", verbose);
    beta.say(&["CONNECT", "inproc://base"]);
    beta.say(&["PUBLISH", "inproc://beta-1", "service1"]);
    beta.say(&["PUBLISH", "inproc://beta-2", "service2"]);
    let mut heard = [alpha.listen(), alpha.listen()];
    heard.sort();
    assert_eq!(heard[0], ["DELIVER", "inproc://beta-1", "service1"]);
    assert_eq!(heard[1], ["DELIVER", "inproc://beta-2", "service2"]);
    alpha.say(&["STATUS"]);
    alpha.hears(&["STATUS", "4"]);

    // A new value replaces the old one everywhere; the same value again is not delivered.
    alpha.say(&["PUBLISH", "inproc://alpha-1", "service3"]);
    alpha.say(&["PUBLISH", "inproc://alpha-1", "service3"]);
    alpha.hears(&["DELIVER", "inproc://alpha-1", "service3"]);
    alpha.say(&["STATUS"]);
    alpha.hears(&["STATUS", "4"]);

    // A tuple that this node has forgotten is delivered again when it is published again.
    alpha.say(&["UNPUBLISH", "inproc://alpha-2"]);
    alpha.say(&["STATUS"]);
    alpha.hears(&["STATUS", "3"]);
    alpha.say(&["PUBLISH", "inproc://alpha-2", "service2"]);
    alpha.hears(&["DELIVER", "inproc://alpha-2", "service2"]);

    // A program may end a node without destroying its actor.
    alpha.say(&["$TERM"]);
}

fn a_configuration_is_saved_and_loaded(verbose: bool) {
    let file = std::env::temp_dir().join(format!("zgossip-test-{}.cfg", std::process::id()));
    let path = file.to_str().expect("a path in UTF-8");
    let network = Network::new();

    let writer = Actor::start(&network, "writer", verbose);
    writer.say(&["SET", "zgossip/bind/endpoint", "tcp://127.0.0.1:*"]);
    writer.say(&["SAVE", path]);
    writer.say(&["PORT"]);
    writer.hears(&["PORT", "0"]);

    let reader = Actor::start(&network, "reader", verbose);
    reader.say(&["LOAD", path]);
    reader.say(&["PORT"]);
    let reply = reader.listen();
    std::fs::remove_file(&file).expect("SAVE has written the file");
    let ["PORT", port] = reply.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        panic!("not a reply to PORT: {reply:?}");
    };

    writer.say(&["CONNECT", &format!("tcp://127.0.0.1:{port}")]);
    writer.say(&["PUBLISH", "key", "value"]);
    reader.hears(&["DELIVER", "key", "value"]);
}

fn keys_make_a_connection_private(verbose: bool) {
    let (Some(server_keys), Some(client_keys)) = (curve_keys(), curve_keys()) else { return };
    let network = Network::new();

    let server = Actor::start(&network, "server", verbose);
    server.say(&["SET PUBLICKEY", &server_keys.public]);
    server.say(&["SET SECRETKEY", &server_keys.secret]);
    server.say(&["ZAP DOMAIN", "TEST"]);
    server.say(&["BIND", "tcp://127.0.0.1:*"]);
    server.say(&["PORT"]);
    let endpoint = format!("tcp://127.0.0.1:{}", server.listen()[1]);

    // A client without the server's key cannot connect.
    let stranger = network.socket(zmq_sys::ZMQ_DEALER);
    stranger.connect(&endpoint);
    let mut message = zgossip_msg_t::new();
    message.set_id(ZGOSSIP_MSG_PUBLISH);
    message.set_key(c"stranger".to_owned()).expect("a key that is short enough");
    message.send(stranger.get()).expect("libzmq keeps it until there is a connection");

    let client = Actor::start(&network, "client", verbose);
    client.say(&["SET PUBLICKEY", &client_keys.public]);
    client.say(&["SET SECRETKEY", &client_keys.secret]);
    client.say(&["ZAP DOMAIN", "TEST"]);
    client.say(&["CONNECT", &endpoint, &server_keys.public]);
    client.say(&["PUBLISH", "tcp://127.0.0.1:9001", "service1"]);
    server.hears(&["DELIVER", "tcp://127.0.0.1:9001", "service1"]);
    server.say(&["STATUS"]);
    server.hears(&["STATUS", "1"]);
}

fn messages_arrive_as_they_were_sent() {
    let network = Network::new();
    let server = network.socket(zmq_sys::ZMQ_ROUTER);
    server.bind("inproc://selftest");
    let client = network.socket(zmq_sys::ZMQ_DEALER);
    client.connect("inproc://selftest");

    let (mut sent, mut received) = (zgossip_msg_t::new(), zgossip_msg_t::new());
    sent.set_key(c"Life is short but Now lasts for ever".to_owned()).expect("a key that is short enough");
    sent.set_value(c"Gr\xfc\xdfe".to_owned());
    sent.set_ttl(123_456);
    let ids: [c_int; 5] =
        [ZGOSSIP_MSG_HELLO, ZGOSSIP_MSG_PUBLISH, ZGOSSIP_MSG_PING, ZGOSSIP_MSG_PONG, ZGOSSIP_MSG_INVALID];
    for id in ids {
        sent.set_id(id);
        sent.send(client.get()).expect("sent to the server");
        received.recv(server.get()).expect("received from the client");
        assert_eq!(received.id(), id);
        // The answer goes to the routing id that came with the message.
        received.send(server.get()).expect("sent to the client");
        sent.recv(client.get()).expect("received from the server");
        assert_eq!(sent.id(), id);
    }
    for message in [sent, received] {
        assert_eq!(message.key(), c"Life is short but Now lasts for ever");
        assert_eq!(message.value(), Some(c"Gr\xfc\xdfe"));
        assert_eq!(message.ttl(), 123_456);
    }
}

fn what_is_no_message_changes_nothing() {
    let network = Network::new();
    let (left, right) = (network.socket(zmq_sys::ZMQ_PAIR), network.socket(zmq_sys::ZMQ_PAIR));
    left.bind("inproc://selftest");
    right.connect("inproc://selftest");

    let mut message = zgossip_msg_t::new();
    message.set_key(c"key".to_owned()).expect("a key that is short enough");
    message.set_id(ZGOSSIP_MSG_PUBLISH);
    let frames: [&[u8]; 7] = [
        b"",
        b"\xaa\xa0",
        b"\xaa\xa1\x01\x01",
        b"\xaa\xa0\x01\x02",
        b"\xaa\xa0\x63\x01",
        b"\xaa\xa0\x02\x01\xffkey",
        b"\xaa\xa0\x02\x01\x03yek\xff\xff\xff\xffvalue\0\0\0\0",
    ];
    for frame in frames {
        left.get().send(&[frame]).expect("sent");
        assert_eq!(message.recv(right.get()), Err(Errno::PROTOCOL), "{frame:x?}");
        assert_eq!((message.id(), message.key()), (ZGOSSIP_MSG_PUBLISH, c"key"));
    }
    assert_eq!(message.set_key(CString::new([b'k'; 256]).unwrap_or_default()), Err(Errno::INVALID));
    message.set_id(99);
    assert_eq!(message.send(left.get()), Err(Errno::INVALID));
}
