/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    zauth: who is let in by address, password and key; and gossip nodes
    behind it.  */

#include "compat.h"

static zactor_t *auth;

static void command (const char *name, const char *argument)
{
    zstr_sendx (auth, name, argument, NULL);
    printf ("%s %s: %d\n", name, argument? strrchr (argument, '/')? strrchr (argument, '/'): argument: "",
            zsock_wait (auth));
}

//  Prints whether a message passes, and the metadata of its sender. A client
//  that should pass has more time
static void pass (const char *what, bool expected, zsock_t *server, zsock_t *client)
{
    int port = zsock_bind (server, "tcp://127.0.0.1:*");
    zframe_t *frame;
    zsock_set_rcvtimeo (server, expected? 10000: 400);
    //  A client that was turned away before it sends has nowhere to send to
    zsock_set_sndtimeo (client, expected? 10000: 400);
    zsock_connect (client, "tcp://127.0.0.1:%d", port);
    zstr_send (client, "message");
    frame = zframe_recv (server);
    if (frame) {
        const char *user = zframe_meta (frame, "User-Id");
        const char *name = zframe_meta (frame, "name");
        printf ("%s: passes, user %s, name %s\n", what, !user? "none": strlen (user) == 40? "of a key": user,
                name? name: "none");
    }
    else
        printf ("%s: stays out\n", what);
    zframe_destroy (&frame);
    zsock_destroy (&server);
    zsock_destroy (&client);
}

static zsock_t *null_server (void)
{
    zsock_t *server = zsock_new (ZMQ_PULL);
    zsock_set_zap_domain (server, "TEST");
    return server;
}

static zsock_t *plain_server (void)
{
    zsock_t *server = null_server ();
    zsock_set_plain_server (server, 1);
    return server;
}

static zsock_t *plain_client (const char *name, const char *password)
{
    zsock_t *client = zsock_new (ZMQ_PUSH);
    zsock_set_plain_username (client, name);
    zsock_set_plain_password (client, password);
    return client;
}

static zsock_t *curve_server (zcert_t *cert)
{
    zsock_t *server = null_server ();
    zcert_apply (cert, server);
    zsock_set_curve_server (server, 1);
    return server;
}

static zsock_t *curve_client (zcert_t *cert, zcert_t *server)
{
    zsock_t *client = zsock_new (ZMQ_PUSH);
    zcert_apply (cert, client);
    zsock_set_curve_serverkey (client, zcert_public_txt (server));
    return client;
}

static void mechanisms (void)
{
    zcert_t *server = zcert_new (), *listed = zcert_new (), *stranger = zcert_new ();
    char *passwords = compat_path ("passwords");
    char *store = compat_path ("store");
    char *certificate = compat_path ("store/listed");
    FILE *file;
    pass ("nothing said, NULL", true, null_server (), zsock_new (ZMQ_PUSH));
    pass ("nothing said, PLAIN", false, plain_server (), plain_client ("name", "word"));
    pass ("nothing said, CURVE", false, curve_server (server), curve_client (stranger, server));

    file = fopen (passwords, "w");
    fputs ("name=word\nother=\n", file);
    fclose (file);
    command ("PLAIN", passwords);
    pass ("right password", true, plain_server (), plain_client ("name", "word"));
    pass ("wrong password", false, plain_server (), plain_client ("name", "world"));
    pass ("wrong name", false, plain_server (), plain_client ("nobody", "word"));

    zsys_dir_create ("%s", store);
    zcert_set_meta (listed, "name", "%s", "Bob");
    command ("CURVE", store);
    pass ("not listed yet", false, curve_server (server), curve_client (listed, server));
    zcert_save (listed, certificate);
    pass ("listed", true, curve_server (server), curve_client (listed, server));
    pass ("not listed", false, curve_server (server), curve_client (stranger, server));
    pass ("in clear", false, curve_server (server), zsock_new (ZMQ_PUSH));
    command ("CURVE", CURVE_ALLOW_ANY);
    pass ("anyone", true, curve_server (server), curve_client (stranger, server));

    command ("ALLOW", "10.0.0.1");
    pass ("another address, NULL", false, null_server (), zsock_new (ZMQ_PUSH));
    pass ("another address, CURVE", false, curve_server (server), curve_client (stranger, server));
    zstr_sendx (auth, "ALLOW", "127.0.0.2", "127.0.0.1", NULL);
    SHOWN (zsock_wait (auth));
    pass ("allowed address, NULL", true, null_server (), zsock_new (ZMQ_PUSH));
    pass ("allowed address, CURVE", true, curve_server (server), curve_client (stranger, server));
    zactor_destroy (&auth);

    auth = zactor_new (zauth, NULL);
    command ("DENY", "127.0.0.1");
    pass ("denied address, NULL", false, null_server (), zsock_new (ZMQ_PUSH));
    command ("ALLOW", "127.0.0.1");
    pass ("denied and allowed", true, null_server (), zsock_new (ZMQ_PUSH));
    zactor_destroy (&auth);
    pass ("no guard, NULL", true, null_server (), zsock_new (ZMQ_PUSH));

    zcert_destroy (&server);
    zcert_destroy (&listed);
    zcert_destroy (&stranger);
    zstr_free (&passwords);
    zstr_free (&store);
    zstr_free (&certificate);
}

int main (int argc, char **argv)
{
    compat_start (argc, argv);
    auth = zactor_new (zauth, NULL);
    assert (auth);
    mechanisms ();
    return 0;
}
