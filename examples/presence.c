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
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define LEASE "3000"
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

//  Print the messages that wait
static void hear (zgossip_t *node)
{
    char *command, *key, *address;
    while (zgossip_recvx (node, &command, &key, &address, NULL) > 0) {
        char name [256];
        if (key && sscanf (key, "service/%255s", name) == 1) {
            if (!strcmp (command, "DELIVER"))
                printf ("+ %s %s\n", name, address);
            else
            if (!strcmp (command, "EXPIRE") || !strcmp (command, "RETRACT"))
                printf ("- %s\n", name);
        }
        free (command);
        free (key);
        free (address);
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
    zgossip_sendx (node, "SET", "server/events", "1", NULL);    //  Tell us what expires, too
    zgossip_sendx (node, strcmp (argv [3], "bind") ? "CONNECT" : "BIND", argv [4], NULL);

    long long renewal = 0;
    struct pollfd item = { zgossip_fd (node), POLLIN, 0 };
    while (!ending) {
        if (now () >= renewal) {
            zgossip_sendx (node, "PUBLISH", key, argv [2], LEASE, NULL);
            renewal = now () + RENEWAL;
        }
        long long left = renewal - now ();
        poll (&item, 1, left > 0 ? (int) left : 0);
        hear (node);
    }
    zgossip_sendx (node, "RETRACT", key, NULL);
    zgossip_destroy (&node);
    return 0;
}
