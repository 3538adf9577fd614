//! The inputs of the fuzzers that are kept: where each began, and all that ever failed.

use std::fs;
use std::path::{Path, PathBuf};

use targets::ALL;

/// Changed inputs that are tried beside those that are kept, for each target.
const MUTATIONS: usize = 2000;

fn inputs(kind: &str, target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind).join(target);
    let entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
    let mut found: Vec<_> = entries.iter().map(fs::DirEntry::path).filter(|path| path.is_file()).collect();
    found.sort();
    found.into_iter().map(|path| (path.clone(), fs::read(path).expect("an input"))).collect()
}

/// The name of the input is printed before it is tried, so that a panic is behind it.
#[test]
fn what_the_fuzzers_keep_is_replayed() {
    for (name, run) in ALL {
        let seeds = inputs("seeds", name);
        assert!(!seeds.is_empty(), "{name} has seeds");
        for (path, input) in seeds.into_iter().chain(inputs("failed", name)) {
            eprintln!("{}", path.display());
            run(&input);
        }
    }
}

#[test]
fn what_is_near_the_kept_inputs_does_no_harm_either() {
    let seed = std::env::var("ZGOSSIP_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("ZGOSSIP_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for (name, run) in ALL {
        let kept: Vec<_> = inputs("seeds", name).into_iter().chain(inputs("failed", name)).collect();
        for _ in 0..MUTATIONS {
            let mut input = kept[random.usize(..kept.len())].1.clone();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..=input.len());
                match random.u8(..4) {
                    0 if at < input.len() => input[at] = random.u8(..),
                    1 => input.insert(at, random.u8(..)),
                    2 => input.truncate(at.max(1)),
                    _ => {
                        let other = &kept[random.usize(..kept.len())].1;
                        input.extend_from_slice(&other[random.usize(..=other.len())..]);
                    }
                }
            }
            eprintln!("{name} {}", input.escape_ascii());
            run(&input);
        }
    }
}
