# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""What a node tells its program.

Classes rather than one record with a kind: a type checker knows what each has, and `match` takes them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Union


@dataclass(frozen=True)
class Deliver:
    """A key has a new value, published here or elsewhere."""

    key: bytes
    value: bytes


@dataclass(frozen=True)
class Retract:
    """A key was removed from the whole network."""

    key: bytes


@dataclass(frozen=True)
class Expire:
    """A key's time to live is over, and nobody published it again."""

    key: bytes


@dataclass(frozen=True)
class Join:
    """A peer is there."""

    endpoint: str


@dataclass(frozen=True)
class Leave:
    """A peer is gone, for the time being at least."""

    endpoint: str


@dataclass(frozen=True)
class Unreachable:
    """There is no connection to a peer, and why, as far as is known. Told after 3 seconds, and rarely again."""

    endpoint: str
    reason: str


@dataclass(frozen=True)
class Error:
    """A command could not be carried out, and changed nothing."""

    command: str
    reason: str


Event = Union[Deliver, Retract, Expire, Join, Leave, Unreachable, Error]


def event(frames: Sequence[bytes]) -> Optional[Event]:
    """What a message says; None if this version does not know it."""
    if len(frames) < 2:
        return None
    name, subject = frames[:2]
    if name == b"DELIVER":
        return Deliver(subject, frames[2])
    if name == b"RETRACT":
        return Retract(subject)
    if name == b"EXPIRE":
        return Expire(subject)
    if name == b"JOIN":
        return Join(_text(subject))
    if name == b"LEAVE":
        return Leave(_text(subject))
    if name == b"UNREACHABLE":
        return Unreachable(_text(subject), _text(frames[2]))
    if name == b"ERROR":
        return Error(_text(subject), _text(frames[2]))
    return None


def _text(frame: bytes) -> str:
    """Endpoints and reasons are text, in whatever encoding; nothing of it is lost."""
    return frame.decode("utf-8", "surrogateescape")
