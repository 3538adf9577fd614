/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A hub holds many tuples; a node that connects late takes them all.

        late [tuples] [value size]  */

#include "node.h"

int main (int argc, char **argv)
{
    long count = argument (argc, argv, 1, 100000);
    value_size = (size_t) argument (argc, argv, 2, 63);

    nodes_start ();
    report_library ();
    double empty = resident ();
    node_t hub = node_new ();
    int port = node_bind (hub);
    node_load (hub, 0, count, 500);
    double loaded = resident ();

    node_t late = node_new ();
    double start = now (), used = cpu ();
    node_connect (late, port);
    for (long arrived = 0; arrived < count; ) {
        int brought = node_drain (late);
        arrived += brought;
        if (!brought)
            nodes_wait (&late, 1, 1000);
    }
    double took = now () - start;
    report ("rate", (double) count / took);
    report ("seconds", took);
    report ("cpu_us", (cpu () - used) / (double) count * 1e6);
    report ("hub_bytes_per_tuple", (loaded - empty) / (double) count);
    report ("late_bytes_per_tuple", (resident () - loaded) / (double) count);
    bench_end ();
}
