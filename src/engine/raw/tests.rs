//! The wrappers against the real libzmq.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn pair(name: &str) -> (Socket, Socket) {
    let endpoint = format!("inproc://raw-{name}");
    let one = Socket::new(Context::global(), zmq::PAIR).unwrap();
    let two = Socket::new(Context::global(), zmq::PAIR).unwrap();
    one.bind(&endpoint).unwrap();
    two.connect(&endpoint).unwrap();
    (one, two)
}

/// Wait for a message as the engine does: ask for events, then for the descriptor's news.
fn receive(socket: &Socket) -> Msg {
    let end = Instant::now() + PATIENCE;
    let mut poller = Poller::new();
    let place = poller.add(socket.fd().unwrap(), false);
    while !socket.events().unwrap().readable {
        poller.wait(Some(end.saturating_duration_since(Instant::now()))).unwrap();
        assert!(poller.ready(place) || Instant::now() < end, "a message comes");
    }
    let mut msg = Msg::new();
    socket.try_recv(&mut msg).unwrap();
    msg
}

#[test]
fn frames_of_every_kind_travel() {
    let (one, two) = pair("frames");
    let large = Arc::new(vec![9u8; 100_000]);
    one.try_send_slice(b"small", true).unwrap();
    one.try_send(&mut Msg::from_slice(&[7; 500]).unwrap(), true).unwrap();
    let mut msg = Msg::from_arc(large.clone(), &Load::new(&Arc::default())).unwrap();
    one.try_send(&mut msg, false).unwrap();
    assert!(msg.data().is_empty(), "sent, and gone");

    let first = receive(&two);
    assert_eq!((first.data(), first.more()), (&b"small"[..], true));
    let second = receive(&two);
    assert_eq!((second.data(), second.more()), (&[7u8; 500][..], true));
    let third = receive(&two);
    assert_eq!((third.data(), third.more()), (&large[..], false));
    assert_eq!(third.data().as_ptr(), large.as_ptr(), "not copied");
    drop(third);
    assert_eq!(Arc::strong_count(&large), 1);
    assert!(two.try_recv(&mut Msg::new()).unwrap_err().is_again());
}

#[test]
fn a_full_queue_gives_the_frame_back() {
    let (one, two) = pair("full");
    let mut sent = 0;
    let kept = loop {
        let mut msg = Msg::from_slice(b"frame").unwrap();
        match one.try_send(&mut msg, false) {
            Ok(()) => sent += 1,
            Err(error) => {
                assert!(error.is_again());
                break msg;
            }
        }
    };
    assert!(sent > 0);
    assert_eq!(kept.data(), b"frame");
    assert!(!one.events().unwrap().writable);
    drop(two);
}

#[test]
fn a_router_tells_who_is_not_there() {
    let router = Socket::new(Context::global(), zmq::ROUTER).unwrap();
    router.options().set_router_mandatory(true).unwrap();
    assert!(router.try_send_slice(b"nobody", true).unwrap_err().is_unreachable());
}

#[test]
fn a_borrowed_socket_stays_open() {
    let (one, two) = pair("borrowed");
    // SAFETY: `one` outlives the borrowed socket, on the same thread.
    let borrowed = unsafe { Socket::borrowed(one.handle()) };
    borrowed.try_send_slice(b"1", false).unwrap();
    drop(borrowed);
    one.try_send_slice(b"2", false).unwrap();
    assert_eq!(receive(&two).data(), b"1");
    assert_eq!(receive(&two).data(), b"2");
}

#[test]
fn endpoints_with_a_zero_are_refused_and_others_read_back() {
    let socket = Socket::new(Context::global(), zmq::ROUTER).unwrap();
    assert_eq!(socket.bind("tcp://127.0.0.1:*\0").unwrap_err(), Error::INVALID);
    assert!(socket.bind("nonsense").is_err());
    socket.bind("tcp://127.0.0.1:*").unwrap();
    let endpoint = socket.last_endpoint().unwrap();
    assert!(endpoint.starts_with("tcp://127.0.0.1:") && !endpoint.ends_with('*'), "{endpoint}");
    socket.unbind(&endpoint).unwrap();
}

