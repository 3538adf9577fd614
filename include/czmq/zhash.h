/*  zhash: a hash table from strings to pointers, or to strings that it owns.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZHASH_H_INCLUDED
#define ZGOSSIP_CZMQ_ZHASH_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

typedef void (zhash_free_fn) (void *data);

struct _zhash_t {
    zhashx_t *entries;
};

static inline zhash_t *
zhash_new (void)
{
    zhash_t *self = (zhash_t *) zmalloc (sizeof (zhash_t));
    self->entries = zhashx_new ();
    return self;
}

static inline int
zhash_insert (zhash_t *self, const char *key, void *item)
{
    assert (self && key);
    return zhashx_insert (self->entries, key, item);
}

static inline void
zhash_update (zhash_t *self, const char *key, void *item)
{
    assert (self && key);
    zhashx_update (self->entries, key, item);
}

static inline void
zhash_delete (zhash_t *self, const char *key)
{
    assert (self && key);
    zhashx_delete (self->entries, key);
}

static inline void *
zhash_lookup (zhash_t *self, const char *key)
{
    assert (self && key);
    return zhashx_lookup (self->entries, key);
}

static inline int
zhash_rename (zhash_t *self, const char *old_key, const char *new_key)
{
    assert (self && old_key && new_key);
    return zhashx_rename (self->entries, old_key, new_key);
}

static inline void *
zhash_freefn (zhash_t *self, const char *key, zhash_free_fn free_fn)
{
    assert (self && key);
    return zhashx_freefn (self->entries, key, free_fn);
}

static inline size_t
zhash_size (zhash_t *self)
{
    assert (self);
    return zhashx_size (self->entries);
}

static inline zlist_t *
zhash_keys (zhash_t *self)
{
    zlist_t *keys;
    zgc_entry_t *entry;
    assert (self);
    keys = zlist_new ();
    zlist_autofree (keys);
    for (entry = self->entries->first; entry; entry = entry->next)
        zlist_append (keys, entry->key);
    return keys;
}

static inline void *
zhash_first (zhash_t *self)
{
    assert (self);
    return zhashx_first (self->entries);
}

static inline void *
zhash_next (zhash_t *self)
{
    assert (self);
    return zhashx_next (self->entries);
}

static inline const char *
zhash_cursor (zhash_t *self)
{
    assert (self);
    return (const char *) zhashx_cursor (self->entries);
}

static inline void
zhash_autofree (zhash_t *self)
{
    assert (self);
    zhashx_set_duplicator (self->entries, zgc_copy_string);
    zhashx_set_destructor (self->entries, zgc_free_string);
}

//  Copies a table whose items are strings, with copies of them.
static inline zhash_t *
zhash_dup (zhash_t *self)
{
    zhash_t *copy;
    zgc_entry_t *entry;
    if (!self)
        return NULL;
    copy = zhash_new ();
    zhash_autofree (copy);
    for (entry = self->entries->first; entry; entry = entry->next)
        zhash_insert (copy, (const char *) entry->key, entry->item);
    return copy;
}

static inline int
zhash_save (zhash_t *self, const char *filename)
{
    zgc_entry_t *entry;
    FILE *file;
    assert (self && filename);
    file = fopen (filename, "w");
    if (!file)
        return -1;
    for (entry = self->entries->first; entry; entry = entry->next)
        fprintf (file, "%s=%s\n", (const char *) entry->key, (const char *) entry->item);
    return fclose (file)? -1: 0;
}

//  Loads lines of "key=value"; other lines, and those that begin with "#", are ignored.
static inline int
zhash_load (zhash_t *self, const char *filename)
{
    char line [1024];
    FILE *file;
    assert (self && filename);
    zhash_autofree (self);
    file = fopen (filename, "r");
    if (!file)
        return -1;
    while (fgets (line, sizeof (line), file)) {
        char *equals = strchr (line, '=');
        if (line [0] == '#' || !equals || equals == line)
            continue;
        line [strcspn (line, "\n")] = 0;
        *equals = 0;
        zhash_update (self, line, equals + 1);
    }
    fclose (file);
    return 0;
}

static inline void
zhash_destroy (zhash_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zhashx_destroy (&(*self_p)->entries);
        free (*self_p);
        *self_p = NULL;
    }
}

#ifdef __cplusplus
}
#endif

#endif
