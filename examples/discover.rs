//! Shows the services of a network as they come (`+ name address`) and go (`- name`), until the program's input ends.
//!
//! ```text
//! cargo run --example discover -- bind tcp://127.0.0.1:5670
//! ```
//!
//! `announce.rs` and `presence.c` announce services. One loop waits for the node and for the input: the descriptor of a
//! node fits into any loop around `poll` or `epoll`, and into the reactor of an async runtime.

use std::error::Error;
use std::io::{self, Read};

use rustix::event::{PollFd, PollFlags, poll};
use zgossip::{Event, Node};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [how, endpoint] = &arguments[..] else {
        return Err("discover bind|connect ENDPOINT".into());
    };
    // Without this only deliveries come, and nothing tells that a service is gone.
    let node = Node::builder().name("discover").events(true).start()?;
    match how.as_str() {
        "bind" => drop(node.bind(endpoint)?),
        _ => node.connect(endpoint)?,
    }
    let input = io::stdin();
    loop {
        let mut waiting = [PollFd::new(&node, PollFlags::IN), PollFd::new(&input, PollFlags::IN)];
        poll(&mut waiting, None)?;
        let input_waits = !waiting[1].revents().is_empty();
        while let Some(event) = node.try_recv()? {
            show(&event);
        }
        if input_waits && input.lock().read(&mut [0; 512])? == 0 {
            return Ok(());
        }
    }
}

fn show(event: &Event) {
    match event {
        Event::Deliver(tuple) => {
            if let Some(name) = service(tuple.key()) {
                println!("+ {name} {}", String::from_utf8_lossy(tuple.value()));
            }
        }
        Event::Retract { key, .. } | Event::Expire { key, .. } => {
            if let Some(name) = service(key) {
                println!("- {name}");
            }
        }
        Event::Unreachable { endpoint, reason, .. } => eprintln!("{endpoint}: {reason}"),
        _ => {}
    }
}

/// Name of the service that a key announces, if it announces one.
fn service(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key).ok()?.strip_prefix("service/")
}
