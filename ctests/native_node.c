/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The program of node.c without CZMQ: nodes of zgossip_new, which take
    commands over stdin and are polled by their descriptors.  */

#include <zgossip/zgossip.h>
#include <assert.h>
#include "lines.h"

#define MAX_NODES 64

typedef struct {
    char name [32];
    zgossip_t *gossip;
    bool paused, muted;
    char only [32];             //  Keys whose values are printed begin so
    long heard;
} node_t;

static node_t nodes [MAX_NODES];
static int node_count = 0;

static bool streq (const char *one, const char *other)
{
    return strcmp (one, other) == 0;
}

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

static void destroy (node_t *node)
{
    int64_t start = lines_now ();
    zgossip_destroy (&node->gossip);
    fprintf (lines_out, "%s !destroyed %lld\n", node->name,
             (long long) (lines_now () - start));
}

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
        zgossip_sendx (node->gossip, "PUBLISH", full, value, NULL);
    }
    free (value);
    fprintf (lines_out, "%s !filled %d %lld\n", node->name, count,
             (long long) (lines_now () - start));
}

static void update (node_t *node, const char *key, int first, int count)
{
    int64_t start = lines_now ();
    for (int i = first; i < first + count; i++) {
        char value [16];
        snprintf (value, sizeof value, "%d", i);
        zgossip_sendx (node->gossip, "PUBLISH", key, value, NULL);
    }
    fprintf (lines_out, "%s !updated %d %lld\n", node->name, count,
             (long long) (lines_now () - start));
}

/*  Prints the messages that wait for a node, as many as fit a turn.  */
static void receive (node_t *node)
{
    for (int turn = 0; turn < 1000; turn++) {
        size_t count = 0;
        char **frames = zgossip_recv (node->gossip, &count);
        if (!frames) {
            if (errno != EAGAIN && errno != EINTR) {
                fprintf (lines_out, "%s !ended\n", node->name);
                zgossip_destroy (&node->gossip);
            }
            break;
        }
        node->heard++;
        if (!streq (frames [0], "DELIVER")
        || (!node->muted && strncmp (frames [1], node->only, strlen (node->only)) == 0)) {
            fputs (node->name, lines_out);
            for (size_t i = 0; i < count; i++)
                lines_print (frames [i], strlen (frames [i]));
            putc ('\n', lines_out);
        }
        zgossip_frames_destroy (&frames);
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
    if (streq (verb, "!wait")) {
        poll (NULL, 0, atoi (words [2]));
        return true;
    }
    if (streq (verb, "!until")) {
        lines_until (atoll (words [2]));
        return true;
    }
    node_t *node = find (words [0]);
    if (streq (verb, "!new")) {
        node->gossip = zgossip_new (count > 2 ? words [2] : NULL);
        assert (node->gossip);
        int rc = zgossip_set_rcvtimeo (node->gossip, 0);
        assert (rc == 0);
        fprintf (lines_out, "%s !new\n", node->name);
    } else
    if (!node->gossip)
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
    if (streq (verb, "!only"))
        snprintf (node->only, sizeof node->only, "%s", words [2]);
    else
    if (streq (verb, "!heard"))
        fprintf (lines_out, "%s !heard %ld\n", node->name, node->heard);
    else
    if (streq (verb, "!fill"))
        fill (node, words [2], atoi (words [3]), atoi (words [4]), atoi (words [5]));
    else
    if (streq (verb, "!update"))
        update (node, words [2], atoi (words [3]), atoi (words [4]));
    else
    if (zgossip_send (node->gossip, (const char *const *) words + 1, (size_t) count - 1))
        fprintf (lines_out, "%s !refused %d\n", node->name, errno);
    return true;
}

int main (void)
{
    //  This process ends even if the test is killed
    alarm (240);
    lines_start ();
    fprintf (lines_out, "* !ready\n");
    fflush (lines_out);

    lines_t input = { 0 };
    bool running = true;
    while (running) {
        struct pollfd items [MAX_NODES + 1] = { { 0, POLLIN, 0 } };
        node_t *polled [MAX_NODES + 1];
        nfds_t item_count = 1;
        for (int i = 0; i < node_count; i++)
            if (nodes [i].gossip && !nodes [i].paused) {
                polled [item_count] = &nodes [i];
                items [item_count].fd = zgossip_fd (nodes [i].gossip);
                items [item_count].events = POLLIN;
                item_count++;
            }
        if (poll (items, item_count, -1) < 0)
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
        for (nfds_t i = 1; i < item_count; i++)
            if (items [i].revents && polled [i]->gossip)
                receive (polled [i]);
        fflush (lines_out);
    }
    for (int i = 0; i < node_count; i++)
        if (nodes [i].gossip)
            destroy (&nodes [i]);
    fclose (lines_out);
    free (input.text);
    return 0;
}
