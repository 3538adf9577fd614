/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Two nodes hold the same tuples. Their connection breaks, one publishes a
    few more, the connection comes back: how many bytes does it take until
    the other has them? A relay between the two breaks the connection and
    counts what it carries.

        rejoin [tuples] [missed]  */

#include "node.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

static int listener, hub_port;
static volatile bool broken;
static unsigned long carried;

static int
loopback (int port, bool bound)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons ((uint16_t) port) };
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    int handle = socket (AF_INET, SOCK_STREAM, 0);
    int on = 1;
    setsockopt (handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof (on));
    if (bound? bind (handle, (struct sockaddr *) &address, sizeof (address)) || listen (handle, 5)
             : connect (handle, (struct sockaddr *) &address, sizeof (address)))
        abort ();
    return handle;
}

static bool
carry (int from, int to)
{
    char buffer [64 << 10];
    ssize_t size = read (from, buffer, sizeof (buffer));
    if (size <= 0)
        return false;
    for (ssize_t done = 0; done < size; ) {
        ssize_t written = write (to, buffer + done, (size_t) (size - done));
        if (written <= 0)
            return false;
        done += written;
    }
    __atomic_fetch_add (&carried, (unsigned long) size, __ATOMIC_RELAXED);
    return true;
}

//  One connection at a time; while broken, those that come are closed at once.
static void *
relay (void *arg)
{
    (void) arg;
    for (;;) {
        int client = accept (listener, NULL, NULL);
        if (client < 0)
            abort ();
        if (broken) {
            close (client);
            continue;
        }
        int hub = loopback (hub_port, false);
        bool alive = true;
        while (alive && !broken) {
            struct pollfd items [2] = { { client, POLLIN, 0 }, { hub, POLLIN, 0 } };
            poll (items, 2, 20);
            if (items [0].revents)
                alive = carry (client, hub);
            if (alive && items [1].revents)
                alive = carry (hub, client);
        }
        close (client);
        close (hub);
    }
    return NULL;
}

//  Reads a node's DELIVERs until the one for a key has come, for at most so long.
static bool
hear_key (node_t node, const char *key, double seconds)
{
    double end = now () + seconds;
    said_t said;
    while (now () < end)
        if (!node_said (node, &said))
            nodes_wait (&node, 1, 100);
        else
        if (said.command == 'D' && !strcmp (said.key, key))
            return true;
    return false;
}

int main (int argc, char **argv)
{
    long count = argument (argc, argv, 1, 100000);
    long missed = argument (argc, argv, 2, 100);

    signal (SIGPIPE, SIG_IGN);
    nodes_start ();
    report_library ();
    listener = loopback (0, true);
    struct sockaddr_in address;
    socklen_t size = sizeof (address);
    getsockname (listener, (struct sockaddr *) &address, &size);

    node_t hub = node_new (), node = node_new ();
    hub_port = node_bind (hub);
    pthread_t thread;
    pthread_create (&thread, NULL, relay, NULL);
    node_load (hub, 0, count, 500);
    node_connect (node, ntohs (address.sin_port));
    for (long arrived = 0; arrived < count; ) {
        nodes_wait (&node, 1, 1000);
        arrived += node_drain (node);
    }
    nap (1.5);
    report ("first_bytes", (double) carried);

    broken = true;
    nap (0.3);
    node_load (hub, count, missed, 500);
    carried = 0;
    broken = false;
    double start = now ();
    //  A stock node does not notice: it has to publish something first, and is told that it is unknown.
    for (int i = 0; i < 50; i++) {
        char key [32];
        snprintf (key, sizeof (key), "wake.%d", i);
        node_publish (node, key, "up");
        if (hear_key (node, key_of (count + missed - 1), i? 5: 1))
            break;
    }
    report ("seconds", now () - start);
    nap (2);
    report ("bytes", (double) carried);
    bench_end ();
}
