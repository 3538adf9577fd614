# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Statistics of a node."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Stats:
    """Statistics of a node: what it holds, and what it has counted since it was made."""

    tuples: int
    """Tuples that the node holds."""
    tombstones: int
    """Removed keys that the node remembers."""
    links_plain: int
    """Connected peers that speak CZMQ's protocol only."""
    links_extended: int
    """Connected peers that speak this library's extension of it."""
    links_other: int
    """Peers that are not connected, or have not shown yet which protocol they speak."""
    frames_in: int
    """Messages received from peers."""
    frames_out: int
    """Messages sent to peers."""
    bytes_in: int
    """Bytes of the messages received."""
    bytes_out: int
    """Bytes of the messages sent."""
    tuples_out: int
    """Tuples sent to peers."""
    duplicates: int
    """Tuples received that the node held already."""
    malformed: int
    """Messages received that are not of this protocol."""
    refused: int
    """Tuples received and refused, for a limit or a time stamp too far ahead."""
    owed: int
    """Tuples that wait to be sent to slow peers, counted once for each peer."""
    root: int
    """Digest of all that the node holds: equal on nodes that hold the same."""
    hidden: int
    """Tuples that the node holds for its peers and does not show, because its program said UNPUBLISH."""
    bytes: int
    """Bytes that the node holds: tuples, removed keys, what it remembers of peers and what waits for them."""
    max_bytes: int
    """Most bytes that the node may hold: server/max_bytes, or the default that was found for this machine."""


class StatsBuffer(ctypes.Structure):
    """zgossip_stats_t."""

    _fields_ = [(field.name, ctypes.c_uint64) for field in fields(Stats)]

    def read(self) -> Stats:
        return Stats(*(getattr(self, field.name) for field in fields(Stats)))
