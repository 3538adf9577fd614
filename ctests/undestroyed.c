/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A program of CZMQ that ends without destroying its actors.  */

#include <czmq.h>

/*  Missing where the program is linked with CZMQ alone.  */
void zgossip_auth_actor (zsock_t *pipe, void *args) __attribute__ ((weak));

/*  Runs after CZMQ has closed the pipes: time in which the actors' threads
    could do harm.  */

static void
s_linger (void)
{
    zclock_sleep (200);
}

int main (int argc, char **argv)
{
    (void) argv;
    atexit (s_linger);
    if (zgossip_auth_actor && argc > 1)
        zactor_new (zgossip_auth_actor, NULL);
    zactor_t *node = zactor_new (zgossip, (void *) "undestroyed");
    zactor_t *busy = zactor_new (zgossip, (void *) "busy");
    char *command;
    char *port;
    int number;
    alarm (60);
    zstr_sendx (node, "BIND", "tcp://127.0.0.1:*", NULL);
    zstr_sendx (node, "PORT", NULL);
    zstr_recvx (node, &command, &port, NULL);
    for (number = 0; number < 100; number++)
        zstr_sendx (busy, "PUBLISH", "key", port, NULL);
    zstr_free (&command);
    zstr_free (&port);
    puts ("the end");
    return 0;
}
