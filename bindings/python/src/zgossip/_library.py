# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Loads libzgossip, and declares the functions that a node needs."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
import threading
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Callable, Iterator, Optional

from ._errors import LibraryNotFound
from ._members import MemberBuffer
from ._origin import OriginBuffer
from ._peers import PeerBuffer
from ._stats import StatsBuffer

_MAJOR = 1
_NAME = f"libzgossip.so.{_MAJOR}"

#: Where `make install` may have put it: before ldconfig has been run, or on systems whose loader does not look there.
USUAL = (os.path.join(sys.prefix, "lib"), "/usr/local/lib", "/usr/local/lib64")

Frames = POINTER(c_char_p)


class EventBuffer(ctypes.Structure):
    """The first members of zgossip_event_t; the frames tell the rest."""

    _fields_ = [("kind", c_int), ("count", c_size_t), ("frames", Frames)]


Received = POINTER(EventBuffer)


class Tuple(ctypes.Structure):
    """zgossip_tuple_t: an element of the array that zgossip_tuples returns."""

    _fields_ = [("key", c_void_p), ("key_size", c_size_t), ("value", c_void_p), ("value_size", c_size_t)]


Tuples = POINTER(Tuple)
Peers = POINTER(POINTER(PeerBuffer))
Members = POINTER(POINTER(MemberBuffer))


