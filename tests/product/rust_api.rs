//! The Rust interface, as a program uses it: no layer below is reached into.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use async_io::Async;
use common::{LONG, Lib, Scratch};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, epoll, poll};
use zgossip::{Auth, Cert, ErrorKind, Event, Level, Node, PeerKind};

/// A node that says nothing, bound to a free port, and its endpoint.
fn hub() -> (Node, String) {
    let hub = Node::builder().name("hub").log(|_, _| {}).events(true).start().expect("a node");
    let port = hub.bind("tcp://127.0.0.1:*").expect("a free port");
    (hub, format!("tcp://127.0.0.1:{port}"))
}

fn node() -> Node {
    Node::builder().log(|_, _| {}).start().expect("a node")
}

#[track_caller]
fn next(node: &Node) -> Event {
    node.recv_timeout(LONG).expect("alive").expect("an event in time")
}

fn is_readable(node: &Node) -> bool {
    let now = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(node, PollFlags::IN)], Some(&now)).expect("poll") == 1
}

#[test]
fn two_nodes_discover_each_other() {
    let (hub, endpoint) = hub();
    let leaf = node();
    leaf.connect(&endpoint).expect("an endpoint");
    hub.publish("service/hub", "one").expect("alive");
    leaf.publish(b"service/\xff", "").expect("alive");
    for node in [&hub, &leaf] {
        node.wait_count(2, LONG).expect("both tuples");
    }
    assert_eq!(leaf.wait_agreement(1, LONG), Ok(1));
    assert_eq!(hub.digest(), leaf.digest());
    let tuples = leaf.tuples().expect("alive");
    let pairs: Vec<_> = tuples.iter().map(|tuple| (tuple.key(), tuple.value())).collect();
    assert_eq!(pairs, [(&b"service/hub"[..], &b"one"[..]), (b"service/\xff", b"")]);
    assert_eq!(leaf.get("service/hub"), Ok(Some(b"one".to_vec())));
    assert_eq!(leaf.get("service/none"), Ok(None));
    assert_eq!(hub.stats().expect("alive").links_extended, 1);
    assert_eq!(hub.retract("service/hub"), Ok(true));
    assert_eq!(hub.flush(LONG), Ok(1));
    assert_eq!(leaf.count(), Ok(1));
    assert_eq!(leaf.unpublish(b"service/\xff"), Ok(true));
    assert_eq!(leaf.unpublish(b"service/\xff"), Ok(false));
}

#[test]
fn peers_are_listed_with_what_is_known_of_each() {
    let (hub, endpoint) = hub();
    let leaf = node();
    assert_eq!(leaf.peers(), Ok(vec![]));
    leaf.connect(&endpoint).expect("an endpoint");
    leaf.publish("key", "value").expect("alive");
    assert_eq!(leaf.flush(LONG), Ok(1));
    assert_eq!(leaf.wait_agreement(1, LONG), Ok(1));
    let [of_hub] = &leaf.peers().expect("alive")[..] else { panic!("one peer") };
    assert_eq!((of_hub.endpoint.as_str(), of_hub.kind), (endpoint.as_str(), PeerKind::Extended));
    assert!(of_hub.outgoing && of_hub.connected && of_hub.round_trip.is_some());
    assert_eq!((of_hub.equal, of_hub.unsent, of_hub.refused), (Some(true), 0, 0));
    assert!(of_hub.silence <= of_hub.state_time && of_hub.state_time < LONG);
    let stats = leaf.stats().expect("alive");
    assert!((1..=stats.frames_in).contains(&of_hub.frames_in));
    assert!((1..=stats.bytes_out).contains(&of_hub.bytes_out));
    let [of_leaf] = &hub.peers().expect("alive")[..] else { panic!("one peer") };
    assert!(!of_leaf.outgoing && of_leaf.id.is_some() && of_leaf.id != of_hub.id);
    assert_eq!((of_hub.name.as_deref(), of_leaf.name.as_deref()), (Some("hub"), None));
    let Event::Join { endpoint, name, id, .. } = next(&hub) else { panic!("the leaf joins") };
    assert_eq!((endpoint, name, id), (of_leaf.endpoint.clone(), None, of_leaf.id));
    let leaf = Node::builder().name("leaf\x1b").events(true).log(|_, _| {}).start().expect("a node");
    leaf.connect(&of_hub.endpoint).expect("an endpoint");
    let hubs_id = of_hub.id;
    let is_join = |event: &Event| matches!(event, Event::Join { .. });
    let joined = |node: &Node| std::iter::from_fn(|| Some(next(node))).find(is_join);
    let Some(Event::Join { name, id, .. }) = joined(&leaf) else { panic!("the hub joins") };
    assert_eq!((name.as_deref(), id), (Some("hub"), hubs_id));
    let Some(Event::Join { name, .. }) = joined(&hub) else { panic!("the leaf joins") };
    assert_eq!(name.as_deref(), Some("leaf\\u{1b}"));
}

