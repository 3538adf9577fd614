/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Two translation units with the header (the other is shared_other.c or
    the same as C++) are one program: one context, one log, one flag.  */

//  A system header comes first, so czmq.h can no longer ask for POSIX
#include <stdio.h>
#include <czmq.h>
#include "shared.h"

static void quick (zsock_t *pipe, void *args)
{
    (void) args;
    zsock_signal (pipe, 0);
    //  The actor ends before its owner destroys it
}

int main (void)
{
    zsock_t *bound = NULL;
    zsock_t *connected = NULL;
    zactor_t *actor = NULL;
    char *text = NULL;
    int count;
    zsys_set_logident ("shared");
    other_log ();
    zsys_interrupted = 1;
    printf ("one context %d, one flag %d\n", other_context () == zsys_init (), other_interrupted ());
    zsys_interrupted = 0;

    bound = zsock_new_pair ("@inproc://shared");
    connected = other_socket ("inproc://shared");
    zstr_send (connected, "from the other");
    text = zstr_recv (bound);
    printf ("%s\n", text);
    zstr_free (&text);
    zsock_destroy (&bound);
    zsock_destroy (&connected);

    //  An actor is destroyed after its end, also if the owner has read its signal
    for (count = 0; count < 100; count++) {
        actor = zactor_new (quick, NULL);
        if (count % 2)
            zsock_wait (actor);
        zactor_destroy (&actor);
    }
    zsys_shutdown ();
    zsys_shutdown ();
    bound = zsock_new (ZMQ_PAIR);
    printf ("alive again %d\n", bound != NULL);
    zsock_destroy (&bound);
    //  An open socket is reported at exit, which does not wait for it
    bound = zsock_new (ZMQ_SUB);
    return 0;
}
