/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A plain CZMQ program that is told over stdin what its gossip nodes do,
    and says on stdout what each of them receives. It uses nothing but
    CZMQ, so it is a stock node as it is, and one of ours when the library
    is preloaded or linked first.

    "a !new prefix"        makes node "a" (prefix optional)
    "a PUBLISH key value"  sends these two words as a command
    "a DELIVER key value"  is printed when node "a" receives it
    "a !destroy"           prints "a !destroyed microseconds"
    "a !pause", "a !resume"  stops and starts reading what "a" receives
    "a !fill key first count size"  publishes many tuples
    "a !update key first count"     publishes one key many times
    "* !stats"             prints threads, descriptors and resident memory
    "* !auth address"      starts CZMQ's zauth: CURVE for anyone from there, or
                         with a directory behind it for its certificates
    "a !mute"              reads what is delivered to "a" from now on, but does
                           not print it
    "a !heard"             prints "a !heard number": messages received so far
    "* !wait ms"           waits, serving nobody, as a busy program does
    "* !until us"          waits for a moment of the monotonic clock, so that
                           several programs begin at once
    "* !quit"              destroys everything and ends the program  */

#include <czmq.h>
#include "lines.h"

#define MAX_NODES 64

typedef struct {
    char name [32];
    zactor_t *actor;
    bool paused, muted;
    long heard;
} node_t;

static node_t nodes [MAX_NODES];
static int node_count = 0;
static zactor_t *auth = NULL;

static node_t *find (const char *name)
{
    for (int i = 0; i < node_count; i++)
        if (streq (nodes [i].name, name))
            return &nodes [i];
    assert (node_count < MAX_NODES);
    node_t *node = &nodes [node_count++];
    memset (node, 0, sizeof *node);
    snprintf (node->name, sizeof node->name, "%s", name);
    return node;
}

/*  Makes an actor whose prefix is on the stack and gone when this returns: a
    library that keeps the pointer is caught.  */
static void create (node_t *node, const char *prefix)
{
    char buffer [256];
    if (prefix)
        snprintf (buffer, sizeof buffer, "%s", prefix);
    node->actor = zactor_new (zgossip, prefix ? buffer : NULL);
    assert (node->actor);
    memset (buffer, 'X', sizeof buffer - 1);
    buffer [sizeof buffer - 1] = 0;
    fprintf (lines_out, "%s !new\n", node->name);
}

static void destroy (node_t *node)
{
    int64_t start = lines_now ();
    zactor_destroy (&node->actor);
    fprintf (lines_out, "%s !destroyed %lld\n", node->name, (long long) (lines_now () - start));
}

/*  Publishes key0, key1 ... with values of the given size that tell which
    node published them.  */
static void fill (node_t *node, const char *key, int first, int count, int size)
{
    int64_t start = lines_now ();
    char *value = malloc ((size_t) size + 32);
    for (int i = first; i < first + count; i++) {
        char full [300];
        snprintf (full, sizeof full, "%s%d", key, i);
        int used = sprintf (value, "%d", i);
        while (used < size)
            value [used++] = '.';
        value [used] = 0;
        zstr_sendx (node->actor, "PUBLISH", full, value, NULL);
    }
    free (value);
    fprintf (lines_out, "%s !filled %d %lld\n", node->name, count, (long long) (lines_now () - start));
}

static void update (node_t *node, const char *key, int first, int count)
{
    int64_t start = lines_now ();
    for (int i = first; i < first + count; i++) {
        char value [16];
        snprintf (value, sizeof value, "%d", i);
        zstr_sendx (node->actor, "PUBLISH", key, value, NULL);
    }
    fprintf (lines_out, "%s !updated %d %lld\n", node->name, count, (long long) (lines_now () - start));
}

static void start_auth (const char *address, const char *clients)
{
    auth = zactor_new (zauth, NULL);
    assert (auth);
    zstr_sendx (auth, "ALLOW", address, NULL);
    zsock_wait (auth);
    zstr_sendx (auth, "CURVE", clients, NULL);
    zsock_wait (auth);
    fprintf (lines_out, "* !auth\n");
}

