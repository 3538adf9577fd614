# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""What a node counts."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Stats:
    """A node's counters, since it was made."""

    tuples: int
    """Keys that have a value."""
    tombstones: int
    """Removed keys that are remembered."""
    links_plain: int
    """Peers that speak no more than CZMQ's zgossip does."""
    links_extended: int
    """Peers that speak more."""
    links_other: int
    """Peers that are not connected, or have not shown yet what they speak."""
    frames_in: int
    """Messages received from peers."""
    frames_out: int
    """Messages sent to peers."""
    bytes_in: int
    """Bytes of the messages received."""
    bytes_out: int
    """Bytes of the messages sent."""
    tuples_out: int
    """Tuples sent."""
    duplicates: int
    """Tuples received that were known."""
    malformed: int
    """Messages that were none of this protocol."""
    refused: int
    """Tuples received and refused, for a limit or a time stamp in the future."""
    owed: int
    """Tuples that wait for slow peers, once for each."""
    root: int
    """Sums up all that the node holds: where it is equal, the same is held."""


class StatsBuffer(ctypes.Structure):
    """The same in C."""

    _fields_ = [(field.name, ctypes.c_uint64) for field in fields(Stats)]

    def read(self) -> Stats:
        return Stats(*(getattr(self, field.name) for field in fields(Stats)))
