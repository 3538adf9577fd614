/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    NULL, empty, huge and wrong arguments on every function of the library,
    on plain libzmq: there is no CZMQ in this process.  */

#include <zgossip/zgossip.h>
#include <unistd.h>
#include <zmq.h>
#include "check.h"

static char *repeat (char byte, size_t count)
{
    char *text = (char *) malloc (count + 1);
    CHECK (text);
    memset (text, byte, count);
    text [count] = 0;
    return text;
}

//  Checks that the node still answers, and holds this number of tuples
static void alive (zgossip_t *node, int tuples)
{
    char *command = NULL, *number = NULL;
    CHECK (zgossip_sendx (node, "STATUS", NULL) == 0);
    do {
        free (command);
        free (number);
        CHECK (zgossip_recvx (node, &command, &number, NULL) > 0);
    } while (strcmp (command, "STATUS"));
    CHECK (atoi (number) == tuples);
    free (command);
    free (number);
}

//  What is malformed is refused at once, and the rest queued
static void may_be_malformed (int rc)
{
    CHECK (rc == 0 || (rc == -1 && errno == EINVAL));
}

static void without_a_node (zgossip_t *none)
{
    const char *frames [] = { "STATUS" };
    const void *blobs [] = { "STATUS" };
    size_t sizes [] = { 6 };
    size_t count = 7;
    FAILS (zgossip_send (none, frames, 1), EINVAL);
    FAILS (zgossip_send_sized (none, blobs, sizes, 1), EINVAL);
    FAILS (zgossip_sendx (none, "STATUS", NULL), EINVAL);
    FAILS_NULL (zgossip_recv (none, &count), EINVAL);
    FAILS_NULL (zgossip_recv (none, NULL), EINVAL);
    char *one = (char *) "unset", *two = (char *) "unset";
    FAILS (zgossip_recvx (none, &one, &two, NULL), EINVAL);
    CHECK (one == NULL && two == NULL);
    FAILS (zgossip_set_sndtimeo (none, 0), EINVAL);
    FAILS (zgossip_set_rcvtimeo (none, 0), EINVAL);
    FAILS (zgossip_fd (none), EINVAL);
}

static void versions (void)
{
    int major = -1, minor = -1, patch = -1;
    zgossip_version (NULL, NULL, NULL);
    zgossip_version (&major, NULL, NULL);
    zgossip_version (NULL, &minor, NULL);
    zgossip_version (NULL, NULL, &patch);
    CHECK (major == ZGOSSIP_VERSION_MAJOR);
    CHECK (minor == ZGOSSIP_VERSION_MINOR);
    CHECK (patch == ZGOSSIP_VERSION_PATCH);
}

static void the_actor (void)
{
    //  Anything that is no socket is refused at once; the calls would block otherwise
    REFUSES (zgossip (NULL, NULL), EINVAL);
    char nothing [256];
    memset (nothing, 0, sizeof nothing);
    REFUSES (zgossip ((zsock_t *) (void *) nothing, (void *) "prefix"), ENOTSOCK);
}

static void nodes (void)
{
    zgossip_destroy (NULL);
    zgossip_t *node = NULL;
    zgossip_destroy (&node);
    without_a_node (NULL);

    //  Names of nodes: NULL, empty, long, not UTF-8
    char *name = repeat ('n', 100000);
    const char *names [] = { NULL, "", name, "\xff\xfe %s %n \x01" };
    for (int i = 0; i < 4; i++) {
        node = zgossip_new (names [i]);
        CHECK (node);
        alive (node, 0);
        zgossip_destroy (&node);
        CHECK (node == NULL);
    }
    free (name);

    //  An object of another kind in place of a node
    zgossip_msg_t *msg = zgossip_msg_new ();
    CHECK (msg);
    without_a_node ((zgossip_t *) (void *) msg);
    zgossip_t *wrong = (zgossip_t *) (void *) msg;
    REFUSES (zgossip_destroy (&wrong), EINVAL);
    CHECK ((void *) wrong == (void *) msg);
    zgossip_msg_destroy (&msg);
}

