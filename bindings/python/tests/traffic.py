# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""A node that is told over stdin what it does, for tests with nodes in other processes.

receive COUNT PREFIX SIZE    receives until so many keys with this prefix have come with a value of that size
publish COUNT PREFIX VALUE   publishes so many keys, receiving what comes of it
"""

import os
import sys

import zgossip


def resident() -> int:
    """Kilobytes of memory."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def receive(node: zgossip.Node, count: int, prefix: bytes, size: bytes) -> None:
    # Nothing is kept here, so that the memory measured is the library's
    came = bytearray(count)
    left = count
    while left:
        event = node.recv(60)
        if isinstance(event, zgossip.Deliver) and event.key.startswith(prefix) and len(event.value) == int(size):
            number = int(event.key[len(prefix) :])
            left -= not came[number]
            came[number] = 1


def publish(node: zgossip.Node, count: int, prefix: bytes, value: bytes) -> None:
    for number in range(count):
        node.publish(prefix + b"%d" % number, value)
        if number % 100 == 0:
            try:
                while True:
                    node.recv(0)
            except TimeoutError:
                pass


def main() -> None:
    with zgossip.Node("traffic") as node:
        print("port", node.bind("tcp://127.0.0.1:*"), flush=True)
        for line in sys.stdin:
            verb, count, prefix, value = line.split()
            work = {"receive": receive, "publish": publish}[verb]
            work(node, int(count), prefix.encode(), value.encode())
            print(verb, "done", node.status(), resident(), flush=True)


if __name__ == "__main__":
    main()
