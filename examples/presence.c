/*  This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Which services are there, and where? Each announces itself for three seconds at a time and again every second, and
    prints who comes ("+ name address") and who goes ("- name"). One that ends says so; one that crashes, or whose
    machine or network fails, is noticed within three seconds.

        cc presence.c -o presence $(pkg-config --cflags --libs libzgossip)

        ./presence registry 10.0.0.1:80 bind tcp://127.0.0.1:5670
        ./presence printer 10.0.0.2:9100 connect tcp://127.0.0.1:5670       (in a second terminal)
        ./presence camera 10.0.0.3:554 connect tcp://127.0.0.1:5670         (in a third; end one, kill -9 another)

    node/presence.mjs does the same in JavaScript, on the same network.  */

#include <zgossip/zgossip.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define LEASE 3000
#define RENEWAL 1000

static volatile sig_atomic_t ending = 0;

static void end (int number)
{
    (void) number;
    ending = 1;
}

static long long now (void)
{
    struct timespec time;
    clock_gettime (CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

//  Print the news that waits
static void hear (zgossip_t *node)
{
    zgossip_event_t *event;
    while ((event = zgossip_recv_event (node)) != NULL) {
        char name [256];
        if (event->key && sscanf (event->key, "service/%255s", name) == 1) {
            if (event->kind == ZGOSSIP_EVENT_DELIVER)
                printf ("+ %s %s\n", name, event->value);
            else
            if (event->kind == ZGOSSIP_EVENT_EXPIRE || event->kind == ZGOSSIP_EVENT_RETRACT)
                printf ("- %s\n", name);
        }
        zgossip_event_destroy (&event);
    }
}

int main (int argc, char *argv [])
{
    zgossip_t *node = argc == 5 ? zgossip_new (argv [1]) : NULL;
    if (!node) {
        fprintf (stderr, "presence NAME ADDRESS bind|connect ENDPOINT\n");
        return 2;
    }
    setvbuf (stdout, NULL, _IOLBF, 0);
    signal (SIGINT, end);
    signal (SIGTERM, end);
    char key [300];
    snprintf (key, sizeof key, "service/%s", argv [1]);

    zgossip_set_rcvtimeo (node, 0);
    zgossip_set_events (node, true);        //  Tell us what expires, too
    int rc = strcmp (argv [3], "bind")? zgossip_connect (node, argv [4], NULL): zgossip_bind (node, argv [4]);
    if (rc == -1) {
        fprintf (stderr, "%s: %s\n", argv [4], zgossip_strerror (errno));
        zgossip_destroy (&node);
        return 1;
    }

    long long renewal = 0;
    struct pollfd item = { zgossip_fd (node), POLLIN, 0 };
    while (!ending) {
        if (now () >= renewal) {
            zgossip_publish_ttl (node, key, argv [2], LEASE);
            renewal = now () + RENEWAL;
        }
        long long left = renewal - now ();
        poll (&item, 1, left > 0 ? (int) left : 0);
        hear (node);
    }
    zgossip_retract (node, key);
    zgossip_destroy (&node);
    return 0;
}
