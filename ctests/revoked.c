/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A client whose certificate is taken away loses its connection, to a hub
    that was told nothing, and keeps the one to a hub that is to let such
    connections stand, until that is told otherwise. The argument is a
    directory for certificates.  */

#include <zgossip/zgossip.h>
#include <unistd.h>
#include "check.h"

#define PATIENCE 60000

static zgossip_t *hub_new (const char *name, zgossip_cert_t *cert)
{
    zgossip_t *hub = zgossip_new (name);
    CHECK (hub && zgossip_set_events (hub, true) == 0 && zgossip_set_rcvtimeo (hub, PATIENCE) == 0);
    CHECK (zgossip_set_keys (hub, zgossip_cert_public_txt (cert), zgossip_cert_secret_txt (cert)) == 0);
    return hub;
}

static void connect_to (zgossip_t *client, zgossip_t *hub, zgossip_cert_t *cert)
{
    char endpoint [64];
    int port = zgossip_bind (hub, "tcp://127.0.0.1:*");
    CHECK (port > 0);
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
    CHECK (zgossip_connect (client, endpoint, zgossip_cert_public_txt (cert)) == 0);
    CHECK (zgossip_wait_key (hub, "client", PATIENCE) == 0);
}

static void expect_leave (zgossip_t *hub)
{
    bool left = false;
    while (!left) {
        zgossip_event_t *event = zgossip_recv_event (hub);
        CHECK (event);
        left = event->kind == ZGOSSIP_EVENT_LEAVE;
        zgossip_event_destroy (&event);
    }
}

int main (int argc, char **argv)
{
    char file [1024];
    CHECK (argc == 2);
    snprintf (file, sizeof file, "%s/client", argv [1]);
    zgossip_cert_t *cert = zgossip_cert_new ();
    zgossip_cert_t *own = zgossip_cert_new ();
    CHECK (cert && own && zgossip_cert_save_public (own, file) == 0);
    zgossip_auth_t *auth = zgossip_auth_new (NULL);
    CHECK (auth && zgossip_auth_curve (auth, argv [1]) == 0);
    zgossip_t *strict = hub_new ("strict", cert);
    zgossip_t *lax = hub_new ("lax", cert);
    CHECK (zgossip_set (lax, "zgossip/security/revocation", "0") == 0);
    zgossip_t *client = hub_new ("client", own);
    CHECK (zgossip_publish (client, "client", "1") == 0);
    connect_to (client, strict, cert);
    connect_to (client, lax, cert);

    CHECK (unlink (file) == 0);
    expect_leave (strict);
    printf ("strict: ended\n");
    CHECK (zgossip_publish (strict, "secret", "1") == 0 && zgossip_publish (lax, "open", "1") == 0);
    CHECK (zgossip_wait_key (client, "open", PATIENCE) == 0);
    printf ("lax: stands\n");
    CHECK (zgossip_set (lax, "zgossip/security/revocation", "1") == 0);
    expect_leave (lax);
    printf ("lax: ended\n");
    CHECK (zgossip_get (client, "secret") == NULL);

    zgossip_destroy (&client);
    zgossip_destroy (&lax);
    zgossip_destroy (&strict);
    zgossip_auth_destroy (&auth);
    zgossip_cert_destroy (&own);
    zgossip_cert_destroy (&cert);
    printf ("the end");
    return 0;
}
