use super::*;
use crate::actor::owner::batch::Entry;
use crate::actor::owner::limits::{MAX_BYTES, MAX_COMMANDS, MAX_REPLIES};
use crate::core::Tuple;
use rustix::event::{PollFd, PollFlags, poll};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

fn router() -> Arc<Router> {
    Arc::new(Router::new().unwrap())
}

fn readable(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    poll(&mut fds, Some(&rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
}

fn message_waits(router: &Router) -> bool {
    readable(router.descriptor().unwrap().as_fd())
}

fn deliver(key: &str, value: &str) -> Outgoing {
    Outgoing::TupleEvent(Message::Deliver(Tuple::new(key.as_bytes(), value.as_bytes())))
}

fn reply(number: usize) -> Outgoing {
    Outgoing::Reply(Message::text(["STATUS", &number.to_string()]))
}

/// All commands that wait.
fn take(router: &Router) -> Vec<Vec<Vec<u8>>> {
    let mut batch = Batch::default();
    let mut commands = Vec::new();
    while router.take(&mut batch) {
        while let Some((Entry::Frames(frames, count), size)) = batch.peek() {
            commands.push(frames[..count].iter().map(|frame| frame.to_vec()).collect());
            batch.skip(size);
        }
    }
    commands
}

#[test]
fn commands_arrive_in_order_and_wake_the_node_once() {
    let router = router();
    assert!(!readable(router.wake_descriptor().as_fd()));
    let value = vec![b'v'; 100_000];
    router.send(&[b"PUBLISH", b"k", &value]).unwrap();
    assert!(readable(router.wake_descriptor().as_fd()));
    assert!(router.commands.pause());
    router.send(&[b"STATUS"]).unwrap();
    assert!(!readable(router.wake_descriptor().as_fd()), "the node knows already");
    router.send(&[b"", b"", b"", b"", b"", b"never looked at"]).unwrap();
    let commands = take(&router);
    assert_eq!(commands[0], [&b"PUBLISH"[..], b"k", &value]);
    assert_eq!(commands[1], [b"STATUS"]);
    assert_eq!(commands[2], [b""; 5]);
    assert!(!readable(router.wake_descriptor().as_fd()));
    router.send(&[b"STATUS"]).unwrap();
    assert!(readable(router.wake_descriptor().as_fd()));
}

#[test]
fn impossible_commands_are_refused() {
    assert_eq!(router().send(&[]), Err(CallError::NoFrames));
}

#[test]
fn a_sender_waits_for_room() {
    let router = router();
    router.send_timeout.set(Some(Duration::ZERO));
    for _ in 0..MAX_COMMANDS {
        router.send(&[b"STATUS"]).unwrap();
    }
    assert_eq!(router.send(&[b"STATUS"]), Err(CallError::TimedOut));
    router.send_timeout.set(Some(Duration::from_millis(20)));
    let begin = Instant::now();
    assert_eq!(router.send(&[b"STATUS"]), Err(CallError::TimedOut));
    assert!(begin.elapsed() >= Duration::from_millis(20));
    router.send_timeout.set(None);
    thread::scope(|scope| {
        let sender = scope.spawn(|| router.send(&[b"PORT"]));
        while router.commands.senders() == 0 {
            thread::yield_now();
        }
        assert!(router.take(&mut Batch::default()));
        assert_eq!(sender.join().unwrap(), Ok(()));
    });
    assert_eq!(take(&router), [[b"PORT"]]);
}

#[test]
fn waiting_commands_are_limited_by_their_bytes_too() {
    let router = router();
    router.send_timeout.set(Some(Duration::ZERO));
    let huge = vec![b'v'; MAX_BYTES + 1];
    router.send(&[b"PUBLISH", b"k", &huge]).unwrap();
    assert_eq!(router.send(&[b"STATUS"]), Err(CallError::TimedOut));
    assert_eq!(take(&router).len(), 1);
    router.send(&[b"STATUS"]).unwrap();
}

#[test]
fn a_sender_goes_on_as_soon_as_there_is_room_for_it() {
    let router = router();
    let half = vec![b'v'; MAX_BYTES / 2];
    router.send(&[b"PUBLISH", b"k", &half]).unwrap();
    router.send_timeout.set(Some(Duration::ZERO));
    assert_eq!(router.send(&[b"PUBLISH", b"k", &half]), Err(CallError::TimedOut));
    router.send(&[b"STATUS"]).unwrap();
}

#[test]
fn the_descriptor_is_readable_exactly_while_a_message_waits() {
    let router = router();
    assert!(!message_waits(&router));
    for round in 0..3 {
        router.push(&mut vec![deliver("a", "1"), deliver("b", &round.to_string())]);
        assert!(message_waits(&router));
        router.recv().unwrap();
        assert!(message_waits(&router));
        router.recv().unwrap();
        assert!(!message_waits(&router));
    }
    // It tells of the end too, for good.
    router.push(&mut vec![deliver("a", "1")]);
    router.end();
    router.recv().unwrap();
    assert!(message_waits(&router));
    router.close();
    assert!(message_waits(&router));
}

#[test]
fn a_descriptor_made_late_knows_of_what_waits() {
    let router = router();
    router.push(&mut vec![deliver("a", "1")]);
    assert!(message_waits(&router));
    assert_eq!(
        router.descriptor().unwrap().as_fd().as_raw_fd(),
        router.descriptor().unwrap().as_fd().as_raw_fd()
    );
}

#[test]
fn a_receiver_waits_as_long_as_it_may() {
    let router = router();
    router.recv_timeout.set(Some(Duration::ZERO));
    assert_eq!(router.recv(), Err(CallError::TimedOut));
    router.recv_timeout.set(Some(Duration::from_millis(20)));
    let begin = Instant::now();
    assert_eq!(router.recv(), Err(CallError::TimedOut));
    assert!(begin.elapsed() >= Duration::from_millis(20));
}

#[test]
fn every_waiting_receiver_gets_its_message() {
    let router = router();
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            let router = Arc::clone(&router);
            thread::spawn(move || router.recv().map(|message| message.frame(1).to_vec()))
        })
        .collect();
    while router.messages.receivers() < 4 {
        thread::yield_now();
    }
    router.push(&mut vec![deliver("a", ""), deliver("b", ""), deliver("c", ""), deliver("d", "")]);
    let mut keys: Vec<_> = receivers.into_iter().map(|r| r.join().unwrap().unwrap()).collect();
    keys.sort();
    assert_eq!(keys, [b"a", b"b", b"c", b"d"]);
}

