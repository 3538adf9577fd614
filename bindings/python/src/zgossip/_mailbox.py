# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Sorts what comes out of a node: answers to those who asked, events to those who receive.

Both come on one queue, in order. Whoever waits for either takes messages from it, one thread at a time, and puts down
what is not its own: an answer beside the question, an event among those that wait here. As in the library, one event
waits for a key at most, the newest, so that a program that asks and never receives does not grow.
"""

from __future__ import annotations

import errno
import math
import threading
import time
from collections import OrderedDict, deque
from typing import Callable, Optional, Sequence

from ._descriptor import Descriptor
from ._errors import NodeClosed
from ._events import Deliver, Error, Event, Expire, Join, Leave, Retract, text
from ._library import Failed, Library

_MAX_NOTICES = 100_000

# A signal ends a wait in the library if it comes during it; one that comes just before would not. The main thread,
# where Python runs signal handlers, looks up as often as this, in milliseconds.
_LOOK_UP = 500


class Question:
    """Something that was asked: what the answer is called, and the answer once it is there."""

    def __init__(self, reply: bytes, key: Optional[bytes] = None, about: bytes = b"") -> None:
        self.reply = reply
        self.key = key
        self.about = about
        self.answer: Optional[list[bytes]] = None
        self.reason: Optional[str] = None
        self.lost = False

    def is_answered_by(self, frames: list[bytes]) -> bool:
        return frames[0] == self.reply and self.key in (None, *frames[1:2])

    def is_done(self) -> bool:
        return self.answer is not None or self.lost


class Mailbox:
    """What comes out of one node."""

    def __init__(self, library: Library, handle: int) -> None:
        self._library = library
        self._handle = handle
        # Reentrant: a signal handler may use the node while its thread is in here.
        self._change = threading.Condition(threading.RLock())
        self._order = threading.RLock()
        self._questions: deque[Question] = deque()
        self._events: OrderedDict[object, Event] = OrderedDict()
        self._notices = 0
        self._deliveries = 0
        self._reader: Optional[int] = None
        self._closed = False
        self._descriptor: Optional[Descriptor] = None

    def ask(self, question: Question, commands: Sequence[Sequence[bytes]]) -> list[bytes]:
        """Send commands, the last of which has an answer, and wait for that."""
        with self._order:
            with self._change:
                self._questions.append(question)
            for command in commands:
                self._send(command)
        self._wait(question.is_done, None)
        return question.answer if question.answer is not None else self.ask(
            Question(question.reply, question.key), commands[-1:]
        )

    def receive(self, timeout: Optional[float]) -> Event:
        """The event that has waited longest."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self._wait(lambda: bool(self._events), deadline)
            with self._change:
                # Another thread may have been quicker.
                if self._events:
                    return self._pop()

    def poll(self) -> Optional[Event]:
        """The same, if there is one now."""
        try:
            return self.receive(0)
        except TimeoutError:
            return None

    def deliveries(self) -> int:
        """How many values have come out so far."""
        return self._deliveries

    def await_delivery(self, after: int, deadline: Optional[float]) -> None:
        """Wait until more than so many have. They stay here to be received."""
        self._wait(lambda: self._deliveries > after, deadline)

    def forget(self, key: bytes) -> None:
        """Take back what waits for a key."""
        with self._change:
            self._events.pop(key, None)

    def descriptor(self) -> Descriptor:
        """Readable while an event waits, and once the node is closed."""
        with self._change:
            if self._closed:
                raise NodeClosed("the node is closed")
            if self._descriptor is None:
                self._descriptor = Descriptor(self._library.fd(self._handle))
            self._show()
            return self._descriptor

    def close(self) -> None:
        """Whoever waits returns, and nothing is received any more. Before the node is destroyed."""
        with self._change:
            self._closed = True
            self._show()
            self._descriptor = None
            self._change.notify_all()

    def _send(self, command: Sequence[bytes]) -> None:
        try:
            self._library.send(self._handle, command)
        except Failed as failed:
            raise failure(failed) from None

    def _wait(self, is_done: Callable[[], bool], deadline: Optional[float]) -> None:
        with self._change:
            try:
                while True:
                    if self._closed:
                        raise NodeClosed("the node is closed")
                    if is_done():
                        return
                    left = None if deadline is None else max(0.0, deadline - time.monotonic())
                    self._show()
                    # A signal handler may ask while its thread reads.
                    if self._reader in (None, threading.get_ident()):
                        if not self._read(left) and left == 0:
                            raise TimeoutError("nothing came in time")
                    elif left == 0:
                        raise TimeoutError("nothing came in time")
                    else:
                        self._change.wait(left)
            finally:
                self._show()

    def _read(self, left: Optional[float]) -> bool:
        """Take one message from the library, unlocked while it waits there."""
        msecs = -1 if left is None else min(math.ceil(left * 1000), 0x7FFFFFFF)
        if threading.current_thread() is threading.main_thread() and not 0 <= msecs <= _LOOK_UP:
            msecs = _LOOK_UP
        frames = None
        before, self._reader = self._reader, threading.get_ident()
        self._change.release()
        try:
            frames = self._library.recv(self._handle, msecs)
        except Failed as failed:
            if failed.errno not in (errno.EAGAIN, errno.EINTR):
                raise failure(failed) from None
        finally:
            self._change.acquire()
            self._reader = before
            if frames is not None:
                self._sort(frames)
            self._change.notify_all()
        return frames is not None

    def _sort(self, frames: list[bytes]) -> None:
        name = frames[0]
        if name == b"DELIVER":
            self._deliveries += 1
            self._events[frames[1]] = Deliver(frames[1], frames[2])
        elif name == b"RETRACT":
            self._events[frames[1]] = Retract(frames[1])
        elif name == b"EXPIRE":
            self._events[frames[1]] = Expire(frames[1])
        elif name == b"JOIN":
            self._notice(Join(text(frames[1])))
        elif name == b"LEAVE":
            self._notice(Leave(text(frames[1])))
        elif name == b"ERROR":
            self._complain(frames[1], text(frames[2]))
        else:
            self._answer(frames)

    def _notice(self, event: Event) -> None:
        if self._notices < _MAX_NOTICES:
            self._notices += 1
            self._events[object()] = event

    def _complain(self, command: bytes, reason: str) -> None:
        for question in self._questions:
            if question.about == command and question.reason is None:
                question.reason = reason
                return
        self._notice(Error(text(command), reason))

    def _answer(self, frames: list[bytes]) -> None:
        # Answers come in the order of the questions. Where one is missing, an exception (KeyboardInterrupt, say) hit
        # the thread that had just taken it; who asked for it asks again.
        if not any(question.is_answered_by(frames) for question in self._questions):
            return
        while True:
            question = self._questions.popleft()
            if question.is_answered_by(frames):
                question.answer = frames[1:]
                return
            question.lost = True

    def _pop(self) -> Event:
        _, event = self._events.popitem(last=False)
        if isinstance(event, (Join, Leave, Error)):
            self._notices -= 1
        self._show()
        return event

    def _show(self) -> None:
        if self._descriptor is not None:
            self._descriptor.raise_flag(bool(self._events) or self._closed)


def failure(failed: Failed) -> Exception:
    """What a program is told when a call on a node came back with an error."""
    if failed.errno in (errno.EPIPE, errno.EINVAL):
        return NodeClosed("the node has ended")
    return OSError(failed.errno, "libzgossip")
