/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Nodes where few threads may be started, from none on, each in a process
    of its own: calls are refused with the reason, and nothing aborts.  */

#include <zgossip/zgossip.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

//  The limit is on the threads of a user, and none for the administrator.
#define NOBODY 54321

//  Returns 1 if the call succeeded; otherwise it must say why.
static int succeeded (const char *call, int result)
{
    if (result >= 0)
        return 1;
    if (errno != EAGAIN) {
        printf ("%s: %s\n", call, zgossip_strerror (errno));
        exit (1);
    }
    return 0;
}

//  Returns how many calls succeeded.
static int try_calls (rlim_t threads, int auth_first)
{
    struct rlimit limit = { threads, threads };
    zgossip_auth_t *auth = NULL;
    zgossip_t *node;
    int calls = 0;
    CHECK (geteuid () != 0 || (setgid (NOBODY) == 0 && setuid (NOBODY) == 0));
    CHECK (setrlimit (RLIMIT_NPROC, &limit) == 0);
    if (auth_first) {
        auth = zgossip_auth_new (NULL);
        calls += succeeded ("auth_new", auth? 0: -1);
    }
    node = zgossip_new ("node");
    if (succeeded ("new", node? 0: -1)) {
        calls += 1 + succeeded ("bind", zgossip_bind (node, "tcp://127.0.0.1:*"));
        calls += succeeded ("connect", zgossip_connect (node, "tcp://127.0.0.1:1", NULL));
        CHECK (zgossip_publish (node, "key", "value") == 0);
        CHECK (zgossip_count (node) == 1);
    }
    zgossip_destroy (&node);
    zgossip_auth_destroy (&auth);
    return calls;
}

int main (void)
{
    int least = 10;
    int most = 0;
    int auth_first;
    rlim_t threads;
    alarm (120);
    for (auth_first = 0; auth_first < 2; auth_first++)
        for (threads = 1; threads < 10; threads++) {
            int status;
            pid_t child = fork ();
            CHECK (child >= 0);
            if (child == 0)
                exit (100 + try_calls (threads, auth_first));
            CHECK (waitpid (child, &status, 0) == child);
            if (!WIFEXITED (status) || WEXITSTATUS (status) < 100) {
                printf ("%d threads: status %x\n", (int) threads, (unsigned) status);
                return 1;
            }
            if (WEXITSTATUS (status) - 100 < least)
                least = WEXITSTATUS (status) - 100;
            if (WEXITSTATUS (status) - 100 > most)
                most = WEXITSTATUS (status) - 100;
        }
    printf ("%d to %d calls succeeded\n", least, most);
    //  A user whose other processes reach the limit gets no thread at all.
    CHECK (least == 0 && (most == 4 || geteuid () != 0));
    puts ("the end");
    return 0;
}
