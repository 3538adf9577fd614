//! A node of a fleet, which is killed and started again, and what it said when.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use common::node::unescape;
use common::{LONG, Lib, Node};

/// Replies of GET to some keys.
#[track_caller]
pub fn values(node: &Node, keys: &[String]) -> Vec<Option<String>> {
    for key in keys {
        node.send(&format!("GET {key}"));
    }
    let answers = keys.iter().map(|key| {
        let text = node.wait_for_line("VALUE", LONG).expect("a node answers GET");
        let (held, value) = text.split_once(' ').map_or((text.as_str(), None), |(k, v)| (k, Some(v)));
        assert_eq!(unescape(held), *key);
        value.map(unescape)
    });
    answers.collect()
}

/// Reads some keys with GET.
#[track_caller]
pub fn value(node: &Node, key: &str) -> Option<String> {
    values(node, &[key.to_owned()]).remove(0)
}

/// Returns whether nodes of ours hold the same, by their digests.
#[track_caller]
pub fn agree(nodes: &[&Node]) -> bool {
    for node in nodes {
        node.send("STATS");
    }
    let root = |node: &&Node| {
        let text = node.wait_for_line("STATS", LONG).expect("a node answers STATS");
        let mut words = text.split(' ').skip_while(|&word| word != "root");
        words.nth(1).expect("STATS has the root").to_owned()
    };
    // All are asked, or the answers of some would wait for the next question
    let roots: Vec<_> = nodes.iter().map(root).collect();
    roots.windows(2).all(|pair| pair[0] == pair[1])
}

/// Questions to a node, in order: its answers come in the same order.
#[derive(Clone, Debug)]
pub enum Asked {
    /// The value of the key right before a write, by the write's number.
    Before(usize),
    /// The value of the key right after a write, by the write's number.
    After(usize),
    /// The value of a key at the end.
    Look(String),
}

/// An event or answer of a node.
#[derive(Clone, Debug)]
pub enum Told {
    /// A new value of a key, and what its owner knew of the key until then.
    Delivered {
        key: String,
        value: String,
        before: Option<String>,
    },
    Answered {
        asked: Asked,
        value: Option<String>,
    },
}

/// A place in a fleet, with the process that is there now.
pub struct Member {
    pub lib: Lib,
    name: String,
    node: Option<Node>,
    /// The member's endpoint, when it is a server.
    pub endpoint: Option<String>,
    /// Number of processes that were started here.
    pub life: usize,
    pub started: Instant,
    pub stopped: bool,
    read: usize,
    asked: VecDeque<Asked>,
    /// Last value of each key in the owner's events.
    pub table: BTreeMap<String, String>,
    /// Answers when the node was asked at the end.
    pub looks: BTreeMap<String, Option<String>>,
}

impl Member {
    pub fn new(lib: Lib, number: usize) -> Member {
        Member {
            lib,
            name: format!("n{number}"),
            node: None,
            endpoint: None,
            life: 0,
            started: Instant::now(),
            stopped: false,
            read: 0,
            asked: VecDeque::new(),
            table: BTreeMap::new(),
            looks: BTreeMap::new(),
        }
    }

    pub fn is_stock(&self) -> bool {
        self.lib == Lib::Stock
    }

    pub fn is_up(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.host.is_running())
    }

    /// Starts a new process, which holds nothing.
    #[track_caller]
    pub fn start(&mut self, is_server: bool) {
        let node = Node::new(self.lib, &self.name);
        self.life += 1;
        self.started = Instant::now();
        self.stopped = false;
        self.read = 0;
        self.asked.clear();
        self.table.clear();
        self.endpoint = is_server.then(|| node.bind());
        self.node = Some(node);
    }

    /// The end of the process without a word; what it had said can still be read.
    pub fn kill(&mut self) {
        if let Some(node) = &self.node {
            node.host.kill();
        }
    }

    pub fn stop(&mut self) {
        if let Some(node) = self.node.as_ref().filter(|node| node.host.is_running()) {
            node.host.stop();
            self.stopped = true;
        }
    }

    pub fn resume(&mut self) {
        if let Some(node) = self.node.as_ref().filter(|_| self.stopped) {
            node.host.resume();
        }
        self.stopped = false;
    }

    pub fn connect(&self, endpoint: &str) {
        if let Some(node) = &self.node {
            node.connect(endpoint);
        }
    }

    /// Gives commands, and remembers what will be answered.
    pub fn tell(&mut self, commands: &[String], asked: impl IntoIterator<Item = Asked>) {
        if let Some(node) = &self.node {
            let lines: Vec<String> = commands.iter().map(|words| format!("{} {words}", self.name)).collect();
            node.host.tell(&lines.join("\n"));
            self.asked.extend(asked);
        }
    }

    pub fn owes_answers(&self) -> bool {
        !self.asked.is_empty()
    }

    pub fn stderr(&self) -> String {
        self.node.as_ref().map(|node| node.host.stderr()).unwrap_or_default()
    }

    /// Takes the node's events and answers since the last call.
    pub fn hear(&mut self) -> Vec<(Instant, Told)> {
        let Some(node) = &self.node else { return Vec::new() };
        let lines = node.host.timed_lines_from(self.read);
        self.read += lines.len();
        lines.iter().filter_map(|(at, line)| Some((*at, self.understand(line)?))).collect()
    }

    fn understand(&mut self, line: &str) -> Option<Told> {
        let mut words = line.split(' ').skip(1);
        let (verb, key) = (words.next()?, unescape(words.next()?));
        let value = words.next().map(unescape);
        match verb {
            "DELIVER" => {
                let value = value?;
                let before = self.table.insert(key.clone(), value.clone());
                Some(Told::Delivered { key, value, before })
            }
            "VALUE" => {
                let asked = self.asked.pop_front()?;
                if let Asked::Look(asked) = &asked {
                    assert_eq!(*asked, key, "answers come in the order of the questions");
                    self.looks.insert(key, value.clone());
                }
                Some(Told::Answered { asked, value })
            }
            _ => None,
        }
    }
}
