#  This Source Code Form is subject to the terms of the Mozilla Public
#  License, v. 2.0. If a copy of the MPL was not distributed with this
#  file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""A CZMQ program in an interpreter: libczmq and our library are both loaded
RTLD_LOCAL, so neither sees the other's names. Takes the path of our library."""

import ctypes
import sys
import threading

ZACTOR_FN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


def load(name):
    return ctypes.CDLL(name, mode=ctypes.RTLD_LOCAL)


def declare(library, name, result, *arguments):
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments
    return function


def main():
    timer = threading.Timer(25, lambda: (print("too slow", flush=True), __import__("os")._exit(3)))
    timer.daemon = True
    timer.start()

    czmq = load("libczmq.so.4")
    ours = load(sys.argv[1])
    void = ctypes.c_void_p
    text = ctypes.c_char_p
    zactor_new = declare(czmq, "zactor_new", void, void, text)
    zactor_destroy = declare(czmq, "zactor_destroy", None, ctypes.POINTER(void))
    zmsg_new = declare(czmq, "zmsg_new", void)
    zmsg_addstr = declare(czmq, "zmsg_addstr", ctypes.c_int, void, text)
    zmsg_popstr = declare(czmq, "zmsg_popstr", void, void)
    zmsg_destroy = declare(czmq, "zmsg_destroy", None, ctypes.POINTER(void))
    zactor_send = declare(czmq, "zactor_send", ctypes.c_int, void, ctypes.POINTER(void))
    zactor_recv = declare(czmq, "zactor_recv", void, void)
    zstr_free = declare(czmq, "zstr_free", None, ctypes.POINTER(void))

    def send(actor, *words):
        message = void(zmsg_new())
        for word in words:
            zmsg_addstr(message, word.encode())
        assert zactor_send(actor, ctypes.byref(message)) == 0

    def receive(actor):
        message = void(zactor_recv(actor))
        words = []
        while True:
            word = void(zmsg_popstr(message))
            if not word:
                break
            words.append(ctypes.string_at(word).decode())
            zstr_free(ctypes.byref(word))
        zmsg_destroy(ctypes.byref(message))
        print(*words, flush=True)
        return words

    def node(name):
        actor = void(zactor_new(ctypes.cast(ours.zgossip, void), name.encode()))
        assert actor
        return actor

    hub, leaf = node("hub"), node("leaf")
    #  inproc needs the context that CZMQ made; tcp works with any
    send(hub, "BIND", "inproc://local")
    send(hub, "BIND", "tcp://127.0.0.1:*")
    send(hub, "PORT")
    port = receive(hub)[1]
    assert int(port) > 0
    send(leaf, "CONNECT", "inproc://local")
    send(leaf, "PUBLISH", "leaf", "1")
    assert receive(leaf) == ["DELIVER", "leaf", "1"]
    assert receive(hub) == ["DELIVER", "leaf", "1"]
    other = node("other")
    send(other, "CONNECT", "tcp://127.0.0.1:" + port)
    assert receive(other) == ["DELIVER", "leaf", "1"]
    #  A wrong word is logged, through CZMQ's log where there is one
    send(other, "NONSENSE")
    send(other, "STATUS")
    assert receive(other) == ["STATUS", "1"]
    for actor in (hub, leaf, other):
        zactor_destroy(ctypes.byref(actor))
        assert not actor
    print("the end")


main()
