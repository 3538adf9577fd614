/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A forked child: the nodes of its parent are not there, and say so, and
    new ones work. (Python's multiprocessing makes such children.)  */

#define _GNU_SOURCE
#include <zgossip/zgossip.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

static void expect (zgossip_t *node, const char *value)
{
    char *command, *key, *got;
    CHECK (zgossip_recvx (node, &command, &key, &got, NULL) == 3);
    CHECK (!strcmp (command, "DELIVER") && !strcmp (key, "key"));
    CHECK (!strcmp (got, value));
    free (command);
    free (key);
    free (got);
}

static void two_nodes (const char *value)
{
    zgossip_t *hub = zgossip_new ("hub"), *leaf = zgossip_new ("leaf");
    CHECK (hub && leaf);
    CHECK (zgossip_sendx (hub, "BIND", "inproc://fork", NULL) == 0);
    CHECK (zgossip_sendx (leaf, "CONNECT", "inproc://fork", NULL) == 0);
    CHECK (zgossip_sendx (hub, "PUBLISH", "key", value, NULL) == 0);
    expect (leaf, value);
    zgossip_destroy (&leaf);
    zgossip_destroy (&hub);
}

int main (void)
{
    alarm (60);
    zgossip_t *before = zgossip_new ("before");
    CHECK (before);
    CHECK (zgossip_sendx (before, "PUBLISH", "key", "1", NULL) == 0);
    expect (before, "1");
    pid_t child = fork ();
    CHECK (child >= 0);
    if (child == 0) {
        alarm (60);
        FAILS (zgossip_sendx (before, "STATUS", NULL), EPIPE);
        FAILS_NULL (zgossip_recv (before, NULL), EPIPE);
        FAILS (zgossip_fd (before), EPIPE);
        two_nodes ("child");
        zgossip_destroy (&before);
        CHECK (!before);
        exit (0);
    }
    int status;
    CHECK (waitpid (child, &status, 0) == child);
    CHECK (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    CHECK (zgossip_sendx (before, "PUBLISH", "key", "2", NULL) == 0);
    expect (before, "2");
    two_nodes ("parent");
    zgossip_destroy (&before);
    puts ("the end");
    return 0;
}
