//! Writes down what `scale` and `delivery` measure: tables to read, and points for the plots.
//!
//! Nothing in it depends on the machine or the time of day: whoever runs it again gets the same.

use super::delivery::{self, FAULTS, Faults, Outcome, share};
use super::scale::{self, Measured, Round};
use super::{MS, in_parallel};
use std::fmt::Write;
use std::path::Path;

const SEED: u64 = 1;
const NODES: [usize; 4] = [10, 100, 1000, 10_000];
const TUPLES: [usize; 2] = [1, 100];

/// Measures, and writes `doc/benchmarks/simulated.md` and `build/simulated.json`.
pub fn write() {
    let mut text = String::from(INTRODUCTION);
    let mut sizes = Vec::new();
    for (network, nodes) in (0..scale::NETWORKS.len()).flat_map(|network| NODES.map(|nodes| (network, nodes)))
    {
        sizes.extend(TUPLES.map(|tuples| (network, nodes, tuples)));
    }
    // The largest go first, so that none is left for the end.
    sizes.sort_by_key(|&(network, nodes, tuples)| (std::cmp::Reverse(nodes * tuples), network));
    let found = in_parallel(&sizes, |&(network, nodes, tuples)| {
        scale::measure(SEED, &scale::NETWORKS[network], nodes, tuples)
    });
    let mut rows: Vec<_> = sizes.into_iter().zip(found).collect();
    rows.sort_unstable_by_key(|&((network, nodes, tuples), _)| (tuples, network, nodes));
    text += SIZES;
    for row in &rows {
        size_lines(&mut text, row);
    }
    let lacking = faults(&mut text);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let put = |name: &str, text: String| {
        let file = folder.join(name);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).expect("a folder can be made");
        }
        std::fs::write(&file, text).expect("a file can be written");
        println!("written: {name}");
    };
    put("doc/benchmarks/simulated.md", text);
    put("build/simulated.json", points(&rows));
    assert!(lacking.is_empty(), "not everything arrived: {lacking:#?}");
}

/// Writes the table of runs with faults. Returns what did not arrive.
fn faults(text: &mut String) -> Vec<String> {
    let (mut lines, mut lacking) = (String::new(), Vec::new());
    let (mut all, mut complete) = (0, [0; 2]);
    for (network, faults) in
        delivery::NETWORKS.iter().flat_map(|network| FAULTS.map(|faults| (network, faults)))
    {
        let case = format!("{}, faults: {}", network.name, faults.name);
        eprintln!("{case}");
        let seeds: Vec<u64> = (0..network.seeds).collect();
        let runs = in_parallel(&seeds, |&seed| {
            [false, true].map(|floods| delivery::run(seed, network, &faults, floods))
        });
        all += runs.len();
        for (seed, outcomes) in runs.iter().enumerate() {
            for (mode, outcome) in outcomes.iter().enumerate() {
                complete[mode] += outcome.complete;
                if outcome.missing > 0 {
                    lacking
                        .push(format!("{case}, seed {seed}, {}: {} missing", MODES[mode], outcome.missing));
                }
            }
        }
        fault_lines(&mut lines, network, &faults, runs);
    }
    let [tree, flooding] = complete;
    let summary = format!(
        "Everything arrived in {tree} of {all} runs with the tree, and in {flooding} of {all} when flooding."
    );
    let _ = write!(text, "{ABOUT_FAULTS}\n{summary}\n\n{FAULT_COLUMNS}{lines}");
    lacking
}

const MODES: [&str; 2] = ["tree", "flooding"];

type Row = ((usize, usize, usize), Measured);

const INTRODUCTION: &str = "\
# Simulated

Made by `make simulate`, which runs the core of the library in a network simulated by `tests/sim`, in virtual time, from
the seeds that are named. Another run makes the same file, to the last digit.

Each link takes 1 to 20 ms one way (drawn at random for each link at the start), and up to a tenth more for each frame;
10 µs pass between two frames on a link. The nodes themselves take no time, and nothing else limits what a link carries:
the times are those of the protocol. Values have 63 bytes. Frames and bytes are ZGP's, without those that only keep
links alive (HELLO, PING, PONG, HEARTBEAT).

An *arrival* is a tuple that comes to a node that did not have it. Each takes at least one transmission, so the smallest
possible number of tuples sent for each arrival is 1.00.
";

const SIZES: &str = "
## Time and messages until all hold all

Seed 1. Tuples are published at the same moment, each by another node where there are enough nodes. *First* is a network
where nobody has published before: a tuple goes over all links, and a node that gets it twice prunes one of them. *Third*
is the third time that the same nodes publish. Times are those from the publication until half of all arrivals, and until
the last one; messages and bytes include what follows within three seconds.

![time and messages against nodes](simulated.svg)

| network | nodes | links | tuples | | half | all | tuples sent | for each arrival | frames | kB |
| --- | --: | --: | --: | --- | --: | --: | --: | --: | --: | --: |
";

const ABOUT_FAULTS: &str = "
## The tree against flooding, under faults

