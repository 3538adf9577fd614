# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""The functions of libzgossip that a node needs, found and declared."""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os
import threading
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_void_p
from typing import Any, Optional, Sequence

from ._errors import LibraryNotFound

_MAJOR = 1
_NAME = f"libzgossip.so.{_MAJOR}"

_Frames = POINTER(c_char_p)


class Failed(Exception):
    """A call came back with this errno."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.errno = number


class Library:
    """libzgossip, with Python's types. Every call releases the interpreter's lock while it is inside."""

    def __init__(self, path: str) -> None:
        self._c = c = ctypes.CDLL(path, use_errno=True)
        self.path = path

        def declare(name: str, result: Any, *arguments: Any) -> None:
            function = getattr(c, name)
            function.restype = result
            function.argtypes = arguments

        declare("zgossip_version", None, POINTER(c_int), POINTER(c_int), POINTER(c_int))
        declare("zgossip_new", c_void_p, c_char_p)
        declare("zgossip_destroy", None, POINTER(c_void_p))
        declare("zgossip_send_sized", c_int, c_void_p, _Frames, POINTER(c_size_t), c_size_t)
        declare("zgossip_recv", _Frames, c_void_p, POINTER(c_size_t))
        declare("zgossip_frames_destroy", None, POINTER(_Frames))
        declare("zgossip_set_rcvtimeo", c_int, c_void_p, c_int)
        declare("zgossip_fd", c_int, c_void_p)

    def version(self) -> tuple[int, int, int]:
        numbers = c_int(), c_int(), c_int()
        self._c.zgossip_version(*(ctypes.byref(number) for number in numbers))
        return numbers[0].value, numbers[1].value, numbers[2].value

    def new(self, name: bytes) -> int:
        handle: Optional[int] = self._c.zgossip_new(name)
        if not handle:
            raise OSError(ctypes.get_errno(), "cannot make a node: " + os.strerror(ctypes.get_errno()))
        return handle

    def destroy(self, handle: int) -> None:
        self._c.zgossip_destroy(ctypes.byref(c_void_p(handle)))

    def send(self, handle: int, frames: Sequence[bytes]) -> None:
        count = len(frames)
        first = (c_char_p * count)(*frames)
        sizes = (c_size_t * count)(*map(len, frames))
        # A signal only ends the wait for room: its handler runs before the call is made again.
        while self._c.zgossip_send_sized(handle, first, sizes, count):
            number = ctypes.get_errno()
            if number != errno.EINTR:
                raise Failed(number)

    def recv(self, handle: int, msecs: int) -> list[bytes]:
        """The next message. One thread at a time: the time-out is the node's."""
        count = c_size_t()
        self._c.zgossip_set_rcvtimeo(handle, msecs)
        frames = self._c.zgossip_recv(handle, ctypes.byref(count))
        if not frames:
            raise Failed(ctypes.get_errno())
        try:
            return [frames[index] for index in range(count.value)]
        finally:
            self._c.zgossip_frames_destroy(ctypes.byref(frames))

    def fd(self, handle: int) -> int:
        descriptor: int = self._c.zgossip_fd(handle)
        if descriptor < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return descriptor


_loaded: Optional[Library] = None
_loading = threading.Lock()


def _open() -> Library:
    chosen = os.environ.get("ZGOSSIP_LIBRARY")
    if chosen:
        try:
            return Library(chosen)
        except (OSError, AttributeError) as why:
            raise LibraryNotFound(f"ZGOSSIP_LIBRARY: {why}") from None
    reasons = []
    for path in (_NAME, ctypes.util.find_library("zgossip")):
        if path:
            try:
                return Library(path)
            except (OSError, AttributeError) as why:
                reasons.append(str(why))
    hint = "install libzgossip, or set ZGOSSIP_LIBRARY to the path of " + _NAME
    raise LibraryNotFound("; ".join([*reasons, hint]))


def library() -> Library:
    """The library, loaded when it is first needed."""
    global _loaded
    with _loading:
        if _loaded is None:
            found = _open()
            if found.version()[0] != _MAJOR:
                raise LibraryNotFound(f"{found.path} has another interface than {_NAME}")
            _loaded = found
        return _loaded


def library_version() -> str:
    """The version of the libzgossip in use."""
    return ".".join(map(str, library().version()))
