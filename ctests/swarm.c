/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Many nodes on one hub in one process, each publishing some tuples, until
    every node has been told of all of them. Prints what the nodes cost in
    threads and how long each zactor_destroy took.

    swarm NODES TUPLES ENDPOINT  */

#include <czmq.h>
#include "lines.h"

typedef struct {
    zactor_t *actor;
    int delivered;
    int status;
} member_t;

static int compare (const void *one, const void *other)
{
    int64_t a = *(const int64_t *) one, b = *(const int64_t *) other;
    return (a > b) - (a < b);
}

static member_t *members;
static int count;

static void start (member_t *self, const char *name)
{
    self->status = -1;
    self->actor = zactor_new (zgossip, (void *) name);
    assert (self->actor);
}

static void read_one (member_t *self)
{
    char *command, *key, *value;
    zstr_recvx (self->actor, &command, &key, &value, NULL);
    if (streq (command, "DELIVER"))
        self->delivered++;
    else
    if (streq (command, "STATUS"))
        self->status = atoi (key);
    else
        fprintf (lines_out, "unexpected %s\n", command);
    zstr_free (&command);
    zstr_free (&key);
    zstr_free (&value);
}

//  Receives until every node has all tuples, or the time is over
static bool read_until (int delivered, bool status, int64_t limit)
{
    zpoller_t *poller = zpoller_new (NULL);
    for (int i = 0; i <= count; i++)
        zpoller_add (poller, members [i].actor);
    bool done = false;
    while (!done && lines_now () < limit) {
        void *ready = zpoller_wait (poller, 200);
        //  Polling all nodes for each message would take longer than the work of the nodes
        for (int i = 0; ready && i <= count; i++)
            if ((void *) members [i].actor == ready)
                do
                    read_one (&members [i]);
                while (zsock_events (members [i].actor) & ZMQ_POLLIN);
        done = true;
        for (int i = 0; i <= count && done; i++)
            done = members [i].delivered >= delivered
                && (!status || members [i].status >= 0);
    }
    zpoller_destroy (&poller);
    return done;
}

int main (int argc, char **argv)
{
    if (argc < 4)
        return 2;
    alarm (150);
    lines_start ();
    count = atoi (argv [1]);
    int tuples = atoi (argv [2]);
    members = zmalloc (sizeof (member_t) * (size_t) (count + 1));
    zsys_init ();

    member_t *hub = &members [count];
    start (hub, "hub");
    zstr_sendx (hub->actor, "BIND", argv [3], NULL);
    zstr_sendx (hub->actor, "PORT", NULL);
    char *command, *port, endpoint [256];
    zstr_recvx (hub->actor, &command, &port, NULL);
    if (atoi (port) > 0)
        snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%s", port);
    else
        snprintf (endpoint, sizeof endpoint, "%s", argv [3]);
    zstr_free (&command);
    zstr_free (&port);
    //  The first node also starts the threads that libzmq has once in a process
    start (&members [0], "first");
    int threads = lines_count ("/proc/self/task");

    for (int i = 1; i < count; i++)
        start (&members [i], "leaf");
    for (int i = 0; i < count; i++)
        zstr_sendx (members [i].actor, "CONNECT", endpoint, NULL);
    int64_t begun = lines_now ();
    for (int i = 0; i < count; i++)
        for (int t = 0; t < tuples; t++) {
            char key [32];
            snprintf (key, sizeof key, "node-%d-%d", i, t);
            zstr_sendx (members [i].actor, "PUBLISH", key, "value", NULL);
        }
    bool all = read_until (count * tuples, false, begun + 60000000);
    fprintf (lines_out, "delivered %s\n", all ? "all" : "some");
    fprintf (lines_out, "took %lld\n", (long long) (lines_now () - begun));
    fprintf (lines_out, "threads %d\n", lines_count ("/proc/self/task") - threads);

    int least = INT_MAX, most = 0;
    for (int i = 0; i <= count; i++)
        zstr_send (members [i].actor, "STATUS");
    read_until (0, true, lines_now () + 30000000);
    for (int i = 0; i <= count; i++) {
        least = members [i].status < least ? members [i].status : least;
        most = members [i].status > most ? members [i].status : most;
    }
    fprintf (lines_out, "status %d %d\n", least, most);
    least = INT_MAX;
    most = 0;
    for (int i = 0; i <= count; i++) {
        least = members [i].delivered < least ? members [i].delivered : least;
        most = members [i].delivered > most ? members [i].delivered : most;
    }
    fprintf (lines_out, "deliveries %d %d\n", least, most);

    int64_t *took = zmalloc (sizeof (int64_t) * (size_t) (count + 1));
    for (int i = 0; i <= count; i++) {
        //  The hub is destroyed in the middle of the others, so that some lose it first
        member_t *next = &members [i == count / 2 ? count : i == count ? count / 2 : i];
        int64_t before = lines_now ();
        zactor_destroy (&next->actor);
        took [i] = lines_now () - before;
    }
    qsort (took, (size_t) count + 1, sizeof *took, compare);
    fprintf (lines_out, "destroy %lld %lld\n", (long long) took [count * 95 / 100],
             (long long) took [count]);
    fclose (lines_out);
    free (took);
    free (members);
    return 0;
}