#[test]
fn an_announced_tuple_goes_with_its_node_which_is_a_member() {
    let (hub, endpoint) = hub();
    let leaf = Node::builder().name("leaf").log(|_, _| {}).start().expect("a node");
    leaf.connect(&endpoint).expect("an endpoint");
    assert_eq!(leaf.announce("key", "value", None), Ok(()));
    assert_eq!(leaf.announce("other", "value", Some(Duration::from_millis(500))), Ok(()));
    let long = leaf.announce("third", "value", Some(Duration::MAX));
    assert_eq!(long.map_err(|error| error.kind()), Err(ErrorKind::InvalidInput));
    hub.wait_count(2, LONG).expect("both tuples");
    let [member] = &leaf.members().expect("alive")[..] else { panic!("itself") };
    assert!(member.own && member.since > 0 && member.endpoints.is_empty() && !member.version.is_empty());
    assert_eq!((member.name.as_deref(), member.tuples), (Some("leaf"), 2));
    let members = hub.members().expect("alive");
    let (own, others): (Vec<_>, Vec<_>) = members.iter().partition(|member| member.own);
    assert_eq!((own[0].name.as_deref(), &own[0].endpoints), (Some("hub"), &vec![endpoint]));
    assert_eq!((others.len(), others[0].id, others[0].name.as_deref()), (1, member.id, Some("leaf")));
    leaf.close();
    let is_gone = |event: &Event| matches!(event, Event::Retract { .. });
    assert_eq!(std::iter::from_fn(|| Some(next(&hub))).filter(is_gone).take(2).count(), 2);
    assert_eq!(hub.count(), Ok(0));
}

#[test]
fn the_origin_of_a_tuple_is_its_writer() {
    let (hub, endpoint) = hub();
    let (leaf, far) = (node(), node());
    leaf.connect(&endpoint).expect("an endpoint");
    far.connect(&endpoint).expect("an endpoint");
    hub.publish_with_ttl("key", "value", Duration::from_secs(3600)).expect("alive");
    leaf.publish("other", "value").expect("alive");
    far.wait_count(2, LONG).expect("both tuples");
    let own = hub.origin("key").expect("alive").expect("a tuple");
    assert!(own.own && own.endpoint.is_none() && own.name.as_deref() == Some("hub"));
    let direct = leaf.origin("key").expect("alive").expect("a tuple");
    assert_eq!((direct.own, direct.endpoint.as_deref()), (false, Some(endpoint.as_str())));
    assert_eq!((direct.writer, direct.name.as_deref()), (own.writer, Some("hub")));
    assert_eq!((direct.written, direct.written.is_some()), (own.written, true));
    assert!(direct.ttl.is_some_and(|ttl| ttl <= Duration::from_secs(3600)) && direct.ttl > Some(LONG));
    let relayed = far.origin("other").expect("alive").expect("a tuple");
    let writer = leaf.origin("other").expect("alive").expect("a tuple");
    assert_eq!((relayed.writer, relayed.ttl), (writer.writer, None));
    assert!(writer.own && !relayed.own && relayed.name.is_none(), "the writer has no name, and is no peer");
    assert_eq!(hub.origin("absent"), Ok(None));
    assert_eq!(hub.origin("").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_receiver_waits_and_events_come_in_order() {
    let (hub, endpoint) = hub();
    let (seen, events) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        let reader = &hub;
        scope.spawn(move || reader.events().take(6).for_each(|event| seen.send(event).expect("wanted")));
        // One by one: of a key, only the newest event waits for a reader.
        let next = || events.recv_timeout(LONG).expect("an event in time");
        let leaf = node();
        leaf.connect(&endpoint).expect("an endpoint");
        let event = next();
        assert!(matches!(event, Event::Join { .. }), "{event:?}");
        leaf.publish("a", "1").expect("alive");
        let event = next();
        assert!(matches!(&event, Event::Deliver(tuple) if tuple.key() == b"a"), "{event:?}");
        assert_eq!(leaf.retract("a"), Ok(true));
        let event = next();
        assert!(matches!(&event, Event::Retract { key, .. } if key == b"a"), "{event:?}");
        leaf.publish_with_ttl("b", "2", Duration::from_secs(2)).expect("alive");
        let event = next();
        assert!(matches!(&event, Event::Deliver(tuple) if tuple.value() == b"2"), "{event:?}");
        let event = next();
        assert!(matches!(&event, Event::Expire { key, .. } if key == b"b"), "{event:?}");
        drop(leaf);
        let event = next();
        assert!(matches!(event, Event::Leave { .. }), "{event:?}");
    });
}

