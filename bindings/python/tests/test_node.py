# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""What a node does, seen from one thread."""

import asyncio
import copy
import errno
import gc
import math
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import weakref
from typing import List

import zgossip
from common import LONG, NodeTest
from zgossip import Deliver, Expire, Join, Leave, Retract, Synced


class Tuples(NodeTest):
    def test_published_and_read(self) -> None:
        node = self.node()
        node.publish("text", "värde")
        node.publish(b"\xff\x01", b"\xfe bytes")
        node.publish("empty")
        self.assertEqual(node.get("text"), "värde".encode())
        self.assertEqual(node.get(b"\xff\x01"), b"\xfe bytes")
        self.assertEqual(node.get("empty"), b"")
        self.assertIsNone(node.get("nothing"))
        self.assertEqual(node.keys(), [b"empty", b"text", b"\xff\x01"])
        self.assertEqual(dict(node.items())[b"text"], "värde".encode())
        self.assertEqual(node.status(), 3)
        self.assertEqual(
            [node.recv(LONG) for _ in range(3)],
            [Deliver(b"text", "värde".encode()), Deliver(b"\xff\x01", b"\xfe bytes"), Deliver(b"empty", b"")],
        )

    def test_go_both_ways(self) -> None:
        hub, leaf = self.pair()
        hub.publish("from", "hub")
        self.assertEqual(leaf.wait_key("from", LONG), b"hub")
        leaf.publish("from", "leaf")
        self.wait_value(hub, "from", "leaf")
        self.assertEqual(hub.wait_agreement(1, LONG), 1)
        self.assertEqual(hub.digest(), leaf.digest())
        self.assertEqual(hub.stats().root, hub.digest())
        self.assertEqual(hub.stats().links_extended, 1)
        self.assertEqual(hub.stats().tuples, 2)

    def test_peers_are_listed(self) -> None:
        hub, leaf = self.pair()
        hub.publish("key", "value")
        leaf.wait_key("key", LONG)
        self.assertEqual(leaf.wait_agreement(1, LONG), 1)
        [of_hub], [of_leaf] = leaf.peers(), hub.peers()
        self.assertTrue(of_hub.outgoing and of_hub.connected and not of_leaf.outgoing)
        self.assertEqual((of_hub.kind, of_hub.equal, of_hub.unsent), ("extended", True, 0))
        self.assertNotEqual(of_hub.id, of_leaf.id)
        self.assertEqual((of_hub.name, of_leaf.name), ("hub", "leaf"))
        self.assertTrue(of_hub.endpoint.startswith("tcp://127.0.0.1:"))
        self.assertTrue(of_hub.bytes_in > of_hub.frames_in > 0 and of_hub.bytes_out > of_hub.frames_out > 0)
        self.assertTrue(of_hub.round_trip is not None and 0 <= of_hub.silence <= of_hub.state_time)
        self.assertEqual((of_hub.refused, of_hub.refuses), (0, 0))
        self.assertEqual(self.node().peers(), [])

    def test_announced_tuples_go_with_their_node_which_is_a_member(self) -> None:
        hub, leaf = self.pair()
        leaf.announce("key", "value")
        leaf.announce("other", "value", ttl=0.5)
        hub.wait_count(3, LONG)
        [member] = leaf.members()
        self.assertEqual((member.own, member.name, member.endpoints, member.tuples), (True, "leaf", (), 3))
        self.assertTrue(member.since > 1_700_000_000 and member.version)
        self.assertIn(member.id, [one.id for one in hub.members() if not one.own])
        self.assertTrue([one for one in hub.members() if one.own and one.endpoints[0].startswith("tcp://127.0.0.1:")])
        leaf.close()
        deadline = time.monotonic() + LONG
        while hub.stats().tuples > 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(hub.stats().tuples, 1)

    def test_origin_says_who_wrote_and_when(self) -> None:
        hub, leaf = self.pair()
        leaf.publish("key", "value", ttl=3600)
        hub.wait_key("key", LONG)
        here, there = leaf.origin("key"), hub.origin("key")
        assert here is not None and there is not None
        self.assertEqual((here.own, here.name, here.endpoint), (True, "leaf", ""))
        [peer] = hub.peers()
        self.assertEqual((there.own, there.name, there.endpoint), (False, "leaf", peer.endpoint))
        self.assertEqual((there.writer, there.writer), (here.writer, peer.id))
        self.assertEqual(there.written, here.written)
        self.assertTrue(here.written is not None and abs(here.written - time.time()) < LONG)
        self.assertTrue(there.ttl is not None and 3600 - LONG < there.ttl <= 3600)
        hub.publish("stays", "value")
        stays = hub.origin("stays")
        self.assertTrue(stays is not None and stays.ttl is None)
        self.assertIsNone(hub.origin("absent"))
        with self.assertRaises(ValueError):
            hub.origin("")

    def test_removed_everywhere(self) -> None:
        hub, leaf = self.pair()
        hub.publish("gone", "1")
        leaf.wait_key("gone", LONG)
        self.assertTrue(leaf.retract("gone"))
        self.assertFalse(leaf.retract("gone"))
        self.until(hub, lambda event: event == Retract(b"gone"))
        self.assertIsNone(hub.get("gone"))

    def test_expire_unless_renewed(self) -> None:
        hub, leaf = self.pair()
        leaf.publish("lease", "1", ttl=0.3)
        for _ in range(4):
            time.sleep(0.15)
            leaf.publish("lease", "1", ttl=0.3)
        self.assertEqual(hub.get("lease"), b"1")
        self.until(hub, lambda event: event == Expire(b"lease"))
        self.assertIsNone(hub.get("lease"))

    def test_forgotten_here_alone(self) -> None:
        hub, leaf = self.pair()
        hub.publish("here", "1")
        leaf.wait_key("here", LONG)
        self.assertTrue(leaf.unpublish("here"))
        self.assertFalse(leaf.unpublish("here"))
        self.assertIsNone(leaf.get("here"))
        self.assertEqual(hub.get("here"), b"1")

    def test_only_the_newest_value_waits(self) -> None:
        node = self.node()
        for number in range(1000):
            node.publish("key", str(number))
            self.assertEqual(node.get("key"), b"%d" % number)
        self.assertEqual(node.recv(LONG), Deliver(b"key", b"999"))
        with self.assertRaises(TimeoutError):
            node.recv(0.05)


