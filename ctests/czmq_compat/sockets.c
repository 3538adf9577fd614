/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Sockets, their options, pollers, the reactor, actors and signals.  */

#include "compat.h"

static void endpoints (void)
{
    zsock_t *sock = zsock_new (ZMQ_ROUTER);
    zsock_t *other;
    char *text;
    int port, rc;
    SHOWN (zsock_is (sock));
    SHOW (zsock_type_str (sock));
    SHOWN (zsock_endpoint (sock) == NULL);
    port = zsock_bind (sock, "tcp://127.0.0.1:*");
    SHOWN (port >= 49152);
    text = zsys_sprintf ("tcp://127.0.0.1:%d", port);
    SHOWN (streq (zsock_endpoint (sock), text));
    other = zsock_new (ZMQ_ROUTER);
    SHOWN (zsock_bind (other, "tcp://127.0.0.1:%d", port));
    zstr_free (&text);
    zsock_destroy (&other);
    port = zsock_bind (sock, "tcp://127.0.0.1:!");
    SHOWN (port >= 49152);
    port = zsock_bind (sock, "tcp://127.0.0.1:*[%d-]", 60000);
    SHOWN (port >= 60000);
    port = zsock_bind (sock, "tcp://127.0.0.1:![40000-40999]");
    SHOWN (port >= 40000 && port <= 40999);
    port = zsock_bind (sock, "tcp://127.0.0.1:*[-55000]");
    SHOWN (port >= 49152 && port <= 55000);
    SHOWN (zsock_unbind (sock, "tcp://127.0.0.1:%d", port));
    SHOWN (zsock_bind (sock, "inproc://%s", "endpoints"));
    SHOW (zsock_endpoint (sock));
    SHOWN (zsock_bind (sock, "nonsense"));
    SHOWN (zsock_bind (sock, "%s", "tcp://nowhere.invalid:*"));
    SHOW (zsock_endpoint (sock));
    rc = zsock_connect (sock, "tcp://127.0.0.1:%d", 60001);
    SHOWN (rc);
    SHOWN (zsock_connect (sock, "nonsense"));
    SHOWN (zsock_disconnect (sock, "tcp://127.0.0.1:%d", 60001));
    SHOWN (zsock_disconnect (sock, "tcp://127.0.0.1:%d", 60001));
    SHOWN (zsock_attach (sock, "@inproc://one,>inproc://two,inproc://three", true));
    SHOW (zsock_endpoint (sock));
    SHOWN (zsock_attach (sock, "@inproc://four,nonsense", true));
    SHOWN (zsock_attach (sock, NULL, true));
    SHOWN (zsock_resolve (sock) != NULL && zsock_resolve (sock) == zsock_resolve (zsock_resolve (sock)));
    port = 0;
    SHOWN (zsock_resolve (&port) == NULL);
    zsock_destroy (&sock);
    SHOWN (sock == NULL);
    zsock_destroy (&sock);
    SHOWN (zsock_new_push ("nonsense") == NULL);
}

