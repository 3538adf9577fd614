/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Who may write what: a hub with keys and a handler, and clients with
    different rights, one of which speaks CZMQ's protocol only. The first
    argument is a directory for certificates and configuration files.  */

#include <zgossip/zgossip.h>
#include <zmq.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

#define PATIENCE 30000

static const char *directory;
static char hub_public [41];
static char endpoint [64];

static const char *in_directory (const char *name)
{
    static char path [4096];
    snprintf (path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void put (const char *name, const char *format, ...)
{
    FILE *file = fopen (in_directory (name), "w");
    CHECK (file);
    va_list args;
    va_start (args, format);
    vfprintf (file, format, args);
    va_end (args);
    fclose (file);
}

static void keys_of (zgossip_t *node, zgossip_cert_t *cert)
{
    CHECK (zgossip_set_keys (node, zgossip_cert_public_txt (cert), zgossip_cert_secret_txt (cert)) == 0);
}

//  A certificate that the handler knows, by this name or by none
static zgossip_cert_t *listed (const char *file, const char *name)
{
    zgossip_cert_t *cert = zgossip_cert_new ();
    CHECK (cert);
    if (name)
        CHECK (zgossip_cert_set_meta (cert, "name", name) == 0);
    char path [64];
    snprintf (path, sizeof path, "clients/%s", file);
    CHECK (zgossip_cert_save_public (cert, in_directory (path)) == 0);
    return cert;
}

static zgossip_t *client (const char *name, zgossip_cert_t *cert)
{
    zgossip_t *node = zgossip_new (name);
    CHECK (node);
    keys_of (node, cert);
    CHECK (zgossip_connect (node, endpoint, hub_public) == 0);
    return node;
}

static void pause_ms (int ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
    nanosleep (&t, NULL);
}

//  Checks that a node comes to hold this value, or no value
static void holds (zgossip_t *node, const char *key, const char *expected)
{
    for (int waited = 0;; waited += 10) {
        char *value = zgossip_get (node, key);
        int is_it = value && expected? strcmp (value, expected) == 0: value == expected;
        if (!is_it && waited >= PATIENCE) {
            fprintf (stderr, "%s is %s, not %s\n", key, value? value: "absent", expected? expected: "absent");
            exit (1);
        }
        zgossip_free (value);
        if (is_it)
            return;
        pause_ms (10);
    }
}

static uint64_t refused (zgossip_t *node)
{
    zgossip_stats_t stats;
    CHECK (zgossip_stats (node, &stats, sizeof stats) >= 0);
    return stats.refused;
}

//  Waits until as many tuples were refused, or more: one may come twice
static void refuses (zgossip_t *node, uint64_t count)
{
    for (int waited = 0; refused (node) < count; waited += 10) {
        if (waited >= PATIENCE) {
            fprintf (stderr, "%d refused, not %d\n", (int) refused (node), (int) count);
            exit (1);
        }
        pause_ms (10);
    }
}

//  A client that speaks CZMQ's protocol and no more
static void plain_frame (void *socket, int id, const char *key, const char *value)
{
    unsigned char frame [256] = { 0xAA, 0xA0, (unsigned char) id, 1 };
    size_t size = 4;
    if (key) {
        frame [size++] = (unsigned char) strlen (key);
        memcpy (frame + size, key, strlen (key));
        size += strlen (key) + 3;
        frame [size++] = (unsigned char) strlen (value);
        memcpy (frame + size, value, strlen (value));
        size += strlen (value) + 4;
    }
    CHECK (zmq_send (socket, frame, size, 0) == (int) size);
}

static void *plain_client (void *context, zgossip_cert_t *cert)
{
    void *socket = zmq_socket (context, ZMQ_DEALER);
    int zero = 0, patience = PATIENCE;
    zmq_setsockopt (socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt (socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, zgossip_cert_public_txt (cert), 41);
    zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, zgossip_cert_secret_txt (cert), 41);
    zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, hub_public, 41);
    CHECK (zmq_connect (socket, endpoint) == 0);
    plain_frame (socket, 1, NULL, NULL);
    return socket;
}

//  Reads until the hub sends this tuple
static void plain_is_sent (void *socket, const char *key, const char *value)
{
    while (true) {
        unsigned char frame [1024];
        int size = zmq_recv (socket, frame, sizeof frame, 0);
        CHECK (size > 0);
        if (size > 10 && frame [2] == 2 && frame [4] == strlen (key) && !memcmp (frame + 5, key, strlen (key))) {
            const unsigned char *sent = frame + 5 + strlen (key);
            if (sent [3] == strlen (value) && !memcmp (sent + 4, value, strlen (value)))
                return;
        }
    }
}

static void rules (const char *second, int allow_typo)
{
    put ("hub.cfg",
         "zgossip\n"
         "    rights\n        subject = \"*\"\n        allow = read\n"
         "    rights\n        subject = \"*\"\n        prefix = secret/\n        allow = none\n"
         "    rights\n        subject = worker-7\n        allow = read\n"
         "    rights\n        subject = worker-7\n        prefix = worker/7/\n        allow = %s\n"
         "    rights\n        subject = worker-7\n        prefix = news/\n        allow = announce\n"
         "    rights\n        subject = \"%s\"\n        prefix = all/\n        allow = write\n"
         "    rights\n        subject = \"%s\"\n        allow = read\n",
         allow_typo? "wirte": "write", second, second);
}

int main (int argc, char **argv)
{
    CHECK (argc == 2);
    directory = argv [1];
    if (!zmq_has ("curve")) {
        printf ("no CURVE\n");
        return 0;
    }
    mkdir (in_directory ("clients"), 0755);
    zgossip_auth_t *auth = zgossip_auth_new (NULL);
    CHECK (auth && zgossip_auth_curve (auth, in_directory ("clients")) == 0);

    zgossip_cert_t *cert = zgossip_cert_new ();
    strcpy (hub_public, zgossip_cert_public_txt (cert));
    zgossip_t *hub = zgossip_new ("hub");
    keys_of (hub, cert);
    zgossip_cert_t *worker = listed ("worker", "worker-7");
    zgossip_cert_t *by_key = listed ("by-key", NULL);
    zgossip_cert_t *other = listed ("other", "other");
    rules (zgossip_cert_public_txt (by_key), 0);
    CHECK (zgossip_load (hub, in_directory ("hub.cfg")) == 0);
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", zgossip_bind (hub, "tcp://127.0.0.1:*"));

    //  By the name of a certificate, by key, and by none
    zgossip_t *one = client ("one", worker), *two = client ("two", by_key), *three = client ("three", other);
    CHECK (zgossip_publish (hub, "secret/a", "1") == 0 && zgossip_publish (hub, "hub", "1") == 0);
    CHECK (zgossip_publish (one, "worker/7/a", "1") == 0 && zgossip_publish (one, "all/one", "1") == 0);
    CHECK (zgossip_publish_ttl (one, "news/a", "1", 600000) == 0 && zgossip_publish (one, "news/b", "1") == 0);
    CHECK (zgossip_publish (two, "all/a", "2") == 0 && zgossip_publish (two, "worker/7/b", "2") == 0);
    CHECK (zgossip_publish (three, "x", "3") == 0);
    zgossip_t *seen [] = { hub, two, three };
    for (int i = 0; i < 3; i++) {
        holds (seen [i], "hub", "1");
        holds (seen [i], "news/a", "1");
    }
    holds (one, "secret/a", "1");
    holds (two, "secret/a", "1");
    FAILS_NULL (zgossip_get (three, "secret/a"), ENOENT);
    holds (three, "worker/7/a", "1");
    CHECK (zgossip_publish (three, "worker/7/a", "3") == 0);
    holds (hub, "all/a", "2");
    refuses (hub, 5);
    holds (hub, "worker/7/a", "1");
    holds (hub, "news/b", NULL);
    holds (hub, "worker/7/b", NULL);
    holds (hub, "all/one", NULL);
    holds (hub, "x", NULL);
    uint64_t before = refused (hub);
    CHECK (zgossip_retract (three, "hub") == 1);
    refuses (hub, before + 1);
    holds (hub, "hub", "1");

    //  CZMQ's protocol: the hub's value comes back
    before = refused (hub);
    void *context = zmq_ctx_new ();
    void *plain = plain_client (context, worker);
    plain_frame (plain, 2, "worker/7/plain", "4");
    plain_frame (plain, 2, "all/a", "4");
    plain_frame (plain, 2, "y", "4");
    holds (hub, "worker/7/plain", "4");
    refuses (hub, before + 1);
    plain_is_sent (plain, "all/a", "2");
    plain_is_sent (plain, "all/a", "2");
    holds (hub, "all/a", "2");
    holds (hub, "y", NULL);
    zmq_close (plain);

    //  A file with a mistake changes nothing
    rules (zgossip_cert_public_txt (worker), 1);
    FAILS (zgossip_load (hub, in_directory ("hub.cfg")), EINVAL);
    CHECK (strstr (zgossip_strerror (errno), "hub.cfg:12: 'wirte' is not a right"));
    before = refused (hub);
    CHECK (zgossip_publish (three, "x", "5") == 0);
    refuses (hub, before + 1);
    CHECK (zgossip_check (in_directory ("hub.cfg"), NULL) == 1);
    FAILS (zgossip_load_strict (hub, in_directory ("hub.cfg"), NULL), EINVAL);

    //  Rules that change hold for standing connections; what was refused comes then
    rules (zgossip_cert_public_txt (other), 0);
    CHECK (zgossip_load (hub, in_directory ("hub.cfg")) == 0);
    CHECK (zgossip_publish (three, "all/b", "6") == 0 && zgossip_publish (two, "all/c", "6") == 0);
    holds (hub, "all/b", "6");
    CHECK (zgossip_set_rights (hub, zgossip_cert_public_txt (other), NULL, "write") == 0);
    holds (hub, "x", "5");
    holds (two, "x", "5");
    holds (three, "secret/a", "1");
    holds (hub, "all/c", NULL);
    CHECK (zgossip_set_rights (hub, zgossip_cert_public_txt (other), NULL, NULL) == 0);

    zgossip_t *all [] = { one, two, three, hub };
    for (int i = 0; i < 4; i++)
        zgossip_destroy (&all [i]);
    zmq_ctx_term (context);
    zgossip_cert_t *certs [] = { cert, worker, by_key, other };
    for (int i = 0; i < 4; i++)
        zgossip_cert_destroy (&certs [i]);
    zgossip_auth_destroy (&auth);
    printf ("done\n");
    return 0;
}
