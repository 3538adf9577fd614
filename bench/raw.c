/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The limits: what CZMQ's pipe and libzmq do when nobody does anything.

        raw echo [tuples] [window]      an actor that sends back what it gets
        raw deliver [tuples]            an actor that says DELIVER so many times
        raw pushpull [tuples]           90-byte frames over tcp, one way
        raw dealer [tuples]             the same, DEALER to ROUTER
        raw chain [hops] [rounds]       threads that pass a frame on, over tcp  */

#include <czmq.h>
#include "measure.h"

#define FRAME 90

static void
echo (zsock_t *pipe, void *args)
{
    (void) args;
    void *handle = zsock_resolve (pipe);
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    zsock_signal (pipe, 0);
    for (;;) {
        if (zmq_msg_recv (&frame, handle, 0) < 0)
            break;
        if (zmq_msg_size (&frame) == 5 && !memcmp (zmq_msg_data (&frame), "$TERM", 5))
            break;
        int more = zmq_msg_more (&frame);
        //  DELIVER goes back where PUBLISH came.
        zmq_msg_send (&frame, handle, more? ZMQ_SNDMORE: 0);
        while (more) {
            zmq_msg_recv (&frame, handle, 0);
            more = zmq_msg_more (&frame);
            zmq_msg_send (&frame, handle, more? ZMQ_SNDMORE: 0);
        }
    }
    zmq_msg_close (&frame);
}

//  Says nothing but DELIVER, once it is asked to.
static void
say (zsock_t *pipe, void *args)
{
    void *handle = zsock_resolve (pipe);
    zsock_signal (pipe, 0);
    free (zstr_recv (pipe));
    for (long count = *(long *) args; count > 0; count--) {
        zmq_send (handle, "DELIVER", 7, ZMQ_SNDMORE);
        zmq_send (handle, "service.address.0123456", 23, ZMQ_SNDMORE);
        zmq_send (handle, "0123456789.tcp://192.168.100.100:49152/a-service/with-address.-", 63, 0);
    }
    free (zstr_recv (pipe));
}

//  Counts the messages that wait; waits for some if there are none.
static long
take (void *handle, zmq_msg_t *frame)
{
    long count = 0;
    while (zmq_msg_recv (frame, handle, ZMQ_DONTWAIT) >= 0) {
        while (zmq_msg_more (frame))
            zmq_msg_recv (frame, handle, 0);
        count++;
    }
    if (!count) {
        zmq_pollitem_t item = { handle, 0, ZMQ_POLLIN, 0 };
        zmq_poll (&item, 1, 1000);
    }
    return count;
}

static void
run_deliver (long count)
{
    zactor_t *actor = zactor_new (say, &count);
    void *handle = zsock_resolve (actor);
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    double start = now (), used = cpu ();
    zstr_send (actor, "now");
    for (long taken = 0; taken < count; )
        taken += take (handle, &frame);
    double took = now () - start;
    report ("rate", (double) count / took);
    report ("cpu_us", (cpu () - used) / (double) count * 1e6);
}

static void
run_echo (long count, long window)
{
    zactor_t *actor = zactor_new (echo, NULL);
    void *handle = zsock_resolve (actor);
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    double start = now (), used = cpu ();
    for (long sent = 0, back = 0; back < count; ) {
        for (; sent < count && sent - back < window; sent++) {
            zmq_send (handle, "PUBLISH", 7, ZMQ_SNDMORE);
            zmq_send (handle, "service.address.0123456", 23, ZMQ_SNDMORE);
            zmq_send (handle, "0123456789.tcp://192.168.100.100:49152/a-service/with-address.-", 63, 0);
        }
        back += take (handle, &frame);
    }
    double took = now () - start;
    report ("rate", (double) count / took);
    report ("cpu_us", (cpu () - used) / (double) count * 1e6);
}

typedef struct {
    void *context;
    int type;
    char endpoint [256];
    long count;
} flood_t;

