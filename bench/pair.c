/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Two nodes, one connected to the other over tcp: what one publishes, the
    other delivers.

        pair [tuples] [window]  */

#include "node.h"

int main (int argc, char **argv)
{
    long count = argument (argc, argv, 1, 100000);
    long window = argument (argc, argv, 2, 500);
    long warm = 1000;

    nodes_start ();
    report_library ();
    node_t nodes [2] = { node_new (), node_new () };
    int port = node_bind (nodes [1]);
    node_connect (nodes [0], port);
    node_load (nodes [0], 0, warm, window);
    for (long arrived = 0; arrived < warm; ) {
        nodes_wait (nodes + 1, 1, 1000);
        arrived += node_drain (nodes [1]);
    }

    //  The publisher is at most a window ahead of its own node, as a program
    //  has to be; how far the other node is behind is the library's matter.
    double start = now (), used = cpu ();
    long published = 0, delivered = 0, arrived = 0;
    while (arrived < count) {
        while (published < count && published - delivered < window) {
            node_publish (nodes [0], key_of (warm + published), value_of (published));
            published++;
        }
        int taken = node_drain (nodes [0]);
        delivered += taken;
        int brought = node_drain (nodes [1]);
        arrived += brought;
        if (!taken && !brought)
            nodes_wait (nodes, 2, 1000);
    }
    double took = now () - start;
    report ("rate", (double) count / took);
    report ("cpu_us", (cpu () - used) / (double) count * 1e6);
    bench_end ();
}
