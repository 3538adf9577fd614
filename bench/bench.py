#!/usr/bin/env python3
# This Source Code Form is subject to the terms of the Mozilla Public
# License, v. 2.0. If a copy of the MPL was not distributed with this
# file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Run the rows of rows.py interleaved (stock, ours, native, limit; again), and write table and JSON.

    bench.py BUILD full|quick [words that a row's title must contain ...]
"""

import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rows import ROWS, SWEEPS

BUILD = Path(sys.argv[1]).resolve()
QUICK = sys.argv[2] == "quick"
WORDS = sys.argv[3:]
RUNS = 3
PATIENCE = 30 if QUICK else 150  # seconds for one program
TITLES = {"stock": "stock", "ours": "ours, preloaded", "native": "ours, native", "limit": "limit"}


def run(variant, command):
    """One program, once; its JSON, or None if it did not come to an end."""
    program, *arguments = command.split()
    environment = dict(os.environ)
    if variant == "native":
        program += "-native"
    if variant == "ours":
        environment["LD_PRELOAD"] = str(BUILD / "libzgossip.so.1")
    child = subprocess.Popen([str(BUILD / program), *arguments], env=environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
    try:
        out, _ = child.communicate(timeout=PATIENCE)
        result = json.loads(out)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        result = None
    finally:
        # What the program started belongs to its session and ends with it.
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
    if result and variant != "limit":
        ours = "zgossip" in result["library"]
        assert ours == (variant != "stock"), f"{variant}: wrong library {result['library']}"
    return result


def variants(row):
    return [v for v, there in [("stock", row.stock), ("ours", row.ours), ("native", row.native),
                               ("limit", bool(row.limit))] if there]


def collect(rows):
    """All results, by program with arguments and variant. Rows that look at the same program share its runs."""
    wanted = {}
    for row in rows:
        arguments = row.quick if QUICK else row.full
        if arguments:
            entry = wanted.setdefault((row.program, arguments), {"variants": [], "limit": row.limit, "runs": 0})
            entry["variants"] += [v for v in variants(row) if v not in entry["variants"]]
            entry["limit"] = entry["limit"] or row.limit
            entry["runs"] = max(entry["runs"], RUNS if QUICK else row.runs or RUNS)
    results = {}
    for (program, arguments), entry in wanted.items():
        for turn in range(entry["runs"]):
            for variant in entry["variants"]:
                command = entry["limit"] if variant == "limit" else f"{program} {arguments}"
                say(f"{program} {arguments}: {variant}, {turn + 1} of {entry['runs']}")
                results.setdefault((program, arguments), {}).setdefault(variant, []).append(run(variant, command))
    return results


def say(text):
    print(text, file=sys.stderr, flush=True)


def number(row, result):
    """The row's metric in a result: a name, or a name divided by another or by the number of tuples published."""
    if result is None or not result.get("finished", 1):
        return None
    name, _, divisor = row.metric.partition("/")
    if name not in result:
        return None
    value = result[name]
    if divisor == "tuples":
        value /= int((row.quick if QUICK else row.full).split()[2])
    return value


def seen(row, results):
    numbers = [n for n in (number(row, r) for r in results) if n is not None]
    if not numbers or len(numbers) < len(results):
        return None
    return {"median": statistics.median(numbers), "min": min(numbers), "max": max(numbers), "runs": numbers}


def judge(row, line):
    """The ratio of ours to stock, and whether the budget is kept (None: there is none)."""
    ours = line["variants"].get("native" if row.native_counts or not row.ours else "ours")
    stock = line["variants"].get("stock")
    ratio = None
    if ours and stock and stock["median"]:
        pairs = [a / b for a, b in zip(ours["runs"], stock["runs"]) if b]
        ratio = {"median": ours["median"] / stock["median"], "min": min(pairs), "max": max(pairs)}
    kept = None
    if row.ratio is not None and ratio:
        kept = ratio["median"] >= row.ratio if row.more_is_better else ratio["median"] <= row.ratio
    if row.value is not None and ours:
        kept = ours["median"] >= row.value if row.more_is_better else ours["median"] <= row.value
    return ratio, kept


def table(rows, results):
    lines = []
    for row in rows:
        found = results.get((row.program, row.quick if QUICK else row.full))
        if not found:
            continue
        line = {"title": row.title, "command": f"{row.program} {row.quick if QUICK else row.full}",
                "metric": row.metric, "unit": row.unit, "variants": {}}
        for variant in variants(row):
            line["variants"][variant] = seen(row, found[variant])
        line["ratio"], line["kept"] = judge(row, line)
        if QUICK:
            line["kept"] = None  # the work is smaller than what the budget is for
        if row.ratio is not None:
            line["budget"] = ("≥ " if row.more_is_better else "≤ ") + f"{row.ratio:g} ×"
        elif row.value is not None:
            line["budget"] = ("≥ " if row.more_is_better else "≤ ") + f"{digits(row.value * row.scale)} {row.unit}".rstrip()
        else:
            line["budget"] = ""
        line["scale"] = row.scale
        lines.append(line)
    return lines


def digits(value):
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def cell(line, variant):
    if variant not in line["variants"]:
        return "–"
    found = line["variants"][variant]
    if not found:
        return "does not end"
    low, middle, high = (digits(found[name] * line["scale"]) for name in ("min", "median", "max"))
    unit = f" {line['unit']}" if line["unit"] else ""
    return f"{middle}{unit}" + (f" ({low} – {high})" if low != high else "")


def ratio_cell(line):
    found = line["ratio"]
    if not found:
        return "–"
    low, middle, high = (f"{found[name]:.2f}" if found[name] >= 0.1 else f"{found[name]:.4f}"
                         for name in ("min", "median", "max"))
    return f"{middle} ({low} – {high})" if low != high else middle


def version(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "?"


def machine():
    model = "?"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": model,
        "cores": os.cpu_count(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "libzmq": version("pkg-config", "--modversion", "libzmq"),
        "libczmq": version("pkg-config", "--modversion", "libczmq"),
        "compiler": version(os.environ.get("CC", "cc"), "--version"),
        "rustc": version("rustc", "--version"),
        "zgossip": version("git", "describe", "--always", "--tags", "--dirty"),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "mode": "quick" if QUICK else "full",
    }


def sweeps():
    found = []
    for sweep in SWEEPS:
        series = {"stock": [], "ours": []}
        for x in sweep.points:
            for variant in series:
                if variant == "stock" and x > sweep.stock_up_to:
                    continue
                say(f"{sweep.name}: {x}, {variant}")
                result = run(variant, "converge " + sweep.arguments.format(x=x))
                if result and result["finished"]:
                    series[variant].append([x] + [result[name] for name in sweep.see + ["tuples_sent"]])
        found.append({"name": sweep.name, "title": sweep.title, "axis": sweep.axis,
                      "columns": [sweep.axis] + sweep.see + ["tuples_sent"], "series": series})
    return found


def markdown(found):
    out = ["# Measured", "",
           "Made by `make bench`; see [README.md](README.md) for what each line means and how to repeat it.", ""]
    out += [f"- {name}: {value}" for name, value in found["machine"].items()]
    if QUICK:
        out += ["", "Quick: smaller networks and fewer tuples than the lines say, so that the numbers are only a hint."]
    out += ["", "Each figure is the median of the runs, with the smallest and the largest in brackets; runs of the columns "
            "alternate.",
            "", "| work | stock | ours, preloaded | ours, native | limit | ours ÷ stock | budget | kept |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for line in found["rows"]:
        cells = [cell(line, variant) for variant in TITLES]
        kept = {True: "yes", False: "**no**", None: ""}[line["kept"]]
        out.append(f"| {line['title']} | {' | '.join(cells)} | {ratio_cell(line)} | {line['budget']} | {kept} |")
    if found.get("sweeps"):
        out += ["", "Below: one run for each point, *ours* preloaded. `converge` looks at every node in turn, so that its rates "
                "are lower than those of `pair`."]
    for sweep in found.get("sweeps", []):
        out += ["", f"## {sweep['title'][0].upper()}{sweep['title'][1:]}", ""]
        if not QUICK:
            out += [f"![time]({sweep['name']}.svg)", ""]
        out += [f"| {sweep['axis']} | | time | CPU | bytes | messages | tuples in them |",
                "| --- | --- | --- | --- | --- | --- | --- |"]
        rows = [(row, variant) for variant, rows in sweep["series"].items() for row in rows]
        for row, variant in sorted(rows, key=lambda pair: pair[0][0]):
            x, seconds, used, size, frames, tuples = row
            out.append(f"| {digits(x)} | {variant} | {digits(seconds * 1e3)} ms | {digits(used * 1e3)} ms "
                       f"| {digits(size / 1e3)} kB | {digits(frames)} | {digits(tuples)} |")
    return "\n".join(out) + "\n"


def main():
    rows = [row for row in ROWS if not WORDS or any(word in row.title for word in WORDS)]
    found = {"machine": machine(), "rows": table(rows, collect(rows))}
    if not QUICK and not WORDS:
        found["sweeps"] = sweeps()
    text = markdown(found)
    folder = BUILD if QUICK or WORDS else Path(__file__).resolve().parent.parent / "doc" / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(text)
    (folder / "results.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    print(text)


main()