The same network meets the same faults twice: as it is (*tree*), and without pruning (*flooding*: each tuple goes over
each link but the one that it came by, and not back to its origin). Faults go on for 20 s, while ten nodes publish 400
tuples; then they end, and 20 s later all tuples at all nodes are counted. A tuple is due at every node unless all nodes
that held it were killed.

Of 30 nodes, in each second: *links cut*: one connection breaks, for up to 5 s; in half of the cases both ends see it
up to 10 s late. *Nodes killed*: in every other second, one ends and comes back with nothing within 3 s. *Partitions*:
three times in a run the network falls into two random parts, for 1 to 4 s, which is seen up to 3 s late. *Frames
lost*: 2 % of all frames, while the connection goes on, which no transport does; HELLO and PONG, which begin a
session, are spared. Of more nodes, more are hit in proportion.

Times are those from the publication to the arrival at nodes that lived all that time. Nodes that were cut off are
included, and account for the worst times. *Later* is how much later than with flooding the same tuple came to the same
node: 99 % and 99.9 % of all are below. Tuples sent, frames and bytes are for each arrival; arrivals at nodes that came
back with nothing are included.
";

const FAULT_COLUMNS: &str = "\
| network | faults | seeds | | everything arrived | median | 99 % | worst | later, 99 % | 99.9 % | tuples sent | frames | bytes |
| --- | --- | --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |
";

/// Microseconds as milliseconds.
fn ms(time: u64) -> String {
    format!("{:.1} ms", time as f64 / MS as f64)
}

/// A number with spaces between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

fn kilobytes(bytes: u64) -> String {
    if bytes < 10_000 { format!("{:.1}", bytes as f64 / 1e3) } else { grouped((bytes + 500) / 1000) }
}

fn size_lines(text: &mut String, &((network, nodes, tuples), measured): &Row) {
    let name = scale::NETWORKS[network].name;
    let (nodes, links) = (grouped(nodes as u64), grouped(measured.links as u64));
    for (which, round) in [("first", measured.first), ("third", measured.last)] {
        let Round { arrivals, all, half, sent, frames, bytes } = round;
        let each = sent as f64 / arrivals as f64;
        let (half, all) = (ms(half), ms(all));
        let (sent, frames, kilobytes) = (grouped(sent), grouped(frames), kilobytes(bytes));
        let row = format!(
            "| {name} | {nodes} | {links} | {tuples} | {which} | {half} | {all} | {sent} | {each:.2} | {frames} | {kilobytes} |"
        );
        let _ = writeln!(text, "{row}");
    }
}

fn fault_lines(text: &mut String, network: &delivery::Network, faults: &Faults, runs: Vec<[Outcome; 2]>) {
    let (mut tree, mut flooding) = (Outcome::default(), Outcome::default());
    let mut later = Vec::new();
    for [one, two] in runs {
        later.append(&mut one.later_than(&two));
        tree.add(one);
        flooding.add(two);
    }
    later.sort_unstable();
    let later = [0.99, 0.999].map(|part| format!("{:.1} ms", share(&later, part) as f64 / MS as f64));
    let later = format!("{} | {}", later[0], later[1]);
    let last = network.seeds - 1;
    for (outcome, mode, later) in [(tree, MODES[0], later.as_str()), (flooding, MODES[1], "|")] {
        let mut delays: Vec<u64> = outcome.delays.iter().flatten().copied().collect();
        delays.sort_unstable();
        let [median, most, worst] = [0.5, 0.99, 1.0].map(|part| ms(share(&delays, part)));
        let complete = 100.0 * outcome.complete as f64 / outcome.runs as f64;
        let each = |number: u64| number as f64 / outcome.arrivals as f64;
        let (sent, frames, bytes) = (outcome.sent_each(), each(outcome.frames), each(outcome.bytes));
        let row = format!(
            "| {} | {} | 0 – {last} | {mode} | {complete} % of runs | {median} | {most} | {worst} | {later} | {sent:.2} | {frames:.2} | {bytes:.0} |",
            network.name, faults.name
        );
        let _ = writeln!(text, "{row}");
    }
}

/// Points that `bench/plot` draws: a line for each network.
fn points(rows: &[Row]) -> String {
    let mut series = Vec::new();
    for (number, network) in scale::NETWORKS.iter().enumerate() {
        let of = |&&((which, _, tuples), _): &&Row| which == number && tuples == TUPLES[1];
        let points: Vec<String> = rows
            .iter()
            .filter(of)
            .map(|((_, nodes, _), Measured { last, .. })| {
                format!("[{nodes}, {}, {}, {}]", last.all as f64 / 1e6, last.bytes, last.frames)
            })
            .collect();
        series.push(format!("\"{}\": [{}]", network.name, points.join(", ")));
    }
    format!(
        "{{\"sweeps\": [{{\"name\": \"simulated\", \"title\": \"simulated: 100 tuples, published for the third time\", \
         \"axis\": \"nodes\", \"columns\": [\"nodes\", \"seconds\", \"bytes\", \"frames\"], \"series\": {{{}}}}}]}}\n",
        series.join(", ")
    )
}
