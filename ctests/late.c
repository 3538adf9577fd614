/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Nodes that are made while the process exits, by functions that run
    before and behind the library's own. An argument leaves them alive.  */

#include <zgossip/zgossip.h>
#include <unistd.h>
#include "check.h"

static int forget;

static void make (const char *name)
{
    zgossip_t *node = zgossip_new (name);
    char *value;
    CHECK (node);
    if (zgossip_bind (node, "tcp://127.0.0.1:*") <= 0) {
        printf ("%s: %s\n", name, zgossip_strerror (errno));
        _exit (1);
    }
    CHECK (zgossip_publish (node, "key", name) == 0);
    value = zgossip_get (node, "key");
    CHECK (value && strcmp (value, name) == 0);
    zgossip_free (value);
    puts (name);
    if (!forget)
        zgossip_destroy (&node);
}

static void behind (void)
{
    make ("behind");
}

static void before (void)
{
    make ("before");
}

static void __attribute__ ((destructor)) last (void)
{
    make ("last");
}

int main (int argc, char **argv)
{
    (void) argv;
    forget = argc > 1;
    alarm (60);
    setvbuf (stdout, NULL, _IOLBF, 0);
    CHECK (atexit (behind) == 0);
    make ("main");
    CHECK (atexit (before) == 0);
    return 0;
}
