# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Threads, signals and forked processes."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
import unittest
import warnings
from typing import Any, List

import zgossip
from common import LONG, NodeTest
from zgossip import Deliver


class Threads(NodeTest):
    def test_each_event_is_received_once_and_each_question_answered(self) -> None:
        node = self.node()
        received: List[zgossip.Event] = []
        wrong: List[object] = []

        def receive() -> None:
            for event in node:
                received.append(event)

        def ask(thread: int) -> None:
            for number in range(300):
                key = f"{thread}/{number}"
                node.publish(key, key)
                if node.get(key) != key.encode() or node.get("none") is not None or node.status() <= number:
                    wrong.append(key)

        receivers = [threading.Thread(target=receive) for _ in range(3)]
        askers = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in receivers + askers:
            thread.start()
        for thread in askers:
            thread.join(LONG)
        deadline = time.monotonic() + LONG
        while len(received) < 1200 and time.monotonic() < deadline:
            time.sleep(0.01)
        node.close()
        for thread in receivers:
            thread.join(LONG)
            self.assertFalse(thread.is_alive())
        self.assertEqual(wrong, [])
        self.assertEqual(len(received), 1200)
        self.assertEqual(len(set(received)), 1200)

    def test_others_run_while_one_waits(self) -> None:
        node = self.node()
        done = threading.Event()

        def work() -> None:
            for _ in range(100):
                node.status()
            done.set()
            node.publish("done", "1")

        threading.Thread(target=work).start()
        self.assertEqual(node.recv(LONG), Deliver(b"done", b"1"))
        self.assertTrue(done.is_set())

    def test_closing_ends_the_wait(self) -> None:
        node = self.node()
        closer = threading.Timer(0.1, node.close)
        closer.start()
        begin = time.monotonic()
        with self.assertRaises(zgossip.NodeClosed):
            node.recv()
        self.assertLess(time.monotonic() - begin, 5)
        closer.join()

    def test_a_time_out_is_kept(self) -> None:
        node = self.node()
        for timeout in (0, 0.01, 0.7):
            begin = time.monotonic()
            with self.assertRaises(TimeoutError):
                node.recv(timeout)
            took = time.monotonic() - begin
            self.assertGreaterEqual(took, timeout)
            self.assertLess(took, timeout + 5)


class AtExit(NodeTest):
    def check(self, work: str) -> None:
        """Ends a program while 16 threads, for which it does not wait, do the same again and again."""
        program = (
            "import select, threading, time, zgossip\n"
            "node = zgossip.Node()\n"
            "def work(number):\n"
            f"    while True: {work}\n"
            "for number in range(16):\n"
            "    threading.Thread(target=work, args=(number,), daemon=True).start()\n"
            "time.sleep(0.1)\n"
        )
        for _ in range(3):
            done = subprocess.run([sys.executable, "-c", program], timeout=LONG, stderr=subprocess.PIPE, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_threads_that_receive_are_not_heard(self) -> None:
        self.check("node.recv()")

    def test_threads_that_ask_are_not_heard(self) -> None:
        self.check("node.publish(str(number), 'value'); node.get('key'); node.status(); node.items()")

    def test_threads_that_wait_are_not_heard(self) -> None:
        self.check("node.wait_key('none')")

    def test_threads_that_watch_are_not_heard(self) -> None:
        self.check("select.select([node], [], []); node.recv(0)")

    def test_others_hear_that_the_node_has_ended(self) -> None:
        program = (
            "import atexit, zgossip\n"
            "def late():\n"
            "    try: node.get('key')\n"
            "    except zgossip.NodeClosed: print('closed')\n"
            "atexit.register(late)\n"
            "node = zgossip.Node()\n"
        )
        done = subprocess.run([sys.executable, "-c", program], timeout=LONG, stdout=subprocess.PIPE, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, "closed\n"))


class Signals(NodeTest):
    def test_a_handler_ends_the_wait(self) -> None:
        class Rung(Exception):
            pass

        def handler(*_: Any) -> None:
            raise Rung

        node = self.node()
        before = signal.signal(signal.SIGALRM, handler)
        try:
            for _ in range(5):
                begin = time.monotonic()
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                with self.assertRaises(Rung):
                    node.recv()
                self.assertLess(time.monotonic() - begin, 5)
        finally:
            signal.signal(signal.SIGALRM, before)
        # And all is as it was
        node.publish("key", "value")
        self.assertEqual(node.get("key"), b"value")
        self.assertEqual(node.recv(LONG), Deliver(b"key", b"value"))

    def test_a_handler_may_use_the_node(self) -> None:
        node = self.node()

        def handler(*_: Any) -> None:
            node.publish("rung", str(node.status()))

        before = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            self.assertEqual(node.recv(LONG), Deliver(b"rung", b"0"))
        finally:
            signal.signal(signal.SIGALRM, before)

    def test_ctrl_c(self) -> None:
        program = (
            "import signal, zgossip\n"
            # A shell's background jobs, and all that they run, ignore SIGINT
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "node = zgossip.Node()\n"
            "try:\n"
            "    print('waiting', flush=True)\n"
            "    node.recv()\n"
            "except KeyboardInterrupt: print('interrupted')\n"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
            try:
                assert child.stdout
                self.assertEqual(child.stdout.readline(), b"waiting\n")
                time.sleep(0.05)
                child.send_signal(signal.SIGINT)
                self.assertEqual(child.communicate(timeout=LONG)[0], b"interrupted\n")
                self.assertEqual(child.returncode, 0)
            finally:
                child.kill()


class Forked(NodeTest):
    def test_a_child_leaves_the_node_alone(self) -> None:
        node = self.node()
        node.fileno()
        node.publish("key", "value")
        readable, writable = os.pipe()
        with warnings.catch_warnings():
            # Newer Pythons warn of threads, and the node's is the point here
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            said = []
            for call in (lambda: node.get("key"), lambda: node.recv(0), node.fileno):
                try:
                    call()
                    said.append("returned")
                except zgossip.NodeClosed:
                    said.append("closed")
            node.close()
            del node
            with zgossip.Node() as own:
                own.publish("own", "node")
                said.append(str(own.recv(LONG) == Deliver(b"own", b"node")))
            os.write(writable, " ".join(said).encode())
            os._exit(0)
        os.close(writable)
        self.assertTrue(select.select([readable], [], [], LONG)[0])
        self.assertEqual(os.read(readable, 100), b"closed closed closed True")
        os.close(readable)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(node.get("key"), b"value")
        self.assertEqual(node.recv(LONG), Deliver(b"key", b"value"))
        self.assertFalse(select.select([node], [], [], 0)[0])

    def test_the_library_may_be_loaded_before(self) -> None:
        program = (
            "import os, zgossip\n"
            "zgossip.library_version()\n"
            "child = os.fork()\n"
            "with zgossip.Node() as node:\n"
            "    node.publish('key', 'value')\n"
            "    assert node.recv(20) == zgossip.Deliver(b'key', b'value')\n"
            "if child: assert os.waitpid(child, 0)[1] == 0\n"
        )
        done = subprocess.run([sys.executable, "-c", program], timeout=LONG)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
