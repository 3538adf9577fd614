/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Relative names of files, given before the program goes to another
    directory, as daemons do. The argument is a directory.  */

#include <zgossip/zgossip.h>
#include <unistd.h>
#include "check.h"

#define PATIENCE 30000

static void write_file (const char *directory, const char *name, const char *content)
{
    char path [300];
    snprintf (path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen (path, "w");
    CHECK (file && fputs (content, file) >= 0 && fclose (file) == 0);
}

static zgossip_t *client (const char *endpoint, const char *password)
{
    zgossip_t *node = zgossip_new ("client");
    CHECK (node && zgossip_set_plain (node, "one", password) == 0);
    CHECK (zgossip_publish (node, password, "1") == 0);
    CHECK (zgossip_connect (node, endpoint, NULL) == 0);
    return node;
}

int main (int argc, char **argv)
{
    CHECK (argc == 2 && chdir (argv [1]) == 0);
    write_file (".", "passwords", "one=first\n");
    write_file (".", "hub.cfg", "zgossip\n    security\n        mechanism = plain\n");
    zgossip_auth_t *auth = zgossip_auth_new (NULL);
    CHECK (auth && zgossip_auth_plain (auth, "passwords") == 0);
    zgossip_t *hub = zgossip_new ("hub");
    CHECK (hub && zgossip_load (hub, "hub.cfg") == 0);
    CHECK (zgossip_set_rcvtimeo (hub, PATIENCE) == 0);
    CHECK (zgossip_bind (hub, "tcp://127.0.0.1:*") > 0);
    char *endpoint = zgossip_endpoint (hub);
    CHECK (endpoint);
    zgossip_t *former = client (endpoint, "first");
    CHECK (zgossip_wait_key (hub, "first", PATIENCE) == 0);

    CHECK (chdir ("/") == 0);
    write_file (argv [1], "passwords", "one=second\n");
    zgossip_t *latter = client (endpoint, "second");
    CHECK (zgossip_wait_key (hub, "second", PATIENCE) == 0);
    puts ("passwords: read again");

    write_file (argv [1], "hub.cfg",
                "zgossip\n    security\n        mechanism = plain\n    publish\n        key = loaded\n        value = 1\n");
    CHECK (zgossip_wait_key (hub, "loaded", PATIENCE) == 0);
    puts ("configuration: read again");

    zgossip_free (endpoint);
    zgossip_destroy (&former);
    zgossip_destroy (&latter);
    zgossip_destroy (&hub);
    zgossip_auth_destroy (&auth);
    puts ("the end");
    return 0;
}