static void commands (void)
{
    zgossip_t *node = zgossip_new ("commands");
    CHECK (node);
    CHECK (zgossip_set_rcvtimeo (node, 20000) == 0);

    //  Frames that are NULL
    const char *frames [1000];
    const void *blobs [1000];
    size_t sizes [1000];
    for (int i = 0; i < 1000; i++) {
        frames [i] = "STATUS";
        blobs [i] = "STATUS";
        sizes [i] = 6;
    }
    FAILS (zgossip_send (node, NULL, 1), EINVAL);
    FAILS (zgossip_send (node, NULL, 0), EINVAL);
    FAILS (zgossip_send (node, frames, 0), EINVAL);
    FAILS (zgossip_send_sized (node, NULL, sizes, 1), EINVAL);
    FAILS (zgossip_send_sized (node, blobs, NULL, 1), EINVAL);
    FAILS (zgossip_send_sized (node, blobs, sizes, 0), EINVAL);
    frames [1] = NULL;
    FAILS (zgossip_send (node, frames, 2), EINVAL);
    blobs [1] = NULL;
    FAILS (zgossip_send_sized (node, blobs, sizes, 2), EINVAL);
    FAILS (zgossip_sendx (node, NULL, NULL), EINVAL);
    alive (node, 0);

    //  Time-outs
    FAILS (zgossip_set_sndtimeo (node, -2), EINVAL);
    FAILS (zgossip_set_rcvtimeo (node, -2), EINVAL);
    FAILS (zgossip_set_rcvtimeo (node, -2147483647 - 1), EINVAL);
    CHECK (zgossip_set_sndtimeo (node, 2147483647) == 0);
    CHECK (zgossip_set_sndtimeo (node, -1) == 0);
    CHECK (zgossip_set_rcvtimeo (node, 0) == 0);
    FAILS_NULL (zgossip_recv (node, NULL), EAGAIN);
    CHECK (zgossip_set_rcvtimeo (node, 30) == 0);
    size_t count = 7;
    FAILS_NULL (zgossip_recv (node, &count), EAGAIN);
    CHECK (zgossip_set_rcvtimeo (node, 20000) == 0);

    //  Every command with too few arguments, with empty ones, and with too many
    const char *words [] = {
        "", " ", "BIND", "PORT", "LOAD", "CONFIGURE", "SET", "SAVE", "CONNECT", "PUBLISH",
        "UNPUBLISH", "VERBOSE", "SET PUBLICKEY", "SET SECRETKEY", "ZAP DOMAIN", "UNWATCH", "WATCH", "NONSENSE", "$",
        "DELIVER", "publish", "STATUS ", "\xff\xff", "%s%s%s%n"
    };
    char *long_text = repeat ('x', 70000);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *with [6] = { words [i], "", "", "", "", "" };
        for (size_t extra = 1; extra <= 6; extra++)
            may_be_malformed (zgossip_send (node, with, extra));
        if (strcmp (words [i], "PUBLISH")) {
            const char *wrong [] = { words [i], long_text, long_text, long_text };
            may_be_malformed (zgossip_send (node, wrong, 2));
            may_be_malformed (zgossip_send (node, wrong, 4));
        }
    }
    FAILS (zgossip_send (node, (const char *const *) &long_text, 1), EINVAL);
    alive (node, 0);

    //  A thousand frames
    for (int i = 0; i < 1000; i++)
        frames [i] = "f";
    FAILS (zgossip_send (node, frames, 1000), EINVAL);
    alive (node, 0);

    //  Keys may have 255 bytes, and not 256
    char *key = repeat ('k', 256);
    FAILS (zgossip_sendx (node, "PUBLISH", key, "value", NULL), EINVAL);
    alive (node, 0);
    CHECK (zgossip_sendx (node, "PUBLISH", key + 1, "value", NULL) == 0);
    alive (node, 1);
    FAILS (zgossip_sendx (node, "UNPUBLISH", key, NULL), EINVAL);
    CHECK (zgossip_sendx (node, "UNPUBLISH", key + 1, NULL) == 0);
    alive (node, 0);
    free (key);

    //  Values may have server/max_value bytes, which is 16 MiB by default
    const size_t most = 16 * 1024 * 1024;
    char *value = repeat ('v', most + 1);
    CHECK (zgossip_sendx (node, "PUBLISH", "too long", value, NULL) == 0);
    alive (node, 0);
    CHECK (zgossip_sendx (node, "PUBLISH", "long", value + 1, NULL) == 0);
    char **message = zgossip_recv (node, &count);
    CHECK (message && count == 3);
    CHECK (!strcmp (message [0], "DELIVER") && !strcmp (message [1], "long"));
    CHECK (strlen (message [2]) == most && message [3] == NULL);
    zgossip_frames_destroy (&message);
    CHECK (message == NULL);
    free (value);

    //  Frames that contain a NUL are refused
    const void *with_nul [] = { "PUBLISH", "a\0b", "value" };
    size_t nul_sizes [] = { 7, 3, 5 };
    FAILS (zgossip_send_sized (node, with_nul, nul_sizes, 3), EINVAL);
    with_nul [1] = "nul";
    with_nul [2] = "a\0b";
    nul_sizes [2] = 3;
    CHECK (zgossip_send_sized (node, with_nul, nul_sizes, 3) == 0);
    alive (node, 1);

    //  A frame of 0 bytes may be NULL
    const void *empty [] = { "PUBLISH", "empty", NULL };
    size_t empty_sizes [] = { 7, 5, 0 };
    CHECK (zgossip_send_sized (node, empty, empty_sizes, 3) == 0);
    char *one, *two, *three, *four;
    CHECK (zgossip_recvx (node, &one, &two, &three, &four, NULL) == 3);
    CHECK (!strcmp (two, "empty") && !strcmp (three, "") && !four);
    free (one);
    free (two);
    free (three);

    //  Receiving with fewer pointers than frames, and with none
    CHECK (zgossip_sendx (node, "PUBLISH", "few", "1", NULL) == 0);
    CHECK (zgossip_recvx (node, &one, NULL) == 1);
    CHECK (!strcmp (one, "DELIVER"));
    free (one);
    CHECK (zgossip_sendx (node, "PUBLISH", "none", "1", NULL) == 0);
    CHECK (zgossip_recvx (node, NULL, NULL) == 0);
    free (long_text);
    zgossip_frames_destroy (NULL);
    zgossip_frames_destroy (&message);
    zgossip_destroy (&node);
}

