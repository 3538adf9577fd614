# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""A gossip node."""

from __future__ import annotations

import math
import os
import threading
import time
import weakref
from types import TracebackType
from typing import AsyncIterator, Iterator, Optional, Type, Union

from ._errors import NodeClosed, ZgossipError
from ._events import Event
from ._library import Failed, Library, library
from ._mailbox import Mailbox, Question, failure

Text = Union[str, bytes]

_MAX_KEY = 255
_MAX_TTL = 0xFFFFFFFF

# The process in which the first node was made: libzmq's threads are there, and in no process forked from it.
_home: Optional[int] = None
_making = threading.Lock()


class Node:
    """A node of a gossip network, from now until `close`, the end of a `with` block, or the end of the program.

    Keys and values are bytes without NUL; a `str` is taken as UTF-8. Times are seconds. Any thread may call anything
    at any time; several threads may receive, and each event is received once.

    Errors: ValueError for what can be no key, value or time; ZgossipError for what the library refuses; NodeClosed
    after `close`; TimeoutError.
    """

    def __init__(self, name: str = "", *, verbose: bool = False) -> None:
        """Make a node that knows nobody yet. The name stands before each line that it writes to the log."""
        global _home
        found = library()
        with _making:
            self._process = os.getpid()
            if _home is None:
                _home = self._process
            if _home != self._process:
                raise ZgossipError("no nodes can be made in a process forked from one that has made some")
            handle = found.new(_bytes("name", name))
        self._library = found
        self._handle = handle
        self._mailbox = Mailbox(found, handle)
        self._end = weakref.finalize(self, _destroy, found, handle, self._process)
        self._send("SET", "server/events", "1")
        if verbose:
            self._send("VERBOSE")

    # Peers

    def bind(self, endpoint: Text) -> int:
        """Accept peers at an endpoint: tcp://*:5670, tcp://127.0.0.1:* (any free port), ipc://path, inproc://name.

        Returns the TCP port, 0 for the other transports.
        """
        endpoint = _bytes("endpoint", endpoint)
        port = int(self._tell("BIND", endpoint))
        if port < 0:
            raise ZgossipError("could not bind")
        return port if endpoint.startswith(b"tcp://") else 0

    def connect(self, endpoint: Text, server_key: Optional[Text] = None) -> None:
        """Connect to a peer as soon as it is there, and again after each loss. With its public key: by CURVE."""
        key = () if server_key is None else (server_key,)
        self._tell("CONNECT", endpoint, *key)

    # Tuples

    def publish(self, key: Text, value: Text = b"", ttl: Optional[float] = None) -> None:
        """Give a key a value everywhere; with `ttl`, for so many seconds unless it is published again before."""
        expiry = () if ttl is None else (_msecs(ttl),)
        self._send("PUBLISH", _key(key), value, *expiry)

    def retract(self, key: Text) -> None:
        """Remove a key from the whole network."""
        self._send("RETRACT", _key(key))

    def unpublish(self, key: Text) -> None:
        """Forget a key on this node alone."""
        key = _key(key)
        self._send("UNPUBLISH", key)
        self.status()
        self._mailbox.forget(key)

    def get(self, key: Text) -> Optional[bytes]:
        """The value of a key, None if there is none."""
        key = _key(key)
        answer = self._ask(Question(b"VALUE", key), ("GET", key))
        return answer[1] if len(answer) > 1 else None

    def keys(self) -> list[bytes]:
        """All keys that have a value."""
        return self._ask(Question(b"KEYS"), ("KEYS",))

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All keys of this moment, each with its value at the moment of its turn."""
        for key in self.keys():
            value = self.get(key)
            if value is not None:
                yield key, value

    def wait_for(self, key: Text, value: Optional[Text] = None, timeout: Optional[float] = None) -> bytes:
        """Wait until a key has a value, or this one, and return it. The events meanwhile stay to be received."""
        key = _key(key)
        wanted = None if value is None else _bytes("value", value)
        deadline = _deadline(timeout)
        while True:
            seen = self._mailbox.deliveries()
            held = self.get(key)
            if held is not None and wanted in (None, held):
                return held
            self._mailbox.await_delivery(seen, deadline)

    def status(self) -> int:
        """How many keys have a value."""
        return int(self._ask(Question(b"STATUS"), ("STATUS",))[0])

    def stats(self) -> dict[str, int]:
        """The node's counters by name. Nodes with the same `root` hold the same."""
        answer = self._ask(Question(b"STATS"), ("STATS",))
        pairs = zip(answer[::2], answer[1::2])
        return {name.decode(): int(number, 16 if name == b"root" else 10) for name, number in pairs}

    # Events

    def recv(self, timeout: Optional[float] = None) -> Event:
        """The next event, waiting for it. Ctrl-C and other signals are handled meanwhile."""
        self._check()
        return self._mailbox.receive(None if timeout is None else max(0.0, timeout))

    def __iter__(self) -> Iterator[Event]:
        """The events as they come, until the node is closed."""
        while True:
            try:
                event = self.recv()
            except NodeClosed:
                return
            yield event

    def fileno(self) -> int:
        """A descriptor that is readable while an event waits, and once the node is closed; only to be watched.

        Where two threads use the node, a `recv` may find nothing although it was readable: give it a time-out of 0.
        """
        self._check()
        return self._mailbox.descriptor().fileno()

    async def receive(self) -> Event:
        """The next event, for asyncio."""
        while True:
            self._check()
            event = self._mailbox.poll()
            if event is not None:
                return event
            await self._mailbox.descriptor().readable()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The events as they come, until the node is closed."""
        while True:
            try:
                event = await self.receive()
            except NodeClosed:
                return
            yield event

    # Configuration

    def set(self, path: Text, value: Text) -> None:
        """Change a setting, as `server/timeout`."""
        self._tell("SET", path, value)

    def load(self, path: Union[Text, "os.PathLike[str]"]) -> None:
        """Load a configuration in place of what was loaded or set before. The file is watched.

        It should say `events = 1` in its section `server`: without it, removals, peers and errors are told no more
        once the file has changed.
        """
        self._tell("LOAD", os.fspath(path), after=("SET", "server/events", "1"))

    def save(self, path: Union[Text, "os.PathLike[str]"]) -> None:
        """Save the configuration."""
        self._tell("SAVE", os.fspath(path))

    def set_keys(self, public_key: Text, secret_key: Text) -> None:
        """Use CURVE with these keys (Z85) for every bind and connect to come."""
        self._send("SET PUBLICKEY", public_key)
        self._send("SET SECRETKEY", secret_key)

    def set_zap_domain(self, domain: Text) -> None:
        """Which ZAP domain is asked about the clients of every bind to come."""
        self._send("ZAP DOMAIN", domain)

    # The end

    def close(self) -> None:
        """End the node, in milliseconds. What was published just before still reaches the peers connected."""
        if os.getpid() == self._process:
            self._mailbox.close()
        self._end()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self._end.alive

    def __enter__(self) -> Node:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<zgossip.Node {'closed' if self.closed else hex(self._handle)}>"

    def _check(self) -> None:
        if not self._end.alive:
            raise NodeClosed("the node is closed")
        if os.getpid() != self._process:
            raise NodeClosed("the node stayed in the process that this one was forked from")

    def _send(self, *frames: Text) -> None:
        command = [_bytes("frame", frame) for frame in frames]
        self._check()
        try:
            self._library.send(self._handle, command)
        except Failed as failed:
            raise failure(failed) from None

    def _ask(self, question: Question, *commands: tuple[Text, ...]) -> list[bytes]:
        lines = [[_bytes("frame", frame) for frame in command] for command in commands]
        self._check()
        answer = self._mailbox.ask(question, lines)
        if question.reason is not None:
            raise ZgossipError(question.reason)
        return answer

    def _tell(self, *command: Text, after: tuple[Text, ...] = ()) -> bytes:
        """Send a command, and return when it was carried out, with what PORT says then; or raise what is wrong."""
        commands = [command, after, ("PORT",)] if after else [command, ("PORT",)]
        return self._ask(Question(b"PORT", about=_bytes("command", command[0])), *commands)[0]


def _destroy(found: Library, handle: int, process: int) -> None:
    # Its thread is in the process that made it, where that may still need it.
    if os.getpid() == process:
        found.destroy(handle)


def _bytes(what: str, value: Text) -> bytes:
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    elif not isinstance(value, bytes):
        raise TypeError(f"{what} must be bytes or str, not {type(value).__name__}")
    if b"\0" in value:
        raise ValueError(f"{what} has a NUL in it")
    return value


def _key(key: Text) -> bytes:
    key = _bytes("key", key)
    if not 0 < len(key) <= _MAX_KEY:
        raise ValueError(f"a key has 1 to {_MAX_KEY} bytes, not {len(key)}")
    return key


def _msecs(ttl: float) -> bytes:
    msecs = math.ceil(ttl * 1000)
    if not 0 < msecs <= _MAX_TTL:
        raise ValueError(f"a time to live is more than 0 and at most {_MAX_TTL // 1000} seconds, not {ttl}")
    return b"%d" % msecs


def _deadline(timeout: Optional[float]) -> Optional[float]:
    return None if timeout is None else time.monotonic() + timeout
