/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Lists, hash tables, chunks, identifiers and the macros.  */

#include "compat.h"

static void list_of (const char *name, zlist_t *list)
{
    char *item;
    printf ("%s (%d):", name, (int) zlist_size (list));
    for (item = (char *) zlist_first (list); item; item = (char *) zlist_next (list))
        printf (" %s", item);
    printf ("\n");
}

static int backwards (void *one, void *other)
{
    return -strcmp ((char *) one, (char *) other);
}

static void lists (void)
{
    zlist_t *list = zlist_new ();
    zlist_t *copy;
    char text [4] = "own";
    int number;
    SHOWN (zlist_first (list) == NULL && zlist_pop (list) == NULL && zlist_head (list) == NULL);
    SHOWN (zlist_append (list, (void *) "c"));
    zlist_append (list, (void *) "a");
    zlist_push (list, (void *) "b");
    list_of ("three", list);
    SHOW ((char *) zlist_head (list));
    SHOW ((char *) zlist_tail (list));
    SHOW ((char *) zlist_last (list));
    SHOWN (zlist_next (list) == NULL);
    SHOW ((char *) zlist_next (list));
    SHOW ((char *) zlist_item (list));
    zlist_sort (list, NULL);
    list_of ("sorted", list);
    zlist_sort (list, backwards);
    list_of ("backwards", list);
    copy = zlist_dup (list);
    list_of ("copy", copy);
    zlist_remove (copy, zlist_head (copy));
    list_of ("less", copy);
    SHOWN (zlist_exists (copy, zlist_head (copy)));
    SHOWN (zlist_exists (copy, (void *) "nothing"));
    SHOW ((char *) zlist_pop (copy));
    zlist_destroy (&copy);
    SHOWN (copy == NULL);
    zlist_destroy (&copy);
    zlist_purge (list);
    SHOWN (zlist_size (list));

    zlist_autofree (list);
    zlist_append (list, text);
    text [0] = '0';
    list_of ("its own copies", list);
    SHOWN (zlist_exists (list, (void *) "own"));
    zlist_remove (list, (void *) "own");
    SHOWN (zlist_size (list));
    zlist_comparefn (list, (zlist_compare_fn *) strcmp);
    SHOWN (zlist_exists (list, (void *) "own"));
    for (number = 0; number < 20; number++) {
        char name [8];
        snprintf (name, sizeof (name), "%02d", number * 7 % 20);
        zlist_push (list, name);
    }
    zlist_sort (list, NULL);
    list_of ("sorted by its own function", list);
    copy = zlist_dup (list);
    zlist_destroy (&list);
    list_of ("copy of copies", copy);
    zlist_destroy (&copy);

    list = zlist_new ();
    zlist_append (list, malloc (10));
    SHOWN (zlist_freefn (list, zlist_head (list), free, true) == zlist_head (list));
    SHOWN (zlist_freefn (list, list, free, true) == NULL);
    zlist_destroy (&list);
}

static void listx_of (const char *name, zlistx_t *list)
{
    char *item;
    printf ("%s (%d):", name, (int) zlistx_size (list));
    for (item = (char *) zlistx_first (list); item; item = (char *) zlistx_next (list))
        printf (" %s", item);
    printf (" |");
    for (item = (char *) zlistx_last (list); item; item = (char *) zlistx_prev (list))
        printf (" %s", item);
    printf ("\n");
}

static void listsx (void)
{
    zlistx_t *list = zlistx_new ();
    zlistx_t *copy;
    void *handle;
    char *item;
    SHOWN (zlistx_first (list) == NULL && zlistx_cursor (list) == NULL && zlistx_detach (list, NULL) == NULL);
    SHOWN (zlistx_delete (list, NULL));
    zlistx_set_destructor (list, (czmq_destructor *) zstr_free);
    zlistx_set_duplicator (list, (czmq_duplicator *) strdup);
    zlistx_set_comparator (list, (czmq_comparator *) strcmp);
    handle = zlistx_add_end (list, (void *) "middle");
    SHOW ((char *) zlistx_handle_item (handle));
    zlistx_add_start (list, (void *) "start");
    zlistx_add_end (list, (void *) "end");
    listx_of ("three", list);
    SHOWN (zlistx_find (list, (void *) "middle") == handle);
    SHOW ((char *) zlistx_item (list));
    SHOWN (zlistx_cursor (list) == handle);
    SHOWN (zlistx_find (list, (void *) "nothing") == NULL);
    zlistx_move_start (list, handle);
    listx_of ("moved", list);
    zlistx_move_end (list, handle);
    listx_of ("moved", list);
    zlistx_sort (list);
    listx_of ("sorted", list);
    zlistx_insert (list, (void *) "near the end", true);
    zlistx_insert (list, (void *) "n", false);
    listx_of ("inserted", list);
    copy = zlistx_dup (list);
    item = (char *) zlistx_detach (list, NULL);
    SHOW (item);
    free (item);
    //  CZMQ's sort moves items from handle to handle, so handles are found anew
    handle = zlistx_find (list, (void *) "middle");
    SHOWN (zlistx_delete (list, handle));
    zlistx_first (list);
    item = (char *) zlistx_detach_cur (list);
    SHOW (item);
    free (item);
    listx_of ("less", list);
    listx_of ("copy", copy);
    zlistx_purge (list);
    listx_of ("none", list);
    zlistx_destroy (&list);
    zlistx_destroy (&list);
    zlistx_destroy (&copy);
}

