/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Many nodes in one process, each connected to a hub: how long they take to
    start and to stop.

        startstop [nodes]  */

#include "node.h"

int main (int argc, char **argv)
{
    long count = argument (argc, argv, 1, 1000);

    nodes_start ();
    report_library ();
    node_t *nodes = (node_t *) calloc ((size_t) count, sizeof (node_t));
    double start = now ();
    nodes [0] = node_new ();
    int port = node_bind (nodes [0]);
    for (long i = 1; i < count; i++) {
        nodes [i] = node_new ();
        node_connect (nodes [i], port);
    }
    report ("start", now () - start);
    //  The last one is there once its tuple has come to the hub.
    node_publish (nodes [count - 1], "last", "here");
    said_t said;
    node_hear (nodes [0], &said);
    report ("ready", now () - start);
    nap (0.5);
    start = now ();
    for (long i = 0; i < count; i++)
        node_destroy (&nodes [i]);
    report ("stop", now () - start);
    bench_end ();
}
