/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The log, clocks, files, configuration and certificates.  */

#include "compat.h"

//  Prints a file without the lines that hold its date and the library
static void show_file (const char *path)
{
    char line [256];
    FILE *file = fopen (path, "r");
    printf ("%s\n", file? "file:": "no file");
    while (file && fgets (line, sizeof (line), file))
        if (!strstr (line, "Generated on"))
            printf ("| %s", line);
    if (file)
        fclose (file);
}

static void logs (void)
{
    char *path = compat_path ("log");
    FILE *file = fopen (path, "w+");
    char line [256];
    zsys_set_logstream (file);
    zsys_error ("an error %d", 1);
    zsys_warning ("a warning %s", "%s");
    zsys_notice ("a notice");
    zsys_info ("some information");
    zsys_debug ("a detail");
    zsys_set_logident ("name");
    zsys_info ("with a name");
    zsys_set_logstream (NULL);
    zsys_info ("into nothing");
    zsys_set_logstream (stdout);
    zsys_set_logident ("");
    rewind (file);
    while (fgets (line, sizeof (line), file)) {
        //  Digits belong to the time, and are replaced
        char *next;
        for (next = line; *next; next++)
            if (isdigit (*next) && next < line + 30)
                *next = '0';
        printf ("%s", line);
    }
    fclose (file);
    zstr_free (&path);
}

static void clocks (void)
{
    int64_t mono = zclock_mono ();
    int64_t usecs = zclock_usecs ();
    int64_t slept;
    char *text = zclock_timestr ();
    zclock_sleep (30);
    slept = zclock_mono () - mono;
    SHOWN (slept >= 29 && slept < 5000);
    slept = zclock_usecs () - usecs;
    SHOWN (slept >= 29000 && slept < 5000000);
    SHOWN (zclock_time () / 1000 - (int64_t) time (NULL) < 2);
    SHOWN (strlen (text));
    SHOWN (text [4] == '-' && text [7] == '-' && text [10] == ' ' && text [13] == ':');
    zstr_free (&text);
}

static void system_things (void)
{
    int major = 0, minor = 0;
    char *path = compat_path ("sub/directory");
    char *file = zsys_sprintf ("%s/file", path);
    char *host = zsys_hostname ();
    FILE *stream;
    zsys_version (&major, &minor, NULL);
    printf ("%d.%d\n", major, minor);
    SHOWN (zsys_has_curve ());
    SHOWN (host != NULL);
    zstr_free (&host);
    SHOWF (zsys_sprintf ("%d-%s-%5.1f", 1, "two", 3.0));
    SHOWN (zsys_file_exists (file));
    SHOWN (zsys_file_size (file));
    SHOWN (zsys_file_mode (file));
    SHOWN (zsys_file_modified (file));
    SHOWN (zsys_dir_create ("%s", path));
    SHOWN (zsys_dir_create ("%s", path));
    stream = fopen (file, "w");
    fputs ("12345", stream);
    fclose (stream);
    SHOWN (zsys_file_exists (file));
    SHOWN (zsys_file_size (file));
    SHOWN (S_ISREG (zsys_file_mode (file)));
    SHOWN (S_ISDIR (zsys_file_mode (path)));
    SHOWN (zsys_file_modified (file) > 0);
    SHOWN (zsys_file_stable (file));
    SHOWN (zsys_dir_delete ("%s", path) == 0);
    SHOWN (zsys_file_delete (file));
    SHOWN (zsys_file_delete (file));
    SHOWN (zsys_dir_delete ("%s", path));
    SHOW (zsys_sockname (ZMQ_ROUTER));
    SHOWN (zsys_init () == zsys_init ());
    SHOWN (zsys_socket_limit () > 1000);
    zstr_free (&file);
    zstr_free (&path);
}

static int on_item (zconfig_t *self, void *arg, int level)
{
    printf ("%s%d %s=%s\n", (char *) arg, level, zconfig_name (self), zconfig_value (self)? zconfig_value (self): "");
    return 0;
}