static void options (void)
{
    zsock_t *sock = zsock_new (ZMQ_DEALER);
    SHOWN (zsock_sndhwm (sock));
    SHOWN (zsock_rcvhwm (sock));
    SHOWN (zsock_linger (sock));
    SHOWN (zsock_sndtimeo (sock));
    SHOWN (zsock_rcvtimeo (sock));
    SHOWN (zsock_ipv6 (sock));
    SHOWN (zsock_ipv4only (sock));
    SHOWN (zsock_type (sock));
    SHOWN (zsock_rcvmore (sock));
    SHOWN (zsock_events (sock));
    SHOWN (zsock_fd (sock) >= 0);
    SHOWN (zsock_reconnect_ivl (sock));
    SHOWN (zsock_maxmsgsize (sock));
    SHOWN (zsock_affinity (sock));
    SHOWN (zsock_immediate (sock));
    SHOWN (zsock_mechanism (sock));
    SHOWN (zsock_curve_server (sock));
    SHOWN (zsock_heartbeat_ivl (sock));
    SHOWN (zsock_tcp_keepalive (sock));
    zsock_set_sndhwm (sock, 5);
    zsock_set_rcvhwm (sock, 6);
    zsock_set_linger (sock, 7);
    zsock_set_rcvtimeo (sock, 8);
    zsock_set_sndtimeo (sock, 9);
    zsock_set_ipv6 (sock, 1);
    zsock_set_maxmsgsize (sock, 1000);
    zsock_set_immediate (sock, 1);
    zsock_set_heartbeat_ivl (sock, 500);
    printf ("%d %d %d %d %d %d %d %d %d\n", zsock_sndhwm (sock), zsock_rcvhwm (sock), zsock_linger (sock),
            zsock_rcvtimeo (sock), zsock_sndtimeo (sock), zsock_ipv6 (sock), zsock_maxmsgsize (sock),
            zsock_immediate (sock), zsock_heartbeat_ivl (sock));
    zsock_set_unbounded (sock);
    printf ("%d %d\n", zsock_sndhwm (sock), zsock_rcvhwm (sock));
    zsock_set_identity (sock, "myself");
    SHOWF (zsock_identity (sock));
    zsock_set_zap_domain (sock, "domain");
    SHOWF (zsock_zap_domain (sock));
    zsock_set_plain_username (sock, "user");
    zsock_set_plain_password (sock, "word");
    SHOWF (zsock_plain_username (sock));
    SHOWF (zsock_plain_password (sock));
    zsock_set_curve_publickey (sock, "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7");
    SHOWF (zsock_curve_publickey (sock));
    zsock_bind (sock, "inproc://options");
    SHOWF (zsock_last_endpoint (sock));
    zsock_destroy (&sock);

    zsys_set_sndhwm (11);
    zsys_set_rcvhwm (12);
    zsys_set_linger (13);
    zsys_set_ipv6 (1);
    sock = zsock_new (ZMQ_PUSH);
    printf ("%d %d %d %d\n", zsock_sndhwm (sock), zsock_rcvhwm (sock), zsock_linger (sock), zsock_ipv6 (sock));
    zsock_destroy (&sock);
    SHOWN (zsys_ipv6 ());
    zsys_set_sndhwm (1000);
    zsys_set_rcvhwm (1000);
    zsys_set_linger (0);
    zsys_set_ipv6 (0);
    zsys_set_pipehwm (500);
    SHOWN (zsys_pipehwm ());
    zsys_set_pipehwm (1000);
}

static void pairs (const char *name, zsock_t *one, zsock_t *other, bool subscribed)
{
    int tries = 0;
    char *text = NULL;
    printf ("%s: %s %s\n", name, zsock_type_str (one), zsock_type_str (other));
    zsock_set_rcvtimeo (other, subscribed? 100: 5000);
    //  A subscription takes effect after a while
    do {
        zstr_send (one, "over");
        text = zstr_recv (other);
    } while (!text && subscribed && tries++ < 50);
    SHOWF (text);
    zsock_destroy (&one);
    zsock_destroy (&other);
}

static void kinds (void)
{
    zsock_t *one;
    zsock_t *other;
    one = zsock_new_pub ("inproc://kind1");
    other = zsock_new_sub ("inproc://kind1", "");
    pairs ("publish", one, other, true);
    one = zsock_new_push ("@inproc://kind2");
    other = zsock_new_pull (">inproc://kind2");
    pairs ("push", one, other, false);
    other = zsock_new_rep ("inproc://kind3");
    one = zsock_new_req ("inproc://kind3");
    pairs ("request", one, other, false);
    other = zsock_new_pull ("inproc://kind4");
    one = zsock_new_dealer (NULL);
    SHOWN (zsock_connect (one, "inproc://kind5"));
    zsock_destroy (&one);
    zsock_destroy (&other);
    one = zsock_new_router ("inproc://kind6");
    other = zsock_new_dealer ("inproc://kind6");
    pairs ("back", other, one, false);
    one = zsock_new_xpub ("inproc://kind7");
    other = zsock_new_xsub ("inproc://kind7");
    zsock_send (other, "b", "\1", (size_t) 1);
    zsock_set_rcvtimeo (one, 5000);
    zstr_free ((char *[]) { zstr_recv (one) });
    pairs ("xpublish", one, other, false);
    one = zsock_new_pair ("@inproc://kind8");
    other = zsock_new_pair ("inproc://kind8");
    pairs ("pair", one, other, false);
    one = zsock_new_stream (NULL);
    SHOW (zsock_type_str (one));
    zsock_destroy (&one);
    one = zsock_new_sub ("inproc://kind9", NULL);
    zsock_set_subscribe (one, "x");
    zsock_set_unsubscribe (one, "x");
    zsock_destroy (&one);
}

