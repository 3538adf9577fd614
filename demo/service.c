/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A service as CZMQ programs are: it publishes where it is found and prints
    what it learns of others. Nothing in it knows of our library.

    service NAME REGISTRY-ENDPOINT, then lines of "key value" on stdin  */

#include <czmq.h>

int main (int argc, char **argv)
{
    if (argc < 3)
        return 1;
    setvbuf (stdout, NULL, _IOLBF, 0);
    zactor_t *gossip = zactor_new (zgossip, argv [1]);
    zstr_sendx (gossip, "CONNECT", argv [2], NULL);

    zmq_pollitem_t items [] = {
        { zsock_resolve (gossip), 0, ZMQ_POLLIN, 0 }, { NULL, 0, ZMQ_POLLIN, 0 }
    };
    //  A line at a time, for poll cannot see what stdio has read ahead
    setvbuf (stdin, NULL, _IONBF, 0);
    char line [256];
    while (zmq_poll (items, 2, -1) >= 0) {
        if (items [0].revents) {
            char *command, *key, *value;
            zstr_recvx (gossip, &command, &key, &value, NULL);
            if (command && streq (command, "DELIVER"))
                printf ("%s learns %s = %s\n", argv [1], key, value);
            zstr_free (&command);
            zstr_free (&key);
            zstr_free (&value);
        }
        if (items [1].revents) {
            if (!fgets (line, sizeof line, stdin))
                break;
            line [strcspn (line, "\n")] = 0;
            char *value = strchr (line, ' ');
            if (value) {
                *value++ = 0;
                zstr_sendx (gossip, "PUBLISH", line, value, NULL);
            }
        }
    }
    zactor_destroy (&gossip);
    return 0;
}
