/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    What the rows of doc/errors.txt use. tests/abi/errors.rs makes a program
    of them, which includes this file.  */

#include <zgossip/zgossip.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include <zmq.h>
#include "check.h"

#define ZERO_VERSION "00000000000000000000000000000000"
#define KEY "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static zgossip_t *node;     //  not bound, and its events are on
static zgossip_t *idle;     //  has no messages, and does not wait for any
static zgossip_t *ended;    //  has had $TERM
static zgossip_t *cut;      //  its context was terminated
static zgossip_t *small;    //  server/max_value is 10
static zgossip_t *badkeys;  //  two keys that are no pair
static zgossip_t *secured;  //  zgossip/security/mechanism is curve
static zgossip_t *other;    //  is bound to `taken`
static char *taken;
static zgossip_watcher_t *watcher;          //  of a node without keys, and does not wait
static zgossip_watcher_t *ended_watcher;    //  its node was destroyed
static zgossip_auth_t *auth;
static zgossip_cert_t *cert;
static zgossip_msg_t *msg;
static char zeros [256];
static zgossip_t *stranger = (zgossip_t *) zeros;
static char bytes_256 [257];
static char nonsense_file [256];
static char *text;
static size_t size;
static char version [33];
static uint64_t digest;
static zgossip_stats_t stats;
static int faults;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_text [65536];

static void keep_log (void *arg, int level, const char *line)
{
    (void) arg;
    (void) level;
    pthread_mutex_lock (&log_lock);
    size_t used = strlen (log_text);
    snprintf (log_text + used, sizeof log_text - used, "%s\n", line);
    pthread_mutex_unlock (&log_lock);
}

static zgossip_t *new_node (const char *name)
{
    zgossip_t *made = zgossip_new (name);
    CHECK (made);
    CHECK (zgossip_set_log (made, keep_log, NULL) == 0);
    return made;
}

static void prepare (const char *file)
{
    memset (bytes_256, 'x', 256);
    snprintf (nonsense_file, sizeof nonsense_file, "%s", file);
    node = new_node ("node");
    CHECK (zgossip_set_events (node, true) == 0);
    CHECK (zgossip_set_rcvtimeo (node, 60000) == 0);
    idle = new_node ("idle");
    CHECK (zgossip_set_rcvtimeo (idle, 0) == 0);
    ended = new_node ("ended");
    CHECK (zgossip_sendx (ended, "$TERM", NULL) == 0);
    CHECK (zgossip_recv (ended, NULL) == NULL && errno == EPIPE);
    void *context = zmq_ctx_new ();
    CHECK ((cut = zgossip_new_in ("cut", context)));
    CHECK (zgossip_count (cut) == 0);
    CHECK (zmq_ctx_term (context) == 0);
    small = new_node ("small");
    CHECK (zgossip_set (small, "server/max_value", "10") == 0);
    badkeys = new_node ("badkeys");
    CHECK (zgossip_set_keys (badkeys, KEY, KEY) == 0);
    secured = new_node ("secured");
    CHECK (zgossip_set (secured, "zgossip/security/mechanism", "curve") == 0);
    other = new_node ("other");
    CHECK (zgossip_bind (other, "tcp://127.0.0.1:*") > 0);
    CHECK ((taken = zgossip_endpoint (other)));
    zgossip_event_t *synced;
    CHECK ((watcher = zgossip_watcher_new (idle, "absent")));
    CHECK ((synced = zgossip_watcher_recv_event (watcher)) && synced->kind == ZGOSSIP_EVENT_SYNCED);
    zgossip_event_destroy (&synced);
    CHECK (zgossip_watcher_set_rcvtimeo (watcher, 0) == 0);
    zgossip_t *brief = new_node ("brief");
    CHECK ((ended_watcher = zgossip_watcher_new (brief, "")));
    zgossip_destroy (&brief);
    CHECK ((synced = zgossip_watcher_recv_event (ended_watcher)));
    zgossip_event_destroy (&synced);
    CHECK ((auth = zgossip_auth_new (NULL)));
    CHECK ((cert = zgossip_cert_new ()));
    CHECK ((msg = zgossip_msg_new ()));
}

static void finish (void)
{
    zgossip_msg_destroy (&msg);
    zgossip_cert_destroy (&cert);
    zgossip_auth_destroy (&auth);
    zgossip_free (taken);
    zgossip_watcher_destroy (&watcher);
    zgossip_watcher_destroy (&ended_watcher);
    zgossip_t **all [] = { &node, &idle, &ended, &cut, &small, &badkeys, &secured, &other };
    for (size_t i = 0; i < sizeof all / sizeof all [0]; i++)
        zgossip_destroy (all [i]);
}

