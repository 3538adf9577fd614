use super::*;
use crate::core::Tuple;
use rustix::event::{PollFd, PollFlags, poll};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread;

fn channel() -> Arc<Channel> {
    Arc::new(Channel::new().unwrap())
}

fn readable(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    poll(&mut fds, Some(&rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
}

fn message_waits(channel: &Channel) -> bool {
    readable(channel.fd().unwrap())
}

fn deliver(key: &str, value: &str) -> Outgoing {
    Outgoing::News(Message::Deliver(Tuple::new(key.as_bytes(), value.as_bytes())))
}

fn reply(number: usize) -> Outgoing {
    Outgoing::Reply(Message::text(["STATUS", &number.to_string()]))
}

/// All commands that wait.
fn take(channel: &Channel) -> Vec<Vec<Vec<u8>>> {
    let mut batch = Batch::default();
    let mut commands = Vec::new();
    while channel.take(&mut batch) == Taken::Some {
        while let Some((frames, count)) = batch.peek() {
            commands.push(frames[..count].iter().map(|frame| frame.to_vec()).collect());
            batch.skip();
        }
    }
    commands
}

#[test]
fn commands_arrive_in_order_and_wake_the_node_once() {
    let channel = channel();
    assert!(!readable(channel.wake_fd()));
    let value = vec![b'v'; 100_000];
    channel.send(&[b"PUBLISH", b"k", &value]).unwrap();
    assert!(readable(channel.wake_fd()));
    channel.wake.lower();
    channel.send(&[b"STATUS"]).unwrap();
    assert!(!readable(channel.wake_fd()), "the node was told already");
    channel.send(&[b"", b"", b"", b"", b"never looked at"]).unwrap();
    let commands = take(&channel);
    assert_eq!(commands[0], [&b"PUBLISH"[..], b"k", &value]);
    assert_eq!(commands[1], [b"STATUS"]);
    assert_eq!(commands[2], [b""; 4]);
    assert!(!readable(channel.wake_fd()));
    channel.send(&[b"STATUS"]).unwrap();
    assert!(readable(channel.wake_fd()));
}

#[test]
fn impossible_commands_are_refused() {
    assert_eq!(channel().send(&[]), Err(CallError::NoFrames));
}

#[test]
fn a_sender_waits_for_room() {
    let channel = channel();
    channel.send_patience.set(Some(Duration::ZERO));
    for _ in 0..MAX_COMMANDS {
        channel.send(&[b"STATUS"]).unwrap();
    }
    assert_eq!(channel.send(&[b"STATUS"]), Err(CallError::TimedOut));
    channel.send_patience.set(Some(Duration::from_millis(20)));
    let begin = Instant::now();
    assert_eq!(channel.send(&[b"STATUS"]), Err(CallError::TimedOut));
    assert!(begin.elapsed() >= Duration::from_millis(20));
    channel.send_patience.set(None);
    thread::scope(|scope| {
        let sender = scope.spawn(|| channel.send(&[b"PORT"]));
        while channel.commands.lock().senders == 0 {
            thread::yield_now();
        }
        assert_eq!(channel.take(&mut Batch::default()), Taken::Some);
        assert_eq!(sender.join().unwrap(), Ok(()));
    });
    assert_eq!(take(&channel), [[b"PORT"]]);
}

#[test]
fn waiting_commands_are_limited_by_their_bytes_too() {
    let channel = channel();
    channel.send_patience.set(Some(Duration::ZERO));
    let huge = vec![b'v'; MAX_BYTES + 1];
    channel.send(&[b"PUBLISH", b"k", &huge]).unwrap();
    assert_eq!(channel.send(&[b"STATUS"]), Err(CallError::TimedOut));
    assert_eq!(take(&channel).len(), 1);
    channel.send(&[b"STATUS"]).unwrap();
}

#[test]
fn a_sender_goes_on_as_soon_as_there_is_room_for_it() {
    let channel = channel();
    let half = vec![b'v'; MAX_BYTES / 2];
    channel.send(&[b"PUBLISH", b"k", &half]).unwrap();
    channel.send_patience.set(Some(Duration::ZERO));
    assert_eq!(channel.send(&[b"PUBLISH", b"k", &half]), Err(CallError::TimedOut));
    channel.send(&[b"STATUS"]).unwrap();
}

#[test]
fn the_descriptor_is_readable_exactly_while_a_message_waits() {
    let channel = channel();
    assert!(!message_waits(&channel));
    for round in 0..3 {
        channel.deliver(&mut vec![deliver("a", "1"), deliver("b", &round.to_string())]);
        assert!(message_waits(&channel));
        channel.recv().unwrap();
        assert!(message_waits(&channel));
        channel.recv().unwrap();
        assert!(!message_waits(&channel));
    }
    // It tells of the end too, for good.
    channel.deliver(&mut vec![deliver("a", "1")]);
    channel.end();
    channel.recv().unwrap();
    assert!(message_waits(&channel));
    channel.close();
    assert!(message_waits(&channel));
}

#[test]
fn a_descriptor_made_late_knows_of_what_waits() {
    let channel = channel();
    channel.deliver(&mut vec![deliver("a", "1")]);
    assert!(message_waits(&channel));
    assert_eq!(channel.fd().unwrap().as_raw_fd(), channel.fd().unwrap().as_raw_fd());
}

#[test]
fn a_receiver_waits_as_long_as_it_may() {
    let channel = channel();
    channel.recv_patience.set(Some(Duration::ZERO));
    assert_eq!(channel.recv(), Err(CallError::TimedOut));
    channel.recv_patience.set(Some(Duration::from_millis(20)));
    let begin = Instant::now();
    assert_eq!(channel.recv(), Err(CallError::TimedOut));
    assert!(begin.elapsed() >= Duration::from_millis(20));
}

#[test]
fn every_waiting_receiver_gets_its_message() {
    let channel = channel();
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            let channel = Arc::clone(&channel);
            thread::spawn(move || channel.recv().map(|message| message.frame(1).to_vec()))
        })
        .collect();
    while channel.messages.lock().receivers < 4 {
        thread::yield_now();
    }
    channel.deliver(&mut vec![deliver("a", ""), deliver("b", ""), deliver("c", ""), deliver("d", "")]);
    let mut keys: Vec<_> = receivers.into_iter().map(|r| r.join().unwrap().unwrap()).collect();
    keys.sort();
    assert_eq!(keys, [b"a", b"b", b"c", b"d"]);
}

