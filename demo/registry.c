/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A registry of services on our own interface, without CZMQ: others connect
    to it, and it prints what it learns.

    registry ENDPOINT  */

#include <zgossip/zgossip.h>
#include <poll.h>
#include <stdio.h>

int main (int argc, char **argv)
{
    zgossip_t *node = argc > 1 ? zgossip_new ("registry") : NULL;
    if (!node)
        return 1;
    setvbuf (stdout, NULL, _IOLBF, 0);
    zgossip_sendx (node, "BIND", argv [1], NULL);
    zgossip_sendx (node, "PORT", NULL);
    zgossip_sendx (node, "PUBLISH", "service/registry", "the meeting point", NULL);

    //  One descriptor for the node, one for the word to end: end of input
    struct pollfd items [] = { { zgossip_fd (node), POLLIN, 0 }, { 0, POLLIN, 0 } };
    while (poll (items, 2, -1) > 0 && !items [1].revents) {
        char *command, *key, *value;
        if (zgossip_recvx (node, &command, &key, &value, NULL) < 0)
            break;
        if (!strcmp (command, "DELIVER"))
            printf ("registry learns %s = %s\n", key, value);
        else
            printf ("registry listens at tcp://127.0.0.1:%s\n", key);
        free (command);
        free (key);
        free (value);
    }
    zgossip_destroy (&node);
    return 0;
}
