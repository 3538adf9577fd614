/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A hub with many clients that are connected and have nothing to say: how
    much CPU does it take? "plain" clients never send anything again after
    their HELLO (a stock hub drops them); "nodes" are whole nodes.

        idle [clients] [seconds] [plain | nodes]  */

#include "node.h"
#include <zmq.h>

//  The clients are another process.
static void
run_nodes (long count, int port)
{
    nodes_start ();
    for (long i = 0; i < count; i++)
        node_connect (node_new (), port);
}

static void
run_sockets (long count, int port)
{
    static const unsigned char hello [] = { 0xAA, 0xA0, 1, 1 };
    char endpoint [64];
    snprintf (endpoint, sizeof (endpoint), "tcp://127.0.0.1:%d", port);
    bench_start ();
    void *context = zmq_ctx_new ();
    zmq_ctx_set (context, ZMQ_MAX_SOCKETS, 20000);
    for (long i = 0; i < count; i++) {
        void *socket = zmq_socket (context, ZMQ_DEALER);
        if (!socket || zmq_connect (socket, endpoint)
        ||  zmq_send (socket, hello, sizeof (hello), 0) < 0)
            abort ();
    }
}

int main (int argc, char **argv)
{
    long count = argument (argc, argv, 1, 1000);
    long seconds = argument (argc, argv, 2, 5);
    const char *kind = argc > 3? argv [3]: "plain";
    if (argc > 4) {
        (strcmp (kind, "plain")? run_nodes: run_sockets) (count, atoi (argv [4]));
        fprintf (results, "1\n");
        fflush (results);
        getchar ();
        _exit (0);
    }

    nodes_start ();
    report_library ();
    node_t hub = node_new ();
    int port = node_bind (hub);
    int leash [2];
    if (pipe2 (leash, O_CLOEXEC) || dup2 (leash [0], 0) < 0)
        abort ();
    char command [600];
    snprintf (command, sizeof (command), "exec %s %ld 0 %s %d", argv [0], count, kind, port);
    int ready;
    FILE *clients = popen (command, "r");
    if (!clients || fscanf (clients, "%d", &ready) != 1)
        abort ();
    nap (3);
    double used = cpu ();
    nap ((double) seconds);
    report ("percent", (cpu () - used) / (double) seconds * 100);
    bench_end ();
}
