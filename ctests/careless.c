/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    What careless programs do: go on after they have terminated the context
    of their nodes, and call from signal handlers. Calls fail, and none hangs.  */

#include <zgossip/zgossip.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>
#include <zmq.h>
#include "check.h"

static void terminated_context (void)
{
    void *context = zmq_ctx_new ();
    zgossip_t *bound = zgossip_new_in ("bound", context);
    zgossip_t *idle = zgossip_new_in ("idle", context);
    CHECK (bound && zgossip_bind (bound, "tcp://127.0.0.1:*") > 0);
    CHECK (zgossip_publish (bound, "key", "value") == 0 && zgossip_count (bound) == 1);
    CHECK (idle && zgossip_count (idle) == 0);
    //  It returns when both have closed their sockets, and not before
    CHECK (zmq_ctx_term (context) == 0);
    zgossip_t *both [] = { bound, idle };
    for (int i = 0; i < 2; i++) {
        const char *frames [] = { "PUBLISH", "key", "value" };
        FAILS (zgossip_publish (both [i], "key", "value"), ETERM);
        FAILS (zgossip_publish_ttl (both [i], "key", "value", 1), ETERM);
        FAILS (zgossip_send (both [i], frames, 3), ETERM);
        FAILS (zgossip_sendx (both [i], "STATUS", NULL), ETERM);
        FAILS (zgossip_retract (both [i], "key"), ETERM);
        FAILS (zgossip_bind (both [i], "tcp://127.0.0.1:*"), ETERM);
        FAILS (zgossip_count (both [i]), ETERM);
        FAILS_NULL (zgossip_get (both [i], "key"), ETERM);
        CHECK (strstr (zgossip_strerror (ETERM), "context was terminated"));
        zgossip_destroy (&both [i]);
    }
}

static zgossip_t *node;
static volatile sig_atomic_t refused, served, other;

static void count (int failed)
{
    if (!failed)
        served++;
    else
    if (errno == EDEADLK)
        refused++;
    else
        other++;
}

static void on_signal (int number)
{
    int before = errno;
    zgossip_t *copy = node;
    (void) number;
    count (zgossip_publish (node, "handler", "1") == -1);
    count (zgossip_count (node) == -1);
    char *value = zgossip_get (node, "handler");
    count (value == NULL);
    zgossip_free (value);
    if (refused && !served) {
        //  It would wait for the call that was interrupted
        errno = 0;
        zgossip_destroy (&copy);
        count (copy != NULL);
        zgossip_auth_t *auth = zgossip_auth_new (NULL);
        count (auth == NULL);
        zgossip_auth_destroy (&auth);
    }
    errno = before;
}

static pthread_t waiting;

static void *interrupter (void *argument)
{
    (void) argument;
    while (!refused) {
        usleep (1000);
        pthread_kill (waiting, SIGUSR1);
    }
    return NULL;
}

static void signal_handlers (void)
{
    struct sigaction action = { .sa_handler = on_signal };
    CHECK ((node = zgossip_new ("interrupted")));
    CHECK (zgossip_publish (node, "handler", "0") == 0 && zgossip_count (node) == 1);
    sigaction (SIGUSR1, &action, NULL);
    sigaction (SIGALRM, &action, NULL);

    //  In a call that waits
    pthread_t thread;
    waiting = pthread_self ();
    zgossip_event_t *event;
    event = zgossip_recv_event (node);
    CHECK (event && strcmp (event->value, "0") == 0);
    zgossip_event_destroy (&event);
    CHECK (pthread_create (&thread, NULL, interrupter, NULL) == 0);
    while (!refused) {
        event = zgossip_recv_event (node);
        CHECK (event || errno == EINTR);
        zgossip_event_destroy (&event);
    }
    pthread_join (thread, NULL);
    printf ("a call that waits: %s\n", other? "something else": "EDEADLK");

    //  In calls of all kinds, wherever they are
    refused = served = 0;
    struct itimerval often = { { 0, 397 }, { 0, 397 } };
    struct itimerval never = { { 0, 0 }, { 0, 0 } };
    CHECK (zgossip_set_sndtimeo (node, 60000) == 0);
    setitimer (ITIMER_REAL, &often, NULL);
    for (int i = 0; refused < 300 && i < 5000000; i++) {
        CHECK (zgossip_publish (node, "key", "value") == 0 || errno == EINTR);
        CHECK (i % 100 || zgossip_count (node) >= 0 || errno == EINTR);
    }
    setitimer (ITIMER_REAL, &never, NULL);
    printf ("calls of all kinds: %s\n", refused >= 300? "EDEADLK": "not met");
    zgossip_destroy (&node);
}

int main (void)
{
    setvbuf (stdout, NULL, _IOLBF, 0);
    terminated_context ();
    printf ("terminated: ETERM\n");
    signal_handlers ();
    printf ("the end");
    return 0;
}
