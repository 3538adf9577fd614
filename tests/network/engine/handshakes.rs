//! Connections on which no session ever begins.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::harness::{Node, PATIENCE};

/// A program that accepts connections and is no node.
struct Impostor {
    address: SocketAddr,
    came: Arc<AtomicUsize>,
    ends: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Impostor {
    /// Makes one that sends `words` on each connection, and hangs up after `silence`; it serves a number of
    /// connections, and is gone then.
    fn new(words: Vec<u8>, silence: Duration, many: usize) -> Impostor {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (came, ends) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (came, ends) = (came.clone(), ends.clone());
            std::thread::spawn(move || {
                for stream in listener.incoming().take(many) {
                    if ends.load(Ordering::Relaxed) {
                        break;
                    }
                    came.fetch_add(1, Ordering::Relaxed);
                    let mut stream = stream.unwrap();
                    let _ = stream.write_all(&words);
                    if !silence.is_zero() {
                        // The node may hang up first.
                        stream.set_read_timeout(Some(silence)).unwrap();
                        while stream.read(&mut [0; 100]).is_ok_and(|read| read > 0) {}
                    }
                }
            })
        };
        Impostor { address, came, ends, thread }
    }

    fn endpoint(&self) -> String {
        format!("tcp://{}", self.address)
    }

    fn came(&self) -> usize {
        self.came.load(Ordering::Relaxed)
    }

    /// Wait until so many have come.
    fn expect(&self, count: usize) {
        let end = Instant::now() + PATIENCE;
        while self.came() < count {
            assert!(Instant::now() < end, "tried {} times, not {count}", self.came());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The port is free again.
    fn end(self) {
        self.ends.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        self.thread.join().unwrap();
    }
}

/// First bytes of a ZeroMQ peer without security.
fn greeting() -> Vec<u8> {
    let mut greeting = b"\xFF\0\0\0\0\0\0\0\x01\x7F\x03\x01NULL".to_vec();
    greeting.resize(64, 0);
    greeting
}

#[track_caller]
fn expect_complaint(node: &Node) {
    let end = Instant::now() + PATIENCE;
    while node.log.count("cannot connect") == 0 {
        assert!(Instant::now() < end, "what is wrong is logged");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_handshake_that_is_cut_off_is_made_again_without_a_word() {
    for words in [Vec::new(), greeting()[..20].to_vec(), greeting()] {
        let (hub, leaf) = (Node::new(), Node::new());
        let busy = Impostor::new(words, Duration::ZERO, 3);
        let endpoint = busy.endpoint();
        leaf.connect(&endpoint);
        busy.expect(3);
        busy.end();
        hub.bind_again(&endpoint);
        leaf.expect_peers(1);
        assert_eq!(leaf.log.count("cannot connect"), 0);
    }
}

#[test]
fn a_peer_that_always_hangs_up_is_tried_ever_more_rarely() {
    let (hub, leaf) = (Node::new(), Node::new());
    let hostile = Impostor::new(Vec::new(), Duration::ZERO, usize::MAX);
    let endpoint = hostile.endpoint();
    leaf.connect(&endpoint);
    expect_complaint(&leaf);
    // A busy machine only makes it take longer.
    let (before, begun) = (hostile.came(), Instant::now());
    hostile.expect(before + 4);
    assert!(begun.elapsed() > Duration::from_millis(1500), "tried four times in {:?}", begun.elapsed());
    assert_eq!(leaf.log.count("cannot connect"), 1);
    // It is not given up, though.
    hostile.end();
    hub.bind_again(&endpoint);
    leaf.expect_peers(1);
}

/// libzmq gives such a connection up for good, and all that it says of that is that it has ended.
#[test]
fn a_peer_that_talks_nonsense_is_tried_again() {
    let mut endless = greeting();
    endless.extend([2, 255, 255, 255, 255, 255, 255, 255, 255]);
    for words in [vec![0; 64], endless] {
        let (hub, leaf) = (Node::new(), Node::new());
        let odd = Impostor::new(words, Duration::from_secs(1), usize::MAX);
        let endpoint = odd.endpoint();
        leaf.connect(&endpoint);
        odd.expect(2);
        expect_complaint(&leaf);
        odd.end();
        hub.bind_again(&endpoint);
        leaf.expect_peers(1);
    }
}

#[test]
fn who_waits_to_try_again_is_not_forgotten_when_others_are() {
    let (one, two, leaf) = (Node::new(), Node::new(), Node::new());
    let hostile = Impostor::new(Vec::new(), Duration::ZERO, usize::MAX);
    let (endpoint, other) = (hostile.endpoint(), format!("tcp://127.0.0.1:{}", two.listen()));
    leaf.connect(&endpoint);
    leaf.connect(&other);
    leaf.expect_peers(1);
    expect_complaint(&leaf);
    leaf.call(move |engine| engine.disconnect(other.as_bytes())).unwrap();
    leaf.expect_peers(0);
    hostile.end();
    one.bind_again(&endpoint);
    leaf.expect_peers(1);
}
