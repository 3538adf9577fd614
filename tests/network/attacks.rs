//! Attacks on a hub, beside an honest pair that talks over it: it is served as if nothing were.

use std::time::Duration;

use common::attack::{LIMIT, RawLink, Spoiler, Victim, beside, crowd, flood, frames, must_serve, mute};
use common::{LONG, Lib};

/// Links of a crowd of attackers.
const LINKS: usize = 60;

#[test]
fn a_flood_of_pings_delays_nobody() {
    let victim = Victim::new(Lib::Native);
    must_serve(&victim, LIMIT, "PING on many links", || {
        for attacker in crowd(&victim.endpoint, LINKS) {
            attacker.hello();
            let taken = (0..500).take_while(|_| attacker.try_say(frames::PING)).count();
            assert!(taken > 0);
        }
    });
    victim.must_live();
}

#[test]
fn a_flood_of_spoilt_frames_delays_nobody() {
    let victim = Victim::new(Lib::Native);
    let mut spoiler = Spoiler::new("a flood");
    let extended = frames::introduction(frames::node_id(7));
    let entry = frames::Entry { hash: 1, time: frames::hybrid(frames::wall()), origin: frames::node_id(7) };
    spoiler.learn(&frames::hello(&extended));
    spoiler.learn(&frames::heartbeat(&frames::Fields::new().summary(1, 1)));
    for frame in [frames::request(&[1, 2]), frames::announce(&[entry]), frames::offer(&[entry])] {
        spoiler.learn(&frame);
    }
    must_serve(&victim, LIMIT, "spoilt frames on many links", || {
        for (number, attacker) in (1..).zip(crowd(&victim.endpoint, LINKS)) {
            attacker.meet(frames::node_id(number));
            let taken = (0..300).take_while(|_| attacker.try_say(&spoiler.spoil())).count();
            assert!(taken > 0);
            attacker.drain();
        }
    });
    victim.must_live();
}

#[test]
fn connections_that_say_nothing_or_half_a_greeting_delay_nobody() {
    let victim = Victim::new(Lib::Native);
    must_serve(&victim, LIMIT, "silent connections", || {
        let links = mute(&victim.endpoint, 100);
        assert_eq!(links.len(), 100);
        let halves = flood::half_greeted(&victim.endpoint, 100, 11);
        assert_eq!(halves.len(), 100);
    });
    victim.must_live();
}

/// A length that no message may have costs the connection, and nothing of that length is reserved.
#[test]
fn a_length_that_cannot_be_costs_the_connection_alone() {
    let victim = Victim::new(Lib::Native);
    let before = victim.memory().resident;
    must_serve(&victim, LIMIT, "huge lengths", || {
        for length in [1 << 30, u64::from(u32::MAX), 1 << 40, i64::MAX as u64, u64::MAX] {
            let mut link = RawLink::connect(&victim.endpoint).expect("a connection");
            link.handshake().expect("an honest handshake");
            let _ = link.head(length, false);
            assert!(link.is_cut_within(LONG), "{length} bytes");
        }
    });
    let memory = victim.memory();
    assert!(memory.peak < before + (64 << 20), "{memory:?}, before: {before}");
}

/// Clocks around the edge of what is believed, and at the end of all time: beside a right wall clock, and alone.
#[test]
fn clocks_at_the_edge_of_what_is_believed_delay_nobody() {
    for drift in [1000, 3_600_000] {
        let setting = format!("SET server/max_drift {drift}");
        let victim = Victim::with(Lib::Native, &[], &[&setting[..]]);
        must_serve(&victim, LIMIT, "clocks at the edge", || {
            let attackers = crowd(&victim.endpoint, 3);
            attackers.iter().zip(1..).for_each(|(attacker, number)| attacker.meet(frames::node_id(number)));
            for short in (0..1500).rev().step_by(5) {
                let (now, edge) = (frames::wall(), frames::wall() + drift + 50 - short.min(drift));
                for clock in [frames::hybrid(edge), frames::hybrid(now + drift), u64::MAX, 1 << 63] {
                    let fields = frames::Fields::new().clock(clock);
                    let wall = if short % 2 == 0 { now } else { edge };
                    attackers[0].say(&frames::heartbeat(&fields.wall(wall)));
                }
                let stamped = frames::stamped(b"edge", b"1", frames::hybrid(edge), frames::node_id(1));
                attackers[0].say(&stamped);
                attackers[0].drain();
            }
        });
        victim.must_live();
    }
}

/// The measure itself: an attack that makes the hub stand still is seen in the latency of its pair, and of no other.
#[test]
fn a_hub_that_stands_still_is_noticed_by_its_pair_alone() {
    let victim = Victim::new(Lib::Native);
    let still = Duration::from_millis(400);
    let (service, ()) = beside(&victim, || {
        victim.hub.host.stop();
        std::thread::sleep(still);
        victim.hub.host.resume();
    });
    assert_eq!((service.attacked.lost, service.control.lost), (0, 0), "{service}");
    assert!(service.attacked.max >= still - LIMIT && service.attacked.p99 >= still / 2, "{service}");
    assert!(service.control.p50 < still / 2, "{service}");
}
