/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Nodes with few descriptors left, from none on, each in a process of its
    own: calls are refused with the reason, and nothing aborts.  */

#include <zgossip/zgossip.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define LIMIT 64

//  Takes all descriptors but some.
static void leave (int free_ones)
{
    struct rlimit limit = { LIMIT, LIMIT };
    int taken [LIMIT];
    int count = 0;
    CHECK (setrlimit (RLIMIT_NOFILE, &limit) == 0);
    while ((taken [count] = open ("/dev/null", O_RDONLY)) >= 0)
        count++;
    while (free_ones-- > 0)
        close (taken [--count]);
}

//  Returns 1 if the call succeeded; otherwise it must say why.
static int succeeded (const char *call, int result)
{
    if (result >= 0)
        return 1;
    CHECK (errno == EMFILE);
    if (!strstr (zgossip_strerror (errno), "too few file descriptors")
    ||  !strstr (zgossip_strerror (errno), "the limit is 64 (ulimit -n)")) {
        printf ("%s: %s\n", call, zgossip_strerror (errno));
        exit (1);
    }
    return 0;
}

//  Returns how many calls succeeded.
static int try_calls (int free_ones, int beside_another)
{
    zgossip_t *other = NULL;
    zgossip_t *node;
    int calls = 0;
    if (beside_another) {
        other = zgossip_new ("other");
        CHECK (zgossip_bind (other, "tcp://127.0.0.1:*") > 0);
    }
    leave (free_ones);
    node = zgossip_new ("node");
    if (succeeded ("new", node? 0: -1)) {
        calls += 1 + succeeded ("bind", zgossip_bind (node, "tcp://127.0.0.1:*"));
        calls += succeeded ("connect", zgossip_connect (node, "tcp://127.0.0.1:1", NULL));
        calls += succeeded ("bind", zgossip_bind (node, "ipc://@zgossip-few-descriptors"));
        CHECK (zgossip_publish (node, "key", "value") == 0);
        CHECK (zgossip_count (node) == 1);
    }
    zgossip_destroy (&node);
    if (other)
        CHECK (zgossip_bind (other, "tcp://127.0.0.1:*") > 0 || errno == EMFILE);
    zgossip_destroy (&other);
    return calls;
}

//  Returns 100 if a node in a process with few descriptors left says so, once.
static int warned (int free_ones)
{
    char line [256];
    int lines = 0;
    FILE *log = tmpfile ();
    zgossip_t *node;
    CHECK (log && dup2 (fileno (log), 2) == 2);
    node = zgossip_new ("node");
    CHECK (node && zgossip_bind (node, "tcp://127.0.0.1:*") > 0);
    leave (free_ones);
    //  It looks once a second.
    usleep (1500000);
    CHECK (zgossip_publish (node, "key", "value") == 0 && zgossip_count (node) == 1);
    zgossip_destroy (&node);
    rewind (log);
    while (fgets (line, sizeof line, log))
        lines += strstr (line, "of 64 file descriptors of this process are in use (ulimit -n)") != NULL;
    return lines;
}

static double processor_seconds (void)
{
    struct rusage used;
    CHECK (getrusage (RUSAGE_SELF, &used) == 0);
    return (double) (used.ru_utime.tv_sec + used.ru_stime.tv_sec)
         + (double) (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

//  Waits until the other end of a connection has sent something, or hung up.
//  Returns what recv returns.
static ssize_t hear (int fd)
{
    char byte;
    struct pollfd item = { fd, POLLIN, 0 };
    CHECK (poll (&item, 1, 60000) == 1);
    return recv (fd, &byte, 1, 0);
}

//  The program itself holds all descriptors, and clients come: they are turned
//  away, and nobody is busy with them. Later ones are let in again.
static void hogged (void)
{
    enum { CLIENTS = 16 };
    struct sockaddr_in address = { 0 };
    int clients [CLIENTS + 1];
    int i;
    double before;
    zgossip_t *node = zgossip_new ("node");
    int port = zgossip_bind (node, "tcp://127.0.0.1:*");
    CHECK (node && port > 0);
    address.sin_family = AF_INET;
    address.sin_port = htons ((unsigned short) port);
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    for (i = 0; i <= CLIENTS; i++)
        CHECK ((clients [i] = socket (AF_INET, SOCK_STREAM, 0)) >= 0);
    leave (0);
    for (i = 0; i < CLIENTS; i++)
        CHECK (connect (clients [i], (struct sockaddr *) &address, sizeof address) == 0);
    for (i = 0; i < CLIENTS; i++)
        while (hear (clients [i]) > 0)
            ;   //  libzmq was quicker, and greeted it
    before = processor_seconds ();
    usleep (2000000);
    CHECK (processor_seconds () - before < 0.5);
    for (i = 0; i < CLIENTS; i++)
        close (clients [i]);
    //  The node looks ten times a second.
    usleep (500000);
    CHECK (connect (clients [CLIENTS], (struct sockaddr *) &address, sizeof address) == 0);
    CHECK (hear (clients [CLIENTS]) == 1);
    close (clients [CLIENTS]);
    CHECK (zgossip_publish (node, "key", "value") == 0 && zgossip_count (node) == 1);
    zgossip_destroy (&node);
}

static int warnings (int free_ones)
{
    int status;
    pid_t child = fork ();
    CHECK (child >= 0);
    if (child == 0)
        exit (100 + warned (free_ones));
    CHECK (waitpid (child, &status, 0) == child && WIFEXITED (status));
    return WEXITSTATUS (status) - 100;
}

int main (void)
{
    int beside_another;
    int free_ones;
    int least = 4;
    int most = 0;
    alarm (120);
    for (beside_another = 0; beside_another < 2; beside_another++)
        for (free_ones = 0; free_ones < 30; free_ones++) {
            int status;
            pid_t child = fork ();
            CHECK (child >= 0);
            if (child == 0)
                exit (100 + try_calls (free_ones, beside_another));
            CHECK (waitpid (child, &status, 0) == child);
            if (!WIFEXITED (status) || WEXITSTATUS (status) < 100) {
                printf ("%d free: status %x\n", free_ones, (unsigned) status);
                return 1;
            }
            if (WEXITSTATUS (status) - 100 < least)
                least = WEXITSTATUS (status) - 100;
            if (WEXITSTATUS (status) - 100 > most)
                most = WEXITSTATUS (status) - 100;
        }
    CHECK (least == 0 && most == 4);
    {
        int status;
        pid_t child = fork ();
        CHECK (child >= 0);
        if (child == 0) {
            hogged ();
            exit (100);
        }
        CHECK (waitpid (child, &status, 0) == child && WIFEXITED (status) && WEXITSTATUS (status) == 100);
    }
    CHECK (warnings (3) == 1 && warnings (20) == 0);
    puts ("the end");
    return 0;
}
