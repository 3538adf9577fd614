/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    What the interface without CZMQ promises: a descriptor that is readable
    exactly while a message waits, many threads on one node, waiting calls
    that end when the node does, a destroy that does not wait, and a last
    tuple that still arrives.  */

#define _GNU_SOURCE
#include <zgossip/zgossip.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

static long now_ms (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int readable (int fd, int limit)
{
    struct pollfd item = { fd, POLLIN, 0 };
    int rc;
    do
        rc = poll (&item, 1, limit);
    while (rc == -1 && errno == EINTR);
    return rc == 1 && (item.revents & POLLIN);
}

static zgossip_t *node_new (const char *name)
{
    zgossip_t *node = zgossip_new (name);
    CHECK (node);
    CHECK (zgossip_set_rcvtimeo (node, 30000) == 0);
    return node;
}

//  Binds to a free port and stores the endpoint
static void bind_node (zgossip_t *node, char *endpoint, size_t size)
{
    CHECK (zgossip_sendx (node, "BIND", "tcp://127.0.0.1:*", NULL) == 0);
    CHECK (zgossip_sendx (node, "PORT", NULL) == 0);
    char *command, *number;
    CHECK (zgossip_recvx (node, &command, &number, NULL) == 2);
    CHECK (!strcmp (command, "PORT") && atoi (number) > 0);
    snprintf (endpoint, size, "tcp://127.0.0.1:%s", number);
    free (command);
    free (number);
}

#define expect(node, key, value) expect_at (__LINE__, node, key, value)

static void expect_at (int line, zgossip_t *node, const char *key, const char *value)
{
    char *command, *got_key, *got_value;
    if (zgossip_recvx (node, &command, &got_key, &got_value, NULL) != 3) {
        fprintf (stderr, "line %d: DELIVER %s has not come\n", line, key);
        CHECK (0);
    }
    CHECK (!strcmp (command, "DELIVER"));
    CHECK (!strcmp (got_key, key));
    CHECK (!strcmp (got_value, value));
    free (command);
    free (got_key);
    free (got_value);
}

static void descriptor (void)
{
    zgossip_t *node = node_new ("descriptor");
    int fd = zgossip_fd (node);
    CHECK (fd >= 0 && zgossip_fd (node) == fd);
    CHECK (!readable (fd, 100));

    CHECK (zgossip_sendx (node, "PUBLISH", "one", "1", NULL) == 0);
    CHECK (zgossip_sendx (node, "PUBLISH", "two", "2", NULL) == 0);
    CHECK (zgossip_sendx (node, "STATUS", NULL) == 0);
    //  The descriptor is level-triggered: readable until the last message is received
    CHECK (readable (fd, 30000));
    CHECK (readable (fd, 0));
    expect (node, "one", "1");
    CHECK (readable (fd, 30000));
    expect (node, "two", "2");
    CHECK (readable (fd, 30000));
    char *command, *count;
    CHECK (zgossip_recvx (node, &command, &count, NULL) == 2);
    CHECK (!strcmp (command, "STATUS") && !strcmp (count, "2"));
    free (command);
    free (count);
    CHECK (!readable (fd, 0));
    CHECK (!readable (fd, 100));

    //  The descriptor in an epoll set, for many messages
    int set = epoll_create1 (0);
    struct epoll_event event = { .events = EPOLLIN, .data = { .fd = fd } };
    CHECK (epoll_ctl (set, EPOLL_CTL_ADD, fd, &event) == 0);
    CHECK (zgossip_set_rcvtimeo (node, 0) == 0);
    for (int i = 0; i < 300; i++) {
        char value [16];
        snprintf (value, sizeof value, "%d", i);
        CHECK (zgossip_sendx (node, "PUBLISH", "again", value, NULL) == 0);
        CHECK (epoll_wait (set, &event, 1, 30000) == 1);
        //  The descriptor was readable, so a message can be received without waiting
        expect (node, "again", value);
        CHECK (epoll_wait (set, &event, 1, 0) == 0);
    }
    close (set);

    //  The descriptor is readable for ever once the node has ended
    CHECK (zgossip_sendx (node, "$TERM", NULL) == 0);
    CHECK (readable (fd, 30000));
    FAILS_NULL (zgossip_recv (node, NULL), EPIPE);
    CHECK (readable (fd, 0));
    zgossip_destroy (&node);
}

#define SENDERS 4
#define RECEIVERS 3
#define EACH 2000

static zgossip_t *shared;
static unsigned char seen [SENDERS] [EACH];
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
static int seen_count = 0;

static void *sender (void *argument)
{
    int number = *(int *) argument;
    for (int i = 0; i < EACH; i++) {
        char key [32];
        snprintf (key, sizeof key, "%d-%d", number, i);
        CHECK (zgossip_sendx (shared, "PUBLISH", key, "value", NULL) == 0);
    }
    return NULL;
}

static void *receiver (void *argument)
{
    zgossip_t *node = (zgossip_t *) argument;
    char *command, *key, *value;
    while (zgossip_recvx (node, &command, &key, &value, NULL) == 3) {
        int number = 0, i = 0;
        CHECK (sscanf (key, "%d-%d", &number, &i) == 2);
        CHECK (number < SENDERS && i < EACH);
        pthread_mutex_lock (&seen_lock);
        CHECK (!seen [number] [i]);
        seen [number] [i] = 1;
        seen_count++;
        pthread_mutex_unlock (&seen_lock);
        free (command);
        free (key);
        free (value);
    }
    //  The node was destroyed while this thread waited
    CHECK (errno == EPIPE);
    return NULL;
}

static void threads (void)
{
    shared = node_new ("shared");
    CHECK (zgossip_set_rcvtimeo (shared, -1) == 0);
    pthread_t senders [SENDERS], receivers [RECEIVERS];
    int numbers [SENDERS];
    for (int i = 0; i < RECEIVERS; i++)
        CHECK (pthread_create (&receivers [i], NULL, receiver, shared) == 0);
    for (int i = 0; i < SENDERS; i++) {
        numbers [i] = i;
        CHECK (pthread_create (&senders [i], NULL, sender, &numbers [i]) == 0);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join (senders [i], NULL);
    long limit = now_ms () + 60000;
    int count = 0;
    while (count < SENDERS * EACH && now_ms () < limit) {
        poll (NULL, 0, 5);
        pthread_mutex_lock (&seen_lock);
        count = seen_count;
        pthread_mutex_unlock (&seen_lock);
    }
    CHECK (count == SENDERS * EACH);
    //  The node is destroyed when all threads wait again
    poll (NULL, 0, 300);
    zgossip_destroy (&shared);
    for (int i = 0; i < RECEIVERS; i++)
        pthread_join (receivers [i], NULL);
}

static void *interrupted (void *argument)
{
    zgossip_t *node = (zgossip_t *) argument;
    FAILS_NULL (zgossip_recv (node, NULL), EINTR);
    return NULL;
}

static void on_signal (int number)
{
    (void) number;
}

static void signals (void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigaction (SIGUSR1, &action, NULL);
    zgossip_t *node = node_new ("signals");
    CHECK (zgossip_set_rcvtimeo (node, -1) == 0);
    pthread_t thread;
    CHECK (pthread_create (&thread, NULL, interrupted, node) == 0);
    //  The signal is repeated until it ends the wait, because the thread may not wait yet
    struct timespec limit;
    do {
        pthread_kill (thread, SIGUSR1);
        clock_gettime (CLOCK_REALTIME, &limit);
        limit.tv_nsec += 20 * 1000 * 1000;
        if (limit.tv_nsec >= 1000000000) {
            limit.tv_nsec -= 1000000000;
            limit.tv_sec++;
        }
    } while (pthread_timedjoin_np (thread, NULL, &limit) == ETIMEDOUT);
    //  The signal has no effect on the node
    CHECK (zgossip_sendx (node, "PUBLISH", "key", "value", NULL) == 0);
    expect (node, "key", "value");
    zgossip_destroy (&node);
}

//  A tuple published just before the end reaches the peers
static void last_words (void)
{
    for (int round = 0; round < 10; round++) {
        char endpoint [64];
        zgossip_t *hub = node_new ("hub");
        bind_node (hub, endpoint, sizeof endpoint);
        zgossip_t *leaf = node_new ("leaf");
        CHECK (zgossip_sendx (leaf, "CONNECT", endpoint, NULL) == 0);
        CHECK (zgossip_sendx (leaf, "PUBLISH", "first", "1", NULL) == 0);
        expect (hub, "first", "1");
        CHECK (zgossip_sendx (leaf, "PUBLISH", "last", "2", NULL) == 0);
        long start = now_ms ();
        zgossip_destroy (&leaf);
        CHECK (now_ms () - start < 1000);
        expect (hub, "last", "2");
        zgossip_destroy (&hub);
    }
}

//  Nodes on an inproc endpoint connect, and connect again when one is replaced
static void inproc (void)
{
    zgossip_t *leaf = node_new ("leaf");
    CHECK (zgossip_sendx (leaf, "CONNECT", "inproc://native", NULL) == 0);
    CHECK (zgossip_sendx (leaf, "PUBLISH", "leaf", "1", NULL) == 0);
    expect (leaf, "leaf", "1");
    for (int round = 0; round < 2; round++) {
        zgossip_t *hub = node_new ("hub");
        CHECK (zgossip_sendx (hub, "BIND", "inproc://native", NULL) == 0);
        expect (hub, "leaf", "1");
        zgossip_destroy (&hub);
    }
    zgossip_destroy (&leaf);
}

//  An endpoint is free again once its node is destroyed
static void again (const char *endpoint)
{
    for (int round = 0; round < 40; round++) {
        zgossip_t *node = node_new ("again");
        CHECK (zgossip_sendx (node, "BIND", endpoint, NULL) == 0);
        CHECK (zgossip_sendx (node, "PORT", NULL) == 0);
        char *command, *number;
        CHECK (zgossip_recvx (node, &command, &number, NULL) == 2);
        CHECK (!strcmp (command, "PORT") && atoi (number) >= 0);
        free (command);
        free (number);
        zgossip_destroy (&node);
    }
}

static void rebound (void)
{
    char endpoint [64];
    zgossip_t *node = node_new ("first");
    bind_node (node, endpoint, sizeof endpoint);
    zgossip_destroy (&node);
    again (endpoint);
    again ("inproc://again");
    snprintf (endpoint, sizeof endpoint, "ipc:///tmp/zgossip-native-%d", (int) getpid ());
    again (endpoint);
}

int main (void)
{
    alarm (200);
    rebound ();
    descriptor ();
    threads ();
    signals ();
    last_words ();
    inproc ();
    puts ("the end");
    return 0;
}
