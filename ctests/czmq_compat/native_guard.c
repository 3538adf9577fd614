/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A CURVE network with an allow-list, on the native interface: a listed
    node joins, one that is not listed and one in clear learn nothing.
    Takes a directory for certificates.  */

#include <zgossip/zgossip.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static zgossip_t *node_new (const char *name, zgossip_cert_t *cert)
{
    zgossip_t *node = zgossip_new (name);
    assert (node);
    if (cert) {
        zgossip_sendx (node, "SET PUBLICKEY", zgossip_cert_public_txt (cert), NULL);
        zgossip_sendx (node, "SET SECRETKEY", zgossip_cert_secret_txt (cert), NULL);
    }
    return node;
}

//  Returns whether a node receives the hub's tuple in time
static int learns (zgossip_t *node, int msecs)
{
    char *command = NULL, *key = NULL, *value = NULL;
    int learned;
    zgossip_set_rcvtimeo (node, msecs);
    learned = zgossip_recvx (node, &command, &key, &value, NULL) == 3 && strcmp (key, "secret") == 0;
    free (command);
    free (key);
    free (value);
    return learned;
}

static void refusals (zgossip_auth_t *auth)
{
    zgossip_auth_t *second;
    zgossip_cert_t *none = NULL;
    //  A context has only one handler
    second = zgossip_auth_new (NULL);
    assert (!second && errno == EADDRINUSE);
    zgossip_auth_destroy (NULL);
    zgossip_auth_destroy (&second);
    assert (zgossip_auth_allow (NULL, "127.0.0.1") == -1 && errno == EINVAL);
    assert (zgossip_auth_deny (auth, NULL) == -1 && errno == EINVAL);
    assert (zgossip_auth_curve ((zgossip_auth_t *) "not one of them", "*") == -1 && errno == EINVAL);
    assert (zgossip_auth_plain (auth, "/nonexistent/file") == -1 && errno == ENOENT);
    assert (zgossip_auth_verbose (NULL, true) == -1);
    zgossip_auth_actor (NULL, NULL);
    assert (errno == EINVAL);
    assert (!zgossip_cert_load (NULL) && !zgossip_cert_load ("/nonexistent/file"));
    assert (!zgossip_cert_new_from (NULL, NULL) && !zgossip_cert_new_from_txt ("short", NULL));
    assert (!zgossip_cert_public_key (NULL) && !zgossip_cert_secret_key (NULL) && !zgossip_cert_public_txt (NULL)
        &&  !zgossip_cert_secret_txt (NULL) && !zgossip_cert_meta (NULL, "") && !zgossip_cert_meta_name (NULL, 0)
        &&  !zgossip_cert_dup (NULL));
    assert (zgossip_cert_save (NULL, "x") == -1 && zgossip_cert_save_public (NULL, "x") == -1
        &&  zgossip_cert_save_secret (NULL, "x") == -1 && zgossip_cert_set_meta (NULL, "x", "y") == -1);
    zgossip_cert_destroy (NULL);
    zgossip_cert_destroy (&none);
}

int main (int argc, char **argv)
{
    char path [256], endpoint [64];
    char *command = NULL, *port = NULL;
    zgossip_auth_t *auth = zgossip_auth_new (NULL);
    zgossip_cert_t *hub_cert = zgossip_cert_new (), *listed_cert = zgossip_cert_new ();
    zgossip_cert_t *stranger_cert = zgossip_cert_new (), *loaded;
    zgossip_t *hub, *listed, *stranger, *clear;
    assert (argc > 1 && auth && hub_cert && listed_cert && stranger_cert);
    alarm (100);
    refusals (auth);
    assert (zgossip_auth_curve (auth, argv [1]) == 0);
    zgossip_cert_set_meta (listed_cert, "name", "listed");
    snprintf (path, sizeof (path), "%s/listed", argv [1]);
    assert (zgossip_cert_save (listed_cert, path) == 0);
    loaded = zgossip_cert_load (path);
    assert (loaded && strcmp (zgossip_cert_secret_txt (loaded), zgossip_cert_secret_txt (listed_cert)) == 0);
    assert (strcmp (zgossip_cert_meta (loaded, "name"), "listed") == 0);

    hub = node_new ("hub", hub_cert);
    zgossip_sendx (hub, "PUBLISH", "secret", "value", NULL);
    zgossip_sendx (hub, "BIND", "tcp://127.0.0.1:*", NULL);
    zgossip_sendx (hub, "PORT", NULL);
    assert (learns (hub, 10000));
    assert (zgossip_recvx (hub, &command, &port, NULL) == 2);
    snprintf (endpoint, sizeof (endpoint), "tcp://127.0.0.1:%s", port);
    free (command);
    free (port);

    listed = node_new ("listed", loaded);
    stranger = node_new ("stranger", stranger_cert);
    clear = node_new ("clear", NULL);
    zgossip_sendx (stranger, "CONNECT", endpoint, zgossip_cert_public_txt (hub_cert), NULL);
    zgossip_sendx (clear, "CONNECT", endpoint, NULL);
    zgossip_sendx (listed, "CONNECT", endpoint, zgossip_cert_public_txt (hub_cert), NULL);
    printf ("listed %d\n", learns (listed, 10000));
    printf ("stranger %d\n", learns (stranger, 700));
    printf ("clear %d\n", learns (clear, 700));
    //  A client that is added to the list connects by itself
    snprintf (path, sizeof (path), "%s/stranger", argv [1]);
    assert (zgossip_cert_save_public (stranger_cert, path) == 0);
    printf ("admitted %d\n", learns (stranger, 20000));

    zgossip_destroy (&listed);
    zgossip_destroy (&stranger);
    zgossip_destroy (&clear);
    zgossip_destroy (&hub);
    zgossip_cert_destroy (&hub_cert);
    zgossip_cert_destroy (&listed_cert);
    zgossip_cert_destroy (&stranger_cert);
    zgossip_cert_destroy (&loaded);
    zgossip_auth_destroy (&auth);
    return auth? 1: 0;
}