static void configuration (void)
{
    zconfig_t *root = zconfig_new ("root", NULL);
    zconfig_t *item;
    zconfig_t *loaded;
    char *path = compat_path ("config");
    zchunk_t *chunk;
    SHOW (zconfig_name (root));
    SHOWN (zconfig_value (root) == NULL && zconfig_child (root) == NULL && zconfig_next (root) == NULL);
    zconfig_put (root, "server/timeout", "1000");
    zconfig_put (root, "/server/timeout", "2000");
    zconfig_put (root, "server/other", "in the # value");
    zconfig_putf (root, "client/name", "%s-%d", "name", 5);
    item = zconfig_new ("bind", zconfig_locate (root, "server"));
    zconfig_set_value (item, "%s", "tcp://*:5670");
    item = zconfig_new ("bind", zconfig_locate (root, "server"));
    zconfig_set_value (item, "tcp://*:%d", 5671);
    zconfig_put (root, "empty", "");
    SHOW (zconfig_get (root, "server/timeout", "default"));
    SHOW (zconfig_get (root, "server/missing", "default"));
    SHOWN (zconfig_get (root, "server", NULL) == NULL);
    SHOW (zconfig_resolve (root, "server/bind", "default"));
    SHOWN (zconfig_locate (root, "nothing") == NULL);
    item = zconfig_child (root);
    SHOW (zconfig_name (item));
    SHOW (zconfig_name (zconfig_next (item)));
    SHOW (zconfig_name (zconfig_at_depth (root, 1)));
    SHOWN (zconfig_execute (root, on_item, (void *) "level "));
    zconfig_set_comment (root, "A comment of %d lines", 2);
    zconfig_set_comment (root, "second line");
    zconfig_set_comment (zconfig_locate (root, "client"), "about the client");
    SHOWN (zlist_size (zconfig_comments (root)));
    SHOWN (zconfig_save (root, path));
    show_file (path);
    SHOWN (zconfig_save (root, "-"));
    zconfig_print (root);
    zconfig_fprint (root, stdout);
    SHOWF (zconfig_str_save (root));
    zconfig_set_comment (root, NULL);
    SHOWN (zconfig_comments (root) == NULL);
    zconfig_set_name (zconfig_locate (root, "empty"), "renamed");
    zconfig_set_value (zconfig_locate (root, "renamed"), NULL);
    SHOWN (zconfig_save (root, "/nonexistent/file"));
    SHOWN (zconfig_filename (root) == NULL);

    loaded = zconfig_load (path);
    SHOW (zconfig_name (loaded));
    SHOWN (streq (zconfig_filename (loaded), path));
    SHOWN (zconfig_has_changed (loaded));
    zconfig_print (loaded);
    SHOWN (zconfig_savef (root, "%s", path));
    zconfig_destroy (&loaded);
    loaded = zconfig_loadf ("%s/%s", directory, "config");
    zconfig_print (loaded);
    SHOWN (zconfig_reload (&loaded));
    zconfig_destroy (&loaded);
    SHOWN (loaded == NULL);
    zconfig_destroy (&loaded);
    SHOWN (zconfig_load ("/nonexistent/file") == NULL);
    zconfig_destroy (&root);

    root = zconfig_str_load ("#   comment\na = 1   # comment\n    b = '2 # no comment'\n        c = \" 3 \"\n    d\n"
                             "e = plain words\nf\n    g\n");
    zconfig_print (root);
    SHOW (zconfig_get (root, "a/b/c", ""));
    chunk = zconfig_chunk_save (root);
    loaded = zconfig_chunk_load (chunk);
    SHOW (zconfig_get (loaded, "a/b", ""));
    zconfig_destroy (&loaded);
    zchunk_destroy (&chunk);
    zconfig_destroy (&root);
    root = zconfig_str_load ("");
    SHOWN (root != NULL && zconfig_child (root) == NULL);
    zconfig_destroy (&root);
    zstr_free (&path);
}

static void certificates (void)
{
    byte public_key [32], secret_key [32];
    zcert_t *cert;
    zcert_t *other;
    zlist_t *keys;
    zsock_t *sock;
    char *path = compat_path ("cert");
    char *text = compat_path ("cert_secret");
    memset (public_key, 1, sizeof (public_key));
    memset (secret_key, 2, sizeof (secret_key));
    cert = zcert_new_from (public_key, secret_key);
    SHOW (zcert_public_txt (cert));
    SHOW (zcert_secret_txt (cert));
    SHOWN (memcmp (zcert_public_key (cert), public_key, 32) | memcmp (zcert_secret_key (cert), secret_key, 32));
    zcert_set_meta (cert, "name", "%s", "Bob");
    zcert_set_meta (cert, "name", "%s", "not twice");
    SHOW (zcert_meta (cert, "name"));
    SHOWN (zcert_meta (cert, "missing") == NULL);
    keys = zcert_meta_keys (cert);
    SHOWN (zlist_size (keys));
    SHOW ((char *) zlist_first (keys));
    zlist_destroy (&keys);
    SHOWN (zcert_save (cert, path));
    show_file (path);
    show_file (text);
    SHOWN (zsys_file_mode (text) & 0777);
    other = zcert_load (path);
    SHOWN (zcert_eq (cert, other));
    SHOW (zcert_meta (other, "name"));
    zcert_destroy (&other);
    SHOWN (other == NULL);
    zcert_destroy (&other);
    other = zcert_dup (cert);
    SHOWN (zcert_eq (cert, other));
    SHOW (zcert_meta (other, "name"));
    SHOWN (zcert_dup (NULL) == NULL);
    SHOWN (zsys_file_delete (text));
    zcert_destroy (&other);
    other = zcert_load (path);
    SHOWN (zcert_eq (cert, other));
    SHOW (zcert_secret_txt (other));
    zcert_destroy (&other);
    SHOWN (zcert_save_secret (cert, path));
    show_file (path);
    SHOWN (zcert_save_public (cert, path));
    SHOWN (zcert_save (cert, "/nonexistent/file"));
    SHOWN (zcert_load ("/nonexistent/file") == NULL);
    zcert_destroy (&cert);
    cert = zcert_new ();
    other = zcert_new ();
    SHOWN (zcert_eq (cert, other));
    SHOWN (strlen (zcert_public_txt (cert)) + strlen (zcert_secret_txt (cert)));
    sock = zsock_new (ZMQ_DEALER);
    zcert_apply (cert, sock);
    zstr_free (&text);
    text = zsock_curve_publickey (sock);
    SHOWN (streq (text, zcert_public_txt (cert)));
    SHOWN (zsock_mechanism (sock));
    zsock_destroy (&sock);
    zcert_destroy (&cert);
    zcert_destroy (&other);
    zstr_free (&text);
    zstr_free (&path);
}

int main (int argc, char **argv)
{
    compat_start (argc, argv);
    logs ();
    clocks ();
    system_things ();
    configuration ();
    certificates ();
    return 0;
}