static void after_term (void)
{
    zgossip_t *node = zgossip_new ("ended");
    CHECK (node);
    CHECK (zgossip_sendx (node, "PUBLISH", "key", "value", NULL) == 0);
    CHECK (zgossip_sendx (node, "$TERM", NULL) == 0);
    //  Messages from before the end of the node can be received, then the end itself
    char **message = zgossip_recv (node, NULL);
    CHECK (message && !strcmp (message [0], "DELIVER"));
    zgossip_frames_destroy (&message);
    FAILS_NULL (zgossip_recv (node, NULL), EPIPE);
    FAILS (zgossip_sendx (node, "STATUS", NULL), EPIPE);
    CHECK (zgossip_fd (node) >= 0);
    zgossip_destroy (&node);
}

static void without_a_message (zgossip_msg_t *none, void *dealer)
{
    FAILS (zgossip_msg_recv (none, (zsock_t *) dealer), EINVAL);
    FAILS (zgossip_msg_send (none, (zsock_t *) dealer), EINVAL);
    REFUSES (zgossip_msg_print (none), EINVAL);
    FAILS_NULL (zgossip_msg_routing_id (none), EINVAL);
    REFUSES (zgossip_msg_set_routing_id (none, NULL), EINVAL);
    FAILS (zgossip_msg_id (none), EINVAL);
    REFUSES (zgossip_msg_set_id (none, 1), EINVAL);
    FAILS_NULL (zgossip_msg_command (none), EINVAL);
    FAILS_NULL (zgossip_msg_key (none), EINVAL);
    REFUSES (zgossip_msg_set_key (none, "key"), EINVAL);
    FAILS_NULL (zgossip_msg_value (none), EINVAL);
    REFUSES (zgossip_msg_set_value (none, "value"), EINVAL);
    REFUSES (zgossip_msg_set_ttl (none, 1), EINVAL);
    errno = 0;
    CHECK (zgossip_msg_ttl (none) == 0 && errno == EINVAL);
}