#[test]
fn only_deliveries_come_unless_events_are_on() {
    let node = node();
    node.publish("a", "1").expect("alive");
    assert!(matches!(next(&node), Event::Deliver(_)));
    node.retract("a").expect("alive");
    assert_eq!(node.try_recv(), Ok(None));
    node.set_events(true).expect("alive");
    node.send(&[b"PUBLISH", b""]).expect_err("it has no value");
    node.send(&[b"STATUS"]).expect("alive");
    assert!(matches!(next(&node), Event::Refused { command, .. } if command == "PUBLISH"));
    assert!(matches!(next(&node), Event::Reply { frames, .. } if frames == [&b"STATUS"[..], b"0"]));
}

#[test]
fn the_descriptor_is_readable_exactly_while_an_event_waits() {
    let node = node();
    assert!(!is_readable(&node));
    assert_eq!(node.try_recv(), Ok(None));
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            node.publish("a", "1").expect("alive");
        });
        poll(&mut [PollFd::new(&node, PollFlags::IN)], None).expect("poll");
    });
    assert!(matches!(node.try_recv(), Ok(Some(Event::Deliver(_)))));
    assert!(!is_readable(&node));
    assert_eq!(node.as_fd().as_raw_fd(), node.as_raw_fd());
    node.close();
    assert!(is_readable(&node), "as a connection that the other end has closed");
}

/// Receives so many deliveries of a node while another thread publishes them one by one.
fn receives_all(wait_and_receive: impl Fn(&Node, usize) + Send + Sync + 'static) {
    const COUNT: usize = 2000;
    let node = Arc::new(node());
    let publisher = Arc::clone(&node);
    let (done, is_done) = std::sync::mpsc::channel();
    thread::spawn(move || {
        wait_and_receive(&node, COUNT);
        done.send(()).expect("wanted");
    });
    for number in 0..COUNT {
        publisher.publish(format!("key/{number}"), "value").expect("alive");
    }
    is_done.recv_timeout(LONG).expect("all events in time");
}

#[test]
fn an_async_runtime_receives_all_events() {
    receives_all(|node, count| {
        let node = Async::new_nonblocking(node).expect("a descriptor to poll");
        let receive = |node: &&Node| node.try_recv()?.ok_or_else(|| io::ErrorKind::WouldBlock.into());
        async_io::block_on(async {
            for _ in 0..count {
                let event = node.read_with(receive).await.expect("alive");
                assert!(matches!(event, Event::Deliver(_)), "{event:?}");
            }
        });
    });
}