#[test]
fn closing_wakes_everybody() {
    let router = router();
    for _ in 0..MAX_COMMANDS {
        router.send(&[b"STATUS"]).unwrap();
    }
    thread::scope(|scope| {
        let sender = scope.spawn(|| router.send(&[b"STATUS"]));
        let receiver = scope.spawn(|| router.recv());
        while router.commands.senders() + router.messages.receivers() < 2 {
            thread::yield_now();
        }
        router.close();
        assert_eq!(sender.join().unwrap(), Err(CallError::Closed));
        assert_eq!(receiver.join().unwrap(), Err(CallError::Closed));
    });
    assert_eq!(router.send(&[b"STATUS"]), Err(CallError::Closed));
    assert_eq!(router.recv(), Err(CallError::Closed));
    let commands = take(&router);
    assert_eq!(commands.len(), MAX_COMMANDS + 1, "what was sent before is carried out");
    assert_eq!(commands[MAX_COMMANDS], [b"$TERM"]);
}

#[test]
fn after_the_node_has_ended_its_messages_can_be_taken() {
    let router = router();
    router.send(&[b"$TERM"]).unwrap();
    assert_eq!(router.send(&[b"STATUS"]), Err(CallError::Closed));
    router.push(&mut vec![deliver("a", "1")]);
    router.end();
    assert_eq!(router.recv().unwrap().frame(1), b"a");
    assert_eq!(router.recv(), Err(CallError::Closed));
}

#[test]
fn a_node_without_room_for_replies_stalls_until_there_is_some() {
    let router = router();
    router.send(&[b"KEYS"]).unwrap();
    assert!(!router.stall() && readable(router.wake_descriptor().as_fd()), "there is room");
    let Handover { full, dropped } = router.push(&mut (0..MAX_REPLIES).map(reply).collect());
    assert!(full && dropped == 0);
    assert!(router.stall() && !readable(router.wake_descriptor().as_fd()));
    router.send(&[b"KEYS"]).unwrap();
    assert!(!readable(router.wake_descriptor().as_fd()), "more commands change nothing");
    router.recv().unwrap();
    assert!(readable(router.wake_descriptor().as_fd()));
    router.push(&mut vec![reply(0)]);
    assert!(router.stall());
    router.close();
    assert!(readable(router.wake_descriptor().as_fd()) && router.is_ending() && !router.stall());
}

/// Threads on both sides of a router: nothing is lost, nothing is doubled, and the descriptor leads a reader that
/// waits for nothing else to every message.
#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn threads_on_both_sides() {
    const COMMANDS: usize = 20_000;
    const SENDERS: usize = 3;
    let router = router();
    let node = {
        let router = Arc::clone(&router);
        thread::spawn(move || {
            let mut batch = Batch::default();
            let mut out = Vec::new();
            loop {
                let wake = router.wake_descriptor().as_fd();
                poll(&mut [PollFd::new(&wake, PollFlags::IN)], None).unwrap();
                let mut full = false;
                loop {
                    if batch.is_empty() && !router.take(&mut batch) {
                        break;
                    }
                    if full && router.stall() {
                        break;
                    }
                    let Some((Entry::Frames(frames, _), size)) = batch.peek() else { unreachable!() };
                    if frames[0] == b"$TERM" {
                        router.end();
                        return;
                    }
                    out.push(Outgoing::Reply(Message::text(&frames[..2])));
                    batch.skip(size);
                    if out.len() >= 100 || batch.is_empty() {
                        full = router.push(&mut out).full;
                    }
                }
            }
        })
    };
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let router = Arc::clone(&router);
            thread::spawn(move || {
                for number in 0..COMMANDS {
                    router.send(&[b"GET", format!("{sender} {number}").as_bytes()]).unwrap();
                }
            })
        })
        .collect();
    router.recv_timeout.set(Some(Duration::ZERO));
    let mut next = [0; SENDERS];
    while next != [COMMANDS; SENDERS] {
        {
            let descriptor = router.descriptor().unwrap().as_fd();
            poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], None).unwrap();
        }
        let message = router.recv().unwrap();
        let text = String::from_utf8(message.frame(1).to_vec()).unwrap();
        let (sender, number) = text.split_once(' ').unwrap();
        let sender: usize = sender.parse().unwrap();
        assert_eq!(number, next[sender].to_string());
        next[sender] += 1;
    }
    for sender in senders {
        sender.join().unwrap();
    }
    assert!(!message_waits(&router));
    router.close();
    node.join().unwrap();
}
