/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    What a tuple costs in the node that holds it: 63-byte values, everything
    delivered and read.

        memory [tuples]  */

#include "node.h"

int main (int argc, char **argv)
{
    long count = argument (argc, argv, 1, 500000);

    nodes_start ();
    report_library ();
    node_t node = node_new ();
    node_load (node, 0, 1000, 500);
    double before = resident ();
    node_load (node, 1000, count, 500);
    report ("bytes", (resident () - before) / (double) count);
    bench_end ();
}