static int with (const char *path, const char *value, bool connects)
{
    zgossip_t *made = new_node ("with");
    //  What cannot be right by itself is refused here already, and counts all the same
    zgossip_set (made, path, value);
    int rc = connects ? zgossip_connect (made, "tcp://127.0.0.1:1", NULL)
                  : zgossip_bind (made, "tcp://127.0.0.1:*");
    int code = errno;
    zgossip_destroy (&made);
    errno = code;
    return rc;
}

//  What BIND and CONNECT return after an item was set
static int bind_with (const char *path, const char *value)
{
    return with (path, value, false);
}

static int connect_with (const char *path, const char *value)
{
    return with (path, value, true);
}

static void write_file (const char *name, const char *content)
{
    FILE *file = fopen (name, "w");
    CHECK (file && fputs (content, file) >= 0 && fclose (file) == 0);
}

//  What zgossip_publish_if returns for a key that has a value
static int publish_if_held (const char *expected)
{
    CHECK (zgossip_publish (other, "held", "value") == 0);
    return zgossip_publish_if (other, "held", "next", expected);
}

//  What zgossip_publish_if returns where there is no room for another tuple
static int publish_if_full (void)
{
    zgossip_t *made = new_node ("full");
    CHECK (zgossip_set (made, "server/max_tuples", "1") == 0);
    CHECK (zgossip_publish (made, "one", "value") == 0);
    int rc = zgossip_publish_if (made, "another", "value", NULL);
    int code = errno;
    zgossip_destroy (&made);
    errno = code;
    return rc;
}

//  What zgossip_watcher_new returns where a node has as many as it may have
static zgossip_watcher_t *too_many_watchers (void)
{
    static zgossip_watcher_t *watchers [1024];
    zgossip_t *made = new_node ("watched");
    for (int number = 0; number < 1024; number++)
        CHECK ((watchers [number] = zgossip_watcher_new (made, "a")));
    zgossip_watcher_t *refused = zgossip_watcher_new (made, "a");
    int code = errno;
    for (int number = 0; number < 1024; number++)
        zgossip_watcher_destroy (&watchers [number]);
    zgossip_destroy (&made);
    errno = code;
    return refused;
}

//  What zgossip_watch returns when as many prefixes are watched as may be
static int watch_too_many (void)
{
    zgossip_t *made = new_node ("watcher");
    for (int number = 0; number < 1024; number++) {
        char prefix [16];
        snprintf (prefix, sizeof prefix, "%d", number);
        CHECK (zgossip_watch (made, prefix) == 0);
    }
    CHECK (zgossip_watch (made, "7") == 0);
    int rc = zgossip_watch (made, "one more");
    int code = errno;
    zgossip_destroy (&made);
    errno = code;
    return rc;
}

//  What loading a file a second time returns, of which the half that asks for
//  passwords is missing then
static int load_half (bool strictly)
{
    char name [300];
    snprintf (name, sizeof name, "%s.half", nonsense_file);
    zgossip_t *made = new_node ("half");
    write_file (name, "server\n    timeout = 5\nzgossip\n    security\n        mechanism = plain\n");
    CHECK (zgossip_load (made, name) == 0);
    write_file (name, "server\n    timeout = 5\nzgossip\n");
    int rc = strictly ? zgossip_load_strict (made, name, NULL) : zgossip_load (made, name);
    int code = errno;
    zgossip_destroy (&made);
    errno = code;
    return rc;
}

static void judge (const char *row, bool returned, int found, int wanted)
{
    if (returned && found == wanted)
        return;
    faults++;
    printf ("%s: %s, errno %d (%s) for %d\n", row,
            returned ? "returned as said" : "returned something else",
            found, zgossip_strerror (found), wanted);
}

//  Sends a command, and checks the log, and whether ERROR came
static void fails (const char *row, bool event_comes, const char *reason,
                   const char **frames, size_t count)
{
    log_text [0] = 0;
    //  What is malformed is reported nevertheless
    CHECK (zgossip_send (node, frames, count) == 0 || errno == EINVAL);
    CHECK (zgossip_sendx (node, "STATUS", NULL) == 0);
    bool reported = false, answered = false;
    while (!answered) {
        zgossip_event_t *event = zgossip_recv_event (node);
        CHECK (event);
        answered = strcmp (event->frames [0], "STATUS") == 0;
        if (event->kind == ZGOSSIP_EVENT_ERROR) {
            reported = strstr (event->value, reason) && strcmp (event->key, frames [0]) == 0;
            if (!reported)
                printf ("ERROR %s %s\n", event->key, event->value);
        }
        zgossip_event_destroy (&event);
    }
    pthread_mutex_lock (&log_lock);
    bool logged = strstr (log_text, reason) != NULL;
    pthread_mutex_unlock (&log_lock);
    if (reported == event_comes && logged)
        return;
    faults++;
    printf ("%s: %s, %s\n", row, reported ? "ERROR" : "no such ERROR", logged ? "logged" : "not in the log");
}
