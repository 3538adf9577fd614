/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The other half of shared.c; C and C++.  */

#include <czmq.h>
#include <zgossip/zgossip.h>
#include <czmq.h>
#include "shared.h"

void *other_context (void)
{
    return zsys_init ();
}

int other_interrupted (void)
{
    return zsys_interrupted;
}

void other_log (void)
{
    zsys_set_logstream (stdout);
    zsys_info ("a line of %s", "both");
}

zsock_t *other_socket (const char *endpoint)
{
    zactor_t *node = zactor_new (zgossip, (void *) "node");
    zactor_destroy (&node);
    return zsock_new_pair (endpoint);
}