#[test]
fn edge_triggered_polling_receives_all_events() {
    receives_all(|node, count| {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
        let edges = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&epoll, node, epoll::EventData::new_u64(0), edges).expect("a descriptor to poll");
        let mut received = 0;
        while received < count {
            epoll::wait(&epoll, spare_capacity(&mut Vec::with_capacity(1)), None).expect("epoll");
            while node.try_recv().expect("alive").is_some() {
                received += 1;
            }
        }
    });
}

#[test]
fn closing_ends_calls_in_all_threads() {
    let node = Arc::new(node());
    let receiver = thread::spawn({
        let node = Arc::clone(&node);
        move || (node.recv(), node.wait_count(1, None))
    });
    thread::sleep(Duration::from_millis(20));
    let begin = Instant::now();
    node.close();
    node.close();
    let (received, waited) = receiver.join().expect("it returns");
    assert!(begin.elapsed() < LONG);
    assert_eq!(received.expect_err("closed").kind(), ErrorKind::Closed);
    assert_eq!(waited.expect_err("closed").kind(), ErrorKind::Closed);
    assert_eq!(node.publish("a", "1").expect_err("closed").kind(), ErrorKind::Closed);
    assert_eq!(node.events().next(), None);
}

/// Numbers of the threads of this process that have this name.
fn threads_named(name: &str) -> BTreeSet<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("procfs");
    let tasks = tasks.filter_map(|task| Some(task.ok()?.path()));
    let named = tasks
        .filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim_end() == name));
    named.map(|task| task.display().to_string()).collect()
}

/// Reads in `/proc` whether a thread blocks all signals.
fn blocks_all_signals(task: &str) -> bool {
    // One that has ended meanwhile takes none, either.
    let Ok(status) = std::fs::read_to_string(format!("{task}/status")) else { return true };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap_or("0");
    // SIGKILL, SIGSTOP and the C library's own two cannot be blocked.
    u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask | 0x1_8004_0100 == u64::MAX)
}

#[test]
fn a_nodes_thread_takes_no_signals_and_ends_with_it() {
    let before = threads_named("zgossip");
    let node = node();
    node.count().expect("its thread runs");
    // Other tests make nodes at the same time.
    let fresh: Vec<_> = threads_named("zgossip").difference(&before).cloned().collect();
    assert!(!fresh.is_empty() && fresh.iter().all(|task| blocks_all_signals(task)), "{fresh:?}");
    let mine = Arc::new(Mutex::new(String::new()));
    let noted = Arc::clone(&mine);
    node.set_log(move |_, _| *noted.lock().expect("unpoisoned") = own_task()).expect("alive");
    node.send(&[b"NONSENSE"]).expect_err("no command");
    node.count().expect("behind the log line");
    let mine = mine.lock().expect("unpoisoned").clone();
    assert!(fresh.contains(&mine), "{mine} of {fresh:?}");
    drop(node);
    assert!(!threads_named("zgossip").contains(&mine));
}

fn own_task() -> String {
    let link = std::fs::read_link("/proc/thread-self").expect("procfs");
    format!("/proc/self/task/{}", link.file_name().expect("a number").display())
}

