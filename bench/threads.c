/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Threads and descriptors that one node with some CONNECTs has.

        threads [connects]  */

#include "node.h"

//  The hubs are another process, so that their descriptors do not count.
static void
run_hubs (long count)
{
    nodes_start ();
    for (long i = 0; i < count; i++)
        fprintf (results, "%d\n", node_bind (node_new ()));
    fflush (results);
    getchar ();
    _exit (0);
}

int main (int argc, char **argv)
{
    long count = argument (argc, argv, 1, 10);
    if (argc > 2)
        run_hubs (count);

    char command [600];
    snprintf (command, sizeof (command), "exec %s %ld hubs", argv [0], count);
    int ports [count];
    //  Their stdin stays open as long as this process lives, and then ends them.
    int leash [2];
    if (pipe2 (leash, O_CLOEXEC) || dup2 (leash [0], 0) < 0)
        abort ();
    FILE *hubs = popen (command, "r");
    for (long i = 0; i < count; i++)
        if (!hubs || fscanf (hubs, "%d", &ports [i]) != 1)
            abort ();

    nodes_start ();
    report_library ();
    //  The context has its threads and descriptors from the first socket on.
    node_t other = node_new ();
    node_bind (other);
    node_destroy (&other);
    nap (0.2);
    int threads = entries ("/proc/self/task"), files = entries ("/proc/self/fd");
    node_t node = node_new ();
    for (long i = 0; i < count; i++)
        node_connect (node, ports [i]);
    node_publish (node, "key", "value");
    nap (1.5);
    report ("threads", entries ("/proc/self/task") - threads);
    report ("descriptors", entries ("/proc/self/fd") - files);
    bench_end ();
}
