# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""A part of a program that watches keys, with events of its own."""

from __future__ import annotations

import ctypes
import errno
import os
import threading
import time
import weakref
from ctypes import byref, c_void_p
from types import TracebackType
from typing import AsyncIterator, Iterator, Optional, Type

from ._descriptor import Descriptor
from ._errors import NodeClosed, ZgossipError
from ._events import Event, event
from ._library import Library


class Watcher:
    """The events about keys that begin with a prefix, from `Node.watcher`, for `with` and `async with`.

    It is iterated over as a node is, and ends with its node: events that wait then can still be received.
    """

    def __init__(self, found: Library, handle: int, prefix: bytes) -> None:
        self._library = found
        self._handle = handle
        self._process = os.getpid()
        self._end = weakref.finalize(self, _destroy, found, handle, self._process)
        self.prefix = prefix
        self._watching = threading.RLock()
        found.watcher_set_rcvtimeo(handle, 0)
        self._watched = Descriptor(found.watcher_fd(handle))

    def recv(self, timeout: Optional[float] = None) -> Event:
        """Waits for the next event, and returns it; raises TimeoutError when the time is over."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            came = self._take()
            if came is not None:
                return came
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError("nothing came in time")
            self._watched.wait(left)

    async def receive(self) -> Event:
        """Waits for the next event in the running event loop, and returns it."""
        while True:
            came = self._take()
            if came is not None:
                return came
            await self._watched.readable()

    def fileno(self) -> int:
        """Returns a descriptor that is readable while an event waits, and once the watcher is closed or its node ends."""
        return self._watched.fileno()

    def close(self) -> None:
        """Ends the watcher; the node goes on."""
        with self._watching:
            self._end()
            if os.getpid() == self._process:
                self._watched.end()

    def __iter__(self) -> Iterator[Event]:
        """Yields events as they come, until the watcher or the node is closed."""
        while True:
            try:
                came = self.recv()
            except NodeClosed:
                return
            yield came

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Yields events as they come, until the watcher or the node is closed."""
        while True:
            try:
                came = await self.receive()
            except NodeClosed:
                return
            yield came

    def __enter__(self) -> Watcher:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    async def __aenter__(self) -> Watcher:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def _take(self) -> Optional[Event]:
        """Receives the next event, None if there is none now."""
        while True:
            if not self._end.alive or os.getpid() != self._process:
                raise NodeClosed("the watcher is closed")
            received = self._library.watcher_recv_event(self._handle)
            if not received:
                number = ctypes.get_errno()
                if number in (errno.EAGAIN, errno.EINTR):
                    return None
                if number == errno.EPIPE or not self._end.alive:
                    raise NodeClosed("the node has ended", number)
                raise ZgossipError(self._library.reason(number), number)
            try:
                came = event(received.contents.frames[: received.contents.count])
            finally:
                self._library.event_destroy(byref(received))
            if came is not None:
                return came


def _destroy(found: Library, handle: int, process: int) -> None:
    # In a forked child nothing is done: the node is in the parent.
    if os.getpid() == process:
        found.watcher_destroy(byref(c_void_p(handle)))
