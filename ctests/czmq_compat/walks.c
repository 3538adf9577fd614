/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Lists and hash tables that change while a program walks through them:
    what is visited, in which order, and where the cursor is afterwards.  */

#include "compat.h"

static uint32_t state;

//  The same numbers from 0 on below a limit, with every library.
static int draw (int limit)
{
    state = state * 1664525u + 1013904223u;
    return (int) ((state >> 8) % (uint32_t) limit);
}

static char names [400] [16];

static void make_names (void)
{
    int number;
    for (number = 0; number < 400; number++)
        snprintf (names [number], sizeof (names [number]), "k%d", number);
}

static const char *text (const void *item)
{
    return item? (const char *) item: "-";
}

//  Each way in which programs empty a container that they walk through.
static void emptied_lists (void)
{
    zlist_t *list = zlist_new ();
    zlistx_t *listx = zlistx_new ();
    char *item;
    int number;
    for (number = 0; number < 9; number++)
        zlist_append (list, names [number]);
    printf ("zlist, each removed:");
    for (item = (char *) zlist_first (list); item; item = (char *) zlist_next (list)) {
        printf (" %s", item);
        zlist_remove (list, item);
        printf ("/%s", text (zlist_item (list)));
    }
    printf (", left %d\n", (int) zlist_size (list));
    zlist_purge (list);
    for (number = 0; number < 9; number++)
        zlist_append (list, names [number]);
    printf ("zlist, each second removed:");
    for (item = (char *) zlist_first (list); item; item = (char *) zlist_next (list)) {
        printf (" %s", item);
        if (++number % 2)
            zlist_remove (list, item);
    }
    printf (", left %d\n", (int) zlist_size (list));
    printf ("zlist, last removed at the first:");
    zlist_first (list);
    zlist_remove (list, zlist_tail (list));
    printf (" %s", text (zlist_item (list)));
    printf (" %s\n", text (zlist_next (list)));
    zlist_destroy (&list);

    for (number = 0; number < 9; number++)
        zlistx_add_end (listx, names [number]);
    printf ("zlistx, each deleted:");
    for (item = (char *) zlistx_first (listx); item; item = (char *) zlistx_next (listx)) {
        printf (" %s", item);
        zlistx_delete (listx, zlistx_cursor (listx));
        printf ("/%s", text (zlistx_item (listx)));
    }
    printf (", left %d\n", (int) zlistx_size (listx));
    for (number = 0; number < 9; number++)
        zlistx_add_end (listx, names [number]);
    zlistx_last (listx);
    zlistx_purge (listx);
    printf ("zlistx, purged: %s\n", text (zlistx_item (listx)));
    zlistx_destroy (&listx);
}

static void emptied_tables (int count)
{
    zhash_t *hash = zhash_new ();
    zhashx_t *hashx = zhashx_new ();
    char *item;
    int number;
    for (number = 0; number < count; number++) {
        zhash_insert (hash, names [number], names [number]);
        zhashx_insert (hashx, names [number], names [number]);
    }
    printf ("%d: zhash, walked:", count);
    for (item = (char *) zhash_first (hash); item; item = (char *) zhash_next (hash))
        printf (" %s", zhash_cursor (hash));
    printf (", at the end %s", text (zhash_cursor (hash)));
    printf (", then %s\n", text (zhash_next (hash)));
    printf ("%d: zhash, each deleted:", count);
    for (item = (char *) zhash_first (hash); item; item = (char *) zhash_next (hash)) {
        printf (" %s", item);
        zhash_delete (hash, zhash_cursor (hash));
        printf ("/%s", text (zhash_cursor (hash)));
    }
    printf (", left %d, %s\n", (int) zhash_size (hash), text (zhash_cursor (hash)));
    printf ("%d: zhashx, walked:", count);
    for (item = (char *) zhashx_first (hashx); item; item = (char *) zhashx_next (hashx))
        printf (" %s", (const char *) zhashx_cursor (hashx));
    printf (", at the end %s", text (zhashx_cursor (hashx)));
    printf (", then %s\n", text (zhashx_next (hashx)));
    printf ("%d: zhashx, each deleted:", count);
    for (item = (char *) zhashx_first (hashx); item; item = (char *) zhashx_next (hashx)) {
        printf (" %s", item);
        zhashx_delete (hashx, zhashx_cursor (hashx));
        printf ("/%s", text (zhashx_cursor (hashx)));
    }
    printf (", left %d, %s\n", (int) zhashx_size (hashx), text (zhashx_cursor (hashx)));
    zhash_destroy (&hash);
    zhashx_destroy (&hashx);
}

static int frees;

static void count_free (void *item)
{
    frees += item != NULL;
}

static void count_destroy (void **item_p)
{
    frees += 100;
    *item_p = NULL;
}