static void hash_of (const char *name, zhash_t *hash)
{
    zlist_t *keys = zhash_keys (hash);
    char *key;
    size_t count = 0;
    void *item;
    zlist_sort (keys, NULL);
    printf ("%s (%d):", name, (int) zhash_size (hash));
    for (key = (char *) zlist_first (keys); key; key = (char *) zlist_next (keys))
        printf (" %s=%s", key, (char *) zhash_lookup (hash, key));
    for (item = zhash_first (hash); item; item = zhash_next (hash))
        count += streq ((char *) item, (char *) zhash_lookup (hash, zhash_cursor (hash)));
    printf ("\n");
    zlist_destroy (&keys);
    (void) count;
}

static void hashes (void)
{
    zhash_t *hash = zhash_new ();
    zhash_t *copy;
    char *path = compat_path ("hash");
    int number;
    zframe_t *frame;
    SHOWN (zhash_first (hash) == NULL && zhash_cursor (hash) == NULL);
    SHOWN (zhash_insert (hash, "one", (void *) "1"));
    SHOWN (zhash_insert (hash, "one", (void *) "2"));
    zhash_update (hash, "two", (void *) "2");
    zhash_update (hash, "one", (void *) "uno");
    hash_of ("two", hash);
    SHOWN (zhash_lookup (hash, "three") == NULL);
    SHOWN (zhash_rename (hash, "one", "eins"));
    SHOWN (zhash_rename (hash, "one", "eins"));
    SHOWN (zhash_rename (hash, "two", "eins"));
    hash_of ("renamed", hash);
    zhash_delete (hash, "two");
    zhash_delete (hash, "two");
    hash_of ("less", hash);
    copy = zhash_dup (hash);
    zhash_destroy (&hash);
    hash_of ("copy", copy);
    zhash_autofree (copy);
    for (number = 0; number < 500; number++) {
        char name [16];
        snprintf (name, sizeof (name), "%03d", number);
        zhash_insert (copy, name, name);
    }
    for (number = 0; number < 500; number += 2) {
        char name [16];
        snprintf (name, sizeof (name), "%03d", number);
        zhash_delete (copy, name);
    }
    hash_of ("many", copy);
    SHOWN (zhash_save (copy, path));
    SHOWN (zhash_save (copy, "/nonexistent/file"));
    hash = zhash_new ();
    SHOWN (zhash_load (hash, path));
    SHOWN (zhash_load (hash, "/nonexistent/file"));
    SHOWN (zhash_size (hash));
    SHOW ((char *) zhash_lookup (hash, "499"));
    zhash_destroy (&hash);
    frame = zhash_pack (copy);
    hash = zhash_unpack (frame);
    SHOWN (zhash_size (hash));
    SHOW ((char *) zhash_lookup (hash, "eins"));
    zframe_destroy (&frame);
    zhash_destroy (&hash);
    zhash_destroy (&copy);
    hash = zhash_new ();
    zhash_insert (hash, "freed", malloc (3));
    SHOWN (zhash_freefn (hash, "freed", free) != NULL);
    SHOWN (zhash_freefn (hash, "missing", free) == NULL);
    zhash_destroy (&hash);
    zhash_destroy (&hash);
    zstr_free (&path);
}

static size_t by_length (const void *key)
{
    return strlen ((const char *) key);
}

static int same_length (const void *one, const void *other)
{
    return strlen ((const char *) one) != strlen ((const char *) other);
}

