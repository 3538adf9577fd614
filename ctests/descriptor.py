# This Source Code Form is subject to the terms of the Mozilla Public
# License, v. 2.0. If a copy of the MPL was not distributed with this
# file, You can obtain one at https://mozilla.org/MPL/2.0/.
"""The descriptor in asyncio's loop: every message wakes it, and nothing else does.

Arguments: the library, and how many messages."""

import asyncio
import ctypes
import sys
import threading
import time

library = ctypes.CDLL(sys.argv[1], use_errno=True)
messages = int(sys.argv[2])
library.zgossip_new.restype = ctypes.c_void_p
library.zgossip_fd.argtypes = [ctypes.c_void_p]
library.zgossip_set_rcvtimeo.argtypes = [ctypes.c_void_p, ctypes.c_int]
library.zgossip_send.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
library.zgossip_recv.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
library.zgossip_recv.restype = ctypes.c_void_p
library.zgossip_frames_destroy.argtypes = [ctypes.c_void_p]
library.zgossip_destroy.argtypes = [ctypes.c_void_p]


async def main():
    node = ctypes.c_void_p(library.zgossip_new(b"asyncio"))
    library.zgossip_set_rcvtimeo(node, 0)
    loop = asyncio.get_running_loop()
    taken, wakeups, in_vain = 0, 0, 0
    done = asyncio.Event()

    def readable():
        # One message at each wake-up: the descriptor has to stay readable until the last is taken.
        nonlocal taken, wakeups, in_vain
        wakeups += 1
        frames = ctypes.c_void_p(library.zgossip_recv(node, None))
        if frames:
            library.zgossip_frames_destroy(ctypes.byref(frames))
            taken += 1
        else:
            in_vain += 1
        if taken == messages:
            done.set()

    def send():
        for number in range(messages):
            frames = (ctypes.c_char_p * 2)(b"GET", b"%d" % number)
            assert library.zgossip_send(node, frames, 2) == 0
            if number % 1000 == 0:
                time.sleep(0.001)

    loop.add_reader(library.zgossip_fd(node), readable)
    await asyncio.sleep(0.2)
    assert wakeups == 0, "nothing waits, and the loop was woken"
    sender = threading.Thread(target=send)
    sender.start()
    await asyncio.wait_for(done.wait(), 120)
    sender.join()
    await asyncio.sleep(0.2)
    assert (taken, in_vain) == (messages, 0), (taken, in_vain)
    loop.remove_reader(library.zgossip_fd(node))
    library.zgossip_destroy(ctypes.byref(node))
    print(f"{taken} messages, {wakeups} wake-ups")


asyncio.run(main())
