/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Eight threads use one node at once, for so many seconds as the argument
    says: every typed call, in random order. Then two more nodes are destroyed
    while threads are inside.  */

#include <zgossip/zgossip.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>
#include "check.h"

#define THREADS 8

static zgossip_t *node;
static zgossip_t *peer;
static double seconds;
static char endpoint [64];
static int lines;

static double now (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

//  Log function, which only the node's thread calls
static void journal (void *arg, int level, const char *text)
{
    CHECK (text && level >= ZGOSSIP_LOG_ERROR && level <= ZGOSSIP_LOG_DEBUG);
    ++*(int *) arg;
}

//  Makes one call at random
static void step (zgossip_t *self, unsigned int *seed)
{
    char key [32];
    snprintf (key, sizeof key, "key/%d", rand_r (seed) % 100);
    int choice = rand_r (seed) % 24;
    int rc = 0;
    if (choice < 6) {
        char value [32];
        snprintf (value, sizeof value, "%d", rand_r (seed) % 1000);
        rc = choice < 5? zgossip_publish (self, key, value):
                         zgossip_publish_ttl (self, key, value, 1 + rand_r (seed) % 50);
    }
    else
    if (choice == 6)
        rc = zgossip_publish_sized (self, key, strlen (key), "sized", 5, 0);
    else
    if (choice == 7)
        rc = zgossip_retract (self, key);
    else
    if (choice == 8)
        rc = zgossip_unpublish (self, key);
    else
    if (choice < 11) {
        char *value = zgossip_get (self, key);
        CHECK (value || errno == ENOENT || errno == EPIPE || errno == EINVAL);
        free (value);
    }
    else
    if (choice == 11) {
        size_t count = 0;
        zgossip_tuple_t *tuples = zgossip_tuples (self, &count);
        if (tuples) {
            size_t walked = 0;
            for (zgossip_tuple_t *tuple = tuples; tuple->key; tuple++, walked++)
                CHECK (strlen (tuple->key) == tuple->key_size && strlen (tuple->value) == tuple->value_size);
            CHECK (walked == count);
        }
        zgossip_tuples_destroy (&tuples);
    }
    else
    if (choice == 12) {
        zgossip_stats_t stats;
        rc = zgossip_stats (self, &stats, sizeof stats);
    }
    else
    if (choice == 13) {
        uint64_t digest;
        rc = zgossip_digest (self, &digest);
    }
    else
    if (choice == 14)
        rc = zgossip_count (self) < 0? -1: 0;
    else
    if (choice == 15)
        rc = zgossip_wait_key (self, key, rand_r (seed) % 3);
    else
    if (choice == 16)
        rc = zgossip_wait_count (self, rand_r (seed) % 100, rand_r (seed) % 3);
    else
    if (choice == 17)
        rc = zgossip_flush (self, 20);
    else
    if (choice == 18)
        rc = zgossip_wait_agreement (self, 1, 20);
    else
    if (choice == 19)
        rc = zgossip_set_events (self, rand_r (seed) % 2);
    else
    if (choice == 20)
        rc = rand_r (seed) % 2? zgossip_set (self, "server/timeout", "1000"):
                                zgossip_set_log (self, journal, &lines);
    else
    if (choice == 21)
        rc = zgossip_fd (self) >= 0? 0: -1;
    else
    if (choice == 22) {
        if (zgossip_bind (self, "inproc://threads") == 0)
            zgossip_unbind (self, "inproc://threads");
        rc = zgossip_connect (self, endpoint, NULL);
    }
    else {
        for (int i = 0; i < 20; i++) {
            zgossip_event_t *event = zgossip_recv_event (self);
            zgossip_event_destroy (&event);
        }
        char **frames = zgossip_recv (self, NULL);
        zgossip_frames_destroy (&frames);
    }
    if (rc == -1)
        CHECK (errno == EAGAIN || errno == EPIPE || errno == EINVAL);
    else
        CHECK (rc >= 0);
    CHECK (zgossip_strerror (errno));
}

static void *user (void *argument)
{
    unsigned int seed = *(int *) argument;
    double end = now () + seconds;
    long steps = 0;
    while (now () < end) {
        step (node, &seed);
        steps++;
    }
    CHECK (steps > 0);
    return NULL;
}

static void *last_user (void *argument)
{
    unsigned int seed = 77;
    zgossip_t *self = (zgossip_t *) argument;
    //  Calls until the node is destroyed by another thread
    while (zgossip_fd (self) >= 0)
        step (self, &seed);
    return NULL;
}

int main (int argc, char **argv)
{
    seconds = argc > 1? atof (argv [1]): 1;
    node = zgossip_new ("threads");
    peer = zgossip_new ("peer");
    CHECK (node && peer);
    CHECK (zgossip_set_rcvtimeo (node, 0) == 0);
    CHECK (zgossip_set_log (node, journal, &lines) == 0);
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", zgossip_bind (peer, "tcp://127.0.0.1:*"));
    CHECK (zgossip_connect (node, endpoint, NULL) == 0);

    pthread_t threads [THREADS];
    int numbers [THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers [i] = i;
        CHECK (pthread_create (&threads [i], NULL, user, &numbers [i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads [i], NULL);

    //  The result is the same as from one thread
    CHECK (zgossip_publish (node, "last", "word") == 0);
    CHECK (zgossip_flush (node, 60000) == 1);
    char *value = zgossip_get (peer, "last");
    CHECK (value && !strcmp (value, "word"));
    free (value);
    zgossip_destroy (&node);
    zgossip_destroy (&peer);

    for (int round = 0; round < 3; round++) {
        zgossip_t *brief = zgossip_new ("brief");
        CHECK (zgossip_set_rcvtimeo (brief, 0) == 0);
        for (int i = 0; i < THREADS; i++)
            CHECK (pthread_create (&threads [i], NULL, last_user, brief) == 0);
        poll (NULL, 0, 100);
        zgossip_destroy (&brief);
        for (int i = 0; i < THREADS; i++)
            pthread_join (threads [i], NULL);
    }
    puts ("the end");
    return 0;
}
