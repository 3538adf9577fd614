# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Events of a node.

Each kind is a class, so that a type checker knows its fields and `match` tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Sequence, Union


@dataclass(frozen=True)
class Change:
    """What changed, after `Node.set_changes`: for `Deliver`, `Retract` and `Expire`."""

    before: bytes
    """The value that the key had before, by the events that were received; empty if it had none."""
    writer: Optional[int]
    """The id of the node that wrote this; None if it is not known, as of a value that comes from a node of CZMQ."""
    writer_name: str
    """The name of that node; empty if it is not known."""
    version: str
    """For `Node.publish_if`; of two versions of a key, the later write has the greater one."""


@dataclass(frozen=True)
class Deliver:
    """A key has a new value, published by this node or another. The change does not count where events are compared."""

    key: bytes
    value: bytes
    change: Optional[Change] = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Retract:
    """A key was removed from the whole network."""

    key: bytes
    change: Optional[Change] = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Expire:
    """The time to live of a key ran out."""

    key: bytes
    change: Optional[Change] = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Join:
    """A peer connected: the endpoint that this node connected to, or the peer's address.

    A peer that uses this library also has an id and perhaps a name, which do not count where events are compared.
    """

    endpoint: str
    name: str = field(default="", compare=False)
    id: Optional[int] = field(default=None, compare=False)


@dataclass(frozen=True)
class Leave:
    """A peer is gone; it may come back. The name and the id are as for `Join`."""

    endpoint: str
    name: str = field(default="", compare=False)
    id: Optional[int] = field(default=None, compare=False)


@dataclass(frozen=True)
class Member:
    """A member of the network is there: see `Node.members`. It comes while `server/events` is 3."""

    id: int
    name: str


@dataclass(frozen=True)
class Gone:
    """A member of the network is gone, and with it what it has announced. It comes while `server/events` is 3."""

    id: int
    name: str
    reason: str
    """"left" if it has said that it ends, "lost" if it is missed."""


@dataclass(frozen=True)
class Unreachable:
    """A peer cannot be reached, and why, as far as it is known.

    It comes after 3 seconds without a connection, and rarely again.
    """

    endpoint: str
    reason: str


@dataclass(frozen=True)
class Error:
    """A command was refused and changed nothing."""

    command: str
    reason: str


@dataclass(frozen=True)
class Synced:
    """A prefix is watched, and all that is there so far was delivered: see `Node.watch`."""

    prefix: bytes


Event = Union[Deliver, Retract, Expire, Join, Leave, Member, Gone, Unreachable, Error, Synced]


def event(frames: Sequence[bytes]) -> Optional[Event]:
    """Converts a received message to an event; None if it is of a kind that this version does not know."""
    if len(frames) < 2:
        return None
    name, subject = frames[:2]
    if name == b"DELIVER":
        return Deliver(subject, frames[2], _change(frames))
    if name == b"RETRACT":
        return Retract(subject, _change(frames))
    if name == b"EXPIRE":
        return Expire(subject, _change(frames))
    if name == b"JOIN":
        return Join(_text(subject), *_identity(frames))
    if name == b"LEAVE":
        return Leave(_text(subject), *_identity(frames))
    if name == b"MEMBER":
        return Member(int(subject, 16), _text(frames[2]))
    if name == b"GONE":
        return Gone(int(subject, 16), _text(frames[2]), _text(frames[3]))
    if name == b"UNREACHABLE":
        return Unreachable(_text(subject), _text(frames[2]))
    if name == b"SYNCED":
        return Synced(subject)
    if name == b"ERROR":
        return Error(_text(subject), _text(frames[2]))
    return None


def _change(frames: Sequence[bytes]) -> Optional[Change]:
    """What changed, if the node tells."""
    if len(frames) < 7:
        return None
    before, writer, name, version = frames[3:7]
    return Change(before, None if writer == b"unknown" else int(writer, 16), _text(name), version.decode("ascii"))


def _identity(frames: Sequence[bytes]) -> tuple[str, Optional[int]]:
    """The name and the id of a peer, as far as it has told them."""
    if len(frames) < 4:
        return "", None
    return _text(frames[2]), int(frames[3], 16) if frames[3] else None


def _text(frame: bytes) -> str:
    """Decodes an endpoint or a reason, in any encoding, without loss."""
    return frame.decode("utf-8", "surrogateescape")
