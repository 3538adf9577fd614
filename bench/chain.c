/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Nodes in a row, each connected to the next over tcp: how long a tuple
    takes from the first node's program to the last one's, when nothing else
    is going on.

        chain [hops] [rounds]  */

#include "node.h"

int main (int argc, char **argv)
{
    int hops = (int) argument (argc, argv, 1, 10);
    long rounds = argument (argc, argv, 2, 1000);
    long warm = 50;

    nodes_start ();
    report_library ();
    node_t nodes [hops + 1];
    for (int i = hops; i >= 0; i--) {
        nodes [i] = node_new ();
        int port = i ? node_bind (nodes [i]) : 0;
        static int next;
        if (i < hops)
            node_connect (nodes [i], next);
        next = port;
    }
    //  All links are there once a tuple has come through.
    double *times = (double *) calloc ((size_t) rounds, sizeof (double));
    for (long round = -warm; round < rounds; round++) {
        said_t said;
        double start = now ();
        node_publish (nodes [0], key_of (round + warm), value_of (round));
        do
            node_hear (nodes [hops], &said);
        while (said.command != 'D' || strcmp (said.key, key_of (round + warm)));
        if (round >= 0)
            times [round] = now () - start;
        for (int i = 0; i < hops; i++)
            node_drain (nodes [i]);
        nap (0.0005);
    }
    report ("median_us", quantile (times, (size_t) rounds, 0.5) * 1e6);
    report ("p90_us", quantile (times, (size_t) rounds, 0.9) * 1e6);
    report ("p99_us", quantile (times, (size_t) rounds, 0.99) * 1e6);
    bench_end ();
}
