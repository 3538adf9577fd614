/*  This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A chat. One process is where the others connect to. Who comes later still sees the last ten minutes.
    It is a program for CZMQ, and needs no CZMQ:

        cc chat.c -o chat $(pkg-config --cflags --libs libzgossip-czmq)

        ./chat ann bind tcp://127.0.0.1:5670
        ./chat bob connect tcp://127.0.0.1:5670         (in a second terminal)
        ./chat cat connect tcp://127.0.0.1:5670         (in a third)

    Each line is a tuple of its own, "chat/ann/time" = "hello", so that none replaces another.  */

#include <czmq.h>

#define TEN_MINUTES "600000"

static const char *me;

//  Somebody said something: print it, unless it was us
static int
s_hear (zloop_t *loop, zsock_t *reader, void *arg)
{
    char *command, *key, *text;
    if (zstr_recvx (reader, &command, &key, &text, NULL) < 0)
        return -1;
    char who [64];
    if (streq (command, "DELIVER") && sscanf (key, "chat/%63[^/]/", who) == 1 && strneq (who, me))
        printf ("%s: %s\n", who, text);
    zstr_free (&command);
    zstr_free (&key);
    zstr_free (&text);
    (void) loop, (void) arg;
    return 0;
}

//  A line was typed: publish it
static int
s_say (zloop_t *loop, zmq_pollitem_t *input, void *node)
{
    static int count = 0;
    char text [500], key [100];
    if (!fgets (text, sizeof text, stdin))
        return -1;
    text [strcspn (text, "\n")] = 0;
    snprintf (key, sizeof key, "chat/%s/%" PRId64 "-%d", me, zclock_time (), count++);
    zstr_sendx (node, "PUBLISH", key, text, TEN_MINUTES, NULL);
    (void) loop, (void) input;
    return 0;
}

int main (int argc, char *argv [])
{
    if (argc != 4 || strlen (argv [1]) > 60 || strchr (argv [1], '/')) {
        fprintf (stderr, "chat NAME bind|connect ENDPOINT\n");
        return 2;
    }
    setvbuf (stdin, NULL, _IONBF, 0);       //  The loop sees what stdio has not read
    setvbuf (stdout, NULL, _IOLBF, 0);
    me = argv [1];
    zactor_t *node = zactor_new (zgossip, argv [1]);
    assert (node);
    zstr_sendx (node, streq (argv [2], "bind") ? "BIND" : "CONNECT", argv [3], NULL);

    zloop_t *loop = zloop_new ();
    zmq_pollitem_t input = { NULL, STDIN_FILENO, ZMQ_POLLIN, 0 };
    zloop_reader (loop, zactor_sock (node), s_hear, NULL);
    zloop_poller (loop, &input, s_say, node);
    zloop_poller_set_tolerant (loop, &input);
    zloop_start (loop);                     //  Until the end of input, or Ctrl-C

    zloop_destroy (&loop);
    zactor_destroy (&node);
    return 0;
}