#[test]
fn closing_wakes_everybody() {
    let channel = channel();
    for _ in 0..MAX_COMMANDS {
        channel.send(&[b"STATUS"]).unwrap();
    }
    thread::scope(|scope| {
        let sender = scope.spawn(|| channel.send(&[b"STATUS"]));
        let receiver = scope.spawn(|| channel.recv());
        while channel.commands.lock().senders + channel.messages.lock().receivers < 2 {
            thread::yield_now();
        }
        channel.close();
        assert_eq!(sender.join().unwrap(), Err(CallError::Closed));
        assert_eq!(receiver.join().unwrap(), Err(CallError::Closed));
    });
    assert_eq!(channel.send(&[b"STATUS"]), Err(CallError::Closed));
    assert_eq!(channel.recv(), Err(CallError::Closed));
    let commands = take(&channel);
    assert_eq!(commands.len(), MAX_COMMANDS + 1, "what was sent before is carried out");
    assert_eq!(commands[MAX_COMMANDS], [b"$TERM"]);
}

#[test]
fn after_the_node_has_ended_its_messages_can_be_taken() {
    let channel = channel();
    channel.send(&[b"$TERM"]).unwrap();
    assert_eq!(channel.send(&[b"STATUS"]), Err(CallError::Closed));
    channel.deliver(&mut vec![deliver("a", "1")]);
    channel.end();
    assert_eq!(channel.recv().unwrap().frame(1), b"a");
    assert_eq!(channel.recv(), Err(CallError::Closed));
}

#[test]
fn a_node_without_room_for_replies_stalls_until_there_is_some() {
    let channel = channel();
    channel.send(&[b"KEYS"]).unwrap();
    assert!(!channel.stall() && readable(channel.wake_fd()), "there is room");
    let (full, dropped) = channel.deliver(&mut (0..MAX_REPLIES).map(reply).collect());
    assert!(full && dropped == 0);
    assert!(channel.stall() && !readable(channel.wake_fd()));
    channel.send(&[b"KEYS"]).unwrap();
    assert!(!readable(channel.wake_fd()), "more commands change nothing");
    channel.recv().unwrap();
    assert!(readable(channel.wake_fd()));
    channel.deliver(&mut vec![reply(0)]);
    assert!(channel.stall());
    channel.close();
    assert!(readable(channel.wake_fd()) && channel.is_ending() && !channel.stall());
}

/// Whatever the interleaving, nothing is lost, nothing is doubled, and the descriptor leads a reader that waits
/// for nothing else to every message.
#[test]
fn threads_on_both_sides() {
    const COMMANDS: usize = 20_000;
    const SENDERS: usize = 3;
    let channel = channel();
    let node = {
        let channel = Arc::clone(&channel);
        thread::spawn(move || {
            let mut batch = Batch::default();
            let mut out = Vec::new();
            loop {
                let wake = channel.wake_fd();
                poll(&mut [PollFd::new(&wake, PollFlags::IN)], None).unwrap();
                let mut full = false;
                loop {
                    if batch.is_empty() && channel.take(&mut batch) == Taken::None {
                        break;
                    }
                    if full && channel.stall() {
                        break;
                    }
                    let Some((frames, _)) = batch.peek() else { unreachable!() };
                    if frames[0] == b"$TERM" {
                        channel.end();
                        return;
                    }
                    out.push(Outgoing::Reply(Message::text(&frames[..2])));
                    batch.skip();
                    if out.len() >= 100 || batch.is_empty() {
                        full = channel.deliver(&mut out).0;
                    }
                }
            }
        })
    };
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let channel = Arc::clone(&channel);
            thread::spawn(move || {
                for number in 0..COMMANDS {
                    channel.send(&[b"GET", format!("{sender} {number}").as_bytes()]).unwrap();
                }
            })
        })
        .collect();
    channel.recv_patience.set(Some(Duration::ZERO));
    let mut next = [0; SENDERS];
    while next != [COMMANDS; SENDERS] {
        poll(&mut [PollFd::new(&channel.fd().unwrap(), PollFlags::IN)], None).unwrap();
        let message = channel.recv().unwrap();
        let text = String::from_utf8(message.frame(1).to_vec()).unwrap();
        let (sender, number) = text.split_once(' ').unwrap();
        let sender: usize = sender.parse().unwrap();
        assert_eq!(number, next[sender].to_string());
        next[sender] += 1;
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert!(!message_waits(&channel));
    channel.close();
    node.join().unwrap();
}
