//! Topologies: pairs of client and server.

use fastrand::Rng;

pub type Links = Vec<(usize, usize)>;

fn turned(random: &mut Rng, a: usize, b: usize) -> (usize, usize) {
    if random.bool() { (a, b) } else { (b, a) }
}

/// Links from all nodes to the first.
pub fn star(count: usize) -> Links {
    (1..count).map(|leaf| (leaf, 0)).collect()
}

/// A ring with some links across.
pub fn ring_with_chords(count: usize, chords: usize, random: &mut Rng) -> Links {
    let mut links: Links = (0..count).map(|i| turned(random, i, (i + 1) % count)).collect();
    for _ in 0..chords {
        let (a, b) = (random.usize(0..count), random.usize(0..count));
        if a != b {
            links.push((a, b));
        }
    }
    links
}

/// A random tree with some more links.
pub fn random_graph(count: usize, more: usize, random: &mut Rng) -> Links {
    let mut links: Links = Vec::new();
    for node in 1..count {
        let other = random.usize(0..node);
        links.push(turned(random, node, other));
    }
    for _ in 0..more {
        let (a, b) = (random.usize(0..count), random.usize(0..count));
        if a != b {
            links.push((a, b));
        }
    }
    links
}

/// Links from every node to every other.
pub fn mesh(count: usize) -> Links {
    (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))).collect()
}

/// A star of hubs, each with leaves of its own: about as many hubs as leaves of a hub.
pub fn star_of_hubs(count: usize) -> Links {
    let hubs = count.isqrt();
    let up = |node| if node <= hubs { 0 } else { 1 + node % hubs };
    (1..count).map(|node| (node, up(node))).collect()
}

/// Links of one of the first three topologies.
pub fn any(count: usize, random: &mut Rng) -> Links {
    match random.u32(0..3) {
        0 => star(count),
        1 => ring_with_chords(count, count / 4, random),
        _ => {
            let more = random.usize(0..=count);
            random_graph(count, more, random)
        }
    }
}