class Library:
    """The functions of libzgossip. Each call releases the interpreter lock while it runs."""

    def __init__(self, path: str, mode: int = 0) -> None:
        c = ctypes.CDLL(path, mode=ctypes.DEFAULT_MODE | mode, use_errno=True)
        self.path = path

        def declare(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
            function = getattr(c, "zgossip_" + name)
            function.restype = result
            function.argtypes = arguments
            return function  # type: ignore[no-any-return]

        node, text, key = c_void_p, c_char_p, (c_char_p, c_size_t)
        self._version = declare("version", None, POINTER(c_int), POINTER(c_int), POINTER(c_int))
        self._strerror = declare("strerror", c_char_p, c_int)
        self.new = declare("new", c_void_p, text)
        self.destroy = declare("destroy", None, POINTER(c_void_p))
        self.bind = declare("bind", c_int, node, text)
        self.endpoint = declare("endpoint", c_void_p, node)
        self.unbind = declare("unbind", c_int, node, text)
        self.connect = declare("connect", c_int, node, text, text)
        self.disconnect = declare("disconnect", c_int, node, text)
        self.set_keys = declare("set_keys", c_int, node, text, text)
        self.set_plain = declare("set_plain", c_int, node, text, text)
        self.set_zap_domain = declare("set_zap_domain", c_int, node, text)
        self.set_rights = declare("set_rights", c_int, node, text, text, text)
        self.publish = declare("publish_sized", c_int, node, *key, *key, c_uint32)
        self.announce = declare("announce_sized", c_int, node, *key, *key, c_uint32)
        self.retract = declare("retract_sized", c_int, node, *key)
        self.unpublish = declare("unpublish_sized", c_int, node, *key)
        self.get = declare("get_sized", c_void_p, node, *key, POINTER(c_size_t))
        self.publish_if = declare("publish_if", c_int, node, text, text, text)
        self.get_versioned = declare("get_versioned", c_void_p, node, *key, POINTER(c_size_t), text)
        self.origin = declare("origin_sized", POINTER(OriginBuffer), node, *key)
        self.origin_destroy = declare("origin_destroy", None, POINTER(POINTER(OriginBuffer)))
        self.count = declare("count", c_int64, node)
        self.digest = declare("digest", c_int, node, POINTER(c_uint64))
        self.tuples = declare("tuples", Tuples, node, POINTER(c_size_t))
        self.tuples_destroy = declare("tuples_destroy", None, POINTER(Tuples))
        self.peers = declare("peers", Peers, node, POINTER(c_size_t))
        self.peers_destroy = declare("peers_destroy", None, POINTER(Peers))
        self.members = declare("members", Members, node, POINTER(c_size_t))
        self.members_destroy = declare("members_destroy", None, POINTER(Members))
        self.wait_count = declare("wait_count", c_int, node, c_size_t, c_int)
        self.wait_key = declare("wait_key", c_int, node, text, c_int)
        self.wait_agreement = declare("wait_agreement", c_int, node, c_size_t, c_int)
        self.flush = declare("flush", c_int, node, c_int)
        self.sync = declare("sync", c_int, node, c_int)
        self.recv = declare("recv", Frames, node, POINTER(c_size_t))
        self.frames_destroy = declare("frames_destroy", None, POINTER(Frames))
        self.set_rcvtimeo = declare("set_rcvtimeo", c_int, node, c_int)
        self.fd = declare("fd", c_int, node)
        self.watch = declare("watch", c_int, node, text)
        self.unwatch = declare("unwatch", c_int, node, text)
        self.watcher_new = declare("watcher_new", c_void_p, node, text)
        self.watcher_recv_event = declare("watcher_recv_event", Received, c_void_p)
        self.watcher_set_rcvtimeo = declare("watcher_set_rcvtimeo", c_int, c_void_p, c_int)
        self.watcher_fd = declare("watcher_fd", c_int, c_void_p)
        self.watcher_destroy = declare("watcher_destroy", None, POINTER(c_void_p))
        self.event_destroy = declare("event_destroy", None, POINTER(Received))
        self.load = declare("load", c_int, node, text)
        self.load_strict = declare("load_strict", c_int, node, text, POINTER(c_void_p))
        self.check = declare("check", c_int, text, POINTER(c_void_p))
        self.set = declare("set", c_int, node, text, text)
        self.save = declare("save", c_int, node, text)
        self.record = declare("record", c_int, node, text)
        self.stats = declare("stats", c_int, node, POINTER(StatsBuffer), c_size_t)
        self.free = declare("free", None, c_void_p)

    def version(self) -> tuple[int, int, int]:
        numbers = c_int(), c_int(), c_int()
        self._version(*(ctypes.byref(number) for number in numbers))
        return numbers[0].value, numbers[1].value, numbers[2].value

    def reason(self, number: int) -> str:
        """The reason of the last call that failed in this thread."""
        text: bytes = self._strerror(number)
        return text.decode("utf-8", "replace")


_loaded: Optional[Library] = None
_loading = threading.Lock()


def _places() -> Iterator[tuple[str, str]]:
    """Where the library is looked for, in this order: what to tell the loader, and how to name that place."""
    if sys.prefix != sys.base_prefix:
        yield os.path.join(sys.prefix, "lib", _NAME), "the virtual environment"
    yield _NAME, "the loader's directories (LD_LIBRARY_PATH, ldconfig)"
    for directory in USUAL:
        yield os.path.join(directory, _NAME), "a usual place"
    found = ctypes.util.find_library("zgossip")
    if found:
        yield found, "find_library"


def _loaded_already() -> Optional[Library]:
    """The library that the process has, by LD_PRELOAD for example: another copy beside it would be another library."""
    try:
        return Library(_NAME, os.RTLD_NOLOAD)
    except (OSError, AttributeError):
        return None


def _open() -> Library:
    chosen = os.environ.get("ZGOSSIP_LIBRARY")
    present = None if chosen else _loaded_already()
    if present:
        return present
    tried: dict[str, str] = {}
    for path, place in [(chosen, "ZGOSSIP_LIBRARY")] if chosen else _places():
        if path not in tried:
            try:
                return Library(path)
            except (OSError, AttributeError) as why:
                missing = os.path.isabs(path) and not os.path.exists(path)
                reason = "not there" if missing else str(why).removeprefix(f"{path}: ")
                tried[path] = f"{path}: {reason} ({place})"
    looked = "".join(f"\n  {line}" for line in tried.values())
    hint = "Install libzgossip, or set ZGOSSIP_LIBRARY to the path of " + _NAME
    raise LibraryNotFound(f"{_NAME} could not be loaded. It was looked for as{looked}\n{hint}.")


def library() -> Library:
    """The library, loaded by the first call."""
    global _loaded
    with _loading:
        if _loaded is None:
            found = _open()
            if found.version()[0] != _MAJOR:
                raise LibraryNotFound(f"{found.path} has another interface than {_NAME}")
            _loaded = found
        return _loaded


def library_version() -> str:
    """The version of libzgossip, such as "1.0.0"."""
    return ".".join(map(str, library().version()))
