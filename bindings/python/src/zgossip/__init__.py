# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Nodes that publish key/value tuples, every one of which comes to hold all of them.

They serve discovery, presence and configuration:

    import zgossip

    with zgossip.Node("printer-7") as node:
        node.connect("tcp://registry:5670")
        node.publish("service/printer", "tcp://10.0.0.7:9100", ttl=5)
        for event in node:
            if isinstance(event, zgossip.Deliver):
                print(event.key, event.value)

`Node` is a node of libzgossip, which runs in a thread of the library. The README of the package describes threads,
signals, asyncio and fork.
"""

from ._errors import LibraryNotFound, NodeClosed, ZgossipError
from ._events import (
    Change,
    Deliver,
    Error,
    Event,
    Expire,
    Gone,
    Join,
    Leave,
    Member,
    Retract,
    Synced,
    Unreachable,
)
from ._library import library_version
from ._members import MemberInfo
from ._node import Node, Watch, check
from ._origin import Origin
from ._peers import Peer
from ._stats import Stats
from ._watcher import Watcher

__all__ = [
    "Change",
    "Deliver",
    "Error",
    "Event",
    "Expire",
    "Gone",
    "Join",
    "Leave",
    "LibraryNotFound",
    "Member",
    "MemberInfo",
    "Node",
    "NodeClosed",
    "Origin",
    "Peer",
    "Retract",
    "Stats",
    "Synced",
    "Unreachable",
    "Watch",
    "Watcher",
    "ZgossipError",
    "check",
    "library_version",
]

__version__ = "1.0.0"
