/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Every typed call, with right, wrong and NULL arguments.

    With the word "publish", an endpoint and a number: the short program that
    publishes so many tuples, makes sure that they have arrived, and exits.
    With "serve" and a number: binds, prints the port, waits for a first
    client, publishes so many and flushes.  */

#include <zgossip/zgossip.h>
#include <zmq.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

#define PATIENCE 30000

static zgossip_t *node_new (const char *name)
{
    zgossip_t *node = zgossip_new (name);
    CHECK (node);
    CHECK (zgossip_set_rcvtimeo (node, PATIENCE) == 0);
    return node;
}

//  Checks that zgossip_strerror gives a reason for a call that failed
#define SAYS(text) CHECK (strstr (zgossip_strerror (errno), text))

static long now_ms (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void refused (void)
{
    zgossip_t *none = NULL;
    //  As large as what libzmq reads of a context
    char other [1024] = "not a node, but something else altogether";
    zgossip_stats_t stats;
    uint64_t digest;
    size_t size;
    char version [33];
    zgossip_t *gone = zgossip_new (NULL);
    zgossip_t *kept = gone;
    zgossip_destroy (&gone);
    CHECK (!gone);

    zgossip_t *wrong [3] = { none, (zgossip_t *) (void *) other, kept };
    for (int i = 0; i < 3; i++) {
        zgossip_t *n = wrong [i];
        FAILS (zgossip_bind (n, "inproc://x"), EINVAL);
        FAILS (zgossip_unbind (n, "inproc://x"), EINVAL);
        FAILS (zgossip_connect (n, "inproc://x", NULL), EINVAL);
        FAILS (zgossip_disconnect (n, "inproc://x"), EINVAL);
        FAILS (zgossip_publish (n, "k", "v"), EINVAL);
        FAILS (zgossip_publish_ttl (n, "k", "v", 1), EINVAL);
        FAILS (zgossip_publish_sized (n, "k", 1, "v", 1, 0), EINVAL);
        FAILS (zgossip_retract (n, "k"), EINVAL);
        FAILS (zgossip_retract_sized (n, "k", 1), EINVAL);
        FAILS (zgossip_unpublish (n, "k"), EINVAL);
        FAILS (zgossip_unpublish_sized (n, "k", 1), EINVAL);
        FAILS_NULL (zgossip_get (n, "k"), EINVAL);
        FAILS_NULL (zgossip_get_sized (n, "k", 1, &size), EINVAL);
        FAILS (zgossip_count (n), EINVAL);
        FAILS (zgossip_digest (n, &digest), EINVAL);
        FAILS_NULL (zgossip_tuples (n, &size), EINVAL);
        FAILS_NULL (zgossip_peers (n, &size), EINVAL);
        FAILS_NULL (zgossip_members (n, &size), EINVAL);
        FAILS (zgossip_announce (n, "k", "v", 0), EINVAL);
        FAILS (zgossip_announce_sized (n, "k", 1, "v", 1, 0), EINVAL);
        FAILS_NULL (zgossip_origin (n, "k"), EINVAL);
        FAILS_NULL (zgossip_origin_sized (n, "k", 1), EINVAL);
        FAILS (zgossip_wait_count (n, 1, 0), EINVAL);
        FAILS (zgossip_wait_key (n, "k", 0), EINVAL);
        FAILS (zgossip_wait_agreement (n, 1, 0), EINVAL);
        FAILS (zgossip_flush (n, 0), EINVAL);
        FAILS_NULL (zgossip_recv_event (n), EINVAL);
        FAILS (zgossip_load (n, "f"), EINVAL);
        FAILS (zgossip_set (n, "a", "b"), EINVAL);
        FAILS (zgossip_save (n, "f"), EINVAL);
        FAILS (zgossip_record (n, "f"), EINVAL);
        FAILS (zgossip_set_events (n, true), EINVAL);
        FAILS (zgossip_set_keys (n, "p", "s"), EINVAL);
        FAILS (zgossip_set_zap_domain (n, "d"), EINVAL);
        FAILS (zgossip_set_rights (n, "*", "a", "write"), EINVAL);
        FAILS (zgossip_set_plain (n, "u", "p"), EINVAL);
        FAILS (zgossip_publish_if (n, "k", "v", NULL), EINVAL);
        FAILS_NULL (zgossip_get_versioned (n, "k", 1, &size, version), EINVAL);
        FAILS (zgossip_watch (n, "a"), EINVAL);
        FAILS_NULL (zgossip_watcher_new (n, "a"), EINVAL);
        zgossip_watcher_t *no_watcher = (zgossip_watcher_t *) (void *) n;
        FAILS_NULL (zgossip_watcher_recv_event (no_watcher), EINVAL);
        FAILS (zgossip_watcher_fd (no_watcher), EINVAL);
        FAILS (zgossip_watcher_set_rcvtimeo (no_watcher, 0), EINVAL);
        FAILS (zgossip_unwatch (n, "a"), EINVAL);
        FAILS (zgossip_load_strict (n, "f", NULL), EINVAL);
        FAILS_NULL (zgossip_endpoint (n), EINVAL);
        FAILS (zgossip_set_log (n, NULL, NULL), EINVAL);
        FAILS (zgossip_stats (n, &stats, sizeof stats), EINVAL);
        FAILS_NULL (zgossip_context (n), EINVAL);
        SAYS ("not a node");
    }

    zgossip_t *n = node_new ("refused");
    FAILS (zgossip_bind (n, NULL), EINVAL);
    SAYS ("endpoint is NULL");
    FAILS (zgossip_bind (n, ""), EINVAL);
    FAILS (zgossip_bind (n, "nonsense"), EINVAL);
    SAYS ("no transport");
    FAILS (zgossip_bind (n, "tcp://127.0.0.1:99999"), EINVAL);
    CHECK (zgossip_bind (n, "nothing://known") == -1 && errno == EPROTONOSUPPORT);
    FAILS (zgossip_unbind (n, NULL), EINVAL);
    FAILS (zgossip_unbind (n, "inproc://never"), ENOENT);
    SAYS ("not bound");
    FAILS (zgossip_connect (n, NULL, NULL), EINVAL);
    FAILS (zgossip_connect (n, "nonsense", NULL), EINVAL);
    FAILS (zgossip_connect (n, "tcp://127.0.0.1:1", "no key"), EACCES);
    FAILS (zgossip_connect (n, "tcp://127.0.0.1:1", ""), EACCES);
    FAILS (zgossip_disconnect (n, NULL), EINVAL);
    FAILS (zgossip_disconnect (n, "inproc://never"), ENOENT);

    char long_key [257];
    memset (long_key, 'k', 256);
    long_key [256] = 0;
    const char *keys [3] = { NULL, "", long_key };
    for (int i = 0; i < 3; i++) {
        FAILS (zgossip_publish (n, keys [i], "v"), EINVAL);
        FAILS (zgossip_publish_ttl (n, keys [i], "v", 1), EINVAL);
        FAILS (zgossip_retract (n, keys [i]), EINVAL);
        FAILS (zgossip_unpublish (n, keys [i]), EINVAL);
        FAILS_NULL (zgossip_get (n, keys [i]), EINVAL);
        FAILS (zgossip_wait_key (n, keys [i], 0), EINVAL);
    }
    SAYS ("longer than 255");
    CHECK (zgossip_publish (n, long_key + 1, "v") == 0);
    CHECK (zgossip_retract (n, long_key + 1) == 1);
    FAILS (zgossip_publish (n, "k", NULL), EINVAL);
    FAILS (zgossip_publish_ttl (n, "k", NULL, 1), EINVAL);
    FAILS (zgossip_publish_sized (n, NULL, 0, "v", 1, 0), EINVAL);
    FAILS (zgossip_publish_sized (n, "k", 0, "v", 1, 0), EINVAL);
    FAILS (zgossip_publish_sized (n, "k", 1, NULL, 0, 0), EINVAL);
    FAILS (zgossip_publish_sized (n, "k\0k", 3, "v", 1, 0), EINVAL);
    FAILS (zgossip_publish_sized (n, "k", 1, "v\0v", 3, 0), EINVAL);
    SAYS ("value holds a NUL");
    FAILS (zgossip_publish_sized (n, "k", 1, "v\0", 2, 0), EINVAL);
    FAILS (zgossip_publish_sized (n, "k", (size_t) -1, "v", 1, 0), EINVAL);
    FAILS (zgossip_retract_sized (n, NULL, 1), EINVAL);
    FAILS (zgossip_retract_sized (n, "k\0", 2), EINVAL);
    FAILS (zgossip_unpublish_sized (n, NULL, 1), EINVAL);
    FAILS_NULL (zgossip_get_sized (n, NULL, 1, NULL), EINVAL);
    FAILS_NULL (zgossip_get (n, "absent"), ENOENT);
    SAYS ("no value");
    FAILS (zgossip_digest (n, NULL), EINVAL);
    FAILS (zgossip_stats (n, NULL, sizeof stats), EINVAL);
    FAILS (zgossip_stats (n, &stats, 0), EINVAL);
    FAILS (zgossip_wait_count (n, 1, -2), EINVAL);
    FAILS (zgossip_flush (n, -2), EINVAL);
    FAILS (zgossip_wait_agreement (n, 0, -2), EINVAL);
    FAILS (zgossip_load (n, NULL), EINVAL);
    FAILS (zgossip_load (n, "/nonexistent/file"), ENOENT);
    SAYS ("/nonexistent/file");
    FAILS (zgossip_save (n, NULL), EINVAL);
    FAILS (zgossip_save (n, "/nonexistent/file"), ENOENT);
    FAILS (zgossip_record (n, "/nonexistent/file"), ENOENT);
    FAILS (zgossip_record (n, "/dev/null"), EEXIST);
    FAILS (zgossip_set (n, "server/record", "/nonexistent/file"), ENOENT);
    CHECK (zgossip_record (n, NULL) == 0);
    FAILS (zgossip_set (n, NULL, "1"), EINVAL);
    FAILS (zgossip_set (n, "server/timeout", NULL), EINVAL);
    FAILS (zgossip_set (n, "server/timeout", "soon"), EINVAL);
    SAYS ("server/timeout");
    FAILS (zgossip_set (n, "bad path", "1"), EINVAL);
    FAILS (zgossip_set_keys (n, NULL, "s"), EINVAL);
    FAILS (zgossip_set_keys (n, "p", NULL), EINVAL);
    FAILS (zgossip_set_zap_domain (n, NULL), EINVAL);
    FAILS (zgossip_set_rights (n, NULL, NULL, "write"), EINVAL);
    FAILS (zgossip_set_rights (n, "*", NULL, "wirte"), EINVAL);
    SAYS ("'wirte' is not a right");
    FAILS (zgossip_set_rights (n, "*", "a", NULL), ENOENT);
    CHECK (zgossip_set_rights (n, "*", "a", "write") == 0 && zgossip_set_rights (n, "*", "a", NULL) == 0);
    FAILS (zgossip_watch (n, NULL), EINVAL);
    SAYS ("prefix is NULL");
    FAILS (zgossip_unwatch (n, "a"), ENOENT);
    CHECK (zgossip_watch (n, "a") == 0 && zgossip_watch (n, "a") == 0 && zgossip_unwatch (n, "a") == 0);
    FAILS (zgossip_unwatch (n, "a"), ENOENT);
    SAYS ("not watched");
    CHECK (zgossip_watch (n, "") == 0);
    FAILS (zgossip_set_plain (n, "name", NULL), EINVAL);
    FAILS (zgossip_set_plain (n, NULL, "password"), EINVAL);
    FAILS (zgossip_set_plain (n, "", "password"), EINVAL);
    SAYS ("username");
    FAILS_NULL (zgossip_endpoint (n), ENOENT);
    FAILS (zgossip_load_strict (n, "/nonexistent/file", NULL), ENOENT);
    FAILS (zgossip_load_strict (n, NULL, NULL), EINVAL);
    FAILS (zgossip_check ("/nonexistent/file", NULL), ENOENT);
    FAILS (zgossip_check (NULL, NULL), EINVAL);
    CHECK (zgossip_count (n) == 0);

    //  With keys that cannot be used, nothing is bound or connected in clear
    CHECK (zgossip_set_keys (n, "p", "s") == 0);
    FAILS (zgossip_bind (n, "tcp://127.0.0.1:*"), EACCES);
    SAYS ("key");
    FAILS (zgossip_connect (n, "tcp://127.0.0.1:1", NULL), EACCES);

    zgossip_tuples_destroy (NULL);
    zgossip_event_destroy (NULL);
    zgossip_free (NULL);
    zgossip_tuple_t *no_tuples = NULL;
    zgossip_event_t *no_event = NULL;
    zgossip_tuples_destroy (&no_tuples);
    zgossip_event_destroy (&no_event);

    FAILS_NULL (zgossip_new_in ("name", NULL), EINVAL);
    FAILS_NULL (zgossip_new_in ("name", other), EINVAL);
    SAYS ("not a context");
    FAILS_NULL (zgossip_cert_load ("/no/such/file.cert"), EINVAL);
    SAYS ("cannot load certificate '/no/such/file.cert' (No such file or directory)");
    CHECK (zgossip_strerror (0) && zgossip_strerror (-1) && zgossip_strerror (123456));

    //  Calls that wait for a node that has ended fail with EPIPE
    CHECK (zgossip_sendx (n, "$TERM", NULL) == 0);
    FAILS (zgossip_count (n), EPIPE);
    FAILS (zgossip_publish (n, "k", "v"), EPIPE);
    FAILS (zgossip_wait_count (n, 1, -1), EPIPE);
    FAILS (zgossip_flush (n, -1), EPIPE);
    //  Messages from before the end can still be received
    zgossip_event_t *event;
    while ((event = zgossip_recv_event (n)))
        zgossip_event_destroy (&event);
    CHECK (errno == EPIPE);
    zgossip_destroy (&n);
}

static void tuples (void)
{
    zgossip_t *node = node_new ("tuples");
    CHECK (zgossip_set_rcvtimeo (node, 0) == 0);
    uint64_t empty, one, two;
    CHECK (zgossip_digest (node, &empty) == 0);
    CHECK (zgossip_count (node) == 0);
    size_t count = 99;
    zgossip_tuple_t *all = zgossip_tuples (node, &count);
    CHECK (all && count == 0 && !all->key);
    zgossip_tuples_destroy (&all);
    CHECK (!all);

    errno = 77;
    CHECK (zgossip_publish (node, "b", "2") == 0);
    CHECK (zgossip_publish (node, "a", "") == 0);
    CHECK (zgossip_publish_sized (node, "c-and-more", 1, "3\xff-and-more", 2, 0) == 0);
    CHECK (zgossip_count (node) == 3);
    CHECK (errno == 77);

    //  Messages that precede an answer can be received without waiting
    const char *expected [3] = { "b", "a", "c" };
    for (int i = 0; i < 3; i++) {
        zgossip_event_t *event = zgossip_recv_event (node);
        CHECK (event && event->kind == ZGOSSIP_EVENT_DELIVER && event->count == 3);
        CHECK (!strcmp (event->frames [0], "DELIVER") && event->sizes [0] == 7);
        CHECK (!strcmp (event->key, expected [i]) && event->key_size == 1);
        CHECK (event->frames [1] == event->key && event->frames [2] == event->value);
        CHECK (event->value_size == strlen (event->value) && !event->frames [3]);
        zgossip_event_destroy (&event);
        CHECK (!event);
    }
    FAILS_NULL (zgossip_recv_event (node), EAGAIN);

    char *value = zgossip_get (node, "c");
    CHECK (value && !strcmp (value, "3\xff"));
    free (value);
    size_t size = 99;
    value = zgossip_get_sized (node, "a-", 1, &size);
    CHECK (value && size == 0 && !*value);
    zgossip_free (value);
    value = zgossip_get_sized (node, "b", 1, NULL);
    CHECK (value && !strcmp (value, "2"));
    zgossip_free (value);

    char version [33], later [33];
    value = zgossip_get_versioned (node, "b", 1, NULL, version);
    CHECK (value && !strcmp (value, "2") && strlen (version) == 32);
    zgossip_free (value);
    CHECK (zgossip_publish_if (node, "b", "2+", version) == 0);
    FAILS (zgossip_publish_if (node, "b", "never", version), EEXIST);
    SAYS ("another version");
    FAILS (zgossip_publish_if (node, "b", "never", NULL), EEXIST);
    SAYS ("has a value");
    FAILS (zgossip_publish_if (node, "new", "never", version), ENOENT);
    value = zgossip_get_versioned (node, "b", 1, &size, later);
    CHECK (value && !strcmp (value, "2+") && size == 2 && strcmp (version, later) < 0);
    zgossip_free (value);
    CHECK (zgossip_publish_if (node, "b", "2", later) == 0);
    CHECK (zgossip_publish_if (node, "new", "1", "") == 0 && zgossip_retract (node, "new") == 1);
    CHECK (zgossip_publish_if (node, "new", "2", NULL) == 0 && zgossip_retract (node, "new") == 1);
    zgossip_event_t *event;
    while ((event = zgossip_recv_event (node)))
        zgossip_event_destroy (&event);

    zgossip_origin_t *origin = zgossip_origin (node, "b");
    CHECK (origin && origin->size == sizeof *origin && origin->own && origin->writer >> 63 == 1);
    CHECK (!strcmp (origin->name, "tuples") && !*origin->endpoint && origin->ttl_ms == 0);
    CHECK (origin->written_ms / 1000 <= time (NULL) + 1 && origin->written_ms / 1000 > time (NULL) - PATIENCE / 1000);
    zgossip_origin_destroy (&origin);
    CHECK (!origin);
    origin = zgossip_origin_sized (node, "c-", 1);
    CHECK (origin && origin->own);
    zgossip_origin_destroy (&origin);
    zgossip_origin_destroy (&origin);
    zgossip_origin_destroy (NULL);
    FAILS_NULL (zgossip_origin (node, "absent"), ENOENT);
    SAYS ("no value");
    FAILS_NULL (zgossip_origin (node, ""), EINVAL);
    FAILS_NULL (zgossip_origin_sized (node, NULL, 1), EINVAL);

    all = zgossip_tuples (node, &count);
    CHECK (all && count == 3);
    const char *in_order = "abc";
    for (zgossip_tuple_t *tuple = all; tuple->key; tuple++) {
        CHECK (*tuple->key == *in_order++ && tuple->key_size == 1);
        CHECK (strlen (tuple->value) == tuple->value_size);
    }
    CHECK (!*in_order);
    zgossip_tuples_destroy (&all);
    all = zgossip_tuples (node, NULL);
    zgossip_tuples_destroy (&all);

    CHECK (zgossip_digest (node, &one) == 0 && one != empty);
    CHECK (zgossip_retract (node, "b") == 1);
    CHECK (zgossip_retract (node, "b") == 0);
    CHECK (zgossip_retract_sized (node, "never", 5) == 0);
    CHECK (zgossip_digest (node, &two) == 0 && two != one);
    CHECK (zgossip_unpublish (node, "a") == 1);
    CHECK (zgossip_unpublish_sized (node, "a", 1) == 0);
    CHECK (zgossip_count (node) == 1);

    //  Events other than DELIVER come only after zgossip_set_events
    FAILS_NULL (zgossip_recv_event (node), EAGAIN);
    CHECK (zgossip_set_events (node, true) == 0);
    CHECK (zgossip_retract (node, "c") == 1);
    event = zgossip_recv_event (node);
    CHECK (event && event->kind == ZGOSSIP_EVENT_RETRACT && !strcmp (event->key, "c"));
    CHECK (!event->value && event->value_size == 0 && event->count == 2);
    zgossip_event_destroy (&event);
    FAILS (zgossip_sendx (node, "NONSENSE", NULL), EINVAL);
    CHECK (zgossip_sendx (node, "STATUS", NULL) == 0);
    CHECK (zgossip_count (node) == 0);
    event = zgossip_recv_event (node);
    CHECK (event && event->kind == ZGOSSIP_EVENT_ERROR && !strcmp (event->key, "NONSENSE") && event->value);
    zgossip_event_destroy (&event);
    event = zgossip_recv_event (node);
    CHECK (event && event->kind == ZGOSSIP_EVENT_REPLY && !strcmp (event->key, "0") && !event->value);
    zgossip_event_destroy (&event);

    //  Tuples that expire
    CHECK (zgossip_publish_ttl (node, "short", "life", 500) == 0);
    CHECK (zgossip_count (node) == 1);
    event = zgossip_recv_event (node);
    CHECK (event && event->kind == ZGOSSIP_EVENT_DELIVER);
    zgossip_event_destroy (&event);
    CHECK (zgossip_set_rcvtimeo (node, PATIENCE) == 0);
    event = zgossip_recv_event (node);
    CHECK (event && event->kind == ZGOSSIP_EVENT_EXPIRE && !strcmp (event->key, "short"));
    zgossip_event_destroy (&event);
    CHECK (zgossip_count (node) == 0);
    CHECK (zgossip_set_events (node, false) == 0);

    //  Limits
    CHECK (zgossip_set (node, "server/max_value", "3") == 0);
    FAILS (zgossip_publish (node, "k", "1234"), EMSGSIZE);
    SAYS ("max_value");
    CHECK (zgossip_publish (node, "k", "123") == 0);
    CHECK (zgossip_set (node, "server/max_value", "") == 0);
    CHECK (zgossip_publish (node, "k", "1234") == 0);
    CHECK (zgossip_count (node) == 1);
    zgossip_destroy (&node);
}

static void numbers (void)
{
    zgossip_t *node = node_new ("numbers");
    CHECK (zgossip_publish (node, "k", "v") == 0);
    struct {
        zgossip_stats_t known;
        uint64_t later [2];
    } stats;
    memset (&stats, 0xff, sizeof stats);
    CHECK (zgossip_stats (node, &stats.known, sizeof stats) == 0);
    uint64_t digest;
    CHECK (zgossip_digest (node, &digest) == 0);
    CHECK (stats.known.tuples == 1 && stats.known.root == digest && stats.known.malformed == 0);
    CHECK (stats.later [0] == 0 && stats.later [1] == 0);
    memset (&stats, 0xff, sizeof stats);
    CHECK (zgossip_stats (node, &stats.known, sizeof (uint64_t)) == 0);
    CHECK (stats.known.tuples == 1 && stats.known.tombstones == UINT64_MAX);
    zgossip_destroy (&node);
}

static void network (void)
{
    zgossip_t *hub = node_new ("hub");
    zgossip_t *leaf = node_new ("leaf");
    CHECK (zgossip_set_events (leaf, true) == 0);
    CHECK (zgossip_bind (hub, "inproc://typed") == 0);
    int port = zgossip_bind (hub, "tcp://127.0.0.1:*");
    CHECK (port > 0);
    char endpoint [64];
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
    FAILS (zgossip_bind (leaf, endpoint), EADDRINUSE);

    //  Without peers there is nothing to wait for, and no peer to agree
    CHECK (zgossip_flush (leaf, 0) == 0);
    CHECK (zgossip_wait_agreement (leaf, 0, 0) == 0);
    FAILS (zgossip_wait_agreement (leaf, 1, 50), EAGAIN);
    SAYS ("too few");

    //  A flush waits for a peer that is not there yet
    CHECK (zgossip_connect (leaf, endpoint, NULL) == 0);
    CHECK (zgossip_publish (leaf, "from-leaf", "1") == 0);
    CHECK (zgossip_flush (leaf, PATIENCE) == 1);
    char *value = zgossip_get (hub, "from-leaf");
    CHECK (value && !strcmp (value, "1"));
    free (value);
    zgossip_event_t *event = zgossip_recv_event (leaf);
    CHECK (event && (event->kind == ZGOSSIP_EVENT_JOIN || event->kind == ZGOSSIP_EVENT_DELIVER));
    zgossip_event_destroy (&event);

    CHECK (zgossip_publish (hub, "from-hub", "2") == 0);
    CHECK (zgossip_flush (hub, PATIENCE) == 1);
    CHECK (zgossip_count (leaf) == 2);
    CHECK (zgossip_wait_agreement (hub, 1, PATIENCE) == 1);
    CHECK (zgossip_wait_agreement (leaf, 1, PATIENCE) == 1);
    uint64_t one, two;
    CHECK (zgossip_digest (hub, &one) == 0 && zgossip_digest (leaf, &two) == 0 && one == two);
    zgossip_stats_t stats;
    CHECK (zgossip_stats (hub, &stats, sizeof stats) == 0);
    CHECK (stats.links_extended == 1 && stats.links_plain == 0 && stats.frames_in > 0);

    //  Many tuples, flushed at once
    for (int i = 0; i < 20000; i++) {
        char key [32];
        snprintf (key, sizeof key, "many/%d", i);
        CHECK (zgossip_publish (leaf, key, "value") == 0);
    }
    CHECK (zgossip_flush (leaf, PATIENCE) == 1);
    CHECK (zgossip_count (hub) == 20002);
    CHECK (zgossip_wait_count (hub, 20002, 0) == 0);
    CHECK (zgossip_wait_key (hub, "many/19999", 0) == 0);
    FAILS (zgossip_wait_count (hub, 20003, 0), EAGAIN);
    long before = now_ms ();
    FAILS (zgossip_wait_key (hub, "absent", 100), EAGAIN);
    CHECK (now_ms () - before >= 100);
    CHECK (zgossip_publish (leaf, "absent", "no more") == 0);
    CHECK (zgossip_wait_key (hub, "absent", PATIENCE) == 0);

    //  After zgossip_disconnect neither of the two is a peer
    CHECK (zgossip_disconnect (leaf, endpoint) == 0);
    FAILS (zgossip_disconnect (leaf, endpoint), ENOENT);
    CHECK (zgossip_flush (leaf, 0) == 0);
    CHECK (zgossip_unbind (hub, endpoint) == 0);
    CHECK (zgossip_unbind (hub, "inproc://typed") == 0);
    FAILS (zgossip_unbind (hub, endpoint), ENOENT);
    CHECK (zgossip_bind (leaf, endpoint) == port || errno == EADDRINUSE);
    int any = zgossip_bind (hub, "tcp://*:*");
    CHECK (any > 0);
    snprintf (endpoint, sizeof endpoint, "tcp://*:%d", any);
    CHECK (zgossip_unbind (hub, endpoint) == 0);

    //  A peer that never comes
    CHECK (zgossip_connect (leaf, "tcp://127.0.0.1:1", NULL) == 0);
    FAILS (zgossip_flush (leaf, 50), EAGAIN);
    SAYS ("not every peer");
    CHECK (zgossip_connect (leaf, "tcp://127.0.0.1:1", NULL) == 0);
    zgossip_destroy (&leaf);
    zgossip_destroy (&hub);
}

static void secured (void)
{
    if (!zmq_has ("curve"))
        return;
    char public_key [41], secret_key [41];
    CHECK (zmq_curve_keypair (public_key, secret_key) == 0);
    zgossip_t *hub = node_new ("secure-hub");
    CHECK (zgossip_set_keys (hub, public_key, secret_key) == 0);
    CHECK (zgossip_set_zap_domain (hub, "typed") == 0);
    CHECK (zgossip_set (hub, "zgossip/security/require-handler", "0") == 0);
    char endpoint [64];
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", zgossip_bind (hub, "tcp://127.0.0.1:*"));
    zgossip_t *leaf = node_new ("secure-leaf");
    CHECK (zgossip_connect (leaf, endpoint, public_key) == 0);
    CHECK (zgossip_publish (leaf, "secret", "value") == 0);
    CHECK (zgossip_wait_key (hub, "secret", PATIENCE) == 0);
    zgossip_t *stranger = node_new ("stranger");
    CHECK (zgossip_connect (stranger, endpoint, NULL) == 0);
    FAILS (zgossip_flush (stranger, 300), EAGAIN);
    CHECK (zgossip_count (stranger) == 0);
    zgossip_destroy (&stranger);
    zgossip_destroy (&leaf);
    zgossip_destroy (&hub);
}

//  Writes a file
static void put (const char *name, const char *text)
{
    FILE *file = fopen (name, "w");
    CHECK (file);
    fputs (text, file);
    fclose (file);
}

static void checked (void)
{
    char file [64], *problems = NULL;
    snprintf (file, sizeof file, "/tmp/zgossip-typed-check-%d.cfg", (int) getpid ());
    put (file, "server\n    timeout = abc\n    timeuot = 5\n");
    CHECK (zgossip_check (file, NULL) == 2);
    CHECK (zgossip_check (file, &problems) == 2);
    CHECK (problems && strstr (problems, ".cfg:2: server/timeout = 'abc' is not a number of ms from 0 to"));
    CHECK (strstr (problems, "\n") && strstr (problems, ".cfg:3: 'server/timeuot' is not a known setting"));
    zgossip_free (problems);
    zgossip_t *node = node_new ("strict");
    FAILS (zgossip_load_strict (node, file, NULL), EINVAL);
    SAYS ("'server/timeuot'");
    FAILS (zgossip_load_strict (node, file, &problems), EINVAL);
    CHECK (problems && strstr (problems, ".cfg:3: "));
    zgossip_free (problems);
    put (file, "server\n   timeout = 1\n");
    CHECK (zgossip_check (file, &problems) == 1);
    CHECK (problems && strstr (problems, ".cfg:2: indent 4 spaces at once"));
    free (problems);
    put (file, "zgossip\n    bind\n        endpoint = tcp://127.0.0.1:*\n");
    CHECK (zgossip_check (file, &problems) == 0 && !problems);
    CHECK (zgossip_load_strict (node, file, &problems) == 0 && !problems);
    char *endpoint = zgossip_endpoint (node);
    CHECK (endpoint && strncmp (endpoint, "tcp://127.0.0.1:", 16) == 0 && atoi (endpoint + 16) > 0);
    char text [256];
    snprintf (text, sizeof text, "zgossip\n    bind\n        endpoint = \"%s\"\n", endpoint);
    put (file, text);
    zgossip_t *other = node_new ("late");
    CHECK (zgossip_load_strict (other, file, &problems) == 1);
    CHECK (problems && strstr (problems, ".cfg:2: could not bind to tcp://127.0.0.1:"));
    zgossip_free (problems);
    zgossip_free (endpoint);
    CHECK (zgossip_bind (node, "ipc://*") == 0);
    endpoint = zgossip_endpoint (node);
    CHECK (endpoint && strncmp (endpoint, "ipc:///", 7) == 0);
    CHECK (zgossip_connect (other, endpoint, NULL) == 0);
    CHECK (zgossip_publish (other, "by", "path") == 0);
    CHECK (zgossip_wait_key (node, "by", PATIENCE) == 0);
    CHECK (zgossip_unbind (node, endpoint) == 0);
    zgossip_free (endpoint);
    zgossip_destroy (&other);
    zgossip_destroy (&node);
    unlink (file);
}

static void peers (void)
{
    zgossip_t *hub = node_new ("hub"), *leaf = node_new ("leaf");
    CHECK (zgossip_set (hub, "server/max_value", "3") == 0);
    size_t count = 99;
    zgossip_peer_t **all = zgossip_peers (hub, &count);
    CHECK (all && count == 0 && !*all);
    zgossip_peers_destroy (&all);
    CHECK (!all);

    char endpoint [64];
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", zgossip_bind (hub, "tcp://127.0.0.1:*"));
    CHECK (zgossip_connect (leaf, endpoint, NULL) == 0);
    CHECK (zgossip_publish (leaf, "key", "1") == 0 && zgossip_publish (leaf, "long", "12345") == 0);
    CHECK (zgossip_wait_key (hub, "key", PATIENCE) == 0);
    CHECK (zgossip_flush (hub, PATIENCE) == 1);
    do {
        all = zgossip_peers (leaf, &count);
        CHECK (all && count == 1 && all [0] && !all [1]);
        //  What the hub refuses is known once it has reported that it holds the rest, and its answers take a while
        if (all [0]->refuses != 1 || all [0]->round_trip_ms < 0 || all [0]->unacknowledged) {
            zgossip_peers_destroy (&all);
            usleep (10000);
        }
    } while (!all);
    const zgossip_peer_t *one = all [0];
    CHECK (one->size == sizeof *one && !strcmp (one->endpoint, endpoint) && !strcmp (one->name, "hub"));
    CHECK (one->kind == ZGOSSIP_PEER_EXTENDED && one->outgoing && one->connected);
    CHECK (one->id >> 63 == 1 && one->state_ms < PATIENCE && one->silence_ms <= one->state_ms);
    CHECK (one->equal == 0 && one->unsent == 0);
    CHECK (one->awaited == 0 && one->refused == 0);
    zgossip_stats_t stats;
    CHECK (zgossip_stats (leaf, &stats, sizeof stats) == 0);
    CHECK (one->frames_in > 0 && one->frames_in <= stats.frames_in && one->bytes_out <= stats.bytes_out);
    zgossip_peers_destroy (&all);

    all = zgossip_peers (hub, NULL);
    CHECK (all && all [0] && !all [0]->outgoing && all [0]->refused == 1 && !strcmp (all [0]->name, "leaf"));
    CHECK (all [0]->round_trip_ms >= 0 && all [0]->bytes_in > 0 && all [0]->frames_out > 0);
    zgossip_peers_destroy (&all);
    zgossip_destroy (&leaf);

    leaf = node_new ("leaf");
    CHECK (zgossip_connect (leaf, "tcp://127.0.0.1:9", NULL) == 0);
    all = zgossip_peers (leaf, NULL);
    CHECK (all && all [0]->kind == ZGOSSIP_PEER_UNDETERMINED && all [0]->outgoing && !all [0]->connected);
    CHECK (all [0]->id == 0 && !*all [0]->name && all [0]->round_trip_ms == -1 && all [0]->equal == -1 && all [0]->refuses == -1);
    zgossip_peers_destroy (&all);
    zgossip_peers_destroy (&all);
    zgossip_peers_destroy (NULL);
    zgossip_destroy (&leaf);
    zgossip_destroy (&hub);
}

//  Two nodes that know of each other through a third, and what one of them announces
static void members (void)
{
    zgossip_t *hub = node_new ("hub"), *one = node_new ("one"), *other = node_new ("other");
    char endpoint [64];
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", zgossip_bind (hub, "tcp://127.0.0.1:*"));
    CHECK (zgossip_connect (one, endpoint, NULL) == 0 && zgossip_connect (other, endpoint, NULL) == 0);
    CHECK (zgossip_announce (one, "service", "here", 0) == 0);
    CHECK (zgossip_announce_sized (one, "other", 5, "there", 5, 600) == 0);
    CHECK (zgossip_wait_key (other, "service", PATIENCE) == 0 && zgossip_wait_key (other, "other", PATIENCE) == 0);

    size_t count = 0;
    zgossip_member_t **all;
    for (all = zgossip_members (one, &count); count < 2; all = zgossip_members (one, &count)) {
        CHECK (all && all [0]->own && !all [1]);
        zgossip_members_destroy (&all);
        all = zgossip_members (other, NULL);
        CHECK (all);
        zgossip_members_destroy (&all);
        usleep (10000);
    }
    CHECK (count == 2 && all [0] && all [1] && !all [2] && all [0]->id < all [1]->id);
    const zgossip_member_t *own = all [0]->own? all [0]: all [1], *theirs = all [0]->own? all [1]: all [0];
    CHECK (own->size == sizeof *own && own->own && !theirs->own);
    CHECK (!strcmp (own->name, "one") && !strcmp (theirs->name, "other"));
    CHECK (!*own->endpoints && own->tuples == 2 && own->since > 0 && *own->version);
    zgossip_members_destroy (&all);
    CHECK (!all);
    zgossip_members_destroy (&all);
    zgossip_members_destroy (NULL);
    zgossip_destroy (&one);
    while (zgossip_count (other) > 0)
        usleep (1000);
    zgossip_destroy (&other);
    zgossip_destroy (&hub);
}

static void configured (void)
{
    char file [64];
    snprintf (file, sizeof file, "/tmp/zgossip-typed-%d.cfg", (int) getpid ());
    zgossip_t *node = node_new ("configured");
    CHECK (zgossip_set (node, "server/timeout", "1234") == 0);
    CHECK (zgossip_set (node, "my/own", "thing") == 0);
    CHECK (zgossip_save (node, file) == 0);
    zgossip_t *other = node_new ("other");
    CHECK (zgossip_load (other, file) == 0);
    FILE *broken = fopen (file, "w");
    CHECK (broken);
    fputs ("server\n   timeout = 1\n", broken);
    fclose (broken);
    FAILS (zgossip_load (other, file), EINVAL);
    SAYS ("line 2");
    CHECK (zgossip_save (other, file) == 0);
    char text [256] = "";
    FILE *saved = fopen (file, "r");
    CHECK (saved && fread (text, 1, sizeof text - 1, saved) > 0);
    fclose (saved);
    CHECK (strstr (text, "1234") && strstr (text, "thing"));
    unlink (file);
    zgossip_destroy (&node);
    zgossip_destroy (&other);
}

typedef struct {
    zgossip_t *node;
    int lines;
    int level;
    char text [256];
    int refused;
} journal_t;

static void journal (void *arg, int level, const char *text)
{
    journal_t *journal = (journal_t *) arg;
    journal->lines++;
    journal->level = level;
    snprintf (journal->text, sizeof journal->text, "%s", text);
    //  A command that the log function of a verbose node sends is logged, too
    if (journal->lines > 1)
        return;
    //  The log function can receive a message that waits, and cannot wait for one
    zgossip_event_t *event = zgossip_recv_event (journal->node);
    CHECK (event || errno == EDEADLK || errno == EINVAL);
    zgossip_event_destroy (&event);
    //  In the log function, calls that wait for the node fail with EDEADLK, and others work
    if (zgossip_count (journal->node) == -1 && errno == EDEADLK
    &&  zgossip_set_log (journal->node, NULL, NULL) == -1 && errno == EDEADLK
    &&  zgossip_flush (journal->node, 0) == -1 && errno == EDEADLK
    &&  zgossip_publish (journal->node, "from-the-log", "1") == 0) {
        zgossip_t *copy = journal->node;
        errno = 0;
        zgossip_destroy (&copy);
        journal->refused = copy && errno == EDEADLK;
    }
}

static void logged (void)
{
    journal_t seen;
    memset (&seen, 0, sizeof seen);
    zgossip_t *node = node_new ("logged");
    seen.node = node;
    CHECK (zgossip_set_log (node, journal, &seen) == 0);
    FAILS (zgossip_sendx (node, "NONSENSE", NULL), EINVAL);
    CHECK (zgossip_count (node) >= 0);
    CHECK (seen.lines == 1 && seen.level == ZGOSSIP_LOG_ERROR && strstr (seen.text, "NONSENSE"));
    CHECK (seen.refused);
    CHECK (zgossip_wait_key (node, "from-the-log", PATIENCE) == 0);
    FAILS (zgossip_sendx (node, "PUBLISH", NULL), EINVAL);
    CHECK (zgossip_set (node, "server/verbose", "1") == 0);
    CHECK (seen.lines == 2 && seen.level == ZGOSSIP_LOG_WARNING);
    CHECK (zgossip_sendx (node, "STATUS", NULL) == 0);
    CHECK (zgossip_set (node, "server/verbose", "0") == 0);
    CHECK (seen.lines == 3 && seen.level == ZGOSSIP_LOG_DEBUG);
    journal_t other;
    memset (&other, 0, sizeof other);
    other.node = node;
    CHECK (zgossip_set_log (node, journal, &other) == 0);
    memset (&seen, 0, sizeof seen);
    FAILS (zgossip_sendx (node, "NONSENSE", NULL), EINVAL);
    zgossip_destroy (&node);
    CHECK (seen.lines == 0 && other.lines == 1);
}

static void contexts (void)
{
    void *context = zmq_ctx_new ();
    zgossip_t *node = zgossip_new_in ("inside", context);
    CHECK (node && zgossip_context (node) == context);
    CHECK (zgossip_bind (node, "inproc://shared") == 0);
    //  A socket of the program connects to the node's inproc endpoint
    void *peer = zmq_socket (context, ZMQ_DEALER);
    int patience = PATIENCE;
    zmq_setsockopt (peer, ZMQ_RCVTIMEO, &patience, sizeof patience);
    CHECK (zmq_connect (peer, "inproc://shared") == 0);
    CHECK (zmq_send (peer, "\xaa\xa0\x03\x01", 4, 0) == 4);
    unsigned char frame [64];
    CHECK (zmq_recv (peer, frame, sizeof frame, 0) == 4 && frame [2] == 4);
    zmq_close (peer);
    zgossip_t *outside = node_new ("outside");
    CHECK (zgossip_context (outside) && zgossip_context (outside) != context);
    peer = zmq_socket (zgossip_context (outside), ZMQ_DEALER);
    CHECK (peer);
    zmq_close (peer);
    zgossip_destroy (&outside);
    zgossip_destroy (&node);
    zmq_ctx_term (context);

    //  Terminating the context of a node ends the node
    context = zmq_ctx_new ();
    node = zgossip_new_in (NULL, context);
    CHECK (zgossip_bind (node, "inproc://shared") == 0);
    zmq_ctx_term (context);
    CHECK (zgossip_set_rcvtimeo (node, PATIENCE) == 0);
    FAILS_NULL (zgossip_recv_event (node), EPIPE);
    zgossip_destroy (&node);
}

static zgossip_t *awaited;

static void *waiter (void *argument)
{
    long *result = (long *) argument;
    int rc = zgossip_wait_key (awaited, "key-to-come", -1);
    __atomic_store_n (result, rc == 0? 0: errno, __ATOMIC_SEQ_CST);
    return NULL;
}

static void on_signal (int number)
{
    (void) number;
}

static void waiting (void)
{
    //  Another thread publishes
    awaited = node_new ("awaited");
    pthread_t thread;
    long result = -1;
    CHECK (pthread_create (&thread, NULL, waiter, &result) == 0);
    poll (NULL, 0, 50);
    CHECK (zgossip_publish (awaited, "key-to-come", "1") == 0);
    pthread_join (thread, NULL);
    CHECK (result == 0);

    //  A signal ends the wait
    CHECK (zgossip_retract (awaited, "key-to-come") == 1);
    struct sigaction action;
    memset (&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction (SIGUSR1, &action, NULL);
    result = -1;
    CHECK (pthread_create (&thread, NULL, waiter, &result) == 0);
    for (;;) {
        poll (NULL, 0, 50);
        pthread_kill (thread, SIGUSR1);
        poll (NULL, 0, 50);
        if (__atomic_load_n (&result, __ATOMIC_SEQ_CST) != -1)
            break;
    }
    pthread_join (thread, NULL);
    CHECK (result == EINTR);

    //  The end of the node ends the wait
    result = -1;
    CHECK (pthread_create (&thread, NULL, waiter, &result) == 0);
    poll (NULL, 0, 50);
    zgossip_destroy (&awaited);
    pthread_join (thread, NULL);
    CHECK (result == EPIPE);

    //  A program that never receives and sends too many commands gets EAGAIN
    zgossip_t *node = node_new ("stuck");
    CHECK (zgossip_set_sndtimeo (node, 100) == 0);
    int sent = 0;
    for (char key [16]; ; sent++) {
        snprintf (key, sizeof key, "%d", sent);
        if (zgossip_sendx (node, "GET", key, NULL) == -1)
            break;
    }
    CHECK (errno == EAGAIN && sent >= 20000);
    FAILS (zgossip_count (node), EAGAIN);
    CHECK (zgossip_sendx (node, "STATUS", NULL) == -1);
    //  Receiving half of the replies makes room
    for (int i = 0; i < 12000; i++) {
        char **frames = zgossip_recv (node, NULL);
        CHECK (frames);
        zgossip_frames_destroy (&frames);
    }
    CHECK (zgossip_set_sndtimeo (node, PATIENCE) == 0);
    CHECK (zgossip_publish (node, "k", "v") == 0);
    zgossip_destroy (&node);
}

static int publish (const char *endpoint, int count)
{
    zgossip_t *node = zgossip_new ("publisher");
    CHECK (zgossip_connect (node, endpoint, NULL) == 0);
    for (int i = 0; i < count; i++) {
        char key [32];
        snprintf (key, sizeof key, "published/%d", i);
        CHECK (zgossip_publish (node, key, "value") == 0);
    }
    int peers = zgossip_flush (node, PATIENCE);
    printf ("flushed to %d\n", peers);
    //  The process ends without destroying the node: flushed tuples have arrived
    fflush (stdout);
    _exit (peers == 1? 0: 1);
}

static int serve (int count)
{
    zgossip_t *node = node_new ("server");
    CHECK (zgossip_set_events (node, true) == 0);
    printf ("%d\n", zgossip_bind (node, "tcp://127.0.0.1:*"));
    fflush (stdout);
    zgossip_event_t *event = zgossip_recv_event (node);
    CHECK (event && event->kind == ZGOSSIP_EVENT_JOIN);
    zgossip_event_destroy (&event);
    for (int i = 0; i < count; i++) {
        char key [32];
        snprintf (key, sizeof key, "served/%d", i);
        CHECK (zgossip_publish (node, key, "value") == 0);
    }
    printf ("flushed to %d\n", zgossip_flush (node, PATIENCE));
    zgossip_destroy (&node);
    return 0;
}

static void expect (zgossip_watcher_t *watcher, int kind, const char *key)
{
    zgossip_event_t *event = zgossip_watcher_recv_event (watcher);
    CHECK (event && event->kind == kind && !strcmp (event->key, key));
    zgossip_event_destroy (&event);
}

static void *receive_until_gone (void *arg)
{
    CHECK (!zgossip_watcher_recv_event ((zgossip_watcher_t *) arg));
    CHECK (errno == EPIPE || errno == EINVAL);
    return NULL;
}

//  Two watchers and the node have events of their own
static void watchers (void)
{
    zgossip_t *node = node_new ("watchers");
    CHECK (zgossip_set_rcvtimeo (node, PATIENCE) == 0);
    CHECK (zgossip_publish (node, "a/1", "x") == 0 && zgossip_publish (node, "b/1", "x") == 0);
    zgossip_watcher_t *a = zgossip_watcher_new (node, "a/"), *all = zgossip_watcher_new (node, "");
    CHECK (a && all);
    expect (a, ZGOSSIP_EVENT_DELIVER, "a/1");
    expect (a, ZGOSSIP_EVENT_SYNCED, "a/");
    CHECK (zgossip_watcher_set_rcvtimeo (a, 0) == 0);
    FAILS_NULL (zgossip_watcher_recv_event (a), EAGAIN);
    CHECK (zgossip_publish (node, "b/1", "y") == 0 && zgossip_retract (node, "a/1") == 1);
    expect (a, ZGOSSIP_EVENT_RETRACT, "a/1");
    FAILS_NULL (zgossip_watcher_recv_event (a), EAGAIN);

    //  What waits for one is merged by key, and nobody takes it from the other
    struct pollfd polled = { zgossip_watcher_fd (all), POLLIN, 0 };
    CHECK (polled.fd != zgossip_watcher_fd (a) && poll (&polled, 1, 0) == 1);
    int seen = 0;
    for (int i = 0; i < 3; i++) {
        zgossip_event_t *event = zgossip_watcher_recv_event (all);
        CHECK (event);
        seen += event->kind == ZGOSSIP_EVENT_SYNCED ? 100 : event->kind == ZGOSSIP_EVENT_RETRACT ? 10 : 1;
        zgossip_event_destroy (&event);
    }
    CHECK (seen == 111 && poll (&polled, 1, 0) == 0);
    zgossip_event_t *event = zgossip_recv_event (node);
    CHECK (event && event->kind == ZGOSSIP_EVENT_DELIVER);
    zgossip_event_destroy (&event);

    //  A watcher that ends lets those go who wait, and the node goes on
    pthread_t thread;
    CHECK (pthread_create (&thread, NULL, receive_until_gone, all) == 0);
    zgossip_watcher_t *stale = all;
    zgossip_watcher_destroy (&all);
    CHECK (!all && pthread_join (thread, NULL) == 0);
    FAILS_NULL (zgossip_watcher_recv_event (stale), EINVAL);
    CHECK (zgossip_publish (node, "a/2", "last") == 0 && zgossip_count (node) == 2);

    //  In a child there is no node. It ends by a signal, for memory checkers would look for what its threads had.
    pid_t child = fork ();
    if (child == 0) {
        if (!zgossip_watcher_recv_event (a) && errno == EPIPE)
            kill (getpid (), SIGKILL);
        _exit (1);
    }
    int status = -1;
    CHECK (child > 0 && waitpid (child, &status, 0) == child);
    CHECK (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);

    //  The node ends first: what waits can be received
    zgossip_destroy (&node);
    expect (a, ZGOSSIP_EVENT_DELIVER, "a/2");
    FAILS_NULL (zgossip_watcher_recv_event (a), EPIPE);
    zgossip_watcher_destroy (&a);
    zgossip_watcher_destroy (&a);
    zgossip_watcher_destroy (NULL);
}

int main (int argc, char **argv)
{
    if (argc == 4 && !strcmp (argv [1], "publish"))
        return publish (argv [2], atoi (argv [3]));
    if (argc == 3 && !strcmp (argv [1], "serve"))
        return serve (atoi (argv [2]));
    refused ();
    tuples ();
    watchers ();
    numbers ();
    network ();
    secured ();
    peers ();
    members ();
    configured ();
    checked ();
    logged ();
    contexts ();
    waiting ();
    puts ("the end");
    return 0;
}