class Watching(NodeTest):
    def test_what_is_held_comes_first(self) -> None:
        hub, leaf = self.pair()
        hub.publish("color/wall", "red")
        hub.publish("shape/door", "oval")
        # The leaf has taken the hub's state before, so SYNCED waits for nothing that is written since.
        self.assertEqual(leaf.wait_key("shape/door", LONG), b"oval")
        with leaf.watch("shape/") as events:
            seen = self.until(leaf, lambda event: event == Synced(b"shape/"))
            self.assertEqual([event for event in seen if event == Deliver(b"color/wall", b"red")][1:], [])
            hub.publish("color/wall", "blue")
            hub.publish("shape/door", "round")
            self.assertEqual(next(iter(events)), Deliver(b"shape/door", b"round"))
        with self.assertRaises(zgossip.ZgossipError) as caught:
            leaf.unwatch("shape/")
        self.assertEqual(caught.exception.errno, errno.ENOENT)
        with self.assertRaises(ValueError):
            leaf.watch("a\0")

    def test_what_changed(self) -> None:
        node = self.node("writer")
        node.publish("key", "1")
        first = node.recv(LONG)
        assert isinstance(first, Deliver)
        self.assertIsNone(first.change)
        node.set_changes()
        node.publish("key", "2")
        second = node.recv(LONG)
        node.retract("key")
        third = node.recv(LONG)
        assert isinstance(second, Deliver) and isinstance(third, Retract) and second.change and third.change
        self.assertEqual((second.value, second.change.before, third.change.before), (b"2", b"1", b"2"))
        self.assertEqual((second.change.writer_name, third.change.writer), ("writer", second.change.writer))
        self.assertLess(second.change.version, third.change.version)
        node.set_changes(False)
        node.publish("key", "3")
        self.assertEqual(node.recv(LONG), Deliver(b"key", b"3"))

    def test_published_if_nobody_was_faster(self) -> None:
        node = self.node()
        self.assertIsNone(node.get_versioned("count"))
        self.assertTrue(node.publish_if("count", "1", None))
        self.assertFalse(node.publish_if("count", "1", None))
        read = node.get_versioned("count")
        assert read
        self.assertEqual(read[0], b"1")
        self.assertTrue(node.publish_if("count", "2", read[1]))
        self.assertFalse(node.publish_if("count", "3", read[1]))
        self.assertFalse(node.publish_if("absent", "3", read[1]))
        self.assertEqual(node.get("count"), b"2")
        with self.assertRaises(zgossip.ZgossipError):
            node.publish_if("count", "3", "7")

    def test_parts_of_a_program_have_watchers_of_their_own(self) -> None:
        node = self.node()
        node.publish("a/1", "x")
        with node.watcher("a/") as one, node.watcher("b/") as other:
            node.publish("b/1", "x")
            self.assertEqual([one.recv(LONG), one.recv(LONG)], [Deliver(b"a/1", b"x"), Synced(b"a/")])
            self.assertEqual([other.recv(LONG), other.recv(LONG)], [Synced(b"b/"), Deliver(b"b/1", b"x")])
            with self.assertRaises(TimeoutError):
                one.recv(0.01)
        with self.assertRaises(zgossip.NodeClosed):
            one.recv()

        async def first() -> zgossip.Event:
            async with node.watcher("b/") as watcher:
                async for event in watcher:
                    return event
            raise AssertionError("nothing came")

        self.assertEqual(asyncio.run(first()), Deliver(b"b/1", b"x"))
        last = node.watcher("")
        node.close()
        self.assertEqual(sum(1 for _ in last), 3)

    def test_in_an_event_loop(self) -> None:
        node = self.node()

        async def first() -> List[zgossip.Event]:
            seen: List[zgossip.Event] = []
            async with node.watch("service/") as events:
                node.publish("other", "1")
                node.publish("service/a", "1")
                async for event in events:
                    seen.append(event)
                    if isinstance(event, Deliver):
                        return seen
            return seen

        self.assertEqual(asyncio.run(first()), [Synced(b"service/"), Deliver(b"service/a", b"1")])
        node.publish("service/b", "1")
        with self.assertRaises(TimeoutError):
            node.recv(0.1)


