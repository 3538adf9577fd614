# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""What the tests have in common."""

import faulthandler
import time
import unittest
from typing import Callable, List, Tuple

import zgossip

LONG = 20.0

# A test that hangs tells where.
faulthandler.dump_traceback_later(280, exit=True)


class NodeTest(unittest.TestCase):
    """Nodes that end with the test."""

    def node(self, name: str = "test") -> zgossip.Node:
        node = zgossip.Node(name)
        self.addCleanup(node.close)
        return node

    def pair(self) -> Tuple[zgossip.Node, zgossip.Node]:
        """Two nodes, connected."""
        hub, leaf = self.node("hub"), self.node("leaf")
        leaf.connect(f"tcp://127.0.0.1:{hub.bind('tcp://127.0.0.1:*')}")
        leaf.publish("are you there?", "yes")
        hub.wait_key("are you there?", LONG)
        return hub, leaf

    def wait_value(self, node: zgossip.Node, key: str, value: str) -> None:
        """Wait until a key has this value."""
        deadline = time.monotonic() + LONG
        while node.get(key) != value.encode():
            self.assertLess(time.monotonic(), deadline, f"{key} = {value}")
            time.sleep(0.01)

    def until(self, node: zgossip.Node, wanted: Callable[[zgossip.Event], bool]) -> List[zgossip.Event]:
        """The events up to the first that is wanted."""
        events: List[zgossip.Event] = []
        deadline = time.monotonic() + LONG
        while not events or not wanted(events[-1]):
            events.append(node.recv(deadline - time.monotonic()))
        return events
