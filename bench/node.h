/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A node as a program has it, twice: through CZMQ's zactor (stock, or ours
    preloaded), or, with BENCH_NATIVE, through zgossip.h. The programs are
    the same for all.

    Messages are read with libzmq's own calls, not with zstr_recvx, whose
    allocations would be most of what is measured.  */

#ifndef BENCH_NODE_H
#define BENCH_NODE_H

#include "measure.h"
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>

#ifdef BENCH_NATIVE
#   include "zgossip.h"
typedef zgossip_t *node_t;
#   define node_send(node, ...) zgossip_sendx (node, __VA_ARGS__, NULL)
#else
#   include <czmq.h>
typedef struct {
    zactor_t *actor;
    void *pipe;                 //  libzmq's socket in it
} node_t;
#   define node_send(node, ...) zstr_sendx ((node).actor, __VA_ARGS__, NULL)
#endif

//  What a node said: its command's first letter, and the other frames cut to
//  what programs here look at.
typedef struct {
    char command;
    char key [64];
} said_t;

#ifdef BENCH_NATIVE

static inline void
nodes_start (void)
{
    bench_start ();
}

static inline node_t
node_new (void)
{
    node_t node = zgossip_new (NULL);
    assert (node);
    zgossip_set_rcvtimeo (node, 0);
    return node;
}

static inline void
node_destroy (node_t *node)
{
    zgossip_destroy (node);
}

static inline void
node_publish (node_t node, const char *key, const char *value)
{
    const char *frames [] = { "PUBLISH", key, value };
    if (zgossip_send (node, frames, 3))
        abort ();
}

//  The next message, if one waits.
static inline bool
node_said (node_t node, said_t *said)
{
    size_t count;
    char **frames = zgossip_recv (node, &count);
    if (!frames)
        return false;
    said->command = frames [0][0];
    size_t size = count > 1 ? strnlen (frames [1], sizeof (said->key) - 1) : 0;
    memcpy (said->key, frames [1], size);
    said->key [size] = 0;
    zgossip_frames_destroy (&frames);
    return true;
}

//  Until one of the nodes has something to say.
static inline void
nodes_wait (node_t *nodes, int count, int msecs)
{
    struct pollfd items [count];
    for (int i = 0; i < count; i++)
        items [i] = (struct pollfd) { zgossip_fd (nodes [i]), POLLIN, 0 };
    poll (items, (nfds_t) count, msecs);
}

#else

static inline void
nodes_start (void)
{
    bench_start ();
    zsys_set_max_sockets (0);
    zsys_init ();
}

static inline node_t
node_new (void)
{
    node_t node = { zactor_new (zgossip, NULL), NULL };
    assert (node.actor);
    node.pipe = zsock_resolve (node.actor);
    return node;
}

static inline void
node_destroy (node_t *node)
{
    zactor_destroy (&node->actor);
}

static inline void
node_publish (node_t node, const char *key, const char *value)
{
    void *pipe = node.pipe;
    if (zmq_send (pipe, "PUBLISH", 7, ZMQ_SNDMORE) < 0
    ||  zmq_send (pipe, key, strlen (key), ZMQ_SNDMORE) < 0
    ||  zmq_send (pipe, value, strlen (value), 0) < 0)
        abort ();
}

//  The next message, if one waits.
static inline bool
node_said (node_t node, said_t *said)
{
    void *pipe = node.pipe;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    if (zmq_msg_recv (&frame, pipe, ZMQ_DONTWAIT) < 0)
        return false;
    said->command = *(char *) zmq_msg_data (&frame);
    said->key [0] = 0;
    for (int index = 1; zmq_msg_more (&frame); index++) {
        int size = zmq_msg_recv (&frame, pipe, 0);
        if (index == 1) {
            if (size > (int) sizeof (said->key) - 1)
                size = (int) sizeof (said->key) - 1;
            memcpy (said->key, zmq_msg_data (&frame), (size_t) size);
            said->key [size] = 0;
        }
    }
    zmq_msg_close (&frame);
    return true;
}

static inline void
nodes_wait (node_t *nodes, int count, int msecs)
{
    zmq_pollitem_t items [count];
    for (int i = 0; i < count; i++)
        items [i] = (zmq_pollitem_t) { nodes [i].pipe, 0, ZMQ_POLLIN, 0 };
    zmq_poll (items, count, msecs);
}

#endif

//  Whose zgossip is it?
static inline void
report_library (void)
{
#ifdef BENCH_NATIVE
    void *function = (void *) (uintptr_t) zgossip_new;
#else
    void *function = (void *) (uintptr_t) zgossip;
#endif
    Dl_info info;
    const char *file = dladdr (function, &info) ? info.dli_fname : "?";
    const char *slash = strrchr (file, '/');
    report_text ("library", slash? slash + 1: file);
}

//  Waits for the next message, which has to come.
static inline void
node_hear (node_t node, said_t *said)
{
    while (!node_said (node, said))
        nodes_wait (&node, 1, 1000);
}

//  Binds to a free port of the loopback interface, and returns it.
static inline int
node_bind (node_t node)
{
    said_t said;
    node_send (node, "BIND", "tcp://127.0.0.1:*");
    node_send (node, "PORT");
    node_hear (node, &said);
    assert (said.command == 'P');
    return atoi (said.key);
}

static inline void
node_connect (node_t node, int port)
{
    char endpoint [64];
    snprintf (endpoint, sizeof (endpoint), "tcp://127.0.0.1:%d", port);
    node_send (node, "CONNECT", endpoint);
}

//  Takes what waits; returns how many DELIVERs that were.
static inline int
node_drain (node_t node)
{
    said_t said;
    int delivered = 0;
    while (node_said (node, &said))
        delivered += said.command == 'D';
    return delivered;
}

//  Writes a number with leading zeros: snprintf would be much of what is measured.
static inline void
write_digits (char *at, int count, long number)
{
    for (; count--; number /= 10)
        at [count] = (char) ('0' + number % 10);
}

//  Bytes of a value.
static size_t value_size = 63;

//  That many bytes, of which the number is a part.
static inline const char *
value_of (long number)
{
    static char value [] = "0000000000.tcp://192.168.100.100:49152/a-service/with-address.-and-some-more.";
    assert (value_size < sizeof (value));
    write_digits (value, 10, number);
    value [value_size] = 0;
    return value;
}

//  23 bytes, different for each number.
static inline const char *
key_of (long number)
{
    static char key [] = "service.address.0000000";
    write_digits (key + 16, 7, number);
    return key;
}

//  Publishes the numbered tuples and takes all that the node delivers, never
//  more than window ahead of it.
static inline void
node_load (node_t node, long first, long count, long window)
{
    long published = 0, delivered = 0;
    while (delivered < count) {
        while (published < count && published - delivered < window) {
            node_publish (node, key_of (first + published), value_of (first + published));
            published++;
        }
        int taken = node_drain (node);
        delivered += taken;
        if (!taken)
            nodes_wait (&node, 1, 1000);
    }
}

#endif
