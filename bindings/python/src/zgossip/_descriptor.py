# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""A descriptor that is readable while something waits, for select, epoll and asyncio.

The library's own descriptor tells of what waits inside the library. This one is readable also while events wait that
were taken out of there on the way to an answer, and for ever once the node is closed; and it stays open for whoever
is watching it then. An epoll descriptor over both does that, since it can be watched itself.
"""

from __future__ import annotations

import asyncio
import os
import select


class Descriptor:
    """Readable while the library's descriptor is, or the flag is raised."""

    def __init__(self, inner: int) -> None:
        self._flag, self._lever = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._raised = False
        self._epoll = select.epoll()
        self._epoll.register(inner, select.EPOLLIN)
        self._epoll.register(self._flag, select.EPOLLIN)
        self._waiters: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}

    def fileno(self) -> int:
        return self._epoll.fileno()

    def raise_flag(self, up: bool) -> None:
        """Not by two threads at the same time."""
        if up == self._raised:
            return
        self._raised = up
        if up:
            os.write(self._lever, b"!")
        else:
            os.read(self._flag, 1)

    def __del__(self) -> None:
        self._epoll.close()
        os.close(self._flag)
        os.close(self._lever)

    async def readable(self) -> None:
        """Wait, in the running loop, until it is readable. Several tasks may."""
        loop = asyncio.get_running_loop()
        # A loop has one reader for a descriptor, and only while somebody waits: nothing spins when nobody does.
        if loop not in self._waiters:
            self._waiters[loop] = []
            loop.add_reader(self.fileno(), self._wake, loop)
        future = loop.create_future()
        self._waiters[loop].append(future)
        try:
            await future
        finally:
            waiters = self._waiters.get(loop, [])
            if future in waiters:
                waiters.remove(future)
                if not waiters:
                    self._wake(loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.remove_reader(self.fileno())
        for future in self._waiters.pop(loop, []):
            if not future.done():
                future.set_result(None)
