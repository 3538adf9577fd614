# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""A descriptor that is readable while an event waits, for select, epoll and asyncio.

The library closes its own descriptor together with the node, and code that watches it would never learn of that. The
descriptor here stays open as long as the `Node` object exists, and is readable once the node is closed. It is an epoll
descriptor, which can be watched itself.
"""

from __future__ import annotations

import asyncio
import os
import select
from typing import Optional


class Descriptor:
    """A descriptor that is readable while the library's descriptor is, and for ever once `end` was called."""

    def __init__(self, inner: int) -> None:
        self._ended, self._end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._over = False
        self._epoll = select.epoll()
        self._epoll.register(inner, select.EPOLLIN)
        self._epoll.register(self._ended, select.EPOLLIN)
        self._waiters: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}

    def fileno(self) -> int:
        return self._epoll.fileno()

    def end(self) -> None:
        """Makes the descriptor readable for ever, because the node is closed."""
        if not self._over:
            self._over = True
            os.write(self._end, b"!")

    def __del__(self) -> None:
        self._epoll.close()
        os.close(self._ended)
        os.close(self._end)

    def wait(self, timeout: Optional[float]) -> bool:
        """Waits `timeout` seconds at most, and a day at most, until the descriptor is readable.

        Signal handlers run meanwhile.
        """
        # A day, because epoll takes milliseconds in 31 bits.
        return bool(self._epoll.poll(None if timeout is None else min(timeout, 86400.0), 1))

    async def readable(self) -> None:
        """Waits in the running event loop until the descriptor is readable. Several tasks may wait at the same time."""
        loop = asyncio.get_running_loop()
        # A loop has at most one reader for a descriptor. It is removed when no task waits, or the loop would spin.
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
