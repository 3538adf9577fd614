/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    One node: PUBLISH, and the DELIVER that comes back for it.

        publish [tuples] [window]  */

#include "node.h"

int main (int argc, char **argv)
{
    long count = argument (argc, argv, 1, 200000);
    long window = argument (argc, argv, 2, 500);

    nodes_start ();
    report_library ();
    node_t node = node_new ();
    node_load (node, 0, 1000, window);
    double start = now (), used = cpu ();
    node_load (node, 1000, count, window);
    double took = now () - start;
    report ("rate", (double) count / took);
    report ("cpu_us", (cpu () - used) / (double) count * 1e6);
    bench_end ();
}