#[test]
fn errors_say_what_was_wrong() {
    let (hub, endpoint) = hub();
    let node = node();
    let kinds = [
        (node.bind(&endpoint).map(drop), ErrorKind::AddressInUse),
        (node.bind("tcp://192.0.2.1:1").map(drop), ErrorKind::AddressNotAvailable),
        (node.bind("nonsense").map(drop), ErrorKind::InvalidInput),
        (node.send(&[b"PUBLISH", b"key"]), ErrorKind::InvalidInput),
        (node.unbind("tcp://127.0.0.1:1"), ErrorKind::NotFound),
        (node.disconnect(&endpoint), ErrorKind::NotFound),
        (node.connect_with_key(&endpoint, "short"), ErrorKind::PermissionDenied),
        (node.publish("", ""), ErrorKind::InvalidInput),
        (node.publish("a", "1\0"), ErrorKind::InvalidInput),
        (node.publish_with_ttl("a", "1", Duration::ZERO), ErrorKind::InvalidInput),
        (node.publish_with_ttl("a", "1", Duration::MAX), ErrorKind::InvalidInput),
        (node.publish("a", vec![b'x'; 17 << 20]), ErrorKind::TooLarge),
        (node.wait_key("a", Duration::ZERO), ErrorKind::TimedOut),
        (node.wait_key([b'k'; 256], None), ErrorKind::InvalidInput),
        (node.set("server/timeout", "soon"), ErrorKind::InvalidInput),
        (node.load("/nonexistent"), ErrorKind::NotFound),
        (node.save("/nonexistent/file"), ErrorKind::NotFound),
        (node.record("/nonexistent/file"), ErrorKind::NotFound),
        (node.set_zap_domain(&"x".repeat(256)), ErrorKind::InvalidInput),
        (node.set_rights("*", "a/", "wirte"), ErrorKind::InvalidInput),
        (node.clear_rights("*", "a/"), ErrorKind::NotFound),
        (node.unwatch("a/"), ErrorKind::NotFound),
        (node.watch([b'p'; 256]), ErrorKind::InvalidInput),
        (node.set_cert(&Cert::from_keys([1; 32], None)), ErrorKind::InvalidInput),
        (node.send(&[]), ErrorKind::InvalidInput),
        (Cert::load("/nonexistent").map(drop), ErrorKind::InvalidInput),
        (Node::builder().set("server/max_tuples", "many").start().map(drop), ErrorKind::InvalidInput),
    ];
    for (place, (result, kind)) in kinds.into_iter().enumerate() {
        let error = result.expect_err(&format!("number {place}"));
        assert_eq!(error.kind(), kind, "number {place}: {error}");
        assert!(!error.to_string().is_empty());
    }
    let error = node.publish("", "").expect_err("empty");
    assert_eq!((error.to_string().as_str(), error.raw_os_error()), ("key is empty", libc::EINVAL));
    let error = io::Error::from(node.unbind("tcp://127.0.0.1:1").expect_err("not bound"));
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    drop(hub);
}

#[test]
fn a_log_closure_that_asks_its_node_is_told_so() {
    let node = Arc::new(node());
    let said = Arc::new(Mutex::new(Vec::new()));
    let (weak, lines) = (Arc::downgrade(&node), Arc::clone(&said));
    let log = move |level: Level, text: &str| {
        let node = weak.upgrade().expect("alive");
        let kind = node.count().expect_err("it cannot wait for itself").kind();
        lines.lock().expect("unpoisoned").push((level, text.to_owned(), kind));
    };
    node.set_log(log).expect("alive");
    node.send(&[b"NONSENSE"]).expect_err("no command");
    node.count().expect("behind the log line");
    let said = said.lock().expect("unpoisoned");
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].2, ErrorKind::OwnThread);
    assert!(said[0].1.contains("NONSENSE"), "{said:?}");
}

