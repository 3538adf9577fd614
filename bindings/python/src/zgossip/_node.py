# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""A gossip node."""

from __future__ import annotations

import atexit
import ctypes
import errno
import math
import operator
import os
import threading
import time
import weakref
from ctypes import byref, c_size_t, c_uint64, c_void_p, string_at
from types import TracebackType
from typing import Any, AsyncIterator, Callable, Iterator, NoReturn, Optional, Type, Union

from ._descriptor import Descriptor
from ._errors import NodeClosed, ZgossipError
from ._events import Event, event
from ._library import Library, library
from ._members import MemberInfo
from ._origin import Origin
from ._peers import Peer
from ._stats import Stats, StatsBuffer
from ._watcher import Watcher

Text = Union[str, bytes]
Path = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

_MAX_KEY = 255
# libzmq: the context was terminated.
_ETERM = 156384765
# All events, with the names and ids of peers; the same, with what changed.
_EVENTS = "2"
_CHANGES = "3"
_MAX_TTL = 0xFFFFFFFF
_MAX_INT = 0x7FFFFFFF
_MAX_COUNT = c_size_t(-1).value


class Node:
    """A node of a gossip network.

    It runs until `close`, the end of a `with` block, or the end of the program.

    Keys and values are bytes without NUL; a `str` is encoded as UTF-8. Times are in seconds. Any thread may call any
    method at any time; several threads may receive, and each event is received by one of them.

    Every method may raise ValueError for an invalid argument, ZgossipError if the library refuses the call, and
    NodeClosed after `close`; methods with a `timeout` raise TimeoutError when it is over. A timeout of None is none.

    A node cannot be copied or pickled: a copy would be another node with the same name, which the caller may create.
    """

    def __init__(self, name: str = "", *, verbose: bool = False) -> None:
        """Creates a node without peers.

        `name` prefixes its log lines, and peers are told its first 64 bytes; `verbose` logs internal steps, too.
        """
        found = library()
        self._process = os.getpid()
        handle: Optional[int] = found.new(_bytes("name", name))
        if not handle:
            number = ctypes.get_errno()
            raise OSError(number, found.reason(number))
        self._library = found
        self._handle = handle
        self._name = name
        self._end = weakref.finalize(self, _destroy, found, handle, self._process)
        _note_the_exit()
        # Reentrant: a signal handler may use the node while its thread is in here.
        self._watching = threading.RLock()
        self._watched: Optional[Descriptor] = None
        self._events = _EVENTS
        self._call(found.set_rcvtimeo, 0)
        self.set("server/events", self._events)
        if verbose:
            self.set("server/verbose", "1")

    # Peers

    def bind(self, endpoint: Text) -> int:
        """Accepts peers at an endpoint: tcp://*:5670, tcp://127.0.0.1:* (any free port), ipc://path, inproc://name.

        Returns the TCP port, 0 for other transports.
        """
        return self._call(self._library.bind, _bytes("endpoint", endpoint))

    def endpoint(self) -> Optional[str]:
        """Returns the endpoint bound last, as peers in this machine reach it; None if nothing is bound."""
        self._check()
        found = self._library.endpoint(self._handle)
        if not found:
            failed = self._failure()
            if isinstance(failed, ZgossipError) and failed.errno == errno.ENOENT:
                return None
            raise failed
        return _text(self._library, found)

    def unbind(self, endpoint: Text) -> None:
        """Stops accepting peers at an endpoint, and disconnects those that connected to it."""
        self._call(self._library.unbind, _bytes("endpoint", endpoint))

    def connect(self, endpoint: Text, server_key: Optional[Text] = None) -> None:
        """Connects to the peer at an endpoint, and again whenever the connection is lost.

        The peer need not be there yet. With the public key of the peer, the connection is encrypted (CURVE); without it,
        the name and the password of `set_plain` are given, if there are any.
        """
        key = None if server_key is None else _bytes("server key", server_key)
        self._call(self._library.connect, _bytes("endpoint", endpoint), key)

    def disconnect(self, endpoint: Text) -> None:
        """Ends the connection to an endpoint; the tuples that came from that peer stay."""
        self._call(self._library.disconnect, _bytes("endpoint", endpoint))

    # Tuples

    def publish(self, key: Text, value: Text = b"", ttl: Optional[float] = None) -> None:
        """Publishes a tuple: gives a key a value on every node.

        With `ttl`, the tuple expires after that many seconds, unless it is published again before. The method does not
        wait for the node; a node that has no room for another key reports that as an `Error` event.
        """
        key, value = _key(key), _bytes("value", value)
        msecs = 0 if ttl is None else _ttl(ttl)
        self._call(self._library.publish, key, len(key), value, len(value), msecs)

    def announce(self, key: Text, value: Text = b"", ttl: Optional[float] = None) -> None:
        """Announces a tuple: gives a key a value that lives as long as this node, which keeps it alive by itself.

        When the node is closed, the tuple is withdrawn everywhere; when the process dies, it goes after `server/grace`
        (200 ms); when the process hangs or is cut off, after `ttl` seconds: 0.5 at least, 10 without `ttl`. A node that shows
        itself again has its tuples back. Of several nodes that announce a key the last one's value counts; when that ends,
        another one's does. `publish` or `retract` of the key ends the announcement.
        """
        key, value = _key(key), _bytes("value", value)
        msecs = 0 if ttl is None else _ttl(ttl)
        self._call(self._library.announce, key, len(key), value, len(value), msecs)

    def retract(self, key: Text) -> bool:
        """Removes a key from the whole network; returns whether this node held it. Others remove it in either case."""
        key = _key(key)
        return bool(self._call(self._library.retract, key, len(key)))

    def unpublish(self, key: Text) -> bool:
        """Forgets a key on this node only; returns whether it held the key."""
        key = _key(key)
        return bool(self._call(self._library.unpublish, key, len(key)))

    def get(self, key: Text) -> Optional[bytes]:
        """Returns the value of a key, None if it has none."""
        key = _key(key)
        size = c_size_t()
        self._check()
        found = self._library.get(self._handle, key, len(key), byref(size))
        if not found:
            failed = self._failure()
            if isinstance(failed, ZgossipError) and failed.errno == errno.ENOENT:
                return None
            raise failed
        try:
            return string_at(found, size.value)
        finally:
            self._library.free(found)

    def publish_if(self, key: Text, value: Text, version: Optional[str]) -> bool:
        """Publishes a tuple if this node holds this version of its key; None stands for a key without a value.

        Returns whether it did. What is checked is what this node holds: no lock. Another node may write the key at the
        same time, and then the later write wins, as always. The version is that of `get_versioned` or of a `Change`.
        """
        key, value = _key(key), _bytes("value", value)
        try:
            self._call(self._library.publish_if, key, value, None if version is None else _bytes("version", version))
        except ZgossipError as failed:
            if failed.errno in (errno.EEXIST, errno.ENOENT):
                return False
            raise
        return True

    def get_versioned(self, key: Text) -> Optional[tuple[bytes, str]]:
        """Returns the value of a key with its version, for `publish_if`; None if it has none."""
        key = _key(key)
        size, version = c_size_t(), ctypes.create_string_buffer(33)
        self._check()
        found = self._library.get_versioned(self._handle, key, len(key), byref(size), version)
        if not found:
            failed = self._failure()
            if isinstance(failed, ZgossipError) and failed.errno == errno.ENOENT:
                return None
            raise failed
        try:
            return string_at(found, size.value), version.value.decode("ascii")
        finally:
            self._library.free(found)

    def origin(self, key: Text) -> Optional[Origin]:
        """Returns who wrote the tuple of a key, and when; None if the key has no value."""
        key = _key(key)
        self._check()
        found = self._library.origin(self._handle, key, len(key))
        if not found:
            failed = self._failure()
            if isinstance(failed, ZgossipError) and failed.errno == errno.ENOENT:
                return None
            raise failed
        try:
            origin: Origin = found.contents.read()
            return origin
        finally:
            self._library.origin_destroy(byref(found))

    def items(self) -> list[tuple[bytes, bytes]]:
        """Returns all keys and values that the node holds at one moment, in the byte order of the keys."""
        count = c_size_t()
        self._check()
        tuples = self._library.tuples(self._handle, byref(count))
        if not tuples:
            raise self._failure()
        try:
            return [
                (string_at(one.key, one.key_size), string_at(one.value, one.value_size))
                for one in tuples[: count.value]
            ]
        finally:
            self._library.tuples_destroy(byref(tuples))

    def keys(self) -> list[bytes]:
        """Returns all keys that have a value."""
        return [key for key, _ in self.items()]

    def status(self) -> int:
        """Returns the number of keys that have a value."""
        return self._call(self._library.count)

    def digest(self) -> int:
        """Returns a digest of all that the node holds: equal on nodes that hold the same."""
        digest = c_uint64()
        self._call(self._library.digest, byref(digest))
        return digest.value

    def stats(self) -> Stats:
        """Returns the statistics of the node."""
        stats = StatsBuffer()
        self._call(self._library.stats, byref(stats), ctypes.sizeof(stats))
        return stats.read()

    def peers(self) -> list[Peer]:
        """Returns the peers that the node is connected to, or tries to connect to, in the order in which they came."""
        count = c_size_t()
        self._check()
        peers = self._library.peers(self._handle, byref(count))
        if not peers:
            raise self._failure()
        try:
            return [one.contents.read() for one in peers[: count.value]]
        finally:
            self._library.peers_destroy(byref(peers))

    def members(self) -> list[MemberInfo]:
        """Returns the members of the network, wherever they are connected: nodes of this library that have announced
        something, were asked for their members, or have `zgossip/members` set. Who asks is one from then on.
        """
        count = c_size_t()
        self._check()
        members = self._library.members(self._handle, byref(count))
        if not members:
            raise self._failure()
        try:
            return [one.contents.read() for one in members[: count.value]]
        finally:
            self._library.members_destroy(byref(members))

    # Waiting

    def wait_key(self, key: Text, timeout: Optional[float] = None) -> bytes:
        """Waits until a key has a value, and returns it. No event is taken from those to be received."""
        key = _key(key)
        deadline = _deadline(timeout)
        while True:
            self._wait(deadline, self._library.wait_key, key)
            value = self.get(key)
            if value is not None:
                return value

    def wait_count(self, count: int, timeout: Optional[float] = None) -> None:
        """Waits until at least `count` keys have a value. No event is taken from those to be received."""
        self._wait(_deadline(timeout), self._library.wait_count, _count(count))

    def wait_agreement(self, peers: int = 1, timeout: Optional[float] = None) -> int:
        """Waits until all peers have what this node holds, and at least `peers` report that they hold the same.

        Returns the number of peers that report so. CZMQ's nodes cannot report it, and are not counted.
        """
        return self._wait(_deadline(timeout), self._library.wait_agreement, _count(peers))

    def flush(self, timeout: Optional[float] = None) -> int:
        """Waits until what was published has reached the peers, so that the program may end; returns their number."""
        return self._wait(_deadline(timeout), self._library.flush)

    def sync(self, timeout: Optional[float] = None) -> None:
        """Waits until the file of the setting `server/store` has what this node holds."""
        self._wait(_deadline(timeout), self._library.sync)

    # Events

    def recv(self, timeout: Optional[float] = None) -> Event:
        """Waits for the next event, and returns it. Ctrl-C and other signals are handled meanwhile."""
        deadline = _deadline(timeout)
        while True:
            came = self._take()
            if came is not None:
                return came
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError("nothing came in time")
            self._descriptor().wait(left)

    def __iter__(self) -> Iterator[Event]:
        """Yields events as they come, until the node is closed."""
        while True:
            try:
                came = self.recv()
            except NodeClosed:
                return
            yield came

    def fileno(self) -> int:
        """Returns a descriptor that is readable while an event waits, and once the node is closed.

        It is to be watched, not to be read from. Where several threads receive, one may find no event although the
        descriptor was readable, and should call `recv` with a timeout of 0.
        """
        return self._descriptor().fileno()

    async def receive(self) -> Event:
        """Waits for the next event in the running event loop, and returns it."""
        while True:
            came = self._take()
            if came is not None:
                return came
            await self._descriptor().readable()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Yields events as they come, until the node is closed."""
        while True:
            try:
                came = await self.receive()
            except NodeClosed:
                return
            yield came

    def set_changes(self, on: bool = True) -> None:
        """Has the `Deliver`, `Retract` and `Expire` events that follow tell what changed: the value before, who wrote it."""
        self._events = _CHANGES if on else _EVENTS
        self.set("server/events", self._events)

    def watch(self, prefix: Text) -> Watch:
        """Delivers only keys that begin with a prefix, those that are held at once; other prefixes may be watched, too.

        Behind them comes `Synced`, as soon as the whole state of one peer is there, or at once if there is no peer and
        none to connect to. So connect first, then watch. An empty prefix stands for all keys, which are delivered until
        the first call of this. The end of a `with` or `async with` block takes the prefix back, as `unwatch` does:

            async with node.watch("service/") as events:
                async for event in events:
                    print(event)
        """
        prefix = _bytes("prefix", prefix)
        self._call(self._library.watch, prefix)
        return Watch(self, prefix)

    def watcher(self, prefix: Text) -> Watcher:
        """Makes a watcher of the keys that begin with a prefix, with events of its own; an empty one stands for all keys.

        So several parts of a program do not take each other's events. It gets the keys that the node holds, then
        `Synced` when `watch` would send it, and what changes. What the node itself delivers stays as it is.
        """
        prefix = _bytes("prefix", prefix)
        self._check()
        handle: Optional[int] = self._library.watcher_new(self._handle, prefix)
        if not handle:
            raise self._failure()
        return Watcher(self._library, handle, prefix)

    def unwatch(self, prefix: Text) -> None:
        """Delivers keys that begin with a prefix no more; after the last one no key is delivered."""
        self._call(self._library.unwatch, _bytes("prefix", prefix))

    # Configuration

    def set(self, path: Text, value: Text) -> None:
        """Sets one item of the configuration, such as "server/timeout"."""
        self._call(self._library.set, _bytes("path", path), _bytes("value", value))

    def load(self, path: Path) -> None:
        """Loads a configuration file in place of the present configuration, and again whenever the file changes.

        The file should have `events = 2` in its section `server`. Without it, only `Deliver` events are reported after
        the file has changed.
        """
        self._call(self._library.load, _bytes("path", os.fspath(path)))
        self.set("server/events", self._events)

    def load_strict(self, path: Path) -> list[str]:
        """Loads a configuration file as `load` does, but only if `check` finds nothing wrong with it.

        Returns what could not be done, such as binding to an endpoint that is in use, with the rest of the file in force.
        """
        problems = c_void_p()
        try:
            self._call(self._library.load_strict, _bytes("path", os.fspath(path)), byref(problems))
        finally:
            lines = _lines(self._library, problems)
        self.set("server/events", self._events)
        return lines

    def save(self, path: Path) -> None:
        """Saves the configuration to a file."""
        self._call(self._library.save, _bytes("path", os.fspath(path)))

    def record(self, path: Path | None) -> None:
        """Records in a file all that the node receives, to be replayed elsewhere; None ends the recording."""
        self._call(self._library.record, None if path is None else _bytes("path", os.fspath(path)))

    def set_keys(self, public_key: Text, secret_key: Text) -> None:
        """Sets the CURVE keys (Z85) for each `bind` and `connect` that follows."""
        self._call(self._library.set_keys, _bytes("key", public_key), _bytes("key", secret_key))

    def set_plain(self, username: Optional[Text], password: Optional[Text]) -> None:
        """Sets the name and the password (PLAIN) for each `connect` that follows; None takes them back.

        PLAIN does not encrypt. A peer that does not ask for a password is not connected to then.
        """
        name = None if username is None else _bytes("username", username)
        self._call(self._library.set_plain, name, None if password is None else _bytes("password", password))

    def set_zap_domain(self, domain: Text) -> None:
        """Sets the ZAP domain for each `bind` that follows."""
        self._call(self._library.set_zap_domain, _bytes("domain", domain))

    def set_rights(self, subject: Text, prefix: Text, rights: Optional[Text]) -> None:
        """Sets what a peer may do with the keys that begin with `prefix`; an empty one stands for all keys.

        `subject` is the peer's public key (Z85), the name of its certificate, or "*" for all others. `rights` are words
        separated by commas: read, announce, retract, write, or none; None takes the rule back. As soon as there is one
        rule, what no rule allows is refused.
        """
        words = None if rights is None else _bytes("rights", rights)
        self._call(self._library.set_rights, _bytes("subject", subject), _bytes("prefix", prefix), words)

    # The end

    def close(self) -> None:
        """Ends the node within milliseconds. What was published before still reaches connected peers, if that is quick.

        `flush` waits for it.
        """
        # No thread may begin to watch the library's descriptor while it is being closed.
        with self._watching:
            self._end()
            # The descriptor is kept as long as this object: code that watches it finds it readable, however late.
            if self._watched is not None and os.getpid() == self._process:
                self._watched.end()

    @property
    def closed(self) -> bool:
        """Whether the node was closed."""
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
        return f"<zgossip.Node {_shown(self._name)!r}{' (closed)' if self.closed else ''}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        # Called by copy, deepcopy and pickle alike.
        raise TypeError(f"cannot copy or pickle {self!r}: it is a thread of this process; create another node instead")

    def _check(self) -> None:
        if not self._end.alive:
            _park_at_exit()
            raise NodeClosed("the node is closed")
        if os.getpid() != self._process:
            raise NodeClosed("the node stayed in the process that this one was forked from")

    def _failure(self) -> Exception:
        """The exception for the last call, which failed."""
        number = ctypes.get_errno()
        if number in (errno.EPIPE, _ETERM) or not self._end.alive:
            _park_at_exit()
            return NodeClosed("the node has ended", number)
        return ZgossipError(self._library.reason(number), number)

    def _call(self, function: Callable[..., Any], *arguments: Any) -> int:
        while True:
            self._check()
            result: int = function(self._handle, *arguments)
            if result >= 0:
                return result
            # A signal ends the wait for the node; its handler runs before the call is repeated.
            if ctypes.get_errno() != errno.EINTR:
                raise self._failure()

    def _wait(self, deadline: Optional[float], function: Callable[..., Any], *arguments: Any) -> int:
        while True:
            left = -1 if deadline is None else math.ceil(max(0.0, deadline - time.monotonic()) * 1000)
            self._check()
            result: int = function(self._handle, *arguments, min(left, _MAX_INT))
            if result >= 0:
                return result
            if ctypes.get_errno() == errno.EAGAIN:
                if left <= _MAX_INT:
                    raise TimeoutError(self._library.reason(errno.EAGAIN))
            elif ctypes.get_errno() != errno.EINTR:
                raise self._failure()

    def _take(self) -> Optional[Event]:
        """Receives the next event, None if there is none now."""
        count = c_size_t()
        while True:
            self._check()
            frames = self._library.recv(self._handle, byref(count))
            if not frames:
                if ctypes.get_errno() in (errno.EAGAIN, errno.EINTR):
                    return None
                raise self._failure()
            try:
                came = event(frames[: count.value])
            finally:
                self._library.frames_destroy(byref(frames))
            if came is not None:
                return came

    def _descriptor(self) -> Descriptor:
        with self._watching:
            self._check()
            if self._watched is None:
                self._watched = Descriptor(self._call(self._library.fd))
            return self._watched


class Watch:
    """A prefix that a node watches, for `with` and `async with`; iterated over, it yields the node's events."""

    def __init__(self, node: Node, prefix: bytes) -> None:
        self._node = node
        self.prefix = prefix

    def __iter__(self) -> Iterator[Event]:
        return iter(self._node)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._node.__aiter__()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        try:
            self._node.unwatch(self.prefix)
        except NodeClosed:
            pass

    async def __aenter__(self) -> Watch:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.__exit__(kind, error, trace)

    def __repr__(self) -> str:
        return f"<zgossip.Watch {_shown(self.prefix)!r} of {self._node!r}>"


