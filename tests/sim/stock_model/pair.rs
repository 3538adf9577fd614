//! A real CZMQ node and the model of one, which are given the same inputs.
//!
//! After each input a question whose answer is known shows that the node has done everything that the input made it do:
//! a client's PING is answered with PONG in any case, a server's INVALID with HELLO, an owner's STATUS with STATUS. The
//! model is asked the same.

use std::net::TcpListener;
use std::thread::sleep;
use std::time::{Duration, Instant};

use fastrand::Rng;
use zmq::{Context, DEALER, ROUTER, Socket};

use crate::stock::{Stock, Target};
use common::net::{HELLO, INVALID, PING, free_port};
use common::{LONG, Lib, Node};

/// PONG as CZMQ writes it.
pub const PONG: &[u8] = &[0xAA, 0xA0, 4, 1];

const MS: u64 = 1000;

/// Frames that one input made the model send to one peer.
type Group = Vec<Vec<u8>>;

enum Side {
    /// A DEALER, at the node's ROUTER.
    Client { socket: Socket, epoch: u32, heard: Option<Instant> },
    /// A ROUTER, to which the node is connected from this address; `None` while it is away.
    Server { endpoint: String, open: Option<(Socket, Context, Vec<u8>)> },
}

struct Peer {
    side: Side,
    expected: Vec<Group>,
    received: Vec<Vec<u8>>,
    /// Number of questions whose answers were not yet received.
    asked: usize,
}

pub struct Pair {
    node: Node,
    endpoint: String,
    context: Context,
    model: Stock,
    delivered: Vec<(String, String)>,
    /// Virtual time.
    now: u64,
    timeout: u64,
    peers: Vec<Peer>,
    late: bool,
}

fn socket(context: &Context, kind: zmq::SocketType) -> Socket {
    let socket = context.socket(kind).expect("a socket");
    socket.set_rcvtimeo(LONG.as_millis() as i32).expect("receive time-out");
    socket.set_linger(0).expect("linger");
    socket
}