#[test]
fn a_node_that_is_dropped_in_its_own_thread_ends() {
    let node = Arc::new(node());
    let held = Mutex::new(Some(Arc::clone(&node)));
    let (gone, is_gone) = std::sync::mpsc::channel();
    let log = move |_: Level, _: &str| {
        drop(held.lock().expect("unpoisoned").take());
        let _ = gone.send(());
    };
    node.set_log(log).expect("alive");
    node.send(&[b"NONSENSE"]).expect_err("no command");
    drop(node);
    is_gone.recv_timeout(LONG).expect("the last share is dropped there");
    // The closure, and with it the sender, goes when the node's thread does.
    while is_gone.recv_timeout(LONG).is_ok() {}
    assert_eq!(is_gone.recv_timeout(LONG), Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn settings_of_the_builder_hold() {
    let scratch = Scratch::new();
    let file = scratch.path("node.cfg");
    std::fs::write(&file, "server\n    max_value = 5\n    max_tuples = 1\n").expect("a file");
    let node = Node::builder()
        .name("builder")
        .log(|_, _| {})
        .load(&file)
        .max_value(3)
        .events(true)
        .verbose(true)
        .ipv6(false)
        .max_clients(1)
        .timeout(Duration::from_secs(2))
        .start()
        .expect("a node");
    assert_eq!(node.publish("a", "four").expect_err("too long").kind(), ErrorKind::TooLarge);
    node.publish("a", "1").expect("short enough");
    node.publish("b", "1").expect("refused later");
    assert!(matches!(next(&node), Event::Deliver(_)));
    assert!(matches!(next(&node), Event::Refused { command, .. } if command == "PUBLISH"));
    let saved = scratch.path("saved.cfg");
    node.save(&saved).expect("a file");
    let text = std::fs::read_to_string(saved).expect("a file");
    assert!(text.contains("max_value = \"3\"") || text.contains("max_value = 3"), "{text}");
    let record = scratch.path("record");
    node.record(&record).expect("a file");
    node.publish("a", "2").expect("alive");
    node.end_record().expect("alive");
    assert!(std::fs::metadata(record).expect("a file").len() > 0);
}

#[test]
fn keys_make_a_connection_private_and_a_handler_decides() {
    if !Cert::is_supported() {
        return eprintln!("SKIPPED: this libzmq has no CURVE");
    }
    let scratch = Scratch::new();
    let (server, mut client) = (Cert::generate().expect("keys"), Cert::generate().expect("keys"));
    client.set_meta("name", Some("printer"));
    client.save(scratch.path("printer.cert")).expect("files");
    let loaded = Cert::load(scratch.path("printer.cert")).expect("a certificate");
    assert!(loaded == client && loaded.meta("name") == Some(b"printer"));
    assert_eq!(loaded.metas().count(), 1);
    let again = Cert::from_text(&server.public_text(), None).expect("a key");
    assert_eq!((again.public_key(), again.secret_key()), (server.public_key(), None));
    assert!(!format!("{server:?}").contains("secret"));

    let clients = scratch.path("clients");
    std::fs::create_dir(&clients).expect("a directory");
    let auth = Auth::with_log(|_, _| {}).expect("the only one");
    assert_eq!(Auth::new().expect_err("there is one").kind(), ErrorKind::AddressInUse);
    auth.curve(&clients);
    auth.allow("127.0.0.1".parse().expect("an address"));
    auth.set_verbose(true);
    assert_eq!(auth.plain("/nonexistent").expect_err("no file").kind(), ErrorKind::NotFound);

    let hub = Node::builder().log(|_, _| {}).cert(&server).start().expect("a node");
    let port = hub.bind("tcp://127.0.0.1:*").expect("a port");
    let endpoint = format!("tcp://127.0.0.1:{port}");
    let stranger = node();
    stranger.connect_with_key(&endpoint, &server.public_text()).expect("a key");
    stranger.publish("stranger", "1").expect("alive");
    client.save_public(format!("{clients}/printer.cert")).expect("a file");
    let known = Node::builder().log(|_, _| {}).cert(&client).start().expect("a node");
    known.connect_with_key(&endpoint, &server.public_text()).expect("a key");
    known.publish("known", "1").expect("alive");
    hub.wait_key("known", LONG).expect("it is on the list");
    assert_eq!(hub.get("stranger"), Ok(None));
    auth.curve_for_all();
    hub.wait_key("stranger", LONG).expect("everybody may, at the next attempt");
}

#[test]
fn a_node_of_czmq_is_understood() {
    let (hub, endpoint) = hub();
    let stock = common::Node::new(Lib::Stock, "stock");
    stock.connect(&endpoint);
    stock.publish("from/czmq", "1");
    hub.publish("from/rust", "2").expect("alive");
    hub.wait_key("from/czmq", LONG).expect("a tuple of CZMQ's");
    stock.must_hold("from/rust", "2");
}

#[test]
fn the_types_are_send_and_sync() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Node>();
    shared::<Event>();
    shared::<Auth>();
    shared::<Cert>();
    shared::<zgossip::Builder>();
    shared::<zgossip::Error>();
    shared::<zgossip::Stats>();
    shared::<zgossip::Tuple>();
}