//  Some are equal to others
static int by_tens (void *one, void *other)
{
    return atoi ((char *) one + 1) / 10 - atoi ((char *) other + 1) / 10;
}

static void random_list (int with_comparison)
{
    zlist_t *list = zlist_new ();
    int steps;
    if (with_comparison)
        zlist_comparefn (list, by_tens);
    for (steps = 0; steps < 1500; steps++) {
        char *name = names [draw (60)];
        void *got = NULL;
        int what = draw (34);
        switch (what) {
            case 0: case 1: case 2: case 3: zlist_append (list, name); break;
            case 4: case 5: case 6: zlist_push (list, name); break;
            case 7: got = zlist_pop (list); break;
            case 8: case 9: case 10: zlist_remove (list, name); break;
            case 11: case 12: if (zlist_item (list)) zlist_remove (list, zlist_item (list)); break;
            case 13: got = zlist_first (list); break;
            case 14: got = zlist_last (list); break;
            case 15: got = zlist_head (list); break;
            case 16: got = zlist_tail (list); break;
            case 17: zlist_sort (list, NULL); break;
            case 18: zlist_sort (list, by_tens); break;
            case 19: got = zlist_freefn (list, name, count_free, draw (2)); break;
            case 20: if (draw (20) == 0) zlist_purge (list); break;
            case 21: printf ("%d ", zlist_exists (list, name)); break;
            default: got = zlist_next (list);
        }
        printf ("list %d: %s, at %s, %d, %d\n", what, text (got), text (zlist_item (list)),
                (int) zlist_size (list), frees);
    }
    zlist_destroy (&list);
    printf ("list: %d\n", frees);
}

static int by_tens_x (const void *one, const void *other)
{
    return by_tens ((void *) one, (void *) other);
}

static void forget (void **handles, void *handle)
{
    int number;
    for (number = 0; number < 30; number++)
        if (handles [number] == handle)
            handles [number] = NULL;
}

//  Without zlistx_sort, which in CZMQ does not always sort.
static void random_listx (void)
{
    zlistx_t *list = zlistx_new ();
    void *handles [30] = { NULL };
    int steps;
    zlistx_set_comparator (list, by_tens_x);
    zlistx_set_destructor (list, count_destroy);
    for (steps = 0; steps < 1500; steps++) {
        char *name = names [draw (100)];
        void **handle = &handles [draw (30)];
        void *got = NULL;
        int what = draw (30);
        if (what < 7) {
            if (*handle) {
                zlistx_delete (list, *handle);
                forget (handles, *handle);
            }
            *handle = what < 3? zlistx_add_end (list, name): what < 5? zlistx_add_start (list, name):
                      zlistx_insert (list, name, what == 5);
        }
        else
        switch (what) {
            case 7: got = zlistx_first (list); break;
            case 8: got = zlistx_last (list); break;
            case 9: got = zlistx_head (list); break;
            case 10: got = zlistx_tail (list); break;
            case 12: got = zlistx_find (list, name)? (void *) "found": NULL; break;
            case 13: case 14:
                got = zlistx_cursor (list);
                if (got) {
                    forget (handles, got);
                    got = zlistx_detach_cur (list);
                }
                break;
            case 15: case 16:
                got = zlistx_cursor (list);
                if (got) {
                    forget (handles, got);
                    printf ("%d ", zlistx_delete (list, got));
                    got = NULL;
                }
                break;
            case 17: if (*handle) zlistx_move_start (list, *handle); break;
            case 18: if (*handle) zlistx_move_end (list, *handle); break;
            case 19: if (*handle) zlistx_reorder (list, *handle, draw (2)); break;
            case 20: got = zlistx_handle_item (*handle); break;
            case 21: case 22: case 23: got = zlistx_prev (list); break;
            case 24:
                if (draw (20) == 0) {
                    zlistx_purge (list);
                    memset (handles, 0, sizeof (handles));
                }
                break;
            default: got = zlistx_next (list);
        }
        printf ("listx %d: %s, at %s, %d, %d\n", what, text (got), text (zlistx_item (list)),
                (int) zlistx_size (list), frees);
    }
    zlistx_destroy (&list);
    printf ("listx: %d\n", frees);
}

static void keys_of (zhash_t *hash)
{
    zlist_t *keys = zhash_keys (hash);
    char *key;
    for (key = (char *) zlist_first (keys); key; key = (char *) zlist_next (keys))
        printf ("%s ", key);
    zlist_destroy (&keys);
}