static void messages (void)
{
    void *context = zmq_ctx_new ();
    void *router = zmq_socket (context, ZMQ_ROUTER);
    void *dealer = zmq_socket (context, ZMQ_DEALER);
    int limit = 20000;
    zmq_setsockopt (router, ZMQ_RCVTIMEO, &limit, sizeof limit);
    zmq_setsockopt (dealer, ZMQ_RCVTIMEO, &limit, sizeof limit);
    CHECK (zmq_bind (router, "inproc://messages") == 0);
    CHECK (zmq_connect (dealer, "inproc://messages") == 0);

    zgossip_msg_destroy (NULL);
    zgossip_msg_t *msg = NULL;
    zgossip_msg_destroy (&msg);
    without_a_message (NULL, dealer);
    zgossip_t *node = zgossip_new (NULL);
    without_a_message ((zgossip_msg_t *) (void *) node, dealer);
    msg = (zgossip_msg_t *) (void *) node;
    REFUSES (zgossip_msg_destroy (&msg), EINVAL);
    CHECK ((void *) msg == (void *) node);
    zgossip_destroy (&node);

    msg = zgossip_msg_new ();
    CHECK (msg);
    CHECK (zgossip_msg_id (msg) == 0 && zgossip_msg_ttl (msg) == 0);
    CHECK (!strcmp (zgossip_msg_command (msg), "?"));
    CHECK (!strcmp (zgossip_msg_key (msg), "") && !zgossip_msg_value (msg));
    CHECK (!zgossip_msg_routing_id (msg));
    zgossip_msg_print (msg);

    //  Messages that cannot be sent
    FAILS (zgossip_msg_send (msg, (zsock_t *) dealer), EINVAL);
    const int ids [] = { -1, 0, 6, 255, 256, 257, 2147483647 };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        zgossip_msg_set_id (msg, ids [i]);
        CHECK (!strcmp (zgossip_msg_command (msg), "?"));
        FAILS (zgossip_msg_send (msg, (zsock_t *) dealer), EINVAL);
    }
    zgossip_msg_set_id (msg, ZGOSSIP_MSG_PUBLISH);
    FAILS (zgossip_msg_send (msg, (zsock_t *) dealer), EINVAL);
    zgossip_msg_set_key (msg, "");
    FAILS (zgossip_msg_send (msg, (zsock_t *) dealer), EINVAL);
    zgossip_msg_set_id (msg, ZGOSSIP_MSG_PONG);
    FAILS (zgossip_msg_send (msg, (zsock_t *) router), EINVAL);

    //  Arguments that are no sockets
    char nothing [256];
    memset (nothing, 0, sizeof nothing);
    FAILS (zgossip_msg_send (msg, NULL), EINVAL);
    FAILS (zgossip_msg_recv (msg, NULL), EINVAL);
    FAILS (zgossip_msg_send (msg, (zsock_t *) (void *) nothing), ENOTSOCK);
    FAILS (zgossip_msg_recv (msg, (zsock_t *) (void *) nothing), ENOTSOCK);

    //  Keys and values
    char *key = repeat ('k', 256);
    zgossip_msg_set_key (msg, "kept");
    REFUSES (zgossip_msg_set_key (msg, key), EINVAL);
    REFUSES (zgossip_msg_set_key (msg, NULL), EINVAL);
    CHECK (!strcmp (zgossip_msg_key (msg), "kept"));
    zgossip_msg_set_value (msg, "kept");
    REFUSES (zgossip_msg_set_value (msg, NULL), EINVAL);
    CHECK (!strcmp (zgossip_msg_value (msg), "kept"));
    //  Setting key, value and routing id to what they are
    zgossip_msg_set_key (msg, zgossip_msg_key (msg));
    zgossip_msg_set_value (msg, zgossip_msg_value (msg));
    CHECK (!strcmp (zgossip_msg_key (msg), "kept") && !strcmp (zgossip_msg_value (msg), "kept"));

    //  A message with the longest key, a long value and the longest ttl is sent and received
    char *value = repeat ('v', 20 * 1000 * 1000);
    zgossip_msg_set_id (msg, ZGOSSIP_MSG_PUBLISH);
    zgossip_msg_set_key (msg, key + 1);
    zgossip_msg_set_value (msg, value);
    zgossip_msg_set_ttl (msg, 0xfffffffeu);
    CHECK (zgossip_msg_send (msg, (zsock_t *) dealer) == 0);
    zgossip_msg_t *got = zgossip_msg_new ();
    CHECK (zgossip_msg_recv (got, (zsock_t *) router) == 0);
    CHECK (zgossip_msg_id (got) == ZGOSSIP_MSG_PUBLISH);
    CHECK (!strcmp (zgossip_msg_command (got), "PUBLISH"));
    CHECK (!strcmp (zgossip_msg_key (got), key + 1));
    CHECK (!strcmp (zgossip_msg_value (got), value));
    CHECK (zgossip_msg_ttl (got) == 0xfffffffeu);
    //  The routing id is kept although there is no CZMQ to make a frame of it
    FAILS_NULL (zgossip_msg_routing_id (got), ENOTSUP);
    zgossip_msg_set_id (got, ZGOSSIP_MSG_INVALID);
    CHECK (zgossip_msg_send (got, (zsock_t *) router) == 0);
    CHECK (zgossip_msg_recv (msg, (zsock_t *) dealer) == 0);
    CHECK (zgossip_msg_id (msg) == ZGOSSIP_MSG_INVALID);
    free (key);
    free (value);

    //  Receiving something that is no message leaves the message unchanged
    const struct { const char *bytes; size_t size; } wrong [] = {
        { "", 0 }, { "\xaa", 1 }, { "\xaa\xa0", 2 }, { "\xaa\xa0\1", 3 },
        { "\xaa\xa1\1\1", 4 }, { "\xaa\xa0\0\1", 4 }, { "\xaa\xa0\6\1", 4 },
        { "\xaa\xa0\1\2", 4 }, { "\xaa\xa0\2\1", 4 }, { "\xaa\xa0\2\1\5abc", 8 },
        { "\xaa\xa0\2\1\1a\xff\xff\xff\xff", 10 }, { "\xaa\xa0\2\1\1a\0\0\0\1v", 11 },
        { "\xaa\xa0\2\1\1a\0\0\0\1v\0\0\0", 14 }, { "hello, world", 12 }
    };
    zgossip_msg_set_id (msg, ZGOSSIP_MSG_PONG);
    zgossip_msg_set_key (msg, "as it was");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK (zmq_send (dealer, wrong [i].bytes, wrong [i].size, 0) >= 0);
        FAILS (zgossip_msg_recv (msg, (zsock_t *) router), EPROTO);
        CHECK (zgossip_msg_id (msg) == ZGOSSIP_MSG_PONG);
        CHECK (!strcmp (zgossip_msg_key (msg), "as it was"));
    }
    limit = 0;
    zmq_setsockopt (router, ZMQ_RCVTIMEO, &limit, sizeof limit);
    FAILS (zgossip_msg_recv (msg, (zsock_t *) router), EAGAIN);

    zgossip_msg_destroy (&got);
    zgossip_msg_destroy (&msg);
    CHECK (!got && !msg);
    zmq_close (router);
    zmq_close (dealer);
    zmq_ctx_term (context);
}

int main (void)
{
    alarm (200);
    versions ();
    the_actor ();
    nodes ();
    commands ();
    after_term ();
    messages ();
    puts ("the end");
    return 0;
}
