# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Members of the network."""

from __future__ import annotations

import ctypes
from ctypes import c_bool, c_char_p, c_size_t, c_uint64
from dataclasses import dataclass


@dataclass(frozen=True)
class MemberInfo:
    """A member of the network: a node of this library that has announced something, or is to be seen."""

    id: int
    """Id of the node."""
    own: bool
    """Whether it is this node."""
    name: str
    """Name of the node, made printable; empty if it has none."""
    endpoints: tuple[str, ...]
    """Endpoints that it is bound to, up to four of them."""
    version: str
    """Version of its library."""
    since: float
    """When it became a member, in seconds since 1970 by its own clock."""
    tuples: int
    """Tuples that it held when it last said so."""


class MemberBuffer(ctypes.Structure):
    """zgossip_member_t."""

    _fields_ = [
        ("size", c_size_t),
        ("id", c_uint64),
        ("own", c_bool),
        ("name", c_char_p),
        ("endpoints", c_char_p),
        ("version", c_char_p),
        ("since", c_uint64),
        ("tuples", c_uint64),
    ]

    def read(self) -> MemberInfo:
        return MemberInfo(
            id=self.id,
            own=self.own,
            name=self.name.decode("utf-8", "replace"),
            endpoints=tuple(self.endpoints.decode("utf-8", "surrogateescape").split()),
            version=self.version.decode("utf-8", "replace"),
            since=self.since / 1000,
            tuples=self.tuples,
        )
