//! What peers may not read.

use super::*;
use crate::core::codec::Prefix;
use crate::core::codec::lists::{
    add_digest, add_entries, add_entry, announce_frame, digest_frame, entries_frame, offer_frame,
    request_frame,
};

/// Rules by which `w` may read two places, and write one of them.
const SECRETS: [(&str, &str, &str); 4] =
    [("*", "", "write"), ("w", "open/", "read"), ("w", "w/", "write"), ("w", "open/not/", "none")];

/// Checks that a frame tells nothing of a key: neither itself nor its hash.
fn tells_nothing(frames: &[Frame], key: &str) {
    let hash = key_hash(key.as_bytes()).to_be_bytes();
    for frame in frames {
        let has = |part: &[u8]| frame.bytes().windows(part.len()).any(|window| window == part);
        assert!(!has(key.as_bytes()) && !has(&hash), "{key} in {:?}", frame.bytes());
    }
}

#[test]
fn what_a_peer_may_not_read_it_is_not_sent_in_any_form_and_both_agree() {
    for is_hub_client in [false, true] {
        for keys in [2, 300] {
            let mut star = Star::new(2, is_hub_client);
            star.nodes[0].set_rights(&rights(&SECRETS));
            let places = ["secret/", "open/", "open/not/", "w/", "o"];
            let mut all = Vec::new();
            let mut round = |star: &mut Star, name: &str, ttl: u32| {
                for key in 0..keys {
                    for place in places {
                        let key = format!("{place}{name}{key}");
                        star.publish(2, &key, "value", ttl);
                        all.push(key);
                    }
                }
            };
            round(&mut star, "fresh", 0);
            round(&mut star, "short", 5000);
            star.run(2000);
            star.part();
            round(&mut star, "while away", 0);
            for place in places {
                star.retract(2, &format!("{place}fresh0"));
                star.publish(1, &format!("w/own{place}"), "mine", 0);
            }
            star.run(1000);
            star.meet();
            star.run(10_000);
            let shown: Vec<_> = all.iter().filter(|key| star.value(1, key).is_some()).collect();
            assert_eq!(shown.len() as u64, 2 * (2 * keys - 1), "{keys}, {is_hub_client}");
            for key in &all {
                let is_open =
                    key.starts_with("w/") || key.starts_with("open/") && !key.starts_with("open/not/");
                if !is_open {
                    tells_nothing(&star.to_first, key);
                }
            }
            assert_eq!(star.value(2, "w/ownw/").as_deref(), Some("mine"));
            assert_eq!((star.refused(), star.told()), (0, Some(0)), "{keys}, {is_hub_client}");
            assert_eq!(star.nodes[0].agreement(), Agreement { agree: 2, differ: 0 });
            assert_eq!(star.nodes[1].agreement(), Agreement { agree: 1, differ: 0 });
            assert_eq!(star.traffic(3), (0, 0), "{keys}, {is_hub_client}");
        }
    }
}

/// Answers of a hub to what a peer sends that guesses a key and its stamp; the hub holds the key, or does not.
fn answers_to_guesses(is_held: bool) -> Vec<(usize, Vec<u8>)> {
    let mut star = Star::new(1, false);
    star.nodes[0].set_rights(&rights(&SECRETS));
    star.publish(0, "open/a", "value", 0);
    if is_held {
        star.publish(0, "secret", "value", 0);
    }
    star.run(3000);
    let ([near, _], now, hash) = (star.links[0], Now::at(star.now), key_hash(b"secret"));
    let held = star.nodes[0].store.find(b"secret").map(|slot| star.nodes[0].store.held(slot).stamp);
    let time = star.nodes[0].store.held(star.nodes[0].store.find(b"open/a").unwrap()).stamp.time + 1;
    assert_eq!(held.is_some_and(|held| held.time == time), is_held);
    let mut guesses = vec![request_frame(&[hash])];
    for time in [1, time, time + 1] {
        let stamp = Stamp { time, origin: star.nodes[0].id() };
        let entry = Entry { hash, stamp };
        let lists = [offer_frame(), announce_frame()].map(|mut list| {
            add_entry(&mut list, &entry);
            list
        });
        guesses.extend(lists);
        let mut entries = entries_frame();
        add_entries(&mut entries, Prefix { depth: 15, bits: hash & !15 }, &[entry]);
        guesses.push(entries);
        guesses.push(encode_publish(&Tuple::new(b"secret", b"value"), 0, Some(stamp)));
        for depth in [0, 2, 4, 15] {
            let mut digest = digest_frame();
            let bits = hash & !u64::MAX.checked_shr(4 * depth).unwrap_or(0);
            add_digest(&mut digest, Prefix { depth: depth as u8, bits }, &[1; 16]);
            guesses.push(digest);
        }
    }
    let mut answers = Vec::new();
    for (number, guess) in guesses.iter().enumerate() {
        star.nodes[0].handle_frame(near, guess, now);
        while let Some(frame) = star.nodes[0].poll_transmit(near, now) {
            // Its clock is later where there was one write more.
            if frame.bytes()[2] != MessageId::Heartbeat as u8 {
                answers.push((number, frame.bytes().to_vec()));
            }
        }
    }
    answers
}

