/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The descriptor of a node is readable exactly while a message waits, loses
    no wake-up in a number of messages (the argument), and is silent when idle.  */

#include <zgossip/zgossip.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

#define PATIENCE 30000

static zgossip_t *node;
static long messages;

//  Sends commands with replies that differ, so that none replaces another. At
//  most 10 000 replies may wait, so a reader must keep up
static void *sender (void *argument)
{
    const char *name = (const char *) argument;
    for (long i = 0; i < messages / 2; i++) {
        char key [32];
        snprintf (key, sizeof key, "%s-%ld", name, i);
        CHECK (zgossip_sendx (node, "GET", key, NULL) == 0);
        //  A pause now and then lets the reader wait for the next message
        if (i % 1000 == 0)
            poll (NULL, 0, 1);
    }
    return NULL;
}

static void take (int readable)
{
    zgossip_event_t *event = zgossip_recv_event (node);
    if (readable)
        CHECK (event && event->kind == ZGOSSIP_EVENT_REPLY && event->count == 2);
    else
        FAILS_NULL (zgossip_recv_event (node), EAGAIN);
    zgossip_event_destroy (&event);
}

static void flood (int with_epoll)
{
    node = zgossip_new ("descriptor");
    CHECK (zgossip_set_rcvtimeo (node, 0) == 0);
    int fd = zgossip_fd (node);
    CHECK (fd >= 0);
    int set = epoll_create1 (EPOLL_CLOEXEC);
    struct epoll_event event;
    memset (&event, 0, sizeof event);
    event.events = EPOLLIN;
    CHECK (epoll_ctl (set, EPOLL_CTL_ADD, fd, &event) == 0);
    pthread_t threads [2];
    CHECK (pthread_create (&threads [0], NULL, sender, "one") == 0);
    CHECK (pthread_create (&threads [1], NULL, sender, "two") == 0);
    for (long taken = 0; taken < messages / 2 * 2; taken++) {
        //  A lost wake-up shows as a time-out of poll
        if (with_epoll)
            CHECK (epoll_wait (set, &event, 1, PATIENCE) == 1);
        else {
            struct pollfd item = { fd, POLLIN, 0 };
            CHECK (poll (&item, 1, PATIENCE) == 1 && item.revents == POLLIN);
        }
        take (1);
    }
    pthread_join (threads [0], NULL);
    pthread_join (threads [1], NULL);
    take (0);
    struct pollfd item = { fd, POLLIN, 0 };
    CHECK (poll (&item, 1, 0) == 0);
    CHECK (epoll_wait (set, &event, 1, 50) == 0);
    close (set);
    zgossip_destroy (&node);
}

static double cpu (void)
{
    struct rusage used;
    CHECK (getrusage (RUSAGE_SELF, &used) == 0);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec
        + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

//  Measures two connected nodes without traffic: with readers that wait,
//  senders that have waited, and a message that is not received
static void idle (void)
{
    zgossip_t *one = zgossip_new ("one");
    zgossip_t *two = zgossip_new ("two");
    char endpoint [64];
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", zgossip_bind (one, "tcp://127.0.0.1:*"));
    CHECK (zgossip_connect (two, endpoint, NULL) == 0);
    CHECK (zgossip_connect (two, "tcp://127.0.0.1:1", NULL) == 0);
    CHECK (zgossip_publish (two, "key", "value") == 0);
    CHECK (zgossip_wait_key (one, "key", PATIENCE) == 0);
    int fd = zgossip_fd (one);
    struct pollfd item = { fd, POLLIN, 0 };
    CHECK (poll (&item, 1, PATIENCE) == 1);
    //  A thread waits for a message meanwhile, which must cost nothing either
    double before = cpu ();
    FAILS (zgossip_wait_key (two, "absent", 2000), EAGAIN);
    double idle = cpu () - before;
    FAILS (zgossip_flush (two, 2000), EAGAIN);
    double both = cpu () - before;
    printf ("idle: %.3f s of 2 s, waiting for a peer: %.3f s of 2 s\n", idle, both - idle);
    CHECK (both < 0.2);
    zgossip_destroy (&one);
    zgossip_destroy (&two);
}

int main (int argc, char **argv)
{
    messages = argc > 1? atol (argv [1]): 100000;
    idle ();
    flood (0);
    flood (1);
    puts ("the end");
    return 0;
}