#[test]
fn a_monitor_tells_of_connections_and_can_be_dropped_at_any_time() {
    let hub = Socket::new(Context::global(), zmq::ROUTER).unwrap();
    hub.bind("tcp://127.0.0.1:*").unwrap();
    let endpoint = hub.last_endpoint().unwrap();
    for _ in 0..20 {
        let socket = Socket::new(Context::global(), zmq::DEALER).unwrap();
        socket.options().set_linger(0).unwrap();
        let monitored = Monitored::new(Context::global(), socket, Watched::Remotes).unwrap();
        monitored.socket().connect(&endpoint).unwrap();
        // Events are on their way while it is dropped.
    }
    let socket = Socket::new(Context::global(), zmq::DEALER).unwrap();
    let monitored = Monitored::new(Context::global(), socket, Watched::Remotes).unwrap();
    monitored.socket().connect(&endpoint).unwrap();
    let end = Instant::now() + PATIENCE;
    let mut poller = Poller::new();
    poller.add(monitored.reader().fd().unwrap(), false);
    let mut next = || loop {
        if let Some(event) = monitored.next().unwrap() {
            return event;
        }
        assert!(Instant::now() < end, "an event comes");
        poller.wait(Some(Duration::from_millis(100))).unwrap();
    };
    let connected = next();
    assert_eq!(connected.endpoint, endpoint);
    let Change::Connected { descriptor } = connected.change else { panic!("{connected:?}") };
    if zmq::version() >= (4, 3, 0) {
        assert_eq!(next().change, Change::Ready);
    }
    drop(hub);
    assert_eq!(next().change, Change::Disconnected { descriptor });
}

#[test]
fn a_connection_of_libzmq_is_ended_by_the_descriptor_of_its_message() {
    let path = std::env::temp_dir().join(format!("zgossip-{:x}", fastrand::u64(..)));
    for endpoint in ["tcp://127.0.0.1:*".to_owned(), format!("ipc://{}", path.display())] {
        let hub = Socket::new(Context::global(), zmq::ROUTER).unwrap();
        hub.bind(&endpoint).unwrap();
        let socket = Socket::new(Context::global(), zmq::DEALER).unwrap();
        let monitored = Monitored::new(Context::global(), socket, Watched::Remotes).unwrap();
        monitored.socket().options().set_linger(0).unwrap();
        monitored.socket().connect(&hub.last_endpoint().unwrap()).unwrap();
        monitored.socket().try_send_slice(b"who ends this?", false).unwrap();
        receive(&hub);
        assert!(Connection::of(receive(&hub).source()).unwrap().end());
        let end = Instant::now() + PATIENCE;
        let mut poller = Poller::new();
        poller.add(monitored.reader().fd().unwrap(), false);
        while !matches!(
            monitored.next().unwrap().map(|event| event.change),
            Some(Change::Disconnected { .. })
        ) {
            assert!(Instant::now() < end, "the other end sees it close");
            poller.wait(Some(Duration::from_millis(10))).unwrap();
        }
    }
}

#[test]
fn a_context_that_ends_is_noticed() {
    // SAFETY: no arguments.
    let handle = unsafe { zmq_sys::zmq_ctx_new() };
    // SAFETY: a context, terminated below.
    let context = unsafe { Context::foreign(handle) };
    let socket = Socket::new(context, zmq::PAIR).unwrap();
    // SAFETY: a context; this does not wait.
    unsafe { zmq_sys::zmq_ctx_shutdown(handle) };
    assert!(socket.try_recv(&mut Msg::new()).unwrap_err().is_terminated());
    assert!(socket.try_send_slice(b"", false).unwrap_err().is_terminated());
    assert!(socket.events().unwrap_err().is_terminated());
    assert!(Socket::new(context, zmq::PAIR).unwrap_err().is_terminated());
    drop(socket);
    // SAFETY: the context, terminated once; its only socket is closed.
    assert_eq!(unsafe { zmq_sys::zmq_ctx_term(handle) }, 0);
}

#[test]
fn waiting_ends_in_time_and_with_news() {
    let mut poller = Poller::new();
    let start = Instant::now();
    poller.wait(Some(Duration::from_micros(1500))).unwrap();
    assert!(start.elapsed() >= Duration::from_micros(1500), "rounded up");
    let (read, mut write) = UnixStream::pair().unwrap();
    let place = poller.add(read.as_raw_fd(), false);
    let other = poller.add(write.as_raw_fd(), true);
    poller.wait(None).unwrap();
    assert!(!poller.ready(place) && poller.ready(other) && !poller.ready(other + 1));
    write.write_all(b"x").unwrap();
    poller.wait(None).unwrap();
    assert!(poller.ready(place));
}