#[test]
fn a_peer_that_guesses_cannot_tell_what_it_may_not_read_from_what_is_not_there() {
    let answers = [true, false].map(answers_to_guesses);
    assert!(answers[0].len() > 5);
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn rules_of_reading_that_change_count_for_peers_that_are_connected() {
    for is_hub_client in [false, true] {
        let mut star = Star::new(2, is_hub_client);
        star.nodes[0].set_rights(&rights(&SECRETS));
        for key in 0..20 {
            star.publish(2, &format!("secret/{key}"), "1", 0);
            star.publish(2, &format!("open/{key}"), "1", 0);
        }
        star.run(5000);
        assert_eq!(star.nodes[1].count(), 20);
        star.nodes[0].set_rights(&rights(&[("*", "", "write"), ("w", "", "read")]));
        star.run(15_000);
        assert_eq!(star.nodes[1].count(), 40, "{is_hub_client}");
        star.nodes[0].set_rights(&rights(&SECRETS));
        star.publish(2, "secret/0", "2", 0);
        star.publish(2, "open/0", "2", 0);
        star.run(15_000);
        // What it has it keeps; what is new it is not sent.
        assert_eq!(star.value(1, "secret/0").as_deref(), Some("1"));
        assert_eq!(star.value(1, "open/0").as_deref(), Some("2"));
        assert_eq!((star.refused(), star.told()), (0, Some(20)), "{is_hub_client}");
        assert_eq!(star.traffic(10), (0, 0), "{is_hub_client}");
    }
}

#[test]
fn a_plain_peer_is_sent_what_it_may_read_and_no_more() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    node.set_rights(&rights(&SECRETS));
    for role in [Role::Server, Role::Client] {
        for key in ["secret", "open/a", "open/not/b", "w/c"] {
            node.publish(key.as_bytes(), format!("{role:?}").as_bytes(), 0, Now::at(1)).unwrap();
        }
        let link = node.open_link(role, Now::at(1)).unwrap();
        node.set_subjects(link, &[b"w"]);
        let mut sent = Vec::new();
        let mut run = |node: &mut Node, from: u64, to: u64| {
            for mono in from..to {
                node.handle_timeout(Now::at(mono));
                while let Some(frame) = node.poll_transmit(link, Now::at(mono)) {
                    if role == Role::Client && frame.bytes()[2] == MessageId::Ping as u8 {
                        node.handle_frame(
                            link,
                            &encode(MessageId::Pong, &Extension::default()),
                            Now::at(mono),
                        );
                    }
                    sent.push(frame);
                }
            }
        };
        match role {
            Role::Server => {
                node.handle_frame(link, &encode(MessageId::Hello, &Extension::default()), Now::at(1));
            }
            Role::Client => node.link_up(link, Now::at(1)),
        }
        run(&mut node, 2, 5000);
        node.publish(b"secret", b"again", 0, Now::at(5000)).unwrap();
        node.publish(b"open/a", b"again", 0, Now::at(5000)).unwrap();
        // What it says of a key that it may not read is not answered.
        for value in [&b"again"[..], b"other"] {
            node.handle_frame(link, &encode_publish(&Tuple::new(b"secret", value), 0, None), Now::at(5000));
        }
        run(&mut node, 5001, 60_000);
        for key in ["secret", "open/not/b"] {
            tells_nothing(&sent, key);
        }
        let has =
            |part: &[u8]| sent.iter().any(|frame| frame.bytes().windows(part.len()).any(|it| it == part));
        assert!(has(b"open/a") && has(b"w/c") && has(b"again"));
        assert_eq!(node.get(b"secret", Now::at(60_000)).unwrap().value(), b"again");
        node.close_link(link, Now::at(60_000));
    }
}

#[test]
fn a_newcomer_is_sent_everything_that_it_may_read_and_no_more() {
    for is_hub_client in [false, true] {
        let mut star = Star::new(1, is_hub_client);
        star.nodes[0].set_rights(&rights(&SECRETS));
        star.part();
        for key in 0..300 {
            star.publish(0, &format!("secret/{key}"), "value", 0);
            star.publish(0, &format!("open/{key}"), "value", 0);
        }
        star.meet();
        star.run(3000);
        assert_eq!(star.nodes[1].count(), 300, "{is_hub_client}");
        (0..300).for_each(|key| tells_nothing(&star.to_first, &format!("secret/{key}")));
    }
}