/*  Prints the messages that wait for a node, as many as fit a turn.  */
static void receive (node_t *node)
{
    void *pipe = zsock_resolve (node->actor);
    for (int turn = 0; turn < 1000; turn++) {
        int events = 0;
        size_t size = sizeof events;
        if (zmq_getsockopt (pipe, ZMQ_EVENTS, &events, &size) || !(events & ZMQ_POLLIN))
            break;
        zmsg_t *msg = zactor_recv (node->actor);
        if (!msg)
            break;
        int signal = zmsg_signal (msg);
        if (signal >= 0) {
            //  The thread of the actor has ended: sending to it would block for ever
            fprintf (lines_out, "%s !ended\n", node->name);
            zmsg_destroy (&msg);
            zactor_destroy (&node->actor);
            break;
        }
        node->heard++;
        if (!node->muted || !zframe_streq (zmsg_first (msg), "DELIVER")) {
            fputs (node->name, lines_out);
            for (zframe_t *frame = zmsg_first (msg); frame; frame = zmsg_next (msg))
                lines_print (zframe_data (frame), zframe_size (frame));
            putc ('\n', lines_out);
        }
        zmsg_destroy (&msg);
    }
}

static bool obey (char **words, int count)
{
    if (count < 2)
        return true;
    const char *verb = words [1];
    if (streq (verb, "!quit"))
        return false;
    if (streq (verb, "!stats")) {
        fprintf (lines_out, "* !stats %d %d %ld\n", lines_count ("/proc/self/task"),
                lines_count ("/proc/self/fd"), lines_rss ());
        return true;
    }
    if (streq (verb, "!auth")) {
        start_auth (words [2], count > 3? words [3]: CURVE_ALLOW_ANY);
        return true;
    }
    if (streq (verb, "!wait")) {
        zclock_sleep (atoi (words [2]));
        return true;
    }
    if (streq (verb, "!until")) {
        lines_until (atoll (words [2]));
        return true;
    }
    node_t *node = find (words [0]);
    if (streq (verb, "!new"))
        create (node, count > 2 ? words [2] : NULL);
    else
    if (!node->actor)
        fprintf (lines_out, "%s !missing\n", node->name);
    else
    if (streq (verb, "!destroy"))
        destroy (node);
    else
    if (streq (verb, "!pause"))
        node->paused = true;
    else
    if (streq (verb, "!resume"))
        node->paused = false;
    else
    if (streq (verb, "!mute"))
        node->muted = true;
    else
    if (streq (verb, "!heard"))
        fprintf (lines_out, "%s !heard %ld\n", node->name, node->heard);
    else
    if (streq (verb, "!fill"))
        fill (node, words [2], atoi (words [3]), atoi (words [4]), atoi (words [5]));
    else
    if (streq (verb, "!update"))
        update (node, words [2], atoi (words [3]), atoi (words [4]));
    else {
        zmsg_t *msg = zmsg_new ();
        for (int i = 1; i < count; i++)
            zmsg_addstr (msg, words [i]);
        zactor_send (node->actor, &msg);
    }
    return true;
}

int main (void)
{
    //  This process ends even if the test is killed
    alarm (240);
    lines_start ();
    zsys_init ();
    fprintf (lines_out, "* !ready\n");
    fflush (lines_out);

    lines_t input = { 0 };
    bool running = true;
    while (running) {
        zmq_pollitem_t items [MAX_NODES + 1] = { { NULL, 0, ZMQ_POLLIN, 0 } };
        node_t *polled [MAX_NODES + 1];
        int item_count = 1;
        for (int i = 0; i < node_count; i++)
            if (nodes [i].actor && !nodes [i].paused) {
                polled [item_count] = &nodes [i];
                items [item_count].socket = zsock_resolve (nodes [i].actor);
                items [item_count].events = ZMQ_POLLIN;
                item_count++;
            }
        if (zmq_poll (items, item_count, -1) < 0)
            break;
        if (items [0].revents) {
            lines_fill (&input);
            char *line;
            while (running && (line = lines_next (&input)) != NULL) {
                char *words [LINES_MAX_PIECES];
                int count = lines_split (line, words);
                running = obey (words, count);
                for (int i = 0; i < count; i++)
                    free (words [i]);
                fflush (lines_out);
            }
            if (input.ended)
                running = false;
        }
        for (int i = 1; i < item_count; i++)
            if (items [i].revents && polled [i]->actor)
                receive (polled [i]);
        fflush (lines_out);
    }
    for (int i = 0; i < node_count; i++)
        if (nodes [i].actor)
            destroy (&nodes [i]);
    fclose (lines_out);
    zactor_destroy (&auth);
    free (input.text);
    return 0;
}
