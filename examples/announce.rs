//! Announces a service, for three seconds at a time and anew every second, until the program's input ends.
//!
//! ```text
//! cargo run --example announce -- printer 10.0.0.2:9100 connect tcp://127.0.0.1:5670
//! ```
//!
//! `discover.rs` and `presence.c`, on the same network, show which services are there. A service that ends retracts its
//! announcement; that of a service that crashes, or is cut off, expires within three seconds.

use std::error::Error;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zgossip::Node;

/// Time to live of an announcement: after a crash it stays no longer.
const LEASE: Duration = Duration::from_secs(3);
/// A third of the lease, so that two renewals may be late.
const RENEWAL: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, address, how, endpoint] = &arguments[..] else {
        return Err("announce NAME ADDRESS bind|connect ENDPOINT".into());
    };
    let node = Node::new(name)?;
    match how.as_str() {
        "bind" => drop(node.bind(endpoint)?),
        _ => node.connect(endpoint)?,
    }
    let key = format!("service/{name}");
    let mut renewal = Instant::now();
    loop {
        if Instant::now() >= renewal {
            node.publish_with_ttl(&key, address, LEASE)?;
            renewal = Instant::now() + RENEWAL;
        }
        if has_ended(&io::stdin(), renewal)? {
            break;
        }
        // A program need not receive; then the newest event of each key is kept for it.
        while node.try_recv()?.is_some() {}
    }
    node.retract(&key)?;
    Ok(())
}

/// Waits for input until a deadline, and returns whether the input has ended.
fn has_ended(input: &io::Stdin, until: Instant) -> io::Result<bool> {
    let left =
        Timespec::try_from(until.saturating_duration_since(Instant::now())).map_err(io::Error::other)?;
    if poll(&mut [PollFd::new(input, PollFlags::IN)], Some(&left))? == 0 {
        return Ok(false);
    }
    Ok(input.lock().read(&mut [0; 512])? == 0)
}
