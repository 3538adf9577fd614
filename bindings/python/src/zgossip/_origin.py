# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Who wrote a tuple, and when."""

from __future__ import annotations

import ctypes
from ctypes import c_bool, c_char_p, c_int64, c_size_t, c_uint32, c_uint64
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Origin:
    """The origin of a tuple. Times are in seconds."""

    writer: Optional[int]
    """Id of the node whose program published the value; None if a peer with CZMQ's own zgossip brought it."""
    own: bool
    """Whether this node wrote the tuple."""
    name: str
    """Name of the writer, made printable, if it is this node or a peer of this node; else empty."""
    endpoint: str
    """Endpoint of the peer that the tuple came from; empty if this node wrote it, or the connection is gone."""
    written: Optional[float]
    """Time of the write, since 1970, by the clocks of the network; None where the writer is not known."""
    ttl: Optional[float]
    """Time until the tuple expires; None if it does not."""


class OriginBuffer(ctypes.Structure):
    """zgossip_origin_t."""

    _fields_ = [
        ("size", c_size_t),
        ("writer", c_uint64),
        ("own", c_bool),
        ("name", c_char_p),
        ("endpoint", c_char_p),
        ("written_ms", c_int64),
        ("ttl_ms", c_uint32),
    ]

    def read(self) -> Origin:
        return Origin(
            writer=self.writer or None,
            own=self.own,
            name=self.name.decode("utf-8", "replace"),
            endpoint=self.endpoint.decode("utf-8", "surrogateescape"),
            written=None if self.written_ms < 0 else self.written_ms / 1000,
            ttl=self.ttl_ms / 1000 if self.ttl_ms else None,
        )