/// Makes a ROUTER with a context of its own, at whose end the endpoint is free again.
fn router(endpoint: &str) -> (Socket, Context) {
    let context = Context::new();
    let router = socket(&context, ROUTER);
    router.bind(endpoint).expect("bind");
    (router, context)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

impl Pair {
    /// Makes a node that forgets clients after `timeout` milliseconds, and its model.
    pub fn new(timeout: u64) -> Pair {
        let node = Node::new(Lib::Stock, "node");
        node.send(&format!("SET server/timeout {timeout}"));
        let model = Stock { timeout: timeout * MS, ..Stock::default() };
        Pair {
            endpoint: node.bind(),
            node,
            context: Context::new(),
            model,
            delivered: Vec::new(),
            now: 0,
            timeout,
            peers: Vec::new(),
            late: false,
        }
    }

    /// Returns whether a client was silent for so long that the node may have forgotten it unasked.
    pub fn is_late(&self) -> bool {
        self.late
    }

    fn add(&mut self, side: Side) -> usize {
        self.peers.push(Peer { side, expected: Vec::new(), received: Vec::new(), asked: 0 });
        self.peers.len() - 1
    }

    /// Connects a client, which sends nothing.
    pub fn client(&mut self) -> usize {
        let socket = self.dealer();
        self.add(Side::Client { socket, epoch: 1, heard: None })
    }

    fn dealer(&self) -> Socket {
        let dealer = socket(&self.context, DEALER);
        dealer.connect(&self.endpoint).expect("connect");
        dealer
    }

    /// Connects the node to a server.
    pub fn server(&mut self) -> usize {
        let (socket, context) = router("tcp://127.0.0.1:*");
        let endpoint = socket.get_last_endpoint().expect("endpoint").expect("text");
        let peer = self.peers.len();
        println!("server {peer}: CONNECT, {} tuples", self.model.tuples.len());
        self.node.connect(&endpoint);
        self.model.connect(peer);
        let open = Some((socket, context, Vec::new()));
        self.add(Side::Server { endpoint, open });
        self.take_output(1);
        self.receive_expected(peer);
        self.compare();
        peer
    }

    /// Connects the node to a server that is not there yet.
    pub fn absent_server(&mut self) -> usize {
        let (peer, endpoint) = (self.peers.len(), format!("tcp://127.0.0.1:{}", free_port()));
        self.node.connect(&endpoint);
        self.add(Side::Server { endpoint, open: None });
        self.model.connect(peer);
        self.take_output(0);
        assert_eq!(self.node.status(), self.model.tuples.len(), "tuples held");
        peer
    }

    /// Receives what the model expects a server to be sent; that tells the server the node's address.
    fn receive_expected(&mut self, server: usize) {
        let count = self.peers[server].expected.iter().map(Vec::len).sum();
        self.receive(server, count);
    }

    /// Takes what the model has sent since the last input, as one group for each peer. The first `first` frames stay
    /// where they are.
    fn take_output(&mut self, first: usize) {
        let mut groups: Vec<Group> = vec![Group::new(); self.peers.len()];
        for (target, frame) in std::mem::take(&mut self.model.output) {
            match target {
                Target::Remote(peer) => match self.peers[peer].side {
                    Side::Server { open: None, .. } => {
                        self.model.backlog.entry(peer).or_default().push(frame);
                    }
                    _ => groups[peer].push(frame),
                },
                Target::Client(peer, at) => match self.peers[peer].side {
                    Side::Client { epoch, .. } if epoch == at => groups[peer].push(frame),
                    // The connection is gone.
                    _ => {}
                },
            }
        }
        for (peer, mut group) in self.peers.iter_mut().zip(groups) {
            let kept = first.min(group.len());
            peer.expected.extend(group.drain(..kept).map(|frame| vec![frame]));
            peer.expected.push(group);
        }
    }

    /// Gives the model an input, and takes what follows from it.
    fn model(&mut self, input: impl FnOnce(&mut Stock, u64)) {
        let (held, count) = (self.model.tuples.clone(), self.model.delivered);
        input(&mut self.model, self.now);
        let changed = self.model.tuples.iter().filter(|&(key, value)| held.get(key) != Some(value));
        let changed: Vec<_> = changed.map(|(key, value)| (text(key), text(value))).collect();
        assert_eq!(self.model.delivered - count, changed.len() as u64, "what changes is delivered");
        self.delivered.extend(changed);
        self.take_output(0);
    }

    fn send(&mut self, peer: usize, frame: &[u8]) {
        match &mut self.peers[peer].side {
            Side::Client { socket, epoch, heard } => {
                *heard = Some(Instant::now());
                socket.send(frame, 0).expect("a client sends");
                let epoch = *epoch;
                self.model(|model, now| model.hear_client(peer, epoch, frame, now));
            }
            Side::Server { open: Some((socket, _, address)), .. } => {
                socket.send_multipart([&address[..], frame], 0).expect("a server sends");
                self.model(|model, now| model.hear_remote(peer, frame, now));
            }
            Side::Server { open: None, .. } => panic!("server {peer} is away"),
        }
    }

    fn question(&self, peer: usize) -> (&'static [u8], &'static [u8]) {
        match self.peers[peer].side {
            Side::Client { .. } => (PING, PONG),
            Side::Server { .. } => (INVALID, HELLO),
        }
    }

    fn receive(&mut self, peer: usize, count: usize) {
        for got in 0..count {
            let received = match &mut self.peers[peer].side {
                Side::Client { socket, .. } => socket.recv_bytes(0),
                Side::Server { open: Some((socket, _, address)), .. } => {
                    socket.recv_bytes(0).and_then(|from| {
                        *address = from;
                        socket.recv_bytes(0)
                    })
                }
                Side::Server { open: None, .. } => panic!("server {peer} is away"),
            };
            let frame = received.unwrap_or_else(|why| panic!("peer {peer}: frame {got} of {count}: {why}"));
            self.peers[peer].received.push(frame);
        }
    }

    /// Sends the node frames from one peer, and a question, and receives everything that the peer gets until that is
    /// answered.
    fn exchange(&mut self, peer: usize, frames: &[&[u8]]) {
        let (question, answer) = self.question(peer);
        let before = match self.peers[peer].side {
            Side::Client { heard, .. } => heard,
            Side::Server { .. } => None,
        };
        for frame in frames.iter().chain([&question]) {
            self.send(peer, frame);
            self.peers[peer].asked += usize::from(*frame == question);
        }
        while self.peers[peer].asked > 0 {
            self.receive(peer, 1);
            let Peer { received, asked, .. } = &mut self.peers[peer];
            *asked -= usize::from(received.last().is_some_and(|frame| frame == answer));
        }
        let limit = Duration::from_millis(self.timeout * 3 / 4);
        self.late |= before.is_some_and(|before| before.elapsed() > limit);
        self.compare_peer(peer);
    }

    fn is_there(&self, peer: usize) -> bool {
        !matches!(self.peers[peer].side, Side::Server { open: None, .. })
    }

    /// Lets all peers receive what was sent to them.
    pub fn compare(&mut self) {
        for peer in 0..self.peers.len() {
            if self.is_there(peer) {
                self.exchange(peer, &[]);
            }
        }
    }

    /// Lets some peers, chosen at random, receive what was sent to them.
    pub fn compare_some(&mut self, random: &mut Rng) {
        for peer in 0..self.peers.len() {
            if self.is_there(peer) && random.bool() {
                self.exchange(peer, &[]);
            }
        }
    }

    /// Lets a client send these frames at once.
    pub fn says(&mut self, client: usize, frames: &[&[u8]]) {
        println!("client {client}: {}", shown(frames));
        self.exchange(client, frames);
        self.settle();
    }

    /// Lets a server send these frames at once.
    pub fn answers(&mut self, server: usize, frames: &[&[u8]]) {
        println!("server {server}: {}", shown(frames));
        self.exchange(server, frames);
        self.settle();
    }

    /// Compares at once, where time counts: only peers that are meant to be silent may be.
    fn settle(&mut self) {
        if self.timeout < 60_000 {
            self.compare();
        }
    }

    /// Makes the owner publish a tuple.
    pub fn owner(&mut self, key: &str, value: &str) {
        println!("owner: {key} = {value}");
        self.node.publish(key, value);
        self.model(|model, now| model.accept(key.as_bytes(), value.as_bytes(), now));
        assert_eq!(self.node.status(), self.model.tuples.len(), "tuples held");
        assert_eq!(self.node.delivered(), self.delivered, "what was delivered");
        self.settle();
    }

    /// Lets a client go away and come again.
    pub fn reconnect(&mut self, client: usize) {
        println!("client {client} reconnects");
        self.exchange(client, &[]);
        let fresh = self.dealer();
        let Side::Client { socket, epoch, heard } = &mut self.peers[client].side else {
            panic!("{client} is a client");
        };
        (*socket, *epoch, *heard) = (fresh, *epoch + 1, None);
    }

    /// Lets a server go away. Returns when the node has noticed.
    pub fn lose(&mut self, server: usize) {
        println!("server {server} goes away");
        self.exchange(server, &[]);
        let Side::Server { endpoint, open } = &mut self.peers[server].side else {
            panic!("{server} is a server");
        };
        drop(open.take());
        let address = endpoint.strip_prefix("tcp://").expect("tcp");
        let listener = TcpListener::bind(address).expect("the same port");
        listener.set_nonblocking(true).expect("set_nonblocking");
        let deadline = Instant::now() + LONG;
        // The node's first attempt to connect comes a tenth of a second after the loss, which its monitor has reported
        // by then; the second one leaves a busy machine more time.
        for _ in 0..2 {
            while listener.accept().is_err() {
                assert!(Instant::now() < deadline, "the node connects again");
                sleep(Duration::from_millis(2));
            }
        }
        self.model.disconnected(server);
    }

    /// Lets a server come back.
    pub fn restore(&mut self, server: usize) {
        println!("server {server} comes again");
        let waiting = self.model.backlog.get(&server).map_or(0, Vec::len);
        let Side::Server { endpoint, open } = &mut self.peers[server].side else {
            panic!("{server} is a server");
        };
        let (socket, context) = router(endpoint);
        *open = Some((socket, context, Vec::new()));
        self.model.connected(server);
        self.take_output(waiting + 1);
        self.receive_expected(server);
        self.compare();
    }

    /// Lets these clients be silent for twice the timeout, and no others.
    pub fn silence(&mut self, silent: &[usize]) {
        println!("silence of {silent:?}");
        self.compare();
        let others: Vec<usize> = (0..self.peers.len()).filter(|peer| !silent.contains(peer)).collect();
        for _ in 0..8 {
            sleep(Duration::from_millis(self.timeout / 4));
            self.now += self.timeout * MS / 4;
            self.keep_alive(&others);
        }
        for &peer in silent {
            if let Side::Client { heard, .. } = &mut self.peers[peer].side {
                *heard = None;
            }
        }
    }

    /// Lets these peers send a sign of life.
    pub fn keep_alive(&mut self, peers: &[usize]) {
        for &peer in peers {
            self.exchange(peer, &[]);
        }
    }

    fn compare_peer(&mut self, index: usize) {
        if self.late {
            return;
        }
        let peer = &mut self.peers[index];
        let received = std::mem::take(&mut peer.received);
        let expected = std::mem::take(&mut peer.expected);
        let mut rest = &received[..];
        let mut same = true;
        for group in &expected {
            let (now, later) = rest.split_at(group.len().min(rest.len()));
            let (mut now, mut group) = (now.to_vec(), group.clone());
            // Frames to one peer that one input causes are in the order of a hash table.
            now.sort();
            group.sort();
            same &= now == group;
            rest = later;
        }
        if !same || !rest.is_empty() {
            let expected = expected.concat();
            panic!(
                "peer {index}\nthe stock node says: {}\nthe model says:      {}",
                shown(&received),
                shown(&expected)
            );
        }
    }

    /// Compares everything that is left.
    pub fn finish(mut self) {
        self.compare();
        assert_eq!(self.node.status(), self.model.tuples.len(), "tuples held");
        assert_eq!(self.node.delivered(), self.delivered, "what was delivered");
    }
}

/// Describes frames.
fn shown(frames: &[impl AsRef<[u8]>]) -> String {
    let names = frames.iter().map(|frame| match frame.as_ref() {
        HELLO => "HELLO".to_owned(),
        PING => "PING".to_owned(),
        PONG => "PONG".to_owned(),
        INVALID => "INVALID".to_owned(),
        other => format!("PUBLISH {:?}", String::from_utf8_lossy(other.get(4..).unwrap_or(other))),
    });
    names.collect::<Vec<_>>().join(", ")
}
