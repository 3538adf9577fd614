# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Exceptions of this package; it also raises Python's TimeoutError, TypeError and ValueError."""

from __future__ import annotations


class ZgossipError(Exception):
    """A call failed; `errno` is the error number of the reason, 0 if there is none."""

    def __init__(self, reason: str, errno: int = 0) -> None:
        super().__init__(reason)
        self.errno = errno


class NodeClosed(ZgossipError):
    """The node was closed, or belongs to the process that this one was forked from."""


class LibraryNotFound(ZgossipError, ImportError):
    """libzgossip.so.1 was not found, or is too old."""