//  CZMQ's cursor is left on a freed key by zhash_rename, so a new walk begins after it.
static void random_hash (int keys)
{
    zhash_t *hash = zhash_new ();
    zhash_t *copy;
    int steps;
    for (steps = 0; steps < 1500; steps++) {
        char *name = names [draw (keys)];
        const void *got = NULL;
        int result = 0;
        int what = draw (30);
        switch (what) {
            case 0: case 1: case 2: case 3: case 4: case 5: result = zhash_insert (hash, name, name); break;
            case 6: case 7: zhash_update (hash, name, names [draw (400)]); break;
            case 8: case 9: zhash_delete (hash, name); break;
            case 10: case 11: if (zhash_cursor (hash)) zhash_delete (hash, zhash_cursor (hash)); break;
            case 12: case 13: got = zhash_lookup (hash, name); break;
            case 14:
                result = zhash_rename (hash, name, names [draw (keys)]);
                got = zhash_first (hash);
                break;
            case 15: got = zhash_first (hash); break;
            case 16: got = zhash_freefn (hash, name, count_free); break;
            case 17: keys_of (hash); break;
            case 18:
                copy = zhash_dup (hash);
                keys_of (copy);
                zhash_destroy (&copy);
                break;
            default: got = zhash_next (hash);
        }
        printf ("hash %d: %d %s, at %s, %d, %d\n", what, result, text (got), text (zhash_cursor (hash)),
                (int) zhash_size (hash), frees);
    }
    zhash_destroy (&hash);
    printf ("hash: %d\n", frees);
}

static void keys_of_x (zhashx_t *hash, bool owned)
{
    zlistx_t *keys = zhashx_keys (hash);
    zlistx_t *values = zhashx_values (hash);
    char *key;
    for (key = (char *) zlistx_first (keys); key; key = (char *) zlistx_next (keys))
        printf ("%s=%s ", key, text (zlistx_item (values)));
    for (key = (char *) zlistx_first (values); key; key = (char *) zlistx_next (values))
        printf ("%s ", key);
    zlistx_destroy (&keys);
    if (!owned)
        zlistx_set_destructor (values, NULL);
    zlistx_destroy (&values);
}

static size_t few_buckets (const void *key)
{
    return (size_t) atoi ((const char *) key + 1) % 7;
}

static int case_matters_not (const void *one, const void *other)
{
    return strcasecmp ((const char *) one, (const char *) other);
}

static void random_hashx (int keys, zhashx_hash_fn *hasher)
{
    zhashx_t *hash = zhashx_new ();
    zhashx_t *copy;
    int steps;
    if (hasher) {
        zhashx_set_key_hasher (hash, hasher);
        zhashx_set_key_comparator (hash, case_matters_not);
    }
    zhashx_set_destructor (hash, count_destroy);
    for (steps = 0; steps < 1500; steps++) {
        char *name = names [draw (keys)];
        const void *got = NULL;
        int result = 0;
        int what = draw (30);
        switch (what) {
            case 0: case 1: case 2: case 3: case 4: case 5: result = zhashx_insert (hash, name, name); break;
            case 6: case 7: zhashx_update (hash, name, names [draw (400)]); break;
            case 8: case 9: zhashx_delete (hash, name); break;
            case 10: case 11: if (zhashx_cursor (hash)) zhashx_delete (hash, zhashx_cursor (hash)); break;
            case 12: case 13: got = zhashx_lookup (hash, name); break;
            case 14: case 15: result = zhashx_rename (hash, name, names [draw (keys)]); break;
            case 16: got = zhashx_freefn (hash, name, count_free); break;
            case 17: keys_of_x (hash, false); break;
            case 18:
                copy = zhashx_dup (hash);
                zhashx_set_destructor (copy, NULL);
                keys_of_x (copy, false);
                zhashx_destroy (&copy);
                break;
            case 19: got = zhashx_first (hash); break;
            case 20: if (draw (20) == 0) zhashx_purge (hash); break;
            default: got = zhashx_next (hash);
        }
        printf ("hashx %d: %d %s, at %s, %d, %d\n", what, result, text (got), text (zhashx_cursor (hash)),
                (int) zhashx_size (hash), frees);
    }
    zhashx_destroy (&hash);
    printf ("hashx: %d\n", frees);
}

