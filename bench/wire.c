/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    See wire.h.  */

#include "wire.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

static unsigned long sent_frames, sent_bytes, sent_tuples;
static __thread int inside;

wire_t
wire_sent (void)
{
    return (wire_t) { __atomic_load_n (&sent_frames, __ATOMIC_RELAXED),
                      __atomic_load_n (&sent_bytes, __ATOMIC_RELAXED),
                      __atomic_load_n (&sent_tuples, __ATOMIC_RELAXED) };
}

static unsigned long
number_at (const unsigned char *at)
{
    return (unsigned long) at [0] << 24 | (unsigned long) at [1] << 16 | (unsigned long) at [2] << 8 | at [3];
}

//  How many tuples a BATCH holds (doc/PROTOCOL.md, "Extended messages").
static unsigned long
tuples_of_batch (const unsigned char *at, size_t size)
{
    const unsigned char *end = at + size;
    unsigned long count = 0;
    for (at += 4; at + 2 <= end; count++) {
        int flags = *at++;
        at += 1 + *at + 16;
        if (flags & 2)
            at += 4;
        if (flags & 1)
            at += 8;
        else if (at + 4 <= end)
            at += 4 + number_at (at);
    }
    return count;
}

static void
count (const void *data, size_t size)
{
    enum { PUBLISH = 2, BATCH = 16 };
    const unsigned char *bytes = (const unsigned char *) data;
    if (size < 4 || bytes [0] != 0xAA || bytes [1] != 0xA0)
        return;
    unsigned long tuples = bytes [2] == PUBLISH? 1: bytes [2] == BATCH? tuples_of_batch (bytes, size): 0;
    __atomic_fetch_add (&sent_frames, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add (&sent_bytes, size, __ATOMIC_RELAXED);
    __atomic_fetch_add (&sent_tuples, tuples, __ATOMIC_RELAXED);
}

//  The function behind ours.
static void *
behind (const char *name)
{
    void *function = dlsym (RTLD_NEXT, name);
    if (!function)
        abort ();
    return function;
}

#define BEHIND(type, name) \
    static type next; \
    if (!next) \
        next = (type) behind (name)

//  A message that finds no room is not sent, and once it is sent its bytes are
//  another thread's: so they are copied first, and counted afterwards. Of two
//  calls, one of which libzmq makes inside the other, the outer one counts.

typedef int (*msg_send_t) (zmq_msg_t *, void *, int);
typedef int (*send_t) (void *, const void *, size_t, int);

int
zmq_msg_send (zmq_msg_t *message, void *socket, int flags)
{
    BEHIND (msg_send_t, "zmq_msg_send");
    unsigned char few [1024];
    unsigned char *copy = NULL;
    size_t size = zmq_msg_size (message);
    if (!inside && size >= 4 && *(unsigned char *) zmq_msg_data (message) == 0xAA) {
        copy = size <= sizeof (few)? few: (unsigned char *) malloc (size);
        if (!copy)
            abort ();
        memcpy (copy, zmq_msg_data (message), size);
    }
    inside++;
    int rc = next (message, socket, flags);
    inside--;
    if (copy && rc >= 0)
        count (copy, size);
    if (copy != few)
        free (copy);
    return rc;
}

int
zmq_send (void *socket, const void *data, size_t size, int flags)
{
    BEHIND (send_t, "zmq_send");
    inside++;
    int rc = next (socket, data, size, flags);
    inside--;
    if (rc >= 0 && !inside)
        count (data, size);
    return rc;
}

int
zmq_sendmsg (void *socket, zmq_msg_t *message, int flags)
{
    return zmq_msg_send (message, socket, flags);
}
