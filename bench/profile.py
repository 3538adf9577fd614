"""Where the time goes: see profile.sh."""

import collections
import os
import re
import shutil
import subprocess
import sys

# Name, what it is, program and arguments, and the number of tuples: for callgrind, and for perf.
PATHS = [
    ("publish", "One node, PUBLISH to its own DELIVER", ["publish"], 20_000, 500_000),
    ("pair", "A to B over tcp", ["pair"], 20_000, 500_000),
    ("late", "A late joiner takes all", ["late"], 20_000, 300_000),
    ("swarm", "A thousand nodes on one hub", ["converge", "swarm", "1000"], None, 1000),
]

# What an instruction belongs to: by the file that its line comes from, or, for lines of Rust's own library, by the
# function that they are part of.
OURS = ["commands, pipe", "inbox", "engine", "codec", "node", "store", "digest", "change log", "batch"]
FILES = [
    (r"libzmq", "libzmq"),
    (r"libczmq", "CZMQ"),
    (r"malloc", "allocator"),
    (r"(^|/)bench/", "the program"),
    (r"core/codec/", "codec"),
    (r"core/store/digest\.rs|xxhash", "digest"),
    (r"core/store/change_log\.rs", "change log"),
    (r"core/(store/|tuple\.rs)|ahash|triomphe", "store"),
    (r"core/node/transmit\.rs", "batch"),
    (r"src/core/", "node"),
    (r"actor/command/inbox\.rs", "inbox"),
    (r"src/(actor|ffi)/", "commands, pipe"),
    (r"src/engine/", "engine"),
    (r"libc\.|libstdc", "memcpy and other libc"),
]
FUNCTIONS = [
    (r"__rdl_|__rust_", "allocator"),
    (r"core::codec|memchr", "codec"),
    (r"core::store::digest", "digest"),
    (r"core::store::change_log", "change log"),
    (r"core::(store|tuple)|ahash", "store"),
    (r"core::node::transmit", "batch"),
    (r"zgossip::core", "node"),
    (r"actor::command::inbox", "inbox"),
    (r"zgossip::(actor|ffi)", "commands, pipe"),
    (r"zgossip::engine", "engine"),
]


def layer(name):
    """The layer of one line of callgrind_annotate: file:function [object]."""
    file, _, function = name.partition(":")
    library = "/library/" in file or "hashbrown" in file
    text = function if library else file + function[function.rfind("["):]
    for pattern, found in FUNCTIONS if library else FILES:
        if re.search(pattern, text):
            return found
    return "other"


def environment(build):
    return dict(os.environ, LD_PRELOAD=os.path.realpath(f"{build}/libzgossip.so.1"))