class Peers(NodeTest):
    def test_come_and_go(self) -> None:
        hub, leaf = self.pair()
        *_, join = self.until(hub, lambda event: isinstance(event, Join))
        [peer] = hub.peers()
        self.assertEqual((join.endpoint, join.name, join.id), (peer.endpoint, "leaf", peer.id))
        self.assertEqual(join, Join(peer.endpoint))
        leaf.close()
        *_, leave = self.until(hub, lambda event: isinstance(event, Leave))
        self.assertEqual((leave.endpoint, leave.name, leave.id), (peer.endpoint, "leaf", peer.id))

    def test_other_transports(self) -> None:
        with tempfile.TemporaryDirectory() as place:
            for endpoint in (f"ipc://{place}/socket", "inproc://test_other_transports"):
                hub, leaf = self.node(), self.node()
                self.assertEqual(hub.bind(endpoint), 0)
                leaf.connect(endpoint)
                leaf.publish("key", endpoint)
                self.wait_value(hub, "key", endpoint)

    def test_what_cannot_be_bound_is_told(self) -> None:
        hub, other = self.node(), self.node()
        endpoint = f"tcp://127.0.0.1:{hub.bind('tcp://127.0.0.1:*')}"
        with self.assertRaisesRegex(zgossip.ZgossipError, "in use"):
            other.bind(endpoint)
        with self.assertRaises(zgossip.ZgossipError):
            other.connect("nowhere")
        for call in (other.unbind, other.disconnect):
            with self.assertRaises(zgossip.ZgossipError) as caught:
                call(endpoint)
            self.assertEqual(caught.exception.errno, errno.ENOENT)
        hub.unbind(endpoint)
        self.wait_bind(other, endpoint)

    def wait_bind(self, node: zgossip.Node, endpoint: str) -> None:
        """A port is free again a moment later."""
        deadline = time.monotonic() + LONG
        while True:
            try:
                node.bind(endpoint)
                return
            except zgossip.ZgossipError:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)

    def test_disconnected(self) -> None:
        hub, leaf = self.node(), self.node()
        endpoint = f"tcp://127.0.0.1:{hub.bind('tcp://127.0.0.1:*')}"
        leaf.connect(endpoint)
        leaf.publish("first", "")
        hub.wait_key("first", LONG)
        leaf.disconnect(endpoint)
        leaf.publish("second", "")
        with self.assertRaises(TimeoutError):
            hub.wait_key("second", 0.1)

    def test_flushed(self) -> None:
        hub, leaf = self.node(), self.node()
        leaf.connect(f"tcp://127.0.0.1:{hub.bind('tcp://127.0.0.1:*')}")
        for number in range(1000):
            leaf.publish(str(number), "x" * 1000)
        self.assertEqual(leaf.flush(LONG), 1)
        self.assertEqual(hub.status(), 1000)
        hub.wait_count(1000, 0)
        with self.assertRaises(TimeoutError):
            hub.wait_count(1001, 0.05)
        alone = self.node()
        self.assertEqual(alone.flush(0), 0)
        alone.connect("tcp://127.0.0.1:1")
        with self.assertRaises(TimeoutError):
            alone.flush(0.05)

    def test_curve(self) -> None:
        # Keys from the ZeroMQ documentation: known to everybody
        public, secret = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
        hub, leaf = self.node(), self.node()
        hub.set_keys(public, secret)
        hub.set("zgossip/security/require-handler", "0")  # nobody decides here who may connect
        endpoint = f"tcp://127.0.0.1:{hub.bind('tcp://127.0.0.1:*')}"
        leaf.set_keys(public, secret)
        leaf.connect(endpoint, public)
        leaf.publish("under", "CURVE")
        hub.wait_key("under", LONG)


