//! Keys that somebody has chosen so that they have one hash.

use super::*;
use crate::core::tuple::keys_of_hash;

impl Pair {
    /// Puts tuples into a side, with these numbers among the keys of one hash and these times.
    fn put_twins(&mut self, side: usize, twins: impl IntoIterator<Item = (usize, u64)>, keys: &[Vec<u8>]) {
        for (number, time) in twins {
            self.sides[side].put(Tuple::new(&keys[number], b"value"), stamp(time), State::Live);
        }
    }

    /// Compares until both sides are equal. Returns the number of comparisons.
    #[track_caller]
    fn compare_until_equal(&mut self) -> usize {
        let compared = (1..20).find(|&round| {
            self.compare(100_000 * round);
            self.is_equal()
        });
        compared.expect("equal") as usize
    }
}

#[test]
fn a_key_of_which_another_has_the_hash_is_repaired_as_others_are() {
    let honest = b"honest".to_vec();
    let mut keys: Vec<Vec<u8>> = vec![honest.clone()];
    keys.extend(keys_of_hash(crate::core::tuple::key_hash(&honest)).take(60));
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..100 {
        let mut pair = Pair::new(if round % 2 == 0 { 100 } else { 10_000 });
        let count = random.usize(1..if round % 3 == 0 { 60 } else { 4 });
        for side in [0, 1] {
            let mut twins: Vec<(usize, u64)> =
                (0..=count).map(|number| (number, 10 + number as u64)).collect();
            random.shuffle(&mut twins);
            pair.put_twins(side, twins, &keys);
        }
        assert!(pair.is_equal());
        // One side has missed a write of the honest key, or never had it, or both have something new.
        match random.usize(0..3) {
            0 => pair.put_twins(random.usize(0..2), [(0, random.u64(100..110))], &keys),
            1 => {
                let slot = pair.sides[1].store.find(&honest).unwrap();
                pair.sides[1].store.remove(slot);
            }
            _ => {
                pair.put_twins(0, [(0, random.u64(1..1000))], &keys);
                pair.put_twins(1, [(random.usize(0..=count), random.u64(1..1000))], &keys);
            }
        }
        let newest = [0, 1].map(|side| {
            let store = &pair.sides[side].store;
            store.find(&honest).map(|slot| store.held(slot).stamp)
        });
        let compared = pair.compare_until_equal();
        assert!(compared <= 3, "{compared} comparisons");
        let sent: usize = pair.sent().iter().sum();
        assert!(sent <= 3 * (count + 1), "{sent} of {count}");
        for side in [0, 1] {
            let store = &pair.sides[side].store;
            let held = store.find(&honest).map(|slot| store.held(slot).stamp);
            assert_eq!(held, newest.into_iter().flatten().max());
        }
    }
}

/// The numbers of twins and the times of their writes, each another one: alike, two of them would cancel each other out.
fn at_times(numbers: std::ops::Range<usize>) -> impl DoubleEndedIterator<Item = (usize, u64)> {
    numbers.map(|number| (number, 10 + number as u64))
}

#[test]
fn more_keys_with_one_hash_than_a_list_names_come_all_the_same() {
    let honest = b"honest".to_vec();
    let mut keys: Vec<Vec<u8>> = keys_of_hash(crate::core::tuple::key_hash(&honest)).take(700).collect();
    keys.push(honest);
    for missing in [0, 1] {
        let mut pair = Pair::new(100);
        pair.put_twins(1 - missing, at_times(0..701), &keys);
        pair.put_twins(missing, at_times(0..300).rev(), &keys);
        assert!(pair.compare_until_equal() <= 2);
        assert!(pair.sides[missing].store.find(b"honest").is_some());
        let sent: usize = pair.sent().iter().sum();
        assert!(sent <= 2 * (701 + 100), "{sent}");
    }
}

/// A side that takes nothing: it has no room, say.
#[test]
fn a_crowd_that_differs_for_good_is_sent_every_five_minutes_at_most() {
    let keys: Vec<Vec<u8>> = keys_of_hash(7).take(300).collect();
    let mut pair = Pair::new(100);
    pair.put_twins(1, at_times(0..300), &keys);
    pair.put_twins(0, at_times(100..300).rev(), &keys);
    let (before, mut compared) = (pair.sides[0].store.clone(), 0);
    for second in 1..=600 {
        // Something else changes each time.
        let Pair { sides, .. } = &mut pair;
        sides[0].store = before.clone();
        for side in sides.iter_mut() {
            side.write(0, 10 + second);
        }
        compared += usize::from(pair.compare(1000 * second));
    }
    let sent: usize = pair.sent().iter().sum();
    assert!(compared >= 40 && sent <= 3 * (400 + 300), "{sent} in {compared} comparisons");
}