def check(path: Path) -> list[str]:
    """Checks a configuration file without a node; returns a text for each fault, with its line."""
    found, problems = library(), c_void_p()
    if found.check(_bytes("path", os.fspath(path)), byref(problems)) < 0:
        number = ctypes.get_errno()
        raise ZgossipError(found.reason(number), number)
    return _lines(found, problems)


def _text(found: Library, address: int) -> str:
    """A string of the library, which is freed."""
    try:
        return string_at(address).decode("utf-8", "backslashreplace")
    finally:
        found.free(address)


def _lines(found: Library, text: c_void_p) -> list[str]:
    return [] if text.value is None else _text(found, text.value).split("\n")


def _destroy(found: Library, handle: int, process: int) -> None:
    # In a forked child the node is left alone: its thread runs in the parent, which may still need it.
    if os.getpid() == process:
        found.destroy(byref(c_void_p(handle)))


_exiting = False
_noted = False


def _note_the_exit() -> None:
    """Has the end of the program noted before nodes end by it, that is, registered after weakref's own function."""
    global _noted
    if not _noted:
        _noted = True
        atexit.register(_exit)


def _exit() -> None:
    global _exiting
    _exiting = True


def _park_at_exit() -> None:
    """Stops a daemon thread that finds its node ended by the end of the program, which does not wait for such threads.

    An exception would be of no use to it, and would be printed. The interpreter ends the thread.
    """
    while _exiting and threading.current_thread().daemon:
        time.sleep(1)


def _shown(name: Text) -> str:
    return name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name


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


def _ttl(ttl: float) -> int:
    # Neither a nan nor an infinity can be rounded, so the number is compared first.
    if math.isnan(ttl) or not 0 < ttl <= _MAX_TTL / 1000:
        raise ValueError(f"a time to live is more than 0 and at most {_MAX_TTL // 1000} seconds, not {ttl}")
    return math.ceil(ttl * 1000)


def _count(count: int) -> int:
    if not 0 <= operator.index(count) <= _MAX_COUNT:
        raise ValueError(f"{count} is no number of things")
    return count


def _deadline(timeout: Optional[float]) -> Optional[float]:
    if timeout is None:
        return None
    if math.isnan(timeout):
        raise ValueError(f"a timeout is a number of seconds, not {timeout}")
    # Longer ones, and infinity, never come.
    return time.monotonic() + timeout if timeout < threading.TIMEOUT_MAX else None