static void hashesx (void)
{
    zhashx_t *hash = zhashx_new ();
    zhashx_t *copy;
    zlistx_t *list;
    zframe_t *frame;
    zhashx_set_destructor (hash, (czmq_destructor *) zstr_free);
    zhashx_set_duplicator (hash, (czmq_duplicator *) strdup);
    SHOWN (zhashx_insert (hash, "one", (void *) "1"));
    SHOWN (zhashx_insert (hash, "one", (void *) "2"));
    zhashx_update (hash, "one", (void *) "uno");
    SHOW ((const char *) zhashx_cursor (hash));
    zhashx_update (hash, "two", (void *) "due");
    SHOW ((char *) zhashx_lookup (hash, "one"));
    SHOW ((const char *) zhashx_cursor (hash));
    SHOWN (zhashx_rename (hash, "two", "three"));
    list = zhashx_keys (hash);
    zlistx_set_comparator (list, (czmq_comparator *) strcmp);
    zlistx_sort (list);
    listx_of ("keys", list);
    zlistx_destroy (&list);
    list = zhashx_values (hash);
    zlistx_set_comparator (list, (czmq_comparator *) strcmp);
    zlistx_sort (list);
    listx_of ("values", list);
    zlistx_destroy (&list);
    copy = zhashx_dup (hash);
    zhashx_delete (hash, "one");
    SHOWN (zhashx_size (hash));
    zhashx_purge (hash);
    SHOWN (zhashx_size (hash));
    SHOWN (zhashx_first (hash) == NULL && zhashx_next (hash) == NULL);
    zhashx_destroy (&hash);
    SHOW ((char *) zhashx_lookup (copy, "three"));
    zhashx_delete (copy, "three");
    frame = zhashx_pack (copy);
    SHOWF (zframe_strhex (frame));
    hash = zhashx_unpack (frame);
    SHOW ((char *) zhashx_lookup (hash, "one"));
    zframe_destroy (&frame);
    zhashx_destroy (&hash);
    zhashx_destroy (&copy);

    hash = zhashx_new ();
    zhashx_set_key_hasher (hash, by_length);
    zhashx_set_key_comparator (hash, same_length);
    zhashx_set_key_duplicator (hash, NULL);
    zhashx_set_key_destructor (hash, NULL);
    SHOWN (zhashx_insert (hash, "abc", (void *) "three"));
    SHOWN (zhashx_insert (hash, "xyz", (void *) "three too"));
    SHOW ((char *) zhashx_lookup (hash, "123"));
    zhashx_destroy (&hash);
    zhashx_destroy (&hash);
}

static void rest (void)
{
    zchunk_t *chunk = zchunk_new ("abc", 3);
    zchunk_t *copy;
    zuuid_t *uuid;
    zuuid_t *other;
    byte octets [ZUUID_LEN] = { 0x12, 0x34, 0xab, 0xcd, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255 };
    char *none = NULL;
    int times;
    bool in_range = true;
    SHOWN (zchunk_append (chunk, "def", 3));
    SHOWN (zchunk_extend (chunk, "def", 3));
    SHOWF (zchunk_strdup (chunk));
    SHOWN (zchunk_streq (chunk, "abcdef"));
    copy = zchunk_dup (chunk);
    zchunk_destroy (&chunk);
    zchunk_destroy (&chunk);
    SHOWN (memcmp (zchunk_data (copy), "abcdef", 6));
    zchunk_destroy (&copy);

    uuid = zuuid_new_from (octets);
    SHOW (zuuid_str (uuid));
    SHOW (zuuid_str_canonical (uuid));
    SHOWN (zuuid_size (uuid));
    other = zuuid_new ();
    SHOWN (zuuid_neq (uuid, zuuid_data (other)));
    SHOWN (zuuid_set_str (other, "{1234ABCD-0506-0708-090a-0b0c0d0e0fff}"));
    SHOWN (zuuid_eq (uuid, zuuid_data (other)));
    SHOWN (zuuid_set_str (other, "short"));
    zuuid_destroy (&other);
    other = zuuid_dup (uuid);
    SHOW (zuuid_str (other));
    zuuid_destroy (&uuid);
    zuuid_destroy (&uuid);
    zuuid_destroy (&other);

    SHOWN (streq ("a", "a") && strneq ("a", "b"));
    for (times = 0; times < 1000; times++)
        if (randof (10) < 0 || randof (10) > 9)
            in_range = false;
    SHOWN (in_range);
    SHOWN (sizeof (byte) + sizeof (dbyte) * 10 + sizeof (qbyte) * 100 + sizeof (uint) * 1000);
    SHOWN (CZMQ_VERSION);
    none = (char *) zmalloc (10);
    SHOWN (none [9]);
    freen (none);
    SHOWN (none == NULL);
}

int main (int argc, char **argv)
{
    compat_start (argc, argv);
    lists ();
    listsx ();
    hashes ();
    hashesx ();
    rest ();
    return 0;
}
