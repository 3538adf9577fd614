#!/usr/bin/env python3
# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Configuration from one place: the writer takes "name = value" (or "name =", which removes it) line by line, and
each reader prints what has changed, whenever it was started.

    pip install ./bindings/python

    python3 config.py write tcp://127.0.0.1:5670
    python3 config.py read tcp://127.0.0.1:5670         (in a second terminal, and a third)

config.cc does the same in C++, on the same network.
"""

import asyncio
import sys
from typing import Dict

import zgossip

PREFIX = "config/"


def write(node: zgossip.Node, endpoint: str) -> None:
    node.bind(endpoint)
    for line in sys.stdin:
        name, _, value = (part.strip() for part in line.partition("="))
        if not name:
            continue
        if value:
            node.publish(PREFIX + name, value)
        else:
            node.retract(PREFIX + name)
    # Let the last lines arrive
    node.flush(timeout=5)


async def read(node: zgossip.Node, endpoint: str) -> None:
    node.connect(endpoint)
    settings: Dict[str, str] = {}
    async for event in node:
        if not isinstance(event, (zgossip.Deliver, zgossip.Retract, zgossip.Expire)):
            continue
        key = event.key.decode(errors="replace")
        if not key.startswith(PREFIX):
            continue
        name = key[len(PREFIX) :]
        before = settings.pop(name, "unset")
        if isinstance(event, zgossip.Deliver):
            settings[name] = event.value.decode(errors="replace")
        after = settings.get(name, "unset")
        if after != before:
            print(f"{name}: {before} -> {after}", flush=True)


def main() -> None:
    if len(sys.argv) != 3 or sys.argv[1] not in ("write", "read"):
        sys.exit("config.py write|read ENDPOINT")
    role, endpoint = sys.argv[1:]
    with zgossip.Node(role) as node:
        if role == "write":
            write(node, endpoint)
        else:
            asyncio.run(read(node, endpoint))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