class Configuration(NodeTest):
    def test_saved_and_loaded(self) -> None:
        with tempfile.TemporaryDirectory() as place:
            path = os.path.join(place, "node.cfg")
            first, second = self.node(), self.node()
            first.set("server/max_value", "5")
            first.set("server/max_tuples", "1")
            first.save(path)
            second.load(path)
            second.publish("key", "12345")
            with self.assertRaisesRegex(zgossip.ZgossipError, "value"):
                second.publish("key", "123456")
            # This only the node itself can tell, and later
            second.publish("another key", "1")
            error = self.until(second, lambda event: isinstance(event, zgossip.Error))[-1]
            assert isinstance(error, zgossip.Error)
            self.assertTrue(error.reason)
            self.assertEqual(second.items(), [(b"key", b"12345")])
            record = os.path.join(place, "record")
            first.record(record)
            self.assertTrue(os.path.exists(record))
            first.record(None)
            with self.assertRaises(zgossip.ZgossipError):
                first.record(os.path.join(place, "missing", "record"))
            with self.assertRaises(zgossip.ZgossipError):
                second.load(os.path.join(place, "missing.cfg"))
            with self.assertRaises(zgossip.ZgossipError):
                second.set("server/timeout", "soon")

    def test_checked(self) -> None:
        with tempfile.TemporaryDirectory() as place:
            path = os.path.join(place, "node.cfg")
            with open(path, "w") as file:
                file.write("server\n    timeout = soon\n    timeuot = 5\n")
            problems = zgossip.check(path)
            self.assertEqual(len(problems), 2)
            self.assertRegex(problems[0], r"node\.cfg:2: server/timeout = 'soon' is not a number of ms")
            self.assertRegex(problems[1], r"node\.cfg:3: .*did you mean 'server/timeout'")
            node = self.node()
            with self.assertRaisesRegex(zgossip.ZgossipError, "timeuot"):
                node.load_strict(path)
            with self.assertRaises(zgossip.ZgossipError):
                zgossip.check(os.path.join(place, "missing.cfg"))
            self.assertIsNone(node.endpoint())
            port = node.bind("tcp://127.0.0.1:*")
            self.assertEqual(node.endpoint(), f"tcp://127.0.0.1:{port}")
            with open(path, "w") as file:
                file.write(f"zgossip\n    bind\n        endpoint = tcp://127.0.0.1:{port}\n")
            self.assertEqual(zgossip.check(path), [])
            node.unbind("tcp://127.0.0.1:*")
            self.assertEqual(node.load_strict(path), [])
            (problem,) = self.node().load_strict(path)
            self.assertIn("could not bind", problem)

    def test_password(self) -> None:
        node = self.node()
        node.set("zgossip/security/mechanism", "plain")
        with self.assertRaisesRegex(zgossip.ZgossipError, "no username and password"):
            node.connect("tcp://127.0.0.1:1")
        node.set_plain("printer", "swordfish")
        node.connect("tcp://127.0.0.1:1")
        with self.assertRaises(zgossip.ZgossipError):
            node.set_plain("printer", None)
        node.set_plain(None, None)