static void pollers (void)
{
    zsock_t *near = zsock_new_pair ("@inproc://poll"), *far = zsock_new_pair (">inproc://poll");
    zsock_t *third = zsock_new_pull ("@inproc://third");
    zpoller_t *poller = zpoller_new (far, third, NULL);
    int pipes [2];
    char letter;
    SHOWN (zpoller_wait (poller, 5) == NULL);
    SHOWN (zpoller_expired (poller));
    SHOWN (zpoller_terminated (poller));
    zstr_send (near, "x");
    SHOWN (zpoller_wait (poller, 1000) == far);
    SHOWN (zpoller_expired (poller));
    zstr_free ((char *[]) { zstr_recv (far) });
    SHOWN (zpoller_remove (poller, far));
    zstr_send (near, "x");
    SHOWN (zpoller_wait (poller, 5) == NULL);
    SHOWN (zpoller_add (poller, far));
    SHOWN (zpoller_wait (poller, 1000) == far);
    zstr_free ((char *[]) { zstr_recv (far) });
    SHOWN (zpoller_add (poller, zsock_resolve (near)));
    zstr_send (far, "y");
    SHOWN (zpoller_wait (poller, 1000) == zsock_resolve (near));
    zstr_free ((char *[]) { zstr_recv (near) });
    SHOWN (pipe (pipes));
    SHOWN (zpoller_add (poller, &pipes [0]));
    SHOWN (zpoller_wait (poller, 0) == NULL);
    SHOWN (write (pipes [1], "x", 1) == 1);
    SHOWN (zpoller_wait (poller, 1000) == &pipes [0]);
    SHOWN (read (pipes [0], &letter, 1) == 1);
    SHOWN (zpoller_remove (poller, &pipes [0]));
    close (pipes [0]);
    close (pipes [1]);
    zstr_send (near, "x");
    raise (SIGINT);
    SHOWN (zsys_interrupted);
    SHOWN (zpoller_wait (poller, 5) == NULL);
    SHOWN (zpoller_expired (poller));
    SHOWN (zpoller_terminated (poller));
    zpoller_set_nonstop (poller, true);
    SHOWN (zpoller_wait (poller, 5) == far);
    SHOWN (zpoller_terminated (poller));
    zsys_interrupted = 0;
    zpoller_destroy (&poller);
    SHOWN (poller == NULL);
    zpoller_destroy (&poller);
    poller = zpoller_new (NULL);
    SHOWN (zpoller_wait (poller, 1) == NULL);
    zpoller_destroy (&poller);
    zsock_destroy (&near);
    zsock_destroy (&far);
    zsock_destroy (&third);
}

static int on_message (zloop_t *loop, zsock_t *reader, void *arg)
{
    char *text = zstr_recv (reader);
    int end = streq (text, "end")? -1: 0;
    (void) loop;
    printf ("message %s, %s\n", text, (char *) arg);
    zstr_free (&text);
    return end;
}

static int on_timer (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    printf ("timer %d\n", timer_id);
    if (arg)
        zstr_send (arg, "by timer");
    return 0;
}

static int on_last_timer (zloop_t *loop, int timer_id, void *arg)
{
    printf ("last timer %d\n", timer_id);
    zloop_reader_end (loop, (zsock_t *) arg);
    SHOWN (zloop_timer_end (loop, 3));
    return timer_id == 2? -1: 0;
}

static int on_item (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    char letter = 0;
    (void) loop;
    (void) arg;
    SHOWN (read (item->fd, &letter, 1));
    printf ("descriptor %c\n", letter);
    return 0;
}

static int on_signal (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    (void) arg;
    raise (SIGTERM);
    return 0;
}

