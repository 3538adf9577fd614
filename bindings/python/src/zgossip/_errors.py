# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""What can go wrong beside Python's own TimeoutError, TypeError and ValueError."""

from __future__ import annotations


class ZgossipError(Exception):
    """A node could not do what it was asked to; `errno` is the number of the reason, 0 if it has none."""

    def __init__(self, reason: str, errno: int = 0) -> None:
        super().__init__(reason)
        self.errno = errno


class NodeClosed(ZgossipError):
    """The node has been closed, here or by another thread, or belongs to the process that this one was forked from."""


class LibraryNotFound(ZgossipError, ImportError):
    """libzgossip.so.1 is not installed where it is looked for, or is too old."""
