//! The simulator's model of CZMQ's zgossip, checked against CZMQ's zgossip.
//!
//! A real CZMQ node and the model are given the same frames, from clients and servers with manners of many kinds, and
//! the same commands. Every frame that each sends to each peer is compared, in order, and every tuple that each
//! delivers. The tuples that follow a HELLO come in the order of CZMQ's hash table, so they are compared as a set.
//!
//! Most sequences are random, from a seed that is printed; `ZGOSSIP_SIM_SEED` runs a single one.

mod pair;

use fastrand::Rng;

use common::net::{HELLO, INVALID, PING, publish};
use pair::{PONG, Pair};

/// Timeout in milliseconds that is longer than any sequence takes.
const NEVER: u64 = 600_000;
/// Timeout in milliseconds of sequences that wait for it.
const QUICK: u64 = 200;

/// Runs a sequence, and runs it again with twice the timeout if the machine was so busy that a client was silent for
/// longer than meant; the last timeout is 13 s.
fn with_timeout(timeout: u64, sequence: impl Fn(&mut Pair)) {
    for timeout in (0..7).map(|doubled| timeout << doubled) {
        let mut pair = Pair::new(timeout);
        sequence(&mut pair);
        if !pair.is_late() {
            return pair.finish();
        }
    }
    panic!("this machine is too busy for any time-out");
}

fn scripted(sequence: impl Fn(&mut Pair)) {
    with_timeout(NEVER, sequence);
}

#[test]
fn hello_is_answered_with_all_tuples() {
    scripted(|pair| {
        for i in 0..40 {
            pair.owner(&format!("key{i}"), &format!("value{i}"));
        }
        let (one, two) = (pair.client(), pair.client());
        pair.says(one, &[HELLO]);
        pair.says(two, &[PING, HELLO, PING]);
        // A node with nothing to send sends nothing.
        pair.compare();
    });
}

#[test]
fn a_hello_to_an_empty_node_is_not_answered() {
    scripted(|pair| {
        let client = pair.client();
        pair.says(client, &[HELLO]);
        pair.owner("key", "value");
    });
}

#[test]
fn what_is_new_or_differs_goes_to_all_and_what_is_the_same_to_nobody() {
    scripted(|pair| {
        let (one, two, server) = (pair.client(), pair.client(), pair.server());
        pair.says(one, &[HELLO]);
        pair.says(two, &[HELLO]);
        for value in ["first", "first", "second", "first", "", ""] {
            pair.says(one, &[&publish(b"key", value.as_bytes())]);
            pair.says(two, &[&publish(b"key", value.as_bytes())]);
            pair.answers(server, &[&publish(b"key", value.as_bytes())]);
            pair.owner("key", value);
        }
        pair.answers(server, &[&publish(b"other", b"first"), &publish(b"other", b"second")]);
        pair.owner("other", "third");
    });
}

#[test]
fn a_client_that_said_no_hello_is_answered_invalid_and_forgotten() {
    scripted(|pair| {
        let (known, client) = (pair.client(), pair.client());
        pair.says(known, &[HELLO]);
        let tuple = publish(b"key", b"value");
        for frame in [&tuple[..], INVALID, PONG] {
            pair.says(client, &[frame]);
            pair.says(client, &[frame, frame]);
            pair.says(client, &[PING, frame, PING]);
            pair.owner("key", "of the owner");
        }
        pair.says(client, &[HELLO]);
        pair.says(client, &[&tuple]);
    });
}

#[test]
fn a_second_hello_and_what_no_client_says_end_a_conversation() {
    scripted(|pair| {
        pair.owner("key", "value");
        let (one, two) = (pair.client(), pair.client());
        pair.says(two, &[HELLO]);
        for frame in [HELLO, INVALID, PONG] {
            pair.says(one, &[HELLO, frame]);
            pair.says(one, &[&publish(b"key", b"after that")]);
            pair.says(two, &[&publish(b"other", b"value"), &publish(b"other", b"another")]);
            pair.says(one, &[HELLO, &publish(b"key", b"known again"), frame, HELLO]);
            pair.says(two, &[&publish(b"key", b"value")]);
            pair.says(one, &[HELLO]);
        }
    });
}

#[test]
fn a_client_that_only_pings_is_not_told_of_tuples() {
    scripted(|pair| {
        let (known, client) = (pair.client(), pair.client());
        pair.says(known, &[HELLO]);
        pair.says(client, &[PING]);
        pair.owner("key", "of the owner");
        pair.says(client, &[PING]);
        pair.says(known, &[&publish(b"key", b"of a client")]);
        pair.says(client, &[PING, HELLO]);
        pair.owner("key", "last");
    });
}

#[test]
fn a_server_is_told_hello_and_all_tuples_and_after_invalid_hello_alone() {
    scripted(|pair| {
        for i in 0..20 {
            pair.owner(&format!("key{i}"), "value");
        }
        let (one, two) = (pair.server(), pair.server());
        for server in [one, two] {
            pair.answers(server, &[INVALID]);
            pair.answers(server, &[&publish(b"key1", b"other"), PONG, INVALID, &publish(b"new", b"value")]);
        }
    });
}

#[test]
fn a_client_that_comes_again_is_a_new_one() {
    scripted(|pair| {
        let (one, two) = (pair.client(), pair.client());
        pair.says(one, &[HELLO, &publish(b"key", b"value")]);
        pair.says(two, &[HELLO]);
        pair.reconnect(one);
        pair.says(two, &[&publish(b"key", b"while it is not known")]);
        pair.says(one, &[&publish(b"key", b"without a word")]);
        pair.says(one, &[HELLO, &publish(b"key", b"known")]);
        pair.reconnect(two);
        pair.says(two, &[HELLO]);
    });
}