static void reactor (void)
{
    zsock_t *near = zsock_new_pair ("@inproc://loop"), *far = zsock_new_pair (">inproc://loop");
    zloop_t *loop = zloop_new ();
    zmq_pollitem_t item = { NULL, 0, ZMQ_POLLIN, 0 };
    int pipes [2];
    SHOWN (pipe (pipes));
    item.fd = pipes [0];
    SHOWN (zloop_timer (loop, 30, 2, on_timer, near));
    SHOWN (zloop_timer (loop, 1000, 1, on_last_timer, far));
    SHOWN (zloop_timer (loop, 5000, 0, on_timer, NULL));
    SHOWN (zloop_reader (loop, far, on_message, (void *) "arg"));
    zloop_reader_set_tolerant (loop, far);
    SHOWN (zloop_poller (loop, &item, on_item, NULL));
    SHOWN (write (pipes [1], "p", 1));
    SHOWN (zloop_start (loop));
    zloop_poller_end (loop, &item);
    zloop_reader (loop, far, on_message, (void *) "again");
    zstr_send (near, "one");
    zstr_send (near, "end");
    zstr_send (near, "left");
    SHOWN (zloop_start (loop));
    zloop_reader_end (loop, far);
    SHOWN (zloop_timer (loop, 10, 1, on_signal, NULL));
    SHOWN (zloop_start (loop));
    SHOWN (zsys_interrupted);
    zsys_interrupted = 0;
    zloop_destroy (&loop);
    SHOWN (loop == NULL);
    zloop_destroy (&loop);
    close (pipes [0]);
    close (pipes [1]);
    zsock_destroy (&near);
    zsock_destroy (&far);
}

//  An actor that echoes messages until $TERM
static void echo (zsock_t *pipe, void *args)
{
    bool ended = false;
    printf ("echo with %s\n", args? (char *) args: "nothing");
    zsock_signal (pipe, 0);
    while (!ended) {
        zmsg_t *msg = zmsg_recv (pipe);
        zframe_t *first = msg? zmsg_first (msg): NULL;
        if (!msg)
            break;
        if (zframe_streq (first, "$TERM"))
            ended = true;
        else
        if (zframe_streq (first, "wait"))
            zsock_signal (pipe, 5);
        else {
            zmsg_send (&msg, pipe);
            continue;
        }
        zmsg_destroy (&msg);
    }
    printf ("echo ends\n");
}

static void actors (void)
{
    zactor_t *actor = zactor_new (echo, (void *) "an argument");
    zmsg_t *msg = zmsg_new ();
    zpoller_t *poller;
    SHOWN (zactor_is (actor));
    SHOWN (zsock_is (actor));
    SHOWN (zactor_is (zactor_sock (actor)));
    SHOWN (zsock_is (zactor_sock (actor)));
    SHOWN (zactor_resolve (actor) == zsock_resolve (actor));
    SHOWN (zsock_resolve (actor) == zsock_resolve (zactor_sock (actor)));
    zmsg_addstr (msg, "hello");
    zmsg_addstr (msg, "actor");
    SHOWN (zactor_send (actor, &msg));
    SHOWN (msg == NULL);
    poller = zpoller_new (actor, NULL);
    SHOWN (zpoller_wait (poller, 5000) == actor);
    zpoller_destroy (&poller);
    msg = zactor_recv (actor);
    zmsg_fprint (msg, stdout);
    zmsg_destroy (&msg);
    zstr_send (actor, "wait");
    SHOWN (zsock_wait (actor));
    SHOWN (zsock_send (actor, "si", "picture", 5));
    SHOWF (zstr_recv (actor));
    SHOWN (zsock_rcvmore (actor));
    zsock_flush (actor);
    zsock_set_rcvtimeo (actor, 10);
    SHOWN (zactor_recv (actor) == NULL);
    SHOWN (zsock_sndhwm (actor));
    zactor_destroy (&actor);
    SHOWN (actor == NULL);
    zactor_destroy (&actor);
}

static void pipe_of_sockets (void)
{
    zsock_t *back = NULL;
    zsock_t *front = zsys_create_pipe (&back);
    zstr_send (front, "there");
    SHOWF (zstr_recv (back));
    zstr_send (back, "and back");
    SHOWF (zstr_recv (front));
    zsock_destroy (&front);
    zsock_destroy (&back);
}

int main (int argc, char **argv)
{
    compat_start (argc, argv);
    endpoints ();
    options ();
    kinds ();
    pollers ();
    reactor ();
    actors ();
    pipe_of_sockets ();
    return 0;
}
