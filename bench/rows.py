# This Source Code Form is subject to the terms of the Mozilla Public
# License, v. 2.0. If a copy of the MPL was not distributed with this
# file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""What is measured: the rows of the table, and the sweeps behind the plots."""

from dataclasses import dataclass, field


@dataclass
class Row:
    """One line of the table: a program, one number of its result, and what the number should be."""

    title: str
    program: str
    full: str  # arguments
    quick: str
    metric: str
    unit: str = ""
    scale: float = 1.0
    more_is_better: bool = True
    # What ours should be: so many times stock's ("ratio"), or a number by itself ("value"), both in the metric's
    # direction.
    ratio: float | None = None
    value: float | None = None
    native_counts: bool = False  # the budget is the native twin's
    limit: str = ""  # the program (and arguments) of the bare limit
    limit_metric: str = ""
    stock: bool = True
    ours: bool = True
    native: bool = True
    runs: int = 0  # 0: as the mode says; more where the machine has two speeds (see README.md)
    note: str = ""


K = 1e-3

ROWS = [
    Row("one node, PUBLISH → own DELIVER", "publish", "300000", "100000", "rate", "k/s", K, ratio=3.5,
        limit="raw echo", runs=9),
    Row("A → B over tcp, 100 000 tuples", "pair", "100000", "50000", "rate", "k/s", K, ratio=5,
        limit="raw dealer", runs=7),
    Row("the same, CPU for each tuple", "pair", "100000", "50000", "cpu_us", "µs", more_is_better=False,
        limit="raw dealer"),
    Row("hub and 50 leaves, tcp, 5 000 tuples, deliveries", "converge", "star 51 5000", "star 51 2000", "rate",
        "k/s", K, ratio=5, runs=7),
    Row("the same, CPU", "converge", "star 51 5000", "star 51 2000", "cpu", "s", more_is_better=False),
    Row("1 000 nodes on one hub, each publishes one, all hold all", "converge", "swarm 1000 1000", "swarm 200 200",
        "seconds", "s", more_is_better=False, ratio=1 / 5, runs=5),
    Row("the same, CPU", "converge", "swarm 1000 1000", "swarm 200 200", "cpu", "s", more_is_better=False,
        ratio=1 / 5),
    Row("late joiner takes 100 000 tuples, tcp", "late", "100000", "50000", "rate", "k/s", K, ratio=8,
        limit="raw deliver 100000", runs=9),
    Row("rejoin, 100 of 100 000 missing: bytes", "rejoin", "100000", "100000", "bytes", "kB", K,
        more_is_better=False, ratio=0.01),
    Row("the same, time", "rejoin", "100000", "100000", "seconds", "ms", 1e3, more_is_better=False),
    Row("20 nodes, full mesh, tcp: transmissions for each tuple", "converge", "mesh 20 1000", "mesh 20 300",
        "tuples_sent/tuples", "", more_is_better=False, value=1.5 * 19),
    Row("10 hops in a chain, tcp, median", "chain", "10 2000", "10 500", "median_us", "µs", more_is_better=False,
        ratio=0.8, limit="raw chain"),
    Row("memory for each tuple (63-byte value)", "memory", "500000", "200000", "bytes", "B", more_is_better=False,
        ratio=0.7),
    Row("threads of one node with 10 CONNECTs", "threads", "10", "10", "threads", "", more_is_better=False, value=1),
    Row("its descriptors", "threads", "10", "10", "descriptors", "", more_is_better=False, value=25),
    Row("native API, A → B over tcp", "pair", "500000", "300000", "rate", "k/s", K, value=1e6, native_counts=True,
        stock=False, ours=False, limit="raw dealer 1000000"),
    Row("hub with 1 000 silent plain clients, of one core", "idle", "1000 5 plain", "300 2 plain", "percent", "%",
        more_is_better=False, value=3),
    Row("hub with 1 000 nodes connected that have nothing to say", "idle", "1000 5 nodes", "300 2 nodes", "percent",
        "%", more_is_better=False, value=3),
    Row("1 000 nodes in one process: start", "startstop", "1000", "200", "ready", "s", more_is_better=False, value=5),
    Row("1 000 nodes in one process: stop", "startstop", "1000", "200", "stop", "s", more_is_better=False, value=5),
    Row("1 000 000 tuples of 100 bytes to a late joiner", "late", "1000000 77", "", "seconds", "s", more_is_better=False, runs=1),
    Row("the same, memory for each tuple in the hub", "late", "1000000 77", "", "hub_bytes_per_tuple", "B",
        more_is_better=False, runs=1),
    Row("the same, memory for each tuple in the joiner", "late", "1000000 77", "", "late_bytes_per_tuple", "B",
        more_is_better=False, runs=1),
]


@dataclass
class Sweep:
    """Runs of converge with one number varied; one plot for each thing that is seen in the result."""

    name: str
    title: str
    axis: str
    points: list
    arguments: str  # with {x}
    stock_up_to: int = 0
    see: list = field(default_factory=lambda: ["seconds", "cpu", "bytes", "frames"])


NODES = [10, 30, 100, 300, 1000]

SWEEPS = [
    Sweep("nodes-star", "star, 500 tuples", "nodes", NODES, "star {x} 500 0 60", stock_up_to=1000),
    Sweep("nodes-ring", "ring with chords, 500 tuples", "nodes", NODES, "ring {x} 500 0 60", stock_up_to=300),
    Sweep("nodes-random", "random graph of degree 4, 500 tuples", "nodes", NODES, "random {x} 500 0 60",
          stock_up_to=300),
    Sweep("nodes-mesh", "full mesh, 500 tuples", "nodes", [5, 10, 20, 40], "mesh {x} 500 0 60", stock_up_to=40),
    Sweep("tuples", "two nodes", "tuples", [1000, 10000, 100000, 1000000], "chain 2 {x} 0 90", stock_up_to=1000000),
    # Stock nodes do not come to an end when a key changes twice within a round trip.
    Sweep("updates", "star of 10, updates of 1 000 keys", "updates", [1000, 10000, 100000, 1000000],
          "star 10 1000 {x} 90"),
]