#[test]
fn a_server_that_comes_late_is_told_what_waited_for_it_and_nothing_else() {
    scripted(|pair| {
        pair.owner("first", "value");
        let server = pair.absent_server();
        for value in ["one", "two", "two", "three"] {
            pair.owner("key", value);
        }
        pair.restore(server);
        pair.answers(server, &[&publish(b"key", b"after"), INVALID]);
    });
}

#[test]
fn a_server_that_comes_again_is_told_hello_and_all_tuples_again() {
    scripted(|pair| {
        let (client, server) = (pair.client(), pair.server());
        pair.says(client, &[HELLO, &publish(b"key", b"before")]);
        pair.answers(server, &[INVALID]);
        pair.lose(server);
        pair.owner("key", "meanwhile");
        pair.says(client, &[&publish(b"key", b"later"), &publish(b"other", b"value")]);
        pair.restore(server);
        pair.answers(server, &[&publish(b"key", b"after"), INVALID]);
        pair.lose(server);
        pair.restore(server);
        pair.owner("key", "last");
    });
}

#[test]
fn a_client_that_is_silent_is_forgotten_without_a_word() {
    with_timeout(QUICK, |pair| {
        let (silent, known, stranger) = (pair.client(), pair.client(), pair.client());
        pair.says(known, &[HELLO]);
        pair.says(silent, &[HELLO, &publish(b"key", b"value")]);
        pair.says(stranger, &[PING]);
        pair.silence(&[silent, stranger]);
        pair.says(known, &[&publish(b"key", b"nobody else is told")]);
        pair.says(stranger, &[PING]);
        pair.says(silent, &[&publish(b"key", b"refused")]);
        pair.says(silent, &[HELLO]);
        pair.owner("key", "all are told");
    });
}

fn tuple(random: &mut Rng) -> (String, String) {
    let mut long = |count| random.choice(["x".repeat(count), String::new()]).unwrap_or_default();
    let (key, value) = (long(100), long(200));
    (format!("key{}{key}", random.u8(0..6)), format!("{}{value}", random.u8(0..3)))
}

fn burst(random: &mut Rng, client: bool) -> Vec<Vec<u8>> {
    (0..random.usize(1..=5))
        .map(|_| match random.u8(0..12) {
            0 | 1 if client => HELLO.to_vec(),
            2 | 3 if client => PING.to_vec(),
            4 => INVALID.to_vec(),
            5 => PONG.to_vec(),
            _ => {
                let (key, value) = tuple(random);
                publish(key.as_bytes(), value.as_bytes())
            }
        })
        .collect()
}

/// A random sequence of all that clients, servers and the owner may do.
fn sequence(pair: &mut Pair, random: &mut Rng, steps: u32, timed: bool, losses: bool) {
    let (mut clients, mut servers) = (Vec::new(), Vec::new());
    for _ in 0..random.u8(0..10) {
        let (key, value) = tuple(random);
        pair.owner(&key, &value);
    }
    for _ in 0..random.u8(1..=3) {
        let client = pair.client();
        pair.says(client, &[HELLO]);
        clients.push(client);
    }
    let mut away = None;
    for step in 0..steps {
        if losses && step % 20 == 10 && !servers.is_empty() {
            let server = servers.swap_remove(random.usize(..servers.len()));
            pair.lose(server);
            away = Some(server);
        } else if let Some(server) = away.take_if(|_| step % 20 == 18) {
            pair.restore(server);
            servers.push(server);
        }
        let frames = burst(random, true);
        let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
        let some: Vec<usize> = clients.iter().copied().filter(|_| random.bool()).collect();
        match random.u8(0..24) {
            0..12 => pair.says(clients[random.usize(..clients.len())], &frames),
            12..17 if !servers.is_empty() => {
                let frames = burst(random, false);
                let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
                pair.answers(servers[random.usize(..servers.len())], &frames);
            }
            17..20 => {
                let (key, value) = tuple(random);
                pair.owner(&key, &value);
            }
            20 if clients.len() < 4 => clients.push(pair.client()),
            21 if servers.len() < 2 && away.is_none() => servers.push(pair.server()),
            22 => pair.reconnect(clients[random.usize(..clients.len())]),
            23 if timed => pair.silence(&some),
            _ if timed => pair.keep_alive(&clients),
            _ => pair.compare_some(random),
        }
        if timed && step % 12 == 11 {
            pair.silence(&some);
        }
    }
}

fn seeds(count: u64) -> std::ops::Range<u64> {
    let chosen = std::env::var("ZGOSSIP_SIM_SEED").ok().and_then(|text| text.parse().ok());
    chosen.map_or(0..count, |seed: u64| seed..seed + 1)
}

#[test]
fn the_model_answers_random_sequences_as_czmq_does() {
    for seed in seeds(40) {
        println!("ZGOSSIP_SIM_SEED={seed}");
        let mut pair = Pair::new(NEVER);
        sequence(&mut pair, &mut Rng::with_seed(seed), 60, false, seed % 5 == 0);
        pair.finish();
    }
}

#[test]
fn the_model_answers_random_sequences_with_silences_as_czmq_does() {
    for seed in seeds(8) {
        println!("ZGOSSIP_SIM_SEED={seed}");
        with_timeout(QUICK, |pair| sequence(pair, &mut Rng::with_seed(seed), 24, true, false));
    }
}
