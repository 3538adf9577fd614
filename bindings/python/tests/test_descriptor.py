# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""The descriptor: readable exactly while something waits; and asyncio on top of it."""

import asyncio
import os
import resource
import select
import threading
import time
import unittest
from typing import List

import zgossip
from common import LONG, NodeTest
from zgossip import Deliver

MESSAGES = 1_000_000
KEYS = 50_000
# No further ahead than this, so that no event is replaced by a newer one of its key.
AHEAD = 20_000


def readable(node: zgossip.Node, timeout: float = 0) -> bool:
    poll = select.poll()
    poll.register(node, select.POLLIN)
    return bool(poll.poll(timeout * 1000))


class Polled(NodeTest):
    def test_readable_exactly_while_an_event_waits(self) -> None:
        node = self.node()
        self.assertFalse(readable(node))
        for number in range(50):
            node.publish("key", str(number))
            self.assertTrue(readable(node, LONG))
            self.assertTrue(readable(node))
            self.assertEqual(node.recv(0), Deliver(b"key", b"%d" % number))
            self.assertFalse(readable(node))

    def test_an_answer_is_no_event(self) -> None:
        node = self.node()
        node.fileno()
        for _ in range(50):
            node.status()
            self.assertFalse(readable(node))

    def test_events_that_came_before_an_answer(self) -> None:
        node = self.node()
        node.fileno()
        node.publish("a", "1")
        node.publish("b", "2")
        node.status()
        self.assertTrue(readable(node))
        node.recv(0)
        self.assertTrue(readable(node))
        node.recv(0)
        self.assertFalse(readable(node))

    def test_readable_after_the_end(self) -> None:
        node = self.node()
        epoll = select.epoll()
        self.addCleanup(epoll.close)
        epoll.register(os.dup(node.fileno()), select.EPOLLIN)
        threading.Timer(0.05, node.close).start()
        self.assertTrue(epoll.poll(LONG))

    def test_the_end_is_seen_however_late(self) -> None:
        node = self.node()
        epoll = select.epoll()
        self.addCleanup(epoll.close)
        epoll.register(node.fileno(), select.EPOLLIN)
        for _ in range(2):
            node.close()
            self.assertTrue(epoll.poll(0))

    def test_descriptors_are_given_back(self) -> None:
        def count() -> int:
            return len(os.listdir("/proc/self/fd"))

        with zgossip.Node() as node:
            node.fileno()
        before = count()
        for _ in range(20):
            with zgossip.Node() as node:
                node.fileno()
        self.assertEqual(count(), before)


class Asyncio(NodeTest):
    def test_no_event_is_missed(self) -> None:
        node = self.node()
        received = 0

        def publish() -> None:
            for number in range(MESSAGES):
                # Now and then all is quiet for a moment, and the loop sleeps
                while number - received >= AHEAD or (number % 5000 == 0 and number > received):
                    time.sleep(0.0005)
                node.publish(b"%d" % (number % KEYS), b"%d" % number)

        async def main() -> None:
            nonlocal received
            publisher = threading.Thread(target=publish, daemon=True)
            publisher.start()
            async for event in node:
                assert isinstance(event, Deliver) and event.value == b"%d" % received, (event, received)
                received += 1
                if received == MESSAGES:
                    break
            publisher.join()

        asyncio.run(asyncio.wait_for(main(), 200))

    def test_one_at_a_time(self) -> None:
        """The loop goes to sleep before each event."""
        node = self.node()

        async def main() -> None:
            for number in range(3000):
                waiting = asyncio.ensure_future(node.receive())
                await asyncio.sleep(0)
                self.assertFalse(waiting.done())
                node.publish("key", str(number))
                self.assertEqual(await waiting, Deliver(b"key", b"%d" % number))

        asyncio.run(asyncio.wait_for(main(), 200))

    def test_idle_costs_nothing(self) -> None:
        node = self.node()

        async def main() -> None:
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(node.receive(), 0.05)
            # An event waits, and nobody for it: the loop must not spin either
            node.publish("key", "value")
            before = resource.getrusage(resource.RUSAGE_SELF)
            await asyncio.sleep(1)
            after = resource.getrusage(resource.RUSAGE_SELF)
            self.assertLess(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 0.2)
            waiting = asyncio.ensure_future(node.receive())
            self.assertEqual(await waiting, Deliver(b"key", b"value"))

        asyncio.run(main())

    def test_several_tasks_and_questions(self) -> None:
        hub, leaf = self.pair()

        async def take(count: int) -> List[zgossip.Event]:
            events: List[zgossip.Event] = []
            async for event in hub:
                if isinstance(event, Deliver) and event.key.startswith(b"n"):
                    events.append(event)
                hub.status()
                if event == Deliver(b"stop", b""):
                    hub.close()
            return events

        async def main() -> None:
            tasks = [asyncio.ensure_future(take(number)) for number in range(3)]
            for number in range(300):
                leaf.publish(f"n{number}", "")
                if number % 10 == 0:
                    await asyncio.sleep(0.001)
            await asyncio.to_thread(hub.wait_key, "n299", LONG)
            leaf.publish("stop", "")
            events = [event for task in tasks for event in await task]
            self.assertEqual(len(set(events)), len(events))
            self.assertEqual(len(events), 300)

        asyncio.run(asyncio.wait_for(main(), 200))

    def test_cancelled_and_closed(self) -> None:
        node = self.node()

        async def main() -> None:
            tasks = [asyncio.ensure_future(node.receive()) for _ in range(3)]
            await asyncio.sleep(0.01)
            tasks[1].cancel()
            node.publish("key", "value")
            done, _ = await asyncio.wait(tasks, timeout=LONG, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0.05)
            values = [task.result() for task in tasks if task.done() and not task.cancelled()]
            self.assertEqual(values, [Deliver(b"key", b"value")])
            threading.Timer(0.05, node.close).start()
            left = [task for task in tasks if not task.done()]
            self.assertEqual(len(left), 1)
            with self.assertRaises(zgossip.NodeClosed):
                await asyncio.wait_for(left[0], LONG)
            async for event in node:
                self.fail(f"an event after the end: {event}")

        asyncio.run(main())


if __name__ == "__main__":
    unittest.main()