static void random_msg (void)
{
    zmsg_t *msg = zmsg_new ();
    int steps;
    for (steps = 0; steps < 1000; steps++) {
        char *name = names [draw (400)];
        zframe_t *frame = NULL;
        zmsg_t *other;
        char *popped;
        int what = draw (26);
        switch (what) {
            case 0: case 1: zmsg_addstr (msg, name); break;
            case 2: zmsg_pushstr (msg, name); break;
            case 3: frame = zmsg_first (msg); break;
            case 4: frame = zmsg_last (msg); break;
            case 5:
                popped = zmsg_popstr (msg);
                printf ("%s ", text (popped));
                zstr_free (&popped);
                break;
            case 6:
                frame = zframe_from (name);
                zmsg_append (msg, &frame);
                break;
            case 7:
                frame = zframe_from (name);
                zmsg_prepend (msg, &frame);
                break;
            case 8: case 9: case 10:
                frame = zmsg_next (msg);
                if (frame) {
                    zmsg_remove (msg, frame);
                    zframe_destroy (&frame);
                }
                break;
            case 11:
                frame = zmsg_last (msg);
                if (frame) {
                    zmsg_remove (msg, frame);
                    zframe_destroy (&frame);
                }
                break;
            case 12:
                other = zmsg_dup (msg);
                frame = zmsg_next (other);
                if (frame)
                    printf ("%.*s ", (int) zframe_size (frame), (char *) zframe_data (frame));
                frame = NULL;
                zmsg_destroy (&other);
                break;
            case 13:
                frame = zmsg_pop (msg);
                zframe_destroy (&frame);
                break;
            case 14:
                frame = zmsg_encode (msg);
                other = zmsg_decode (frame);
                zframe_destroy (&frame);
                if (other && draw (2))
                    zmsg_addstr (other, name);
                printf ("%d ", other && zmsg_eq (msg, other));
                zmsg_destroy (&other);
                break;
            case 15:
                printf ("%d ", zmsg_signal (msg));
                break;
            default: frame = zmsg_next (msg);
        }
        printf ("msg %d: %.*s, %d, %d\n", what, frame? (int) zframe_size (frame): 1,
                frame? (char *) zframe_data (frame): "-", (int) zmsg_size (msg), (int) zmsg_content_size (msg));
    }
    zmsg_destroy (&msg);
}

//  Names and values with their order, where a table is inside.
static void others (void)
{
    zcert_t *cert = zcert_new ();
    zlist_t *keys;
    char *key;
    int number;
    for (number = 0; number < 9; number++)
        zcert_set_meta (cert, names [number], "%d", number);
    keys = zcert_meta_keys (cert);
    for (key = (char *) zlist_first (keys); key; key = (char *) zlist_next (keys))
        printf ("%s ", key);
    printf ("\n");
    zlist_destroy (&keys);
    zcert_destroy (&cert);
}

//  The order is seen in what others are sent.
static void packed (void)
{
    zhash_t *hash = zhash_new ();
    zhashx_t *hashx = zhashx_new ();
    zframe_t *frame;
    int number;
    for (number = 0; number < 40; number++) {
        zhash_insert (hash, names [number], names [399 - number]);
        zhashx_insert (hashx, names [number], names [399 - number]);
    }
    frame = zhash_pack (hash);
    SHOWF (zframe_strhex (frame));
    zhash_destroy (&hash);
    hash = zhash_unpack (frame);
    keys_of (hash);
    printf ("%d\n", (int) zhash_size (hash));
    zhash_destroy (&hash);
    zframe_destroy (&frame);
    frame = zhashx_pack (hashx);
    SHOWF (zframe_strhex (frame));
    zhashx_destroy (&hashx);
    hashx = zhashx_unpack (frame);
    keys_of_x (hashx, true);
    printf ("%d\n", (int) zhashx_size (hashx));
    zhashx_destroy (&hashx);
    zframe_destroy (&frame);
}

//  With copies of strings, a function of their own frees them at most once.
static void owned (void)
{
    zlist_t *list = zlist_new ();
    zhash_t *hash = zhash_new ();
    zlist_autofree (list);
    zlist_append (list, names [0]);
    zlist_append (list, names [1]);
    zlist_append (list, names [2]);
    zlist_freefn (list, zlist_first (list), free, false);
    zlist_remove (list, zlist_first (list));
    zlist_remove (list, zlist_last (list));
    zlist_freefn (list, zlist_first (list), free, false);
    zlist_destroy (&list);

    zhash_autofree (hash);
    zhash_insert (hash, "a", names [0]);
    zhash_insert (hash, "b", names [0]);
    zhash_freefn (hash, "a", free);
    zhash_freefn (hash, "b", free);
    zhash_update (hash, "a", names [1]);
    zhash_update (hash, "a", names [2]);
    zhash_delete (hash, "b");
    SHOW ((char *) zhash_lookup (hash, "a"));
    zhash_destroy (&hash);
}

int main (int argc, char **argv)
{
    int round;
    compat_start (argc, argv);
    make_names ();
    emptied_lists ();
    for (round = 1; round < 400; round += 1 + round / 3)
        emptied_tables (round);
    packed ();
    owned ();
    others ();
    for (round = 0; round < 4; round++) {
        state = (uint32_t) round;
        printf ("round %d\n", round);
        random_list (round % 2);
        random_listx ();
        random_hash (round % 2? 400: 20);
        random_hashx (round % 2? 400: 20, NULL);
        random_hashx (12, few_buckets);
        random_msg ();
    }
    return 0;
}