static void *
flood (void *arg)
{
    flood_t *self = (flood_t *) arg;
    char frame [FRAME] = { 0 };
    void *socket = zmq_socket (self->context, self->type);
    int unbounded = 0;
    zmq_setsockopt (socket, ZMQ_SNDHWM, &unbounded, sizeof (unbounded));
    zmq_connect (socket, self->endpoint);
    for (long i = 0; i < self->count; i++)
        zmq_send (socket, frame, sizeof (frame), 0);
    zmq_close (socket);
    return NULL;
}

static void
run_one_way (int from, int to, long count)
{
    void *context = zmq_ctx_new ();
    void *socket = zmq_socket (context, to);
    int unbounded = 0;
    zmq_setsockopt (socket, ZMQ_RCVHWM, &unbounded, sizeof (unbounded));
    zmq_bind (socket, "tcp://127.0.0.1:*");
    flood_t self = { context, from, "", count };
    size_t size = sizeof (self.endpoint);
    zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, self.endpoint, &size);
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    double start = now (), used = cpu ();
    pthread_t thread;
    pthread_create (&thread, NULL, flood, &self);
    for (long i = 0; i < count; i++)
        do
            zmq_msg_recv (&frame, socket, 0);
        while (zmq_msg_more (&frame));
    double took = now () - start;
    report ("rate", (double) count / took);
    report ("cpu_us", (cpu () - used) / (double) count * 1e6);
}

typedef struct {
    void *in, *out;
} hop_t;

static void *
pass_on (void *arg)
{
    hop_t *hop = (hop_t *) arg;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    while (zmq_msg_recv (&frame, hop->in, 0) >= 0)
        zmq_msg_send (&frame, hop->out, 0);
    return NULL;
}

static void
run_chain (int hops, long rounds)
{
    void *context = zmq_ctx_new ();
    void *in [hops], *out [hops];
    hop_t middle [hops];
    for (int i = 0; i < hops; i++) {
        char endpoint [256];
        size_t size = sizeof (endpoint);
        in [i] = zmq_socket (context, ZMQ_PULL);
        out [i] = zmq_socket (context, ZMQ_PUSH);
        zmq_bind (in [i], "tcp://127.0.0.1:*");
        zmq_getsockopt (in [i], ZMQ_LAST_ENDPOINT, endpoint, &size);
        zmq_connect (out [i], endpoint);
    }
    for (int i = 0; i + 1 < hops; i++) {
        pthread_t thread;
        middle [i] = (hop_t) { in [i], out [i + 1] };
        pthread_create (&thread, NULL, pass_on, &middle [i]);
    }
    char frame [FRAME] = { 0 };
    long warm = 50;
    double *times = (double *) calloc ((size_t) rounds, sizeof (double));
    for (long round = -warm; round < rounds; round++) {
        double start = now ();
        zmq_send (out [0], frame, sizeof (frame), 0);
        zmq_recv (in [hops - 1], frame, sizeof (frame), 0);
        if (round >= 0)
            times [round] = now () - start;
        nap (0.0005);
    }
    report ("median_us", quantile (times, (size_t) rounds, 0.5) * 1e6);
    report ("p90_us", quantile (times, (size_t) rounds, 0.9) * 1e6);
}

int main (int argc, char **argv)
{
    const char *what = argc > 1? argv [1]: "";
    bench_start ();
    if (!strcmp (what, "echo"))
        run_echo (argument (argc, argv, 2, 200000), argument (argc, argv, 3, 500));
    else
    if (!strcmp (what, "deliver"))
        run_deliver (argument (argc, argv, 2, 100000));
    else
    if (!strcmp (what, "pushpull"))
        run_one_way (ZMQ_PUSH, ZMQ_PULL, argument (argc, argv, 2, 1000000));
    else
    if (!strcmp (what, "dealer"))
        run_one_way (ZMQ_DEALER, ZMQ_ROUTER, argument (argc, argv, 2, 1000000));
    else
    if (!strcmp (what, "chain"))
        run_chain ((int) argument (argc, argv, 2, 10), argument (argc, argv, 3, 1000));
    else
        return 2;
    bench_end ();
}
