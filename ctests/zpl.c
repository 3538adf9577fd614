/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Says how CZMQ reads files in ZPL, for a comparison with this library.

    The arguments are "config", or "cert", and the names of files. For each
    file one line that begins with "= " is printed: "refused"; or the items
    of a configuration as "depth:name:value", the last two in hexadecimal; or
    the two keys of a certificate. CZMQ's own complaints go to stdout too.  */

#include <czmq.h>

static void hex (const char *text)
{
    for (; text && *text; text++)
        printf ("%02x", (byte) *text);
}

static int item (zconfig_t *self, void *arg, int level)
{
    (void) arg;
    if (level == 0)
        return 0;               //  The root, which has no line
    printf (" %d:", level);
    hex (zconfig_name (self));
    printf (":");
    hex (zconfig_value (self));
    return 0;
}

int main (int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (streq (argv [1], "cert")) {
            zcert_t *cert = zcert_load (argv [i]);
            if (cert)
                printf ("= %s %s\n", zcert_public_txt (cert), zcert_secret_txt (cert));
            else
                printf ("= refused\n");
            zcert_destroy (&cert);
            continue;
        }
        zconfig_t *root = zconfig_load (argv [i]);
        printf ("=");
        if (root)
            zconfig_execute (root, item, NULL);
        else
            printf (" refused");
        printf ("\n");
        zconfig_destroy (&root);
    }
    return 0;
}
