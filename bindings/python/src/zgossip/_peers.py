# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Peers of a node."""

from __future__ import annotations

import ctypes
from ctypes import c_bool, c_char_p, c_int, c_int64, c_size_t, c_uint64
from dataclasses import dataclass
from typing import Optional

_KINDS = ("undetermined", "plain", "extended")


@dataclass(frozen=True)
class Peer:
    """A peer that a node is connected to, or tries to connect to. Times are in seconds.

    Messages, bytes and refused tuples are counted since `connect`, or since a client connected.
    """

    endpoint: str
    """The endpoint that this node connects to, or the client's address."""
    name: str
    """Name of an extended peer's node, made printable; empty if it has none, and for others."""
    kind: str
    """Protocol that the peer speaks: "plain" for CZMQ's, "extended" for this library's, "undetermined" if not known."""
    outgoing: bool
    """Whether this node made the connection, or is to make it."""
    connected: bool
    """Whether there is a connection."""
    id: Optional[int]
    """Id of an extended peer's node."""
    state_time: float
    """Time for which the peer has been connected, or has not been."""
    silence: float
    """Time since the peer's last message, or since the connection was made."""
    round_trip: Optional[float]
    """Time from a question of this node to the peer's answer, measured last on this connection; None if not known."""
    equal: Optional[bool]
    """Whether, by its last report, the peer held the same as this node; None if not known."""
    unsent: int
    """Tuples that are still to be sent to the peer."""
    unacknowledged: int
    """Bytes of tuples that were sent to the peer after it had been away, and that it has not acknowledged."""
    awaited: int
    """Tuples that the peer still has to send to this node, by its last report."""
    refused: int
    """Tuples that came from the peer and were refused here, for a limit or a time stamp too far ahead."""
    refuses: Optional[int]
    """Tuples that the peer refuses to hold, for its limits; None if not known."""
    hides: Optional[int]
    """Tuples that the peer holds and hides from its program, by its last report; None if not known."""
    frames_in: int
    """Messages received from the peer."""
    frames_out: int
    """Messages sent to the peer."""
    bytes_in: int
    """Bytes of the messages received."""
    bytes_out: int
    """Bytes of the messages sent."""


class PeerBuffer(ctypes.Structure):
    """zgossip_peer_t."""

    _fields_ = [
        ("size", c_size_t),
        ("endpoint", c_char_p),
        ("name", c_char_p),
        ("kind", c_int),
        ("outgoing", c_bool),
        ("connected", c_bool),
        ("id", c_uint64),
        ("state_ms", c_uint64),
        ("silence_ms", c_uint64),
        ("round_trip_ms", c_int64),
        ("equal", c_int),
        ("unsent", c_uint64),
        ("unacknowledged", c_uint64),
        ("awaited", c_uint64),
        ("refused", c_uint64),
        ("refuses", c_int64),
        ("hides", c_int64),
        ("frames_in", c_uint64),
        ("frames_out", c_uint64),
        ("bytes_in", c_uint64),
        ("bytes_out", c_uint64),
    ]

    def read(self) -> Peer:
        return Peer(
            endpoint=self.endpoint.decode("utf-8", "surrogateescape"),
            name=self.name.decode("utf-8", "replace"),
            kind=_KINDS[self.kind] if 0 <= self.kind < len(_KINDS) else str(self.kind),
            outgoing=self.outgoing,
            connected=self.connected,
            id=self.id or None,
            state_time=self.state_ms / 1000,
            silence=self.silence_ms / 1000,
            round_trip=None if self.round_trip_ms < 0 else self.round_trip_ms / 1000,
            equal=None if self.equal < 0 else self.equal > 0,
            unsent=self.unsent,
            unacknowledged=self.unacknowledged,
            awaited=self.awaited,
            refused=self.refused,
            refuses=None if self.refuses < 0 else self.refuses,
            hides=None if self.hides < 0 else self.hides,
            frames_in=self.frames_in,
            frames_out=self.frames_out,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
        )