class Mistakes(NodeTest):
    def test_are_refused_at_once(self) -> None:
        node = self.node()
        for key in ("", "a\0b", "k" * 256):
            with self.assertRaises(ValueError):
                node.publish(key, "value")
        with self.assertRaises(ValueError):
            node.publish("key", b"va\0lue")
        for ttl in (0, -1, 5e6):
            with self.assertRaises(ValueError):
                node.publish("key", "value", ttl=ttl)
        with self.assertRaises(TypeError):
            node.publish("key", 7)  # type: ignore[arg-type]
        with self.assertRaises(TypeError):
            node.get(None)  # type: ignore[arg-type]
        with self.assertRaises(ValueError):
            zgossip.Node("a\0b")
        with self.assertRaises(ValueError):
            node.wait_count(-1, 0)
        self.assertEqual(node.status(), 0)
        self.assertEqual(node.items(), [])

    def test_numbers_that_are_none(self) -> None:
        node = self.node()
        for ttl in (math.nan, math.inf, -math.inf):
            with self.assertRaisesRegex(ValueError, f"a time to live is more than 0 .* seconds, not {ttl}"):
                node.publish("key", "value", ttl=ttl)
        with self.assertRaisesRegex(ValueError, "a timeout is a number of seconds, not nan"):
            node.recv(math.nan)
        with self.assertRaisesRegex(ValueError, "no number of things"):
            node.wait_agreement(1 << 64, 0)
        for number in ("1", 1.5, math.nan):
            with self.assertRaises(TypeError):
                node.wait_count(number, 0)  # type: ignore[arg-type]
        node.publish("key", "value")
        # Longer than the system's calls can wait
        for timeout in (1e8, 1e300, math.inf):
            node.publish("key", str(timeout))
            self.assertEqual(node.recv(timeout).key, b"key")  # type: ignore[union-attr]
            self.assertIsNotNone(node.wait_key("key", timeout))
        later = threading.Timer(0.1, node.publish, ("late", "1"))
        later.start()
        self.assertEqual(node.recv(1e8), Deliver(b"late", b"1"))
        later.join()

    def test_copies(self) -> None:
        node = self.node("original")
        for copied in (copy.copy, copy.deepcopy, pickle.dumps, lambda one: copy.deepcopy([one])):
            with self.assertRaisesRegex(TypeError, "cannot copy or pickle <zgossip.Node 'original'>.*another node"):
                copied(node)
        node.publish("key", "value")
        self.assertEqual(node.get("key"), b"value")

    def test_a_node_shows_its_name(self) -> None:
        with self.node("printer-7") as node:
            self.assertEqual(repr(node), "<zgossip.Node 'printer-7'>")
        self.assertEqual(repr(node), "<zgossip.Node 'printer-7' (closed)>")
        self.assertEqual(repr(self.node("")), "<zgossip.Node ''>")
        self.assertEqual(repr(zgossip.Node(b"by\xfftes")), r"<zgossip.Node 'by\\xfftes'>")

    def test_after_the_end(self) -> None:
        with self.node() as node:
            node.publish("key", "value")
        self.assertTrue(node.closed)
        node.close()
        for call in (
            lambda: node.publish("key", "value"),
            lambda: node.get("key"),
            node.items,
            node.flush,
            lambda: node.recv(0),
            lambda: node.bind("tcp://127.0.0.1:*"),
            node.fileno,
        ):
            with self.assertRaises(zgossip.NodeClosed):
                call()
        self.assertEqual(list(node), [])


class Lifetime(NodeTest):
    def test_a_dropped_node_ends(self) -> None:
        def threads() -> int:
            return len(os.listdir("/proc/self/task"))

        zgossip.Node("first").close()
        before = threads()
        node = zgossip.Node("dropped")
        self.assertGreater(threads(), before)
        gone = weakref.ref(node)
        del node
        gc.collect()
        self.assertIsNone(gone())
        self.assertEqual(threads(), before)

    def test_a_program_ends_while_a_thread_receives(self) -> None:
        program = (
            "import threading, time, zgossip\n"
            "node = zgossip.Node()\n"
            "threading.Thread(target=list, args=(node,), daemon=True).start()\n"
            "time.sleep(0.1)\n"
        )
        done = subprocess.run([sys.executable, "-c", program], timeout=LONG, stdout=subprocess.PIPE)
        self.assertEqual(done.returncode, 0)

    def test_last_words_arrive(self) -> None:
        hub, leaf = self.pair()
        leaf.publish("last", "words")
        leaf.close()
        hub.wait_key("last", LONG)

    def test_events_are_values(self) -> None:
        event = Deliver(b"key", b"value")
        self.assertEqual(pickle.loads(pickle.dumps(event)), event)
        self.assertEqual(len({event, Deliver(b"key", b"value"), Retract(b"key"), Expire(b"key")}), 3)

    def test_the_library_is_named_when_it_is_missing(self) -> None:
        program = "import zgossip\ntry: zgossip.Node()\nexcept zgossip.LibraryNotFound as why: print(why)"
        environment = {**os.environ, "ZGOSSIP_LIBRARY": "/nowhere/libzgossip.so.1"}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, timeout=LONG, stdout=subprocess.PIPE, check=True
        )
        self.assertIn(b"/nowhere/libzgossip.so.1", done.stdout)
        self.assertTrue(zgossip.library_version().startswith("1."))


if __name__ == "__main__":
    unittest.main()
