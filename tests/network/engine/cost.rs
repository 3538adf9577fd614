//! Cost of a node to its process.

use common::is_alone;

use super::harness::Node;

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn ten_remotes_cost_one_thread_and_few_descriptors() {
    // It counts everything that there is in its process.
    if !is_alone() {
        return;
    }
    let hubs: Vec<Node> = (0..10).map(|_| Node::new()).collect();
    let endpoints: Vec<String> = hubs.iter().map(|hub| format!("tcp://127.0.0.1:{}", hub.listen())).collect();
    let (threads_before, descriptors_before) = (threads(), descriptors());
    let node = Node::new();
    node.listen();
    for endpoint in &endpoints {
        node.connect(endpoint);
    }
    node.expect_peers(10);
    for hub in &hubs {
        hub.expect_peers(1);
    }
    assert_eq!(threads() - threads_before, 1);
    let accepted = hubs.len(); // the hubs' ends of the connections are in this process, too
    let descriptors = descriptors() - descriptors_before - accepted;
    println!("{descriptors} descriptors");
    assert!(descriptors <= 25, "{descriptors} descriptors");
}
