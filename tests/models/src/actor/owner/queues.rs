//! Models of the queues between a program and a node: each ends in every order, and nothing is lost or comes twice.

use std::time::Duration;

use loom::thread;

use super::running::Running;
use crate::actor::command::Message;
use crate::actor::error::CallError;
use crate::explore;
use crate::sync::Arc;
use crate::sync::futex::interrupt_next_wait;

const NOW: Option<Duration> = Some(Duration::ZERO);

/// Commands of one thread, each of which waits for room, and whose replies wait for each other.
pub fn replies_come_once_and_in_order() {
    explore(|| {
        let node = Arc::new(Running::new());
        let sender = thread::spawn({
            let node = Arc::clone(&node);
            move || (1..=3).for_each(|number| node.send(b"GET", number).expect("room"))
        });
        for number in 1..=3 {
            assert_eq!(node.recv(), Ok(Message(number)));
        }
        sender.join().expect("the sender");
        node.router.recv_timeout.set(NOW);
        assert_eq!(node.recv(), Err(CallError::TimedOut), "nothing comes twice");
        node.close();
    });
}

/// Two threads send, and one that receives must get both commands' messages.
pub fn what_two_threads_send_comes_once() {
    explore(|| {
        let node = Arc::new(Running::new());
        let senders = [1, 2].map(|number| {
            let node = Arc::clone(&node);
            thread::spawn(move || node.send(b"PUBLISH", number).expect("room"))
        });
        let mut got = [node.recv(), node.recv()];
        got.sort_by_key(|message| message.map_or(0, |message| message.0));
        assert_eq!(got, [Ok(Message(1)), Ok(Message(2))]);
        node.close();
        senders.into_iter().for_each(|sender| sender.join().expect("a sender"));
    });
}

/// Two threads receive, and each message wakes one of them.
pub fn each_message_wakes_a_receiver() {
    explore(|| {
        let node = Arc::new(Running::new());
        let receiver = thread::spawn({
            let node = Arc::clone(&node);
            move || node.recv().expect("a message").0
        });
        node.send(b"PUBLISH", 1).expect("room");
        node.send(b"PUBLISH", 2).expect("room");
        let here = node.recv().expect("a message").0;
        assert_eq!(receiver.join().expect("the receiver") + here, 3, "each message came to one thread");
        node.close();
    });
}

/// The program's descriptor is readable while a message waits: who polls it, and then receives without waiting, gets
/// each message, and it is not readable behind the last.
pub fn the_descriptor_is_readable_while_a_message_waits() {
    explore(|| {
        let node = Arc::new(Running::new());
        let sender = thread::spawn({
            let node = Arc::clone(&node);
            move || {
                node.send(b"PUBLISH", 1).expect("room");
                node.send(b"GET", 2).expect("room");
            }
        });
        node.router.recv_timeout.set(NOW);
        let descriptor = node.router.descriptor().expect("a descriptor");
        for number in 1..=2 {
            descriptor.wait_readable();
            assert_eq!(node.recv(), Ok(Message(number)));
        }
        assert!(!descriptor.is_readable(), "readable though nothing waits");
        sender.join().expect("the sender");
        node.close();
        assert!(descriptor.is_readable(), "not readable though the node has ended");
    });
}

/// A receiver that waits when the node is closed returns, and so does one that comes later.
pub fn closing_wakes_who_receives() {
    explore(|| {
        let node = Arc::new(Running::new());
        let receiver = thread::spawn({
            let node = Arc::clone(&node);
            move || assert_eq!(node.recv(), Err(CallError::Closed))
        });
        node.close();
        assert_eq!(node.recv(), Err(CallError::Closed));
        receiver.join().expect("the receiver");
    });
}

/// A node whose replies nobody reads, and which therefore takes no commands, ends all the same, and a sender that waits
/// for room returns.
pub fn closing_ends_a_stalled_node_and_wakes_who_sends() {
    explore(|| {
        let node = Arc::new(Running::new());
        let sender = thread::spawn({
            let node = Arc::clone(&node);
            move || {
                let sent: Vec<_> = (1..=4).map(|number| node.send(b"GET", number)).collect();
                let taken = sent.iter().take_while(|sent| sent.is_ok()).count();
                assert!(sent[taken..].iter().all(|sent| *sent == Err(CallError::Closed)), "{sent:?}");
            }
        });
        node.close();
        sender.join().expect("the sender");
    });
}

/// What came before $TERM can be received when the node has ended, and then the end is told to all who wait.
pub fn what_came_before_the_end_is_received() {
    explore(|| {
        let node = Arc::new(Running::new());
        let receiver = thread::spawn({
            let node = Arc::clone(&node);
            move || {
                assert_eq!(node.recv(), Ok(Message(1)));
                assert_eq!(node.recv(), Err(CallError::Closed));
            }
        });
        node.send(b"PUBLISH", 1).expect("room");
        node.router.send(&[b"$TERM"]).expect("room");
        assert_eq!(node.send(b"PUBLISH", 2), Err(CallError::Closed));
        receiver.join().expect("the receiver");
        node.close();
    });
}

/// A signal ends a wait for a message, and takes none away: whoever receives next gets it.
pub fn a_signal_takes_no_message_away() {
    explore(|| {
        let node = Arc::new(Running::new());
        let receiver = thread::spawn({
            let node = Arc::clone(&node);
            move || {
                interrupt_next_wait();
                node.recv()
            }
        });
        node.send(b"PUBLISH", 1).expect("room");
        let there = receiver.join().expect("the receiver");
        let message = match there {
            Err(CallError::Interrupted) => node.recv(),
            received => received,
        };
        assert_eq!(message, Ok(Message(1)));
        node.close();
    });
}
