/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Many nodes in one process, linked over tcp: how long until all hold what
    all publish, and what it takes.

        converge topology nodes tuples [updates] [limit]

    Topologies: star (node 0 is the hub), ring (with a chord from each node
    to the one opposite), random (a tree and as many links again, which is
    degree 4 on average), mesh (each with each), chain. The tuples are
    published by all nodes in turn; then the first of them is updated so many
    times, by the node that published it. After limit seconds it gives up.

    With topology "swarm" the nodes' start is part of the time, as in a
    network that is switched on at once: a star, in which all publish as soon
    as they exist.  */

#include "node.h"
#include "wire.h"

//  So far ahead of what all nodes have delivered may publishing be: stock
//  nodes stop for good when their programs leave them with too much.
#define WINDOW 500

static const char *topology;
static int nodes_count;
static node_t *nodes;
static int *ports;

static bool
is (const char *name)
{
    return !strcmp (topology, name) || (!strcmp (name, "star") && !strcmp (topology, "swarm"));
}

//  A fixed sequence, so that each run has the same network.
static unsigned
lot (unsigned limit)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned) (state % limit);
}

//  Connects a node to those before it.
static void
link_up (int i)
{
    if (is ("star") && i)
        node_connect (nodes [i], ports [0]);
    else
    if (is ("chain") && i)
        node_connect (nodes [i], ports [i - 1]);
    else
    if (is ("ring")) {
        if (i)
            node_connect (nodes [i], ports [i - 1]);
        if (i == nodes_count - 1 && i > 1)
            node_connect (nodes [i], ports [0]);
        if (i >= nodes_count / 2 && nodes_count > 3)
            node_connect (nodes [i], ports [i - nodes_count / 2]);
    }
    else
    if (is ("random") && i) {
        unsigned first = lot ((unsigned) i);
        node_connect (nodes [i], ports [first]);
        unsigned second = lot ((unsigned) i);
        if (second != first)
            node_connect (nodes [i], ports [second]);
    }
    else
    if (is ("mesh"))
        for (int j = 0; j < i; j++)
            node_connect (nodes [i], ports [j]);
}

//  Takes what waits at all nodes; rests a little when that was nothing. With many nodes, to look is work, in a
//  system call for each.
static long
drain_all (void)
{
    long delivered = 0;
    for (int i = 0; i < nodes_count; i++)
        delivered += node_drain (nodes [i]);
    if (!delivered) {
        if (nodes_count <= 64)
            nodes_wait (nodes, nodes_count, 10);
        else
            nap (nodes_count * 5e-6);
    }
    return delivered;
}

int main (int argc, char **argv)
{
    assert (argc > 3);
    topology = argv [1];
    nodes_count = atoi (argv [2]);
    long tuples = atol (argv [3]);
    long updates = argument (argc, argv, 4, 0);
    double limit = (double) argument (argc, argv, 5, 60);
    bool swarm = !strcmp (topology, "swarm");

    nodes_start ();
    report_library ();
    nodes = (node_t *) calloc ((size_t) nodes_count, sizeof (node_t));
    ports = (int *) calloc ((size_t) nodes_count, sizeof (int));
    double start = now (), used = cpu ();
    for (int i = 0; i < nodes_count; i++) {
        nodes [i] = node_new ();
        //  A stock hub forgets clients, and their tuples, that are silent for a second while it is busy.
        node_send (nodes [i], "SET", "server/timeout", "100000");
        if (!is ("star") || i == 0)
            ports [i] = node_bind (nodes [i]);
        link_up (i);
    }
    report ("start", now () - start);

    long wanted, expected = 0;
    bool finished = true;
    if (!swarm) {
        //  All links are there when each node's tuple is with all and a quiet moment has passed.
        char key [32];
        for (int i = 0; i < nodes_count; i++) {
            snprintf (key, sizeof (key), "warm.%d", i);
            node_publish (nodes [i], key, "up");
        }
        wanted = (long) nodes_count * nodes_count;
        double quiet = now () + 0.7;
        while (now () < quiet && now () - start < limit) {
            long delivered = drain_all ();
            expected += delivered;
            if (delivered || expected < wanted)
                quiet = now () + 0.7;
        }
        finished = expected == wanted;
        start = now ();
        used = cpu ();
    }
    wire_t before = wire_sent ();
    long published = 0, delivered = 0;
    wanted = tuples * nodes_count;
    while (delivered < wanted && finished) {
        while (published < tuples && (published - WINDOW) * nodes_count < delivered) {
            node_publish (nodes [published % nodes_count], key_of (published), value_of (published));
            published++;
        }
        delivered += drain_all ();
        finished = now () - start < limit;
    }
    double converged = now () - start;

    //  Values that are overtaken need not be delivered, so the end shows by nothing more being delivered. Stock
    //  nodes have no such end: they are not asked.
    if (updates && finished) {
        before = wire_sent ();
        start = now ();
        used = cpu ();
        delivered = 0;
        for (long update = 0; update < updates; update++) {
            long key = update % tuples;
            node_publish (nodes [key % nodes_count], key_of (key), value_of (tuples + update));
            if (update % 100 == 99)
                delivered += drain_all ();
        }
        double quiet = 0;
        do {
            long taken = drain_all ();
            delivered += taken;
            if (taken || !quiet) {
                converged = now () - start;
                quiet = now () + 0.3;
            }
            finished = now () - start < limit;
        } while (now () < quiet && finished);
    }
    report ("deliveries", (double) delivered);
    report ("seconds", converged);
    report ("cpu", cpu () - used);
    //  Echoes and late copies are part of the price.
    nap (swarm? 0: 0.3);
    wire_t after = wire_sent ();
    report ("finished", finished);
    report ("rate", (double) delivered / converged);
    report ("frames", (double) (after.frames - before.frames));
    report ("bytes", (double) (after.bytes - before.bytes));
    report ("tuples_sent", (double) (after.tuples - before.tuples));
    bench_end ();
}