def instructions(build, command, tuples):
    """Instructions by layer of one run."""
    out = f"{build}/callgrind.out"
    tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
    subprocess.run(
        [*tool, f"{build}/{command[0]}", *command[1:], str(tuples)],
        env=environment(build), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    text = subprocess.run(
        ["callgrind_annotate", "--auto=no", "--threshold=100", "--show-percs=no", out],
        check=True, capture_output=True, text=True,
    ).stdout
    layers = collections.Counter()
    for line in text.splitlines():
        found = re.match(r"\s*([\d,]+)\s+(\S.*)$", line)
        if found and "PROGRAM TOTALS" not in line:
            layers[layer(found[2])] += int(found[1].replace(",", ""))
    return layers


def show_instructions(build, name, title, command, tuples):
    many, none = instructions(build, command, tuples), instructions(build, command, 0)
    many.subtract(none)
    total = sum(many.values())
    print(f"\n### {title}: instructions for each tuple, {total / tuples:.0f}\n")
    print("| layer | instructions | share |\n| --- | --- | --- |")
    for layer_name, count in many.most_common():
        if count > total / 500:
            ours = "ours: " if layer_name in OURS else ""
            print(f"| {ours}{layer_name} | {count / tuples:.0f} | {100 * count / total:.1f} % |")


def samples(build, command, tuples):
    """Samples of CPU time: thread, name of the thread, seconds, stack of (function, object), innermost first."""
    data = f"{build}/perf.data"
    subprocess.run(
        ["perf", "record", "-q", "-e", "cpu-clock", "-F", "4000", "-g", "-o", data, f"{build}/{command[0]}",
         *command[1:], str(tuples)],
        env=environment(build), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    text = subprocess.run(
        ["perf", "script", "-i", data, "-F", "comm,tid,time,ip,sym,dso"], capture_output=True, text=True
    ).stdout
    found = []
    for line in text.splitlines():
        head = re.match(r"(\S.*?)\s+(\d+)\s+([\d.]+):", line)
        frame = re.match(r"\s+[0-9a-f]+ (.*) \((.*)\)$", line)
        if head:
            found.append((int(head[2]), head[1], float(head[3]), []))
        elif frame and found:
            found[-1][3].append((frame[1], os.path.basename(frame[2])))
    return [sample for sample in found if sample[3]]


def place(stack):
    """What a sample's innermost function belongs to."""
    function, thing = stack[0]
    if "kernel" in thing:
        return "kernel"
    if "zgossip" in thing:
        return "ours"
    if "libzmq" in thing:
        return "libzmq"
    if re.search(r"malloc|free|calloc|realloc|unlink_chunk|heap|arena|memalign", function) and "libc" in thing:
        return "allocator"
    if re.search(r"libc\.|libstdc|ld-linux|vdso", thing):
        return "libc"
    return "the program"


def kernel(stack):
    """What the kernel was asked for."""
    names = [function for function, thing in stack if "kernel" in thing]
    for name in reversed(names):
        call = re.match(r"__x64_sys_(\w+)", name)
        if call:
            return call[1]
    if any("page_fault" in name for name in names):
        return "page faults"
    return "other"


def show_time(build, name, title, command, tuples):
    taken = samples(build, command, tuples)
    main = min(tid for tid, *_ in taken)
    threads = collections.Counter(tid for tid, comm, *_ in taken if tid != main and "ZMQ" not in comm)
    busiest = [tid for tid, _ in threads.most_common(2)]
    first, last = min(busiest), max(busiest)
    if name == "late":
        # Only from when the joiner is there.
        begin = min(at for tid, _, at, _ in taken if tid == last)
        taken = [sample for sample in taken if sample[2] >= begin]
    names = {
        "publish": {},
        "pair": {first: "node A", last: "node B"},
        "late": {first: "the hub", last: "the joiner"},
        "swarm": {busiest[0]: "the hub"},
    }[name]

    def role(tid, comm):
        if "ZMQ" in comm:
            return "libzmq's thread"
        others = "the node" if name == "publish" else "the other nodes"
        return "the program's thread" if tid == main else names.get(tid, others)

    columns = ["kernel", "libzmq", "allocator", "libc", "ours", "the program"]
    cells, calls = collections.Counter(), collections.Counter()
    for tid, comm, _, stack in taken:
        cells[role(tid, comm), place(stack)] += 1
        if place(stack) == "kernel":
            calls[kernel(stack)] += 1
    total = len(taken)
    percent = lambda count: f"{100 * count / total:.0f}"
    print(f"\n### {title}: CPU time, percent of {total} samples\n")
    print("| thread | all |", " | ".join(columns), "|\n| --- | --- |", " | ".join("---" for _ in columns), "|")
    sums = collections.Counter()
    for (thread, _), count in cells.items():
        sums[thread] += count
    for thread, count in sums.most_common():
        print(f"| {thread} | {percent(count)} |", " | ".join(percent(cells[thread, c]) for c in columns), "|")
    print("| all | 100 |", " | ".join(percent(sum(cells[t, c] for t in sums)) for c in columns), "|")
    asked = ", ".join(f"{call} {percent(count)}" for call, count in calls.most_common(8))
    print(f"\nThe kernel's part by what it was asked for: {asked}.")


def show_calls(build, name, title, command, tuples):
    """System calls of the whole run, page faults and switches."""
    kinds = "poll getpid read write sendto recvfrom epoll_ctl epoll_wait mprotect futex fcntl setsockopt".split()
    events = ["page-faults", "context-switches"] + [f"syscalls:sys_enter_{kind}" for kind in kinds]
    arguments = [part for event in events for part in ("-e", event)]
    done = subprocess.run(
        ["perf", "stat", "-x", ";", *arguments, f"{build}/{command[0]}", *command[1:], str(tuples)],
        env=environment(build), capture_output=True, text=True,
    )
    counts = re.findall(r"^(\d+);;(?:syscalls:sys_enter_)?([\w-]+)", done.stderr, re.M)
    if counts:
        listed = ", ".join(f"{int(count):,} ".replace(",", " ") + kind for count, kind in counts)
        print(f"\nCounted in the whole run: {listed}.")


def main():
    build, wanted = sys.argv[1], sys.argv[2:]
    perf = shutil.which("perf") and subprocess.run(
        # Who may not look into the kernel would be told that nothing is spent there.
        ["perf", "record", "-q", "-e", "cpu-clock:k", "-g", "-o", f"{build}/perf.data", "true"], capture_output=True
    ).returncode == 0
    for name, title, command, counted, timed in PATHS:
        if wanted and name not in wanted:
            continue
        if counted:
            show_instructions(build, name, title, command, counted)
        if perf:
            show_time(build, name, title, command, timed)
            show_calls(build, name, title, command, timed)
    if not perf:
        print("perf cannot be used here: no times.", file=sys.stderr)


main()
