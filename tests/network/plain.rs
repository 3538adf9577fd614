//! PLAIN between nodes, with this library's own handler deciding.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{LONG, SHORT, Scratch, is_alone};
use zgossip::{Auth, ErrorKind, Event, Node};

/// What a node has logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn has(&self, text: &str) -> bool {
        self.0.lock().unwrap().iter().any(|line| line.contains(text))
    }

    fn wait(&self, text: &str) {
        let seen = common::node::eventually(LONG, || self.has(text));
        assert!(seen, "'{text}' is not in {:?}", self.0.lock().unwrap());
    }
}

fn node(name: &str) -> (Node, Log) {
    let log = Log::default();
    let lines = log.clone();
    let builder = Node::builder().name(name).events(true).verbose(true);
    let node = builder.log(move |_, line| lines.0.lock().unwrap().push(line.to_owned())).start().unwrap();
    (node, log)
}

/// A node that has connected with a name and a password.
fn client(name: &str, endpoint: &str, password: &str) -> (Node, Log) {
    let (node, log) = node(name);
    node.set_plain(Some(("printer", password))).unwrap();
    node.connect(endpoint).unwrap();
    node.publish(name, "1").unwrap();
    (node, log)
}

fn wait_unreachable(node: &Node, reason: &str) {
    let is_it =
        |event: Event| matches!(event, Event::Unreachable { reason: why, .. } if why.contains(reason));
    let seen = common::node::eventually(LONG, || {
        node.recv_timeout(Duration::from_millis(100)).unwrap().is_some_and(is_it)
    });
    assert!(seen, "{reason}");
}

/// A hub that admits `printer` by its password. Its handler serves all nodes of a process, so that each test needs a process
/// of its own.
struct Hub {
    node: Node,
    endpoint: String,
    scratch: Scratch,
    _auth: Auth,
}

impl Hub {
    fn new() -> Hub {
        let scratch = Scratch::new();
        let passwords = scratch.path("passwords");
        fs::write(&passwords, "printer=swordfish\n").unwrap();
        let auth = Auth::new().unwrap();
        auth.plain(&passwords).unwrap();
        let (node, _) = node("hub");
        node.set("zgossip/security/mechanism", "plain").unwrap();
        let endpoint = format!("tcp://127.0.0.1:{}", node.bind("tcp://127.0.0.1:*").unwrap());
        node.publish("hub", "1").unwrap();
        Hub { node, endpoint, scratch, _auth: auth }
    }
}

#[test]
fn a_node_is_admitted_by_its_password_from_a_call_or_a_file() {
    if !is_alone() {
        return;
    }
    let hub = Hub::new();
    let (right, right_log) = client("right", &hub.endpoint, "swordfish");
    right.wait_key("hub", LONG).unwrap();
    hub.node.wait_key("right", LONG).unwrap();
    hub.node.bind("ipc://*").unwrap();
    let (by_path, _) = client("by path", &hub.node.endpoint().unwrap().unwrap(), "swordfish");
    by_path.wait_key("hub", LONG).unwrap();

    let file = hub.scratch.path("client.cfg");
    let text = format!(
        "server\n    verbose = 1\nzgossip\n    connect\n        endpoint = \"{}\"\n    security\n\
         \x20       username = printer\n        password = swordfish\n",
        hub.endpoint
    );
    fs::write(&file, text).unwrap();
    assert_eq!(zgossip::check(&file).unwrap(), [""; 0]);
    let (filed, filed_log) = node("filed");
    assert_eq!(filed.load_strict(&file).unwrap(), [""; 0]);
    filed.wait_key("hub", LONG).unwrap();
    assert!(!right_log.has("swordfish") && !filed_log.has("swordfish"), "a password in the log");
}

#[test]
fn a_wrong_password_is_refused_and_said() {
    if !is_alone() {
        return;
    }
    let hub = Hub::new();
    let (wrong, wrong_log) = client("wrong", &hub.endpoint, "marlin");
    wrong_log.wait("refused this node's username and password, or its address (status 400)");
    wait_unreachable(&wrong, "username and password");
    let (clear, clear_log) = node("clear");
    clear.connect(&hub.endpoint).unwrap();
    clear.publish("clear", "1").unwrap();
    clear_log.wait("the peer uses another security mechanism");
    assert_eq!(hub.node.count().unwrap(), 1);
    assert_eq!(wrong.get("hub").unwrap(), None);

    // The right password later, by another CONNECT.
    wrong.set_plain(Some(("printer", "swordfish"))).unwrap();
    wrong.connect(&hub.endpoint).unwrap();
    wrong.wait_key("hub", LONG).unwrap();
    assert!(!wrong_log.has("swordfish") && !wrong_log.has("marlin"), "a password in the log");
}

#[test]
fn an_open_hub_is_not_connected_to() {
    let (open, _) = node("open");
    let endpoint = format!("tcp://127.0.0.1:{}", open.bind("tcp://127.0.0.1:*").unwrap());
    let (careful, careful_log) = client("careful", &endpoint, "swordfish");
    careful_log.wait("the peer uses another security mechanism");
    let (without, _) = node("without");
    without.set("zgossip/security/mechanism", "plain").unwrap();
    let error = without.connect(&endpoint).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("no username and password are set"), "{error}");
    without.publish("without", "1").unwrap();
    assert_eq!(open.wait_count(1, SHORT).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(careful.count().unwrap(), 1);
}

#[test]
fn a_connect_keeps_its_password() {
    if !is_alone() {
        return;
    }
    let hub = Hub::new();
    let (right, log) = client("right", &hub.endpoint, "swordfish");
    hub.node.wait_key("right", LONG).unwrap();
    right.set_plain(None).unwrap();
    hub.node.unbind(&hub.endpoint).unwrap();
    log.wait("lost the connection");
    hub.node.bind(&hub.endpoint).unwrap();
    right.publish("again", "1").unwrap();
    hub.node.wait_key("again", LONG).unwrap();
}

#[test]
fn a_record_holds_no_password() {
    let scratch = Scratch::new();
    let record = scratch.path("record");
    let (node, _) = node("recorded");
    node.record(&record).unwrap();
    node.set_plain(Some(("printer", "swordfish"))).unwrap();
    node.set("zgossip/security/username", "printer").unwrap();
    node.set("zgossip/security/password", "swordfish").unwrap();
    node.send(&[b"SET PASSWORD", b"swordfish"]).unwrap();
    node.connect("tcp://127.0.0.1:9").unwrap();
    node.publish("key", "value").unwrap();
    node.count().unwrap();
    node.end_record().unwrap();
    node.close();
    let bytes = fs::read(&record).unwrap();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(holds(b"value") && !holds(b"swordfish"));
}
